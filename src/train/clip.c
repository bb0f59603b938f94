/* clip.c -- see clip.h. */
#include "train/clip.h"

#include <math.h>

enum { LANES = 8 };

typedef struct job {
    const float *g;
    size_t n;
    double *tile;
} job;

size_t clip_tiles(size_t n) { return (n + CLIP_TILE - 1) / CLIP_TILE; }

/* LANES running sums, added up in order: fixed, and wide enough for vector units. */
static double squares(const float *g, size_t n)
{
    double lane[LANES] = {0}, sum = 0;
    size_t whole = n / LANES * LANES;
    for (size_t i = 0; i < whole; i += LANES)
        for (size_t k = 0; k < LANES; k++) lane[k] += (double)g[i + k] * (double)g[i + k];
    for (size_t i = whole; i < n; i++) lane[i - whole] += (double)g[i] * (double)g[i];
    for (size_t k = 0; k < LANES; k++) sum += lane[k];
    return sum;
}

static void sum_tiles(void *arg, int thread, int threads)
{
    const job *j = arg;
    for (size_t t = (size_t)thread; t < clip_tiles(j->n); t += (size_t)threads) {
        size_t first = t * CLIP_TILE, left = j->n - first;
        j->tile[t] = squares(j->g + first, left < CLIP_TILE ? left : CLIP_TILE);
    }
}

double clip_norm(const float *g, size_t n, double *tile, pool *team)
{
    job j = {g, n, tile};
    pool_run(team, sum_tiles, &j);
    double sum = 0;
    for (size_t t = 0; t < clip_tiles(n); t++) sum += tile[t];
    return sqrt(sum);
}

double clip_coefficient(double norm, double max_norm)
{
    if (max_norm <= 0) return 1;
    double c = max_norm / (norm + 1e-6);
    return c < 1 ? c : 1;
}

size_t clip_not_finite(const float *g, size_t n)
{
    size_t i = 0;
    while (i < n && isfinite(g[i])) i++;
    return i;
}
