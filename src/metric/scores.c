/* scores.c -- see scores.h. */
#include "metric/scores.h"

#include "base/str.h"
#include "metric/bleu.h"
#include "metric/chrf.h"

#include <stdlib.h>

struct scores {
    bleu bleu;
    bleu_counts bleu_counts;
    chrf chrf;
    chrf_counts chrf_counts;
    rouge rouge;
    rouge_score rouge_sum;
    variety variety;
    symbols learned; /* one space between words, none around */
    int64_t learned_texts, copied, references;
};

scores *scores_new(void) { return xcalloc(1, sizeof(scores)); }

void scores_free(scores *s)
{
    if (!s) return;
    bleu_free(&s->bleu);
    chrf_free(&s->chrf);
    rouge_free(&s->rouge);
    variety_free(&s->variety);
    symbols_free(&s->learned);
    free(s);
}

static void squeeze(passage text, str *out)
{
    bool space = false;
    for (size_t i = 0; i < text.n;) {
        uint32_t c;
        int length = text_get(text.p + i, text.n - i, &c);
        if (text_is_space(c)) {
            space = out->n > 0;
        } else {
            if (space) str_putc(out, ' ');
            str_add(out, text.p + i, (size_t)length);
            space = false;
        }
        i += (size_t)length;
    }
}

void scores_learned(scores *s, passage text)
{
    str plain = {0};
    squeeze(text, &plain);
    symbols_add(&s->learned, str_c(&plain), plain.n);
    s->learned_texts++;
    str_free(&plain);
}

static bool is_learned(const scores *s, passage text)
{
    str plain = {0};
    squeeze(text, &plain);
    bool found = symbols_find(&s->learned, str_c(&plain), plain.n) >= 0;
    str_free(&plain);
    return found;
}

text_scores scores_add(scores *s, passage text, const passage *reference, int64_t n)
{
    text_scores t = {0};
    bleu_counts b = bleu_count(&s->bleu, text, reference, n);
    chrf_counts c = chrf_count(&s->chrf, text, reference, n);
    t.bleu = bleu_score(&b, BLEU_SENTENCE);
    t.chrf = chrf_score(&c);
    t.rouge = rouge_text(&s->rouge, text, reference, n);
    t.variety = variety_add(&s->variety, text);
    t.copied = is_learned(s, text);
    bleu_sum(&s->bleu_counts, &b);
    chrf_sum(&s->chrf_counts, &c);
    s->rouge_sum.one += t.rouge.one;
    s->rouge_sum.two += t.rouge.two;
    s->rouge_sum.l += t.rouge.l;
    s->copied += t.copied;
    s->references += n;
    return t;
}

corpus_scores scores_total(const scores *s)
{
    const variety *v = &s->variety;
    double texts = v->texts ? (double)v->texts : 1;
    corpus_scores c = {
        .texts = v->texts,
        .references = s->references,
        .learned = s->learned_texts,
        .copied = s->copied,
        .empty = v->empty,
        .bleu = bleu_score(&s->bleu_counts, BLEU_CORPUS),
        .brevity = bleu_brevity(&s->bleu_counts),
        .chrf = chrf_score(&s->chrf_counts),
        .text_tokens = s->bleu_counts.text_tokens,
        .reference_tokens = s->bleu_counts.reference_tokens,
        .rouge = {s->rouge_sum.one / texts, s->rouge_sum.two / texts, s->rouge_sum.l / texts},
        .distinct1 = variety_distinct(v, 1),
        .distinct2 = variety_distinct(v, 2),
        .repetition = v->repetition / texts,
        .words = (double)v->words / texts,
        .characters = (double)v->characters / texts,
    };
    bleu_precisions(&s->bleu_counts, c.precision);
    return c;
}
