/* attention.c -- grouped-query attention within documents, with nothing of (rows, rows) in memory.
 *
 * Row i of a head sees rows j from start[i] (its document's first), or i - window + 1 if that is later, up to
 * i, or in an encoder up to the last of its document (BOTH), or i + window - 1 if that is earlier. Or k and v are
 * rows of their own, and row i sees those from seen[i][0] up to before seen[i][1] (START has two columns then):
 *
 *     s_j = scale * q_i . k_j    lse_i = log sum_j exp s_j    p_j = exp(s_j - lse_i)    o_i = sum_j p_j v_j
 *
 * Only lse is kept (rows, heads); the backward computes p from it again:
 *
 *     D = do_i . o_i    ds_j = p_j (do_i . v_j - D)
 *     dv_j += p_j do_i    dq_i += scale ds_j k_j    dk_j += scale ds_j q_i
 *
 * With a soft cap c (Gemma 2), s_j = c tanh(scale * q_i . k_j / c) and ds_j is multiplied by 1 - (s_j / c)^2.
 * With a bias (T5), s_j is increased by that of the distance i - j, or with a slope (ALiBi: Press et al. 2021)
 * decreased by slope (i - j); ds_j stays as it is.
 * With dropout, p_j is multiplied by the factor f_j of element (i heads + head, j counted from the document's first
 * key) wherever it multiplies v_j, lse being that of all: o_i = sum_j f_j p_j v_j, and so
 *
 *     ds_j = p_j (f_j do_i . v_j - D)    dv_j += f_j p_j do_i
 *
 * Head h reads key and value head h / (heads / kv_heads). */
#include "op/case.h"

#include <math.h>
#include <string.h>

enum { Q, K, V, START, BIAS };
enum { OUT, LSE };
enum { HEADS, KV_HEADS, WINDOW, BOTH, PLACE = 5 };
enum { DROP = 2 }; /* of f */
enum { ALL = BIT(Q) | BIT(K) | BIT(V) };

/* One row of one head: where its vectors are, and which rows it sees. */
typedef struct at {
    int64_t first, last;  /* rows seen */
    int64_t document;     /* its first key */
    int64_t dim, stride;  /* of a head; from one row of k or v to the next */
    int64_t q_off, k_off; /* of this head in q's and o's arrays, at its row; in k's and v's, at row 0 */
    const real *q, *k, *v;
    real scale, cap;
    const value *bias; /* NULL: none; of one column: slopes */
    int64_t row, head;
} at;

/* The rows that row `row` sees. */
static void look_around(at *a, const value *v, const instr *i, int64_t row)
{
    const value *seen = &v[i->in[START]];
    const int32_t *start = seen->p;
    int64_t window = i->n[WINDOW];
    if (seen->s.d[1] == 2) {
        a->document = a->first = start[2 * row];
        a->last = start[2 * row + 1] - 1;
        return;
    }
    a->document = a->first = start[row];
    a->last = row;
    int64_t end = seen->s.d[0]; /* nothing from there on is seen */
    if (window && row + window < end) end = row + window;
    while (i->n[BOTH] && a->last + 1 < end && start[a->last + 1] == start[row]) a->last++;
    if (window && row - window + 1 > a->first) a->first = row - window + 1;
}

static at look(const value *v, const instr *i, int64_t row, int64_t head)
{
    const value *q = &v[i->in[Q]], *k = &v[i->in[K]];
    int64_t heads = i->n[HEADS], share = heads / i->n[KV_HEADS];
    at a = {.scale = i->f[0], .cap = i->f[1], .row = row, .head = head};
    if (i->in[BIAS] != NONE) a.bias = &v[i->in[BIAS]];
    look_around(&a, v, i, row);
    a.dim = q->s.d[1] / heads;
    a.stride = k->s.d[1];
    a.q_off = row * q->s.d[1] + head * a.dim;
    a.k_off = head / share * a.dim;
    a.q = (const real *)q->p + a.q_off;
    a.k = (const real *)k->p + a.k_off;
    a.v = (const real *)v[i->in[V]].p + a.k_off;
    return a;
}

static real dot(const real *x, const real *y, int64_t n)
{
    real sum = 0;
    for (int64_t k = 0; k < n; k++) sum += x[k] * y[k];
    return sum;
}

static real score(const at *a, int64_t j)
{
    real s = a->scale * dot(a->q, a->k + j * a->stride, a->dim);
    if (a->bias && a->bias->s.d[1] == 1) s -= frozen_at(a->bias, a->head, 0) * (real)(a->row - j);
    else if (a->bias) {
        int64_t reach = a->bias->s.d[1] / 2, distance = a->row - j;
        distance = distance > reach ? reach : distance < -reach ? -reach : distance;
        s += frozen_at(a->bias, a->head, reach + distance);
    }
    return a->cap > 0 ? a->cap * (real)tanh(s / a->cap) : s;
}

/* What dropout multiplies p_j by. */
static real factor(const run *r, const instr *i, const at *a, int64_t j)
{
    if (i->f[DROP] <= 0) return 1;
    const int64_t row = a->row * i->n[HEADS] + a->head;
    return (real)dropout_factor(r->key, (int)i->n[PLACE], row, j - a->document, i->f[DROP]);
}

static void forward(const run *r, const value *v, const instr *i)
{
    int64_t rows = v[i->in[Q]].s.d[0], heads = i->n[0];
    for (int64_t row = 0; row < rows; row++)
        for (int64_t h = 0; h < heads; h++) {
            at a = look(v, i, row, h);
            real *o = (real *)v[i->out[OUT]].p + a.q_off, most = -INFINITY, sum = 0;
            for (int64_t j = a.first; j <= a.last; j++) most = fmax(most, score(&a, j));
            for (int64_t j = a.first; j <= a.last; j++) sum += exp(score(&a, j) - most);
            real lse = most + log(sum);
            if (i->out[LSE] != NONE) ((real *)v[i->out[LSE]].p)[row * heads + h] = lse;
            memset(o, 0, (size_t)a.dim * sizeof *o);
            for (int64_t j = a.first; j <= a.last; j++) {
                real p = exp(score(&a, j) - lse) * factor(r, i, &a, j);
                for (int64_t k = 0; k < a.dim; k++) o[k] += p * a.v[j * a.stride + k];
            }
        }
}

static void backward(const run *r, const value *v, const instr *i)
{
    real *dq = op_gradient(v, i, Q), *dk = op_gradient(v, i, K), *dv = op_gradient(v, i, V);
    int64_t rows = v[i->dout].s.d[0], heads = i->n[0];
    for (int64_t row = 0; row < rows; row++)
        for (int64_t h = 0; h < heads; h++) {
            at a = look(v, i, row, h);
            const real *go = (const real *)v[i->dout].p + a.q_off;
            real lse = ((const real *)v[i->out[LSE]].p)[row * heads + h];
            real mean = dot(go, (const real *)v[i->out[OUT]].p + a.q_off, a.dim);
            for (int64_t j = a.first; j <= a.last; j++) {
                real s = score(&a, j), p = exp(s - lse), f = factor(r, i, &a, j);
                real ds = a.scale * p * (f * dot(go, a.v + j * a.stride, a.dim) - mean);
                if (a.cap > 0) ds *= 1 - s * s / (a.cap * a.cap);
                int64_t kv = a.k_off + j * a.stride;
                for (int64_t k = 0; k < a.dim; k++) {
                    if (dv) dv[kv + k] += f * p * go[k];
                    if (dq) dq[a.q_off + k] += ds * a.k[j * a.stride + k];
                    if (dk) dk[kv + k] += ds * a.q[k];
                }
            }
        }
}

val op_attention(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window, double scale)
{
    return op_attention_capped(p, q, k, v, start, heads, kv_heads, window, scale, 0);
}

/* What all of them have in common. */
static val emit(prog *p, val q, val k, val v, val start, int heads, int kv_heads, double scale)
{
    int64_t width = p->v[q].s.d[1];
    BUG_IF(heads < 1 || kv_heads < 1 || heads % kv_heads || width % heads);
    BUG_IF(p->v[k].s.d[1] != width / heads * kv_heads || p->v[v].s.d[1] != p->v[k].s.d[1]);
    BUG_IF(p->v[v].cap != p->v[k].cap || p->v[start].cap != p->v[q].cap || !p->v[start].is_int);
    val o = prog_temp_like(p, "attention", q, width);
    val lse = p->v[k].kind == VALUE_STATE ? NONE : prog_temp_like(p, "lse", q, heads);
    instr *i = prog_emit(p, &op_def_attention);
    i->in[Q] = q;
    i->in[K] = k;
    i->in[V] = v;
    i->in[START] = start;
    i->out[OUT] = o;
    i->out[LSE] = lse;
    i->n[HEADS] = heads;
    i->n[KV_HEADS] = kv_heads;
    i->f[0] = scale;
    return o;
}

val op_attention_capped(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window,
                        double scale, double cap)
{
    BUG_IF(window < 0 || p->v[k].cap != p->v[q].cap || p->v[start].s.d[1] != 1);
    val o = emit(p, q, k, v, start, heads, kv_heads, scale);
    instr *i = &p->i[p->ni - 1];
    i->n[WINDOW] = window;
    i->f[1] = cap;
    return o;
}

val op_attention_both(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window, double scale)
{
    val o = op_attention(p, q, k, v, start, heads, kv_heads, window, scale);
    p->i[p->ni - 1].n[BOTH] = 1;
    return o;
}

val op_attention_biased(prog *p, val q, val k, val v, val start, val bias, attention_sight sight, int heads,
                        double scale)
{
    val o = op_attention(p, q, k, v, start, heads, heads, 0, scale);
    const value *b = &p->v[bias];
    BUG_IF(b->kind != VALUE_FROZEN || b->w->type != DT_F32 || b->s.d[0] != heads || b->s.d[1] % 2 == 0);
    p->i[p->ni - 1].in[BIAS] = bias;
    p->i[p->ni - 1].n[BOTH] = sight == SEES_ALL;
    return o;
}

val op_attention_across(prog *p, val q, val k, val v, val seen, int heads, double scale)
{
    BUG_IF(p->v[seen].s.d[1] != 2);
    val o = emit(p, q, k, v, seen, heads, heads, scale);
    p->i[p->ni - 1].n[BOTH] = 1;
    return o;
}

void op_attention_dropout(prog *p, val attention, double probability, int place)
{
    instr *i = &p->i[p->ni - 1];
    BUG_IF(i->op != &op_def_attention || i->out[OUT] != attention || i->out[LSE] == NONE);
    BUG_IF(!(probability > 0 && probability < 1) || place < 0);
    i->n[PLACE] = DROPOUT_PLACES + place;
    i->f[DROP] = probability;
}

/* Documents of `each` rows of q; document d sees 3 + 2 d rows of k, up to row `keys`. */
typedef struct across {
    int64_t each, keys;
} across;

static int64_t keys_before(int64_t document) { return document * (document + 2); }

static val case_seen(prog *p, int64_t rows, const across *a)
{
    val x = prog_ints(p, "seen", VALUE_INPUT, ROWS_TOKENS, 0, 2);
    int32_t *seen = p->v[x].p = arena_new(&p->mem, value_bytes(&p->v[x]));
    for (int64_t r = 0; r < rows; r++) {
        int64_t d = r / a->each, last = (rows - 1) / a->each;
        seen[2 * r] = (int32_t)keys_before(d);
        seen[2 * r + 1] = (int32_t)(d == last ? a->keys : keys_before(d + 1));
    }
    return x;
}

/* o as the case's dropout makes it. */
static val dropped(prog *p, val o, const op_case *c)
{
    if (c->f[DROP] > 0) op_attention_dropout(p, o, c->f[DROP], 3);
    return o;
}

/* n: rows, heads, -, columns of a head, -, rows of a document, -, -, keys of all documents */
static val build_across(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], n[8]);
    val q = case_param(p, "q", ROWS_TOKENS, 0, n[1] * n[3]);
    val k = case_param(p, "k", ROWS_LABELS, 0, n[1] * n[3]);
    val v = case_param(p, "v", ROWS_LABELS, 0, n[1] * n[3]);
    val seen = case_seen(p, n[0], &(across){n[5], n[8]});
    return case_end(p, n[0], n[8], dropped(p, op_attention_across(p, q, k, v, seen, (int)n[1], c->f[0]), c));
}

/* n: rows, heads, kv heads, columns of a head, window, length of the first document (0: one), whether rows
 * see what follows them, reach of a bias (0: none, SLOPES: slopes instead), keys (0: of the rows themselves); f:
 * scale, cap, dropout */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    if (n[8]) return build_across(p, c);
    case_begin(p, n[0], 0);
    val q = case_param(p, "q", ROWS_TOKENS, 0, n[1] * n[3]);
    val k = case_param(p, "k", ROWS_TOKENS, 0, n[2] * n[3]);
    val v = case_param(p, "v", ROWS_TOKENS, 0, n[2] * n[3]);
    val start = case_ints(p, "start", ROWS_TOKENS, case_start, &n[5]);
    if (n[7]) {
        const int64_t columns = n[7] == SLOPES ? 1 : 2 * n[7] + 1;
        val bias = case_frozen(p, "bias", DT_F32, n[1], columns, n[7] == SLOPES ? 0.3 : 0, n[7] == SLOPES ? 0.1 : 1);
        attention_sight sight = n[6] ? SEES_ALL : SEES_BEFORE;
        val biased = op_attention_biased(p, q, k, v, start, bias, sight, (int)n[1], c->f[0]);
        return case_end(p, n[0], 0, dropped(p, biased, c));
    }
    val o = n[6] ? op_attention_both(p, q, k, v, start, (int)n[1], (int)n[2], (int)n[4], c->f[0])
                 : op_attention_capped(p, q, k, v, start, (int)n[1], (int)n[2], (int)n[4], c->f[0], c->f[1]);
    return case_end(p, n[0], 0, dropped(p, o, c));
}

static const op_case cases[] = {
    {"one row", {1, 2, 1, 4, 0, 0}, {0.5}},
    {"one document", {9, 2, 2, 5, 0, 0}, {0.4}},
    {"documents", {17, 4, 2, 8, 0, 3}, {0.35}},
    {"documents of one row", {6, 4, 1, 6, 0, 1}, {0.4}},
    {"window", {13, 2, 1, 7, 4, 0}, {0.4}},
    {"window of one row", {5, 2, 2, 3, 1, 0}, {0.6}},
    {"window and documents", {23, 4, 1, 8, 3, 5}, {0.35}},
    {"wide heads", {7, 2, 1, 64, 0, 0}, {0.125}},
    {"cap", {11, 4, 2, 8, 0, 0}, {1.5, 2}},
    {"cap, window and documents", {23, 4, 1, 6, 3, 5}, {1, 1.5}},
    {"more rows than a tile", {70, 1, 1, 4, 0, 0}, {0.5}},
    {"more rows than a tile, documents", {77, 2, 1, 3, 0, 21}, {0.6}},
    {"both ways", {9, 2, 2, 5, 0, 0, 1}, {0.4}},
    {"both ways, documents", {17, 4, 2, 8, 0, 3, 1}, {0.35}},
    {"both ways, more rows than a tile", {77, 2, 1, 3, 0, 21, 1}, {0.6}},
    {"both ways, window", {13, 2, 1, 7, 4, 0, 1}, {0.4}},
    {"both ways, window of one row", {5, 2, 2, 3, 1, 0, 1}, {0.6}},
    {"both ways, window and documents", {23, 4, 1, 8, 3, 5, 1}, {0.35}},
    {"both ways, window, more rows than a tile", {117, 1, 1, 3, 20, 31, 1}, {0.6}},
    {"bias", {9, 2, 2, 5, 0, 0, 0, 4}, {1}},
    {"bias, documents", {23, 3, 3, 4, 0, 5, 0, 3}, {0.5}},
    {"bias, both ways, documents", {23, 3, 3, 4, 0, 5, 1, 3}, {0.5}},
    {"bias, both ways, more rows than a tile", {113, 1, 1, 3, 0, 21, 1, 40}, {0.6}},
    {"slopes", {9, 2, 2, 5, 0, 0, 0, SLOPES}, {1}},
    {"slopes, documents", {23, 3, 3, 4, 0, 5, 0, SLOPES}, {0.5}},
    {"slopes, more rows than a tile, documents", {113, 1, 1, 3, 0, 21, 0, SLOPES}, {0.6}},
    {"across", {7, 2, 0, 5, 0, 7, 0, 0, 4}, {0.5}},
    {"across, one row", {1, 2, 0, 4, 0, 1, 0, 0, 9}, {0.5}},
    {"across, documents", {17, 3, 0, 4, 0, 4, 0, 0, 29}, {0.5}},
    {"across, more keys than a tile", {5, 2, 0, 3, 0, 3, 0, 0, 70}, {0.6}},
    {"dropout, documents", {17, 4, 2, 8, 0, 3}, {0.35, 0, 0.3}},
    {"dropout, cap, window and documents", {23, 4, 1, 6, 3, 5}, {1, 1.5, 0.2}},
    {"dropout, both ways, more rows than a tile", {77, 2, 1, 3, 0, 21, 1}, {0.6, 0, 0.5}},
    {"dropout, bias, documents", {23, 3, 3, 4, 0, 5, 0, 3}, {0.5, 0, 0.1}},
    {"dropout, across, documents", {17, 3, 0, 4, 0, 4, 0, 0, 29}, {0.5, 0, 0.3}},
    {0},
};

const op op_def_attention = {.name = "attention",
                             .id = OP_attention,
                             .nin = 5,
                             .nout = 2,
                             .in_for = {[Q] = ALL, [K] = ALL, [V] = ALL, [START] = ALL, [BIAS] = ALL},
                             .out_for = {[OUT] = ALL, [LSE] = ALL},
                             .forward = forward,
                             .backward = backward,
                             .build = build,
                             .cases = cases};
