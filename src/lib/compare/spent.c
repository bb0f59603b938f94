/* spent.c -- what recipes cost: time from the logs of their runs, memory from their plans. */
#include "lib/compare/compare.h"

#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static double num(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

typedef struct point {
    double loss, seconds, tokens;
} point;

/* The evaluations of a run, from its log. */
static int read_curve(comparison *c, const char *name, point **out, int64_t *n, err *e)
{
    str text = {0};
    const char *path = compare_path(c, name, "log.jsonl");
    int bad = file_read(&text, path, (size_t)1 << 28, e);
    *n = 0;
    *out = xcalloc(text.n / 16 + 1, sizeof **out);
    char *rest = text.p;
    for (char *line; !bad && rest && (line = strsep(&rest, "\n")) != NULL && *line;) {
        json_t *o = json_parse(line, strlen(line), path, e);
        if (!o) bad = e->code;
        if (json_object_get(o, "eval_loss"))
            (*out)[(*n)++] = (point){num(o, "eval_loss"), num(o, "seconds"), num(o, "tokens")};
        json_decref(o);
    }
    str_free(&text);
    return bad;
}

/* When the curve first is at or below `loss`, between two evaluations in proportion; -1: never. */
static double when_at(const point *p, int64_t n, double loss)
{
    for (int64_t i = 0; i < n; i++) {
        if (p[i].loss > loss) continue;
        if (!i || p[i - 1].loss <= p[i].loss) return p[i].seconds;
        double share = (p[i - 1].loss - loss) / (p[i - 1].loss - p[i].loss);
        return p[i - 1].seconds + share * (p[i].seconds - p[i - 1].seconds);
    }
    return -1;
}

/* The evaluation of the lowest loss. */
static point best_of(const point *p, int64_t n)
{
    point best = {INFINITY, 0, 0};
    for (int64_t i = 0; i < n; i++)
        if (p[i].loss < best.loss) best = p[i];
    return best;
}

int compare_add_run(comparison *c, json_t *runs, int which, int64_t seed, double *worst_best, err *e)
{
    const char *name = compare_run_name(c, which, seed);
    point *curve;
    int64_t n;
    json_t *facts = compare_read(c, name, "run.json", e), *eval = compare_read(c, name, "eval/eval.json", e);
    int bad = e->code ? e->code : read_curve(c, name, &curve, &n, e);
    if (!bad) {
        json_t *r = json_object_get(facts, "result"), *one = json_deep_copy(eval);
        static const char *const keys[] = {"seconds", "tokens", "tokens_per_second", "steps", "train_loss"};
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            if (json_object_get(r, keys[i])) json_object_set(one, keys[i], json_object_get(r, keys[i]));
        point best = best_of(curve, n);
        json_object_set_new(one, "name", json_string(name));
        json_object_set_new(one, "seed", json_integer((json_int_t)seed));
        json_object_set_new(one, "best_loss", json_real(best.loss));
        json_object_set_new(one, "seconds_to_best", json_real(best.seconds));
        json_array_append_new(runs, one);
        if (best.loss > *worst_best) *worst_best = best.loss;
    }
    if (!bad) free(curve);
    json_decref(facts);
    json_decref(eval);
    return bad;
}

double compare_mean(const json_t *runs, const char *key)
{
    double sum = 0;
    for (size_t i = 0; i < json_array_size(runs); i++) sum += num(json_array_get(runs, i), key);
    return json_array_size(runs) ? sum / (double)json_array_size(runs) : 0;
}

/* Seconds until every run has been at the loss that all of them reach. */
int compare_add_equal_loss(comparison *c, json_t *recipes, double loss, err *e)
{
    int bad = OK;
    for (size_t i = 0; i < json_array_size(recipes) && !bad; i++) {
        json_t *one = json_array_get(recipes, i), *runs = json_object_get(one, "runs");
        for (size_t s = 0; s < json_array_size(runs) && !bad; s++) {
            json_t *r = json_array_get(runs, s);
            point *curve;
            int64_t n;
            bad = read_curve(c, json_string_value(json_object_get(r, "name")), &curve, &n, e);
            if (!bad) json_object_set_new(r, "seconds_to_equal_loss", json_real(when_at(curve, n, loss)));
            free(curve);
        }
        json_object_set_new(one, "seconds_to_equal_loss", json_real(compare_mean(runs, "seconds_to_equal_loss")));
    }
    return bad;
}

/* What does not depend on the seed: memory, bytes, the base before training. */
int compare_add_facts(comparison *c, json_t *one, int which, err *e)
{
    char type[64];
    const contender *r = &c->recipe[which];
    json_t *facts = compare_read(c, compare_run_name(c, which, c->o->seed), "run.json", e);
    json_t *base = compare_read(c, "base", arena_fmt(&c->mem, "%s.json", compare_type(&r->o, type)), e);
    if (!e->code) {
        const json_t *result = json_object_get(facts, "result"), *memory = json_object_get(result, "memory");
        double trained = num(result, "trainable_parameters");
        json_object_set_new(one, "type", json_string(type));
        json_object_set(one, "memory", (json_t *)(uintptr_t)memory);
        json_object_set_new(one, "base_bytes", json_real(num(base, "owned_bytes") + num(base,
                                                                                        "mapped_bytes")));
        json_object_set_new(one, "adapter_bytes", json_real(4 * trained));
        json_object_set_new(one, "trainable_parameters", json_real(trained));
        json_object_set(one, "before", base);
    }
    json_decref(facts);
    json_decref(base);
    return e->code;
}
