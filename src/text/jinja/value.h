/* value.h -- what a template computes with: the values of Python, as far as templates meet them.
 *
 * Names in this folder begin with j: jval is a value, jheap the memory of one rendering, jnode a piece of
 * syntax (syntax.h), jrun a rendering under way (run.h).
 *
 * A jval is 16 bytes and is passed by value. What it points to lies on a jheap, which is bounded and freed
 * whole; strings do not change once made. Strings are UTF-8 and count characters, as Python's do. */
#ifndef TEXT_JINJA_VALUE_H
#define TEXT_JINJA_VALUE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

typedef enum jkind {
    J_MISSING, /* a name that is not set here, nor looked for further out; never a value of an expression */
    J_UNDEFINED,
    J_NONE,
    J_BOOL,
    J_INT,
    J_FLOAT,
    J_STR,
    J_LIST,
    J_TUPLE,
    J_DICT,
    J_RANGE,
    J_VIEW, /* of a dict: keys, values or items */
    J_ITER, /* what a filter such as map gives: read once, one value after the other */
    J_NAMESPACE,
    J_MACRO,
    J_METHOD,   /* "abc".upper, before it is called */
    J_FUNCTION, /* a function that every template has: range, dict, namespace, ... */
    J_LOOP,     /* the variable loop */
} jkind;

typedef struct jval jval;
typedef struct jstr {
    const char *p;
    size_t n;      /* bytes */
    int64_t chars; /* -1: not counted yet */
} jstr;
typedef struct jlist {
    jval *p;
    int64_t n, cap;
} jlist;
typedef struct jdict jdict;
typedef struct jrange {
    int64_t start, stop, step, n;
} jrange;
typedef enum jview_of { VIEW_KEYS, VIEW_VALUES, VIEW_ITEMS } jview_of;
typedef struct jview {
    const jdict *d;
    jview_of of;
} jview;
struct jmethod;

struct jval {
    jkind kind;
    union {
        bool b;
        int64_t i;
        double d;
        jstr *s;
        jlist *l; /* J_TUPLE too */
        jdict *m; /* J_NAMESPACE too */
        const jrange *r;
        const jview *v;
        struct jiter *it;
        struct jmacro *macro;
        const struct jmethod *method;
        const struct jfunction *f;
        struct jloop *loop;
        const char *what; /* J_UNDEFINED: what is undefined, for the message when it is used */
    };
};

/* In order of insertion, as in Python. */
typedef struct jentry {
    jval key, value;
} jentry;
struct jdict {
    jentry *p;
    int64_t n, cap;
    int32_t *slot; /* (slots) entry + 1 by the key's hash, open addressing; NULL while the dict is small */
    int64_t slots;
};

/* The memory of one rendering. `e` takes the first failure; `line` is where the template is. */
typedef struct jheap {
    arena mem;
    char *at; /* of the block that small things come from */
    size_t left;
    size_t bytes, most_bytes;
    int64_t steps, most_steps;
    int depth;        /* of the walk over a value that is under way */
    const char *name; /* of the template, for messages */
    int line;
    err *e;
} jheap;

/* Zeroed; NULL, with the failure recorded, when the bound is reached. */
void *jheap_new(jheap *h, size_t bytes);
/* Counts work: one step, and one for every 64 bytes. E_FORMAT once there were too many. */
int jheap_work(jheap *h, size_t bytes);
/* Values nest, and a template can make one that holds itself a thousand times over: every walk counts its
 * depth and its steps. After a failure all walks end at once, with whatever they say. */
bool jheap_enter(jheap *h); /* undone by h->depth-- when true */
/* "NAME: line 3: ..."; returns E_FORMAT, or E_UNSUPPORTED for what this program does not do. */
int jfail(jheap *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int junsupported(jheap *h, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline jval jval_none(void) { return (jval){.kind = J_NONE}; }
static inline jval jval_bool(bool b) { return (jval){.kind = J_BOOL, .b = b}; }
static inline jval jval_int(int64_t i) { return (jval){.kind = J_INT, .i = i}; }
static inline jval jval_float(double d) { return (jval){.kind = J_FLOAT, .d = d}; }
static inline jval jval_undefined(const char *what) { return (jval){.kind = J_UNDEFINED, .what = what}; }
static inline bool jval_is_text(jval v, const char *text);

/* These make a value into *out; OK or the failure. The text of jval_str is copied. */
int jval_str(jheap *h, const char *p, size_t n, jval *out);
int jval_take(jheap *h, str *text, jval *out); /* a copy of what was gathered; text is freed */
int jval_list(jheap *h, jkind kind, int64_t cap, jval *out);
int jval_dict(jheap *h, jkind kind, jval *out);
int jval_pair(jheap *h, jval a, jval b, jval *out); /* a tuple */
int jval_from_json(jheap *h, const json_t *j, jval *out);

int jlist_add(jheap *h, jlist *l, jval v);
/* A key has to be hashable. */
int jdict_set(jheap *h, jdict *d, jval key, jval value);
bool jdict_get(jheap *h, const jdict *d, jval key, jval *out);
bool jdict_get_text(jheap *h, const jdict *d, const char *p, size_t n, jval *out);
bool jval_hashable(jheap *h, jval v);
bool jview_holds(jheap *h, const jview *v, jval x);
/* The i-th member of a view; makes the pair of items. */
int jview_at(jheap *h, const jview *v, int64_t i, jval *out);

int64_t jstr_chars(jstr *s);
/* Where character i starts, 0 <= i <= jstr_chars(s). */
size_t jstr_offset(jstr *s, int64_t i);

bool jval_true(jval v);
/* ==; and < as Python orders them: E_FORMAT for two that have no order. What returns no code records its
 * failure all the same; whoever evaluates looks at h->e. */
bool jval_equal(jheap *h, jval a, jval b);
int jval_less(jheap *h, jval a, jval b, bool *out);
/* len(): -1 for what has no length. */
int64_t jval_length(jval v);
bool jval_is_number(jval v); /* bool, int or float */
double jval_as_double(jval v);
const char *jkind_name(jkind k); /* as Python names it: "str" */

/* str() and repr(): appended to out. E_UNSUPPORTED for what prints its address. */
int jval_print(jheap *h, jval v, str *out);
int jval_repr(jheap *h, jval v, str *out);
void jfloat_repr(double d, str *out);

static inline bool jval_is_text(jval v, const char *text)
{
    size_t n = __builtin_strlen(text);
    return v.kind == J_STR && v.s->n == n && !__builtin_memcmp(v.s->p, text, n);
}

#endif
