/* study.h -- a study on disk: FOLDER/study.db, a SQLite file that several processes of one machine work on.
 *
 *   fact(name, value)                       what all runs share, as JSON: space, objectives, rungs, model,
 *                                           data, ...
 *   run(number, point, state, rung, owner, beat, why)
 *   report(run, rung, metrics)              JSON of numbers
 *   final(run, kind, seed, state, owner, beat, metrics)   the judging at the end
 *   worker(owner, seconds)                  how long each process has worked
 *
 * A run is claimed, and a rung reported, in one transaction that others wait for; so no two processes ever
 * train the same run, and a kill loses no more than what was not reported yet. A run whose owner is gone is
 * taken up by whoever asks next. All functions may be called from several threads. */
#ifndef TUNE_STUDY_H
#define TUNE_STUDY_H

#include "tune/search.h"

/* An objective: a metric, and whether the larger is the better. */
typedef struct objective {
    const char *name;
    bool larger;
} objective;

/* What decides a claim. */
typedef struct study_rules {
    const space *s;
    const search *how;
    const objective *objective;
    int objectives, rungs;
    int64_t runs;        /* at most so many are begun; 0: no limit */
    double seconds;      /* no run is begun or gone on with after so much work; 0: no limit */
    double tokens;       /* nor after so many trained tokens; 0: no limit */
} study_rules;

typedef struct study_task {
    move what; /* MOVE_BEGIN is told as MOVE_GO_ON with rung 0 */
    int64_t run;
    int rung; /* to train it to */
    point at;
    bool taken_up; /* another process had begun it and is gone */
} study_task;

typedef struct study study;

/* STUDY_MAKE: made where there is none; facts, an object, are compared with those recorded, and E_USAGE
 * names the one that differs. STUDY_LOOK: facts are not looked at; E_IO when there is no study. */
typedef enum study_mode { STUDY_MAKE, STUDY_LOOK } study_mode;
int study_open(study **out, const char *folder, study_mode mode, const json_t *facts, err *e);
void study_close(study *s); /* NULL is fine */

/* The facts as recorded; the study's. */
const json_t *study_facts(const study *s);

/* What to do next, claimed for this process. */
int study_claim(study *s, const study_rules *r, study_task *out, err *e);

/* Run `run` was judged at `rung`: its metrics, and what it is now (RUN_PAUSED: free for others). */
int study_report(study *s, int64_t run, int rung, const json_t *metrics, run_state now, const char *why,
                 err *e);
/* It ends without having come to its next rung: RUN_STOPPED, RUN_DIVERGED or RUN_REFUSED; RUN_PAUSED: given
 * back unfinished. tokens: trained since what was last reported, which count as spent. */
int study_end(study *s, int64_t run, run_state now, double tokens, const char *why, err *e);
/* Sign of life, for processes that cannot see this one: every half minute or so. */
int study_beat(study *s, err *e);

/* All runs and what they reported, as a history; history_release() frees it. Objectives that a report does
 * not have count as infinitely bad. */
int study_history(study *s, const study_rules *r, history *out, err *e);
void history_release(history *h);
/* The metrics of run and rung; NULL when there are none. The caller releases it. */
json_t *study_metrics(study *s, int64_t run, int rung, err *e);

/* How much was worked: seconds of processes, tokens of runs, runs begun. */
typedef struct study_spent {
    double seconds, tokens;
    int64_t runs;
} study_spent;
int study_spent_so_far(study *s, study_spent *out, err *e);

/* A number that belongs to the study and may change: how many runs were asked for. 0 before it was set. */
int study_get(study *s, const char *name, double *out, err *e);
int study_set(study *s, const char *name, double value, err *e);

/* The judging at the end. A judgement is a run, a kind ("texts", "seed") and a seed. Claims it for this
 * process: MOVE_BEGIN; MOVE_WAIT when another process has it, MOVE_NOTHING when it is done. */
int study_claim_final(study *s, int64_t run, const char *kind, int64_t seed, move *out, err *e);
int study_report_final(study *s, int64_t run, const char *kind, int64_t seed, const json_t *metrics, err *e);
/* Its metrics; NULL: not done. The caller releases it. */
json_t *study_final(study *s, int64_t run, const char *kind, int64_t seed, err *e);
/* It is not done after all. */
int study_drop_final(study *s, int64_t run, const char *kind, int64_t seed, err *e);

/* The run as a JSON object: number, state, rung, owner's state, point, why, and its reports by rung. */
int study_runs_json(study *s, json_t **out, err *e);

#endif
