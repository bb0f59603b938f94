/* op.c -- the table of operators, and what several of them share. */
#include "op/op.h"

#include "base/rng.h"

#include <string.h>

#define X(name) [OP_##name] = &op_def_##name,
const op *const op_all[OP_COUNT] = {OPERATORS(X)};
#undef X

void frozen_row(const value *v, int64_t row, int64_t first, int64_t n, real *dst)
{
    enum { SPAN = 256 };
    float part[SPAN]; /* the codecs speak float, whatever `real` is */
    BUG_IF(v->kind != VALUE_FROZEN || !v->w->data);
    for (int64_t at = 0; at < n; at += SPAN) {
        int64_t m = n - at < SPAN ? n - at : SPAN;
        tensor_decode(v->w, row, first + at, m, part);
        for (int64_t k = 0; k < m; k++) dst[at + k] = part[k];
    }
}

real frozen_at(const value *v, int64_t row, int64_t col)
{
    real x;
    frozen_row(v, row, col, 1, &x);
    return x;
}

instr *op_emit_on(prog *p, const op *what, val x)
{
    const val y = prog_temp_like(p, what->name, x, p->v[x].s.d[1]);
    instr *i = prog_emit(p, what);
    i->in[0] = x;
    i->out[0] = y;
    return i;
}

real *op_gradient(const value *v, const instr *i, int j)
{
    if (i->din[j] == NONE) return NULL;
    const value *d = &v[i->din[j]];
    if (!(i->acc & BIT(j))) memset(d->p, 0, (size_t)numel(d->s) * sizeof(real));
    return d->p;
}

double dropout_factor(uint64_t key, int id, int64_t row, int64_t col, double p)
{
    uint64_t element = (uint64_t)row << 32 | (uint64_t)col;
    return rng_unit(rng_key(key, (uint64_t)id), element) < p ? 0 : 1 / (1 - p);
}
