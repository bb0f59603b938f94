/* classify.c -- see classify.h. */
#include "metric/classify.h"

#include "base/arena.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void class_tally_init(class_tally *t, int64_t classes)
{
    *t = (class_tally){.classes = classes};
    t->hit = xcalloc((size_t)(3 * classes + 1), sizeof *t->hit);
    t->wrong = t->hit + classes;
    t->missed = t->wrong + classes;
}

void class_tally_clear(class_tally *t)
{
    const class_tally old = *t;
    *t = (class_tally){.classes = old.classes, .hit = old.hit, .wrong = old.wrong, .missed = old.missed};
    memset(t->hit, 0, (size_t)(3 * t->classes) * sizeof *t->hit);
}

void class_tally_release(class_tally *t)
{
    free(t->hit);
    *t = (class_tally){0};
}

void class_tally_one(class_tally *t, int64_t truth, int64_t predicted)
{
    t->n++;
    t->right += truth == predicted;
    if (truth == predicted) t->hit[truth]++;
    else t->missed[truth]++, t->wrong[predicted]++;
}

void class_tally_several(class_tally *t, const float *truth, const float *logits)
{
    int all = 1;
    for (int64_t c = 0; c < t->classes; c++) {
        const int is = truth[c] > 0.5f, said = logits[c] > 0;
        t->hit[c] += is && said;
        t->missed[c] += is && !said;
        t->wrong[c] += !is && said;
        all &= is == said;
    }
    t->n++;
    t->right += all;
}

void class_tally_value(class_tally *t, double truth, double predicted)
{
    t->n++;
    t->squares += (truth - predicted) * (truth - predicted);
    t->x += predicted, t->y += truth;
    t->xx += predicted * predicted, t->yy += truth * truth, t->xy += predicted * truth;
}

static double f1(int64_t hit, int64_t wrong, int64_t missed)
{
    const int64_t all = 2 * hit + wrong + missed;
    return all ? 2 * (double)hit / (double)all : 0;
}

static double correlation(const class_tally *t)
{
    const double n = (double)t->n;
    const double xx = t->xx - t->x * t->x / n, yy = t->yy - t->y * t->y / n, xy = t->xy - t->x * t->y / n;
    return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN;
}

class_scores class_tally_scores(const class_tally *t)
{
    class_scores s = {t->n, NAN, NAN, NAN, NAN, NAN, false, NAN, NAN, NAN};
    if (!t->n) return s;
    if (t->classes == 0) {
        s.mse = t->squares / (double)t->n;
        s.pearson = correlation(t);
        return s;
    }
    int64_t hit = 0, wrong = 0, missed = 0, seen = 0;
    double sum = 0;
    for (int64_t c = 0; c < t->classes; c++) {
        hit += t->hit[c], wrong += t->wrong[c], missed += t->missed[c];
        if (t->hit[c] + t->wrong[c] + t->missed[c] == 0) continue;
        seen++;
        sum += f1(t->hit[c], t->wrong[c], t->missed[c]);
    }
    s.accuracy = (double)t->right / (double)t->n;
    s.macro_f1 = seen ? sum / (double)seen : 0;
    s.micro_f1 = f1(hit, wrong, missed);
    return s;
}
