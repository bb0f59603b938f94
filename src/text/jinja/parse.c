/* parse.c -- statements: what stands between {% and %}, and the text around it (parse_expr.c has
 * expressions).
 *
 * Tags that reach for other templates (include, import, from, extends, block), that mean nothing without HTML
 * (autoescape) or that chat templates do not have (do, trans, ...) are refused by name. */
#include "text/jinja/run.h"

#include <stdlib.h>
#include <string.h>

static jnode *statement(jparser *p);

static int expect_end(jparser *p)
{
    if (p->t->kind != T_TAG_END) return jparse_fail(p, "expected %}");
    p->t++;
    return OK;
}

static bool at_tag(const jparser *p, const char *const *names)
{
    const jtoken *t = p->t + 1;
    for (; *names; names++)
        if (t->kind == T_NAME && t->n == strlen(*names) && !memcmp(t->p, *names, t->n)) return true;
    return false;
}

static jnode *parse_text(jparser *p)
{
    jnode *n = jnode_new(p, N_TEXT);
    jval v;
    if (!n || jval_str(p->h, p->t->p, p->t->n, &v)) return NULL;
    n->text = v.s;
    p->t++;
    return n;
}

/* Texts marked safe or escaped differ from others when they are computed with, which is refused: how many of
 * the marks in an expression are only written. */
static int only_written(const jnode *n)
{
    int count = 0;
    if (!n) return 0;
    if (n->kind == N_FILTER) return jfilter_marks(n->filter);
    if (n->kind == N_COND) return only_written(n->a) + only_written(n->c);
    for (int i = 0; n->kind == N_CONCAT && i < n->list.n; i++) count += only_written(n->list.p[i]);
    return count;
}

static jnode *parse_print(jparser *p)
{
    jnode *n = jnode_new(p, N_PRINT);
    p->t++;
    if (!n || !(n->a = jparse_tuple(p, true, NULL))) return NULL;
    p->marked -= only_written(n->a);
    if (p->t->kind != T_PRINT_END) return jparse_fail(p, "expected }}"), NULL;
    p->t++;
    return n;
}

/* Statements up to one of the tags of `ends`, which stays; with no ends, up to the end of the template. */
static int statements(jparser *p, jnodes *out, const char *const *ends)
{
    if (!jdeeper(p)) return E_FORMAT;
    while (p->t->kind != T_END) {
        jnode *n;
        p->nodes = 0;
        if (p->t->kind == T_TAG_BEGIN && ends && at_tag(p, ends)) break;
        if (p->t->kind == T_TEXT)
            n = parse_text(p);
        else if (p->t->kind == T_PRINT_BEGIN)
            n = parse_print(p);
        else
            n = statement(p);
        if (jnodes_add(p, out, n)) return E_FORMAT;
    }
    p->depth--;
    if (!ends || p->t->kind != T_END) return OK;
    char what[60] = "expected {% ";
    strcat(strncat(what, *ends, 30), " %}");
    return jparse_fail(p, what);
}

/* The rest of a tag, its body and the closing tag. A colon may stand before the %}. */
static int body_until(jparser *p, jnodes *out, const char *const *ends)
{
    jtake_operator(p, ":");
    if (expect_end(p) || statements(p, out, ends)) return E_FORMAT;
    p->t++; /* {% */
    return OK;
}

static int body_and_end(jparser *p, jnodes *out, const char *end)
{
    const char *const ends[] = {end, NULL};
    if (body_until(p, out, ends)) return E_FORMAT;
    p->t++; /* the name */
    return expect_end(p);
}

static jnode *parse_if(jparser *p)
{
    static const char *const ends[] = {"endif", "elif", "else", NULL}, *const last[] = {"endif", NULL};
    jnode *n = jnode_new(p, N_IF);
    for (bool more = n; more;) {
        jnode *branch = jnode_new(p, N_BRANCH);
        bool is_else = jat_name(p, "else");
        p->t++; /* if, elif, else */
        if (jnodes_add(p, &n->list, branch)) return NULL;
        if (!is_else && !(branch->a = jparse_tuple(p, false, NULL))) return NULL;
        if (body_until(p, &branch->body, is_else ? last : ends)) return NULL;
        more = !jat_name(p, "endif");
    }
    if (!n) return NULL;
    p->t++;
    return expect_end(p) ? NULL : n;
}

/* loop is the loop's own name. */
static int check_target(jparser *p, const jnode *target)
{
    for (int i = 0; target->kind == N_TUPLE && i < target->list.n; i++)
        if (check_target(p, target->list.p[i])) return E_FORMAT;
    if (target->kind != N_NAME || !jval_is_text((jval){.kind = J_STR, .s = target->text}, "loop")) return OK;
    return jparse_fail(p, "\"loop\" cannot be assigned to inside a loop");
}

static jnode *parse_for(jparser *p)
{
    static const char *const ends[] = {"endfor", "else", NULL};
    jnode *n = jnode_new(p, N_FOR);
    p->t++;
    if (!n || !(n->a = jparse_target(p, false, "in")) || check_target(p, n->a)) return NULL;
    if (!jtake_name(p, "in")) return jparse_fail(p, "expected \"in\""), NULL;
    if (!(n->b = jparse_tuple(p, false, "recursive"))) return NULL;
    if (jtake_name(p, "if") && !(n->c = jparse_expression(p))) return NULL;
    n->recursive = jtake_name(p, "recursive");
    p->loops++;
    if (body_until(p, &n->body, ends)) return NULL;
    p->loops--;
    bool has_else = jtake_name(p, "else");
    if (!has_else) return p->t++, expect_end(p) ? NULL : n;
    jnode *otherwise = jnode_new(p, N_BRANCH);
    if (jnodes_add(p, &n->list, otherwise)) return NULL;
    return body_and_end(p, &otherwise->body, "endfor") ? NULL : n;
}

static jnode *parse_set(jparser *p)
{
    jnode *n = jnode_new(p, N_SET);
    p->t++;
    if (!n || !(n->a = jparse_target(p, true, NULL)) || (p->loops && check_target(p, n->a))) return NULL;
    if (jtake_operator(p, "=")) {
        if (!(n->b = jparse_tuple(p, true, NULL))) return NULL;
        return expect_end(p) ? NULL : n;
    }
    n->kind = N_SET_BLOCK;
    if (jat_operator(p, "|") && !(n->b = jparse_filters(p, NULL, FILTERS_AFTER_BAR))) return NULL;
    return body_and_end(p, &n->body, "endset") ? NULL : n;
}

static int parse_params(jparser *p, jnode *n)
{
    if (jexpect_operator(p, "(")) return E_FORMAT;
    bool defaults = false;
    while (!jat_operator(p, ")")) {
        if (n->params.n && jexpect_operator(p, ",")) return E_FORMAT;
        jnode *x = jexpect_name(p);
        if (jnodes_add(p, &n->params, x)) return E_FORMAT;
        jval name = {.kind = J_STR, .s = x->text};
        if (jval_is_text(name, "caller") || jval_is_text(name, "varargs") || jval_is_text(name, "kwargs"))
            return junsupported(p->h, "a parameter named \"%s\" is not supported", x->text->p);
        if (jtake_operator(p, "=")) {
            defaults = true;
            if (!(x->a = jparse_expression(p))) return E_FORMAT;
        } else if (defaults)
            return jparse_fail(p, "a parameter without default after one with a default");
    }
    p->t++;
    return OK;
}

/* The body of a macro: {% break %} does not reach the loops around it. */
static int macro_body(jparser *p, jnode *n, const char *end)
{
    int loops = p->loops;
    p->loops = 0;
    int code = body_and_end(p, &n->body, end);
    p->loops = loops;
    return code;
}

static jnode *parse_macro(jparser *p)
{
    jnode *n = jnode_new(p, N_MACRO);
    p->t++;
    jnode *name = n ? jexpect_name(p) : NULL;
    if (!name || (p->loops && check_target(p, name)) || parse_params(p, n)) return NULL;
    n->name = name->name;
    n->text = name->text;
    return macro_body(p, n, "endmacro") ? NULL : n;
}

static jnode *parse_call_block(jparser *p)
{
    jnode *n = jnode_new(p, N_CALL_BLOCK);
    p->t++;
    if (!n || (jat_operator(p, "(") && parse_params(p, n)) || !(n->a = jparse_expression(p))) return NULL;
    if (n->a->kind != N_CALL) return jparse_fail(p, "expected a call"), NULL;
    return macro_body(p, n, "endcall") ? NULL : n;
}

static jnode *parse_generation(jparser *p)
{
    jnode *n = jnode_new(p, N_GENERATION);
    p->has_generation = true;
    p->t++;
    return !n || macro_body(p, n, "endgeneration") ? NULL : n;
}

static jnode *parse_filter_block(jparser *p)
{
    jnode *n = jnode_new(p, N_FILTER_BLOCK);
    p->t++;
    if (!n || !(n->a = jparse_filters(p, NULL, FILTERS_BARE))) return NULL;
    return body_and_end(p, &n->body, "endfilter") ? NULL : n;
}

static jnode *parse_with(jparser *p)
{
    jnode *n = jnode_new(p, N_WITH);
    p->t++;
    while (n && p->t->kind != T_TAG_END) {
        if (n->list.n && jexpect_operator(p, ",")) return NULL;
        if (jnodes_add(p, &n->list, jparse_target(p, false, NULL)) || jexpect_operator(p, "=") ||
            jnodes_add(p, &n->list, jparse_expression(p)))
            return NULL;
    }
    return !n || body_and_end(p, &n->body, "endwith") ? NULL : n;
}

/* {% print a, b %}: the values one after the other. */
static jnode *parse_print_tag(jparser *p)
{
    jnode *n = jnode_new(p, N_PRINT), *all = jnode_new(p, N_CONCAT);
    p->t++;
    if (!n || !all) return NULL;
    while (p->t->kind != T_TAG_END) {
        if (all->list.n && jexpect_operator(p, ",")) return NULL;
        if (jnodes_add(p, &all->list, jparse_expression(p))) return NULL;
    }
    n->a = all;
    return expect_end(p) ? NULL : n;
}

static jnode *parse_jump(jparser *p)
{
    jnode *n = jnode_new(p, jat_name(p, "break") ? N_BREAK : N_CONTINUE);
    if (!p->loops) return jparse_fail(p, "a jump outside a loop"), NULL;
    p->t++;
    return !n || expect_end(p) ? NULL : n;
}

static jnode *statement(jparser *p)
{
    static const struct {
        const char *name;
        jnode *(*parse)(jparser *);
    } tags[] = {
        {"if", parse_if},       {"for", parse_for},         {"set", parse_set},
        {"macro", parse_macro}, {"call", parse_call_block}, {"filter", parse_filter_block},
        {"with", parse_with},   {"print", parse_print_tag}, {"generation", parse_generation},
        {"break", parse_jump},  {"continue", parse_jump},
    };
    p->t++; /* {% */
    for (size_t i = 0; i < sizeof tags / sizeof *tags; i++)
        if (jat_name(p, tags[i].name)) return tags[i].parse(p);
    if (p->t->kind != T_NAME) return jparse_fail(p, "expected the name of a tag"), NULL;
    p->h->line = p->t->line;
    static const char *const others[] = {"block", "extends", "include", "import", "from", "autoescape"};
    bool known = false;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) known |= jat_name(p, others[i]);
    if (!known) return jparse_fail(p, "an unknown tag, or one out of place"), NULL;
    junsupported(p->h, "the tag \"%.*s\" is not supported", (int)p->t->n, p->t->p);
    return NULL;
}

int jparse(jheap *h, const char *text, size_t n, jinja *out)
{
    jtoken *tokens;
    int code = jlex(h, text, n, &tokens);
    if (code != OK) return code;
    jparser p = {.h = h, .t = tokens};
    code = jval_dict(h, J_DICT, &p.names);
    for (int i = 0; i < NAMES_FIXED && code == OK; i++) {
        static const char *const fixed[NAMES_FIXED] = {"loop", "caller", "kwargs", "varargs"};
        jval name;
        code = jval_str(h, fixed[i], strlen(fixed[i]), &name);
        if (code == OK) code = jdict_set(h, p.names.m, name, jval_int(i));
    }
    if (code == OK && !(out->root = jnode_new(&p, N_BRANCH))) code = E_FORMAT;
    if (code == OK) code = statements(&p, &out->root->body, NULL);
    if (code == OK && p.marked) {
        h->line = p.marked_line;
        code =
            junsupported(h, "safe and escape are supported where their result is written, and nowhere else");
    }
    if (code == OK && !(out->names = jheap_new(h, (size_t)(p.names.m->n + 1) * sizeof *out->names)))
        code = E_FORMAT;
    if (code == OK) {
        out->n_names = (int)p.names.m->n;
        for (int i = 0; i < out->n_names; i++) out->names[i] = p.names.m->p[i].key.s;
        out->has_generation = p.has_generation;
        code = jscope_mark(h, out->root, out->n_names);
    }
    free(tokens);
    return code;
}
