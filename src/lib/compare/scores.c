/* scores.c -- what lies in the folder of a comparison, as numbers: scores of every recipe with intervals,
 * differences from the first recipe. What it cost in time and memory is spent.c's. */
#include "lib/compare/compare.h"

#include "base/file.h"
#include "metric/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One score of all runs of a recipe, as the bootstrap takes it. */
typedef enum score_id { SCORE_LOSS, SCORE_ACCURACY, SCORE_RIGHT, SCORE_MACRO, SCORE_MICRO, SCORE_ENTITIES,
                       SCORE_CHRF, SCORE_ROUGE, SCORE_COVERAGE, SCORE_ERRORS, SCORES } score_id;

static const char *const score_name[SCORES] = {"loss",      "token_accuracy", "accuracy", "macro_f1",
                                               "micro_f1",  "entity_f1",      "chrf",     "rougeL",
                                               "coverage",  "slot_error_rate"};

typedef struct series {
    double *num, *den; /* (seeds, rows) */
    int64_t rows;
} series;

/* units: what the bootstrap draws of the held-out rows, (rows) the number of each row's. */
typedef struct gathered {
    series of[SCORES];
    bootstrap_labels labels; /* of classifiers of one label; n 0: none */
    int64_t *first;          /* what they point to, on the heap */
    int32_t *truth, *said;
    int64_t seeds, units;
    const int64_t *unit;
    bool untold; /* a seed has no texts */
} gathered;

static const int64_t BOOTSTRAP_SEED = 1;
static const double LEVEL = 0.95;

static double num(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

json_t *compare_read(comparison *c, const char *run_name, const char *file, err *e)
{
    return json_parse_file(compare_path(c, run_name, file), e);
}

static void set_size(series *s, int64_t seeds, int64_t rows)
{
    if (s->num) return;
    *s = (series){xcalloc((size_t)(seeds * rows) + 1, sizeof *s->num), xcalloc((size_t)(seeds * rows) + 1,
                                                                               sizeof *s->den),
                  rows};
}

static void put(series *s, int64_t seed, int64_t row, double n, double d)
{
    s->num[seed * s->rows + row] += n;
    s->den[seed * s->rows + row] += d;
}

static int changed(comparison *c, const char *name, err *e)
{
    return fail(e, E_FORMAT, "%s: its rows are not those of the other runs; remove it and give the command "
                             "again",
                compare_path(c, name, "eval"));
}

/* Labels as they lie in the rows, sorted by the unit that they belong to. */
static void add_labels(comparison *c, gathered *g, const json_t *truth, const json_t *said, int64_t seed)
{
    const int64_t n = c->held->set.n, classes = c->class.labels.n;
    if (!g->first) {
        g->first = xcalloc((size_t)g->units + 1, sizeof *g->first);
        g->truth = xcalloc((size_t)n + 1, sizeof *g->truth);
        g->said = xcalloc((size_t)(g->seeds * n) + 1, sizeof *g->said);
        g->labels = (bootstrap_labels){n, classes, g->first, g->truth, g->said};
        for (int64_t i = 0; i < n; i++) g->first[g->unit[i] + 1]++;
        for (int64_t u = 0; u < g->units; u++) g->first[u + 1] += g->first[u];
    }
    int64_t *at = xcalloc((size_t)g->units + 1, sizeof *at);
    memcpy(at, g->first, (size_t)g->units * sizeof *at);
    for (int64_t i = 0; i < n; i++) {
        const int64_t k = at[g->unit[i]]++;
        const json_int_t is = json_integer_value(json_array_get(truth, (size_t)i)),
                         was = json_integer_value(json_array_get(said, (size_t)i));
        g->truth[k] = (int32_t)(is >= 0 && is < classes ? is : 0);
        g->said[seed * n + k] = (int32_t)(was >= 0 && was < classes ? was : 0);
    }
    free(at);
}

/* F1 of what a classifier says, where it has one. */
static void add_class(comparison *c, gathered *g, const json_t *o, int64_t seed)
{
    const json_t *f1 = json_object_get(o, "f1"), *of = json_object_get(o, "f1_of");
    const int k = c->class.labels.kind == LABEL_TOKENS ? SCORE_ENTITIES : SCORE_MICRO;
    if (json_object_get(o, "truth"))
        add_labels(c, g, json_object_get(o, "truth"), json_object_get(o, "said"), seed);
    if (!f1) return;
    set_size(&g->of[k], g->seeds, g->units);
    for (size_t i = 0; i < (size_t)c->held->set.n; i++)
        put(&g->of[k], seed, g->unit[i], json_number_value(json_array_get(f1, i)),
            json_number_value(json_array_get(of, i)));
}

static int add_rows(comparison *c, gathered *g, const char *name, int64_t seed, err *e)
{
    json_t *o = compare_read(c, name, "eval/rows.json", e);
    if (!o) return e->code;
    const json_t *loss = json_object_get(o, "loss"), *labels = json_object_get(o, "labels"),
                 *hits = json_object_get(o, "hits");
    int64_t n = (int64_t)json_array_size(loss);
    const bool text = c->class.head.task == TASK_CAUSAL_LM, number = c->class.labels.kind == LABEL_VALUE;
    series *right = text ? &g->of[SCORE_ACCURACY] : !number ? &g->of[SCORE_RIGHT] : NULL;
    set_size(&g->of[SCORE_LOSS], g->seeds, g->units);
    if (right) set_size(right, g->seeds, g->units);
    int bad = n == c->held->set.n ? OK : changed(c, name, e);
    for (int64_t i = 0; i < n && !bad; i++) {
        double d = json_number_value(json_array_get(labels, (size_t)i));
        put(&g->of[SCORE_LOSS], seed, g->unit[i], json_number_value(json_array_get(loss, (size_t)i)), d);
        if (right) put(right, seed, g->unit[i], json_number_value(json_array_get(hits, (size_t)i)), d);
    }
    if (!bad && !text) add_class(c, g, o, seed);
    json_decref(o);
    return bad;
}

/* Realized, and wrong + missing + added, of the slots of a text. */
static void add_slots(gathered *g, int64_t seed, int64_t row, const json_t *slots)
{
    double all = 0, realized = 0, errors = 0;
    for (size_t i = 0; i < json_array_size(slots); i++) {
        const char *verdict = json_string_value(json_object_get(json_array_get(slots, i), "verdict"));
        if (!verdict) continue;
        all += strcmp(verdict, "added") != 0;
        realized += !strcmp(verdict, "realized");
        errors += strcmp(verdict, "realized") != 0;
    }
    put(&g->of[SCORE_COVERAGE], seed, row, realized, all);
    put(&g->of[SCORE_ERRORS], seed, row, errors, all);
}

static void add_line(gathered *g, int64_t seed, int64_t row, const json_t *o)
{
    put(&g->of[SCORE_CHRF], seed, row, num(o, "chrf"), 1);
    put(&g->of[SCORE_ROUGE], seed, row, num(o, "rougeL"), 1);
    if (g->of[SCORE_COVERAGE].num) add_slots(g, seed, row, json_object_get(o, "slots"));
}

static int add_texts(comparison *c, gathered *g, const char *name, int64_t seed, err *e)
{
    str text = {0};
    const char *path = compare_path(c, name, "eval/eval.jsonl");
    if (!file_exists(path)) return g->untold = true, OK;
    int bad = file_read(&text, path, (size_t)1 << 30, e);
    int64_t n = 0, row = 0;
    for (size_t i = 0; i < text.n; i++) n += text.p[i] == '\n';
    for (int k = SCORE_CHRF; k < SCORES && !bad; k++)
        if (k < SCORE_COVERAGE || strstr(text.p, "\"slots\":")) set_size(&g->of[k], g->seeds, n);
    if (!bad && g->of[SCORE_CHRF].rows != n) bad = changed(c, name, e);
    char *rest = text.p;
    for (char *line; !bad && rest && (line = strsep(&rest, "\n")) != NULL && *line; row++) {
        json_t *o = json_parse(line, strlen(line), path, e);
        if (!o) bad = e->code;
        if (o && row < n) add_line(g, seed, row, o);
        json_decref(o);
    }
    str_free(&text);
    return bad;
}

static int gather(comparison *c, gathered *g, int which, err *e)
{
    int bad = OK;
    for (int64_t s = 0; s < g->seeds && !bad; s++) {
        const char *name = compare_run_name(c, which, c->o->seed + s);
        bad = add_rows(c, g, name, s, e);
        if (!bad) bad = add_texts(c, g, name, s, e);
    }
    for (int k = SCORE_CHRF; k < SCORES && g->untold; k++) { /* of some seeds only: no score of the recipe */
        free(g->of[k].num), free(g->of[k].den);
        g->of[k] = (series){0};
    }
    return bad;
}

static void release(gathered *g)
{
    for (int k = 0; k < SCORES; k++) free(g->of[k].num), free(g->of[k].den);
    free(g->first);
    free(g->truth);
    free(g->said);
}

static bool has(const gathered *g, int k) { return k == SCORE_MACRO ? g->first != NULL : g->of[k].num != NULL; }

static bootstrap_scores scores_of(const gathered *g, int k)
{
    if (k == SCORE_MACRO) return (bootstrap_scores){.rows = g->units, .seeds = g->seeds, .labels = &g->labels};
    return (bootstrap_scores){g->of[k].rows, g->seeds, g->of[k].num, g->of[k].den, NULL};
}

static json_t *interval_json(interval v)
{
    return json_pack("{s:f, s:f, s:f}", "value", v.value, "low", v.low, "high", v.high);
}

static void add_intervals(json_t *out, const gathered *g)
{
    for (int k = 0; k < SCORES; k++) {
        if (!has(g, k)) continue;
        bootstrap_scores a = scores_of(g, k);
        interval v = bootstrap_interval(&a, LEVEL, BOOTSTRAP_REPLICATES, (uint64_t)BOOTSTRAP_SEED);
        json_object_set_new(out, score_name[k], interval_json(v));
    }
}

/* Every recipe against the first. With m comparisons of a score each claim is made at 1 - 0.05 / m
 * (Bonferroni), so that all of them are right at once 95 % of the time. */
static void add_differences(json_t *list, const comparison *c, int which, const gathered *first,
                            const gathered *g)
{
    double level = 1 - (1 - LEVEL) / (c->recipes - 1);
    for (int k = 0; k < SCORES; k++) {
        if (!has(g, k) || !has(first, k)) continue;
        bootstrap_scores a = scores_of(g, k), b = scores_of(first, k);
        if (a.rows != b.rows) continue;
        interval v = bootstrap_difference(&a, &b, level, BOOTSTRAP_REPLICATES, (uint64_t)BOOTSTRAP_SEED);
        json_t *one = interval_json(v);
        json_object_set_new(one, "recipe", json_string(c->recipe[which].name));
        json_object_set_new(one, "against", json_string(c->recipe[0].name));
        json_object_set_new(one, "score", json_string(score_name[k]));
        json_object_set_new(one, "level", json_real(level));
        json_object_set_new(one, "rows", json_integer((json_int_t)a.rows));
        if (k < SCORE_CHRF && g->units < c->held->set.n) json_object_set_new(one, "prompts", json_true());
        json_object_set_new(one, "shown", json_boolean(bootstrap_shows(v, a.rows, level)));
        json_array_append_new(list, one);
    }
}

static int add_recipe(comparison *c, json_t *recipes, int i, const gathered *g, double *worst_best, err *e)
{
    static const char *const means[] = {"seconds", "tokens", "tokens_per_second", "seconds_to_best",
                                        "best_loss", "bleu"};
    json_t *one = json_object(), *runs = json_array();
    json_object_set_new(one, "name", json_string(c->recipe[i].name));
    json_array_append_new(recipes, one);
    int bad = compare_add_facts(c, one, i, e);
    add_intervals(one, g);
    json_object_set_new(one, "runs", runs);
    for (int64_t s = 0; s < g->seeds && !bad; s++) bad = compare_add_run(c, runs, i, c->o->seed + s, worst_best, e);
    for (size_t k = 0; k < sizeof means / sizeof *means && !bad; k++)
        if (json_object_get(json_array_get(runs, 0), means[k]))
            json_object_set_new(one, means[k], json_real(compare_mean(runs, means[k])));
    return bad;
}

int compare_units(const job_rows *rows, int64_t **unit, int64_t *n, err *e)
{
    symbols prompts = {0};
    int bad = OK;
    *unit = xcalloc((size_t)rows->set.n + 1, sizeof **unit);
    for (int64_t i = 0; i < rows->set.n && !bad; i++)
        bad = job_rows_prompt(rows, rows->set.row[i], &prompts, &(*unit)[i], e);
    *n = prompts.n;
    symbols_free(&prompts);
    return bad;
}

int compare_scores(comparison *c, err *e)
{
    gathered *g = xcalloc((size_t)c->recipes, sizeof *g);
    json_t *recipes = json_array(), *differences = json_array();
    double equal = -INFINITY;
    int64_t *unit, units;
    int bad = compare_units(c->held, &unit, &units, e);
    for (int i = 0; i < c->recipes && !bad; i++) {
        g[i] = (gathered){.seeds = c->o->seeds, .units = units, .unit = unit};
        bad = gather(c, &g[i], i, e);
        if (!bad) bad = add_recipe(c, recipes, i, &g[i], &equal, e);
        if (!bad && i) add_differences(differences, c, i, &g[0], &g[i]);
    }
    if (!bad) bad = compare_add_equal_loss(c, recipes, equal, e);
    json_object_set_new(c->told, "seeds", json_integer((json_int_t)c->o->seeds));
    json_object_set_new(c->told, "level", json_real(LEVEL));
    json_object_set_new(c->told, "replicates", json_integer(BOOTSTRAP_REPLICATES));
    json_object_set_new(c->told, "equal_loss", json_real(isfinite(equal) ? equal : 0));
    json_object_set_new(c->told, "results", recipes);
    json_object_set_new(c->told, "differences", differences);
    for (int i = 0; i < c->recipes; i++) release(&g[i]);
    free(unit);
    free(g);
    return bad;
}
