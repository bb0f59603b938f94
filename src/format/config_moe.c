/* config_moe.c -- mixtures of experts: how many there are, how many see a token, which layers have them.
 *
 * Mixtral: num_local_experts, num_experts_per_tok; every layer, experts as wide as intermediate_size. Qwen:
 * num_experts, moe_intermediate_size, shared_expert_intermediate_size, norm_topk_prob; layers that
 * decoder_sparse_step and mlp_only_layers leave. GGUF: expert_count, expert_used_count,
 * expert_feed_forward_length, expert_shared_feed_forward_length. */
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
    }
    check(c, s->where, s->e);
}
