/* walk.h -- folders of tiny models with what transformers and PEFT computed, and the rows of docs/MODELS.md
 * that say how far this program may be from it: for the tests that walk such folders. */
#ifndef TEST_TRAIN_WALK_H
#define TEST_TRAIN_WALK_H

#include "base/json.h"
#include "format/safetensors.h"
#include "model/step.h"
#include "train/adamw.h"
#include "train/clip.h"

#include "scratch.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WALK_MOST = 256 };

struct rig; /* what a test has open of a folder */

/* The largest errors of the folder at hand: of a logit, of a gradient as a share of its norm, of a loss. */
typedef struct worst {
    double logit, gradient, loss;
} worst;

static worst seen;

static inline void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
}

/* Good until the next call but three. */
static inline const char *walk_path(const char *base, const char *name, const char *leaf)
{
    static char path[4][512];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s%s%s%s", base, name, *leaf ? "/" : "", leaf);
    return path[k];
}

static inline int walk_by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The folders in `base`, in order; names[i] is the caller's to free. */
static inline int walk_names(const char *base, char *names[WALK_MOST])
{
    int n = 0;
    DIR *d = opendir(base);
    assert_non_null(d);
    for (const struct dirent *f; n < WALK_MOST && (f = readdir(d));) {
        char path[768];
        snprintf(path, sizeof path, "%s%s", base, f->d_name);
        if (f->d_name[0] != '.' && file_is_dir(path)) names[n++] = strdup(f->d_name);
    }
    closedir(d);
    qsort(names, (size_t)n, sizeof *names, walk_by_name);
    assert_true(n > 0);
    return n;
}

static inline const float *walk_floats(const safetensors *s, const char *who, const char *name, int64_t count)
{
    const tensor *t = safetensors_find(s, name);
    if (!t || t->type != DT_F32 || tensor_count(t) != count) fail_msg("%s: %s is not recorded", who, name);
    return t->data;
}

/* |have - want|, and |want|. */
static inline double walk_distance(const float *have, const float *want, int64_t n, double *norm)
{
    double difference = 0, squares = 0;
    for (int64_t k = 0; k < n; k++) {
        difference += pow((double)have[k] - (double)want[k], 2);
        squares += pow((double)want[k], 2);
    }
    *norm = sqrt(squares);
    return sqrt(difference);
}

static inline void walk_near(const char *who, const char *which, const char *what, const float *have,
                             const float *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(have[i])) fail_msg("%s, %s: %s %d is no number", who, which, what, (int)i);
        seen.logit = fmax(seen.logit, fabs((double)have[i] - (double)want[i]));
    }
}

/* A gradient that was recorded under "grad.NAME" and is not zero. */
static inline void walk_gradient(const safetensors *s, const char *who, const char *name, const float *have,
                                 int64_t n)
{
    char full[512];
    snprintf(full, sizeof full, "grad.%s", name);
    double norm, difference = walk_distance(have, walk_floats(s, who, full, n), n, &norm);
    if (!(norm > 0 && isfinite(difference))) fail_msg("%s: %s has no gradient, or none that is finite", who, name);
    seen.gradient = fmax(seen.gradient, difference / norm);
}

/* Of 2 * a->modules low-rank matrices the i-th: where it begins, its name below `prefix`, its length. */
static inline size_t walk_matrix(const adapter *a, int64_t i, const char *prefix, char name[256], int64_t *n)
{
    const adapter_module *m = &a->module[i / 2];
    snprintf(name, 256, "%s%s.lora_%c.weight", prefix, m->name, i % 2 ? 'B' : 'A');
    *n = m->r * (i % 2 ? m->out : m->in);
    return i % 2 ? m->b : m->a;
}

/* Those of all that an adapter trains, recorded with `prefix` before the modules' names. */
static inline void walk_gradients(const safetensors *s, const char *who, const char *prefix, const adapter *a)
{
    char name[256];
    int64_t n;
    for (int64_t i = 0; i < 2 * a->modules; i++) {
        const size_t at = walk_matrix(a, i, prefix, name, &n);
        walk_gradient(s, who, name, a->grad + at, n);
    }
    for (int64_t i = 0; i < a->wholes; i++) {
        const adapter_whole *w = &a->whole[i];
        walk_gradient(s, who, w->name, a->grad + w->at, w->rows * w->cols);
    }
}

/* The recorded loss of optimizer step t against that of a step that was run. */
static inline void walk_loss(const char *who, const char *which, const step *s, const json_t *train, size_t t,
                             double bound)
{
    const double loss = json_number_value(json_object_get(json_array_get(train, t), "loss"));
    seen.loss = fmax(seen.loss, fabs(step_loss(s) - loss) / loss);
    if (!isfinite(step_loss(s)) || !(fabs(step_loss(s) - loss) < bound * loss))
        fail_msg("%s, %s: loss %d: %.7f, recorded %.7f", who, which, (int)t, step_loss(s), loss);
}

/* The optimizer of the recordings; whoever makes one starts from gradients of zero. */
typedef struct walk_adam {
    adapter *a;
    device *d;
    double *tiles;
    float *moments;
} walk_adam;

static inline walk_adam walk_adam_new(adapter *a, device *d)
{
    memset(a->grad, 0, a->count * sizeof(float));
    return (walk_adam){a, d, xcalloc(clip_tiles(a->count), sizeof(double)), xcalloc(2 * a->count, sizeof(float))};
}

/* From the gradients that lie in the adapter, and sets them to zero. */
static inline void walk_adam_step(const walk_adam *w, int64_t number)
{
    adapter *a = w->a;
    pool *p = device_pool(w->d);
    const adamw how = {.beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.01, .m = w->moments,
                       .v = w->moments + a->count};
    const adamw_group all = {0, a->count, 1, false};
    const double norm = clip_norm(a->grad, a->count, w->tiles, p);
    adamw_step(&how, a->param, a->grad, &all, 1, number, 1e-2, clip_coefficient(norm, 1.0), p);
    memset(a->grad, 0, a->count * sizeof(float));
}

static inline void walk_adam_free(walk_adam *w)
{
    free(w->tiles);
    free(w->moments);
}

/* Whatever is computed again, the gradients are the same bits. */
static inline void walk_recompute(const struct rig *r, adapter *a, const step_input *in,
                                  step *(*make)(const struct rig *, plan_keep))
{
    float *first = xcalloc(a->count, sizeof *first);
    for (int k = 0; k < 3; k++) {
        step *s = make(r, (plan_keep[]){KEEP_ALL, REDO_CHEAP, REDO_BLOCKS}[k]);
        memset(a->grad, 0, a->count * sizeof(float));
        step_run(s, in, 0);
        if (k == 0) memcpy(first, a->grad, a->count * sizeof(float));
        assert_memory_equal(first, a->grad, a->count * sizeof(float));
        step_free(s);
    }
    free(first);
}

/* A list of training that the judge has nothing against. */
static inline step *walk_step(const char *who, model *m, adapter *a, const step_size *size, device *d)
{
    err e = {0};
    step *s;
    must(step_new(&s, m, a, STEP_TRAIN, size, d, &e), &e);
    str complaints = {0};
    if (plan_judge(step_list(s), &complaints)) fail_msg("%s: %s", who, str_c(&complaints));
    return s;
}

/* What is saved is read back to the bit. */
static inline void walk_saved(const adapter *a, model *m)
{
    err e = {0};
    char *folder = scratch_new();
    adapter *again;
    must(adapter_save(a, folder, DT_F32, &e), &e);
    must(adapter_open(&again, m, folder, &e), &e);
    assert_int_equal(again->count, a->count);
    assert_memory_equal(again->param, a->param, a->count * sizeof(float));
    adapter_close(again);
    scratch_free(folder);
}

/* The row of docs/MODELS.md that begins with `key` says what it is for, and then the three bounds.
 * LORAC_RECORD=1 prints the row instead, with four times what was seen. */
static inline void walk_check_row(const char *docs, const char *key)
{
    worst said;
    if (getenv("LORAC_RECORD")) {
        print_message("%s  | %.0e | %.0e | %.0e |\n", key, 4 * seen.logit, 4 * seen.gradient,
                      4 * seen.loss);
        return;
    }
    const char *at = strstr(docs, key);
    if (at) at = strchr(at + strlen(key), '|');
    if (!at || sscanf(at, "| %lf | %lf | %lf |", &said.logit, &said.gradient, &said.loss) != 3)
        fail_msg("docs/MODELS.md has no row with three bounds that begins: %s", key);
    if (!(seen.logit <= said.logit && seen.gradient <= said.gradient && seen.loss <= said.loss))
        fail_msg("%s is off by %.1e, %.1e and %.1e: more than docs/MODELS.md says", key, seen.logit,
                 seen.gradient, seen.loss);
}

/* Every folder in `base`, in order; `one` checks it and leaves in `key` how its row of docs/MODELS.md begins. */
static inline void walk_all(const char *base, void (*one)(const char *name, char key[160]))
{
    char *names[WALK_MOST], key[160];
    const int n = walk_names(base, names);
    str docs = {0};
    err e = {0};
    must(file_read(&docs, "docs/MODELS.md", 1 << 20, &e), &e);
    for (int i = 0; i < n; i++) {
        seen = (worst){0};
        one(names[i], key);
        walk_check_row(str_c(&docs), key);
        free(names[i]);
    }
    str_free(&docs);
}

#endif
