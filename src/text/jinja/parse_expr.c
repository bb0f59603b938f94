/* parse_expr.c -- expressions, by precedence from loose to tight:
 *
 *   a if b else c, or, and, not, comparisons, + -, ~, * / // %, **, unary - +, then .name [i] (call), | and
 * is
 *
 * The grammar is that of jinja2, with its corners: -x|abs is (-x)|abs; a test takes one operand without
 * parentheses; two strings side by side are one. What this program does not do is refused here, by name. */
#include "text/jinja/run.h"

#include <string.h>

/* Nesting while parsing, and members of one expression: together they bound how deep a tree is. */
enum { DEPTH_MOST = 400, NODES_MOST = 3000 };

int jparse_fail(jparser *p, const char *what)
{
    p->h->line = p->t->line;
    if (p->t->kind == T_END) return jfail(p->h, "%s, and the template ends", what);
    int n = p->t->n < 40 ? (int)p->t->n : 40;
    return jfail(p->h, "%s, at \"%.*s\"", what, n, p->t->p);
}

jnode *jrefuse(jparser *p, const char *what, const char *name, size_t n)
{
    p->h->line = p->t->line;
    junsupported(p->h, "%s \"%.*s\" is not supported", what, (int)(n < 60 ? n : 60), name);
    return NULL;
}

bool jdeeper(jparser *p)
{
    if (p->depth++ < DEPTH_MOST) return true;
    jparse_fail(p, "nested too deep");
    return false;
}

jnode *jnode_new(jparser *p, jnode_kind kind)
{
    if (p->nodes++ == NODES_MOST) return jparse_fail(p, "an expression of too many parts"), NULL;
    jnode *n = jheap_new(p->h, sizeof *n);
    if (n) *n = (jnode){.kind = kind, .line = p->t->line};
    return n;
}

int jnodes_add(jparser *p, jnodes *l, jnode *n)
{
    if (!n) return E_FORMAT;
    if (l->n == l->cap) {
        l->cap = l->cap ? 2 * l->cap : 4;
        jnode **more = jheap_new(p->h, (size_t)l->cap * sizeof *more);
        if (!more) return E_FORMAT;
        if (l->n) memcpy(more, l->p, (size_t)l->n * sizeof *more);
        l->p = more;
    }
    l->p[l->n++] = n;
    return OK;
}

static bool is(const jparser *p, jtoken_kind kind, const char *text)
{
    size_t n = strlen(text);
    return p->t->kind == kind && p->t->n == n && !memcmp(p->t->p, text, n);
}

bool jat_operator(const jparser *p, const char *text) { return is(p, T_OPERATOR, text); }
bool jat_name(const jparser *p, const char *text) { return is(p, T_NAME, text); }

bool jtake_operator(jparser *p, const char *text)
{
    bool there = jat_operator(p, text);
    p->t += there;
    return there;
}

bool jtake_name(jparser *p, const char *text)
{
    bool there = jat_name(p, text);
    p->t += there;
    return there;
}

int jexpect_operator(jparser *p, const char *text)
{
    char what[40] = "expected \"";
    if (jtake_operator(p, text)) return OK;
    strcat(strcat(what, text), "\"");
    return jparse_fail(p, what);
}

/* The name after | or is. jinja2 lets it have dots, which no name that there is has; one that it does not
 * know is an error there only once it is used, and is refused here. */
static jnode *named_node(jparser *p, jnode_kind kind, jnode *of)
{
    jnode *n = jnode_new(p, kind);
    if (!n) return NULL;
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected a name"), NULL;
    n->a = of;
    bool dots = p->t[1].kind == T_OPERATOR && p->t[1].n == 1 && *p->t[1].p == '.';
    if (kind == N_FILTER && (dots || !(n->filter = jfilter_find(p->t->p, p->t->n))))
        return jrefuse(p, "the filter", p->t->p, p->t->n);
    if (kind == N_FILTER && jfilter_marks(n->filter)) p->marked++, p->marked_line = p->t->line;
    if (kind == N_TEST && (dots || !(n->test = jtest_find(p->t->p, p->t->n))))
        return jrefuse(p, "the test", p->t->p, p->t->n);
    p->t++;
    return n;
}

jnode *jparse_filters(jparser *p, jnode *of, jfilters_begin begin)
{
    bool first_is_bare = begin == FILTERS_BARE;
    while (first_is_bare || jat_operator(p, "|")) {
        if (!first_is_bare) p->t++;
        first_is_bare = false;
        if (!(of = named_node(p, N_FILTER, of))) return NULL;
        if (jat_operator(p, "(") && !(of->call = jparse_call(p))) return NULL;
    }
    return of;
}

static jnode *parse_test(jparser *p, jnode *of)
{
    p->t++;
    bool no = jtake_name(p, "not");
    jnode *n = named_node(p, N_TEST, of);
    if (!n) return NULL;
    if (jat_operator(p, "(")) {
        if (!(n->call = jparse_call(p))) return NULL;
    } else if (p->t->kind == T_STRING || p->t->kind == T_NUMBER || jat_operator(p, "[") ||
               jat_operator(p, "{") ||
               (p->t->kind == T_NAME && !jat_name(p, "else") && !jat_name(p, "or") && !jat_name(p, "and"))) {
        if (jat_name(p, "is")) return jparse_fail(p, "two tests cannot be chained with is"), NULL;
        jnode *operand = jparse_primary(p, false);
        n->call = jheap_new(p->h, sizeof *n->call);
        if (!operand || !n->call || jnodes_add(p, &n->call->given, jparse_postfix(p, operand))) return NULL;
    }
    if (!no) return n;
    jnode *not = jnode_new(p, N_NOT);
    if (not ) not ->a = n;
    return not ;
}

static jnode *unary(jparser *p, bool with_filters)
{
    if (!jdeeper(p)) return NULL;
    jnode *n;
    if (jat_operator(p, "-") || jat_operator(p, "+")) {
        n = jnode_new(p, *p->t->p == '-' ? N_NEG : N_POS);
        p->t++;
        if (!n || !(n->a = unary(p, false))) return NULL;
    } else
        n = jparse_primary(p, false);
    n = n ? jparse_postfix(p, n) : NULL;
    while (n && with_filters) {
        if (jat_operator(p, "|"))
            n = jparse_filters(p, n, FILTERS_AFTER_BAR);
        else if (jat_name(p, "is"))
            n = parse_test(p, n);
        else if (jat_operator(p, "("))
            n = jparse_call_of(p, n);
        else
            break;
    }
    p->depth--;
    return n;
}

static jnode *binary(jparser *p, jnode_kind kind, jop op, jnode *a, jnode *b)
{
    jnode *n = jnode_new(p, kind);
    if (!n || !a || !b) return NULL;
    n->op = op;
    n->a = a;
    n->b = b;
    return n;
}

static jnode *power(jparser *p)
{
    jnode *n = unary(p, true);
    while (n && jtake_operator(p, "**")) n = binary(p, N_BINARY, OP_POW, n, unary(p, true));
    return n;
}

typedef struct infix {
    const char *text;
    jop op;
} infix;

/* A chain of operators of one precedence, from the left. */
static jnode *chain(jparser *p, const infix *ops, jnode *(*operand)(jparser *))
{
    jnode *n = operand(p);
    for (const infix *o = ops; n && o->text;) {
        if (!jtake_operator(p, o->text)) {
            o++;
            continue;
        }
        n = binary(p, N_BINARY, o->op, n, operand(p));
        o = ops;
    }
    return n;
}

static jnode *product(jparser *p)
{
    static const infix ops[] = {{"*", OP_MUL}, {"/", OP_DIV}, {"//", OP_FLOORDIV}, {"%", OP_MOD}, {0}};
    return chain(p, ops, power);
}

static jnode *concat(jparser *p)
{
    jnode *n = product(p);
    if (!n || !jat_operator(p, "~")) return n;
    jnode *all = jnode_new(p, N_CONCAT);
    if (!all || jnodes_add(p, &all->list, n)) return NULL;
    while (jtake_operator(p, "~"))
        if (jnodes_add(p, &all->list, product(p))) return NULL;
    return all;
}

static jnode *sum(jparser *p)
{
    static const infix ops[] = {{"+", OP_ADD}, {"-", OP_SUB}, {0}};
    return chain(p, ops, concat);
}

static bool take_comparison(jparser *p, jop *op)
{
    static const infix ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE},
                                {">=", OP_GE}, {"<", OP_LT},  {">", OP_GT}};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
        if (jtake_operator(p, ops[i].text)) return *op = ops[i].op, true;
    if (jtake_name(p, "in")) return *op = OP_IN, true;
    if (!jat_name(p, "not") || p->t[1].kind != T_NAME || p->t[1].n != 2 || memcmp(p->t[1].p, "in", 2))
        return false;
    p->t += 2;
    return *op = OP_NOT_IN, true;
}

static jnode *comparison(jparser *p)
{
    jnode *first = sum(p), *n = NULL;
    jop op;
    while (first && take_comparison(p, &op)) {
        jnode *x = jnode_new(p, N_OPERAND);
        if (!n && (n = jnode_new(p, N_COMPARE))) n->a = first;
        if (!n || !x || jnodes_add(p, &n->list, x)) return NULL;
        x->op = op;
        if (!(x->a = sum(p))) return NULL;
    }
    return n ? n : first;
}

static jnode *negation(jparser *p)
{
    if (!jat_name(p, "not")) return comparison(p);
    jnode *n = jnode_new(p, N_NOT);
    p->t++;
    if (!n || !jdeeper(p) || !(n->a = negation(p))) return NULL;
    p->depth--;
    return n;
}

static jnode *logical(jparser *p, const char *word, jnode_kind kind, jnode *(*operand)(jparser *))
{
    jnode *n = operand(p);
    while (n && jtake_name(p, word)) n = binary(p, kind, OP_EQ, n, operand(p));
    return n;
}

static jnode *conjunction(jparser *p) { return logical(p, "and", N_AND, negation); }
static jnode *disjunction(jparser *p) { return logical(p, "or", N_OR, conjunction); }

jnode *jparse_expression(jparser *p)
{
    jnode *n = jdeeper(p) ? disjunction(p) : NULL;
    while (n && jat_name(p, "if")) {
        jnode *cond = jnode_new(p, N_COND);
        p->t++;
        if (!cond || !(cond->b = disjunction(p))) return NULL;
        if (jtake_name(p, "else") && !(cond->c = jparse_expression(p))) return NULL;
        cond->a = n;
        n = cond;
    }
    p->depth--;
    return n;
}

static bool ends(const jparser *p, const char *end)
{
    return p->t->kind == T_PRINT_END || p->t->kind == T_TAG_END || jat_operator(p, ")") ||
           (end && jat_name(p, end));
}

typedef enum member_kind { ANY_EXPRESSION, NO_IF, TARGETS, TARGETS_AND_MEMBERS } member_kind;

/* Members separated by commas: one alone without a comma is itself, else a tuple. */
static jnode *members(jparser *p, member_kind kind, const char *end)
{
    jnode *one = NULL, *tuple = NULL;
    while (!one || (tuple && jtake_operator(p, ","))) {
        if (ends(p, end)) break;
        jnode *x = kind == ANY_EXPRESSION ? jparse_expression(p)
                   : kind == NO_IF        ? disjunction(p)
                                          : jparse_primary(p, kind == TARGETS_AND_MEMBERS);
        if (!x) return NULL;
        if (!one && jat_operator(p, ",") && !(tuple = jnode_new(p, N_TUPLE))) return NULL;
        one = x;
        if (tuple && jnodes_add(p, &tuple->list, x)) return NULL;
    }
    if (!one) jparse_fail(p, "expected an expression");
    return tuple ? tuple : one;
}

jnode *jparse_tuple(jparser *p, bool with_if, const char *end)
{
    return members(p, with_if ? ANY_EXPRESSION : NO_IF, end);
}

static bool assignable(const jnode *n)
{
    if (n->kind != N_TUPLE) return n->kind == N_NAME || n->kind == N_MEMBER;
    for (int i = 0; i < n->list.n; i++)
        if (!assignable(n->list.p[i])) return false;
    return true;
}

jnode *jparse_target(jparser *p, bool with_members, const char *end)
{
    jnode *n = members(p, with_members ? TARGETS_AND_MEMBERS : TARGETS, end);
    if (n && !assignable(n)) return jparse_fail(p, "what is assigned to is not a name"), NULL;
    return n;
}
