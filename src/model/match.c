/* match.c -- see match.h.
 *
 * A list entry matches a path that equals it or ends in "." and it; a string is a regular expression for the
 * whole path; "all-linear" is every projection of the blocks (the head is not one of them). Excluded modules
 * are taken out first, then layers_to_transform applies to list targets: the first number that is a path
 * component. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/match.h"

#include <ctype.h>
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct match {
    const peft_config *c;
    bool all;
    pcre2_code *target, *exclude;
    bool *used, *used_layer; /* by target entry; by entry of layers_to_transform */
    int64_t matched;
};

static pcre2_code *compile(const char *pattern, err *e)
{
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                   PCRE2_ANCHORED | PCRE2_ENDANCHORED, &code, &at, NULL);
    if (re) return re;
    PCRE2_UCHAR text[160];
    pcre2_get_error_message(code, text, sizeof text);
    fail(e, E_USAGE, "target modules \"%s\": not a regular expression: %s at character %zu", pattern,
         (char *)text, at);
    return NULL;
}

static bool fits(const pcre2_code *re, const char *module)
{
    pcre2_match_data *d = pcre2_match_data_create_from_pattern(re, NULL);
    BUG_IF(!d);
    int n = pcre2_match(re, (PCRE2_SPTR)module, strlen(module), 0, 0, d, NULL);
    pcre2_match_data_free(d);
    return n > 0;
}

match *match_new(const peft_config *c, err *e)
{
    match *k = xcalloc(1, sizeof *k);
    k->c = c;
    k->used = xcalloc((size_t)c->targets.n, sizeof *k->used);
    k->used_layer = xcalloc((size_t)c->n_layers, sizeof *k->used_layer);
    k->all = c->target_regex && !strcasecmp(c->target_regex, "all-linear");
    bool ok = true;
    if (c->target_regex && !k->all) ok = (k->target = compile(c->target_regex, e)) != NULL;
    if (ok && c->exclude_regex) ok = (k->exclude = compile(c->exclude_regex, e)) != NULL;
    if (ok && !c->target_regex && !c->targets.n) {
        fail(e, E_USAGE, "no target modules given; use \"all-linear\" or names such as q_proj,v_proj");
        ok = false;
    }
    if (ok) return k;
    match_free(k);
    return NULL;
}

void match_free(match *k)
{
    if (!k) return;
    pcre2_code_free(k->target);
    pcre2_code_free(k->exclude);
    free(k->used);
    free(k->used_layer);
    free(k);
}

static bool tail(const char *module, const char *entry)
{
    size_t n = strlen(module), m = strlen(entry);
    if (m > n || strcmp(module + n - m, entry)) return false;
    return m == n || module[n - m - 1] == '.';
}

/* The layer of a path: the first component after another that is a number (and follows one of `patterns`, a
 * whole component each, when there are any); -1 when there is none. */
static int64_t layer_of(const char *module, const peft_list *patterns)
{
    for (const char *dot = strchr(module, '.'); dot; dot = strchr(dot + 1, '.')) {
        if (!isdigit((unsigned char)dot[1])) continue;
        char *end;
        long long layer = strtoll(dot + 1, &end, 10);
        if (*end != '.') continue;
        if (!patterns->n) return layer;
        for (int64_t i = 0; i < patterns->n; i++) {
            size_t n = strlen(patterns->p[i]);
            if ((size_t)(dot - module) < n || strncmp(dot - n, patterns->p[i], n)) continue;
            if (dot - n == module || dot[-(ptrdiff_t)n - 1] == '.') return layer;
        }
    }
    return -1;
}

static bool layer_wanted(match *k, const char *module)
{
    const peft_config *c = k->c;
    if (!c->layers) return true;
    int64_t layer = layer_of(module, &c->layers_pattern);
    for (int64_t i = 0; i < c->n_layers; i++)
        if (c->layers[i] == layer) return k->used_layer[i] = true;
    return false;
}

bool match_module(match *k, const char *module)
{
    const peft_config *c = k->c;
    if (k->exclude && fits(k->exclude, module)) return false;
    for (int64_t i = 0; i < c->exclude.n; i++)
        if (tail(module, c->exclude.p[i])) return false;
    bool hit = k->all || (k->target && fits(k->target, module));
    for (int64_t i = 0; i < c->targets.n; i++) {
        if (!tail(module, c->targets.p[i])) continue;
        k->used[i] = true;
        hit = hit || layer_wanted(k, module);
    }
    k->matched += hit;
    return hit;
}

/* The distinct last components of the projections: what a person would write as targets. */
static const char *leaves(const model *m, char *out, size_t size)
{
    size_t n = 0;
    out[0] = 0;
    for (int64_t i = 0; i < m->linears; i++) {
        const char *dot = strrchr(m->linear[i].name, '.'), *leaf = dot ? dot + 1 : m->linear[i].name;
        bool seen = false;
        for (int64_t j = 0; j < i && !seen; j++) seen = tail(m->linear[j].name, leaf);
        if (seen || n >= size) continue;
        n += (size_t)snprintf(out + n, size - n, "%s%s", n ? ", " : "", leaf);
    }
    return out;
}

int match_finish(const match *k, const model *m, err *e)
{
    char names[512];
    for (int64_t i = 0; i < k->c->targets.n; i++)
        if (!k->used[i])
            return fail(e, E_USAGE, "target module \"%s\" matches nothing in this model (it has: %s)",
                        k->c->targets.p[i], leaves(m, names, sizeof names));
    for (int64_t i = 0; i < k->c->n_layers && k->c->targets.n; i++)
        if (!k->used_layer[i])
            return fail(
                e, E_USAGE,
                "layers_to_transform: the targets have no module in a layer %lld (the model has layers "
                "0 to %lld; layers_pattern names what holds them)",
                (long long)k->c->layers[i], (long long)m->config->layers - 1);
    if (!k->matched)
        return fail(e, E_USAGE,
                    "target modules \"%s\" match nothing in this model; an expression has to match a whole "
                    "path such as %s (the model has: %s)",
                    k->c->target_regex ? k->c->target_regex : "", m->linears ? m->linear[0].name : "?",
                    leaves(m, names, sizeof names));
    return OK;
}
