/* job_open.c -- see job_open.h. */
#include "lib/job_open.h"

#include "base/file.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void job_note(const job_hooks *h, const char *fmt, ...)
{
    if (!h || !h->note) return;
    char line[1024];
    va_list a;
    va_start(a, fmt);
    vsnprintf(line, sizeof line, fmt, a);
    va_end(a);
    h->note(h->arg, line);
}

int job_advise(int bad, const char *how, err *e)
{
    size_t n = strlen(e->msg);
    if (bad == E_MEMORY) snprintf(e->msg + n, sizeof e->msg - n, "; %s", how);
    return bad;
}

int job_exists(const char *path, const char *what, err *e)
{
    if (file_exists(path) || file_is_dir(path)) return OK;
    return fail(e, E_IO, "%s: there is no such %s; nothing is downloaded, so give a path on this machine",
                path, what);
}

/* The adapter's file tells which weights it was trained on. Others of the same shape are no error: those of
 * another quantization are often wanted. */
static void compare_base(const job_model *j, const char *folder, const job_hooks *h)
{
    char here[17];
    if (!j->adapter->base[0] || !strcmp(j->adapter->base, checkpoint_fingerprint_text(j->model->file, here)))
        return;
    job_note(
        h,
        "%s was trained on other weights than those of %s (fingerprint %s, not %s); results may be worse: "
        "give the model it was trained on, unless you mean this",
        folder, checkpoint_path(j->model->file), j->adapter->base, here);
}

int job_device_open(device **out, const options *o, err *e)
{
    int bad = device_open(out, o->device, (int)o->threads, e);
    if (bad) return bad;
    if (!strcmp(o->compute, "auto")) device_use(*out, device_fastest(*out));
    for (int c = 0; c < COMPUTE_COUNT; c++)
        if (!strcmp(o->compute, compute_name((compute)c))) device_use(*out, (compute)c);
    return OK;
}

static void add_profile(json_t *list, const char *name, double forward, double backward, double total)
{
    if (forward + backward <= 0) return;
    json_array_append_new(list,
                          json_pack("{s:s, s:f, s:f, s:f}", "operator", name, "forward_seconds", forward,
                                    "backward_seconds", backward, "share", (forward + backward) / total));
}

json_t *job_profile(const double *seconds, double total, job_rest rest)
{
    json_t *list = json_array();
    double left = total;
    for (int i = 0; i < OP_COUNT; i++) {
        add_profile(list, op_all[i]->name, seconds[i], seconds[OP_COUNT + i], total);
        left -= seconds[i] + seconds[OP_COUNT + i];
    }
    if (rest == WITH_REST) add_profile(list, "everything else", left, 0, total);
    return list;
}

/* PEFT ignores them; so does this program, but not without a word. */
static void tell_unknown(const peft_config *c, const char *folder, const job_hooks *h)
{
    for (int64_t i = 0; i < c->unknown.n; i++)
        job_note(h, "%s/adapter_config.json: \"%.100s\" is no key this program knows; it is ignored", folder,
                 c->unknown.p[i]);
}

int job_tokenizer_open(tokenizer **out, const char *path, const checkpoint *c, err *e)
{
    int bad = tokenizer_open(out, c, e);
    const model_config *m = checkpoint_config(c);
    if (bad || tokenizer_size(*out) <= m->vocab) return bad;
    return fail(e, E_FORMAT,
                "%s: the tokenizer has %lld tokens and the model's vocabulary %lld; they do not belong "
                "together",
                path, (long long)tokenizer_size(*out), (long long)m->vocab);
}

int job_adapter_open(job_model *j, const options *o, const job_hooks *h, err *e)
{
    if (!o->adapter) return OK;
    int bad = adapter_open(&j->adapter, j->model, o->adapter, e);
    if (bad) return bad;
    tell_unknown(&j->adapter->config, o->adapter, h);
    compare_base(j, o->adapter, h);
    return OK;
}

/* Where quantized weights are kept, on the heap; NULL: nowhere. */
static char *cache_folder(const options *o)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    str s = {0};
    if (!o || !o->cache_dir || !strcasecmp(o->cache_dir, "none")) return NULL;
    if (strcmp(o->cache_dir, "auto")) str_puts(&s, o->cache_dir);
    else if (cache && *cache == '/') str_fmt(&s, "%s/lorac/quantized", cache);
    else if (home && *home) str_fmt(&s, "%s/.cache/lorac/quantized", home);
    return s.p;
}

int job_base_open(model **out, const options *o, const options *keeping, const model_head *head, pool *team,
                  const job_hooks *h, err *e)
{
    enum { WORTH_WHILE = 16 << 20 }; /* bytes; what is smaller is quantized in a tenth of a second */
    char *folder = cache_folder(keeping);
    model_keep keep = {.folder = folder};
    int bad = OK;
    if (folder) {
        bad = option_bytes(&keep.most, "cache_limit", keeping->cache_limit, e);
        keep.least = strcmp(keeping->cache_dir, "auto") ? 0 : WORTH_WHILE;
    }
    model_absmax absmax = o->double_quant ? MODEL_DOUBLE_QUANT : MODEL_SINGLE_QUANT;
    if (!bad) bad = model_open_keeping(out, o->model, o->quantization, absmax, head, &keep, team, e);
    if (!bad && *keep.said) job_note(h, "%s", keep.said);
    free(folder);
    return bad;
}

int job_model_open(job_model *j, const options *o, const job_hooks *h, err *e)
{
    static const model_head none = {TASK_CAUSAL_LM, OBJECTIVE_CLASS, 0};
    return job_model_open_for(j, o, &none, h, e);
}

int job_model_open_for(job_model *j, const options *o, const model_head *head, const job_hooks *h, err *e)
{
    *j = (job_model){0};
    int bad = job_exists(o->model, "model", e);
    if (!bad && o->adapter) bad = job_exists(o->adapter, "adapter folder", e);
    if (!bad) bad = job_device_open(&j->device, o, e);
    if (!bad) bad = job_base_open(&j->model, o, o, head, device_pool(j->device), h, e);
    if (!bad) bad = job_tokenizer_open(&j->tokenizer, o->model, j->model->file, e);
    if (!bad) bad = job_adapter_open(j, o, h, e);
    if (bad) job_model_close(j);
    return bad;
}

void job_model_close(job_model *j)
{
    adapter_close(j->adapter);
    tokenizer_close(j->tokenizer);
    model_close(j->model);
    device_close(j->device);
    *j = (job_model){0};
}
