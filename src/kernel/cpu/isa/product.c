/* product.c -- the loops around the register tiles, shared out to the threads: in floats or in integers,
 * which differ in how operands are packed and in the tile.
 *
 *   for each block of WIDE columns, for each block of k (product_block(): about 256, split evenly)
 *       the threads pack that block of W together; barrier
 *       TALL panels of x times BROAD panels of W at a time: all tiles of those
 *
 * W is packed into two buffers in turn, so that one barrier a block is enough. The threads take pieces of the
 * work as they come, so that one that another program holds up does not hold up all. Every element of y is
 * one chain over the k of a block, and blocks are added in order; so its bits depend on its row of x and its
 * column of W alone, not on threads, rows or tiles.
 *
 * The adapter: `more` holds r further k of x (s x A^T), more_w those of W (B). They lengthen the chain
 * of the last block, and y is not touched again. */
#include "kernel/cpu/isa/product.h"

#include "kernel/cpu/isa/micro.h"

enum {
    DEEP = 256,
    WHOLE = 64,      /* block lengths are multiples of it: blocks of most types stay whole */
    WIDE = 1536,     /* columns packed at a time; a multiple of every NR and PACK_SEGMENT */
    TALL = 120 / MR, /* x panels that stay in the second cache */
    BROAD = 4,       /* W panels that are taken together */
    ROWS_OF_W = 32,  /* rows that are packed together, columns as many as a segment has: */
};

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t pieces(int64_t n, int64_t of) { return (n + of - 1) / of; }

/* In integers a block may not be longer than I16_DEEP, and I8_DEEP is the same. */
int64_t product_block(compute how, int64_t k)
{
    int64_t blocks = how != COMPUTE_F32 ? pieces(k, I16_DEEP) : (k + DEEP / 2) / DEEP;
    if (blocks < 1) blocks = 1;
    return pieces(pieces(k, blocks), WHOLE) * WHOLE;
}

int64_t product_line(compute how, side of, int64_t k, int64_t k0)
{
    if (how == COMPUTE_F32 || k0 == 0) return k0;
    if (how == COMPUTE_CODES && of == SIDE_X) return k0 / UNIT * I8_LINES_WIDE;
    if (how != COMPUTE_I16) return k0 / UNIT * I8_LINES;
    const int64_t deep = product_block(how, k), whole = k0 / deep;
    return whole * i16_lines(deep) + (k0 > whole * deep ? i16_lines(k0 - whole * deep) : 0);
}

int64_t product_lines(compute how, side of, int64_t k) { return product_line(how, of, k, k); }

int64_t product_panels(compute how, int64_t rows, int64_t k)
{
    return pieces(rows, MR) * MR * product_lines(how, SIDE_X, k);
}

int64_t product_pack_scratch(compute how) { return how == COMPUTE_F32 ? PACK_SCRATCH : I16_SCRATCH; }

static int64_t buffer_floats(compute how, int64_t k, int64_t n, int64_t r)
{
    return (product_lines(how, SIDE_W, least(product_block(how, k), k)) + r) * pieces(least(n, WIDE), NR) * NR;
}

int64_t product_scratch(compute how, int64_t k, int64_t n, int64_t r, int threads)
{
    return 2 * buffer_floats(how, k, n, r) + threads * product_pack_scratch(how);
}

void product_pack_rows(compute how, const float *x, int64_t ldx, int rows, int64_t k, float *panel,
                       float *scratch)
{
    if (how == COMPUTE_F32) {
        pack_x(x, ldx, rows, k, panel);
        return;
    }
    const int64_t deep = product_block(how, k);
    for (int64_t k0 = 0; k0 < k; k0 += deep) {
        float *to = panel + MR * product_line(how, SIDE_X, k, k0);
        if (how == COMPUTE_I16)
            pack_x_i16(x + k0, ldx, rows, least(deep, k - k0), to, scratch);
        else
            pack_x_i8(x + k0, ldx, rows, least(deep, k - k0), how == COMPUTE_CODES ? 2 : 1, to, scratch);
    }
}

void product_pack(compute how, const float *x, int64_t ldx, int64_t rows, int64_t k, float *panels,
                  float *scratch, int t, pool *team)
{
    const int64_t lines = product_lines(how, SIDE_X, k), n = pieces(rows, MR);
    scratch += t * product_pack_scratch(how);
    for (int64_t p; (p = pool_take(team, POOL_LANE_A)) < n;)
        product_pack_rows(how, x + p * MR * ldx, ldx, (int)least(MR, rows - p * MR), k,
                          panels + p * MR * lines, scratch);
}

void product_pack_w(compute how, direction dir, const tensor *w, int64_t n0, int cols, int64_t k0, int64_t k,
                    float *panel, float *scratch)
{
    if (how == COMPUTE_I8 || how == COMPUTE_CODES)
        pack_forward_i8(w, n0, cols, k0, k, panel, scratch);
    else if (how == COMPUTE_F32 && dir == FORWARD)
        pack_forward(w, n0, cols, k0, k, panel, scratch);
    else if (how == COMPUTE_F32)
        pack_gradient(w, k0, k, n0, cols, panel, 0, scratch);
    else if (dir == FORWARD)
        pack_forward_i16(w, n0, cols, k0, k, panel, scratch);
    else
        pack_gradient_i16(w, k0, k, n0, cols, panel, 0, scratch);
}

void product_tile(compute how, const tile *t, int rows, int cols)
{
    if (how == COMPUTE_F32)
        tile_run(t, rows, cols);
    else if (how == COMPUTE_I16)
        tile_run_i16(t, rows, cols);
#if defined(__AVX512VNNI__)
    else if (how == COMPUTE_CODES)
        tile_run_codes(t, rows, cols);
#endif
    else
        tile_run_i8(t, rows, cols);
}

/* A block of W: k [k0, k0 + kc), columns [n0, n0 + nc); packed (column panel, k, NR), and after them
 * the r extra k, (column panel, r, NR). */
typedef struct block {
    int64_t k0, kc, n0, nc, r;
    float *w, *more;
} block;

/* GRADIENT, floats: whole rows of w, so that a decoder runs along them. */
static void pack_base_rows(const product *g, const block *b, float *scratch, pool *team)
{
    for (int64_t r; (r = pool_take(team, POOL_LANE_B) * ROWS_OF_W) < b->kc;)
        pack_gradient(g->w, g->first + b->k0 + r, least(ROWS_OF_W, b->kc - r), b->n0, b->nc, b->w + r * NR,
                      b->kc * NR, scratch);
}

/* GRADIENT, integers: a scale is of all rows of a column. */
static void pack_base_columns(const product *g, const block *b, float *scratch, pool *team)
{
    enum { COLS = PACK_SEGMENT / 2 };
    const int64_t lines = product_lines(g->how, SIDE_W, b->kc);
    for (int64_t c; (c = pool_take(team, POOL_LANE_B) * COLS) < b->nc;)
        pack_gradient_i16(g->w, g->first + b->k0, b->kc, b->n0 + c, least(COLS, b->nc - c), b->w + c * lines,
                          NR * lines, scratch);
}

static void pack_base(const product *g, const block *b, float *scratch, pool *team)
{
    const int64_t lines = product_lines(g->how, SIDE_W, b->kc), n = pieces(b->nc, NR);
    if (g->dir == FORWARD)
        for (int64_t p; (p = pool_take(team, POOL_LANE_B)) < n;)
            product_pack_w(g->how, FORWARD, g->w, g->first + b->n0 + p * NR, (int)least(NR, b->nc - p * NR),
                           b->k0, b->kc, b->w + p * NR * lines, scratch);
    else if (g->how == COMPUTE_F32)
        pack_base_rows(g, b, scratch, team);
    else
        pack_base_columns(g, b, scratch, team);
}

static void pack_block(const product *g, const block *b, int t, int threads, pool *team)
{
    float *scratch =
        g->scratch + 2 * buffer_floats(g->how, g->k, g->n, g->r) + t * product_pack_scratch(g->how);
    pack_base(g, b, scratch, team);
    if (b->r == 0) return;
    int64_t from, to;
    share_of(pieces(b->nc, NR), t, threads, &from, &to);
    for (int64_t p = from; p < to; p++)
        product_pack_w(COMPUTE_F32, g->dir, g->more_w, b->n0 + p * NR, (int)least(NR, b->nc - p * NR), 0,
                       b->r, b->more + p * NR * b->r, scratch);
}

/* Row panels [p0, p1) times column panels [j0, j1) of a block. */
static void run_tiles(const product *g, const block *b, int64_t p0, int64_t p1, int64_t j0, int64_t j1)
{
    const int64_t lines = product_lines(g->how, SIDE_W, b->kc), row_lines = product_lines(g->how, SIDE_X, g->k);
    const int64_t line0 = product_line(g->how, SIDE_X, g->k, b->k0);
    tile t = {.k = product_steps(g->how, b->kc), .lda = MR, .ldb = NR, .ldc = g->ldy, .more = b->r};
    for (int64_t j = j0; j < j1; j++) {
        int64_t col = b->n0 + j * NR;
        int cols = (int)least(NR, b->nc - j * NR);
        t.b = b->w + j * NR * lines;
        t.b_more = b->more + j * NR * b->r;
        for (int64_t p = p0; p < p1; p++) {
            t.a = g->panels + (p * row_lines + line0) * MR;
            if (b->r) t.a_more = g->more + p * MR * b->r;
            t.c = g->y + p * MR * g->ldy + col;
            if (g->add || b->k0 > 0) {
                t.init = t.c;
                t.ldi = g->ldy;
            } else {
                t.init = g->bias ? g->bias + col : NULL;
                t.ldi = 0;
            }
            product_tile(g->how, &t, (int)least(MR, g->rows - p * MR), cols);
        }
    }
}

static void run_block(const product *g, const block *b, pool *team)
{
    const int64_t rows = pieces(g->rows, MR), cols = pieces(b->nc, NR), across = pieces(cols, BROAD);
    for (int64_t n; (n = pool_take(team, POOL_LANE_A)) < pieces(rows, TALL) * across;) {
        const int64_t p = n / across * TALL, j = n % across * BROAD;
        run_tiles(g, b, p, least(p + TALL, rows), j, least(j + BROAD, cols));
    }
}

void product_run(const product *g, int t, int threads, pool *team)
{
    const int64_t deep = product_block(g->how, g->k), floats = buffer_floats(g->how, g->k, g->n, g->r);
    int turn = 0;
    pool_barrier(team); /* the buffers may still be read for the product before */
    for (int64_t n0 = 0; n0 < g->n; n0 += WIDE)
        for (int64_t k0 = 0; k0 < g->k; k0 += deep, turn ^= 1) {
            block b = {.k0 = k0, .kc = least(deep, g->k - k0), .n0 = n0, .nc = least(WIDE, g->n - n0)};
            b.r = k0 + b.kc == g->k ? g->r : 0;
            b.w = g->scratch + turn * floats;
            b.more = b.w + pieces(b.nc, NR) * NR * product_lines(g->how, SIDE_W, b.kc);
            pack_block(g, &b, t, threads, team);
            pool_barrier(team);
            run_block(g, &b, team);
        }
}
