/* adapter.h -- the trained matrices: which projections carry them, their values and their gradients.
 *
 * All A and B lie end to end in one array `param` (and likewise `grad`), module after module, A (r, in)
 * before B (out, r), so the optimizer, clipping and checkpoints are passes over one array.
 *
 * Saved, an adapter names the base it was trained on: "base_fingerprint" in the metadata of
 * adapter_model.safetensors is checkpoint_fingerprint() of that. */
#ifndef MODEL_ADAPTER_H
#define MODEL_ADAPTER_H

#include "format/peft.h"
#include "model/model.h"

typedef struct adapter_module {
    const char *name; /* the projection's */
    int64_t in, out, r;
    double scale; /* alpha / r, or alpha / sqrt(r) with rsLoRA, after the patterns */
    size_t a, b;  /* offsets into param and grad, in floats */
} adapter_module;

/* A parameter of a module that is trained whole (PEFT: modules_to_save). */
typedef struct adapter_whole {
    const char *name;   /* "classifier.weight" */
    int64_t rows, cols; /* of a bias: 1 and its length */
    bool bias;
    size_t at;          /* offset into param and grad, in floats */
} adapter_whole;

typedef struct adapter {
    peft_config config; /* as it will be saved; targets are the ones asked for */
    adapter_module *module;
    int64_t modules;
    adapter_whole *whole; /* after all modules */
    int64_t wholes;
    size_t count; /* trained parameters */
    float *param, *grad;
    const char *older; /* what older files call the modules of a text model beside what sees; NULL: it stands alone */
    char base[17]; /* fingerprint of the base it was trained on; "": the file does not say */
    arena mem;
} adapter;

/* A fresh adapter: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5, as PEFT), B zero; the same numbers for
 * the same seed. config->targets as in PEFT: suffixes, one regular expression, or "all-linear". Every entry,
 * and every key of a pattern, has to match something; else the message lists the projections there are. The
 * config is copied. Modules to be trained whole begin as the base has them, or where it does not, with normal
 * numbers of deviation 0.02 and a bias of zeros, as transformers makes a new head. */
int adapter_new(adapter **out, const model *m, const peft_config *config, uint64_t seed, err *e);

/* The adapter saved in a PEFT folder. Missing, unexpected or misshapen tensors are errors that name them. */
int adapter_open(adapter **out, const model *m, const char *folder, err *e);
void adapter_close(adapter *a); /* NULL is fine */

/* From now on it is an adapter of this base. */
void adapter_set_base(adapter *a, const model *m);

/* Index of the module of that name, -1 when it carries no adapter. */
int64_t adapter_find(const adapter *a, const char *name);

/* Index of a parameter of a module trained whole ("weight" or "bias"), -1 when it is not. */
int64_t adapter_find_whole(const adapter *a, const char *module, const char *leaf);

/* The head of a classifier has to come from somewhere: E_USAGE names a module that neither the base has nor
 * the adapter (NULL: none) trains. */
int adapter_check_head(const adapter *a, const model *m, err *e);

/* Writes adapter_config.json and adapter_model.safetensors in type t (F32, F16, BF16). */
int adapter_save(const adapter *a, const char *folder, dtype t, err *e);

#endif
