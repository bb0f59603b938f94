/* product.c -- the loops around the register tiles, and the split over threads.
 *
 *   for each block of WIDE columns, for each block of k (product_block(): about 256, split evenly)
 *       the threads pack that block of W together; barrier
 *       each thread: its rows of x, TALL at a time: all tiles
 *
 * W is packed into two buffers in turn, so that one barrier a block is enough. With few rows a thread
 * the threads share the columns of a block instead of the rows. Every element of y is one chain over
 * the k of a block, and blocks are added in order; so its bits depend on its row of x and its column
 * of W alone, not on threads, rows or tiles.
 *
 * The adapter: `more` holds r further k of x (s x A^T), more_w those of W (B). They lengthen the chain
 * of the last block, and y is not touched again. */
#include "kernel/cpu/isa/product.h"

#include "kernel/cpu/isa/micro.h"

enum {
    DEEP = 256,
    UNIT = 64,           /* block lengths are multiples of it: blocks of most types stay whole */
    WIDE = 1536,         /* columns packed at a time; a multiple of every NR and PACK_SEGMENT */
    TALL = 120 / MR,     /* x panels that stay in the second cache */
    ROWS_A_THREAD = 192, /* with fewer, columns are split */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pieces(int64_t n, int64_t of) { return (n + of - 1) / of; }

int64_t product_block(int64_t k)
{
    int64_t blocks = (k + DEEP / 2) / DEEP;
    if (blocks < 1) blocks = 1;
    return pieces(pieces(k, blocks), UNIT) * UNIT;
}

int64_t product_panels(int64_t rows, int64_t k) { return pieces(rows, MR) * MR * k; }

static int64_t buffer_floats(int64_t k, int64_t n, int64_t r)
{
    return (least(product_block(k), k) + r) * pieces(least(n, WIDE), NR) * NR;
}

int64_t product_scratch(int64_t k, int64_t n, int64_t r, int threads)
{
    return 2 * buffer_floats(k, n, r) + (int64_t)threads * PACK_SCRATCH;
}

void product_pack(const float *x, int64_t ldx, int64_t rows, int64_t k, float *panels, int t, int threads)
{
    int64_t a, b;
    share_of(pieces(rows, MR), t, threads, &a, &b);
    for (int64_t p = a; p < b; p++)
        pack_x(x + p * MR * ldx, ldx, (int)least(MR, rows - p * MR), k, panels + p * MR * k);
}

/* A block of W: k [k0, k0 + kc), columns [n0, n0 + nc); packed (column panel, k, NR), and after them
 * the r extra k, (column panel, r, NR). */
typedef struct block {
    int64_t k0, kc, n0, nc, r;
    float *w, *more;
} block;

static void pack_block(const product *g, const block *b, int t, int threads)
{
    float *scratch = g->scratch + 2 * buffer_floats(g->k, g->n, g->r) + t * (int64_t)PACK_SCRATCH;
    int64_t from, to;
    if (g->dir == FORWARD) {
        share_of(pieces(b->nc, NR), t, threads, &from, &to);
        for (int64_t p = from; p < to; p++)
            pack_forward(g->w, g->first + b->n0 + p * NR, (int)least(NR, b->nc - p * NR), b->k0, b->kc,
                         b->w + p * NR * b->kc, scratch);
    } else {
        share_of(b->kc, t, threads, &from, &to);
        pack_gradient(g->w, g->first + b->k0 + from, to - from, b->n0, b->nc, b->w + from * NR, b->kc * NR,
                      scratch);
    }
    if (b->r == 0) return;
    share_of(pieces(b->nc, NR), t, threads, &from, &to);
    for (int64_t p = from; p < to; p++) {
        int cols = (int)least(NR, b->nc - p * NR);
        float *d = b->more + p * NR * b->r;
        if (g->dir == FORWARD)
            pack_forward(g->more_w, b->n0 + p * NR, cols, 0, b->r, d, scratch);
        else
            pack_gradient(g->more_w, 0, b->r, b->n0 + p * NR, cols, d, 0, scratch);
    }
}

/* Row panels [p0, p1) times column panels [j0, j1) of a block. */
static void run_tiles(const product *g, const block *b, int64_t p0, int64_t p1, int64_t j0, int64_t j1)
{
    tile t = {.k = b->kc, .lda = MR, .ldb = NR, .ldc = g->ldy, .more = b->r};
    for (int64_t j = j0; j < j1; j++) {
        int64_t col = b->n0 + j * NR;
        int cols = (int)least(NR, b->nc - j * NR);
        t.b = b->w + j * NR * b->kc;
        t.b_more = b->more + j * NR * b->r;
        for (int64_t p = p0; p < p1; p++) {
            t.a = g->panels + p * MR * g->k + b->k0 * MR;
            if (b->r) t.a_more = g->more + p * MR * b->r;
            t.c = g->y + p * MR * g->ldy + col;
            if (g->add || b->k0 > 0) {
                t.init = t.c;
                t.ldi = g->ldy;
            } else {
                t.init = g->bias ? g->bias + col : NULL;
                t.ldi = 0;
            }
            tile_run(&t, (int)least(MR, g->rows - p * MR), cols);
        }
    }
}

static void run_share(const product *g, const block *b, int t, int threads)
{
    const int64_t rows = pieces(g->rows, MR), cols = pieces(b->nc, NR);
    int64_t p0 = 0, p1 = rows, j0 = 0, j1 = cols;
    if (rows * MR < (int64_t)threads * ROWS_A_THREAD)
        share_of(cols, t, threads, &j0, &j1);
    else
        share_of(rows, t, threads, &p0, &p1);
    for (int64_t p = p0; p < p1; p += TALL) run_tiles(g, b, p, least(p + TALL, p1), j0, j1);
}

void product_run(const product *g, int t, int threads, pool *team)
{
    const int64_t deep = product_block(g->k), floats = buffer_floats(g->k, g->n, g->r);
    int turn = 0;
    pool_barrier(team); /* the buffers may still be read for the product before */
    for (int64_t n0 = 0; n0 < g->n; n0 += WIDE)
        for (int64_t k0 = 0; k0 < g->k; k0 += deep, turn ^= 1) {
            block b = {.k0 = k0, .kc = least(deep, g->k - k0), .n0 = n0, .nc = least(WIDE, g->n - n0)};
            b.r = k0 + b.kc == g->k ? g->r : 0;
            b.w = g->scratch + turn * floats;
            b.more = b.w + pieces(b.nc, NR) * NR * b.kc;
            pack_block(g, &b, t, threads);
            pool_barrier(team);
            run_share(g, &b, t, threads);
        }
}
