/* parse_primary.c -- the tightest part of expressions: names, values, lists, dicts, ( ), and what follows
 * them: .name, [index], [a:b:c] and (arguments). See parse_expr.c. */
#include "text/jinja/run.h"

#include <string.h>

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
        {"true", {.kind = J_BOOL, .b = true}},
        {"True", {.kind = J_BOOL, .b = true}},
        {"false", {.kind = J_BOOL}},
        {"False", {.kind = J_BOOL}},
        {"none", {.kind = J_NONE}},
        {"None", {.kind = J_NONE}},
    };
    for (size_t i = 0; i < sizeof constants / sizeof *constants; i++)
        if (jtake_name(p, constants[i].name)) return constant(p, constants[i].value);
    if (jat_name(p, "self") || jat_name(p, "super")) return jrefuse(p, "the name", p->t->p, p->t->n);
    jnode *n = jexpect_name(p);
    if (!n || !with_members || !jtake_operator(p, ".")) return n;
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected a name"), NULL;
    n->kind = N_MEMBER;
    n->text = token_text(p);
    p->t++;
    return n;
}

jnode *jparse_primary(jparser *p, bool with_members)
{
    jnode *n;
    switch (p->t->kind) {
    case T_NAME:
        return parse_name(p, with_members);
    case T_STRING:
        return parse_strings(p);
    case T_NUMBER:
        return n = constant(p, p->t->value), p->t++, n;
    default:
        break;
    }
    if (jat_operator(p, "[")) return parse_list(p);
    if (jat_operator(p, "{")) return parse_dict(p);
    if (!jtake_operator(p, "(")) return jparse_fail(p, "expected an expression"), NULL;
    if (jat_operator(p, ")"))
        n = jnode_new(p, N_TUPLE);
    else
        n = jparse_tuple(p, true, NULL);
    return n && !jexpect_operator(p, ")") ? n : NULL;
}

jcall *jparse_call(jparser *p)
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
        } else if (p->t->kind == T_NAME && p->t[1].kind == T_OPERATOR && p->t[1].n == 1 &&
                   *p->t[1].p == '=') {
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

jnode *jparse_call_of(jparser *p, jnode *of)
{
    jnode *n = jnode_new(p, N_CALL);
    if (!n || !(n->call = jparse_call(p))) return NULL;
    n->a = of;
    return n;
}

static jnode *parse_attribute(jparser *p, jnode *of)
{
    p->t++;
    if (p->t->kind == T_NAME) {
        if (p->t->n > 1 && p->t->p[0] == '_' && p->t->p[1] == '_')
            return jrefuse(p, "the attribute", p->t->p, p->t->n);
        jnode *n = jnode_new(p, N_ATTR);
        if (!n || !(n->text = token_text(p))) return NULL;
        n->a = of;
        p->t++;
        if (jat_operator(p, "(") && jmethod_is_refused(n->text)) {
            p->t--;
            return jrefuse(p, "the method", p->t->p, p->t->n);
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
        return jrefuse(p, "a slice of what is written here as a number or a dict:", "[:]", 3);
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
    if (jat_operator(p, ",")) return jrefuse(p, "several indices:", ",", 1);
    return jexpect_operator(p, "]") ? NULL : n;
}

jnode *jparse_postfix(jparser *p, jnode *n)
{
    while (n) {
        if (jat_operator(p, "."))
            n = parse_attribute(p, n);
        else if (jat_operator(p, "["))
            n = parse_item(p, n);
        else if (jat_operator(p, "("))
            n = jparse_call_of(p, n);
        else
            break;
    }
    return n;
}
