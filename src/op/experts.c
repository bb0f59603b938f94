/* experts.c -- y[n] = x[n] W_e^T + scale * x[n] A_e^T B_e^T for the rows n that belong to expert e: a
 * projection that each expert has its own of, with its adapter. Rows are sorted by expert (spread.c), so each
 * expert is one `linear` over rows that lie side by side, and none computes on others'. x (rows, k in), y
 * (rows, k out).
 *
 * W is E matrices (out, in): the FROZEN value's w is the first of E tensors. The adapters are one PARAM of E
 * rows, each A (r, in) and then B (out, r); those of experts without a row get no gradient. */
#include "op/case.h"

enum { IN, W, AB, OFFSET };
enum { Y, AX };
enum { EXPERTS, K, RANK };
/* The values of one expert's linear. */
enum { P_IN, P_W, P_A, P_B, P_Y, P_AX, P_DY, P_DX, P_DA, P_DB, P_COUNT };
_Static_assert((int)P_COUNT == (int)EXPERT_VALUES, "op.h says how many there are");

/* Rows [first, first + n) of x seen as rows of `width` numbers. */
static value rows_of(const value *v, val x, int64_t first, int64_t n, int64_t width)
{
    if (x == NONE) return (value){0};
    value y = v[x];
    y.s = (shape){{n, width, 1}};
    y.cap = n;
    y.p = v[x].p ? (real *)v[x].p + first * width : NULL;
    return y;
}

/* A matrix (rows, cols) of expert e's adapter, `at` numbers into its row of x. */
static value matrix_of(const value *v, val x, int64_t e, int64_t at, int64_t rows, int64_t cols)
{
    if (x == NONE) return (value){0};
    value y = v[x];
    y.s = (shape){{rows, cols, 1}};
    y.cap = rows;
    y.p = v[x].p ? (real *)v[x].p + e * v[x].s.d[1] + at : NULL;
    return y;
}

static val present(val x, int at) { return x == NONE ? NONE : at; }

void expert_part(expert_linear *out, const value *v, const instr *i, int64_t e, int64_t first, int64_t n)
{
    const int64_t in = v[i->in[W]].s.d[1], rows = v[i->in[W]].s.d[0], r = i->n[RANK];
    const val ab = i->in[AB], dab = i->back ? i->din[AB] : NONE, dx = i->back ? i->din[IN] : NONE;
    out->v[P_IN] = rows_of(v, i->in[IN], first, n, in);
    out->v[P_W] = v[i->in[W]];
    out->v[P_W].w += e;
    out->v[P_A] = matrix_of(v, ab, e, 0, r, in);
    out->v[P_B] = matrix_of(v, ab, e, r * in, rows, r);
    out->v[P_Y] = rows_of(v, i->out[Y], first, n, rows);
    out->v[P_AX] = rows_of(v, i->out[AX], first, n, r);
    out->v[P_DY] = rows_of(v, i->dout, first, n, rows);
    out->v[P_DX] = rows_of(v, dx, first, n, in);
    out->v[P_DA] = matrix_of(v, dab, e, 0, r, in);
    out->v[P_DB] = matrix_of(v, dab, e, r * in, rows, r);
    out->i =
        (instr){.op = &op_def_linear, .back = i->back, .seg = i->seg, .id = i->id + (int)((e + 1) << 20)};
    for (int j = 0; j < MAXIN; j++) out->i.in[j] = out->i.din[j] = NONE;
    for (int j = 0; j < MAXOUT; j++) out->i.out[j] = NONE;
    const val operands[] = {present(i->in[IN], P_IN), P_W, NONE, present(ab, P_A), present(ab, P_B)};
    const val gradients[] = {present(dx, P_DX), NONE, NONE, present(dab, P_DA), present(dab, P_DB)};
    for (int j = 0; j < 5; j++) {
        out->i.in[j] = operands[j];
        out->i.din[j] = gradients[j];
    }
    out->i.out[Y] = present(i->out[Y], P_Y);
    out->i.out[AX] = present(i->out[AX], P_AX);
    out->i.dout = present(i->dout, P_DY);
    out->i.acc = (uint8_t)((i->acc & BIT(IN)) | (i->acc & BIT(AB) ? BIT(3) | BIT(4) : 0));
    out->i.f[0] = i->f[0];
    out->i.f[1] = i->f[1];
}

/* A gradient that is not added to: zeros for the experts without a row. */
static void clear_adapters(const value *v, const instr *i)
{
    if (i->back && i->din[AB] != NONE && !(i->acc & BIT(AB))) op_gradient(v, i, AB);
}

void experts_each(const run *r, const value *v, const instr *i, kernel_fn *linear)
{
    const int32_t *offset = v[i->in[OFFSET]].p;
    clear_adapters(v, i);
    for (int64_t e = 0; e < i->n[EXPERTS]; e++) {
        expert_linear part;
        if (offset[e + 1] == offset[e]) continue;
        expert_part(&part, v, i, e, offset[e], offset[e + 1] - offset[e]);
        linear(r, part.v, &part.i);
    }
}

static void forward(const run *r, const value *v, const instr *i)
{
    experts_each(r, v, i, op_def_linear.forward);
}
static void backward(const run *r, const value *v, const instr *i)
{
    experts_each(r, v, i, op_def_linear.backward);
}

val op_experts(prog *p, val x, val w, const routing *to, const expert_lowrank *adapters)
{
    const int64_t in = p->v[w].s.d[1], out = p->v[w].s.d[0], rank = adapters ? adapters->rank : 0;
    BUG_IF(p->v[w].kind != VALUE_FROZEN || p->v[x].s.d[1] != to->k * in || p->v[x].is_int);
    BUG_IF(adapters &&
           (p->v[adapters->ab].s.d[0] != to->experts || p->v[adapters->ab].s.d[1] != rank * (in + out)));
    val y = prog_temp_like(p, "experts", x, to->k * out);
    val ax = adapters ? prog_temp_like(p, "ax", x, to->k * rank) : NONE;
    instr *i = prog_emit(p, &op_def_experts);
    i->in[IN] = x;
    i->in[W] = w;
    i->in[OFFSET] = to->offset;
    i->out[Y] = y;
    i->n[EXPERTS] = to->experts;
    i->n[K] = to->k;
    i->n[RANK] = rank;
    if (!adapters) return y;
    i->in[AB] = adapters->ab;
    i->out[AX] = ax;
    i->f[0] = adapters->scale;
    i->f[1] = adapters->dropout;
    return y;
}

/* E matrices (out, in) of that type. */
static val case_matrices(prog *p, dtype type, int64_t experts, int64_t out, int64_t in)
{
    tensor *all = arena_new(&p->mem, (size_t)experts * sizeof *all);
    for (int64_t e = 0; e < experts; e++) {
        val one = case_frozen(p, "w", type, out, in, 0, 0.5);
        all[e] = *p->v[one].w;
    }
    return prog_frozen(p, all);
}

/* n: rows, in, out, rank (0: no adapters), experts, k, type of W; f: scale, dropout */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val x = case_param(p, "x", ROWS_TOKENS, 0, n[5] * n[1]);
    val w = case_matrices(p, (dtype)n[6], n[4], n[2], n[1]);
    const routing to = case_routing(p, n[0], n[4], n[5]);
    expert_lowrank adapters = {.rank = n[3], .scale = c->f[0], .dropout = c->f[1]};
    if (n[3]) adapters.ab = case_param(p, "AB", ROWS_FIXED, n[4], n[3] * (n[1] + n[2]));
    return case_end(p, n[0], 0, op_experts(p, x, w, &to, n[3] ? &adapters : NULL));
}

static const op_case cases[] = {
    {"one expert", {3, 8, 6, 0, 1, 1, DT_F32}, {0}},
    {"four experts", {9, 13, 7, 0, 4, 2, DT_F32}, {0}},
    {"adapters", {11, 17, 9, 3, 5, 2, DT_F32}, {0.7}},
    {"more experts than rows", {2, 12, 5, 2, 7, 2, DT_F32}, {1}},
    {"dropout", {13, 21, 6, 2, 3, 2, DT_F32}, {2, 0.3}},
    {"q8_0", {17, 64, 12, 2, 3, 2, DT_Q8_0}, {1}},
    {"no rows", {0, 6, 5, 2, 3, 2, DT_F32}, {1}},
    {0},
};

const op op_def_experts = {.name = "experts",
                           .id = OP_experts,
                           .nin = 4,
                           .nout = 2,
                           .in_for = {[IN] = BIT(AB), [W] = BIT(IN), [AB] = BIT(IN) | BIT(AB),
                                      [OFFSET] = BIT(IN) | BIT(AB)},
                           .out_for = {[AX] = BIT(AB)},
                           .partial = true,
                           .forward = forward,
                           .backward = backward,
                           .build = build,
                           .cases = cases};
