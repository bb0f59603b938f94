/* config_rope.c -- the rotary positions of a config.json: base, scaling, and how much of a head is rotated.
 *
 * transformers 4 has rope_theta and partial_rotary_factor at the top and a rope_scaling; transformers 5 has
 * all in rope_parameters, or there one such object for each type of layer ("full_attention",
 * "sliding_attention"). */
#include "format/config_check.h"

#include <math.h>
#include <string.h>

const char *config_rope_name(rope_kind kind)
{
    static const char *const names[] = {"none", "linear", "dynamic", "llama3", "yarn", "factors", "longrope"};
    return names[kind];
}

double config_yarn_magnitude(double factor, double scale)
{
    return factor <= 1 ? 1 : 0.1 * scale * log(factor) + 1;
}

double config_long_magnitude(double factor, int64_t original)
{
    return factor <= 1 || original < 2 ? 1 : sqrt(1 + log(factor) / log((double)original));
}

/* A list of factors, one for each rotated pair. */
static int read_factors(model_config *c, const json_t *r, const char *key, float *out, const char *where,
                        err *e)
{
    const json_t *list = json_object_get(r, key);
    size_t n = json_array_size(list), want = (size_t)(c->rotary_dim / 2);
    if (!json_is_array(list) || n != want || n > CONFIG_MAX_FACTORS)
        return fail(e, E_FORMAT, "%s: \"%s\" has to be a list of %zu numbers", where, key, want);
    for (size_t i = 0; i < n; i++) {
        double x = json_number_value(json_array_get(list, i));
        if (!(x > 0 && isfinite((float)x)))
            return fail(e, E_FORMAT, "%s: \"%s\" has to be a list of positive numbers", where, key);
        out[i] = (float)x;
    }
    c->rope.factors = (int64_t)n;
    return OK;
}

static void read_llama3(model_config *c, const json_t *r, const char *where, err *e)
{
    c->rope.kind = ROPE_LLAMA3;
    c->rope.low = json_num(r, "low_freq_factor", 1, where, e);
    c->rope.high = json_num(r, "high_freq_factor", 4, where, e);
}

static void read_yarn(model_config *c, const json_t *r, const char *where, err *e)
{
    rope_config *p = &c->rope;
    p->kind = ROPE_YARN;
    p->high = json_num(r, "beta_fast", 32, where, e);
    p->low = json_num(r, "beta_slow", 1, where, e);
    p->truncate = json_flag(r, "truncate", true, where, e);
    double scale = json_num(r, "mscale", 0, where, e), all = json_num(r, "mscale_all_dim", 0, where, e);
    double magnitude = config_yarn_magnitude(p->factor, 1);
    if (scale != 0 && all != 0)
        magnitude = config_yarn_magnitude(p->factor, scale) / config_yarn_magnitude(p->factor, all);
    p->magnitude = json_num(r, "attention_factor", magnitude, where, e);
}

static void read_long(model_config *c, const json_t *r, const char *where, err *e)
{
    c->rope.kind = ROPE_LONG;
    double magnitude = config_long_magnitude(c->rope.factor, c->rope.original);
    c->rope.magnitude = json_num(r, "attention_factor", magnitude, where, e);
    if (read_factors(c, r, "short_factor", c->rope.short_factor, where, e) == OK)
        read_factors(c, r, "long_factor", c->rope.long_factor, where, e);
}

static int check_scaling(const rope_config *p, const char *where, err *e)
{
    if (e->code != OK) return e->code;
    if (!(p->factor > 0 && isfinite(p->factor) && isfinite(p->magnitude) && p->original >= 1))
        return fail(e, E_FORMAT, "%s: the scaling of its rotary positions makes no sense", where);
    if (p->kind == ROPE_LLAMA3 && !(p->low > 0 && p->high > p->low && isfinite(p->high)))
        return fail(e, E_FORMAT, "%s: low_freq_factor %g and high_freq_factor %g make no sense", where,
                    p->low, p->high);
    if (p->kind == ROPE_YARN && !(p->low > 0 && p->high >= p->low && isfinite(p->high)))
        return fail(e, E_FORMAT, "%s: beta_slow %g and beta_fast %g make no sense", where, p->low, p->high);
    return OK;
}

/* One object that scales. `original` stands beside it in some files, and the factor follows from the contexts
 * in others. */
static int read_scaling(model_config *c, const json_t *o, const json_t *r, const char *type,
                        const char *where, err *e)
{
    rope_config *p = &c->rope;
    long long beside = json_int(o, "original_max_position_embeddings", c->context, where, e);
    p->original = json_int(r, "original_max_position_embeddings", beside, where, e);
    bool dynamic = !strcmp(type, "dynamic"), is_long = json_object_get(r, "short_factor") != NULL;
    if (dynamic) p->original = c->context;
    const double alpha = dynamic && c->family->rope_alpha ? json_num(r, "alpha", 0, where, e) : 0;
    if (alpha > 0) {
        p->theta *= pow(alpha, (double)c->rotary_dim / (double)(c->rotary_dim - 2));
        return e->code;
    }
    double ratio = p->original > 0 ? (double)c->context / (double)p->original : 0;
    p->factor = json_num(r, "factor", is_long || !strcmp(type, "yarn") ? ratio : 0, where, e);
    if (!strcmp(type, "linear")) p->kind = ROPE_LINEAR;
    else if (dynamic) p->kind = ROPE_DYNAMIC;
    else if (!strcmp(type, "llama3")) read_llama3(c, r, where, e);
    else if (is_long) read_long(c, r, where, e); /* "longrope", and in older files "su" or "yarn" */
    else if (!strcmp(type, "yarn")) read_yarn(c, r, where, e);
    else
        return fail(
            e, E_UNSUPPORTED,
            "%s: rotary positions scaled by \"%.40s\" are not supported (linear, dynamic, llama3, yarn "
            "and longrope are)",
            where, type);
    return check_scaling(p, where, e);
}

/* The object that holds for layers of a type; one without types holds for all. */
static const json_t *of_type(const json_t *r, const char *type)
{
    const json_t *own = json_object_get(r, type);
    return json_is_object(own) ? own : r;
}

static double partial(const json_t *o, const json_t *r, double usual, const char *where, err *e)
{
    double top = json_num(o, "partial_rotary_factor", usual > 0 ? usual : 1, where, e);
    return json_num(r, "partial_rotary_factor", top, where, e);
}

static int read_part(model_config *c, const json_t *o, const json_t *r, const char *where, err *e)
{
    double part = partial(o, r, c->rotary_part, where, e);
    if (e->code != OK) return e->code;
    c->rotary_dim = c->head_dim; /* whatever an object before it said */
    if (part == 1) return OK;
    if (!c->family->partial || !(part > 0 && part < 1))
        return fail(e, E_UNSUPPORTED, "%s: partial rotary positions (%g of a head) are not supported for %s",
                    where, part, c->architecture);
    c->rotary_dim = (int64_t)((double)c->head_dim * part);
    return OK;
}

/* Layers that see a window have a base of their own, and nothing else. */
static int check_local(const json_t *r, const char *where, err *e)
{
    const char *type = json_text(r, "rope_type", json_text(r, "type", "default", where, e), where, e);
    const double part = json_num(r, "partial_rotary_factor", 1, where, e);
    if (e->code == OK && (strcmp(type, "default") || part != 1))
        return fail(e, E_UNSUPPORTED,
                    "%s: layers that see a window, with rotary positions of type \"%.40s\" for %g of a "
                    "head, are not supported (\"default\" for the whole head is)",
                    where, type, part);
    return e->code;
}

/* Positions of time, height and width ("mrope") are one and the same number where there is text alone. */
static bool is_plain(const char *type) { return !strcmp(type, "default") || !strcmp(type, "mrope"); }

int config_read_rope(model_config *c, const json_t *o, const char *where, err *e)
{
    static const char *const holders[] = {"rope_scaling", "rope_parameters"};
    c->rope.theta = json_num(o, "rope_theta", c->rope.theta, where, e);
    c->local_theta = json_num(o, "rope_local_base_freq", c->local_theta, where, e);
    int code = read_part(c, o, NULL, where, e);
    for (int i = 0; i < 2 && code == OK; i++) {
        const json_t *all = json_object_get(o, holders[i]);
        if (!all || json_is_null(all)) continue;
        if (!json_is_object(all))
            return fail(e, E_FORMAT, "%s: \"%s\" has to be an object", where, holders[i]);
        const json_t *r = of_type(all, "full_attention"), *local = json_object_get(all, "sliding_attention");
        c->rope.theta = json_num(r, "rope_theta", c->rope.theta, where, e);
        c->local_theta = json_num(local, "rope_theta", c->local_theta, where, e);
        code = read_part(c, o, r, where, e);
        if (code == OK) code = check_local(local, where, e);
        const char *type = json_text(r, "rope_type", json_text(r, "type", "default", where, e), where, e);
        if (code == OK && !is_plain(type)) code = read_scaling(c, o, r, type, where, e);
    }
    return e->code;
}
