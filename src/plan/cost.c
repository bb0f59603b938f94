/* cost.c -- the floating-point operations that a step's matrix products need, for its live rows.
 *
 * What counts, as multiply-adds, with n rows:
 *
 *     linear      n in out, and once more where dx is wanted
 *     dense       n in out, and once more for each of dx and dW
 *     adapter     n r (in + out); backward n r (out for da, in for dA, out for dB, in for dx)
 *     experts     the same for the rows that experts see, k for each
 *     attention   2 dim a head and a pair of rows that see each other; backward dim for each of dv, dp, dq,
 * dk head        n width vocab, and once more where dh is wanted
 *
 * What is computed again, be it by a recompute policy or the scores inside attention's backward, does not
 * count: this is the work that no arrangement can do without. */
#include "plan/plan.h"

static double linear_forward(const value *v, const instr *i)
{
    double rows = (double)v[i->in[0]].s.d[0], in = (double)v[i->in[1]].s.d[1],
           out = (double)v[i->in[1]].s.d[0];
    double rank = i->in[3] == NONE ? 0 : (double)v[i->in[3]].s.d[0];
    return rows * ((i->out[0] == NONE ? 0 : in * out) + rank * (in + out));
}

static double linear_backward(const value *v, const instr *i)
{
    double rows = (double)v[i->dout].s.d[0], in = (double)v[i->in[1]].s.d[1],
           out = (double)v[i->in[1]].s.d[0];
    double rank = i->in[3] == NONE ? 0 : (double)v[i->in[3]].s.d[0];
    double dx = i->din[0] != NONE, da = i->din[3] != NONE, db = i->din[4] != NONE;
    return rows * (dx * in * out + rank * (out + db * out + (da + dx) * in));
}

static double dense(const value *v, const instr *i)
{
    if (!i->back) return (double)v[i->in[0]].s.d[0] * (double)numel(v[i->in[1]].s);
    double rows = (double)v[i->dout].s.d[0], n = 0;
    for (int j = 0; j < 2; j++)
        if (i->din[j] != NONE) n += rows * (double)v[i->dout].s.d[1] * (double)v[i->din[j]].s.d[1];
    return n;
}

/* As linear over k times the rows; whose expert is whose does not count. */
static double experts_of(const value *v, const instr *i)
{
    const value *w = &v[i->in[1]];
    double rows = (double)v[i->back ? i->dout : i->in[0]].s.d[0] * (double)i->n[1];
    double in = (double)w->s.d[1], out = (double)w->s.d[0];
    double rank = (double)i->n[2], y = i->out[0] != NONE, dx = i->back && i->din[0] != NONE;
    double dab = i->back && i->din[2] != NONE;
    if (!i->back) return rows * (y * in * out + rank * (in + out));
    return rows * (dx * in * out + rank * (out + dab * out + (dab + dx) * in));
}

static double smaller(double a, double b) { return a < b ? a : b; }

/* Pairs of rows (i, j) that see each other. Starts that nobody has bound yet: one document. */
static double attention_pairs(const value *v, const instr *i, int64_t rows)
{
    const int32_t *start = v[i->in[3]].p;
    double pairs = 0, window = (double)i->n[2];
    if (v[i->in[3]].s.d[1] == 2) { /* keys are rows of their own */
        if (!start) return (double)rows * (double)v[i->in[1]].s.d[0];
        for (int64_t r = 0; r < rows; r++) pairs += start[2 * r + 1] - start[2 * r];
        return pairs;
    }
    for (int64_t r = 0; r < rows; r++) {
        double seen = (double)(r - (start ? start[r] : 0) + 1);
        bool last = r + 1 == rows || (start && start[r + 1] != start[r]);
        if (i->n[3]) pairs += last ? seen * seen : 0; /* both ways: all pairs of a document */
        else pairs += window > 0 ? smaller(seen, window) : seen;
    }
    return pairs;
}

/* Positions not bound yet: one sequence from its beginning. */
static double cached_pairs(const value *v, const instr *i, int64_t rows)
{
    const int32_t *position = v[i->in[4]].p;
    double pairs = 0, window = (double)i->n[2];
    for (int64_t r = 0; r < rows; r++) {
        double seen = (double)(position ? position[r] : r) + 1;
        pairs += window > 0 ? smaller(seen, window) : seen;
    }
    return pairs;
}

static double attention_backward(const value *v, const instr *i)
{
    double dq = i->din[0] != NONE, dk = i->din[1] != NONE, dv = i->din[2] != NONE;
    const value *dy = &v[i->dout];
    return ((dq || dk) + dq + dk + dv) * attention_pairs(v, i, dy->s.d[0]) * (double)dy->s.d[1];
}

static double multiply_adds(const value *v, const instr *i)
{
    const value *x = i->back ? &v[i->dout] : &v[i->in[0]];
    double width = (double)x->s.d[1], rows = (double)x->s.d[0];
    switch (i->op->id) {
    case OP_linear:
        return i->back ? linear_backward(v, i) : linear_forward(v, i);
    case OP_dense:
        return dense(v, i);
    case OP_experts:
        return experts_of(v, i);
    case OP_attention:
        return i->back ? attention_backward(v, i) : 2 * width * attention_pairs(v, i, x->s.d[0]);
    case OP_cached_attention:
        return 2 * width * cached_pairs(v, i, x->s.d[0]);
    case OP_head:
        return (i->out[1] == NONE ? 1 : 2) * rows * width * (double)v[i->in[1]].s.d[0];
    default:
        return 0;
    }
}

double plan_operations(const prog *p)
{
    int plain = p->nfwd ? p->nfwd : p->ni; /* a list without a backward is all forward */
    double n = 0;
    for (int k = 0; k < p->ni; k++)
        if (k < plain || p->i[k].back) n += multiply_adds(p->v, &p->i[k]);
    return 2 * n;
}
