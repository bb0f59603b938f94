/* mixture.c -- see mixture.h. */
#include "model/decoder.h"
#include "model/mixture.h"

val mixture_experts(build *b, const model_config *c, int64_t layer, val h, const mixture_names *names)
{
    prog *p = build_prog(b);
    val logits = build_project(b, h, layer, names->router, c->experts, NO_BIAS);
    const routing to = op_route(p, logits, c->experts_used, c->norm_topk);
    val x = op_spread(p, h, &to);
    val gate = build_experts(b, x, &to, layer, names->experts, names->gate, c->expert_ffn);
    val up = build_experts(b, x, &to, layer, names->experts, names->up, c->expert_ffn);
    val y = op_swiglu(p, gate, up);
    return op_combine(p, build_experts(b, y, &to, layer, names->experts, names->down, c->width), &to);
}

static val shared_expert(build *b, const model_config *c, int64_t layer, val h)
{
    prog *p = build_prog(b);
    val gate = build_project(b, h, layer, "mlp.shared_expert.gate_proj", c->shared_ffn, NO_BIAS);
    val up = build_project(b, h, layer, "mlp.shared_expert.up_proj", c->shared_ffn, NO_BIAS);
    val y = op_swiglu(p, gate, up);
    y = build_project(b, y, layer, "mlp.shared_expert.down_proj", c->width, NO_BIAS);
    return op_rowgate(p, build_project(b, h, layer, "mlp.shared_expert_gate", 1, NO_BIAS), y);
}

val mixture_qwen(build *b, const model_config *c, int64_t layer, val h)
{
    static const mixture_names names = {"mlp.gate", "mlp.experts", "gate_proj", "up_proj", "down_proj"};
    if (!config_has_experts(c, layer)) return decoder_swiglu(b, c, layer, h);
    val y = mixture_experts(b, c, layer, h, &names);
    return c->shared_ffn ? op_add(build_prog(b), y, shared_expert(b, c, layer, h)) : y;
}
