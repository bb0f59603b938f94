/* gguf_write.h -- writes GGUF version 3 files: keys and tensors in the order they were put.
 *
 * The keys are copied as they are put; the tensors' data is read when the file is saved and has to
 * live until then. Layout: gguf.h. */
#ifndef FORMAT_GGUF_WRITE_H
#define FORMAT_GGUF_WRITE_H

#include "format/gguf.h"

typedef struct gguf_writer gguf_writer;

gguf_writer *gguf_writer_new(void);
void         gguf_writer_free(gguf_writer *w); /* NULL is fine */

void gguf_put_u32(gguf_writer *w, const char *key, uint32_t v);
void gguf_put_f32(gguf_writer *w, const char *key, float v);
void gguf_put_bool(gguf_writer *w, const char *key, bool v);
void gguf_put_string(gguf_writer *w, const char *key, const char *text);
void gguf_put_texts(gguf_writer *w, const char *key, const gguf_text *v, int64_t n);
void gguf_put_floats(gguf_writer *w, const char *key, const float *v, int64_t n);
void gguf_put_ints(gguf_writer *w, const char *key, const int32_t *v, int64_t n);
/* Copies a key with its value from a file that was read, whatever its type; general.alignment is left
 * out, since it speaks of that file's layout. */
void gguf_put_copy(gguf_writer *w, const gguf *from, int64_t i);

/* The name is copied. The bytes are written as they are stored: pair_dim says of them that they are
 * in GGUF's order already, and is otherwise ignored. */
void gguf_put_tensor(gguf_writer *w, const tensor *t);

/* Whole or not at all. E_UNSUPPORTED for a type that GGUF does not have (NF4, FP4, ...), E_USAGE for
 * a key or tensor put twice. */
int gguf_writer_save(const gguf_writer *w, const char *path, err *e);

#endif
