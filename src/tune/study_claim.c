/* study_claim.c -- who does what: claims and reports, each one transaction. See study.h. */
#include "tune/study_impl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* What a process that is gone was doing: *run stays -1 when there is nothing. */
static int abandoned(study *s, int64_t *run, err *e)
{
    sqlite3_stmt *q;
    *run = -1;
    int got = db_prepare(&s->d, &q, e,
                         "SELECT number, owner, beat FROM run WHERE state = 'busy' ORDER BY number", "");
    while (!got && *run < 0 && (got = db_row(&s->d, q, e)) > 0) {
        got = OK;
        if (study_owner_gone(db_text(q, 1), sqlite3_column_double(q, 2))) *run = sqlite3_column_int64(q, 0);
    }
    db_done(q);
    return got;
}

static int hold(study *s, int64_t run, err *e)
{
    return db_run(&s->d, e, "UPDATE run SET state = 'busy', owner = ?1, beat = ?2 WHERE number = ?3", "sdi",
                  s->self,
                  study_now(), run);
}

static int begin(study *s, const space *of, const point *at, int64_t number, err *e)
{
    json_t *values = space_json(of, at);
    char *text = json_dumps(values, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int bad = db_run(&s->d, e,
                     "INSERT INTO run(number, point, state, rung, owner, beat) "
                     "VALUES(?1, ?2, 'busy', -1, ?3, ?4)",
                     "issd", number, text, s->self, study_now());
    free(text);
    json_decref(values);
    return bad;
}

static beginning may_begin(const study_rules *r, const study_spent *spent)
{
    if (r->seconds > 0 && spent->seconds >= r->seconds) return ONLY_END;
    if (r->tokens > 0 && spent->tokens >= r->tokens) return ONLY_END;
    return r->runs > 0 && spent->runs >= r->runs ? ONLY_GO_ON : MAY_BEGIN;
}

static int claim(study *s, const study_rules *r, study_task *out, err *e)
{
    history h;
    study_spent spent;
    int64_t run;
    *out = (study_task){.what = MOVE_NOTHING, .run = -1};
    int bad = abandoned(s, &run, e);
    if (!bad) bad = study_read_spent(s, &spent, e);
    if (!bad) bad = study_read_history(s, r, &h, e);
    if (bad) return bad;
    out->taken_up = run >= 0;
    if (run >= 0)
        out->what = MOVE_GO_ON;
    else
        out->what = search_next(r->how, &h, may_begin(r, &spent), &run, &out->at);
    if (out->what == MOVE_GO_ON) {
        out->at = h.run[run].at, out->rung = h.run[run].rung + 1;
        bad = hold(s, run, e);
    } else if (out->what == MOVE_BEGIN) {
        run = h.n;
        bad = begin(s, r->s, &out->at, run, e);
    }
    if (out->what == MOVE_BEGIN) out->what = MOVE_GO_ON;
    out->run = run;
    history_release(&h);
    return bad;
}

int study_claim(study *s, const study_rules *r, study_task *out, err *e)
{
    int bad = study_begin(s, e);
    return bad ? bad : study_commit(s, claim(s, r, out, e), e);
}

static int let_go(study *s, int64_t run, int rung, run_state now, const char *why, err *e)
{
    int bad = db_run(&s->d, e,
                     "UPDATE run SET state = ?1, rung = max(rung, ?2), why = ?3, "
                     "owner = CASE ?1 WHEN 'busy' THEN owner END WHERE number = ?4 AND owner = ?5",
                     "sisis", run_state_name(now), (int64_t)rung, why, run, s->self);
    if (!bad && sqlite3_changes(s->d.handle) != 1)
        bad = fail(e, E_IO, "%s: run %lld was taken up by another process, which took this one for dead",
                   s->d.path, (long long)run);
    return bad;
}

int study_report(study *s, int64_t run, int rung, const json_t *metrics, run_state now, const char *why,
                 err *e)
{
    char *text = json_dumps(metrics, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int bad = study_begin(s, e);
    if (!bad) {
        bad = let_go(s, run, rung, now, why, e);
        if (!bad)
            bad = db_run(&s->d, e, "INSERT OR REPLACE INTO report VALUES(?1, ?2, ?3, ?4)", "iisd", run,
                         (int64_t)rung, text, json_number_value(json_object_get(metrics, "tokens")));
        bad = study_commit(s, bad, e);
    }
    free(text);
    return bad;
}

/* A run that no rung was reported of and that is given back has no state of its own: it stays busy, and its
 * owner is nobody, so that the next claim takes it up. */
int study_end(study *s, int64_t run, run_state now, double tokens, const char *why, err *e)
{
    int bad = study_begin(s, e);
    if (bad) return bad;
    bad = let_go(s, run, -1, now, why, e);
    if (!bad && now == RUN_PAUSED)
        bad = db_run(&s->d, e, "UPDATE run SET state = 'busy', owner = '', beat = 0 WHERE number = ?1", "i",
                     run);
    if (!bad && tokens > 0)
        bad = db_run(&s->d, e,
                     "INSERT INTO counter VALUES('lost tokens', ?1) "
                     "ON CONFLICT(name) DO UPDATE SET value = value + excluded.value", "d", tokens);
    return study_commit(s, bad, e);
}

int study_beat(study *s, err *e)
{
    int bad = study_begin(s, e);
    if (bad) return bad;
    bad = db_run(&s->d, e, "UPDATE run SET beat = ?1 WHERE owner = ?2", "ds", study_now(), s->self);
    if (!bad)
        bad = db_run(&s->d, e, "UPDATE final SET beat = ?1 WHERE owner = ?2", "ds", study_now(), s->self);
    return study_commit(s, bad, e);
}

/* ------------------------------------------------------------------------------ at the end */

static int claim_final(study *s, int64_t run, const char *kind, int64_t seed, move *out, err *e)
{
    sqlite3_stmt *q;
    *out = MOVE_BEGIN;
    int got = db_prepare(&s->d, &q, e,
                         "SELECT metrics, owner, beat FROM final "
                         "WHERE run = ?1 AND kind = ?2 AND seed = ?3",
                         "isi", run, kind, seed);
    if (!got) got = db_row(&s->d, q, e);
    if (got > 0 && *db_text(q, 0))
        *out = MOVE_NOTHING;
    else if (got > 0 && !study_owner_gone(db_text(q, 1), sqlite3_column_double(q, 2)))
        *out = MOVE_WAIT;
    db_done(q);
    if (got < 0 || *out != MOVE_BEGIN) return got < 0 ? got : OK;
    return db_run(&s->d, e, "INSERT OR REPLACE INTO final VALUES(?1, ?2, ?3, ?4, ?5, NULL)", "isisd", run,
                  kind, seed, s->self, study_now());
}

int study_claim_final(study *s, int64_t run, const char *kind, int64_t seed, move *out, err *e)
{
    int bad = study_begin(s, e);
    return bad ? bad : study_commit(s, claim_final(s, run, kind, seed, out, e), e);
}

int study_report_final(study *s, int64_t run, const char *kind, int64_t seed, const json_t *metrics, err *e)
{
    char *text = json_dumps(metrics, JSON_COMPACT | JSON_REAL_PRECISION(17));
    int bad = study_begin(s, e);
    if (!bad) {
        bad = db_run(&s->d, e,
                     "UPDATE final SET metrics = ?1, owner = NULL WHERE run = ?2 AND kind = ?3 AND seed = ?4",
                     "sisi", text, run, kind, seed);
        bad = study_commit(s, bad, e);
    }
    free(text);
    return bad;
}

int study_drop_final(study *s, int64_t run, const char *kind, int64_t seed, err *e)
{
    int bad = study_begin(s, e);
    if (bad) return bad;
    bad = db_run(&s->d, e,
                 "DELETE FROM final WHERE run = ?1 AND kind = ?2 AND seed = ?3 AND metrics IS NULL", "isi",
                 run, kind, seed);
    return study_commit(s, bad, e);
}
