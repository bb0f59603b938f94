/* gguf_file.h -- what gguf.c (the index) and gguf_value.c (the values) share; not for other files. */
#ifndef FORMAT_GGUF_FILE_H
#define FORMAT_GGUF_FILE_H

#include "base/file.h"
#include "format/gguf.h"

typedef struct gguf_entry {
    gguf_text      name;
    gguf_type      type, item; /* item: of an array's items, else type */
    uint64_t       count;      /* of an array's items, else 1 */
    const uint8_t *value;      /* the first item, checked to lie within the file with all that follow */
} gguf_entry;

struct gguf {
    filemap     map; /* empty when the bytes are the caller's */
    arena       mem;
    const char *path;
    int         version;
    gguf_entry *keys;
    int64_t     n_keys, *keys_by_name; /* indices in the order of the names */
    tensor     *tensors;
    int64_t     n_tensors, *tensors_by_name;
};

/* Bytes of a scalar of this type; 0 for strings, arrays and numbers that are no type. */
size_t gguf_scalar_bytes(uint32_t type);

uint32_t gguf_get_u32(const uint8_t *p);
uint64_t gguf_get_u64(const uint8_t *p);

/* The tensor types of GGUF: ours, DT_COUNT for one that is not read; its name in GGUF, NULL for a
 * number that GGUF does not define; and the number of ours, -1 for one that GGUF does not have. */
dtype       gguf_dtype(uint32_t ggml);
const char *gguf_dtype_name(uint32_t ggml);
int         gguf_dtype_number(dtype t);

#endif
