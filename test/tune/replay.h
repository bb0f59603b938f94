/* replay.h -- a search played against a table of recorded runs: no model, no time, the same history as a
 * study's.
 *
 * The table (test/data/tune/README.md) holds for every point of a grid the held-out loss at four budgets. A
 * replay pays for a run what training it pays: the trunk since the last rung and the branch, in rows; the
 * first run is where the options stand. After every step it notes what the study would name as its best,
 * and what that is worth at the full budget. */
#ifndef TEST_TUNE_REPLAY_H
#define TEST_TUNE_REPLAY_H

#include "tune/search.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_PARAMS = 6, TABLE_RUNGS = 4, TABLE_MAX = 1024, REPLAY_STEPS = 4096 };

typedef struct table {
    space s;
    int64_t n;
    point at[TABLE_MAX];
    double loss[TABLE_MAX][TABLE_RUNGS]; /* INFINITY: broke off */
    double rows[TABLE_RUNGS], best;      /* best: of the last rung */
} table;

typedef struct replay_note {
    double cost;  /* in full runs */
    double named; /* full-budget loss of the run that the study would name best */
    double found; /* the lowest loss of a run that was trained to the end; INFINITY: none yet */
} replay_note;

typedef struct replay {
    replay_note note[REPLAY_STEPS];
    int64_t n;
} replay;

static const char *const table_names[TABLE_PARAMS] = {"learning_rate", "lora_r", "lora_target_modules",
                                                      "use_rslora", "batch", "warmup_ratio"};
static const char *const table_standard[TABLE_PARAMS] = {"2e-4", "16", "all-linear", "false", "8", "0.05"};

static void add_value(json_t *definition, const char *name, const char *value)
{
    json_t *list = json_object_get(definition, name);
    if (!list) json_object_set_new(definition, name, list = json_array());
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!strcmp(json_string_value(json_array_get(list, i)), value)) return;
    json_array_append_new(list, json_string(value));
}

static int64_t split(char *line, char **field, int64_t most)
{
    int64_t n = 0;
    line[strcspn(line, "\n")] = 0;
    for (char *f; n < most && (f = strsep(&line, "\t")) != NULL;) field[n++] = f;
    return n;
}

static bool table_read_space(table *t, FILE *f)
{
    char line[1024], *field[32];
    json_t *definition = json_object(), *standard = json_object();
    for (int i = 0; i < TABLE_PARAMS; i++)
        json_object_set_new(standard, table_names[i], json_string(table_standard[i]));
    if (!fgets(line, sizeof line, f)) return false;
    split(line, field, 32);
    for (int k = 0; k < TABLE_RUNGS; k++)
        t->rows[k] = atof(strchr(field[TABLE_PARAMS + 2 * k], '_') + 1);
    while (fgets(line, sizeof line, f)) {
        split(line, field, 32);
        for (int i = 0; i < TABLE_PARAMS; i++) add_value(definition, table_names[i], field[i]);
    }
    err e = {0};
    int bad = space_read(&t->s, definition, standard, &e);
    json_decref(definition);
    json_decref(standard);
    return !bad;
}

static bool table_read(table *t, const char *path)
{
    char line[1024], *field[32];
    FILE *f = fopen(path, "re");
    *t = (table){.best = INFINITY};
    if (!f || !table_read_space(t, f)) return false;
    rewind(f);
    if (!fgets(line, sizeof line, f)) return false;
    while (t->n < TABLE_MAX && fgets(line, sizeof line, f)) {
        if (split(line, field, 32) != TABLE_PARAMS + 2 * TABLE_RUNGS) return false;
        for (int i = 0; i < TABLE_PARAMS; i++)
            for (int c = 0; c < t->s.param[i].choices; c++)
                if (!strcmp(t->s.param[i].choice[c], field[i])) t->at[t->n].v[i] = c;
        for (int k = 0; k < TABLE_RUNGS; k++) {
            double loss = atof(field[TABLE_PARAMS + 2 * k]);
            t->loss[t->n][k] = isfinite(loss) ? loss : INFINITY;
        }
        if (t->loss[t->n][TABLE_RUNGS - 1] < t->best) t->best = t->loss[t->n][TABLE_RUNGS - 1];
        t->n++;
    }
    fclose(f);
    return true;
}

static int64_t table_find(const table *t, const point *at)
{
    for (int64_t i = 0; i < t->n; i++)
        if (space_same(&t->s, &t->at[i], at)) return i;
    return -1;
}

/* Rows trained on the way from rung k - 1 to rung k, the branch of a fifth included. */
static double table_cost(const table *t, int k)
{
    double before = k ? t->rows[k - 1] : 0;
    return 0.8 * (t->rows[k] - before) + 0.2 * t->rows[k];
}

/* A point that the table does not hold is refused, as one that would break a constraint: it costs nothing. */
static void judge(const table *t, history *h, attempt *r, double *cost)
{
    int rung = h->rungs == 1 ? TABLE_RUNGS - 1 : r->rung + 1;
    int64_t place = table_find(t, &r->at);
    double loss = place < 0 ? INFINITY : t->loss[place][rung];
    if (place < 0) {
        r->state = RUN_REFUSED;
        return;
    }
    *cost += h->rungs == 1 ? t->rows[TABLE_RUNGS - 1] : table_cost(t, rung);
    r->rung++;
    r->value[r->rung][0] = loss;
    r->state = !isfinite(loss) ? RUN_DIVERGED : r->rung == h->rungs - 1 ? RUN_DONE : RUN_PAUSED;
}

static void note(const table *t, const history *h, double cost, replay *out)
{
    int64_t order[TABLE_MAX];
    replay_note *n = &out->note[out->n++];
    *n = (replay_note){cost / t->rows[TABLE_RUNGS - 1], INFINITY, INFINITY};
    if (!history_order(h, order)) return;
    n->named = t->loss[table_find(t, &h->run[order[0]].at)][TABLE_RUNGS - 1];
    const attempt *best = &h->run[history_best(h)];
    if (best->rung == h->rungs - 1) n->found = best->value[h->rungs - 1][0];
}

/* Plays until `budget` full runs are spent or nothing is left to do. */
static void replay_run(const table *t, const search *s, double budget, replay *out)
{
    history h = {.s = &t->s, .objectives = 1, .rungs = s->stop == EARLY_HALVING ? TABLE_RUNGS : 1};
    int64_t points = grid_size(&t->s);
    h.run = calloc((size_t)points + 1, sizeof *h.run);
    double cost = 0;
    out->n = 0;
    while (out->n < REPLAY_STEPS && cost < budget * t->rows[TABLE_RUNGS - 1]) {
        int64_t k;
        point at;
        move what = search_next(s, &h, h.n < points ? MAY_BEGIN : ONLY_GO_ON, &k, &at);
        if (what == MOVE_BEGIN) {
            k = h.n++;
            h.run[k] = (attempt){.number = k, .at = at, .rung = -1, .state = RUN_BUSY};
        } else if (what != MOVE_GO_ON)
            break;
        judge(t, &h, &h.run[k], &cost);
        if (h.run[k].state != RUN_REFUSED) note(t, &h, cost, out);
    }
    free(h.run);
}

/* What had been reached when `cost` full runs were spent. */
static replay_note replay_at(const replay *r, double cost)
{
    replay_note last = {0, INFINITY, INFINITY};
    for (int64_t i = 0; i < r->n && r->note[i].cost <= cost + 1e-9; i++) last = r->note[i];
    return last;
}

#endif
