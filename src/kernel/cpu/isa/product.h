/* product.h -- the packed matrix product: see product.c. */
#ifndef KERNEL_PRODUCT_H
#define KERNEL_PRODUCT_H

#include "base/pool.h"
#include "kernel/cpu/isa/micro.h"
#include "kernel/cpu/isa/pack_i16.h"
#include "kernel/cpu/isa/pack_i8.h"
#include "kernel/device.h"

/* y (rows, n) = x W' + bias or + y, and an adapter's r extra k: W' is w^T (FORWARD: n counts rows of
 * w, k its columns) or w (GRADIENT: k counts rows, n columns), from row `first` of w on.
 * `panels` is x as product_pack() leaves it; `more` (panels of r x MR) times more_w as FORWARD takes it
 * (n, r) or GRADIENT (r, n). `scratch`: product_scratch() floats, shared by the threads. */
typedef struct product {
    compute how; /* the panels are packed, and W will be */
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

/* How products with w are computed, where `how` is asked for: 8-bit integers are for forward products with the
 * types that pack_i8_can() names, all others run in 16 bits. */
static inline compute product_how(compute how, direction dir, const tensor *w)
{
    return how == COMPUTE_I8 && (dir == GRADIENT || !pack_i8_can(w)) ? COMPUTE_I16 : how;
}

/* The same for a product of `rows` rows. Half of a short product in 16 bits is making integers of W; so where bytes
 * are multiplied as fast as words, stored codes are taken as they are, and x as two bytes a number. */
enum { PRODUCT_SHORT = 48 };
static inline compute product_how_short(compute how, const tensor *w, int64_t rows)
{
#if defined(__AVX512VNNI__)
    if (how == COMPUTE_I16 && rows <= PRODUCT_SHORT && pack_i8_exact(w)) return COMPUTE_CODES;
#endif
    (void)rows;
    return product_how(how, FORWARD, w);
}

/* The length of the k blocks, the same on every machine, so that results are. */
#define product_block NAME(product_block)
int64_t product_block(compute how, int64_t k);

/* How many lines of words k takes in a panel, MR words of x or NR of W; and where among them the block at k0
 * begins. */
typedef enum side { SIDE_X, SIDE_W } side;
#define product_lines NAME(product_lines)
int64_t product_lines(compute how, side of, int64_t k);
#define product_line NAME(product_line)
int64_t product_line(compute how, side of, int64_t k, int64_t k0);

/* Floats: of packed x; and of the scratch memory, of all threads or of one that packs. */
#define product_panels NAME(product_panels)
int64_t product_panels(compute how, int64_t rows, int64_t k);
#define product_scratch NAME(product_scratch)
int64_t product_scratch(compute how, int64_t k, int64_t n, int64_t r, int threads);
#define product_pack_scratch NAME(product_pack_scratch)
int64_t product_pack_scratch(compute how);

/* Packs x (rows, k), ldx floats apart, together with the other threads of the team (taking from lane A).
 * Panel p starts at panels + p * MR * product_lines(how, SIDE_X, k). scratch: product_pack_scratch() for each
 * thread. */
#define product_pack NAME(product_pack)
void product_pack(compute how, const float *x, int64_t ldx, int64_t rows, int64_t k, float *panels,
                  float *scratch, int t, pool *team);

/* The pieces of it, for products that are laid out otherwise: one panel of x; one panel of a block of W
 * (columns [n0, n0 + cols) of the result, k [k0, k0 + k)); and a tile of the two, whose k counts the lines that
 * product_steps() says. */
#define product_pack_rows NAME(product_pack_rows)
void product_pack_rows(compute how, const float *x, int64_t ldx, int rows, int64_t k, float *panel,
                       float *scratch);
#define product_pack_w NAME(product_pack_w)
void product_pack_w(compute how, direction dir, const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k,
                    float *panel, float *scratch);
static inline int64_t product_steps(compute how, int64_t k)
{
    return how == COMPUTE_F32 ? k : how == COMPUTE_I16 ? (k + 1) / 2 : k / UNIT;
}
#define product_tile NAME(product_tile)
void product_tile(compute how, const tile *t, int rows, int cols);

/* Called by all threads of the team together, which then take from both lanes; after a barrier since `panels`
 * and `more` were written. They return one by one: y is complete after the next barrier. */
#define product_run NAME(product_run)
void product_run(const product *g, int t, int threads, pool *team);

/* The share of n things that is thread t's: [*a, *b). */
static inline void share_of(int64_t n, int t, int threads, int64_t *a, int64_t *b)
{
    *a = n * t / threads;
    *b = n * (t + 1) / threads;
}

#endif
