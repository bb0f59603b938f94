/* reference.c -- the operators' own plain C, on one thread: what every other device is judged against. */
#include "kernel/backend.h"

static double reference_flops(int64_t turns)
{
    volatile float x = 0.5f;
    float a = x, b = x, c = x, d = x;
    for (int64_t t = 0; t < turns; t++) {
        a = a * x + x;
        b = b * x + x;
        c = c * x + x;
        d = d * x + x;
    }
    x = a + b + c + d;
    return 8.0 * (double)turns;
}

static float reference_read(const float *p, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++) sum += p[i];
    return sum;
}

const backend backend_reference = {
    .name = "reference",
    .flops = {reference_flops},
    .read = reference_read,
};
