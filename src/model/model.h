/* model.h -- a checkpoint ready to be built into lists: configuration, weights in the types they are to be
 * trained in, and the names of its projections.
 *
 * Requantization at load (`quantization`) touches what bitsandbytes would: the projections of the blocks.
 * Embedding, head and norms stay as the file has them; "none" converts everything, "bf16" and "f16" all
 * matrices. What is not converted stays a view of the mapped file. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include "base/pool.h"
#include "format/checkpoint.h"
#include "model/keep.h"
#include "op/op.h"

/* A projection that an adapter can be put on, in forward order. */
typedef struct model_linear {
    const char *name; /* "model.layers.0.self_attn.q_proj" */
    int64_t in, out;
    int64_t expert; /* which of a mixture: those above 0 follow the one before; 0 also: of none */
} model_linear;

/* A projection outside the blocks that may be trained whole instead of adapted: a pooler, a classifier. It
 * may be missing in the file, or be there in another shape. */
typedef struct model_dense {
    const char *name; /* "bert.pooler.dense" */
    int64_t in, out;
    bool bias;
} model_dense;

/* What a model is used for. PEFT's names: CAUSAL_LM, SEQ_CLS, TOKEN_CLS. */
typedef enum model_task { TASK_CAUSAL_LM, TASK_SEQ_CLS, TASK_TOKEN_CLS } model_task;

/* The head of a classifier: its loss and its outputs, one a class (or 1, a value). */
typedef struct model_head {
    model_task task;
    objective_kind objective;
    int64_t outputs;
} model_head;

typedef struct model {
    checkpoint *file;
    const model_config *config;
    const weights *weights;
    const struct arch *arch;
    model_linear *linear;
    int64_t linears;
    model_dense *dense; /* in forward order; none in a language model */
    int64_t denses;
    model_head head;
    int64_t parameters; /* of the base, each tensor once */
    filemap kept; /* quantized weights of an earlier process */
    size_t kept_bytes;
    arena mem;
} model;

typedef enum model_absmax { MODEL_DOUBLE_QUANT, MODEL_SINGLE_QUANT } model_absmax;

/* quantization: "as-is", "none" (f32), "bf16", "f16", or a quantized type ("nf4", "fp4", "int8", "q8_0",
 * ...). Works on `team` when it is not NULL. Every tensor is checked against the configuration first. */
int model_open(model **out, const char *path, const char *quantization, model_absmax absmax, pool *team,
               err *e);
/* The same for a classifier. E_UNSUPPORTED for a head that the family does not have. */
int model_open_for(model **out, const char *path, const char *quantization, model_absmax absmax,
                   const model_head *head, pool *team, err *e);
/* The same with quantized weights kept on disk, or taken from there when they were kept. keep may be NULL. */
int model_open_keeping(model **out, const char *path, const char *quantization, model_absmax absmax,
                       const model_head *head, model_keep *keep, pool *team, err *e);
void model_close(model *m); /* NULL is fine */

/* Whether the file holds that module, in the shape that is asked for. */
bool model_has_dense(const model *m, const model_dense *d);

/* Compares the tensors of m->file with those that m->arch asks for: missing ones, other shapes, types that
 * cannot be weights and tensors nobody will use are errors that name them. Ignored are the rotary inv_freq
 * buffers of old files, and lm_head.weight of a tied model when it equals the embedding. model_open() does
 * this. */
int model_check(const model *m, err *e);
/* The checkpoint at `path` with its architecture, not yet checked nor converted: what model_open() begins
 * with. */
int model_open_unchecked(model **out, const char *path, err *e);
const char *model_task_name(model_task t); /* "SEQ_CLS" */

/* Why a result is not finite, when it is the weights: E_NUMERIC naming the file and the first tensor that
 * holds a NaN or an infinity, OK when there is none. Reads every weight. */
int model_check_finite(const model *m, err *e);

/* The most tokens of a document: the rows of the table of learned positions, or INT64_MAX. */
int64_t model_longest(const model *m);

/* Bytes of the weights: those converted, of which the process holds what it did not find on disk, and those that
 * stay in the model's mapped file. */
size_t model_bytes_owned(const model *m);
size_t model_bytes_held(const model *m);
size_t model_bytes_mapped(const model *m);

#endif
