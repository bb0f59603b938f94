/* syntax.h -- a template as tokens (lex.c) and as a tree (parse.c, parse_expr.c, scope.c).
 *
 * The tree lies on the template's own jheap and does not change once it is made, so that any number of
 * threads may render it. A node keeps the line it began on. */
#ifndef TEXT_JINJA_SYNTAX_H
#define TEXT_JINJA_SYNTAX_H

#include "text/jinja/value.h"

typedef enum jtoken_kind {
    T_END,
    T_TEXT,
    T_PRINT_BEGIN, /* {{ */
    T_PRINT_END,
    T_TAG_BEGIN, /* {% */
    T_TAG_END,
    T_NAME,
    T_STRING,
    T_NUMBER,
    T_OPERATOR,
} jtoken_kind;

typedef struct jtoken {
    jtoken_kind kind;
    int line;
    const char *p; /* n bytes: the text, the name, the operator's characters */
    size_t n;
    jval value; /* of a string or number */
} jtoken;

/* Cuts a template into tokens on the heap of malloc(), the last of them T_END. They point into h. */
int jlex(jheap *h, const char *text, size_t n, jtoken **out);

/* What str.isspace() and \s of Python hold. */
bool jinja_is_space(uint32_t c);
/* Bytes of such characters that p, n bytes of UTF-8, begins or ends with. */
size_t jinja_spaces_before(const char *p, size_t n);
size_t jinja_spaces_after(const char *p, size_t n);

typedef enum jnode_kind {
    /* expressions; operands a, b, c; members in list */
    N_CONST,
    N_NAME,
    N_LIST,
    N_TUPLE,
    N_DICT, /* list: key, value, key, value, ... */
    N_COND, /* a if b else c; c may be NULL */
    N_AND,
    N_OR,
    N_NOT,
    N_NEG,
    N_POS,
    N_COMPARE, /* a, then list: nodes with op and operand a */
    N_OPERAND,
    N_BINARY, /* a op b */
    N_CONCAT, /* list, joined by ~ */
    N_ATTR,   /* a.name */
    N_ITEM,   /* a[b] */
    N_SLICE,  /* a[list[0]:list[1]:list[2]], each may be NULL */
    N_CALL,   /* a(args) */
    N_FILTER, /* a | filter(args); a is NULL for the body of a block */
    N_TEST,   /* a is test(args) */
    N_MEMBER, /* name.attr, to assign to */
    /* statements; body is a list of statements */
    N_TEXT,
    N_PRINT,
    N_IF, /* list: branches; a branch has the condition a (NULL: else) and a body */
    N_BRANCH,
    N_FOR,          /* target a, values b, condition c; body; list[0] is the else branch, if any */
    N_SET,          /* target a = b */
    N_SET_BLOCK,    /* target a = body through the filters b (or NULL) */
    N_MACRO,        /* name, params, body */
    N_CALL_BLOCK,   /* the call a; params, body */
    N_FILTER_BLOCK, /* filters a over body */
    N_WITH,         /* list: target, value, target, value, ...; body */
    N_GENERATION,
    N_BREAK,
    N_CONTINUE,
} jnode_kind;

typedef enum jop {
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_IN,
    OP_NOT_IN,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_FLOORDIV,
    OP_MOD,
    OP_POW
} jop;

typedef struct jnode jnode;

typedef struct jnodes {
    jnode **p;
    int n, cap;
} jnodes;

/* What stands between the parentheses of a call; the text of a named argument is its name. */
typedef struct jcall {
    jnodes given, named;
    jnode *star, *star_star;
} jcall;

struct jnode {
    jnode_kind kind;
    jop op;
    int line;
    int name;   /* N_NAME, N_MACRO, N_MEMBER: number of the name in the template */
    jstr *text; /* N_TEXT; the attribute of N_ATTR and N_MEMBER; the name of N_NAME, N_MACRO, an argument */
    jval value; /* N_CONST */
    jnode *a, *b, *c;
    jnodes list, body, params; /* params: N_NAME, a default in a */
    jcall *call;
    const struct jfilter *filter;
    const struct jtest *test;
    int *hidden; /* see scope.c */
    int n_hidden;
    bool recursive, takes_kwargs, takes_varargs, takes_caller; /* N_FOR; N_MACRO and N_CALL_BLOCK */
};

/* Names that mean something by themselves have these numbers in every template. */
enum { NAME_LOOP, NAME_CALLER, NAME_KWARGS, NAME_VARARGS, NAMES_FIXED };

/* A parsed template. */
struct jinja {
    jheap heap;
    char *name;
    jnode *root; /* its body is the template */
    jstr **names;
    int n_names;
    bool has_generation;
};

typedef struct jparser {
    jheap *h;
    const jtoken *t; /* the next token */
    jval names;      /* a dict: name to number */
    int depth, nodes, loops;
    int marked, marked_line; /* filters such as safe whose result is not written at once */
    bool has_generation;
} jparser;

/* parse_primary.c and parse_expr.c; NULL with the failure recorded */
jnode *jparse_primary(jparser *p, bool with_members);
jnode *jparse_postfix(jparser *p, jnode *n); /* what follows n */
jnode *jparse_call_of(jparser *p, jnode *of);
jcall *jparse_call(jparser *p);
jnode *jrefuse(jparser *p, const char *what, const char *name, size_t n); /* E_UNSUPPORTED; gives NULL */
jnode *jparse_expression(jparser *p);
jnode *jparse_tuple(jparser *p, bool with_if, const char *end); /* end: a name that ends it, or NULL */
jnode *jparse_target(jparser *p, bool with_members, const char *end);
/* A chain of filters over `of`; that of {% filter upper | trim %} begins without a bar. */
typedef enum jfilters_begin { FILTERS_AFTER_BAR, FILTERS_BARE } jfilters_begin;
jnode *jparse_filters(jparser *p, jnode *of, jfilters_begin begin);
jnode *jnode_new(jparser *p, jnode_kind kind);
int jnodes_add(jparser *p, jnodes *l, jnode *n);
bool jat_operator(const jparser *p, const char *text);
bool jat_name(const jparser *p, const char *text);
bool jtake_operator(jparser *p, const char *text); /* when it is there */
bool jtake_name(jparser *p, const char *text);
jnode *jexpect_name(jparser *p); /* N_NAME */
int jexpect_operator(jparser *p, const char *text);
int jparse_fail(jparser *p, const char *what);
bool jdeeper(jparser *p); /* one level of nesting, undone by p->depth-- */

/* parse.c: the statements of the whole template. */
int jparse(jheap *h, const char *text, size_t n, struct jinja *out);
/* scope.c */
int jscope_mark(jheap *h, jnode *root, int n_names);

#endif
