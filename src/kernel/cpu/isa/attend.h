/* attend.h -- attention of a few rows of one document over its keys: see attend.c, and attend_one.c for
 * one. */
#ifndef KERNEL_ATTEND_H
#define KERNEL_ATTEND_H

#include "kernel/backend.h"
#include "kernel/cpu/isa/dropout.h"
#include "kernel/cpu/isa/isa.h"

enum {
    COLUMNS = 96, /* (row, head) pairs done together: a multiple of every NR and MR */
    KEYS = 48,    /* keys at a time: a multiple of every VL and MR */
    ATTEND_ONE_DIM = 256,
};

#define HIDDEN (-1e30f) /* what a masked score counts as; no score reaches it */

/* Rows that follow one another, and heads that read the same keys. Column c of the block is row c / heads,
 * head c % heads; row r stands at `position` + r and sees keys up to `ahead` after it, the last `window` of
 * them. */
typedef struct span {
    int64_t rows, heads, dim; /* rows * heads <= COLUMNS */
    int64_t position, window; /* window 0: all */
    int64_t ahead;            /* 0 where rows see nothing that follows them */
    int64_t keys;             /* how many there are, where ahead is not 0 */
    float scale, cap; /* cap 0: none */
    const float *bias; /* of distance 0 from row to key, those of keys before the row follow; NULL: none */
    int64_t reach;     /* of the bias: what is further away counts as this far; heads is 1 then */
    float slope;       /* the bias of a key that far before its row is -slope times that; heads is 1 then */
    const float *q;     /* first row, first head; heads lie side by side */
    int64_t q_stride;   /* from row to row, of o and every gradient of them too */
    const float *k, *v; /* key 0 */
    int64_t kv_stride;
    float *o;
    float *lse; /* first row, first head; NULL: not wanted */
    int64_t lse_stride;
    const dropout *drop; /* of probabilities; NULL: none. Column c is row drop_row + c / heads * lse_stride + c %
                            heads of the mask, whose columns are keys */
    int64_t drop_row;
    /* backward only; a NULL gradient is not wanted */
    int64_t from, to; /* the keys it is of */
    const float *go;
    float *dq, *dk, *dv; /* dk, dv: key 0, added to */
    int add;             /* to dq */
} span;

#define attend_floats NAME(attend_floats)
#define attend NAME(attend)
#define attend_back_floats NAME(attend_back_floats)
#define attend_back NAME(attend_back)
int64_t attend_floats(int64_t dim); /* scratch of one thread */
void attend(const span *s, float *scratch);

/* The same for one row whose `lse` is not wanted, where its dim suits: whole groups of four vectors. */
#define attend_one_can NAME(attend_one_can)
#define attend_one NAME(attend_one)
bool attend_one_can(const span *s);
void attend_one(const span *s);
int64_t attend_back_floats(int64_t dim);
void attend_back(const span *s, float *scratch);

/* What both directions do. `wide` is dim rounded up to whole NR. */
typedef struct columns {
    int64_t n, wide;     /* columns; floats of a row of scratch */
    int32_t at[COLUMNS]; /* the last key each sees, should there be so many; 0 past n */
} columns;

/* The first key that any row of the span sees, and the one after the last. */
static inline int64_t span_first(const span *s)
{
    const int64_t first = s->position + s->ahead + 1 - s->window;
    return s->window && first > 0 ? first : 0;
}
static inline int64_t span_end(const span *s)
{
    const int64_t end = s->position + s->rows + s->ahead;
    return s->ahead && s->keys < end ? s->keys : end;
}

#define columns_of NAME(columns_of)
#define columns_gather NAME(columns_gather)
#define columns_turn NAME(columns_turn)
#define scores NAME(scores)
#define drop_factors NAME(drop_factors)
columns columns_of(const span *s);
/* rows (COLUMNS, wide) = scale * x of every column, zeros around it. */
void columns_gather(const columns *c, const span *s, const float *x, float scale, float *rows);
/* The same as panels (COLUMNS / NR, wide, NR). */
void columns_turn(const columns *c, const float *rows, float *panels);
/* st (n, COLUMNS) = keys k (n, dim) times the panels: keys from k0 on. Tiles whose keys lie after all of
 * their columns are zeros. keys: scratch of KEYS * dim. */
void scores(const columns *c, const span *s, const float *k, int64_t k0, int64_t n, const float *panels,
            float *keys, float *st);

/* mask (n, COLUMNS) = what dropout multiplies the probabilities of keys from k0 on by; and such a product. */
void drop_factors(const columns *c, const span *s, int64_t k0, int64_t n, float *mask);
INLINE void times(const columns *c, int64_t n, const float *mask, float *st)
{
    for (int64_t k = 0; k < n; k++)
        for (int64_t col = 0; col < c->n; col++) st[k * COLUMNS + col] *= mask[k * COLUMNS + col];
}

/* Scores become cap * tanh(score / cap): st (n, COLUMNS), the columns that there are. */
INLINE void cap_scores(const columns *c, float cap, int64_t n, float *st)
{
    const vec high = v_set(cap), inverse = v_set(1 / cap);
    for (int64_t k = 0; k < n; k++)
        for (int64_t col = 0; col < c->n; col += VL) {
            float *at = st + k * COLUMNS + col;
            v_store(at, high * v_tanh(v_load(at) * inverse));
        }
}

/* Whether scores have a bias by distance, and that of a distance. */
INLINE bool is_biased(const span *s) { return s->bias || s->slope != 0; }
INLINE float bias_of(const span *s, int64_t far)
{
    if (!s->bias) return -s->slope * (float)far;
    return s->bias[far > s->reach ? s->reach : far < -s->reach ? -s->reach : far];
}

/* st (n, COLUMNS) += the bias of keys from k0 on. Along the columns of a key distances go up one by one. */
INLINE void add_bias(const columns *c, const span *s, int64_t k0, int64_t n, float *st)
{
    float near[KEYS + COLUMNS];
    const int64_t lowest = s->position - (k0 + n - 1), wide = (c->n + VL - 1) / VL * VL;
    for (int64_t t = 0; t < n - 1 + wide; t++) near[t] = bias_of(s, lowest + t);
    for (int64_t k = 0; k < n; k++)
        for (int64_t col = 0; col < wide; col += VL) {
            float *at = st + k * COLUMNS + col;
            v_store(at, v_load(at) + v_load(near + n - 1 - k + col));
        }
}

/* Which of the VL columns from c on see key k. */
INLINE veci seen(const columns *c, int64_t first, int64_t k, int64_t window)
{
    veci at, key = (veci){0} + (int32_t)k;
    memcpy(&at, c->at + first, sizeof at);
    veci yes = at >= key;
    if (window) yes &= at < key + (int32_t)window;
    return yes;
}

/* Whether all keys [k, k + n) are seen by all VL columns from `first` on, so that no mask is needed. */
INLINE int all_seen(const columns *c, int64_t first, int64_t k, int64_t n, int64_t window)
{
    int64_t last = first + VL - 1;
    if (last >= c->n) return 0;
    return c->at[first] >= k + n - 1 && (!window || c->at[last] < k + window);
}

INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t pieces(int64_t n, int64_t of) { return (n + of - 1) / of; }

#endif
