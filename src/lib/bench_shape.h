/* bench_shape.h -- a model of a known shape with random weights, so that a machine can be measured without
 * one. */
#ifndef LIB_BENCH_SHAPE_H
#define LIB_BENCH_SHAPE_H

#include "model/model.h"

/* "smollm-135m" or "tinyllama-1.1b"; weights in bf16 for "as-is", f32 for "none", or the type named. E_USAGE
 * for a name or type there is not, E_MEMORY. */
int bench_shape_new(model **out, const char *name, const char *quantization, tensor_absmax absmax, err *e);
void bench_shape_free(model *m); /* NULL is fine */

#endif
