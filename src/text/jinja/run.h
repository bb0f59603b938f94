/* run.h -- a rendering under way, for the files of this folder (jinja.h is for everyone else). */
#ifndef TEXT_JINJA_RUN_H
#define TEXT_JINJA_RUN_H

#include "text/jinja/jinja.h"
#include "text/jinja/syntax.h"

typedef struct jvar {
    int name;
    jval value;
} jvar;

typedef struct jscope {
    struct jscope *parent;
    jvar *p;
    int n, cap;
} jscope;

typedef struct jrun {
    jheap heap;
    const jinja *t;
    jval *context; /* (names of the template) the data's value or J_MISSING */
    jinja_output *result;
    str *out;     /* where text goes: the result, or what is being captured */
    int captures; /* 0: it goes to the result */
    int depth;
    size_t most_output;
    time_t now;
} jrun;

/* What a call was given. */
typedef struct jargs {
    jval *p, *named;
    jstr **name;
    int n, named_n;
} jargs;

/* eval.c */
int jeval(jrun *r, jscope *s, const jnode *n, jval *out);
int jeval_args(jrun *r, jscope *s, const jcall *c, jargs *out);
int jfilter_node(jrun *r, jscope *s, const jnode *n, jval input, jval *out); /* a chain of filters */
int jdeep(jrun *r); /* one level of recursion, undone by r->depth-- */

/* exec.c: OK, a failure, or the jump that ended the statements */
enum { JUMP_BREAK = 1, JUMP_CONTINUE = 2 };
int jexec(jrun *r, jscope *s, const jnodes *body);
int jassign(jrun *r, jscope *s, const jnode *target, jval v);
int jscope_begin(jrun *r, jscope *s, jscope *parent, const jnode *owner);
int jscope_set(jrun *r, jscope *s, int name, jval v);
int jemit(jrun *r, const char *p, size_t n);
/* Runs fn with its output captured. */
int jcapture(jrun *r, int (*fn)(jrun *r, void *arg), void *arg, jval *out);

/* loop.c */
struct jloop;
int jloop_run(jrun *r, jscope *s, const jnode *n);
int jloop_attribute(jrun *r, struct jloop *l, const char *name, jval *out); /* J_MISSING: no such */
int jloop_call(jrun *r, struct jloop *l, const jargs *a, jval *out);
int jloop_cycle(jrun *r, struct jloop *l, const jargs *a, jval *out);
int jloop_changed(jrun *r, struct jloop *l, const jargs *a, jval *out);
int jloop_repr(jheap *h, struct jloop *l, str *out);

/* macro.c */
int jmacro_new(jrun *r, jscope *s, const jnode *n, jval *out);
int jmacro_call(jrun *r, const struct jmacro *m, const jargs *a, jval *out);
int jmacro_repr(jheap *h, const struct jmacro *m, str *out);
int jmacro_attribute(jrun *r, const struct jmacro *m, const char *name, jval *out);

/* call.c: attributes, indices and calls */
int jget_attribute(jrun *r, jval of, jstr *name, jval *out);
int jget_item(jrun *r, jval of, jval key, jval *out);
int jget_slice(jrun *r, jval of, const jval bound[3], jval *out);
int jcall_value(jrun *r, jval f, const jargs *a, jval *out);
/* Gives the arguments their parameters: `params` are names separated by spaces, of which `needed` have to be
 * there; out[i] is J_MISSING where nothing was given. */
int jargs_bind(jrun *r, const char *who, const jargs *a, const char *params, int needed, jval *out);
bool jarg_int(jrun *r, const char *who, jval v, int64_t otherwise, int64_t *out); /* false: failed */

/* operator.c */
int jbinary(jrun *r, jop op, jval a, jval b, jval *out);
int jcompare(jrun *r, jop op, jval a, jval b, bool *out);
int junary(jrun *r, jnode_kind kind, jval v, jval *out);

/* format.c: "%s and %d" % (a, b) */
int jformat(jrun *r, jstr *format, const jval *values, int64_t n, jval *out);

/* iterate.c: what for, filters and functions read values from. */
typedef struct jiter jiter;
int jiter_of(jrun *r, jval v, jiter **out); /* E_FORMAT: not iterable */
int jiter_next(jrun *r, jiter *it, jval *out, bool *more);
bool jiterable(jval v);
int jlist_of(jrun *r, jval v, jkind kind, jval *out); /* all values, as a list or tuple */
/* Each gives a J_ITER. */
int jiter_map(jrun *r, jval v, const jargs *a, jval *out);
typedef enum jselect { SELECT, REJECT, SELECT_ATTR, REJECT_ATTR } jselect;
int jiter_select(jrun *r, jval v, jselect how, const jargs *a, jval *out);
int jiter_for_if(jrun *r, jval v, const jnode *n, jscope *s, jval *out);
int jiter_over(jrun *r, jval values, jval *out); /* the values of an iterable, read once */
/* An attribute "a.b.0" of a value, as filters take it: a text, a number, or J_MISSING for the value itself.
 */
int jpath(jrun *r, jval v, jval path, jval otherwise, jval *out);

/* filters.c, filters_list.c, tests.c */
typedef struct jfilter {
    const char *name;
    int (*apply)(jrun *r, jval v, const jargs *a, jval *out);
} jfilter;
const jfilter *jfilter_find(const char *p, size_t n);
bool jfilter_marks(const jfilter *f); /* safe, escape: their result is for writing only */
extern const jfilter jfilters_of_lists[];
typedef struct jtest {
    const char *name;
    int (*apply)(jrun *r, jval v, const jargs *a, bool *out);
} jtest;
const jtest *jtest_find(const char *p, size_t n);
/* jinja2 has one of this name, supported here or not. */
bool jfilter_exists(const char *p, size_t n);

/* methods.c, methods_text.c */
typedef struct jmethod jmethod;
typedef int jmethod_fn(jrun *r, jval self, const jargs *a, jval *out);
typedef struct jmethod_row {
    const char *name;
    jmethod_fn *call; /* NULL: Python has it, this program does not */
} jmethod_row;
extern const jmethod_row jmethods_of_text[];
/* methods_kind.c */
jmethod_fn jtext_isalpha, jtext_isdigit, jtext_isalnum, jtext_isspace, jtext_isascii, jtext_isupper,
    jtext_islower;
int jmethod_find(jrun *r, jval of, jstr *name, jval *out); /* J_MISSING: the type has no such attribute */
int jmethod_call(jrun *r, const jmethod *m, const jargs *a, jval *out);
bool jmethod_is_refused(const jstr *name);

/* functions.c: range, dict, namespace, raise_exception, strftime_now */
typedef struct jfunction {
    const char *name;
    int (*call)(jrun *r, const jargs *a, jval *out); /* NULL: not supported */
} jfunction;
const jfunction *jfunction_find(const jstr *name);

/* letters.c: upper and lower case as Python has them, with the cases of several characters. */
typedef enum jcase { CASE_UPPER, CASE_LOWER, CASE_TITLE } jcase;
void jcase_text(const char *p, size_t n, jcase how, str *out);
void jcase_words(const char *p, size_t n, str *out); /* str.title() */

/* text.c: what filters, methods and tests share about text */
int jtext_of(jrun *r, jval v, jstr **out); /* str(v) */
typedef enum jstrip { STRIP_LEFT = 1, STRIP_RIGHT = 2, STRIP_BOTH = 3 } jstrip;
int jtext_strip(jrun *r, jstr *s, jval chars, jstrip sides, jval *out); /* chars J_MISSING or none: spaces */
int jtext_replace(jrun *r, jstr *s, jstr *from, jstr *to, int64_t count, jval *out);
typedef enum jjoin { JOIN_PRINTED, JOIN_TEXTS } jjoin; /* any value as it prints; texts alone */
int jtext_join(jrun *r, jstr *by, jval values, jjoin how, jval *out);
int jtext_lines(jrun *r, jstr *s, jval keep_ends, jval *out); /* str.splitlines(keepends) */
int jtext_capitalize(jrun *r, jstr *s, jval *out);
bool jtext_is_case(const jstr *s, jcase how);                              /* islower(), isupper() */
int64_t jtext_find(jrun *r, const jstr *s, const jstr *what, size_t from); /* byte, or -1 */

/* split.c: text in pieces */
typedef enum from_where { FROM_LEFT, FROM_RIGHT } from_where;
/* Appends to l the pieces between `by` (NULL: runs of white space), in order, after at most `most` cuts (-1: all). */
int jtext_split(jrun *r, const jstr *s, const jstr *by, int64_t most, from_where from, jlist *l);
int jtext_piece(jrun *r, jlist *l, const char *p, size_t n); /* appends a text */
/* Where `what` begins for the last time within the first `end` bytes, or -1. */
int64_t jtext_find_last(jrun *r, const jstr *s, const jstr *what, size_t end);

/* tojson.c */
int jtojson(jrun *r, jval v, const jargs *a, jval *out);

#endif
