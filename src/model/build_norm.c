/* build_norm.c -- what models with layer norms are written with besides the parts in build.c: those norms,
 * learned positions, activations of one input. */
#include "model/build.h"

val build_layernorm(build *b, val x, int64_t layer, const char *name, double eps, build_bias bias)
{
    const char *module = build_module(b, layer, name);
    const int64_t n = b->p->v[x].s.d[1];
    val w = build_frozen(b, module, "weight", 0, n);
    val added = bias == BIAS ? build_frozen(b, module, "bias", 0, n) : NONE;
    const double offset = b->m->config->norm_offset;
    if (offset != 0) {
        float *to;
        tensor *t = build_own(b, "weight", 1, n, 1, &to);
        if (!b->census) tensor_decode(b->p->v[w].w, 0, 0, n, to);
        for (int64_t k = 0; k < n; k++) to[k] += (float)offset;
        w = prog_frozen(b->p, t);
    }
    return op_layernorm(b->p, x, w, added, eps);
}

val build_layernorm_bare(build *b, val x, double eps)
{
    const int64_t n = b->p->v[x].s.d[1];
    float *one;
    tensor *t = build_own(b, "ones", 1, n, 1, &one);
    for (int64_t k = 0; k < n; k++) one[k] = 1;
    return op_layernorm(b->p, x, prog_frozen(b->p, t), NONE, eps);
}

val build_positions(build *b, const char *name)
{
    const model_config *c = b->m->config;
    val table = build_frozen(b, name, "weight", c->positions, build_table_width(c));
    return op_embed_from(b->p, b->positions, table, c->position_offset);
}

val build_act(build *b, val x) { return build_act_as(b, x, b->m->config->act); }

val build_act_as(build *b, val x, config_act act)
{
    static const activation_kind kind[] = {
        [CONFIG_GELU] = ACT_GELU, [CONFIG_GELU_TANH] = ACT_GELU_TANH, [CONFIG_RELU] = ACT_RELU,
        [CONFIG_RELU2] = ACT_RELU2};
    BUG_IF(act == CONFIG_SILU);
    return op_activation(b->p, x, kind[act]);
}
