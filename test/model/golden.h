/* golden.h -- reads what test/golden/model_llama.py recorded, for the tests of model/ and train/. */
#ifndef TEST_MODEL_GOLDEN_H
#define TEST_MODEL_GOLDEN_H

#include "base/cpu.h"
#include "base/json.h"
#include "model/step.h"

#include <stdio.h>
#include <stdlib.h>

#define GOLDEN_FOLDER "test/data/model/tiny-llama"

/* All rows of the recording end to end: what one micro-batch holds. */
typedef struct golden {
    json_t  *json;
    int64_t  tokens, labels, docs;
    int32_t  ids[512], positions[512], start[512], gather[512], target[512];
    float    weight[512]; /* 1 / labels */
    int64_t  row_of[512]; /* document of each token */
} golden;

/* Rows [first, last) of golden_<name>.json. */
static inline void golden_rows(golden *g, int64_t first, int64_t last)
{
    const json_t *rows = json_object_get(g->json, "rows");
    g->tokens = g->labels = g->docs = 0;
    for (int64_t r = first; r < last; r++, g->docs++) {
        const json_t *row = json_array_get(rows, (size_t)r);
        const json_t *ids = json_object_get(row, "ids"), *labels = json_object_get(row, "labels");
        int64_t at = g->tokens;
        for (size_t i = 0; i < json_array_size(ids); i++, g->tokens++) {
            g->ids[g->tokens] = (int32_t)json_integer_value(json_array_get(ids, i));
            g->positions[g->tokens] = (int32_t)i;
            g->start[g->tokens] = (int32_t)at;
            g->row_of[g->tokens] = r - first;
            if (i == 0 || !json_integer_value(json_array_get(labels, i))) continue;
            g->gather[g->labels] = (int32_t)(g->tokens - 1);
            g->target[g->labels++] = g->ids[g->tokens];
        }
    }
    for (int64_t i = 0; i < g->labels; i++) g->weight[i] = 1 / (float)g->labels;
}

static inline void golden_open(golden *g, const char *name, err *e)
{
    char path[256];
    snprintf(path, sizeof path, GOLDEN_FOLDER "/golden_%s.json", name);
    g->json = json_parse_file(path, e);
    if (g->json) golden_rows(g, 0, (int64_t)json_array_size(json_object_get(g->json, "rows")));
}

static inline step_input golden_input(const golden *g)
{
    return (step_input){.tokens = g->tokens, .labels = g->labels, .ids = g->ids, .positions = g->positions,
                        .start = g->start, .gather = g->gather, .target = g->target, .weight = g->weight};
}

#endif
