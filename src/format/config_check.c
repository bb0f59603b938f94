/* config_check.c -- the checks that every configuration goes through, whichever file it comes from: no number that
 * shapes or the rest of the program could not bear. */
#include "format/config_check.h"

#include <math.h>

/* A count that has to be at least 1 and at most `most`. */
static int bounded(const char *what, int64_t n, int64_t most, const char *where, err *e)
{
    if (n >= 1 && n <= most) return OK;
    return fail(e, E_FORMAT, "%s: %s is %lld; it has to be between 1 and %lld", where, what, (long long)n,
                (long long)most);
}

static int check_scales(const model_config *c, const char *where, err *e)
{
    if (!(c->attention_cap >= 0 && isfinite(c->attention_cap) && c->final_cap >= 0 && isfinite(c->final_cap)))
        return fail(e, E_FORMAT, "%s: soft caps of %g and %g make no sense", where, c->attention_cap,
                    c->final_cap);
    if (!(c->attention_scale > 0 && isfinite(c->attention_scale)))
        return fail(e, E_FORMAT, "%s: attention scores scaled by %g make no sense", where,
                    c->attention_scale);
    const double scale[] = {c->embed_scale, c->head_scale, c->residual_scale};
    for (size_t i = 0; i < sizeof scale / sizeof *scale; i++)
        if (!(scale[i] > 0 && isfinite(scale[i])))
            return fail(e, E_FORMAT, "%s: embeddings, halves of blocks or logits scaled by %g make no sense",
                        where, scale[i]);
    if (!(c->qkv_most >= 0 && isfinite(c->qkv_most)))
        return fail(e, E_FORMAT, "%s: q, k and v within +-%g make no sense", where, c->qkv_most);
    if (!(c->alibi >= 0 && c->alibi <= 64))
        return fail(e, E_FORMAT, "%s: ALiBi positions with a last slope of 2^-%g make no sense", where, c->alibi);
    if (c->alibi > 0 && c->kv_heads != c->heads)
        return fail(e, E_UNSUPPORTED, "%s: ALiBi positions with %lld heads over %lld keys are not supported", where,
                    (long long)c->heads, (long long)c->kv_heads);
    if (c->window < 0 || c->window > INT32_MAX)
        return fail(e, E_FORMAT, "%s: a window of %lld positions makes no sense", where,
                    (long long)c->window);
    return OK;
}

int config_check(const model_config *c, const char *where, err *e)
{
    enum { WIDTH = 1 << 20, HEADS = 1 << 16, VOCAB = 1 << 26, CONTEXT = 1 << 28 };
    int code = bounded("the number of layers", c->layers, CONFIG_MAX_LAYERS, where, e);
    if (code == OK) code = bounded("the width", c->width, WIDTH, where, e);
    if (code == OK) code = bounded("the number of heads", c->heads, HEADS, where, e);
    if (code == OK) code = bounded("the number of key and value heads", c->kv_heads, HEADS, where, e);
    if (code == OK) code = bounded("the size of a head", c->head_dim, HEADS, where, e);
    if (code == OK) code = bounded("the width of the feed-forward block", c->ffn, 1 << 22, where, e);
    if (code == OK) code = bounded("the vocabulary", c->vocab, VOCAB, where, e);
    if (code == OK) code = bounded("the context", c->context, CONTEXT, where, e);
    if (code == OK && c->types) code = bounded("the number of token types", c->types, 1 << 16, where, e);
    if (code == OK && c->positions)
        code = bounded("the number of positions", c->positions, CONTEXT + 2, where, e);
    if (code == OK && c->positions && !(c->position_offset >= 0 && c->position_offset < c->positions))
        return fail(e, E_FORMAT, "%s: position 0 in row %lld of a table of %lld makes no sense", where,
                    (long long)c->position_offset, (long long)c->positions);
    if (code == OK && c->embed_width)
        code = bounded("the width of the embedding", c->embed_width, WIDTH, where, e);
    if (code != OK) return code;
    if (c->heads % c->kv_heads)
        return fail(e, E_FORMAT, "%s: %lld heads cannot share %lld key and value heads", where,
                    (long long)c->heads, (long long)c->kv_heads);
    if (c->head_dim % 2)
        return fail(e, E_FORMAT, "%s: heads of %lld numbers cannot be rotated in pairs", where,
                    (long long)c->head_dim);
    if (c->rotary_dim < 2 || c->rotary_dim > c->head_dim || c->rotary_dim % 2)
        return fail(e, E_FORMAT, "%s: %lld numbers of a head of %lld cannot be rotated in pairs", where,
                    (long long)c->rotary_dim, (long long)c->head_dim);
    if (c->rotary_dim < 4 && (c->rope.kind == ROPE_DYNAMIC || c->rope.kind == ROPE_LONG))
        return fail(e, E_FORMAT, "%s: rotary positions of one pair cannot be scaled by the length", where);
    if (!(c->rope.theta > 0 && isfinite(c->rope.theta) && c->local_theta >= 0 && isfinite(c->local_theta)))
        return fail(e, E_FORMAT, "%s: a rope base of %g makes no sense", where,
                    c->local_theta >= 0 ? c->rope.theta : c->local_theta);
    if (!(c->rms_eps >= 0 && c->rms_eps < 1))
        return fail(e, E_FORMAT, "%s: a norm epsilon of %g makes no sense", where, c->rms_eps);
    return check_scales(c, where, e);
}
