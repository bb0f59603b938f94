/* parse_expr.c -- expressions, by precedence from loose to tight:
 *
 *   a if b else c, or, and, not, comparisons, + -, ~, * / // %, **, unary - +, then .name [i] (call), | and is
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

static jnode *refuse(jparser *p, const char *what, const char *name, size_t n)
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

/* The text of the token, with its characters counted. */
static jstr *token_text(jparser *p)
{
    jval v;
    if (jval_str(p->h, p->t->p, p->t->n, &v)) return NULL;
    jstr_chars(v.s);
    return v.s;
}

jnode *jexpect_name(jparser *p)
{
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected a name"), NULL;
    jnode *n = jnode_new(p, N_NAME);
    if (!n || !(n->text = token_text(p))) return NULL;
    jval key = {.kind = J_STR, .s = n->text}, number;
    if (!jdict_get(p->h, p->names.m, key, &number)) {
        number = jval_int(p->names.m->n);
        if (jdict_set(p->h, p->names.m, key, number)) return NULL;
    }
    n->name = (int)number.i;
    p->t++;
    return n;
}

static jnode *constant(jparser *p, jval v)
{
    jnode *n = jnode_new(p, N_CONST);
    if (n) n->value = v;
    return n;
}

static jnode *parse_strings(jparser *p)
{
    jnode *n = constant(p, p->t->value);
    p->t++;
    if (!n || p->t->kind != T_STRING) return n;
    str all = {0};
    str_add(&all, n->value.s->p, n->value.s->n);
    for (; p->t->kind == T_STRING; p->t++) str_add(&all, p->t->value.s->p, p->t->value.s->n);
    if (jval_take(p->h, &all, &n->value)) return NULL;
    jstr_chars(n->value.s);
    return n;
}

static jnode *parse_list(jparser *p)
{
    jnode *n = jnode_new(p, N_LIST);
    p->t++;
    while (n && !jat_operator(p, "]")) {
        if (n->list.n && jexpect_operator(p, ",")) return NULL;
        if (jat_operator(p, "]")) break;
        if (jnodes_add(p, &n->list, jparse_expression(p))) return NULL;
    }
    p->t++;
    return n;
}

static jnode *parse_dict(jparser *p)
{
    jnode *n = jnode_new(p, N_DICT);
    p->t++;
    while (n && !jat_operator(p, "}")) {
        if (n->list.n && jexpect_operator(p, ",")) return NULL;
        if (jat_operator(p, "}")) break;
        if (jnodes_add(p, &n->list, jparse_expression(p)) || jexpect_operator(p, ":") ||
            jnodes_add(p, &n->list, jparse_expression(p)))
            return NULL;
    }
    p->t++;
    return n;
}

static jnode *parse_name(jparser *p, bool with_members)
{
    static const struct {
        const char *name;
        jval value;
    } constants[] = {
        {"true", {.kind = J_BOOL, .b = true}}, {"True", {.kind = J_BOOL, .b = true}},
        {"false", {.kind = J_BOOL}},           {"False", {.kind = J_BOOL}},
        {"none", {.kind = J_NONE}},            {"None", {.kind = J_NONE}},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (jtake_name(p, constants[i].name)) return constant(p, constants[i].value);
    if (jat_name(p, "self") || jat_name(p, "super")) return refuse(p, "the name", p->t->p, p->t->n);
    jnode *n = jexpect_name(p);
    if (!n || !with_members || !jtake_operator(p, ".")) return n;
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected a name"), NULL;
    n->kind = N_MEMBER;
    n->text = token_text(p);
    p->t++;
    return n;
}

static jnode *primary(jparser *p, bool with_members)
{
    jnode *n;
    switch (p->t->kind) {
    case T_NAME: return parse_name(p, with_members);
    case T_STRING: return parse_strings(p);
    case T_NUMBER: return n = constant(p, p->t->value), p->t++, n;
    default: break;
    }
    if (jat_operator(p, "[")) return parse_list(p);
    if (jat_operator(p, "{")) return parse_dict(p);
    if (!jtake_operator(p, "(")) return jparse_fail(p, "expected an expression"), NULL;
    if (jat_operator(p, ")")) n = jnode_new(p, N_TUPLE);
    else n = jparse_tuple(p, true, NULL);
    return n && !jexpect_operator(p, ")") ? n : NULL;
}

static jcall *parse_call(jparser *p)
{
    jcall *c = jheap_new(p->h, sizeof *c);
    bool first = true;
    p->t++;
    for (; c && !jat_operator(p, ")"); first = false) {
        if (!first && jexpect_operator(p, ",")) return NULL;
        if (!first && jat_operator(p, ")")) break;
        jnode *x;
        if (jat_operator(p, "*") || jat_operator(p, "**")) {
            bool one = p->t->n == 1;
            jnode **to = one ? &c->star : &c->star_star;
            if (*to || c->star_star) return jparse_fail(p, "an argument that cannot stand here"), NULL;
            p->t++;
            if (!(*to = jparse_expression(p))) return NULL;
        } else if (p->t->kind == T_NAME && p->t[1].kind == T_OPERATOR && p->t[1].n == 1 && *p->t[1].p == '=') {
            if (c->star_star) return jparse_fail(p, "an argument that cannot stand here"), NULL;
            jstr *name = token_text(p);
            p->t += 2;
            if (!(x = jparse_expression(p)) || !name) return NULL;
            jnode *named = jnode_new(p, N_NAME);
            if (!named || jnodes_add(p, &c->named, named)) return NULL;
            named->text = name;
            named->a = x;
        } else {
            if (c->star || c->star_star || c->named.n)
                return jparse_fail(p, "an argument that cannot stand here"), NULL;
            if (jnodes_add(p, &c->given, jparse_expression(p))) return NULL;
        }
    }
    p->t++;
    return c;
}

static jnode *call_of(jparser *p, jnode *of)
{
    jnode *n = jnode_new(p, N_CALL);
    if (!n || !(n->call = parse_call(p))) return NULL;
    n->a = of;
    return n;
}

static jnode *parse_attribute(jparser *p, jnode *of)
{
    p->t++;
    if (p->t->kind == T_NAME) {
        if (p->t->n > 1 && p->t->p[0] == '_' && p->t->p[1] == '_')
            return refuse(p, "the attribute", p->t->p, p->t->n);
        jnode *n = jnode_new(p, N_ATTR);
        if (!n || !(n->text = token_text(p))) return NULL;
        n->a = of;
        p->t++;
        if (jat_operator(p, "(") && jmethod_is_refused(n->text)) {
            p->t--;
            return refuse(p, "the method", p->t->p, p->t->n);
        }
        return n;
    }
    if (p->t->kind != T_NUMBER || p->t->value.kind != J_INT)
        return jparse_fail(p, "expected a name or a number"), NULL;
    jnode *n = jnode_new(p, N_ITEM);
    if (!n || !(n->b = constant(p, p->t->value))) return NULL;
    n->a = of;
    p->t++;
    return n;
}

static jnode *parse_slice(jparser *p, jnode *n, jnode *first)
{
    jnode **part = jheap_new(p->h, 3 * sizeof *part);
    if (!part) return NULL;
    part[0] = first;
    for (int i = 1; i < 3 && jtake_operator(p, ":"); i++) {
        if (jat_operator(p, ":") || jat_operator(p, "]") || jat_operator(p, ",")) continue;
        if (!(part[i] = jparse_expression(p))) return NULL;
    }
    /* jinja2 computes these while compiling, by other rules */
    if (n->a->kind == N_DICT || (n->a->kind == N_CONST && n->a->value.kind != J_STR))
        return refuse(p, "a slice of what is written here as a number or a dict:", "[:]", 3);
    n->kind = N_SLICE;
    n->list = (jnodes){part, 3, 3};
    return n;
}

static jnode *parse_item(jparser *p, jnode *of)
{
    jnode *n = jnode_new(p, N_ITEM);
    p->t++;
    if (!n) return NULL;
    n->a = of;
    if (jat_operator(p, ":")) {
        if (!parse_slice(p, n, NULL)) return NULL;
    } else {
        if (!(n->b = jparse_expression(p))) return NULL;
        if (jat_operator(p, ":") && !parse_slice(p, n, n->b)) return NULL;
    }
    if (jat_operator(p, ",")) return refuse(p, "several indices:", ",", 1);
    return jexpect_operator(p, "]") ? NULL : n;
}

static jnode *postfix(jparser *p, jnode *n)
{
    while (n) {
        if (jat_operator(p, ".")) n = parse_attribute(p, n);
        else if (jat_operator(p, "[")) n = parse_item(p, n);
        else if (jat_operator(p, "(")) n = call_of(p, n);
        else break;
    }
    return n;
}

/* The name after | or is. jinja2 lets it have dots, which no name that there is has; one that it does not know is an
 * error there only once it is used, and is refused here. */
static jnode *named_node(jparser *p, jnode_kind kind, jnode *of)
{
    jnode *n = jnode_new(p, kind);
    if (!n) return NULL;
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected a name"), NULL;
    n->a = of;
    bool dots = p->t[1].kind == T_OPERATOR && p->t[1].n == 1 && *p->t[1].p == '.';
    if (kind == N_FILTER && (dots || !(n->filter = jfilter_find(p->t->p, p->t->n))))
        return refuse(p, "the filter", p->t->p, p->t->n);
    if (kind == N_FILTER && jfilter_marks(n->filter)) p->marked++, p->marked_line = p->t->line;
    if (kind == N_TEST && (dots || !(n->test = jtest_find(p->t->p, p->t->n))))
        return refuse(p, "the test", p->t->p, p->t->n);
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
        if (jat_operator(p, "(") && !(of->call = parse_call(p))) return NULL;
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
        if (!(n->call = parse_call(p))) return NULL;
    } else if (p->t->kind == T_STRING || p->t->kind == T_NUMBER || jat_operator(p, "[") || jat_operator(p, "{") ||
               (p->t->kind == T_NAME && !jat_name(p, "else") && !jat_name(p, "or") && !jat_name(p, "and"))) {
        if (jat_name(p, "is")) return jparse_fail(p, "two tests cannot be chained with is"), NULL;
        jnode *operand = primary(p, false);
        n->call = jheap_new(p->h, sizeof *n->call);
        if (!operand || !n->call || jnodes_add(p, &n->call->given, postfix(p, operand))) return NULL;
    }
    if (!no) return n;
    jnode *not = jnode_new(p, N_NOT);
    if (not) not->a = n;
    return not;
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
        n = primary(p, false);
    n = n ? postfix(p, n) : NULL;
    while (n && with_filters) {
        if (jat_operator(p, "|")) n = jparse_filters(p, n, FILTERS_AFTER_BAR);
        else if (jat_name(p, "is")) n = parse_test(p, n);
        else if (jat_operator(p, "(")) n = call_of(p, n);
        else break;
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
    static const infix ops[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE}, {">=", OP_GE}, {"<", OP_LT},
                                {">", OP_GT}};
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
    return p->t->kind == T_PRINT_END || p->t->kind == T_TAG_END || jat_operator(p, ")") || (end && jat_name(p, end));
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
                                          : primary(p, kind == TARGETS_AND_MEMBERS);
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
