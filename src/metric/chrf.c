/* chrf.c -- see chrf.h. */
#include "metric/chrf.h"

static void characters(passage text, token_ids *out)
{
    out->n = 0;
    for (size_t i = 0; i < text.n;) {
        uint32_t c;
        i += (size_t)text_get(text.p + i, text.n - i, &c);
        if (!text_is_space(c)) token_ids_push(out, (int32_t)c);
    }
}

/* count of each gram: how often the reference has it. */
static chrf_counts compare(chrf *c)
{
    chrf_counts out = {0};
    grams *g = &c->grams;
    c->at.n = 0;
    for (int64_t i = 0; i < c->text.n || i < c->reference.n; i++) token_ids_push(&c->at, 0);
    grams_clear(g);
    for (int k = 1; k <= CHRF_ORDER; k++) {
        out.reference[k - 1] = grams_step(g, c->reference.p, c->reference.n, k, c->at.p);
        for (int64_t i = 0; i < out.reference[k - 1]; i++) g->count[c->at.p[i]]++;
    }
    for (int k = 1; k <= CHRF_ORDER; k++) {
        int64_t m = grams_step(g, c->text.p, c->text.n, k, c->at.p);
        for (int64_t i = 0; i < m; i++)
            if (g->count[c->at.p[i]]-- > 0) out.match[k - 1]++;
        out.text[k - 1] = out.reference[k - 1] ? m : 0; /* as sacrebleu counts */
    }
    return out;
}

chrf_counts chrf_count(chrf *c, passage text, const passage *reference, int64_t n)
{
    chrf_counts best = {0};
    double highest = -1;
    characters(text, &c->text);
    for (int64_t r = 0; r < n; r++) {
        characters(reference[r], &c->reference);
        chrf_counts one = compare(c);
        double score = chrf_score(&one);
        if (score > highest) highest = score, best = one;
    }
    return best;
}

void chrf_sum(chrf_counts *sum, const chrf_counts *one)
{
    for (int k = 0; k < CHRF_ORDER; k++) {
        sum->text[k] += one->text[k];
        sum->reference[k] += one->reference[k];
        sum->match[k] += one->match[k];
    }
}

double chrf_score(const chrf_counts *c)
{
    double precision = 0, recall = 0;
    int orders = 0;
    for (int k = 0; k < CHRF_ORDER; k++) {
        if (!c->text[k] || !c->reference[k]) continue;
        precision += (double)c->match[k] / (double)c->text[k];
        recall += (double)c->match[k] / (double)c->reference[k];
        orders++;
    }
    if (precision + recall == 0) return 0;
    precision /= orders;
    recall /= orders;
    return 100 * (5 * precision * recall / (4 * precision + recall));
}

void chrf_free(chrf *c)
{
    grams_free(&c->grams);
    token_ids_free(&c->text);
    token_ids_free(&c->reference);
    token_ids_free(&c->at);
}
