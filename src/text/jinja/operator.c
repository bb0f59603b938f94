/* operator.c -- the operators of Python on the values of templates (run.h). Whole numbers are of 64 bits, and
 * what goes beyond is an error, not another number. */
#include "text/jinja/run.h"

#include <math.h>
#include <string.h>

static int no_operator(jrun *r, const char *op, jval a, jval b)
{
    const jval *u = a.kind == J_UNDEFINED ? &a : b.kind == J_UNDEFINED ? &b : NULL;
    if (u) return jfail(&r->heap, "\"%s\" is undefined", u->what);
    return jfail(&r->heap, "'%s' %s '%s': these have no such operator", jkind_name(a.kind), op,
                 jkind_name(b.kind));
}

static int overflow(jrun *r) { return jfail(&r->heap, "a whole number beyond 64 bits"); }

static bool is_whole(jval v) { return v.kind == J_INT || v.kind == J_BOOL; }
static int64_t whole(jval v) { return v.kind == J_BOOL ? v.b : v.i; }

static int power(jrun *r, jval a, jval b, jval *out)
{
    if (!is_whole(a) || !is_whole(b) || whole(b) < 0) {
        double x = jval_as_double(a), y = jval_as_double(b), z = pow(x, y);
        if (x == 0 && y < 0) return jfail(&r->heap, "0 cannot be raised to a negative power");
        if (isnan(z) && !isnan(x) && !isnan(y))
            return junsupported(&r->heap, "complex numbers are not supported");
        if (isinf(z) && !isinf(x) && !isinf(y)) return jfail(&r->heap, "a number beyond all bounds");
        return *out = jval_float(z), OK;
    }
    int64_t x = whole(a), n = whole(b), z = 1;
    if (n > 64 && x != 0 && x != 1 && x != -1) return overflow(r);
    if (n > 64) n = 2 + (n & 1);
    while (n--)
        if (__builtin_mul_overflow(z, x, &z)) return overflow(r);
    return *out = jval_int(z), OK;
}

/* Python rounds quotients down, and remainders have the sign of the divisor. */
static int divide(jrun *r, jop op, jval a, jval b, jval *out)
{
    if (jval_as_double(b) == 0) return jfail(&r->heap, "division by zero");
    if (op == OP_DIV) {
        if (is_whole(a) && is_whole(b)) /* one rounding, as Python */
            return *out = jval_float((double)((long double)whole(a) / (long double)whole(b))), OK;
        return *out = jval_float(jval_as_double(a) / jval_as_double(b)), OK;
    }
    if (!is_whole(a) || !is_whole(b)) {
        double x = jval_as_double(a), y = jval_as_double(b), m = fmod(x, y), q = (x - m) / y;
        if (m && (m < 0) != (y < 0)) m += y, q -= 1;
        if (!m) m = copysign(0, y);
        if (op == OP_MOD) return *out = jval_float(m), OK;
        double f = q ? floor(q) : copysign(0, x / y);
        if (q && q - f > .5) f += 1;
        return *out = jval_float(f), OK;
    }
    int64_t x = whole(a), y = whole(b);
    if (y == -1) { /* the one quotient that may overflow */
        if (op == OP_MOD) return *out = jval_int(0), OK;
        return x == INT64_MIN ? overflow(r) : (*out = jval_int(-x), OK);
    }
    int64_t q = x / y, m = x % y;
    if (m && (m < 0) != (y < 0)) q--, m += y;
    return *out = jval_int(op == OP_MOD ? m : q), OK;
}

static int on_numbers(jrun *r, jop op, jval a, jval b, jval *out)
{
    if (op == OP_POW) return power(r, a, b, out);
    if (op == OP_DIV || op == OP_FLOORDIV || op == OP_MOD) return divide(r, op, a, b, out);
    if (is_whole(a) && is_whole(b)) {
        int64_t x = whole(a), y = whole(b), z;
        bool over = op == OP_ADD   ? __builtin_add_overflow(x, y, &z)
                    : op == OP_SUB ? __builtin_sub_overflow(x, y, &z)
                                   : __builtin_mul_overflow(x, y, &z);
        return over ? overflow(r) : (*out = jval_int(z), OK);
    }
    double x = jval_as_double(a), y = jval_as_double(b);
    return *out = jval_float(op == OP_ADD ? x + y : op == OP_SUB ? x - y : x * y), OK;
}

static int add_text(jrun *r, const jstr *a, const jstr *b, jval *out)
{
    char *p = jheap_new(&r->heap, a->n + b->n + 1);
    jstr *s = jheap_new(&r->heap, sizeof *s);
    if (!p || !s) return E_FORMAT;
    memcpy(p, a->p, a->n);
    memcpy(p + a->n, b->p, b->n);
    *s = (jstr){p, a->n + b->n, -1};
    *out = (jval){.kind = J_STR, .s = s};
    return jheap_work(&r->heap, s->n);
}

static int add_lists(jrun *r, jval a, jval b, jval *out)
{
    int64_t n = a.l->n + b.l->n;
    if (jval_list(&r->heap, a.kind, n, out)) return E_FORMAT;
    if (a.l->n) memcpy(out->l->p, a.l->p, (size_t)a.l->n * sizeof *a.l->p);
    if (b.l->n) memcpy(out->l->p + a.l->n, b.l->p, (size_t)b.l->n * sizeof *b.l->p);
    out->l->n = n;
    return jheap_work(&r->heap, (size_t)n * sizeof(jval));
}

/* text or list times a number; below 1 nothing is left. */
static int repeat(jrun *r, jval v, int64_t times, jval *out)
{
    size_t one = v.kind == J_STR ? v.s->n : (size_t)v.l->n * sizeof(jval), all;
    if (times < 0) times = 0;
    if (__builtin_mul_overflow(one, (size_t)times, &all) || all > r->heap.most_bytes)
        return jfail(&r->heap, "the template needs more than %zu MiB of memory", r->heap.most_bytes >> 20);
    if (!one) times = 0; /* nothing, however often */
    if (jheap_work(&r->heap, all)) return E_FORMAT;
    if (v.kind != J_STR) {
        if (jval_list(&r->heap, v.kind, v.l->n * times, out)) return E_FORMAT;
        for (int64_t i = 0; i < times; i++) memcpy(out->l->p + i * v.l->n, v.l->p, one);
        return out->l->n = v.l->n * times, OK;
    }
    jstr *s = jheap_new(&r->heap, sizeof *s);
    char *p = jheap_new(&r->heap, all + 1);
    if (!s || !p) return E_FORMAT;
    for (int64_t i = 0; i < times; i++) memcpy(p + (size_t)i * one, v.s->p, one);
    *s = (jstr){p, all, -1};
    return *out = (jval){.kind = J_STR, .s = s}, OK;
}

static bool is_sequence(jval v) { return v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE; }

int jbinary(jrun *r, jop op, jval a, jval b, jval *out)
{
    static const char *const name[] = {[OP_ADD] = "+", [OP_SUB] = "-",       [OP_MUL] = "*", [OP_DIV] = "/",
                                       [OP_MOD] = "%", [OP_FLOORDIV] = "//", [OP_POW] = "**"};
    if (op == OP_MOD && a.kind == J_STR) {
        if (b.kind == J_TUPLE) return jformat(r, a.s, b.l->p, b.l->n, out);
        return jformat(r, a.s, &b, 1, out);
    }
    if (a.kind == J_UNDEFINED || b.kind == J_UNDEFINED) return no_operator(r, name[op], a, b);
    if (jval_is_number(a) && jval_is_number(b)) return on_numbers(r, op, a, b, out);
    if (op == OP_ADD && a.kind == J_STR && b.kind == J_STR) return add_text(r, a.s, b.s, out);
    if (op == OP_ADD && a.kind == b.kind && (a.kind == J_LIST || a.kind == J_TUPLE))
        return add_lists(r, a, b, out);
    if (op == OP_MUL && is_sequence(a) && is_whole(b)) return repeat(r, a, whole(b), out);
    if (op == OP_MUL && is_sequence(b) && is_whole(a)) return repeat(r, b, whole(a), out);
    if (a.kind == J_VIEW && b.kind == J_VIEW)
        return junsupported(&r->heap, "operators between keys or items of a dict are not supported");
    return no_operator(r, name[op], a, b);
}

int junary(jrun *r, jnode_kind kind, jval v, jval *out)
{
    if (v.kind == J_UNDEFINED) return jfail(&r->heap, "\"%s\" is undefined", v.what);
    if (!jval_is_number(v))
        return jfail(&r->heap, "%c '%s': this has no sign", kind == N_NEG ? '-' : '+', jkind_name(v.kind));
    if (v.kind == J_FLOAT) return *out = jval_float(kind == N_NEG ? -v.d : v.d), OK;
    if (kind == N_POS) return *out = jval_int(whole(v)), OK;
    return whole(v) == INT64_MIN ? overflow(r) : (*out = jval_int(-whole(v)), OK);
}

static int contains(jrun *r, jval x, jval in, bool *out)
{
    jval other;
    switch (in.kind) {
    case J_STR:
        if (x.kind != J_STR)
            return jfail(&r->heap, "'in' of a text needs a text, not '%s'", jkind_name(x.kind));
        return *out = jtext_find(r, in.s, x.s, 0) >= 0, r->heap.e->code;
    case J_DICT:
        if (!jval_hashable(&r->heap, x)) return jfail(&r->heap, "unhashable type: '%s'", jkind_name(x.kind));
        return *out = jdict_get(&r->heap, in.m, x, &other), r->heap.e->code;
    case J_VIEW:
        return *out = jview_holds(&r->heap, in.v, x), r->heap.e->code;
    default:
        break;
    }
    jiter *it;
    bool more;
    *out = false;
    if (jiter_of(r, in, &it)) return E_FORMAT;
    while (!*out) {
        if (jiter_next(r, it, &other, &more)) return E_FORMAT;
        if (!more) break;
        *out = jval_equal(&r->heap, other, x);
    }
    return r->heap.e->code;
}

int jcompare(jrun *r, jop op, jval a, jval b, bool *out)
{
    switch (op) {
    case OP_EQ:
        return *out = jval_equal(&r->heap, a, b), r->heap.e->code;
    case OP_NE:
        return *out = !jval_equal(&r->heap, a, b), r->heap.e->code;
    case OP_LT:
        return jval_less(&r->heap, a, b, out);
    case OP_GT:
        return jval_less(&r->heap, b, a, out);
    case OP_IN:
        return contains(r, a, b, out);
    case OP_NOT_IN: {
        int code = contains(r, a, b, out);
        return *out = !*out, code;
    }
    default:
        break;
    }
    /* <= is < or ==: a NaN is neither */
    bool less;
    int code = op == OP_LE ? jval_less(&r->heap, a, b, &less) : jval_less(&r->heap, b, a, &less);
    if (code == OK) *out = less || jval_equal(&r->heap, a, b);
    return code == OK ? r->heap.e->code : code;
}
