/* keep.h -- quantized weights on disk for the next process, which maps them instead of quantizing again.
 *
 * A file a model and type, FOLDER/TYPE-KEY.weights:
 *
 *   0    8  "lorac", two zeros, the version of this layout
 *   8    8  key
 *   16   8  hash of the tensors' arrays (tensor_arrays())
 *   24   8  bytes of the file
 *   32      zeros
 *   64      the tensors in the order of conversion, each as tensor_view() takes it
 *
 * The key is a hash of all that the result follows from: every byte of the tensors that are converted, their
 * types and shapes, what the program reads in a piece of each, the type asked for, and what its encoder makes
 * of a probe; so neither another model file under the old name nor a program that quantizes otherwise finds
 * old weights. No name, size or time of a file stands for its content, because reading is cheap: to hash is a
 * twenty-fifth of the work of quantizing. Nothing in a file is believed either: magic, key and size have to
 * be those expected, where everything lies follows from the model, and the hash is compared on every opening.
 * What does not fit is made again.
 *
 * Files are written under another name and renamed, so processes may write the same at once. Reading sets a
 * file's time; before one is written the oldest go until all together are at most as large as allowed. */
#ifndef MODEL_KEEP_H
#define MODEL_KEEP_H

#include "base/file.h"
#include "base/pool.h"
#include "tensor/stored.h"

typedef struct model_keep {
    const char *folder; /* made when it is missing */
    int64_t most;       /* bytes of all files together */
    int64_t least;      /* what is smaller is not worth a file */
    char said[512];     /* out: what is to be told, one line; "": nothing */
} model_keep;

/* Tensors that become another type. */
typedef struct keep_set {
    const tensor **from;
    tensor *to;
    int64_t n;
    dtype type;
    tensor_absmax absmax;
} keep_set;

/* Whether it is worth while: quantized types alone, for others are converted as fast as they are read. */
bool keep_wanted(const model_keep *k, const keep_set *s);

uint64_t keep_key(const keep_set *s, pool *team);

/* Fills s->to with views of the file of that key, which stays mapped in *map, and s->to[i].q from mem. False when
 * there is none, or none that is right (then k->said says so). */
bool keep_load(model_keep *k, const keep_set *s, uint64_t key, filemap *map, arena *mem, pool *team);

/* Writes s->to. A failure is told by k->said and nothing else. */
void keep_save(model_keep *k, const keep_set *s, uint64_t key, pool *team);

#endif
