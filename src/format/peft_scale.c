/* peft_scale.c -- rank, alpha and scale of a module after rank_pattern and alpha_pattern. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include "format/peft.h"

#include <math.h>
#include <pcre2.h>
#include <string.h>

int peft_pattern_fits(const char *key, const char *module, err *e)
{
    str pattern = {0};
    str_fmt(&pattern, "(.*\\.)?(%s)$", key);
    int code;
    PCRE2_SIZE at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, PCRE2_ANCHORED, &code, &at, NULL);
    str_free(&pattern);
    if (!re)
        return fail(e, E_FORMAT, "rank_pattern or alpha_pattern: \"%.80s\" is not a regular expression", key);
    pcre2_match_data *d = pcre2_match_data_create_from_pattern(re, NULL);
    BUG_IF(!d);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    BUG_IF(!limits);
    pcre2_set_match_limit(limits, 100000); /* an expression that never ends must not stop the program */
    int n = pcre2_match(re, (PCRE2_SPTR)module, strlen(module), 0, 0, d, limits);
    pcre2_match_context_free(limits);
    pcre2_match_data_free(d);
    pcre2_code_free(re);
    if (n > 0 || n == PCRE2_ERROR_NOMATCH) return n > 0;
    return fail(e, E_FORMAT, "rank_pattern or alpha_pattern: \"%.80s\" is too costly an expression", key);
}

static int pick(const peft_pattern *p, int64_t n, const char *module, double *value, err *e)
{
    for (int64_t i = 0; i < n; i++) {
        int hit = peft_pattern_fits(p[i].key, module, e);
        if (hit < 0) return hit;
        if (hit) {
            *value = p[i].value;
            return OK;
        }
    }
    return OK;
}

int64_t peft_rank(const peft_config *c, const char *module, err *e)
{
    double r = (double)c->r;
    int code = pick(c->rank_pattern, c->n_rank_pattern, module, &r, e);
    if (code != OK) return code;
    if (!(r >= 1 && r < 1 << 20) || r != floor(r))
        return fail(e, E_FORMAT, "rank_pattern: a rank of %g for %s makes no sense", r, module);
    return (int64_t)r;
}

double peft_scale(const peft_config *c, const char *module, err *e)
{
    double alpha = c->alpha;
    int64_t r = peft_rank(c, module, e);
    int code = r < 0 ? (int)r : pick(c->alpha_pattern, c->n_alpha_pattern, module, &alpha, e);
    if (code != OK) return code;
    return c->rslora ? alpha / sqrt((double)r) : alpha / (double)r;
}
