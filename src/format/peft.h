/* peft.h -- LoRA adapters as PEFT keeps them: a folder of adapter_config.json and
 * adapter_model.safetensors.
 *
 * Names here are those of the base model's modules: "model.layers.0.self_attn.q_proj.lora_A.weight",
 * (r, in), and "...lora_B.weight", (out, r); the files' prefix "base_model.model." is taken off on
 * reading and put on by writing. Whatever would change the model's output and is not done by this
 * program (DoRA, trained biases, ...) is an error that names it. Modules that are saved whole keep their
 * names: "classifier.weight". */
#ifndef FORMAT_PEFT_H
#define FORMAT_PEFT_H

#include "base/json.h"
#include "format/safetensors.h"
#include "tensor/weights.h"

/* A list of strings; n 0 with p NULL when the key is null. */
typedef struct peft_list {
    const char *const *p;
    int64_t            n;
} peft_list;

typedef struct peft_pattern {
    const char *key;   /* the tail of a module path, as a regular expression */
    double      value; /* a whole number in rank_pattern */
} peft_pattern;

/* Strings belong to the peft it was read from, or to who filled it. */
typedef struct peft_config {
    int64_t             r;
    double              alpha, dropout;
    bool                rslora;             /* scale alpha / sqrt(r) instead of alpha / r */
    peft_list           targets;            /* module names or their tails; ... */
    const char         *target_regex;       /* ... or one expression for whole paths, or "all-linear" */
    peft_list           exclude;            /* the same two forms, checked first */
    const char         *exclude_regex;
    const int64_t      *layers;             /* layers_to_transform, NULL: all */
    int64_t             n_layers;
    peft_list           layers_pattern;
    const peft_pattern *rank_pattern, *alpha_pattern;
    int64_t             n_rank_pattern, n_alpha_pattern;
    const char         *base_model_name;    /* NULL: null */
    const char         *revision;           /* NULL: null */
    const char         *task_type;          /* NULL: null; "CAUSAL_LM" for what this program trains */
    const char         *init;               /* init_lora_weights as text: "true", "false", "gaussian", ... */
    peft_list           modules_to_save;    /* trained and saved whole beside the adapter */
    bool                fan_in_fan_out;     /* the base keeps its projections transposed */
    peft_list           unknown;            /* keys this program has never heard of, for a note */
} peft_config;

/* The same with copies of what it points to, on mem. */
peft_config peft_copy_config(arena *mem, const peft_config *from);

/* The rank and scale (alpha / r or alpha / sqrt(r)) of a module after the patterns: the first pattern that
 * matches wins. Negative with e set when a pattern is not a regular expression. `module` is a path
 * without ".lora_A.weight". */
int64_t peft_rank(const peft_config *c, const char *module, err *e);
double  peft_scale(const peft_config *c, const char *module, err *e);
/* PEFT's rule: the path matches (.*\.)?(KEY)$ from its beginning. 1, 0, or negative with e set. */
int     peft_pattern_fits(const char *key, const char *module, err *e);

/* Whether an entry of modules_to_save takes in a module: the path of it, or of what it is in, ends so. */
bool    peft_saves(const char *entry, const char *module);

typedef struct peft peft;

/* Opens a folder. Every A has its B, with the rank that the configuration gives the module. */
int                peft_open(peft **out, const char *folder, err *e);
void               peft_close(peft *p); /* NULL is fine */
const peft_config *peft_get_config(const peft *p);
const weights     *peft_weights(const peft *p);
/* Of the safetensors file; NULL: not there. */
const char        *peft_metadata(const peft *p, const char *key);

/* Writes the folder (made if it is not there) in type F32, F16 or BF16. `metadata` are extra pairs
 * for the safetensors file. Each of the two files is written whole or not at all, and the second
 * is given its name right after the first, once both are on the disk: together they are one adapter. */
int peft_save(const char *folder, const peft_config *config, const tensor *tensors, int64_t n, dtype type,
              const safetensors_pair *metadata, int64_t n_metadata, err *e);

#endif
