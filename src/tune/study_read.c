/* study_read.c -- what was reported, as a history and as JSON: see study.h. */
#include "tune/study_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static int damaged(const study *s, int64_t run, err *e)
{
    return fail(e, E_FORMAT,
                "%s: what is said of run %lld is damaged; restore the file, or use another --out",
                s->d.path, (long long)run);
}

static json_t *object_of(const char *text)
{
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(o)) return o;
    json_decref(o);
    return NULL;
}

static int read_run(const study *s, const study_rules *r, sqlite3_stmt *q, history *h, err *e)
{
    int64_t number = sqlite3_column_int64(q, 0), rung = sqlite3_column_int64(q, 3);
    json_t *values = object_of(db_text(q, 1));
    attempt a = {.number = number, .state = run_state_find(db_text(q, 2)), .rung = (int)rung};
    bool fits = values && number == h->n && a.state < RUN_STATES && rung >= -1 && rung < r->rungs;
    err inner = {0};
    if (fits) fits = space_point(r->s, values, &a.at, &inner) == OK;
    json_decref(values);
    if (!fits) return damaged(s, number, e);
    for (int k = 0; k < RUNGS_MAX; k++)
        for (int i = 0; i < OBJECTIVES_MAX; i++) a.value[k][i] = INFINITY;
    if ((h->n & (h->n - 1)) == 0) h->run = xrealloc(h->run, (size_t)(2 * h->n + 1) * sizeof *h->run);
    h->run[h->n++] = a;
    return OK;
}

static int read_report(const study *s, const study_rules *r, sqlite3_stmt *q, history *h, err *e)
{
    int64_t number = sqlite3_column_int64(q, 0), rung = sqlite3_column_int64(q, 1);
    json_t *metrics = object_of(db_text(q, 2));
    bool fits = metrics && number >= 0 && number < h->n && rung >= 0 && rung < r->rungs;
    for (int i = 0; fits && i < r->objectives; i++) {
        const json_t *v = json_object_get(metrics, r->objective[i].name);
        if (json_is_number(v))
            h->run[number].value[rung][i] = json_number_value(v) * (r->objective[i].larger ? -1 : 1);
    }
    json_decref(metrics);
    return fits ? OK : damaged(s, number, e);
}

int study_read_history(study *s, const study_rules *r, history *out, err *e)
{
    *out = (history){.s = r->s, .objectives = r->objectives, .rungs = r->rungs};
    sqlite3_stmt *q;
    int got = db_prepare(&s->d, &q, e, "SELECT number, point, state, rung FROM run ORDER BY number", "");
    while (!got && (got = db_row(&s->d, q, e)) > 0) got = read_run(s, r, q, out, e);
    db_done(q);
    q = NULL;
    if (!got) got = db_prepare(&s->d, &q, e, "SELECT run, rung, metrics FROM report", "");
    while (!got && (got = db_row(&s->d, q, e)) > 0) got = read_report(s, r, q, out, e);
    db_done(q);
    if (got) history_release(out);
    return got;
}

void history_release(history *h)
{
    free(h->run);
    *h = (history){0};
}

int study_history(study *s, const study_rules *r, history *out, err *e)
{
    pthread_mutex_lock(&s->lock);
    int bad = study_read_history(s, r, out, e);
    pthread_mutex_unlock(&s->lock);
    return bad;
}

/* The first column of the first row as an object. */
static json_t *one_object(study *s, sqlite3_stmt *q, int64_t run, err *e)
{
    int got = db_row(&s->d, q, e);
    const char *text = got > 0 ? db_text(q, 0) : "";
    json_t *o = *text ? object_of(text) : NULL;
    if (got > 0 && *text && !o) damaged(s, run, e);
    db_done(q);
    return o;
}

json_t *study_metrics(study *s, int64_t run, int rung, err *e)
{
    sqlite3_stmt *q;
    pthread_mutex_lock(&s->lock);
    int bad = db_prepare(&s->d, &q, e, "SELECT metrics FROM report WHERE run = ?1 AND rung = ?2", "ii", run,
                         (int64_t)rung);
    json_t *o = bad ? NULL : one_object(s, q, run, e);
    pthread_mutex_unlock(&s->lock);
    return o;
}

json_t *study_final(study *s, int64_t run, const char *kind, int64_t seed, err *e)
{
    sqlite3_stmt *q;
    pthread_mutex_lock(&s->lock);
    int bad = db_prepare(&s->d, &q, e,
                         "SELECT metrics FROM final WHERE run = ?1 AND kind = ?2 AND seed = ?3", "isi", run,
                         kind, seed);
    json_t *o = bad ? NULL : one_object(s, q, run, e);
    pthread_mutex_unlock(&s->lock);
    return o;
}

/* ------------------------------------------------------------------------------------- JSON */

static int runs(study *s, json_t *list, err *e)
{
    sqlite3_stmt *q;
    int got = db_prepare(&s->d, &q, e,
                         "SELECT number, state, rung, point, why, owner FROM run ORDER BY number", "");
    while (!got && (got = db_row(&s->d, q, e)) > 0) {
        int64_t number = sqlite3_column_int64(q, 0);
        json_t *values = object_of(db_text(q, 3));
        got = values && number == (int64_t)json_array_size(list) ? OK : damaged(s, number, e);
        const char *state = db_text(q, 1), *owner = db_text(q, 5);
        if (!strcmp(state, "busy") && (!*owner || owner_look(owner) == OWNER_GONE)) state = "left";
        json_t *one = json_pack("{s:I, s:s, s:i, s:o, s:s, s:[]}", "run", (json_int_t)number, "state", state,
                                "rung", sqlite3_column_int(q, 2), "options", values ? values : json_object(),
                                "why", db_text(q, 4), "rungs");
        json_array_append_new(list, one);
    }
    db_done(q);
    return got;
}

static int reports(study *s, const json_t *list, err *e)
{
    sqlite3_stmt *q;
    int got = db_prepare(&s->d, &q, e, "SELECT run, rung, metrics FROM report ORDER BY run, rung", "");
    while (!got && (got = db_row(&s->d, q, e)) > 0) {
        int64_t number = sqlite3_column_int64(q, 0);
        json_t *run = number >= 0 ? json_array_get(list, (size_t)number) : NULL,
            *metrics = object_of(db_text(q, 2));
        got = run && metrics ? OK : damaged(s, number, e);
        if (!got) json_object_set_new(metrics, "rung", json_integer(sqlite3_column_int64(q, 1)));
        if (!got) json_array_append(json_object_get(run, "rungs"), metrics);
        json_decref(metrics);
    }
    db_done(q);
    return got;
}

int study_runs_json(study *s, json_t **out, err *e)
{
    *out = json_array();
    pthread_mutex_lock(&s->lock);
    int bad = runs(s, *out, e);
    if (!bad) bad = reports(s, *out, e);
    pthread_mutex_unlock(&s->lock);
    if (!bad) return OK;
    json_decref(*out);
    *out = NULL;
    return bad;
}
