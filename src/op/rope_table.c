/* rope_table.c -- the cosines and sines of a step's positions, computed once and read by every layer's rope.
 *
 *     table[t][k] = m cos(position[t] * inv_freq[k]),  table[t][half + k] = m sin(the same)
 *
 * The angle is a product of floats rounded to float, as the reference implementations have it: at position
 * 100000 a float angle is off by up to 0.004, and a model was trained with that. m is the magnitude that long
 * context variants scale queries and keys with, 1 otherwise.
 *
 * With a stretch, rows of a document longer than `original` take other frequencies: those given, or
 * theta'^(-k / half) with theta' = theta (factor length / original - factor + 1)^(2 half / (2 half - 2)), in
 * floats. Rows whose positions follow one another are a document, and its length is the last position plus
 * 1. */
#include "op/case.h"

#include <math.h>

enum { POSITIONS, INV_FREQ, LONGER };
enum { MAGNITUDE, FACTOR, THETA };
enum { ORIGINAL }; /* 0: no stretch */

/* Length of the document that row t, its first in the list, belongs to; *rows of it are in the list. */
static int64_t document(const value *v, const instr *i, int64_t t, int64_t *rows)
{
    const int32_t *position = v[i->in[POSITIONS]].p;
    int64_t n = 1, all = v[i->in[POSITIONS]].s.d[0];
    while (t + n < all && position[t + n] == position[t] + n) n++;
    *rows = n;
    return position[t + n - 1] + (int64_t)1;
}

static float grown(const instr *i, int64_t k, int64_t half, int64_t length)
{
    const float factor = (float)i->f[FACTOR], dim = 2 * (float)half;
    const float ratio = factor * (float)length / (float)i->n[ORIGINAL] - (factor - 1);
    const float theta = (float)i->f[THETA] * (float)pow((double)ratio, (double)dim / ((double)dim - 2));
    return 1 / (float)pow((double)theta, (double)((float)(2 * k) / dim));
}

static float frequency(const value *v, const instr *i, int64_t k, int64_t length)
{
    const value *own = &v[i->in[INV_FREQ]];
    if (!i->n[ORIGINAL] || length <= i->n[ORIGINAL]) return (float)frozen_at(own, 0, k);
    if (i->in[LONGER] != NONE) return (float)frozen_at(&v[i->in[LONGER]], 0, k);
    return grown(i, k, numel(own->s), length);
}

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int32_t *position = v[i->in[POSITIONS]].p;
    const value *table = &v[i->out[0]];
    real *row = table->p;
    int64_t half = table->s.d[1] / 2, rows;
    for (int64_t from = 0; from < table->s.d[0]; from += rows) {
        const int64_t length = document(v, i, from, &rows);
        for (int64_t k = 0; k < half; k++) {
            const float f = frequency(v, i, k, length);
            for (int64_t t = 0; t < rows; t++) {
                float angle = (float)position[from + t] * f;
                row[2 * half * t + k] = i->f[MAGNITUDE] * cos((double)angle);
                row[2 * half * t + half + k] = i->f[MAGNITUDE] * sin((double)angle);
            }
        }
        row += 2 * half * rows;
    }
}

val op_rope_table(prog *p, val positions, val inv_freq, const rope_stretch *stretch, double magnitude)
{
    BUG_IF(!p->v[positions].is_int || p->v[positions].s.d[1] != 1);
    BUG_IF(p->v[inv_freq].kind != VALUE_FROZEN || p->v[inv_freq].w->type != DT_F32);
    val table = prog_temp_like(p, "rope table", positions, 2 * numel(p->v[inv_freq].s));
    instr *i = prog_emit(p, &op_def_rope_table);
    i->in[POSITIONS] = positions;
    i->in[INV_FREQ] = inv_freq;
    i->out[0] = table;
    i->f[MAGNITUDE] = magnitude;
    if (!stretch) return table;
    BUG_IF(stretch->original < 1 || numel(p->v[inv_freq].s) < 2);
    BUG_IF(stretch->longer != NONE && numel(p->v[stretch->longer].s) != numel(p->v[inv_freq].s));
    i->in[LONGER] = stretch->longer;
    i->n[ORIGINAL] = stretch->original;
    i->f[FACTOR] = stretch->factor;
    i->f[THETA] = stretch->theta;
    return table;
}

static int64_t counting(int64_t row, const void *first) { return *(const int64_t *)first + row; }

/* n: rows, half, first position, original length (0: no stretch), other frequencies beyond it or not; f:
 * magnitude, factor, theta */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val positions = case_ints(p, "positions", ROWS_TOKENS, counting, &n[2]);
    val inv_freq = case_frozen(p, "inv_freq", DT_F32, n[1], 0, 0.5, 0.3);
    rope_stretch stretch = {.original = n[3], .longer = NONE, .factor = c->f[1], .theta = c->f[2]};
    if (n[4]) stretch.longer = case_frozen(p, "longer", DT_F32, n[1], 0, 0.2, 0.1);
    return case_end(p, n[0], 0,
                    op_rope_table(p, positions, inv_freq, n[3] ? &stretch : NULL, c->f[MAGNITUDE]));
}

static const op_case cases[] = {
    {"one row", {1, 1, 5}, {1}},
    {"odd", {7, 5, 0}, {1}},
    {"far", {6, 16, 100000}, {1}},
    {"magnitude", {9, 8, 3}, {1.2}},
    {"longer than before", {9, 8, 3, 11, 1}, {1.1}},
    {"grown", {9, 8, 0, 8, 0}, {1, 4, 100}},
    {"not grown", {9, 8, 0, 9, 0}, {1, 4, 100}},
    {0},
};

const op op_def_rope_table = {.name = "rope_table",
                              .id = OP_rope_table,
                              .nin = 3,
                              .nout = 1,
                              .forward = forward,
                              .build = build,
                              .cases = cases};
