/* prog.h -- a step as a flat list of instructions over numbered values.
 *
 * A model writes the forward list once, with no data in hand. plan_grad() appends the backward list,
 * plan_memory() gives every temporary a fixed place in one slab. Running the step is then a loop: no
 * allocation, no shape logic, no hidden order. Training, evaluation, prefill and decoding are lists
 * from the same model file.
 *
 * Rows. The first dimension of most values counts rows, and how many a step really has differs from
 * step to step: ROWS_TOKENS are the token rows of a micro-batch (several documents end to end),
 * ROWS_LABELS the rows that carry a label, ROWS_SOURCE those of an encoder beside a decoder. A list is
 * planned for the largest number (`cap`), and prog_rows() and prog_rows_source() set how many are live
 * (s.d[0]); kernels compute no more than those. */
#ifndef OP_PROG_H
#define OP_PROG_H

#include "base/arena.h"
#include "tensor/tensor.h"

#include <stdbool.h>
#include <stdint.h>

#ifndef REAL
#define REAL float /* the gradient checks build operators, planner and models with -DREAL=double */
#endif
typedef REAL real;

typedef int val; /* index into prog.v; NONE = absent */
enum { NONE = -1, MAXIN = 8, MAXOUT = 5, MAXDIM = 3 };
#define BIT(n) (1u << (n))

typedef enum value_kind {
    VALUE_INPUT,  /* fed by the caller before every step */
    VALUE_FROZEN, /* a weight that is only read: value.w, of any dtype */
    VALUE_PARAM,  /* trained; storage is the caller's */
    VALUE_GRAD,   /* gradient of a PARAM; storage is the caller's. Backward always adds to it, so that
                     micro-batches accumulate; the caller zeroes it once an optimizer step */
    VALUE_STATE,  /* kept from step to step, the caller's (key and value cache) */
    VALUE_TEMP,   /* lives in the slab while somebody still reads it */
    VALUE_RESULT, /* lives in the slab from its first write to the end of the step */
} value_kind;

typedef enum value_rows { ROWS_FIXED, ROWS_TOKENS, ROWS_LABELS, ROWS_SOURCE } value_rows;

typedef struct shape {
    int64_t d[MAXDIM]; /* unused dimensions are 1 */
} shape;

typedef struct value {
    const char *name;
    shape   s;          /* d[0]: live rows */
    int64_t cap;        /* rows that storage is planned for */
    uint8_t kind, rows; /* value_kind, value_rows */
    bool    is_int;     /* int32_t elements; otherwise `real` */
    bool    wants_grad;
    val     grad;       /* its gradient, NONE until the planner makes one */
    val     root;       /* the value whose storage this one shares (itself, normally) */
    int     first, last; /* instructions of first write and last use; -1: never */
    size_t  off;        /* place in the slab */
    const tensor *w;    /* FROZEN */
    void   *p;          /* all other kinds, once bound */
} value;

struct op;

typedef struct instr {
    const struct op *op;
    bool    back;                 /* backward of op: reads in, out, dout; writes din */
    val     in[MAXIN], out[MAXOUT], dout, din[MAXIN];
    uint8_t acc;                  /* bit j: din[j] is added to, else assigned */
    int     seg;                  /* block of the model, 1..; 0 outside blocks (recompute unit) */
    int     id;                   /* number of the forward instruction it stems from: dropout stream */
    int64_t n[6];                 /* the operator's own integers (heads, ...) ... */
    double  f[3];                 /* ... and numbers (eps, scale, dropout) */
} instr;

typedef struct prog {
    arena   mem;                  /* owns names, values, instructions */
    value  *v;
    int     nv, capv;
    instr  *i;
    int     ni, capi;
    int     nfwd;                 /* instructions of the plain forward; set by plan_grad() */
    int     seg;                  /* given to what is emitted now */
    int64_t cap_tokens, cap_labels, cap_source;
    size_t  slab;                 /* bytes the plan needs */
    size_t  bound;                /* the most bytes alive at one instruction: no plan can need less */
} prog;

/* A list for at most that many token rows and label rows; p->cap_source, at first 0, may be set before there
 * are values. */
void prog_init(prog *p, int64_t cap_tokens, int64_t cap_labels);
void prog_release(prog *p);

/* New values. `rows` decides the first dimension: ROWS_FIXED uses d0, others the list's capacity. */
val prog_value(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1);
val prog_ints(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1);
val prog_frozen(prog *p, const tensor *w); /* w outlives the list */
/* A temporary shaped like x but d1 wide. */
val prog_temp_like(prog *p, const char *name, val x, int64_t d1);

/* A new instruction with every operand NONE; the pointer is good until the next prog_emit(). */
instr *prog_emit(prog *p, const struct op *o);

/* Sets the live rows for the next step; all at most the capacities. */
void prog_rows(prog *p, int64_t tokens, int64_t labels);
void prog_rows_source(prog *p, int64_t source);

static inline int64_t numel(shape s) { return s.d[0] * s.d[1] * s.d[2]; }
static inline size_t  value_element(const value *v) { return v->is_int ? sizeof(int32_t) : sizeof(real); }
size_t value_bytes(const value *v); /* at capacity */

#endif
