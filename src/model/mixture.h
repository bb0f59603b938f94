/* mixture.h -- mixtures of experts: parts that the files of such families are written with. */
#ifndef MODEL_MIXTURE_H
#define MODEL_MIXTURE_H

#include "model/arch.h"

/* What a family calls its router, the list of its experts, and the three projections of one. */
typedef struct mixture_names {
    const char *router, *experts, *gate, *up, *down;
} mixture_names;

/* sum over the chosen e of weight_e down_e(silu(gate_e(h)) * up_e(h)): each expert computes on the rows that
 * chose it and no others. */
val mixture_experts(build *b, const model_config *c, int64_t layer, val h, const mixture_names *names);

/* Qwen's: those experts, and with a shared one sigma(shared_expert_gate(h)) shared_expert(h) more; or the
 * plain block where the configuration says that a layer has no experts. */
val mixture_qwen(build *b, const model_config *c, int64_t layer, val h);

#endif
