/* op.h -- what an operator is.
 *
 * One file an operator holds all of it: the mathematics, the constructor with its shape rule, the
 * reference forward and backward in plain C, which values the backward reads, and the cases its checks
 * must try. Adding an operator is that file and, here, its line in OPERATORS and its constructor. The
 * tests walk op_all, so an operator without a checked gradient cannot exist; a device that has no
 * kernel of its own for it runs the reference. */
#ifndef OP_OP_H
#define OP_OP_H

#include "base/pool.h"
#include "op/prog.h"

#define OPERATORS(X)                                                                                         \
    X(embed) X(gather) X(rmsnorm) X(linear) X(rope_table) X(rope) X(attention) X(cached_attention) X(swiglu) \
    X(geglu) X(softcap) X(columns) X(add) X(head) X(layernorm) X(activation) X(dense) X(objective)           \
    X(route) X(spread) X(experts) X(combine) X(rowgate) X(store) X(dropout) X(clamp) X(scale)                \
    X(geglu_exact) X(average) X(disentangled)

#define X(name) OP_##name,
enum { OPERATORS(X) OP_COUNT };
#undef X

/* What a kernel may use besides its operands while a list runs. */
typedef struct run {
    pool    *team;       /* NULL: this thread alone */
    void    *work;       /* scratch, as large as the device's workspace() said; 64-byte aligned */
    size_t   work_bytes;
    uint64_t key;        /* stream of random numbers of this micro-batch: dropout */
    double  *seconds;    /* NULL, or [2 * OP_COUNT]: time spent, forward and backward by operator */
    const void *device;  /* the device's own */
} run;

typedef void kernel_fn(const run *r, const value *v, const instr *i);

/* A small problem the checks try: n and f mean what the operator's build() says. */
typedef struct op_case {
    const char *name;
    int64_t n[10];
    double  f[3];
} op_case;

typedef struct op {
    const char *name;
    int  id, nin, nout;
    /* in_for[j]: the inputs (as bits) whose gradient reads input j; out_for[j] likewise for output j.
     * What no wanted gradient reads is not kept: the input of a frozen projection costs no memory. */
    uint8_t in_for[MAXIN], out_for[MAXOUT];
    bool partial; /* out[0] may be NONE when nobody reads it (recompute of the other outputs) */
    bool inplace; /* forward: out[0] may take in[0]'s storage; backward that writes din[0] alone: dout's */
    bool cheap;   /* bound by memory: worth computing again instead of keeping */
    bool through; /* the gradient of each input is dout itself: no backward, unless it has to be added to
                     another gradient or kept apart from it; then backward writes exactly one din */
    bool early;   /* its forward writes d(in[0]) to out[1] when that is not NONE (the loss) */
    kernel_fn *forward, *backward; /* reference; backward NULL: not differentiable, or early */
    /* Emits the operator over fresh values for one case: inputs to differentiate are PARAMs (the check
     * fills them), other inputs come filled (storage on the list's arena). Returns out[0]. */
    val (*build)(prog *p, const op_case *c);
    const op_case *cases; /* ended by a NULL name */
} op;

extern const op *const op_all[OP_COUNT];
#define X(name) extern const op op_def_##name;
OPERATORS(X)
#undef X

/* A low-rank adapter of a linear: PARAMs a (r, in) and b (out, r); s = scale; dropout in [0, 1). */
typedef struct lowrank {
    val    a, b;
    double scale, dropout;
} lowrank;

/* y (rows, width) = table (vocab, width) rows by token id; tokens (rows) int. Frozen. */
val op_embed(prog *p, val tokens, val table);
val op_embed_scaled(prog *p, val tokens, val table, double scale); /* the rows times scale */
/* Row token + offset of the table: learned positions that do not begin at its first row. */
val op_embed_from(prog *p, val tokens, val table, int64_t offset);

/* y (labels, width) = x rows by index; index (labels) int, strictly increasing. Backward zeroes the
 * other rows of dx, or leaves them when it adds. */
val op_gather(prog *p, val x, val index);

/* y (labels, width) = the mean of x over the document that row index[label] belongs to; index as for gather,
 * start as for attention. Backward zeroes the rows of other documents, or leaves them when it adds. */
val op_average(prog *p, val x, val index, val start);

/* y = w * x / sqrt(mean(x^2) + eps) over the last `width of w` columns (several groups a row allowed). */
val op_rmsnorm(prog *p, val x, val w, double eps);
val op_rmsnorm_offset(prog *p, val x, val w, double eps, double offset); /* with w + offset */

/* y (rows, out) = x W^T + bias + scale (drop(x) A^T) B^T; w (out, in) of any dtype; bias NONE or frozen
 * (out); adapter NULL: none. */
val op_linear(prog *p, val x, val w, val bias, const lowrank *adapter);

/* What positions of documents longer than `original` are turned by: the frequencies `longer` (half) frozen,
 * or where that is NONE those of a base that grows with the document from theta (see rope_table.c). */
typedef struct rope_stretch {
    int64_t original;
    val     longer;
    double  factor, theta;
} rope_stretch;

/* table (rows, 2 half) = cos | sin of positions (rows) int times inv_freq (half) frozen; the angle is
 * rounded to float first, as the reference implementations do. Both multiplied by magnitude. stretch NULL:
 * the same for documents of any length. */
val op_rope_table(prog *p, val positions, val inv_freq, const rope_stretch *stretch, double magnitude);

/* Rotates pairs (k, k + half) of each head of x (rows, heads * dim) by the table; columns of a head past
 * 2 half are copied. */
val op_rope(prog *p, val x, val table, int heads);
val op_rope_adjacent(prog *p, val x, val table, int heads); /* pairs (2k, 2k + 1) */

/* Causal grouped-query attention within documents: row r sees rows start[r]..r, start (rows) int being
 * the first row of r's document. q (rows, heads * dim), k and v (rows, kv_heads * dim). window > 0: only the
 * last `window` rows. scale multiplies q.k. */
val op_attention(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window, double scale);
/* cap > 0: scores s become cap * tanh(s / cap) before the softmax. */
val op_attention_capped(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window,
                        double scale, double cap);

/* The same where every row sees its whole document, what follows it too: encoders. window > 0: no more than the
 * window - 1 rows before it and after it. */
val op_attention_both(prog *p, val q, val k, val v, val start, int heads, int kv_heads, int window, double scale);

/* A bias of scores by distance (T5): that of row i and key j of head h becomes scale q_i.k_j + bias[h][reach + i
 * - j], where distances beyond +-reach count as those. bias FROZEN f32 (heads, 2 reach + 1). Or with one of (heads,
 * 1), slopes (ALiBi), scale q_i.k_j - bias[h] (i - j). */
typedef enum attention_sight { SEES_BEFORE, SEES_ALL } attention_sight;
val op_attention_biased(prog *p, val q, val k, val v, val start, val bias, attention_sight sight, int heads,
                        double scale);

/* DeBERTa's attention within documents, all rows of which see each other: the score of rows i and j is
 * scale (q_i.k_j + q_i.a_b + k_j.c_b), b = where[reach + i - j], distances beyond +-reach counting as those.
 * q, k, v (rows, heads * dim); where FROZEN f32 (1, 2 reach + 1), going up; a and c (buckets, heads * dim), NONE: no
 * such part. */
val op_disentangled(prog *p, val q, val k, val v, val start, val where, val a, val c, int heads, double scale);

/* Row r of q sees rows [seen[r][0], seen[r][1]) of k and v, which have rows of their own (a decoder's rows and
 * its encoder's); seen (rows, 2) int. Rows of q that see the same follow one another, and together they see all
 * rows of k. Where k and v are STATEs nothing is kept for a backward. */
val op_attention_across(prog *p, val q, val k, val v, val seen, int heads, double scale);

/* Drops probabilities of the attention that was emitted last, whose result is `attention`, as op_dropout() drops
 * numbers. */
void op_attention_dropout(prog *p, val attention, double probability, int place);

/* The same against a cache, for generation, forward only: row r belongs to sequence slot[r] (int) and
 * stands at position[r] (int). Stores k and v of all rows at (slot, position), then attends to positions
 * 0..position[r] of its slot. Caches are STATEs (slots * context, kv_heads * dim). */
val op_cached_attention(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                        int heads, int kv_heads, int window, int64_t context, double scale);
val op_cached_attention_capped(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                               int heads, int kv_heads, int window, int64_t context, double scale,
                               double cap);
/* With the bias of op_attention_biased(). */
val op_cached_attention_biased(prog *p, val q, val k, val v, val slot, val position, val cache_k, val cache_v,
                               val bias, int heads, int64_t context, double scale);

/* Row place[r] of `to`, a STATE, becomes row r of x; place (rows) int. Forward only. Returns to. */
val op_store(prog *p, val x, val place, val to);

/* silu(gate) * up */
val op_swiglu(prog *p, val gate, val up);

/* gelu(gate) * up, with the tanh form of gelu */
val op_geglu(prog *p, val gate, val up);
/* the same with gelu as it is defined */
val op_geglu_exact(prog *p, val gate, val up);

/* cap * tanh(x / cap) */
val op_softcap(prog *p, val x, double cap);

/* x within [-most, most] */
val op_clamp(prog *p, val x, double most);

/* s x; x itself where s is 1 */
val op_scale(prog *p, val x, double s);

/* y (rows, n) = columns [first, first + n) of x. Backward zeroes the other columns of dx, or leaves them when
 * it adds. */
val op_columns(prog *p, val x, int64_t first, int64_t n);

/* Which `k` of `experts` see each row: see route.c. Integers but for the weight. */
typedef struct routing {
    val     weight, place, offset; /* (rows, k), (rows, k), (experts + 1) */
    int64_t experts, k;
} routing;

/* The k likeliest experts of each row of logits (rows, experts); normed: their weights add up to 1. */
routing op_route(prog *p, val logits, int64_t k, bool normed);

/* y (rows, k width) = rows of x once for each of their experts, sorted by expert; and back: y (rows, width) =
 * the rows of x (rows, k width) added up with the routing's weights. */
val op_spread(prog *p, val x, const routing *to);
val op_combine(prog *p, val x, const routing *to);

/* The adapters of all experts: PARAM ab (experts, rank (in + out)), a row being A (rank, in) and B (out,
 * rank). */
typedef struct expert_lowrank {
    val     ab;
    int64_t rank;
    double  scale, dropout;
} expert_lowrank;

/* y (rows, k out) = x (rows, k in), sorted by expert, through each expert's matrix; w FROZEN, its tensor the
 * first of `experts` (out, in) that lie side by side; adapters NULL: none. */
val op_experts(prog *p, val x, val w, const routing *to, const expert_lowrank *adapters);

/* One expert's rows as an instruction of linear over values of its own: what the operator and its kernels
 * run. */
enum { EXPERT_VALUES = 10 };
typedef struct expert_linear {
    value v[EXPERT_VALUES];
    instr i;
} expert_linear;
/* Of expert e, whose rows are [first, first + n) of those sorted. */
void expert_part(expert_linear *out, const value *v, const instr *i, int64_t e, int64_t first, int64_t n);
/* Runs the instruction expert by expert, those without rows left out. */
void experts_each(const run *r, const value *v, const instr *i, kernel_fn *linear);

/* sigma(gate) x, gate (rows, 1) */
val op_rowgate(prog *p, val gate, val x);

val op_add(prog *p, val a, val b);

/* y = x, each number dropped with that probability, and what is kept divided by 1 - probability (dropout). Places
 * of a model, 0, 1, ..., drop independently; a run's key says which. */
val op_dropout(prog *p, val x, double probability, int place);

/* Cross entropy of softmax(h W^T) against target (labels) int, `chunk` rows of logits at a time, so that the
 * (labels, vocab) logits never exist whole. weight (labels): loss = sum of weight * ce. Results: the loss
 * (1) is returned; *ce (labels) cross entropy and *hit (labels) 1 where the target is the likeliest token
 * (first of equals). d(h) is written in the same pass when the planner asks for it. */
val op_head(prog *p, val h, val w, val target, val weight, int64_t chunk, val *ce, val *hit);
/* cap > 0: logits z become cap * tanh(z / cap). */
val op_head_capped(prog *p, val h, val w, val target, val weight, int64_t chunk, double cap, val *ce,
                   val *hit);

/* bias FROZEN (vocabulary): logits z become z + bias. */
val op_head_biased(prog *p, val h, val w, val bias, val target, val weight, int64_t chunk, val *ce, val *hit);

/* y = w (x - mean) / sqrt(variance + eps) + bias over the last `width of w` columns (several groups a row
 * allowed); bias NONE or frozen like w. */
val op_layernorm(prog *p, val x, val w, val bias, double eps);

typedef enum activation_kind {
    ACT_GELU,
    ACT_GELU_TANH,
    ACT_RELU,
    ACT_TANH,
    ACT_RELU2,
    ACT_COUNT
} activation_kind;
#define GELU_SLOPE 0.7978845608028654 /* sqrt(2 / pi) */
#define GELU_CUBE 0.044715
#define NORMAL_PEAK 0.3989422804014327 /* 1 / sqrt(2 pi) */
val op_activation(prog *p, val x, activation_kind kind);

/* Of every `stride` columns of x the `count` from `first` on, side by side. */
val op_columns_each(prog *p, val x, int64_t first, int64_t count, int64_t stride);

/* y (rows, out) = x W^T + bias, all trained: PARAMs w (out, in) and bias (1, out) or NONE. */
val op_dense(prog *p, val x, val w, val bias);

/* The loss of logits z (labels, classes). target: OBJECTIVE_CLASS (labels) int in [0, classes), else (labels,
 * classes) reals. weight (labels): loss = sum of weight * each. Results: the loss (1) is returned; *each
 * (labels) and *hit (labels) 1 where the prediction is right (never for OBJECTIVE_VALUE). d(z) is written in
 * the same pass when the planner asks for it. */
typedef enum objective_kind {
    OBJECTIVE_CLASS,
    OBJECTIVE_VALUE,
    OBJECTIVE_SEVERAL,
    OBJECTIVE_COUNT
} objective_kind;
val op_objective(prog *p, val z, val target, val weight, objective_kind kind, val *each, val *hit);

/* Row `row`, columns [first, first + n) of a frozen matrix as reals: how references read weights. A vector is
 * one row. */
void frozen_row(const value *v, int64_t row, int64_t first, int64_t n, real *dst);
real frozen_at(const value *v, int64_t row, int64_t col);

/* The storage of d(input j), zeroed first unless instr.acc says that it is added to; NULL when not wanted.
 * For backwards that sum over many terms. */
real *op_gradient(const value *v, const instr *i, int j);

/* An instruction of an operator of one operand, x, whose result out[0] has x's shape; its numbers are the caller's to
 * set. */
instr *op_emit_on(prog *p, const op *what, val x);

/* The dropout of element (row, col) of stream id: 0 when rng_unit(rng_key(key, id), row << 32 | col) < p, else
 * 1 / (1 - p). The stream of an adapter's input is the number of its instruction; those of the base's places
 * begin at DROPOUT_PLACES. */
enum { DROPOUT_PLACES = 1 << 30 };
double dropout_factor(uint64_t key, int id, int64_t row, int64_t col, double p);

#endif
