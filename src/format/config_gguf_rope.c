/* config_gguf_rope.c -- the rotary positions of a GGUF file: ARCHITECTURE.rope.*, and tensors of factors.
 *
 * Llama 3.1's scaling is a tensor rope_freqs.weight that each frequency is divided by, Phi-3's are two,
 * rope_factors_short.weight and rope_factors_long.weight; all of half the rotated part of a head. */
#include "format/config_check.h"

#include <math.h>
#include <string.h>

static bool equal(gguf_text t, const char *text) { return t.n == strlen(text) && !memcmp(t.p, text, t.n); }

static int read_factors(model_config *c, const family_source *s, const tensor *t, float *out)
{
    int64_t half = c->rotary_dim / 2;
    if (t->ndim != 1 || t->dim[0] != half || half > CONFIG_MAX_FACTORS || t->type != DT_F32)
        return fail(s->e, E_FORMAT, "%s: tensor %s has to be %lld numbers of type f32", s->where, t->name,
                    (long long)half);
    tensor_decode(t, 0, 0, half, out);
    for (int64_t k = 0; k < half; k++)
        if (!(out[k] > 0 && isfinite(out[k])))
            return fail(s->e, E_FORMAT, "%s: tensor %s has to hold positive numbers", s->where, t->name);
    c->rope.factors = half;
    return OK;
}

static int read_tensors(model_config *c, const family_source *s)
{
    const tensor *freqs = gguf_parts_find(s->parts, "rope_freqs.weight");
    const tensor *brief = gguf_parts_find(s->parts, "rope_factors_short.weight");
    const tensor *lengthy = gguf_parts_find(s->parts, "rope_factors_long.weight");
    rope_config *p = &c->rope;
    if (freqs) {
        p->kind = ROPE_FACTORS;
        return read_factors(c, s, freqs, p->short_factor);
    }
    if (!brief && !lengthy) return OK;
    if (!brief || !lengthy)
        return fail(s->e, E_FORMAT,
                    "%s: has only one of rope_factors_short.weight and rope_factors_long.weight", s->where);
    p->kind = ROPE_LONG;
    p->original = config_gguf_int(c, s, "rope.scaling.original_context_length", c->context);
    double factor = p->original > 0 ? (double)c->context / (double)p->original : 1;
    p->magnitude =
        config_gguf_num(c, s, "rope.scaling.attn_factor", config_long_magnitude(factor, p->original));
    if (s->e->code == OK && (p->original < 1 || !isfinite(p->magnitude)))
        return fail(s->e, E_FORMAT, "%s: the scaling of its rotary positions makes no sense", s->where);
    int code = read_factors(c, s, brief, p->short_factor);
    return code == OK ? read_factors(c, s, lengthy, p->long_factor) : code;
}

static int read_yarn(model_config *c, const family_source *s)
{
    static const struct {
        const char *leaf;
        double      usual;
    } fixed[] = {{"rope.scaling.yarn_ext_factor", 1},
                 {"rope.scaling.yarn_attn_factor", 1},
                 {"rope.scaling.yarn_log_multiplier", 0}};
    rope_config *p = &c->rope;
    p->kind = ROPE_YARN;
    p->original = config_gguf_int(c, s, "rope.scaling.original_context_length", c->context);
    p->high = config_gguf_num(c, s, "rope.scaling.yarn_beta_fast", 32);
    p->low = config_gguf_num(c, s, "rope.scaling.yarn_beta_slow", 1);
    p->truncate = true;
    p->magnitude =
        config_yarn_magnitude(p->factor, 1) * config_gguf_num(c, s, "rope.scaling.attn_factor", 1);
    for (int i = 0; i < 3; i++)
        if (config_gguf_num(c, s, fixed[i].leaf, fixed[i].usual) != fixed[i].usual)
            return fail(s->e, E_UNSUPPORTED, "%s: another %s.%s than %g is not supported", s->where,
                        c->family->gguf, fixed[i].leaf, fixed[i].usual);
    if (p->original < 1 || !(p->low > 0 && p->high >= p->low && isfinite(p->high)) || !isfinite(p->magnitude))
        return fail(s->e, E_FORMAT, "%s: the scaling of its rotary positions makes no sense", s->where);
    return s->e->code;
}

int config_gguf_rope(model_config *c, const family_source *s)
{
    char key[128];
    rope_config *p = &c->rope;
    p->theta = config_gguf_num(c, s, "rope.freq_base", p->theta);
    c->local_theta = config_gguf_num(c, s, "rope.freq_base_swa", c->local_theta);
    int64_t part = config_gguf_int(c, s, "rope.dimension_count", c->head_dim);
    if (part != c->head_dim && !c->family->partial)
        return fail(s->e, E_UNSUPPORTED, "%s: partial rotary positions are not supported for %s", s->where,
                    c->architecture);
    c->rotary_dim = part;
    if (s->e->code != OK || c->head_dim < 2 || part < 2 || part > c->head_dim) return s->e->code;
    snprintf(key, sizeof key, "%s.rope.scaling.type", c->family->gguf);
    gguf_text type = gguf_string(s->gguf, key, s->e);
    double linear = config_gguf_num(c, s, "rope.scale_linear", 1);
    p->factor = config_gguf_num(c, s, "rope.scaling.factor", linear);
    if (s->e->code == OK && !(p->factor > 0 && isfinite(p->factor)))
        return fail(s->e, E_FORMAT, "%s: rotary positions scaled by %g make no sense", s->where, p->factor);
    if (s->e->code != OK) return s->e->code;
    int code = read_tensors(c, s);
    if (code == OK && p->kind == ROPE_FACTORS && p->factor != 1 && !(type.p && equal(type, "none")))
        return fail(s->e, E_UNSUPPORTED,
                    "%s: rotary positions with factors that are scaled by %g besides are not supported",
                    s->where, p->factor);
    if (code != OK || p->kind != ROPE_PLAIN) return code;
    if (type.p && equal(type, "yarn")) return read_yarn(c, s);
    if ((type.p && equal(type, "linear")) || (!type.p && p->factor != 1)) p->kind = ROPE_LINEAR;
    else if (type.p && !equal(type, "none"))
        return fail(s->e, E_UNSUPPORTED,
                    "%s: rotary positions scaled by \"%.*s\" are not supported (linear, yarn and tensors of "
                    "factors are)",
                    s->where, (int)(type.n > 60 ? 60 : type.n), type.p);
    return OK;
}
