/* sample.c -- see sample.h. */
#include "gen/sample.h"

#include "base/arena.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct candidate {
    float logit;
    int32_t id;
    double p;
} candidate;

const sampling sampling_greedy = {.temperature = 0, .top_p = 1, .repetition_penalty = 1};

int sampling_check(const sampling *s, err *e)
{
    if (!(s->temperature >= 0 && s->temperature < 1e4))
        return fail(e, E_USAGE, "temperature %g: has to be 0 (greedy) or more", s->temperature);
    if (s->top_k < 0) return fail(e, E_USAGE, "top_k %d: has to be 0 (off) or more", s->top_k);
    if (!(s->top_p > 0 && s->top_p <= 1))
        return fail(e, E_USAGE, "top_p %g: has to be above 0 and at most 1", s->top_p);
    if (!(s->min_p >= 0 && s->min_p < 1))
        return fail(e, E_USAGE, "min_p %g: has to be at least 0 and below 1", s->min_p);
    if (!(s->repetition_penalty > 0))
        return fail(e, E_USAGE, "repetition_penalty %g: has to be above 0 (1 is off)", s->repetition_penalty);
    return OK;
}

void token_sampler_init(token_sampler *s, int64_t vocab)
{
    *s = (token_sampler){.vocab = vocab};
    s->c = xcalloc((size_t)vocab, sizeof *s->c);
    s->logits = xcalloc((size_t)vocab, sizeof *s->logits);
}

void token_sampler_release(token_sampler *s)
{
    free(s->c);
    free(s->logits);
    *s = (token_sampler){0};
}

static int32_t likeliest(const float *logits, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (logits[i] > logits[best]) best = i;
    return (int32_t)best;
}

/* Every seen token once, however often it was seen: the penalty is applied to the original logit. */
static const float *penalize(token_sampler *s, const float *logits, double penalty, const int32_t *seen,
                             int64_t n)
{
    if (penalty == 1) return logits;
    memcpy(s->logits, logits, (size_t)s->vocab * sizeof *logits);
    for (int64_t i = 0; i < n; i++) {
        float l = logits[seen[i]];
        s->logits[seen[i]] = (float)(l > 0 ? l / penalty : l * penalty);
    }
    return s->logits;
}

static int by_logit(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->logit != y->logit) return x->logit < y->logit ? 1 : -1;
    return (x->id > y->id) - (x->id < y->id);
}

/* Softmax over the first n candidates, which are sorted. */
static void probabilities(candidate *c, int64_t n, double temperature)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += c[i].p = exp(((double)c[i].logit - (double)c[0].logit) / temperature);
    for (int64_t i = 0; i < n; i++) c[i].p /= sum;
}

/* How many of the sorted candidates the limits leave; at least one. */
static int64_t keep(candidate *c, int64_t n, const sampling *how)
{
    if (how->top_k > 0 && how->top_k < n) n = how->top_k;
    probabilities(c, n, how->temperature);
    if (how->top_p < 1) {
        double sum = 0;
        int64_t i = 0;
        while (i < n && sum < how->top_p) sum += c[i++].p;
        n = i > 0 ? i : 1;
        probabilities(c, n, how->temperature);
    }
    while (n > 1 && c[n - 1].p < how->min_p * c[0].p) n--;
    return n;
}

int32_t sample(token_sampler *s, const sampling *how, const float *logits, const int32_t *seen, int64_t n,
               uint64_t stream, uint64_t index)
{
    logits = penalize(s, logits, how->repetition_penalty, seen, n);
    if (how->temperature == 0) return likeliest(logits, s->vocab);
    for (int64_t i = 0; i < s->vocab; i++) s->c[i] = (candidate){logits[i], (int32_t)i, 0};
    qsort(s->c, (size_t)s->vocab, sizeof *s->c, by_logit);
    int64_t left = keep(s->c, s->vocab, how);
    probabilities(s->c, left, how->temperature);
    double u = rng_unit(rng_key(how->seed, stream), index);
    for (int64_t i = 0; i < left - 1; i++)
        if ((u -= s->c[i].p) < 0) return s->c[i].id;
    return s->c[left - 1].id;
}
