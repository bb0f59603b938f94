/* compare.h -- lorac compare: recipes trained on equal terms, for the files of this folder.
 *
 *   recipes.c   --recipes as options of train each, and that their terms are equal
 *   state.c     the folder: is it this comparison, and what of it is done
 *   cost.c      what quantization alone costs, before any training
 *   runs.c      trainings, losses row by row, texts
 *   scores.c    what lies in the folder, as numbers and intervals
 *   spent.c     what the recipes cost in time and memory
 *   verdict.c   what the intervals show, in words
 *
 * The folder, in which every file is written whole or not at all, so that the same command goes on anywhere:
 *
 *   compare.json            terms and recipes; when all is done also results (job_compare's keys)
 *   base/TYPE.json          a base before training: rows, cost
 *   NAME-SEED/              run folder of `lorac train`
 *   NAME-SEED/eval/rows.json    {"row": [...], "labels": [...], "loss": [...], "hits": [...]}, held-out rows; of
 *                               classifiers also "truth" and "said" (labels), or "f1" and "f1_of" (sums of a ratio)
 *   NAME-SEED/eval/eval.json, eval.jsonl    as those of `lorac eval --generate`
 *   report.html */
#ifndef LIB_COMPARE_H
#define LIB_COMPARE_H

#include "lib/trial.h"

typedef struct contender {
    const char *name; /* of its folders */
    options o;        /* of COMMAND_TRAIN; out and seed are set for each run */
    int64_t steps;    /* planned; of the first recipe, or with equal_time its own */
} contender;

typedef struct comparison {
    const options *o; /* of COMMAND_COMPARE */
    const job_hooks *h;
    stock *s;
    contender *recipe;
    int recipes;
    arena mem;
    job_class class; /* of classifiers, whose rows are the comparison's own */
    job_rows own[2];
    const job_rows *train, *held;
    bool texts;   /* the rows have prompts to write texts for */
    json_t *told; /* compare.json */
} comparison;

/* Reads --recipes. E_USAGE, with the recipe's name, for what is no recipe or not on equal terms. */
int compare_recipes(comparison *c, err *e);
/* "nf4", "nf4+dq", "f32": what a recipe's base is held in. */
const char *compare_type(const options *o, char name[64]);

/* Makes or checks the folder. E_USAGE when it holds something else, or another comparison. */
int compare_begin(comparison *c, err *e);
int compare_save(const comparison *c, err *e);
/* OUT/A or OUT/A/B, on c->mem. */
const char *compare_path(comparison *c, const char *a, const char *b);
const char *compare_run_name(comparison *c, int which, int64_t seed);

int compare_cost(comparison *c, err *e);
/* With equal_time: steps of each recipe, from a few steps of all. */
int compare_pace(comparison *c, err *e);
int compare_run(comparison *c, int which, int64_t seed, err *e);
/* rows.json of losses. */
int compare_save_rows(const trial_judged *j, const job_rows *rows, const char *path, err *e);

/* What the rows' bootstrap draws: (rows->set.n) numbers below n, on the heap. Rows of one prompt have one, for
 * what makes one of them hard makes them all so, and to take them for independent makes an interval too narrow. */
int compare_units(const job_rows *rows, int64_t **unit, int64_t *n, err *e);
/* The results, from the files of the folder, into c->told. */
int compare_scores(comparison *c, err *e);
/* What compare_scores() tells of a recipe besides scores: what does not depend on the seed (memory, bytes, the base
 * before training); the run of a seed, added to runs, and to *worst_best when its best loss is above that; the mean
 * over runs; seconds until every run of all recipes has been at `loss`. */
int compare_add_facts(comparison *c, json_t *one, int which, err *e);
int compare_add_run(comparison *c, json_t *runs, int which, int64_t seed, double *worst_best, err *e);
double compare_mean(const json_t *runs, const char *key);
int compare_add_equal_loss(comparison *c, json_t *recipes, double loss, err *e);
/* A file of a run's folder, or of base/. NULL with e set. */
json_t *compare_read(comparison *c, const char *run_name, const char *file, err *e);
/* Sentences about a result of compare_scores(). */
json_t *compare_verdict(const json_t *told);

#endif
