/* resume.h -- runs that are stopped and go on, beside the same run straight through, and what compares the two. */
#ifndef TEST_TRAIN_RESUME_H
#define TEST_TRAIN_RESUME_H

#include "train/rig.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

typedef struct watch {
    volatile int stop;
    int64_t at;     /* stop after this step; -1: never */
    int evaluation; /* stop in the n-th evaluation from now; 0: never */
    str messages;
    int64_t saved;
    trainer_result result; /* of going on */
    rlim_t file_limit;     /* set after the first checkpoint; 0: never */
    int alarm;             /* microseconds from the first step to a signal; 0: never */
} watch;

static inline void on_step(void *arg, const trainer_report *report)
{
    watch *w = arg;
    if (report->step == w->at) w->stop = 1;
    if (w->alarm) setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {.tv_usec = w->alarm}}, NULL);
    w->alarm = 0;
}

static inline void on_evaluating(void *arg, int64_t done, int64_t rows)
{
    watch *w = arg;
    if (done < rows && w->evaluation > 0 && --w->evaluation == 0) w->stop = 1;
}

static inline void on_message(void *arg, const char *line)
{
    watch *w = arg;
    str_puts(&w->messages, line);
    str_putc(&w->messages, '\n');
}

static inline void on_saved(void *arg, const char *folder)
{
    watch *w = arg;
    (void)folder;
    w->saved++;
    if (w->file_limit) setrlimit(RLIMIT_FSIZE, &(struct rlimit){w->file_limit, RLIM_INFINITY});
}

static inline trainer_hooks hooks_of(watch *w)
{
    return (trainer_hooks){.arg = w,
                           .step = on_step,
                           .evaluating = on_evaluating,
                           .message = on_message,
                           .saved = on_saved,
                           .stop = &w->stop};
}

/* The lines of log.jsonl without what depends on the clock. */
static inline str timeless_log(const char *folder)
{
    static const char *const times[] = {
        "seconds",       "tokens_per_second",        "speed_of_light", "eval_runtime", "eval_samples_per_second",
        "train_runtime", "train_samples_per_second", "train_steps_per_second",
    };
    str out = {0};
    char *text = rig_text(folder, "log.jsonl"), *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) != NULL && *line;) {
        err e = {0};
        json_t *o = json_parse(line, strlen(line), "log.jsonl", &e);
        if (!o) fail_msg("%s: %s", e.msg, line);
        for (size_t k = 0; k < sizeof times / sizeof *times; k++) json_object_del(o, times[k]);
        char *rewritten = json_dumps(o, 0);
        str_puts(&out, rewritten);
        str_putc(&out, '\n');
        free(rewritten);
        json_decref(o);
    }
    free(text);
    return out;
}

static inline void same_file(const char *a, const char *b, const char *name)
{
    err e = {0};
    filemap x, y;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", a, name);
    must(filemap_open(&x, path, &e), &e);
    snprintf(path, sizeof path, "%s/%s", b, name);
    must(filemap_open(&y, path, &e), &e);
    assert_int_equal(x.size, y.size);
    if (memcmp(x.data, y.data, x.size) != 0) fail_msg("%s differs", path);
    filemap_close(&x);
    filemap_close(&y);
}

/* state.json but for the seconds. */
static inline void same_state(const char *a, const char *b)
{
    char *text[2] = {rig_text(a, "checkpoint-11/state.json"), rig_text(b, "checkpoint-11/state.json")};
    json_t *o[2];
    for (int k = 0; k < 2; k++) {
        err e = {0};
        o[k] = json_parse(text[k], strlen(text[k]), "state.json", &e);
        assert_non_null(o[k]);
        assert_int_equal(json_object_del(json_object_get(o[k], "progress"), "seconds"), 0);
        free(text[k]);
    }
    if (!json_equal(o[0], o[1])) fail_msg("state.json differs");
    json_decref(o[0]);
    json_decref(o[1]);
}

static inline void same_run(const char *a, const char *b)
{
    same_file(a, b, "checkpoint-11/adapter_model.safetensors");
    same_file(a, b, "checkpoint-11/optimizer.safetensors");
    same_state(a, b);
    str x = timeless_log(a), y = timeless_log(b);
    assert_string_equal(x.p, y.p);
    str_free(&x);
    str_free(&y);
}

static inline recipe saving_recipe(const rig *g)
{
    recipe r = rig_recipe(g);
    r.save_strategy = WHEN_STEPS;
    r.save_steps = 5;
    r.base_dropout = g->m->config->dropout[DROP_SCORES] > 0;
    return r;
}

/* Puts a line at the end of the log that the checkpoint knows nothing of: it has to be cut away. */
static inline void spoil_log(const rig *g)
{
    char path[256];
    snprintf(path, sizeof path, "%s/log.jsonl", g->folder);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    fputs("{\"step\":99,\"loss\":1.0}\n{\"step\":1", f);
    fclose(f);
}

/* Goes on from the newest checkpoint of g, in a new trainer, with an adapter that knows nothing. */
static inline int go_on(rig *g, watch *w)
{
    err e;
    recipe r = saving_recipe(g);
    trainer_hooks h = hooks_of(w);
    char *from = snapshot_newest(g->folder);
    rig_adapter(g, 77);
    spoil_log(g);
    r.resume_from_checkpoint = from;
    int code = rig_run(g, &r, &h, &w->result, &e);
    if (code != OK && code != E_STOPPED) fail_msg("%s", e.msg);
    str_free(&w->messages);
    free(from);
    return code;
}

/* How the rows are fed to the runs of a test. */
static struct {
    bool packing;
    recipe_sampling sampling;
    double dropout; /* of the base's attention */
} feed;

static inline void open_fed(rig *g, int threads)
{
    rig_open(g, "cpu", threads);
    g->packing = feed.packing;
    g->sampling = feed.sampling;
    ((model_config *)(uintptr_t)g->m->config)->dropout[DROP_SCORES] = feed.dropout;
}

static inline trainer_result straight(rig *g, int threads)
{
    err e;
    open_fed(g, threads);
    recipe r = saving_recipe(g);
    trainer_result result;
    must(rig_run(g, &r, NULL, &result, &e), &e);
    assert_int_equal(result.steps, 11);
    assert_true(rig_has(g, "checkpoint-5/state.json") && rig_has(g, "checkpoint-10/trainer_state.json"));
    return result;
}

static inline int started(rig *g, watch *w, int threads)
{
    err e;
    open_fed(g, threads);
    recipe r = saving_recipe(g);
    trainer_hooks h = hooks_of(w);
    int code = rig_run(g, &r, &h, NULL, &e);
    if (code == E_STOPPED && !strstr(e.msg, "checkpoint-"))
        fail_msg("\"%s\" does not say how to go on", e.msg);
    return code;
}

#endif
