/* trainer_new.c -- making a trainer, and what it takes, known beforehand. */
#include "train/trainer_impl.h"

#include "train/clip.h"

#include <math.h>
#include <stdlib.h>

static sampler *train_sampler(const rowset *rows, const recipe *r, err *e)
{
    static const sampler_order order[] = {[SAMPLING_RANDOM] = ORDER_RANDOM,
                                          [SAMPLING_SEQUENTIAL] = ORDER_SEQUENTIAL,
                                          [SAMPLING_BY_LENGTH] = ORDER_BY_LENGTH};
    sampler_options o = {.order = order[r->train_sampling_strategy],
                         .pack = r->packing ? PACK_ROWS : PACK_NONE,
                         .batch = r->per_device_train_batch_size,
                         .accumulate = r->gradient_accumulation_steps,
                         .max_length = r->max_length,
                         .seed = r->seed};
    return sampler_new(rows, &o, e);
}

static step_size train_size(const sampler *s, const recipe *r, int64_t *docs)
{
    step_size size = {.keep = r->keep, .redo_blocks = r->redo_blocks, .base_dropout = r->base_dropout};
    sampler_largest(s, &size.tokens, &size.labels, docs);
    size.source = sampler_largest_source(s);
    return size;
}

static int64_t count_steps(const sampler *s, const recipe *r)
{
    if (r->max_steps > 0) return r->max_steps;
    return (int64_t)ceil(r->num_train_epochs * (double)sampler_steps(s));
}

static size_t batch_bytes(const step_size *size, int64_t docs)
{
    const int64_t seen = size->source ? 2 * size->tokens : 0;
    return 4 * (size_t)(3 * size->tokens + 3 * size->labels + 2 * size->source + seen) + 8 * (size_t)docs;
}

static size_t rowset_bytes(const rowset *r)
{
    if (!r) return 0;
    const size_t bytes = (size_t)r->offset[r->n] * (sizeof *r->ids + sizeof *r->mask);
    const size_t rows = (size_t)r->n * 3 * sizeof(int64_t);
    return bytes + rows + (r->source ? (size_t)(r->source_offset[r->n] + r->offset[r->n]) * sizeof *r->ids : 0);
}

static size_t total(const step_memory *m) { return m->slab + m->workspace + m->inputs; }

/* What the run takes, and the step's size with as much recomputation as the limit asks for. */
static int measure(trainer_memory *out, step_size *size, const sampler *s, const model *m, const adapter *a,
                   const rowset *train, const rowset *eval, const recipe *r, device *d, err *e)
{
    int64_t docs;
    *size = train_size(s, r, &docs);
    step_memory training, judging = {0};
    int code = eval ? evaluator_measure(&judging, m, a, eval, r->per_device_eval_batch_size, d, e) : OK;
    if (code != OK) return code;
    const size_t flat = a->count * sizeof(float);
    const size_t rows = batch_bytes(size, docs) + rowset_bytes(train) + rowset_bytes(eval);
    const size_t rest = model_bytes_owned(m) + model_bytes_mapped(m) + 4 * flat + total(&judging) + rows;
    if (r->memory_limit && r->keep == KEEP_ALL)
        step_fit(size, m, a, d, r->memory_limit > rest ? r->memory_limit - rest : 0);
    step_measure(&training, m, a, STEP_TRAIN, size, d);
    *out = (trainer_memory){.weights = model_bytes_owned(m),
                            .mapped = model_bytes_mapped(m),
                            .adapter = flat,
                            .gradients = flat,
                            .moments = 2 * flat,
                            .slab = training.slab + judging.slab,
                            .workspace = training.workspace + judging.workspace,
                            .tokens = training.inputs + judging.inputs + rows,
                            .redo_cheap = size->keep == REDO_CHEAP,
                            .redo_blocks = size->keep == REDO_BLOCKS ? size->redo_blocks : 0};
    if (!r->memory_limit) return OK;
    const size_t all = rest + total(&training);
    if (all <= r->memory_limit) return OK;
    return fail(e, E_MEMORY,
                "the run takes %.0f MiB%s, and memory_limit (or what is free) is %.0f MiB; try a smaller "
                "per_device_train_batch_size or max_length, quantization nf4, or allow more",
                ceil((double)all / 0x1p20),
                r->keep == KEEP_ALL ? " even when every block is computed twice" : "",
                floor((double)r->memory_limit / 0x1p20));
}

int trainer_measure(trainer_memory *out, int64_t *steps, const model *m, const adapter *a,
                    const rowset *train, const rowset *eval, const recipe *r, device *d, err *e)
{
    int code = recipe_check(r, e);
    if (code == OK && r->base_dropout)
        code = config_check_dropout(m->config, checkpoint_path(m->file), e);
    if (code == OK) code = evaluator_check_length(m, train, e);
    if (code == OK && eval) code = evaluator_check_length(m, eval, e);
    if (code != OK) return code;
    sampler *s = train_sampler(train, r, e);
    if (!s) return E_USAGE;
    step_size size;
    code = measure(out, &size, s, m, a, train, eval, r, d, e);
    *steps = count_steps(s, r);
    sampler_free(s);
    return code;
}

/* A and B of a module are neighbours, and so are modules: without LoRA+ one group holds them all. What is
 * trained whole follows them; its biases do not decay, as in transformers. */
static void make_groups(trainer *t)
{
    const adapter *a = t->a;
    bool plus = t->r.loraplus_lr_ratio > 0 && t->r.loraplus_lr_ratio != 1;
    t->group = arena_new(&t->mem, (size_t)(2 * a->modules + a->wholes + 1) * sizeof *t->group);
    if (!plus) t->group[t->groups++] = (adamw_group){0, a->wholes ? a->whole[0].at : a->count, 1, false};
    for (int64_t i = 0; i < a->wholes; i++) {
        const adapter_whole *w = &a->whole[i];
        t->group[t->groups++] = (adamw_group){w->at, (size_t)(w->rows * w->cols), 1, w->bias};
    }
    for (int64_t i = 0; plus && i < a->modules; i++) {
        const adapter_module *n = &a->module[i];
        t->group[t->groups++] = (adamw_group){n->a, (size_t)(n->r * n->in), 1, false};
        t->group[t->groups++] = (adamw_group){n->b, (size_t)(n->out * n->r), t->r.loraplus_lr_ratio, false};
    }
}

static int make_optimizer(trainer *t, err *e)
{
    const recipe *r = &t->r;
    int64_t warmup = schedule_warmup(r->warmup_steps, r->warmup_ratio, t->steps);
    int code = schedule_init(&t->schedule, r->lr_scheduler_type, r->learning_rate, warmup, t->steps,
                             &r->lr_scheduler_kwargs, e);
    if (code != OK) return code;
    t->moments = big_new(t->memory.moments, "the optimizer's moments", e);
    if (!t->moments) return E_MEMORY;
    t->opt = (adamw){r->adam_beta1,   r->adam_beta2, r->adam_epsilon,
                     r->weight_decay, t->moments,    t->moments + t->a->count};
    t->tile = arena_new(&t->mem, clip_tiles(t->a->count) * sizeof *t->tile);
    make_groups(t);
    return OK;
}

static int make_steps(trainer *t, err *e)
{
    t->s = train_sampler(t->train, &t->r, e);
    if (!t->s) return E_USAGE;
    int64_t docs;
    step_size size = train_size(t->s, &t->r, &docs);
    if (t->memory.redo_cheap) size.keep = REDO_CHEAP;
    if (t->memory.redo_blocks > 0) {
        size.keep = REDO_BLOCKS;
        size.redo_blocks = t->memory.redo_blocks;
    }
    micro_batch_init_for(&t->batch, t->train, size.tokens, size.labels, docs, size.source);
    int code = step_new(&t->run, t->m, t->a, STEP_TRAIN, &size, t->d, e);
    if (code == OK && t->eval)
        code = evaluator_new(&t->judge, t->m, t->a, t->eval, t->r.per_device_eval_batch_size, t->d, e);
    return code;
}

int trainer_new(trainer **out, const model *m, adapter *a, const rowset *train, const rowset *eval,
                const recipe *r, device *d, err *e)
{
    trainer *t = xcalloc(1, sizeof *t);
    t->m = m, t->a = a, t->train = train, t->eval = eval, t->d = d;
    t->r = *r;
    t->r.output_dir = arena_strdup(&t->mem, r->output_dir);
    if (r->resume_from_checkpoint)
        t->r.resume_from_checkpoint = arena_strdup(&t->mem, r->resume_from_checkpoint);
    t->log.fd = -1;
    t->at = progress_start();
    int code = trainer_measure(&t->memory, &t->steps, m, a, train, eval, r, d, e);
    if (code == OK) code = make_optimizer(t, e);
    if (code == OK) code = make_steps(t, e);
    if (code == OK) {
        trainer_collect_facts(t);
        *out = t;
        return OK;
    }
    trainer_free(t);
    return code;
}

void trainer_free(trainer *t)
{
    if (!t) return;
    evaluator_free(t->judge);
    step_free(t->run);
    micro_batch_release(&t->batch);
    sampler_free(t->s);
    big_free(t->moments, t->memory.moments);
    runlog_close(&t->log);
    arena_free(&t->mem);
    free(t);
}
