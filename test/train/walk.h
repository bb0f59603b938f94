/* walk.h -- folders of tiny models with what transformers and PEFT computed, and the rows of docs/MODELS.md
 * that say how far this program may be from it: for the tests that walk such folders. */
#ifndef TEST_TRAIN_WALK_H
#define TEST_TRAIN_WALK_H

#include "base/file.h"
#include "format/safetensors.h"

#include <dirent.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { WALK_MOST = 256 };

/* The largest errors of the folder at hand: of a logit, of a gradient as a share of its norm, of a loss. */
typedef struct worst {
    double logit, gradient, loss;
} worst;

static inline void must(int code, const err *e)
{
    if (code != OK) fail_msg("%s", e->msg);
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

/* The row of docs/MODELS.md that begins with `key` says what it is for, and then the three bounds.
 * LORAC_RECORD=1 prints the row instead, with four times what was seen. */
static inline void walk_check_row(const char *docs, const char *key, const worst *seen)
{
    worst said;
    if (getenv("LORAC_RECORD")) {
        print_message("%s  | %.0e | %.0e | %.0e |\n", key, 4 * seen->logit, 4 * seen->gradient,
                      4 * seen->loss);
        return;
    }
    const char *at = strstr(docs, key);
    if (at) at = strchr(at + strlen(key), '|');
    if (!at || sscanf(at, "| %lf | %lf | %lf |", &said.logit, &said.gradient, &said.loss) != 3)
        fail_msg("docs/MODELS.md has no row with three bounds that begins: %s", key);
    if (!(seen->logit <= said.logit && seen->gradient <= said.gradient && seen->loss <= said.loss))
        fail_msg("%s is off by %.1e, %.1e and %.1e: more than docs/MODELS.md says", key, seen->logit,
                 seen->gradient, seen->loss);
}

#endif
