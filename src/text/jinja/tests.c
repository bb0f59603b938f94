/* tests.c -- what may follow `is` (run.h). */
#include "text/jinja/run.h"

#include <string.h>

static int nothing(jrun *r, const char *who, const jargs *a)
{
    return a->n || a->named_n ? jfail(&r->heap, "the test %s takes no value", who) : OK;
}

/* The one value that a test takes. */
static int one(jrun *r, const char *who, const jargs *a, jval *out)
{
    if (a->n != 1 || a->named_n) return jfail(&r->heap, "the test %s takes one value", who);
    return *out = a->p[0], OK;
}

#define KIND_TEST(name, condition)                                     \
    static int test_##name(jrun *r, jval v, const jargs *a, bool *out) \
    {                                                                  \
        return *out = (condition), nothing(r, #name, a);               \
    }
KIND_TEST(defined, v.kind != J_UNDEFINED)
KIND_TEST(undefined, v.kind == J_UNDEFINED)
KIND_TEST(none, v.kind == J_NONE)
KIND_TEST(boolean, v.kind == J_BOOL)
KIND_TEST(true, v.kind == J_BOOL && v.b)
KIND_TEST(false, v.kind == J_BOOL && !v.b)
KIND_TEST(integer, v.kind == J_INT)
KIND_TEST(float, v.kind == J_FLOAT)
KIND_TEST(number, jval_is_number(v))
KIND_TEST(string, v.kind == J_STR)
KIND_TEST(mapping, v.kind == J_DICT)
KIND_TEST(iterable, jiterable(v))
KIND_TEST(sequence, jval_length(v) >= 0 && v.kind != J_VIEW)
KIND_TEST(callable, v.kind == J_MACRO || v.kind == J_METHOD || v.kind == J_FUNCTION || v.kind == J_LOOP ||
                        v.kind == J_UNDEFINED)

static int in_case(jrun *r, jval v, const jargs *a, jcase how, bool *out)
{
    jstr *s;
    if (nothing(r, "lower or upper", a) || jtext_of(r, v, &s) || jheap_work(&r->heap, s->n)) return E_FORMAT;
    return *out = jtext_is_case(s, how), OK;
}
static int test_lower(jrun *r, jval v, const jargs *a, bool *out)
{
    return in_case(r, v, a, CASE_LOWER, out);
}
static int test_upper(jrun *r, jval v, const jargs *a, bool *out)
{
    return in_case(r, v, a, CASE_UPPER, out);
}

static int divides(jrun *r, jval v, jval by, int64_t rest, bool *out)
{
    jval m;
    if (jbinary(r, OP_MOD, v, by, &m)) return E_FORMAT;
    return *out = jval_equal(&r->heap, m, jval_int(rest)), OK;
}
static int test_odd(jrun *r, jval v, const jargs *a, bool *out)
{
    return nothing(r, "odd", a) ? E_FORMAT : divides(r, v, jval_int(2), 1, out);
}
static int test_even(jrun *r, jval v, const jargs *a, bool *out)
{
    return nothing(r, "even", a) ? E_FORMAT : divides(r, v, jval_int(2), 0, out);
}
static int test_divisibleby(jrun *r, jval v, const jargs *a, bool *out)
{
    jval by;
    return one(r, "divisibleby", a, &by) ? E_FORMAT : divides(r, v, by, 0, out);
}

static int compare(jrun *r, jval v, const jargs *a, jop op, bool *out)
{
    jval other;
    return one(r, "of a comparison", a, &other) ? E_FORMAT : jcompare(r, op, v, other, out);
}
static int test_eq(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_EQ, out); }
static int test_ne(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_NE, out); }
static int test_gt(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_GT, out); }
static int test_ge(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_GE, out); }
static int test_lt(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_LT, out); }
static int test_le(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_LE, out); }
static int test_in(jrun *r, jval v, const jargs *a, bool *out) { return compare(r, v, a, OP_IN, out); }

/* `is` of Python: the same thing. Whether two equal texts or numbers are one thing is an accident there. */
static int test_sameas(jrun *r, jval v, const jargs *a, bool *out)
{
    jval other = jval_none();
    if (one(r, "sameas", a, &other)) return E_FORMAT;
    if (v.kind != other.kind) return *out = false, OK;
    if (v.kind == J_NONE) return *out = true, OK;
    if (v.kind == J_BOOL) return *out = v.b == other.b, OK;
    if (v.kind == J_LIST || v.kind == J_DICT || v.kind == J_NAMESPACE) return *out = v.m == other.m, OK;
    return junsupported(&r->heap, "sameas of '%s' is not supported", jkind_name(v.kind));
}

static int test_filter(jrun *r, jval v, const jargs *a, bool *out)
{
    return *out = v.kind == J_STR && jfilter_exists(v.s->p, v.s->n), nothing(r, "filter", a);
}
/* jinja2 has it, and nothing here is marked as escaped. */
static bool is_unsupported(const jstr *s) { return s->n == 7 && !memcmp(s->p, "escaped", 7); }
static int test_test(jrun *r, jval v, const jargs *a, bool *out)
{
    return *out = v.kind == J_STR && (jtest_find(v.s->p, v.s->n) || is_unsupported(v.s)), nothing(r, "test", a);
}

static const jtest tests[] = {
    {"boolean", test_boolean},
    {"callable", test_callable},
    {"defined", test_defined},
    {"divisibleby", test_divisibleby},
    {"eq", test_eq},
    {"==", test_eq},
    {"equalto", test_eq},
    {"even", test_even},
    {"false", test_false},
    {"filter", test_filter},
    {"float", test_float},
    {"ge", test_ge},
    {">=", test_ge},
    {"greaterthan", test_gt},
    {"gt", test_gt},
    {">", test_gt},
    {"in", test_in},
    {"integer", test_integer},
    {"iterable", test_iterable},
    {"le", test_le},
    {"<=", test_le},
    {"lessthan", test_lt},
    {"lower", test_lower},
    {"lt", test_lt},
    {"<", test_lt},
    {"mapping", test_mapping},
    {"ne", test_ne},
    {"!=", test_ne},
    {"none", test_none},
    {"number", test_number},
    {"odd", test_odd},
    {"sameas", test_sameas},
    {"sequence", test_sequence},
    {"string", test_string},
    {"test", test_test},
    {"true", test_true},
    {"undefined", test_undefined},
    {"upper", test_upper},
    {0},
};

const jtest *jtest_find(const char *p, size_t n)
{
    for (const jtest *t = tests; t->name; t++)
        if (strlen(t->name) == n && !memcmp(t->name, p, n)) return t;
    return NULL;
}
