/* build_class.c -- what encoders and classifiers are written with: token types, modules that may be trained
 * whole, outputs and their loss. */
#include "model/build.h"

model_task build_task(const build *b) { return b->m->head.task; }

val build_types(build *b, const char *name)
{
    const model_config *c = b->m->config;
    return op_embed(b->p, b->types, build_frozen(b, name, "weight", c->types, build_table_width(c)));
}

int64_t build_table_width(const model_config *c)
{
    return c->family->encoder && c->embed_width ? c->embed_width : c->width;
}

val build_rows(build *b, const char *name, int64_t rows, int64_t width)
{
    BUG_IF(b->counting != NONE);
    b->counting = prog_ints(b->p, "counting", VALUE_INPUT, ROWS_FIXED, rows, 1);
    return op_embed(b->p, b->counting, build_frozen(b, name, "weight", rows, width));
}

val build_text_means(build *b, val x) { return op_average(b->p, x, b->gather, b->start); }

static val parameter(build *b, int64_t i)
{
    const adapter_whole *w = &b->a->whole[i];
    return b->whole[i] = prog_value(b->p, w->name, VALUE_PARAM, ROWS_FIXED, w->rows, w->cols);
}

typedef enum adapted { ADAPTED, PLAIN } adapted;

static val dense(build *b, val x, const char *name, int64_t out, build_bias bias, adapted how)
{
    const model_dense d = {name, b->p->v[x].s.d[1], out, bias == BIAS};
    if (b->census) {
        if (b->census->dense) b->census->dense(b->census->arg, &d);
        if (b->census->linear && how == ADAPTED) b->census->linear(b->census->arg, name, d.in, out, 0);
        return prog_temp_like(b->p, name, x, out);
    }
    int64_t w = b->a ? adapter_find_whole(b->a, name, "weight") : -1;
    if (w >= 0) {
        val matrix = parameter(b, w);
        val added = d.bias ? parameter(b, adapter_find_whole(b->a, name, "bias")) : NONE;
        return op_dense(b->p, x, matrix, added);
    }
    if (how == ADAPTED) return build_project(b, x, -1, name, out, bias);
    val matrix = build_frozen(b, name, "weight", out, d.in);
    return op_linear(b->p, x, matrix, d.bias ? build_frozen(b, name, "bias", 0, out) : NONE, NULL);
}

val build_dense(build *b, val x, const char *name, int64_t out)
{
    return dense(b, x, name, out, BIAS, ADAPTED);
}

val build_head_dense(build *b, val x, const char *name, int64_t out, build_bias bias)
{
    return dense(b, x, name, out, bias, PLAIN);
}

void build_outputs(build *b, val x, const char *name, build_bias bias)
{
    const model_head *h = &b->m->head;
    BUG_IF(b->kind == STEP_GENERATE);
    b->logits = build_head_dense(b, x, name, h->outputs, bias);
    b->p->v[b->logits].kind = VALUE_RESULT;
    b->loss = op_objective(b->p, b->logits, b->target, b->weight, h->objective, &b->ce, &b->hit);
}
