/* alibi.c -- the slopes of ALiBi (Press et al. 2021): of n heads, n a power of two, head h = 0 .. n - 1 has
 *
 *     slope(h) = 2^(-alibi (h + 1) / n)
 *
 * With another number of heads n is the largest power of two below it, and the heads from n on have the slopes of
 * 2n heads that lie between those: slope(n + k) = 2^(-alibi (2k + 1) / 2n). BLOOM, MPT and GGUF agree on this.
 * Falcon rounds slopes to bf16 and scales biases together with the scores. (It also rounds the product of a slope and
 * a position to bf16, which depends on where a text begins in its row; here biases depend on distances alone.) */
#include "model/build.h"

#include <math.h>

void alibi_slopes(const model_config *c, float *out)
{
    int64_t n = 1;
    while (2 * n <= c->heads) n *= 2;
    for (int64_t h = 0; h < c->heads; h++) {
        const double share = h < n ? (double)(h + 1) / (double)n : (double)(2 * (h - n) + 1) / (double)(2 * n);
        out[h] = (float)exp2(-c->alibi * share);
        if (c->alibi_scaled) out[h] = bf16_to_f32(f32_to_bf16(out[h])) * (float)c->attention_scale;
    }
}

void build_slopes(build *b)
{
    const model_config *c = b->m->config;
    if (b->bias != NONE) return;
    float *slope;
    tensor *t = build_own(b, "slopes", 2, c->heads, 1, &slope);
    alibi_slopes(c, slope);
    b->bias = prog_frozen(b->p, t);
}
