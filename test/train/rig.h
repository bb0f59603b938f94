/* rig.h -- a tiny Llama, an adapter, rows and a folder of its own: what the tests of whole runs share. */
#ifndef TEST_TRAIN_RIG_H
#define TEST_TRAIN_RIG_H

#include "base/file.h"
#include "base/rng.h"
#include "train/recipe_default.h"
#include "train/snapshot.h"
#include "train/trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define RIG_MODEL "test/data/model/tiny-llama"

typedef struct rig {
    char folder[64]; /* new, removed by rig_close() */
    device *d;
    model *m;
    adapter *a;
    rowset train, eval;
    bool packing;
    recipe_sampling sampling;
} rig;

static inline void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

static inline void rowset_start(rowset *r, int64_t rows, int64_t tokens)
{
    *r = (rowset){.n = 0};
    r->offset = xcalloc((size_t)rows + 1, sizeof *r->offset);
    r->ids = xcalloc((size_t)tokens, sizeof *r->ids);
    r->mask = xcalloc((size_t)tokens, sizeof *r->mask);
    r->row = xcalloc((size_t)rows, sizeof *r->row);
    r->line = xcalloc((size_t)rows, sizeof *r->line);
}

static inline void rowset_put(rowset *r, const int32_t *ids, const uint8_t *mask, int64_t n)
{
    int64_t at = r->offset[r->n];
    memcpy(r->ids + at, ids, (size_t)n * sizeof *ids);
    memcpy(r->mask + at, mask, (size_t)n);
    r->row[r->n] = r->n;
    r->line[r->n] = r->n + 1;
    r->offset[++r->n] = at + n;
    r->tokens += n;
    for (int64_t i = 1; i < n; i++) r->label_tokens += mask[i];
    if (n > r->longest) r->longest = n;
    r->rows = r->n;
}

/* Rows of 3 to 22 tokens, the first 1 to 8 of them without labels. */
static inline void rowset_random(rowset *r, uint64_t seed, int64_t n)
{
    rowset_start(r, n, n * 22);
    for (int64_t i = 0; i < n; i++) {
        uint64_t key = rng_key(seed, (uint64_t)i);
        int32_t ids[22];
        uint8_t mask[22];
        int64_t prompt = 1 + (int64_t)(rng_of(key, 90) % 8),
                length = prompt + 2 + (int64_t)(rng_of(key, 91) % 13);
        for (int64_t k = 0; k < length; k++) {
            ids[k] = (int32_t)(3 + rng_of(key, (uint64_t)k) % 61);
            mask[k] = k >= prompt;
        }
        rowset_put(r, ids, mask, length);
    }
}

static inline void rowset_drop(rowset *r)
{
    free(r->offset), free(r->ids), free(r->mask), free(r->row), free(r->line);
}

/* A fresh adapter with dropout, so that the stream of random numbers counts. */
static inline void rig_adapter(rig *g, uint64_t seed)
{
    err e = {0};
    static const char *const targets[] = {"q_proj", "v_proj", "down_proj"};
    peft_config c = {.r = 4, .alpha = 8, .dropout = 0.1, .targets = {targets, 3}, .task_type = "CAUSAL_LM"};
    adapter_close(g->a);
    must(adapter_new(&g->a, g->m, &c, seed, &e), &e);
    for (size_t i = 0; i < g->a->count; i++) /* B too, so that every gradient is there from the first step */
        if (g->a->param[i] == 0) g->a->param[i] = (float)(0.05 * rng_normal(seed, i));
}

static inline void rig_open(rig *g, const char *which, int threads)
{
    err e = {0};
    *g = (rig){.folder = P_tmpdir "/lorac-train-XXXXXX"};
    assert_non_null(mkdtemp(g->folder));
    must(device_open(&g->d, which, threads, &e), &e);
    must(model_open(&g->m, RIG_MODEL, "as-is", MODEL_DOUBLE_QUANT, NULL, &e), &e);
    rig_adapter(g, 5);
    rowset_random(&g->train, 1, 13);
    rowset_random(&g->eval, 2, 7);
}

static inline void rig_close(rig *g)
{
    err e = {0};
    must(file_remove_tree(g->folder, &e), &e);
    rowset_drop(&g->train);
    rowset_drop(&g->eval);
    adapter_close(g->a);
    model_close(g->m);
    device_close(g->d);
}

/* 13 rows, 2 a micro-batch, 2 of those a step: 7 micro-batches, 4 steps an epoch, the last of them short; the
 * run ends inside the third epoch. */
static inline recipe rig_recipe(const rig *g)
{
    recipe r = recipe_default();
    r.per_device_train_batch_size = 2;
    r.per_device_eval_batch_size = 3;
    r.gradient_accumulation_steps = 2;
    r.num_train_epochs = 2.75;
    r.learning_rate = 1e-2;
    r.warmup_ratio = 0.2;
    r.weight_decay = 0.01;
    r.max_grad_norm = 0.5;
    r.logging_steps = 3;
    r.eval_strategy = WHEN_EPOCH;
    r.save_strategy = WHEN_NO;
    r.output_dir = g->folder;
    r.packing = g->packing;
    r.max_length = 40;
    r.train_sampling_strategy = g->sampling;
    if (g->packing) r.max_steps = 11;
    return r;
}

/* Makes a trainer, runs it, frees it. */
static inline int rig_run(rig *g, const recipe *r, const trainer_hooks *h, trainer_result *result, err *e)
{
    trainer *t = NULL;
    trainer_result unused;
    *e = (err){0};
    int code = trainer_new(&t, g->m, g->a, &g->train, &g->eval, r, g->d, e);
    if (code == OK) code = trainer_run(t, h, result ? result : &unused, e);
    trainer_free(t);
    return code;
}

static inline char *rig_text(const char *folder, const char *name)
{
    err e = {0};
    str path = {0}, text = {0};
    str_fmt(&path, "%s/%s", folder, name);
    must(file_read(&text, path.p, 1 << 24, &e), &e);
    str_free(&path);
    str_puts(&text, "");
    return text.p;
}

static inline bool rig_has(const rig *g, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", g->folder, name);
    return file_exists(path);
}

#endif
