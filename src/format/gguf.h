/* gguf.h -- reads GGUF version 2 and 3, little-endian: a table of typed keys, then tensors.
 *
 *   "GGUF"  u32 version  u64 tensors  u64 keys
 *   keys    x { string key, u32 type, value }            string: u64 length, bytes
 *   tensors x { string name, u32 dims, u64 dim[dims] (fastest first), u32 type, u64 offset }
 *   padding to general.alignment (32 unless the key says else)
 *   data    tensor at `offset` from here, every offset a multiple of the alignment
 *   value   a scalar, a string, or an array: u32 type, u64 count, items
 *
 * The file is mapped and indexed in one pass over its header; no tensor data is touched and no
 * string is copied but the tensors' names. Everything handed out lives as long as the gguf.
 * Source of the layout: docs/gguf.md of the ggml project. */
#ifndef FORMAT_GGUF_H
#define FORMAT_GGUF_H

#include "base/str.h"
#include "tensor/tensor.h"

typedef struct gguf gguf;

/* Not NUL-terminated; points into the file. p is NULL when there is none. */
typedef struct gguf_text {
    const char *p;
    size_t      n;
} gguf_text;

typedef enum gguf_type {
    GGUF_U8, GGUF_I8, GGUF_U16, GGUF_I16, GGUF_U32, GGUF_I32, GGUF_F32, GGUF_BOOL, GGUF_STRING, GGUF_ARRAY,
    GGUF_U64, GGUF_I64, GGUF_F64,
    GGUF_TYPE_COUNT
} gguf_type;

/* E_IO, E_FORMAT (damaged), E_UNSUPPORTED (version 1, big-endian, a tensor type that is not read). */
int  gguf_open(gguf **out, const char *path, err *e);
/* The same over n bytes that the caller keeps; data aligned to 8. `where` names them in messages. */
int  gguf_parse(gguf **out, const uint8_t *data, size_t n, const char *where, err *e);
void gguf_close(gguf *g); /* NULL is fine */

const char *gguf_path(const gguf *g);
int         gguf_version(const gguf *g);

/* Values by key. A missing key gives `otherwise`; a value of another kind sets e and gives
 * `otherwise`. Any integer type serves gguf_int (u64 above the range of int64 is an error), any
 * number gguf_num. */
bool      gguf_has(const gguf *g, const char *key);
int64_t   gguf_int(const gguf *g, const char *key, int64_t otherwise, err *e);
double    gguf_num(const gguf *g, const char *key, double otherwise, err *e);
bool      gguf_flag(const gguf *g, const char *key, bool otherwise, err *e);
gguf_text gguf_string(const gguf *g, const char *key, err *e); /* p NULL when absent */

/* Arrays: the number of items, -1 when the key is absent or not an array; then exactly n of them, in order. A
 * missing key, another number of items or items of another kind are errors. */
int64_t gguf_array_count(const gguf *g, const char *key);
int     gguf_array_texts(const gguf *g, const char *key, gguf_text *out, int64_t n, err *e);
int     gguf_array_floats(const gguf *g, const char *key, float *out, int64_t n, err *e);
int     gguf_array_ints(const gguf *g, const char *key, int64_t *out, int64_t n, err *e);

/* Tensors in file order, with GGUF names and dimensions reversed: dim[0] is the slowest, so that a
 * matrix is (out, in). pair_dim is 0: what the rows mean is for the caller to say. */
int64_t       gguf_tensor_count(const gguf *g);
const tensor *gguf_tensor_at(const gguf *g, int64_t i);
const tensor *gguf_tensor_find(const gguf *g, const char *name); /* NULL: not there */

/* All keys, in file order, for listings. For an array, `item` is the type of its items and `count`
 * their number; else item is the type itself and count 1. */
typedef struct gguf_key {
    gguf_text name;
    gguf_type type, item;
    uint64_t  count;
} gguf_key;
int64_t  gguf_key_count(const gguf *g);
gguf_key gguf_key_at(const gguf *g, int64_t i);
/* Appends value i as people read it: numbers, true/false, text quoted with control characters
 * escaped; long text and arrays cut after `limit` bytes or items with "...". */
void gguf_key_print(const gguf *g, int64_t i, size_t limit, str *out);

#endif
