/* arch.h -- what an architecture file writes: the forward list, once, for every kind of step.
 *
 * An architecture is one file NAME.c with a forward function, `const arch arch_NAME`, and a row in
 * format/families.h. It speaks of embed, norm, project, attend and head; LoRA, weight types, caches and
 * devices are not its business: project() puts the adapter on, attend() chooses between documents and cache.
 * Module names are Hugging Face's. What it asks for, with which shape, is what a checkpoint has to hold
 * (model/check.c). */
#ifndef MODEL_ARCH_H
#define MODEL_ARCH_H

#include "model/adapter.h"
#include "model/step.h"

typedef struct build build;

typedef struct arch {
    void (*forward)(build *b, const model_config *c);
} arch;

const arch *arch_find(const char *name); /* NULL: not supported */

typedef enum build_bias { NO_BIAS, BIAS } build_bias;

/* Everything below emits into the list being built. `layer` < 0: name is the whole module name; otherwise
 * name is relative to the family's blocks, "model.layers.<layer>." for most. */
val build_embed(build *b, const char *name);
void build_layer(build *b, int64_t layer); /* what follows belongs to this block; -1: to none */
/* RMSNorm over whole rows of x, or over each of its `heads`. */
val build_norm(build *b, val x, int64_t layer, const char *name, double eps);
val build_head_norm(build *b, val x, int heads, int64_t layer, const char *name, double eps);
/* Layer normalization, with a bias or without. */
val build_layernorm(build *b, val x, int64_t layer, const char *name, double eps, build_bias bias);
/* The same without weights. */
val build_layernorm_bare(build *b, val x, double eps);
/* The rows of a table of learned positions. */
val build_positions(build *b, const char *name);
/* The rows of a table of token types. */
val build_types(build *b, const char *name);
/* A projection outside the blocks: trained whole where the adapter says so, else the file's, with an adapter
 * if there is one. */
val build_dense(build *b, val x, const char *name, int64_t out);
/* The same for the last ones of a classifier, which never carry a low-rank adapter. */
val build_head_dense(build *b, val x, const char *name, int64_t out, build_bias bias);
/* The outputs of a classifier, and its loss. */
void build_outputs(build *b, val x, const char *name, build_bias bias);
model_task build_task(const build *b);
/* What stands between the projections of a feed-forward block: the configuration's activation, or another. */
val build_act(build *b, val x);
val build_act_as(build *b, val x, config_act act);
/* x W^T + bias, with the adapter if there is one. */
val build_project(build *b, val x, int64_t layer, const char *name, int64_t out, build_bias bias);
/* The same for other rows, once more through a module that it has been called for: one weight, one adapter. */
val build_project_again(build *b, val x, int64_t layer, const char *name, int64_t out, build_bias bias);
/* Rows of x (rows, k in), sorted by expert, each through its own expert's matrix <list>.<e>.<name>, with
 * adapters. */
val build_experts(build *b, val x, const routing *to, int64_t layer, const char *list, const char *name,
                  int64_t out);
/* q, k of `heads` heads turned by their positions; layers whose window is limited may have a base of their
 * own. */
val build_rope(build *b, val x, int heads, int64_t layer);
/* o of q, k and v: scale, window and soft cap of the configuration. */
val build_attend(build *b, int64_t layer, val q, val k, val v, int heads, int kv_heads);
/* x with the dropout of that kind: in a list of training for which it was asked, if the configuration names a
 * probability for it; else x. build_attend() and its like see to DROP_SCORES. */
val build_dropout(build *b, val x, dropout_kind kind);
/* All rows of a table, (rows, width), of a list's own. */
val build_rows(build *b, const char *name, int64_t rows, int64_t width);
/* For each label the mean of the rows of its text. */
val build_text_means(build *b, val x);
/* The rows that carry a label (or whose logits are wanted), then the head over them. */
val build_label_rows(build *b, val x);
void build_head(build *b, val x, const char *weight);
prog *build_prog(build *b);

#endif
