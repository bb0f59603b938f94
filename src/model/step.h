/* step.h -- a list of a model, planned, bound to memory and ready to run: what training, evaluation and
 * generation all drive.
 *
 * Kinds: STEP_TRAIN leaves the loss, per-label results and adds to adapter->grad; STEP_EVAL leaves the loss
 * and per-label results; STEP_GENERATE runs token rows of several sequences against a cache and leaves the
 * logits of the rows asked for. Everything a step needs is allocated when it is made; running allocates
 * nothing. */
#ifndef MODEL_STEP_H
#define MODEL_STEP_H

#include "kernel/device.h"
#include "model/adapter.h"
#include "plan/plan.h"

typedef enum step_kind { STEP_TRAIN, STEP_EVAL, STEP_GENERATE } step_kind;

typedef struct step_size {
    int64_t tokens;  /* the most token rows of one run */
    int64_t labels;  /* the most labelled rows (GENERATE: rows whose logits are wanted) */
    int64_t slots;   /* GENERATE: sequences in the cache ... */
    int64_t context; /* ... and positions of each */
    int64_t source;  /* with an encoder: the most rows of it of one run ... */
    int64_t source_context; /* ... GENERATE: and of one sequence */
    plan_keep keep;  /* TRAIN: what the backward computes again */
    int redo_blocks;
    bool base_dropout; /* TRAIN: with the dropout that the configuration names (config_check_dropout()) */
} step_size;

/* What one run is fed. Arrays belong to the caller and are copied into the step's inputs. */
typedef struct step_input {
    int64_t tokens, labels;
    const int32_t *ids, *positions; /* (tokens) */
    const int32_t *start;           /* (tokens) TRAIN, EVAL: first row of the row's document */
    const int32_t *slot;            /* (tokens) GENERATE: sequence in the cache */
    const int32_t *gather;          /* (labels) token rows whose next token is asked for, increasing */
    const int32_t *target;          /* (labels) TRAIN, EVAL */
    const float *values;            /* (labels, outputs) instead, of a head for numbers or several */
    const int32_t *types;           /* (tokens) token types, where the model has them; NULL: all 0 */
    const float *weight;            /* (labels) TRAIN, EVAL: loss = sum of weight * cross entropy */
    /* of an encoder beside a decoder */
    int64_t source;              /* its rows; GENERATE: of sequences that begin, none in most runs */
    const int32_t *source_ids;   /* (source) */
    const int32_t *source_start; /* (source) first row of the row's document */
    const int32_t *source_place; /* (source) GENERATE: slot * source_context + position */
    const int32_t *seen; /* (tokens, 2) rows of the source that the row sees, the second not among them; GENERATE:
                            places */
} step_input;

typedef struct step step;

/* adapter may be NULL (base alone) and must outlive the step. Errors: E_MEMORY, with what is needed. */
int step_new(step **out, const model *m, adapter *a, step_kind kind, const step_size *size, device *d,
             err *e);
void step_free(step *s); /* NULL is fine */

/* key: the stream of random numbers for dropout of this run (TRAIN). */
void step_run(step *s, const step_input *in, uint64_t key);

/* Results of the last run; they stay until the next. */
double step_loss(const step *s);
const float *step_cross_entropy(const step *s); /* (labels) */
const float *step_hits(const step *s);          /* (labels) 1 where the target was the likeliest token */
const float *step_logits(const step *s); /* GENERATE: (labels, vocab); classifiers: (labels, outputs) */
/* TRAIN: a value or gradient that is not finite, named by module, or NULL: for the message of a NaN. */
const char *step_not_finite(const step *s);

/* Memory, known before anything is allocated and used to report it. */
typedef struct step_memory {
    size_t slab, workspace, inputs, cache;
} step_memory;
void step_measure(step_memory *out, const model *m, const adapter *a, step_kind kind, const step_size *size,
                  device *d);
step_memory step_memory_of(const step *s);

/* Sets keep and redo_blocks of a TRAIN step to the least recomputation with which slab, scratch and inputs
 * take at most `most` bytes; to the smallest slab there is where none does. All give the same bits. */
void step_fit(step_size *size, const model *m, const adapter *a, device *d, size_t most);

const prog *step_list(const step *s);        /* to print, judge and count */
double step_operations(const step *s);       /* floating-point operations of the last run's rows */
void step_profile(step *s, double *seconds); /* NULL, or [2 * OP_COUNT], added to by every run */

#endif
