/* variety.c -- see variety.h. */
#include "metric/variety.h"

static int64_t words(variety *v, passage text)
{
    int64_t characters = 0;
    v->ids.n = v->at.n = 0;
    for (size_t i = 0; i < text.n;) {
        size_t start = i;
        uint32_t c = 0;
        int length = 0;
        while (i < text.n && (length = text_get(text.p + i, text.n - i, &c), !text_is_space(c))) {
            i += (size_t)length;
            characters++;
        }
        if (i > start) {
            token_ids_push(&v->ids, symbols_add(&v->vocabulary, text.p + start, i - start));
            token_ids_push(&v->at, 0);
        }
        if (i < text.n) i += (size_t)length, characters++;
    }
    return characters;
}

static double repetition(variety *v)
{
    int64_t m = 0, before = 0;
    grams_clear(&v->one);
    for (int k = 1; k <= 4; k++) {
        before = v->one.n;
        m = grams_step(&v->one, v->ids.p, v->ids.n, k, v->at.p);
    }
    return m ? 1 - (double)(v->one.n - before) / (double)m : 0;
}

variety_text variety_add(variety *v, passage text)
{
    variety_text t = {0};
    t.characters = words(v, text);
    t.words = v->ids.n;
    t.repetition = repetition(v);
    grams_step(&v->all, v->ids.p, v->ids.n, 1, v->at.p);
    int64_t before = v->all.n;
    v->pairs += grams_step(&v->all, v->ids.p, v->ids.n, 2, v->at.p);
    v->distinct_pairs += v->all.n - before;
    v->texts++;
    v->words += t.words;
    v->characters += t.characters;
    v->empty += !t.words;
    v->repetition += t.repetition;
    return t;
}

double variety_distinct(const variety *v, int n)
{
    int64_t different = n == 1 ? v->vocabulary.n : v->distinct_pairs, total = n == 1 ? v->words : v->pairs;
    return total ? (double)different / (double)total : 0;
}

void variety_free(variety *v)
{
    symbols_free(&v->vocabulary);
    grams_free(&v->all);
    grams_free(&v->one);
    token_ids_free(&v->ids);
    token_ids_free(&v->at);
}
