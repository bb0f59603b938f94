/* llama.h -- a llama-like model as a list, for the planner's tests: at any size, with no data, or filled.
 *
 * Written out here so that these tests need no layer above. Names are those of the checkpoints. */
#ifndef TEST_PLAN_LLAMA_H
#define TEST_PLAN_LLAMA_H

#include "base/rng.h"
#include "plan/plan.h"

#include <math.h>
#include <string.h>

typedef struct llama {
    const char *name;
    int layers, width, heads, kv_heads, dim, ffn, vocab;
    bool tied, head_norms, bias; /* head_norms: rmsnorm of each head of q and k, as Qwen 3; bias: Qwen 2 */
    int rank, window;
    double dropout;
    const char *targets; /* "all", or a comma between names; prefix "N:" puts adapters on layers >= N alone */
    int64_t tokens, labels, chunk;
} llama;

typedef struct llama_values {
    val tokens, positions, start, index, target, weight;
    val loss, ce, hit;
} llama_values;

static inline val llama_weight(prog *p, const char *name, int64_t rows, int64_t cols)
{
    tensor *w = arena_new(&p->mem, sizeof *w);
    *w = (tensor){
        .name = arena_strdup(&p->mem, name), .ndim = cols ? 2 : 1, .dim = {rows, cols ? cols : 1, 1, 1}};
    return prog_frozen(p, w);
}

static inline bool llama_targeted(const llama *m, int layer, const char *module)
{
    const char *list = strchr(m->targets, ':'), *base = strrchr(module, '.');
    if (list && layer < m->targets[0] - '0') return false;
    list = list ? list + 1 : m->targets;
    return m->rank && (!strcmp(list, "all") || strstr(list, base ? base + 1 : module));
}

static inline val llama_linear(prog *p, const llama *m, val x, int layer, const char *module, int64_t out)
{
    int64_t in = p->v[x].s.d[1];
    const char *name = arena_fmt(&p->mem, "%d.%s", layer, module);
    val w = llama_weight(p, name, out, in), bias = NONE;
    if (m->bias && (strstr(module, "q_proj") || strstr(module, "k_proj") || strstr(module, "v_proj")))
        bias = llama_weight(p, arena_fmt(&p->mem, "%s.bias", name), out, 0);
    if (!llama_targeted(m, layer, module)) return op_linear(p, x, w, bias, NULL);
    lowrank a = {.scale = 2, .dropout = m->dropout};
    a.a = prog_value(p, arena_fmt(&p->mem, "%s.A", name), VALUE_PARAM, ROWS_FIXED, m->rank, in);
    a.b = prog_value(p, arena_fmt(&p->mem, "%s.B", name), VALUE_PARAM, ROWS_FIXED, out, m->rank);
    return op_linear(p, x, w, bias, &a);
}

static inline val llama_norm(prog *p, val x, int layer, const char *name, int64_t n)
{
    return op_rmsnorm(p, x, llama_weight(p, arena_fmt(&p->mem, "%d.%s", layer, name), n, 0), 1e-5);
}

static inline val llama_block(prog *p, const llama *m, int l, val x, val table, val start)
{
    int64_t qw = (int64_t)m->heads * m->dim, kw = (int64_t)m->kv_heads * m->dim;
    val h = llama_norm(p, x, l, "input_norm", m->width);
    val q = llama_linear(p, m, h, l, "q_proj", qw);
    val k = llama_linear(p, m, h, l, "k_proj", kw);
    val v = llama_linear(p, m, h, l, "v_proj", kw);
    if (m->head_norms) {
        q = llama_norm(p, q, l, "q_norm", m->dim);
        k = llama_norm(p, k, l, "k_norm", m->dim);
    }
    q = op_rope(p, q, table, m->heads);
    k = op_rope(p, k, table, m->kv_heads);
    val o = op_attention(p, q, k, v, start, m->heads, m->kv_heads, m->window, 1 / sqrt(m->dim));
    x = op_add(p, x, llama_linear(p, m, o, l, "o_proj", m->width));
    h = llama_norm(p, x, l, "post_norm", m->width);
    val gate = llama_linear(p, m, h, l, "gate_proj", m->ffn);
    val up = llama_linear(p, m, h, l, "up_proj", m->ffn);
    return op_add(p, x, llama_linear(p, m, op_swiglu(p, gate, up), l, "down_proj", m->width));
}

static inline llama_values llama_forward(prog *p, const llama *m)
{
    llama_values io;
    prog_init(p, m->tokens, m->labels);
    io.tokens = prog_ints(p, "tokens", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    io.positions = prog_ints(p, "positions", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    io.start = prog_ints(p, "start", VALUE_INPUT, ROWS_TOKENS, 0, 1);
    io.index = prog_ints(p, "index", VALUE_INPUT, ROWS_LABELS, 0, 1);
    io.target = prog_ints(p, "target", VALUE_INPUT, ROWS_LABELS, 0, 1);
    io.weight = prog_value(p, "weight", VALUE_INPUT, ROWS_LABELS, 0, 1);
    val embed = llama_weight(p, "embed", m->vocab, m->width);
    tensor *freq = arena_new(&p->mem, sizeof *freq);
    *freq = (tensor){.name = "inv_freq", .ndim = 1, .dim = {m->dim / 2, 1, 1, 1}};
    val table = op_rope_table(p, io.positions, prog_frozen(p, freq), NULL, 1);
    val x = op_embed(p, io.tokens, embed);
    for (int l = 0; l < m->layers; l++) {
        p->seg = l + 1;
        x = llama_block(p, m, l, x, table, io.start);
    }
    p->seg = 0;
    x = op_gather(p, llama_norm(p, x, m->layers, "norm", m->width), io.index);
    val head = m->tied ? embed : llama_weight(p, "head", m->vocab, m->width);
    io.loss = op_head(p, x, head, io.target, io.weight, m->chunk, &io.ce, &io.hit);
    return io;
}

#endif
