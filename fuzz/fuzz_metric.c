/* fuzz_metric.c -- a file of synonyms, a meaning representation and a text, parted by NUL bytes: the slots of the
 * one in the other, and every other score of the text against the representation. */
#include "metric/attribute.h"
#include "metric/coverage.h"
#include "metric/scores.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SLOTS = 64 };

static passage next_part(const char **p, const char *end)
{
    const char *from = *p, *nul = from < end ? memchr(from, 0, (size_t)(end - from)) : NULL;
    *p = nul ? nul + 1 : end;
    return (passage){from, (size_t)((nul ? nul : end) - from)};
}

/* Every slot has one verdict; what is added comes behind them and has no value. */
static void check(const coverage *c, const slot *row, int64_t n, const slot_list *l)
{
    BUG_IF(l->n < n);
    for (int64_t i = 0; i < l->n; i++) {
        const slot_judged *v = &l->p[i];
        BUG_IF(v->attribute < 0 || v->attribute >= coverage_attributes(c));
        BUG_IF((v->verdict == SLOT_ADDED) != (i >= n) || (v->value < 0) != (i >= n));
        BUG_IF(i < n && (v->attribute != row[i].attribute || v->value != row[i].value));
        if (v->said >= 0) BUG_IF(!coverage_value_text(c, v->attribute, v->said));
    }
}

static void judge(passage file, passage mr, passage text)
{
    synonyms s = {0};
    err e = {0};
    slot row[SLOTS];
    int64_t n = 0;
    attribute_list list = {0};
    slot_list out = {0};
    synonyms_built_in(&s);
    if (synonyms_parse(&s, "fuzz", file.p, file.n, &e) != OK) BUG_IF(!e.msg[0] || strchr(e.msg, '\n'));
    coverage *c = coverage_new(&s);
    attribute_read(&list, mr);
    for (int64_t i = 0; i < list.n && n < SLOTS; i++) {
        int a = coverage_attribute(c, list.p[i].name), v = coverage_value(c, a, list.p[i].value);
        if (v >= 0) row[n++] = (slot){a, v};
    }
    coverage_ready(c, 2 * n);
    coverage_judge(c, row, n, text, &out);
    check(c, row, n, &out);
    slot_list_free(&out);
    attribute_free(&list);
    coverage_free(c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data, *end = p + size;
    passage file = next_part(&p, end), mr = next_part(&p, end), text = {p, (size_t)(end - p)};
    judge(file, mr, text);
    scores *s = scores_new();
    passage references[] = {mr, file};
    text_scores t = scores_add(s, text, references, 2);
    BUG_IF(!(t.bleu >= 0 && t.bleu <= 100.001) || !(t.chrf >= 0 && t.chrf <= 100.001));
    BUG_IF(!(t.rouge.l >= 0 && t.rouge.l <= t.rouge.one + 1e-9));
    scores_free(s);
    return 0;
}
