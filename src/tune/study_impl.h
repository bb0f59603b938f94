/* study_impl.h -- a study for the files it is spread over: study.c (opening, facts, counters),
 * study_claim.c (who does what), study_read.c (what was reported). */
#ifndef TUNE_STUDY_IMPL_H
#define TUNE_STUDY_IMPL_H

#include "tune/db.h"
#include "tune/owner.h"
#include "tune/study.h"

#include <pthread.h>

struct study {
    db d;
    pthread_mutex_t lock; /* a transaction belongs to one thread */
    char *folder;
    json_t *facts;
    char self[OWNER_SIZE];
    double opened; /* clock_seconds() */
};

/* A transaction under the lock: if (!study_begin(...)) { ...; code = study_commit(s, code, e); } */
int study_begin(study *s, err *e);
int study_commit(study *s, int code, err *e);

/* Without a lock of its own, for inside a transaction. */
int study_read_history(study *s, const study_rules *r, history *out, err *e);
int study_read_spent(study *s, study_spent *out, err *e);

/* Is the owner of something busy gone, for all that can be known? beat: when it last gave a sign of life. */
bool study_owner_gone(const char *owner, double beat);
double study_now(void); /* seconds since 1970 */

#endif
