/* lorac.c -- the public interface over the jobs: see include/lorac.h. */
#include "lorac.h"

#include "lib/job.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(LORAC_MEMORY == (int)E_MEMORY && LORAC_IO == (int)E_IO && LORAC_FORMAT == (int)E_FORMAT &&
                   LORAC_UNSUPPORTED == (int)E_UNSUPPORTED && LORAC_USAGE == (int)E_USAGE &&
                   LORAC_NUMERIC == (int)E_NUMERIC && LORAC_STOPPED == (int)E_STOPPED &&
                   LORAC_ERROR == sizeof((err){0}).msg,
               "the public codes are those of base/err.h");

struct lorac_job {
    options o;
    lorac_progress *progress;
    void *user;
    char *result;
    volatile int stop;
};

static int report(int code, const err *e, char *error)
{
    if (error) memcpy(error, e->msg, sizeof e->msg);
    return code;
}

lorac_job *lorac_job_new(const char *name)
{
    const char *nearest;
    enum command c = command_find(name, &nearest);
    if (!c) return NULL;
    lorac_job *j = xcalloc(1, sizeof *j);
    options_init(&j->o, c);
    return j;
}

void lorac_job_free(lorac_job *j)
{
    if (!j) return;
    options_release(&j->o);
    free(j->result);
    free(j);
}

int lorac_job_set(lorac_job *j, const char *name, const char *value, char *error)
{
    err e = {0};
    return report(options_give(&j->o, name, value, &e), &e, error);
}

static void tell(lorac_job *j, const char *event, json_t *value)
{
    char *text = value ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
    if (text) j->progress(j->user, event, text);
    free(text);
}

static void on_note(void *arg, const char *line)
{
    json_t *v = json_string(line);
    tell(arg, "message", v);
    json_decref(v);
}

static void on_progress(void *arg, const job_progress *p)
{
    json_t *v = json_pack("{s:s, s:I, s:I}", "what", p->what, "step", (json_int_t)p->step, "steps",
                          (json_int_t)p->steps);
    const struct {
        const char *key;
        double value;
    } known[] = {{"loss", p->loss},
                 {"learning_rate", p->learning_rate},
                 {"grad_norm", p->grad_norm},
                 {"tokens_per_second", p->tokens_per_second},
                 {"speed_of_light", p->speed_of_light},
                 {"seconds_left", p->seconds_left}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].value >= 0) json_object_set_new(v, known[i].key, json_real(known[i].value));
    tell(arg, "step", v);
    json_decref(v);
}

static void on_text(void *arg, int64_t row, const char *piece, size_t n)
{
    (void)row;
    lorac_job *j = arg;
    char *text = xmalloc(n + 1);
    memcpy(text, piece, n);
    text[n] = 0;
    j->progress(j->user, "text", text);
    free(text);
}

static int run(lorac_job *j, const job_hooks *h, json_t **out, err *e)
{
    switch (j->o.command) {
    case COMMAND_TRAIN:
        return job_train(&j->o, h, out, e);
    case COMMAND_EVAL:
        return job_eval(&j->o, h, out, e);
    case COMMAND_GENERATE:
        return job_generate(&j->o, NULL, 0, h, out, e);
    case COMMAND_DATA:
        return job_data(&j->o, h, out, e);
    case COMMAND_INFO:
        return job_info(&j->o, out, e);
    case COMMAND_TUNE:
        return job_tune(&j->o, h, out, e);
    case COMMAND_BENCH:
        return job_bench(&j->o, h, out, e);
    case COMMAND_COMPARE:
        return job_compare(&j->o, h, out, e);
    case COMMAND_REPORT:
        return job_report(&j->o, out, e);
    case COMMAND_CHAT:
        return fail(e, E_USAGE, "chat is a conversation and no job; use generate");
    case COMMAND_ALL:
        break;
    }
    BUG("no such command");
}

int lorac_job_run(lorac_job *j, lorac_progress *progress, void *user, char *error)
{
    err e = {0};
    j->progress = progress;
    j->user = user;
    j->stop = 0;
    job_hooks h = {.stop = &j->stop};
    if (progress)
        h = (job_hooks){
            .arg = j, .note = on_note, .progress = on_progress, .text = on_text, .stop = &j->stop};
    json_t *out = NULL;
    int code = options_check(&j->o, &e);
    if (code == OK) code = run(j, &h, &out, &e);
    if (out) {
        free(j->result);
        j->result = json_dumps(out, JSON_COMPACT | JSON_ENCODE_ANY);
        json_decref(out);
    }
    return report(code, &e, error);
}

void lorac_job_stop(lorac_job *j) { j->stop = 1; }

const char *lorac_job_result(const lorac_job *j) { return j->result; }

const char *lorac_version(void) { return LORAC_VERSION; }
