/* product.h -- the packed matrix product: see product.c. */
#ifndef KERNEL_PRODUCT_H
#define KERNEL_PRODUCT_H

#include "base/pool.h"
#include "kernel/cpu/isa/pack.h"

/* y (rows, n) = x W' + bias or + y, and an adapter's r extra k: W' is w^T (FORWARD: n counts rows of
 * w, k its columns) or w (GRADIENT: k counts rows, n columns), from row `first` of w on.
 * `panels` is x as product_pack() leaves it; `more` (panels of r x MR) times more_w as FORWARD takes it
 * (n, r) or GRADIENT (r, n). `scratch`: product_scratch() floats, shared by the threads. */
typedef struct product {
    const tensor *w;
    direction dir;
    int64_t first, rows, k, n;
    const float *panels;
    float *y;
    int64_t ldy;
    const float *bias; /* (n), or NULL */
    int add;           /* to what y holds */
    int64_t r;
    const float *more;
    const tensor *more_w;
    float *scratch;
} product;

/* The length of the k blocks, the same on every machine, so that results are. */
#define product_block NAME(product_block)
int64_t product_block(int64_t k);

#define product_panels NAME(product_panels)
int64_t product_panels(int64_t rows, int64_t k); /* floats */
#define product_scratch NAME(product_scratch)
int64_t product_scratch(int64_t k, int64_t n, int64_t r, int threads); /* floats */

/* Thread t of `threads` packs its share of x (rows, k), ldx floats apart. Panel p starts at
 * panels + p * MR * k. */
#define product_pack NAME(product_pack)
void product_pack(const float *x, int64_t ldx, int64_t rows, int64_t k, float *panels, int t, int threads);

/* Called by all threads of the team together, after a barrier since `panels` and `more` were written.
 * They return one by one: y is complete after the next barrier. */
#define product_run NAME(product_run)
void product_run(const product *g, int t, int threads, pool *team);

/* The share of n things that is thread t's: [*a, *b). */
static inline void share_of(int64_t n, int t, int threads, int64_t *a, int64_t *b)
{
    *a = n * t / threads;
    *b = n * (t + 1) / threads;
}

#endif
