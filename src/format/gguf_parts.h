/* gguf_parts.h -- a model in several GGUF files: NAME-00001-of-00003.gguf and so on.
 *
 * Each part says split.no (from 0), split.count, and split.tensors.count, the number of tensors of all parts.
 * The first has the keys of the model; tensors are spread over all. */
#ifndef FORMAT_GGUF_PARTS_H
#define FORMAT_GGUF_PARTS_H

#include "format/gguf.h"

enum { GGUF_MAX_PARTS = 9999 };

typedef struct gguf_parts {
    gguf  **part; /* the first has the keys */
    int64_t n;
} gguf_parts;

/* Opens the file, and where its name is that of a part all the others, which lie beside it; any of them may
 * be named. A part that is missing or of another split is an error that names it. */
int           gguf_parts_open(gguf_parts *out, const char *path, err *e);
void          gguf_parts_close(gguf_parts *p);
const tensor *gguf_parts_find(const gguf_parts *p, const char *name); /* NULL: not there */

/* Whether name ends in -00001-of-00003.gguf or the like; then *number counts from 1 and *stem is the length
 * of what comes before the dash. */
bool gguf_part_name(const char *name, size_t *stem, int64_t *number, int64_t *count);

#endif
