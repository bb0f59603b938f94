/* few.c -- linear forward for a few rows, as when tokens are generated one by one: bound by reading W, so
 * nothing is packed. The threads take pieces of W, decode a stretch and multiply it with every row of x
 * while it is in the first cache. Pieces are as large as one a thread allows, up to PIECE rows: memory is read
 * fastest in long runs.
 *
 * A dot product is CHAINS vectors of partial sums, then those added in pairs, then the lanes (v_sum), then
 * what is left of the row. So a row's result is the same bits whichever of the FEW it is computed with, and
 * on any number of threads; it is not the packed product's, whose sums run in another order. Computing in
 * integers, common types are multiplied as they are stored (few_i16.c, few_vnni.c). */
#include "kernel/cpu/isa/few.h"

#include "kernel/cpu/isa/decode.h"
#include "kernel/cpu/isa/units.h"

enum { IN, W, BIAS, A, B };
enum { Y, AX };
enum { CHAINS = 4, STEP = CHAINS * VL, STRETCH = 512 /* a multiple of every STEP */ };
enum { PIECE = 1024, TOGETHER = 16 /* rows of W */ };

typedef struct job {
    const run *r;
    const value *v;
    const instr *i;
    int64_t rows, in, out, rank, pieces;
    float *bias, *scratch, *store;
    bool integer; /* W is multiplied as it is stored */
    few_x x;
    few_levels levels;
} job;

static void place(job *j, area *at, int threads)
{
    j->bias = area_floats(at, j->out);
    j->scratch = area_floats(at, (int64_t)STRETCH * threads);
    j->store = area_floats(at, few_i16_floats(j->in));
}

static job job_of(const run *r, const value *v, const instr *i)
{
    const value *w = &v[i->in[W]];
    return (job){.r = r,
                 .v = v,
                 .i = i,
                 .rows = v[i->in[IN]].s.d[0],
                 .in = w->s.d[1],
                 .out = w->s.d[0],
                 .rank = i->in[A] == NONE ? 0 : v[i->in[A]].s.d[0]};
}

size_t few_workspace(const value *v, const instr *i, int threads)
{
    job j = job_of(NULL, v, i);
    area at = {0};
    place(&j, &at, threads);
    return at.used;
}

/* sums[row] += w x_row over n, whole steps in vectors, the rest one by one in tails[row]. */
INLINE void dots(const float *w, const float *x, int64_t ldx, int64_t n, const int rows, vec sums[][CHAINS],
                 float *tails)
{
    int64_t k = 0;
    for (; k + STEP <= n; k += STEP)
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) {
            const vec a = v_load(w + k + c * VL);
#pragma GCC unroll 4
            for (int r = 0; r < rows; r++)
                sums[r][c] = v_fma(a, v_load(x + r * ldx + k + c * VL), sums[r][c]);
        }
    for (; k < n; k++)
        for (int r = 0; r < rows; r++) tails[r] += w[k] * x[r * ldx + k];
}

/* The dot products of logical row o of w with `rows` rows of x. */
INLINE void row_dots(const job *j, const tensor *w, int64_t o, const int rows, float *scratch, float *to)
{
    const float *x = j->v[j->i->in[IN]].p;
    vec sums[FEW][CHAINS];
    float tails[FEW] = {0};
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < CHAINS; c++) sums[r][c] = v_zero();
    if (w->type == DT_F32)
        dots((const float *)tensor_row(w, o), x, j->in, j->in, rows, sums, tails);
    else
        for (int64_t k = 0; k < j->in; k += STRETCH) {
            int64_t n = j->in - k < STRETCH ? j->in - k : STRETCH;
            row_decode(w, o, k, n, scratch);
            dots(scratch, x + k, j->in, n, rows, sums, tails);
        }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
        to[r] = v_sum((sums[r][0] + sums[r][1]) + (sums[r][2] + sums[r][3])) + tails[r];
}

static void row_dots_any(const job *j, const tensor *w, int64_t o, float *scratch, float *to)
{
    switch (j->rows) {
    case 1:
        row_dots(j, w, o, 1, scratch, to);
        break;
    case 2:
        row_dots(j, w, o, 2, scratch, to);
        break;
    case 3:
        row_dots(j, w, o, 3, scratch, to);
        break;
    default:
        row_dots(j, w, o, 4, scratch, to);
        break;
    }
}

/* ax, row k of A. */
static void low_rank(const job *j, int64_t k, float *scratch)
{
    const tensor a = {.type = DT_F32, .ndim = 2, .dim = {j->rank, j->in, 1, 1}, .data = j->v[j->i->in[A]].p};
    float sums[FEW], *ax = j->v[j->i->out[AX]].p;
    row_dots_any(j, &a, k, scratch, sums);
    for (int64_t r = 0; r < j->rows; r++) ax[r * j->rank + k] = sums[r];
}

/* Columns [o, o + n) of y, n at most TOGETHER, and what the adapter and the bias add. */
static void few_columns(const job *j, int64_t o, int64_t n, float *scratch)
{
    float sums[TOGETHER * FEW], *y = j->v[j->i->out[Y]].p;
    const float *ax = j->rank ? j->v[j->i->out[AX]].p : NULL, *b = j->rank ? j->v[j->i->in[B]].p : NULL;
    const tensor *w = j->v[j->i->in[W]].w;
    if (j->integer)
        few_i16_dots(w, o, n, &j->x, j->rows, &j->levels, sums);
    else
        for (int64_t c = 0; c < n; c++) row_dots_any(j, w, o + c, scratch, sums + c * j->rows);
    const float *sum = sums;
    for (int64_t c = o; c < o + n; c++)
        for (int64_t r = 0; r < j->rows; r++, sum++) {
            float low = 0;
            for (int64_t k = 0; k < j->rank; k++) low += ax[r * j->rank + k] * b[c * j->rank + k];
            const float s = j->rank ? *sum + (float)j->i->f[0] * low : *sum;
            y[r * j->out + c] = j->bias ? s + j->bias[c] : s;
        }
}

static void few_piece(void *arg, int64_t piece, int t)
{
    const job *j = arg;
    const int64_t end = j->out * (piece + 1) / j->pieces;
    for (int64_t o = j->out * piece / j->pieces; o < end; o += TOGETHER)
        few_columns(j, o, end - o < TOGETHER ? end - o : TOGETHER, j->scratch + t * STRETCH);
}

bool few_i16_can(const tensor *w)
{
    switch (w->type) {
    case DT_Q4_0:
    case DT_Q4_1:
    case DT_Q8_0:
    case DT_Q4_K:
        return true;
    case DT_NF4:
    case DT_FP4:
        return nf4_whole_rows(w);
    default:
        return false;
    }
}

void few_forward(const run *r, const value *v, const instr *i)
{
    job j = job_of(r, v, i);
    area at = {r->work, 0};
    place(&j, &at, pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes || j.rows > FEW);
    if (i->in[BIAS] == NONE)
        j.bias = NULL;
    else
        row_decode(v[i->in[BIAS]].w, 0, 0, j.out, j.bias);
    const tensor *w = v[i->in[W]].w;
    j.integer = ((const memo *)r->device)->setup->how != COMPUTE_F32 && few_i16_can(w);
    if (j.integer) {
        few_i16_round(&j.x, w, v[i->in[IN]].p, j.rows, j.in, j.store);
        few_i16_levels(w, &j.levels);
    }
    for (int64_t k = 0; k < j.rank; k++) low_rank(&j, k, j.scratch);
    const int threads = pool_threads(r->team);
    j.pieces = (j.out + threads * PIECE - 1) / (threads * PIECE) * threads;
    if (i->out[Y] != NONE) pool_pieces(r->team, few_piece, &j, j.pieces);
}
