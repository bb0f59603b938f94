/* dynamic.h -- the signed 8-bit "dynamic tree" levels that hold the scales of double-quantized NF4.
 *
 * 256 sorted levels in [-0.993, 1], finer towards zero. For e = 0..6 the interval [0.1, 1] is cut
 * into 2^e equal parts whose midpoints, times 10^(e - 6), are levels, and so are their negatives;
 * 0 (code 127) and 1 (code 255) complete them. From Dettmers, 8-Bit Approximations for Parallelism
 * in Deep Learning (2015), as bitsandbytes lays it out. */
#ifndef TENSOR_DYNAMIC_H
#define TENSOR_DYNAMIC_H

#include <stdint.h>

void dynamic_map(float map[256]);

/* The code of the level nearest to v; the lower one when v is halfway in float. */
uint8_t dynamic_code(const float map[256], float v);

#endif
