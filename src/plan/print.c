/* print.c -- a list as text. After a line of totals, one line an instruction:
 *
 *     29   2 linear'     += d A.44, = d norm.71 (64, 32) @20480 <- d linear.70, norm.12, w.3, A.5, B.6
 *
 * number, block of the model, operator (an apostrophe: backward), what it writes, with the place in the slab
 * of what is planned, and what it reads. Values are name.number; shapes are those of the full capacity. */
#include "plan/plan.h"

#include <string.h>

static val root(const prog *p, val x)
{
    while (p->v[x].root != x) x = p->v[x].root;
    return x;
}

/* ", " between operands; mark is "", "= " or "+= ". */
static void print_value(const prog *p, val x, const char *mark, int *count, str *out)
{
    if (x == NONE) return;
    const value *v = &p->v[x];
    str_fmt(out, "%s%s%s.%d", (*count)++ ? ", " : "", mark, v->name, x);
}

static void print_written(const prog *p, val x, const char *mark, int *count, str *out)
{
    if (x == NONE) return;
    const value *v = &p->v[x];
    print_value(p, x, mark, count, out);
    str_fmt(out, " (%lld, %lld)", (long long)v->cap, (long long)v->s.d[1]);
    if (v->kind == VALUE_TEMP || v->kind == VALUE_RESULT) str_fmt(out, " @%zu", p->v[root(p, x)].off);
}

static void print_instr(const prog *p, int k, str *out)
{
    const instr *i = &p->i[k];
    int written = 0, read = 0;
    str_fmt(out, "%5d %3d %s%-*s ", k, i->seg, i->op->name, 17 - (int)strlen(i->op->name),
            i->back ? "'" : "");
    for (int j = 0; j < MAXOUT && !i->back; j++) print_written(p, i->out[j], "", &written, out);
    for (int j = 0; j < MAXIN; j++)
        print_written(p, i->din[j], i->acc & BIT(j) ? "+= " : "= ", &written, out);
    str_puts(out, " <- ");
    print_value(p, i->dout, "", &read, out);
    for (int j = 0; j < MAXIN; j++) print_value(p, i->in[j], "", &read, out);
    for (int j = 0; j < MAXOUT && i->back; j++) print_value(p, i->out[j], "", &read, out);
    str_putc(out, '\n');
}

void plan_print(const prog *p, str *out)
{
    str_fmt(out, "%d instructions, %d of them the forward; slab %zu bytes, no plan below %zu\n", p->ni,
            p->nfwd, p->slab, p->bound);
    for (int k = 0; k < p->ni; k++) print_instr(p, k, out);
}
