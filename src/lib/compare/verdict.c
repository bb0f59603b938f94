/* verdict.c -- what a comparison shows, in words that never claim more than its intervals do. */
#include "lib/compare/compare.h"

#include <math.h>
#include <string.h>

static double num(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* What is said of a score: its name, digits, and whether less is better. */
static const struct {
    const char *key, *name;
    int digits;
    bool less;
} told_of[] = {
    {"loss", "loss", 4, true},
    {"token_accuracy", "token accuracy", 4, false},
    {"accuracy", "accuracy", 4, false},
    {"macro_f1", "macro F1", 4, false},
    {"micro_f1", "micro F1", 4, false},
    {"entity_f1", "entity F1", 4, false},
    {"chrf", "chrF", 2, false},
    {"rougeL", "ROUGE-L", 4, false},
    {"coverage", "attribute coverage", 4, false},
    {"slot_error_rate", "slot error rate", 4, true},
};

/* "120 rows and 3 seeds", "24 texts and one seed". */
static void add_sample(str *s, const json_t *told, const json_t *d)
{
    long long rows = (long long)num(d, "rows"), seeds = (long long)num(told, "seeds");
    static const char *const of_texts[] = {"chrf", "rougeL", "coverage", "slot_error_rate"};
    bool texts = false;
    for (size_t i = 0; i < sizeof of_texts / sizeof *of_texts; i++)
        texts |= !strcmp(text(d, "score"), of_texts[i]);
    const char *many = json_is_true(json_object_get(d, "prompts")) ? "prompts" : "rows";
    str_fmt(s, "%lld %s and ", rows, texts ? rows == 1 ? "text" : "texts" : many);
    str_fmt(s, seeds == 1 ? "one seed" : "%lld seeds", seeds);
}

static size_t score_of(const json_t *d)
{
    size_t k = 0;
    while (k + 1 < sizeof told_of / sizeof *told_of && strcmp(told_of[k].key, text(d, "score"))) k++;
    return k;
}

static void add_claim(json_t *out, const json_t *told, const json_t *d)
{
    str s = {0};
    size_t k = score_of(d);
    double v = num(d, "value"), low = fabs(num(d, "low")), high = fabs(num(d, "high"));
    int p = told_of[k].digits;
    str_fmt(&s, "%s: %s is %s than %s by %.*f (%.4g %%: %.*f to %.*f; ", told_of[k].name, text(d, "recipe"),
            (v < 0) == told_of[k].less ? "better" : "worse", text(d, "against"), p, fabs(v), 100 * num(d, "level"),
            p, fmin(low, high), p, fmax(low, high));
    add_sample(&s, told, d);
    str_puts(&s, ")");
    json_array_append_new(out, json_string(str_c(&s)));
    str_free(&s);
}

static bool of_one_sample(const json_t *told, const json_t *a, const json_t *b)
{
    str x = {0}, y = {0};
    add_sample(&x, told, a);
    add_sample(&y, told, b);
    bool same = !strcmp(text(a, "recipe"), text(b, "recipe")) && !strcmp(str_c(&x), str_c(&y));
    str_free(&x);
    str_free(&y);
    return same;
}

/* Scores of differences[i]'s recipe and sample that show nothing, in one sentence; it is told where the first is. */
static void add_nothing_shown(json_t *out, const json_t *told, size_t i)
{
    const json_t *all = json_object_get(told, "differences"), *d = json_array_get(all, i);
    str s = {0};
    str_fmt(&s, "no difference between %s and %s that ", text(d, "recipe"), text(d, "against"));
    add_sample(&s, told, d);
    str_puts(&s, " can show:");
    bool first = true;
    for (size_t k = 0; k < json_array_size(all); k++) {
        const json_t *one = json_array_get(all, k);
        if (json_is_true(json_object_get(one, "shown")) || !of_one_sample(told, d, one)) continue;
        if (k < i) break;
        double v = num(one, "value"), arm = fmax(v - num(one, "low"), num(one, "high") - v); /* 0 is never outside */
        int p = told_of[score_of(one)].digits;
        str_fmt(&s, "%s %s %+.*f +- %.*f", first ? "" : ",", told_of[score_of(one)].name, p, v, p, arm);
        first = false;
    }
    if (!first) json_array_append_new(out, json_string(str_c(&s)));
    str_free(&s);
}

static void add_differences(json_t *out, const json_t *told)
{
    const json_t *all = json_object_get(told, "differences");
    for (size_t i = 0; i < json_array_size(all); i++) {
        if (json_is_true(json_object_get(json_array_get(all, i), "shown")))
            add_claim(out, told, json_array_get(all, i));
        else
            add_nothing_shown(out, told, i);
    }
}

static void add_ratio(str *s, const char *what, double a, double b)
{
    double r = a / b;
    if (a <= 0 || b <= 0) return;
    if (fabs(r - 1) < 0.02)
        str_fmt(s, "%s as much %s", s->n ? "," : "", what);
    else
        str_fmt(s, "%s %.2f times %s %s", s->n ? "," : "", r < 1 ? 1 / r : r, r < 1 ? "less" : "as much", what);
}

/* Seed by seed, since both were trained one after the other: what disturbs a machine lasts. A ratio that
 * lies on both sides of 1 shows nothing, nor does one alone. */
static void add_speed(json_t *out, const json_t *one, const json_t *first)
{
    const json_t *a = json_object_get(one, "runs"), *b = json_object_get(first, "runs");
    double low = INFINITY, high = 0;
    size_t n = json_array_size(a);
    for (size_t i = 0; i < n; i++) {
        double r = num(json_array_get(a, i), "tokens_per_second") / num(json_array_get(b, i),
                                                                        "tokens_per_second");
        low = fmin(low, r), high = fmax(high, r);
    }
    str s = {0};
    if (n == 1)
        str_fmt(&s, "speed: one pair of runs can show no difference between %s and %s: %.2f times as many "
                    "tokens a second",
                text(one, "name"), text(first, "name"), low);
    else if (low > 1 || high < 1)
        str_fmt(&s, "speed: %s trains %.2f to %.2f times as many tokens a second as %s in %zu of %zu pairs "
                    "of runs",
                text(one, "name"), low, high, text(first, "name"), n, n);
    else
        str_fmt(&s, "speed: no difference between %s and %s that %zu pairs of runs can show: %.2f to %.2f "
                    "times as many tokens a second",
                text(one, "name"), text(first, "name"), n, low, high);
    json_array_append_new(out, json_string(str_c(&s)));
    str_free(&s);
}

/* By the plans, which are kept to: no interval. */
static void add_cost(json_t *out, const json_t *one, const json_t *first)
{
    str s = {0}, line = {0};
    const json_t *m = json_object_get(one, "memory"), *n = json_object_get(first, "memory");
    add_ratio(&s, "for the base", num(one, "base_bytes"), num(first, "base_bytes"));
    add_ratio(&s, "at most in all", num(m, "total"), num(n, "total"));
    str_fmt(&line, "memory: against %s, %s takes%s", text(first, "name"), text(one, "name"), str_c(&s));
    json_array_append_new(out, json_string(str_c(&line)));
    str_free(&s);
    str_free(&line);
}

/* Once for each type. */
static void add_before(json_t *out, const json_t *list, size_t i)
{
    const json_t *b = json_object_get(json_array_get(list, i), "before");
    for (size_t k = 0; k < i; k++)
        if (!strcmp(text(json_object_get(json_array_get(list, k), "before"), "type"), text(b, "type"))) return;
    str s = {0};
    if (num(b, "kl_labels") > 0)
        str_fmt(&s,
                "before training: holding the base as %s moves its predictions by a KL of %.4f nats a label "
                "over %.0f labels, and it finds the same token likeliest for %.1f %% of them",
                text(b, "type"), num(b, "kl"), num(b, "kl_labels"), 100 * num(b, "same_token"));
    else
        str_fmt(&s, "before training: %s is the base as its file holds it", text(b, "type"));
    json_array_append_new(out, json_string(str_c(&s)));
    str_free(&s);
}

/* Scores are claimed one by one, as the questions they are; how often one of several claims something where nothing
 * is, is at most the sum (Boole). */
static void add_family(json_t *out, const json_t *differences)
{
    json_t *scores = json_object();
    for (size_t i = 0; i < json_array_size(differences); i++)
        json_object_set_new(scores, text(json_array_get(differences, i), "score"), json_true());
    size_t n = json_object_size(scores);
    json_decref(scores);
    if (n > 1)
        json_array_append_new(
            out, json_sprintf("each score is claimed by itself: of recipes that are equal, one of "
                              "these %zu scores would seem to differ up to %zu times in 100",
                              n, 5 * n));
}

json_t *compare_verdict(const json_t *told)
{
    json_t *out = json_array();
    const json_t *list = json_object_get(told, "results"), *all = json_object_get(told, "differences");
    add_differences(out, told);
    const json_t *first = json_array_get(list, 0);
    for (size_t i = 1; i < json_array_size(list); i++) {
        add_speed(out, json_array_get(list, i), first);
        add_cost(out, json_array_get(list, i), first);
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_object_get(json_object_get(json_array_get(list, i), "before"), "without_head"))
            add_before(out, list, i);
    add_family(out, all);
    if (num(told, "seeds") == 1)
        json_array_append_new(out, json_string("one seed: how far another seed would move these numbers is "
                                               "not known"));
    if (json_array_size(list) > 2)
        json_array_append_new(out, json_sprintf("%zu recipes are held against %s, so each claim is made at "
                                                "%.4g %%",
                                                json_array_size(list) - 1, text(first, "name"),
                                                100 * num(json_array_get(all, 0), "level")));
    return out;
}
