/* safetensors.h -- reads and writes safetensors files: tensors by name behind a JSON header.
 *
 *   u64 n (little-endian)  n bytes of JSON  data
 *   { "__metadata__": { string: string }, name: { "dtype": "F32", "shape": [2, 3],
 *     "data_offsets": [begin, end] } }      offsets count from the start of the data
 *
 * Invariants enforced on reading: n <= 100 MB; no name twice; sorted by offset the tensors fill the
 * data exactly, without holes or overlap, to the last byte of the file; end - begin is what type and
 * shape say. Source: the format description of the safetensors project. */
#ifndef FORMAT_SAFETENSORS_H
#define FORMAT_SAFETENSORS_H

#include "tensor/tensor.h"

typedef struct safetensors safetensors;

/* Maps the file; views live as long as it. E_UNSUPPORTED names a tensor of a type or rank (above 4)
 * that this program does not hold. */
int  safetensors_open(safetensors **out, const char *path, err *e);
/* The same over n bytes that the caller keeps. `where` names them in messages. */
int  safetensors_parse(safetensors **out, const uint8_t *data, size_t n, const char *where, err *e);
void safetensors_close(safetensors *s); /* NULL is fine */

const char *safetensors_path(const safetensors *s);

/* Views in the order of their data. data is aligned to the element: tensors of old files that do
 * not keep this are copied. A scalar has ndim 0. */
int64_t       safetensors_count(const safetensors *s);
const tensor *safetensors_at(const safetensors *s, int64_t i);
const tensor *safetensors_find(const safetensors *s, const char *name); /* NULL: not there */

/* __metadata__. */
typedef struct safetensors_pair {
    const char *key, *value;
} safetensors_pair;
int64_t          safetensors_metadata_count(const safetensors *s);
safetensors_pair safetensors_metadata_at(const safetensors *s, int64_t i);
const char      *safetensors_metadata(const safetensors *s, const char *key); /* NULL: not there */

/* Writes n tensors, whole or not at all, ordered by descending alignment of the type and then by
 * name, the header padded with spaces so that the data begins at a multiple of 8. pair_dim is undone:
 * rows are written in the order of Hugging Face. "format": "pt" is added to the metadata unless it is
 * there, since readers expect it. E_UNSUPPORTED for a type that safetensors does not have. */
int safetensors_write(const char *path, const tensor *tensors, int64_t n, const safetensors_pair *metadata,
                      int64_t n_metadata, err *e);

#endif
