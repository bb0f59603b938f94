/* arch.h -- what an architecture file writes: the forward list, once, for every kind of step.
 *
 * An architecture is one file with a forward function and one row in arch.c. It speaks of embed, norm,
 * project, attend and head; LoRA, weight types, caches and devices are not its business: project() puts the
 * adapter on, attend() chooses between documents and cache. Module names are Hugging Face's. */
#ifndef MODEL_ARCH_H
#define MODEL_ARCH_H

#include "model/adapter.h"
#include "model/step.h"

typedef struct build build;

typedef struct arch {
    const char *name; /* model_config.architecture */
    void (*forward)(build *b, const model_config *c);
} arch;

const arch *arch_find(const char *name); /* NULL: not supported */

/* Everything below emits into the list being built. `layer` < 0: name is the whole module name; otherwise
 * name is relative to "model.layers.<layer>.". */
val build_embed(build *b, const char *name);
void build_layer(build *b, int64_t layer); /* what follows belongs to this block; -1: to none */
val build_norm(build *b, val x, int64_t layer, const char *name, double eps);
val build_project(build *b, val x, int64_t layer, const char *name, int64_t out);
/* q, k of `heads` heads turned by their positions, base theta. */
val build_rope(build *b, val x, int heads);
val build_attend(build *b, int64_t layer, val q, val k, val v, int heads, int kv_heads, int window,
                 double scale);
/* The rows that carry a label (or whose logits are wanted), then the head over them. */
val build_label_rows(build *b, val x);
void build_head(build *b, val x, const char *weight);
prog *build_prog(build *b);

#endif
