/* bleu.c -- see bleu.h. */
#include "metric/bleu.h"

#include "metric/tokenize_13a.h"

#include <math.h>
#include <stdlib.h>

static void tokens(bleu *b, passage text)
{
    b->ids.n = b->at.n = 0;
    tokenize_13a(&b->words, text, &b->ids);
    for (int64_t i = 0; i < b->ids.n; i++) token_ids_push(&b->at, 0);
}

/* limit of each gram: the most times that one reference has it. */
static void add_reference(bleu *b)
{
    grams *g = &b->grams;
    for (int k = 1; k <= BLEU_ORDER; k++) {
        int64_t m = grams_step(g, b->ids.p, b->ids.n, k, b->at.p);
        for (int64_t i = 0; i < m; i++) {
            int32_t id = b->at.p[i];
            if (++g->count[id] > g->limit[id]) g->limit[id] = g->count[id];
        }
        for (int64_t i = 0; i < m; i++) g->count[b->at.p[i]] = 0;
    }
}

bleu_counts bleu_count(bleu *b, passage text, const passage *reference, int64_t n)
{
    bleu_counts c = {0};
    tokens(b, text);
    c.text_tokens = b->ids.n;
    c.reference_tokens = -1;
    grams_clear(&b->grams);
    for (int64_t r = 0; r < n; r++) {
        tokens(b, reference[r]);
        add_reference(b);
        int64_t off = llabs(b->ids.n - c.text_tokens), best = llabs(c.reference_tokens - c.text_tokens);
        if (c.reference_tokens < 0 || off < best || (off == best && b->ids.n < c.reference_tokens))
            c.reference_tokens = b->ids.n;
    }
    tokens(b, text);
    for (int k = 1; k <= BLEU_ORDER; k++) {
        c.total[k - 1] = grams_step(&b->grams, b->ids.p, b->ids.n, k, b->at.p);
        for (int64_t i = 0; i < c.total[k - 1]; i++) {
            int32_t id = b->at.p[i];
            if (b->grams.limit[id]-- > 0) c.correct[k - 1]++;
        }
    }
    return c;
}

void bleu_sum(bleu_counts *sum, const bleu_counts *one)
{
    for (int k = 0; k < BLEU_ORDER; k++) {
        sum->correct[k] += one->correct[k];
        sum->total[k] += one->total[k];
    }
    sum->text_tokens += one->text_tokens;
    sum->reference_tokens += one->reference_tokens;
}

double bleu_brevity(const bleu_counts *c)
{
    if (c->text_tokens >= c->reference_tokens) return 1;
    return c->text_tokens ? exp(1 - (double)c->reference_tokens / (double)c->text_tokens) : 0;
}

int bleu_precisions(const bleu_counts *c, double p[BLEU_ORDER])
{
    double halving = 1;
    int orders = 0;
    for (int k = 0; k < BLEU_ORDER; k++) p[k] = 0;
    if (!c->correct[0]) return 0; /* a longer match holds shorter ones */
    for (; orders < BLEU_ORDER && c->total[orders]; orders++) {
        double matched = (double)c->correct[orders];
        if (!c->correct[orders]) matched = 1 / (halving *= 2);
        p[orders] = 100 * matched / (double)c->total[orders];
    }
    return orders;
}

double bleu_score(const bleu_counts *c, bleu_kind kind)
{
    double p[BLEU_ORDER], logs = 0;
    int orders = bleu_precisions(c, p);
    if (!orders || (orders < BLEU_ORDER && kind == BLEU_CORPUS)) return 0;
    for (int k = 0; k < orders; k++) logs += log(p[k]);
    return bleu_brevity(c) * exp(logs / orders);
}

void bleu_free(bleu *b)
{
    symbols_free(&b->words);
    grams_free(&b->grams);
    token_ids_free(&b->ids);
    token_ids_free(&b->at);
}
