/* job_train.c -- fine-tuning: model, rows and adapter opened, memory planned and told, trained, saved.
 *
 * The folder is looked at first and nothing in it is touched before everything else is open and planned.
 * run.json is written before the first step, so that a run that dies can be repeated, and again with the
 * result. */
#include "base/cpu.h"
#include "base/file.h"
#include "lib/job_folder.h"
#include "lib/job_recipe.h"
#include "lib/job_rows.h"
#include "train/trainer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct job {
    const options *o;
    const job_hooks *h;
    job_model base;
    job_rows train, eval;
    recipe recipe;
    trainer *trainer;
    char *resume;
    double seconds[2 * OP_COUNT]; /* --profile */
    json_t *data;                 /* what run.json says of the files */
} job;

/* An adapter that is gone on with keeps its shape; its dropout is a matter of training and may be chosen
 * anew. */
static void keep_shape(const job *j)
{
    static const char *const shaping[] = {
        "lora_r",          "lora_alpha",          "use_rslora",     "lora_target_modules",
        "exclude_modules", "layers_to_transform", "layers_pattern", "rank_pattern",
        "alpha_pattern"};
    for (size_t i = 0; i < sizeof shaping / sizeof *shaping; i++)
        if (options_origin(j->o, shaping[i]) != FROM_DEFAULT)
            job_note(j->h, "%s is that of %s; the one asked for is not used", shaping[i], j->o->adapter);
    if (options_origin(j->o, "lora_dropout") != FROM_DEFAULT)
        j->base.adapter->config.dropout = j->o->lora_dropout;
    adapter_set_base(j->base.adapter, j->base.model);
}

static int open_adapter(job *j, err *e)
{
    if (j->base.adapter) {
        keep_shape(j);
        return OK;
    }
    peft_config config;
    int bad = job_adapter_config(&config, j->o, e);
    return bad ? bad : adapter_new(&j->base.adapter, j->base.model, &config, (uint64_t)j->o->seed, e);
}

static int open_rows(job *j, err *e)
{
    const options *o = j->o;
    pool *team = device_pool(j->base.device);
    int bad = job_rows_open(&j->train, o->data, o, j->base.tokenizer, team, j->h, e);
    if (!bad && o->eval_data)
        bad = job_rows_open(&j->eval, o->eval_data, o, j->base.tokenizer, team, j->h, e);
    if (bad) return bad;
    const table *t = &j->train.table, *v = &j->eval.table;
    j->data = json_array();
    json_array_append_new(j->data, job_data_json(o->data, str_c(&t->source), t->source.n, t->rows));
    if (o->eval_data)
        json_array_append_new(j->data, job_data_json(o->eval_data, str_c(&v->source), v->source.n, v->rows));
    return OK;
}

/* ---------------------------------------------------------------------------------- the banner */

static void add_count(str *s, long long n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", n);
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) str_putc(s, ',');
        str_putc(s, digits[i]);
    }
}

static void put(json_t *plan, const char *key, str *s)
{
    json_object_set_new(plan, key, json_string(str_c(s)));
    str_clear(s);
}

/* PEFT's line; all parameters are the base's and the adapter's. */
static void add_parameters(const job *j, json_t *plan, str *s)
{
    long long trained = (long long)j->base.adapter->count,
              all = trained + (long long)j->base.model->parameters;
    str_puts(s, "trainable params: ");
    add_count(s, trained);
    str_puts(s, " || all params: ");
    add_count(s, all);
    str_fmt(s, " || trainable%%: %.4f", 100.0 * (double)trained / (double)all);
    put(plan, "parameters", s);
}

static void add_data(const job *j, json_t *plan, str *s)
{
    add_count(s, (long long)j->train.set.n);
    str_puts(s, " examples, ");
    add_count(s, (long long)j->train.set.tokens);
    str_puts(s, " tokens, of them ");
    add_count(s, (long long)j->train.set.label_tokens);
    str_fmt(s, " labels; longest %lld", (long long)j->train.set.longest);
    put(plan, "data", s);
    if (!j->o->eval_data) return;
    add_count(s, (long long)j->eval.set.n);
    str_puts(s, " examples, ");
    add_count(s, (long long)j->eval.set.tokens);
    str_puts(s, " tokens");
    put(plan, "eval data", s);
}

static void add_memory(const job *j, json_t *plan, str *s)
{
    trainer_memory m = trainer_memory_of(j->trainer);
    const struct {
        const char *name;
        size_t bytes;
    } item[] = {{"weights", m.weights},     {"mapped", m.mapped},   {"adapter", m.adapter},
                {"gradients", m.gradients}, {"moments", m.moments}, {"temporaries", m.slab + m.workspace},
                {"tokens", m.tokens}};
    size_t all = 0;
    for (size_t i = 0; i < sizeof item / sizeof *item; i++) all += item[i].bytes;
    str_fmt(s, "%.1f MiB:", (double)all / 0x1p20);
    for (size_t i = 0; i < sizeof item / sizeof *item; i++)
        str_fmt(s, "%s %s %.1f", i ? "," : "", item[i].name, (double)item[i].bytes / 0x1p20);
    if (m.redo_cheap) str_puts(s, "; norms and activations are computed twice");
    if (m.redo_blocks)
        str_fmt(s, "; %d of %lld blocks are computed twice", m.redo_blocks,
                (long long)j->base.model->config->layers);
    put(plan, "memory", s);
}

/* The matrix products that cannot be avoided, at the measured peak: projections forward and backward over the
 * tokens, the head over the labels, the adapters three times. Attention and all else come on top. */
static void add_time(const job *j, json_t *plan, str *s)
{
    const model *m = j->base.model;
    double linear = 0, head = (double)m->config->vocab * (double)m->config->width;
    for (int64_t i = 0; i < m->linears; i++) linear += (double)m->linear[i].in * (double)m->linear[i].out;
    const rowset *set = &j->train.set;
    double rows =
        (double)(trainer_steps(j->trainer) * j->o->train_batch * j->o->accumulation) / (double)set->n;
    double flops = (double)set->tokens * (4 * linear + 6 * (double)j->base.adapter->count);
    flops += (double)set->label_tokens * 4 * head;
    double seconds = rows * flops / device_peak(j->base.device, COMPUTE_F32);
    if (seconds < 60)
        str_fmt(s, "at least %.1f s", seconds);
    else
        str_fmt(s, "at least %.0f min", seconds / 60);
    put(plan, "expected", s);
}

static void tell_plan(const job *j)
{
    if (!j->h || !j->h->banner) return;
    const options *o = j->o;
    json_t *plan = json_object();
    str s = {0};
    str_fmt(&s, "%s (%s)", o->model, j->base.model->config->architecture);
    put(plan, "model", &s);
    add_parameters(j, plan, &s);
    str_puts(&s, o->quantization);
    put(plan, "quantization", &s);
    add_data(j, plan, &s);
    str_fmt(&s, "%lld steps of %lld examples (%lld x %lld)", (long long)trainer_steps(j->trainer),
            (long long)(o->train_batch * o->accumulation), (long long)o->train_batch,
            (long long)o->accumulation);
    put(plan, "steps", &s);
    add_memory(j, plan, &s);
    add_time(j, plan, &s);
    str_fmt(&s, "%s, products in %s", device_name(j->base.device),
            compute_name(device_compute(j->base.device)));
    put(plan, "device", &s);
    str_puts(&s, o->out);
    put(plan, "out", &s);
    j->h->banner(j->h->arg, plan);
    json_decref(plan);
    str_free(&s);
}

/* -------------------------------------------------------------------------------------- hooks */

static void on_message(void *arg, const char *line) { job_note(((job *)arg)->h, "%s", line); }

static void on_step(void *arg, const trainer_report *r)
{
    const job *j = arg;
    job_progress p = {"train",
                      r->step,
                      r->steps,
                      r->loss,
                      r->learning_rate,
                      r->grad_norm,
                      r->tokens_per_second,
                      r->speed_of_light,
                      r->seconds_left};
    if (j->h && j->h->progress) j->h->progress(j->h->arg, &p);
}

static void on_logged(void *arg, const json_t *line)
{
    const job *j = arg;
    if (j->h && j->h->logged) j->h->logged(j->h->arg, line);
}

static void on_evaluating(void *arg, int64_t done, int64_t rows)
{
    const job *j = arg;
    job_progress p = {"eval", done, rows, -1, -1, -1, -1, -1, -1};
    if (j->h && j->h->progress) j->h->progress(j->h->arg, &p);
}

/* ------------------------------------------------------------------------------------- result */

static json_t *number(double x) { return isfinite(x) ? json_real(x) : json_null(); }

static json_t *result_json(const job *j, const trainer_result *r)
{
    json_t *out = json_pack("{s:s, s:I, s:f, s:I, s:I, s:I}", "out", j->o->out, "steps", (json_int_t)r->steps,
                            "epochs", r->epochs, "examples", (json_int_t)r->examples, "tokens",
                            (json_int_t)r->tokens, "label_tokens", (json_int_t)r->labels);
    json_object_set_new(out, "train_loss", number(r->train_loss));
    json_object_set_new(out, "eval_loss_before", number(r->eval_loss_before));
    json_object_set_new(out, "eval_loss", number(r->eval_loss));
    if (isfinite(r->eval_loss)) json_object_set_new(out, "eval_token_accuracy", number(r->token_accuracy));
    if (r->best_step >= 0) json_object_set_new(out, "best_step", json_integer(r->best_step));
    json_object_set_new(out, "seconds", number(r->seconds));
    json_object_set_new(out, "tokens_per_second", number(r->tokens_per_second));
    json_object_set_new(out, "speed_of_light", number(r->speed_of_light));
    json_object_set_new(out, "peak_bytes", json_integer((json_int_t)cpu_peak_rss()));
    if (j->o->profile)
        json_object_set_new(out, "operators",
                            job_profile(j->seconds, (double)r->tokens / r->tokens_per_second, WITH_REST));
    json_int_t trained = (json_int_t)j->base.adapter->count;
    json_object_set_new(out, "trainable_parameters", json_integer(trained));
    json_object_set_new(out, "all_parameters", json_integer(trained + (json_int_t)j->base.model->parameters));
    return out;
}

static int write_run(const job *j, const json_t *result, bool card, err *e)
{
    json_t *root = job_run_json(j->o, &j->base, json_incref(j->data), result);
    str path = {0};
    str_fmt(&path, "%s/run.json", j->o->out);
    int bad = card ? job_card_write(j->o, &j->base, root, e) : OK;
    if (!bad) bad = json_save(root, str_c(&path), 2, false, e);
    str_free(&path);
    json_decref(root);
    return bad;
}

static int open_all(job *j, err *e)
{
    int bad = job_folder_open(j->o, &j->resume, e);
    if (!bad) bad = job_model_open(&j->base, j->o, j->h, e);
    if (!bad) bad = job_recipe(&j->recipe, j->o, j->base.model, e);
    if (!bad) bad = open_rows(j, e);
    if (!bad) bad = open_adapter(j, e);
    j->recipe.resume_from_checkpoint = j->resume;
    const rowset *eval = j->o->eval_data ? &j->eval.set : NULL;
    if (!bad)
        bad = trainer_new(&j->trainer, j->base.model, j->base.adapter, &j->train.set, eval, &j->recipe,
                          j->base.device, e);
    return bad;
}

static int train(job *j, json_t **out, err *e)
{
    tell_plan(j);
    if (j->o->overwrite && !j->resume && job_folder_clear(j->o, e)) return e->code;
    int bad = write_run(j, NULL, false, e);
    if (bad) return bad;
    trainer_hooks hooks = {.arg = j,
                           .message = on_message,
                           .step = on_step,
                           .logged = on_logged,
                           .evaluating = on_evaluating,
                           .stop = j->h ? j->h->stop : NULL,
                           .seconds = j->o->profile ? j->seconds : NULL};
    trainer_result r;
    bad = trainer_run(j->trainer, &hooks, &r, e);
    if (bad && bad != E_STOPPED) return bad;
    *out = result_json(j, &r);
    if (bad) return bad;
    bad = trainer_save(j->trainer, DT_F32, e);
    return bad ? bad : write_run(j, *out, true, e);
}

int job_train(const options *o, const job_hooks *h, json_t **out, err *e)
{
    job j = {.o = o, .h = h};
    *out = NULL;
    int bad = open_all(&j, e);
    if (!bad) bad = train(&j, out, e);
    if (bad && bad != E_STOPPED) {
        json_decref(*out);
        *out = NULL;
    }
    trainer_free(j.trainer);
    job_rows_close(&j.eval);
    job_rows_close(&j.train);
    job_model_close(&j.base);
    json_decref(j.data);
    free(j.resume);
    return job_advise(bad,
                      "lower per_device_train_batch_size or max_length, or use gradient_checkpointing or "
                      "--quantization nf4",
                      e);
}
