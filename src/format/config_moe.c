/* config_moe.c -- mixtures of experts: how many there are, how many see a token, which layers have them.
 *
 * Mixtral: num_local_experts, num_experts_per_tok; every layer, experts as wide as intermediate_size. Qwen:
 * num_experts, moe_intermediate_size, shared_expert_intermediate_size, norm_topk_prob; layers that
 * decoder_sparse_step and mlp_only_layers leave. GGUF: expert_count, expert_used_count,
 * expert_feed_forward_length, expert_shared_feed_forward_length; expert_weights_norm, expert_weights_scale
 * and expert_gating_func (1: softmax; 0 of either of the two: not told) say how experts are weighed. */
#include "format/config_check.h"

enum { EXPERTS = 1024, WIDTH = 1 << 22 };

static int check(const model_config *c, const char *where, err *e)
{
    if (e->code != OK) return e->code;
    if (c->experts < 1 || c->experts > EXPERTS || c->experts_used < 1 || c->experts_used > c->experts)
        return fail(e, E_FORMAT, "%s: %lld of %lld experts make no sense (at most %d)", where,
                    (long long)c->experts_used, (long long)c->experts, EXPERTS);
    if (c->expert_ffn < 1 || c->expert_ffn > WIDTH || c->shared_ffn < 0 || c->shared_ffn > WIDTH)
        return fail(e, E_FORMAT, "%s: experts of width %lld and %lld make no sense", where,
                    (long long)c->expert_ffn, (long long)c->shared_ffn);
    return OK;
}

static int read_dense(model_config *c, const json_t *o, const char *where, err *e)
{
    const int64_t step = json_int(o, "decoder_sparse_step", 1, where, e);
    if (e->code == OK && step < 1)
        return fail(e, E_FORMAT, "%s: \"decoder_sparse_step\" has to be at least 1", where);
    for (int64_t l = 0; e->code == OK && l < c->layers && l < CONFIG_MAX_LAYERS; l++)
        if ((l + 1) % step != 0) config_mark(c->dense, l);
    const json_t *list = json_object_get(o, "mlp_only_layers"), *v;
    size_t i;
    json_array_foreach(list, i, v) {
        const int64_t l = json_integer_value(v);
        if (!json_is_integer(v) || l < 0 || l >= CONFIG_MAX_LAYERS)
            return fail(e, E_FORMAT, "%s: \"mlp_only_layers\" has to be a list of layers", where);
        config_mark(c->dense, l);
    }
    return e->code;
}

static void read_json(model_config *c, const json_t *o, const char *where, err *e)
{
    const long long local = json_int(o, "num_local_experts", 0, where, e);
    c->experts = json_int(o, "num_experts", local, where, e);
    c->experts_used = json_int(o, "num_experts_per_tok", c->family->norm_topk ? 2 : 0, where, e);
    c->expert_ffn = json_int(o, "moe_intermediate_size", c->ffn, where, e);
    c->shared_ffn = json_int(o, "shared_expert_intermediate_size", 0, where, e);
    c->norm_topk = json_flag(o, "norm_topk_prob", c->family->norm_topk, where, e);
    read_dense(c, o, where, e);
}

/* Experts are weighed by a softmax, whose weights are used as they are or made to add up to 1, by the
 * family. */
static int refuse_weighing(const model_config *c, const family_source *s)
{
    char key[128];
    snprintf(key, sizeof key, "%s.expert_weights_norm", c->family->gguf);
    const bool norm = gguf_flag(s->gguf, key, c->norm_topk, s->e);
    const double scale = config_gguf_num(c, s, "expert_weights_scale", 1);
    const int64_t gating = config_gguf_int(c, s, "expert_gating_func", 1);
    if (s->e->code != OK) return s->e->code;
    if (norm != c->norm_topk)
        return fail(s->e, E_UNSUPPORTED, "%s: weights of experts that %s to 1 (%s) are not supported for %s",
                    s->where, norm ? "add up" : "do not add up", key, c->architecture);
    if (scale != 0 && scale != 1)
        return fail(s->e, E_UNSUPPORTED,
                    "%s: weights of experts multiplied by %g (%s.expert_weights_scale) are not supported",
                    s->where, scale, c->family->gguf);
    if (gating != 0 && gating != 1)
        return fail(s->e, E_UNSUPPORTED,
                    "%s: experts weighed by a function of kind %lld (%s.expert_gating_func) are not "
                    "supported; 1, a softmax, is",
                    s->where, (long long)gating, c->family->gguf);
    return OK;
}

void config_read_experts(model_config *c, const family_source *s)
{
    if (s->json) {
        read_json(c, s->json, s->where, s->e);
    } else {
        c->experts = config_gguf_int(c, s, "expert_count", 0);
        c->experts_used = config_gguf_int(c, s, "expert_used_count", 0);
        c->expert_ffn = config_gguf_int(c, s, "expert_feed_forward_length", c->ffn);
        c->shared_ffn = config_gguf_int(c, s, "expert_shared_feed_forward_length", 0);
        c->norm_topk = c->family->norm_topk || c->family->gguf_norm_topk;
        refuse_weighing(c, s);
    }
    check(c, s->where, s->e);
}
