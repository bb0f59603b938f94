/* adamw.c -- see adamw.h. */
#include "train/adamw.h"

#include <math.h>

enum { TILE = 4096 };

typedef struct job {
    const adamw *a;
    float *param;
    const float *grad;
    const adamw_group *group;
    int64_t groups, t;
    double lr, clip;
} job;

/* The scalars of a group, as floats: what every element is computed with. */
typedef struct scalars {
    float clip, keep, take1, beta2, take2, root, epsilon, rate;
} scalars;

static scalars scalars_of(const job *j, double lr)
{
    const adamw *a = j->a;
    double correction1 = 1 - pow(a->beta1, (double)j->t), correction2 = 1 - pow(a->beta2, (double)j->t);
    return (scalars){
        .clip = (float)j->clip,
        .keep = (float)(1 - lr * a->weight_decay),
        .take1 = (float)(1 - a->beta1),
        .beta2 = (float)a->beta2,
        .take2 = (float)(1 - a->beta2),
        .root = (float)sqrt(correction2),
        .epsilon = (float)a->epsilon,
        .rate = (float)(-lr / correction1),
    };
}

static void update(const scalars *s, size_t n, float *restrict p, const float *restrict grad,
                   float *restrict m, float *restrict v)
{
    for (size_t i = 0; i < n; i++) {
        float g = grad[i] * s->clip;
        float mi = m[i] + s->take1 * (g - m[i]);
        float vi = v[i] * s->beta2 + s->take2 * g * g;
        m[i] = mi;
        v[i] = vi;
        p[i] = p[i] * s->keep + s->rate * mi / (sqrtf(vi) / s->root + s->epsilon);
    }
}

static void update_tiles(void *arg, int thread, int threads)
{
    const job *j = arg;
    int64_t tile = 0;
    for (int64_t k = 0; k < j->groups; k++) {
        const adamw_group *group = &j->group[k];
        scalars s = scalars_of(j, j->lr * group->lr_ratio);
        if (group->undecayed) s.keep = 1;
        for (size_t at = 0; at < group->count; at += TILE) {
            if (tile++ % threads != thread) continue;
            size_t first = group->first + at, left = group->count - at;
            update(&s, left < TILE ? left : TILE, j->param + first, j->grad + first, j->a->m + first,
                   j->a->v + first);
        }
    }
}

void adamw_step(const adamw *a, float *param, const float *grad, const adamw_group *group, int64_t groups,
                int64_t t, double lr, double clip, pool *team)
{
    job j = {a, param, grad, group, groups, t, lr, clip};
    pool_run(team, update_tiles, &j);
}
