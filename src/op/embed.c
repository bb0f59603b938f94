/* embed.c -- y[t] = scale * table[token[t] + offset]: the rows of the vocabulary's matrix that the tokens
 * name, or of a table of positions, which in some models begins a few rows further down.
 *
 * The table is frozen and nothing lies below it, so there is no backward. Tokens are in [0, vocab); the layer
 * that reads data checks that. */
#include "op/case.h"

enum { TOKENS, TABLE };

static void forward(const run *r, const value *v, const instr *i)
{
    (void)r;
    const int32_t *tokens = v[i->in[TOKENS]].p;
    const value *y = &v[i->out[0]];
    real *row = y->p;
    int64_t width = y->s.d[1];
    for (int64_t t = 0; t < y->s.d[0]; t++, row += width) {
        frozen_row(&v[i->in[TABLE]], tokens[t] + i->n[0], 0, width, row);
        for (int64_t k = 0; k < width; k++) row[k] *= (real)i->f[0];
    }
}

val op_embed(prog *p, val tokens, val table) { return op_embed_scaled(p, tokens, table, 1); }

val op_embed_scaled(prog *p, val tokens, val table, double scale)
{
    BUG_IF(!p->v[tokens].is_int || p->v[tokens].s.d[1] != 1 || p->v[table].kind != VALUE_FROZEN);
    val y = prog_temp_like(p, "embed", tokens, p->v[table].s.d[1]);
    instr *i = prog_emit(p, &op_def_embed);
    i->in[TOKENS] = tokens;
    i->in[TABLE] = table;
    i->out[0] = y;
    i->f[0] = scale;
    return y;
}

val op_embed_from(prog *p, val tokens, val table, int64_t offset)
{
    BUG_IF(offset < 0 || offset >= p->v[table].s.d[0]);
    val y = op_embed(p, tokens, table);
    p->i[p->ni - 1].n[0] = offset;
    return y;
}

/* n: rows, vocabulary, width, type of the table, offset (the vocabulary counts from there); f: scale, 0 for
 * 1 */
static val build(prog *p, const op_case *c)
{
    const int64_t *n = c->n;
    case_begin(p, n[0], 0);
    val tokens = case_ints(p, "tokens", ROWS_TOKENS, case_any, &n[1]);
    val table = case_frozen(p, "table", (dtype)n[3], n[1] + n[4], n[2], 0, 1);
    val y = n[4] ? op_embed_from(p, tokens, table, n[4])
                 : op_embed_scaled(p, tokens, table, c->f[0] != 0 ? c->f[0] : 1);
    return case_end(p, n[0], 0, y);
}

static const op_case cases[] = {
    {"one row", {1, 3, 5, DT_F32}, {0}},
    {"odd", {7, 11, 33, DT_F32}, {0}},
    {"from the third row", {7, 11, 33, DT_F32, 2}, {0}},
    {"wider than the decoder's span", {5, 4, 300, DT_F32}, {0}},
    {"no rows", {0, 3, 4, DT_F32}, {0}},
    {"f16", {6, 9, 31, DT_F16}, {0}},
    {"bf16", {6, 9, 31, DT_BF16}, {0}},
    {"q8_0", {6, 9, 64, DT_Q8_0}, {0}},
    {"q4_k", {6, 9, 256, DT_Q4_K}, {0}},
    {"scaled", {5, 9, 31, DT_BF16}, {5.5}},
    {0},
};

const op op_def_embed = {
    .name = "embed", .id = OP_embed, .nin = 2, .nout = 1, .forward = forward, .build = build, .cases = cases};
