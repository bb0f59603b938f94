/* tune_parallel.c -- whether runs side by side are faster than one after the other: measured, not assumed.
 *
 * A few steps of the first run are made by one run with all threads, and by --parallel runs with a share of
 * the threads each, all over the same base; what trains more tokens a second is used. A run's bits do not
 * depend on it. */
#include "lib/tune.h"

#include "base/cpu.h"
#include "base/file.h"

#include <stdlib.h>
#include <unistd.h>

enum { PROBE_STEPS = 6 };

static int64_t threads_of(const tune *t, int workers)
{
    int64_t all = t->o->threads ? t->o->threads : cpu_cores();
    return all / workers < 1 ? 1 : all / workers;
}

typedef struct probe {
    tune *t;
    int number;
    pthread_t thread;
    double tokens, seconds;
    int bad;
    err e;
} probe;

static int train_a_little(probe *p)
{
    tune *t = p->t;
    str folder = {0};
    options o;
    tune_verdict v = {0};
    point at = space_standard(&t->space);
    str_fmt(&folder, "%s/probe-%ld-%d", t->o->out, (long)getpid(), p->number); /* others may measure, too */
    int bad = tune_whole(&o, t, &at, t->rules.rungs - 1, t->o->seed, folder.p, &p->e);
    o.max_steps = PROBE_STEPS;
    o.scheduler = "constant";
    o.scheduler_kwargs = (option_map){0};
    o.save_strategy = "no";
    o.overwrite = true;
    if (!bad) bad = tune_trial(t, &o, PART_TRUNK, NULL, &v, &p->e);
    p->tokens = json_number_value(json_object_get(v.metrics, "trained_tokens"));
    p->seconds = json_number_value(json_object_get(v.metrics, "seconds"));
    json_decref(v.metrics);
    str_free(&v.why);
    options_release(&o);
    file_remove_tree(folder.p, NULL);
    str_free(&folder);
    return bad;
}

static void *probe_main(void *arg)
{
    probe *p = arg;
    p->bad = train_a_little(p);
    return NULL;
}

/* Tokens a second of n runs together. */
static int measure(tune *t, int n, double *rate, err *e)
{
    probe *p = xcalloc((size_t)n, sizeof *p);
    int bad = OK;
    t->workers = n;
    t->base.threads = threads_of(t, n);
    for (int i = 0; i < n; i++) {
        p[i].t = t, p[i].number = i;
        if (pthread_create(&p[i].thread, NULL, probe_main, &p[i])) BUG("no thread can be made");
    }
    *rate = 0;
    for (int i = 0; i < n; i++) {
        pthread_join(p[i].thread, NULL);
        if (p[i].bad && !bad) bad = fail(e, p[i].bad, "%s", p[i].e.msg);
        if (p[i].seconds > 0) *rate += p[i].tokens / p[i].seconds;
    }
    free(p);
    return bad;
}

int tune_side_by_side(tune *t, err *e)
{
    int n = (int)t->o->parallel;
    double cold, one, together;
    str line = {0};
    if (n == 1) return OK;
    int bad = measure(t, 1, &cold, e);
    if (!bad) bad = measure(t, n, &together, e);
    if (!bad) bad = measure(t, 1, &one, e);
    if (!bad && cold > one) one = cold; /* the first to run has read the model and met new memory */
    t->workers = bad || together <= one ? 1 : n;
    t->base.threads = threads_of(t, t->workers);
    if (bad) return bad;
    str_fmt(&line, "%d runs side by side train %.0f tokens/s, one alone %.0f: %s", n, together, one,
            t->workers > 1 ? "runs go side by side" : "runs go one after the other");
    tune_note(t, line.p);
    str_free(&line);
    return OK;
}
