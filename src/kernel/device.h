/* device.h -- where a finished list runs. Code above this layer never asks which device it is. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "op/op.h"

typedef struct device device;

/* What matrix products are computed in, whatever the type of the weights. Integers of 16 bits, with a scale
 * for every row and column of every block of at most 384, are up to twice as fast and err by 0.017 % of a
 * product's norm, a fourteenth of what bfloat16 does. COMPUTE_I8 is the same but for forward products with weights
 * whose codes have at most 8 bits: those meet x in 8 bits as they are stored, with a scale for every 32 numbers of
 * a row of x, and err by 0.5 to 1 %. */
typedef enum compute {
    COMPUTE_F32,
    COMPUTE_I16,
    COMPUTE_I8,
    COMPUTE_COUNT,
    COMPUTE_CODES = COMPUTE_COUNT /* a way of COMPUTE_I16 that kernels choose by themselves: see product.h */
} compute;

/* "auto" (the best this machine has), "cpu", "cpu:" and an instruction set (generic, avx2, avx512,
 * avx512vnni, neon), or "reference" (the operators' plain C). Computes in floats until device_use() says
 * otherwise. threads < 1: as many cores as the process may use. */
int device_open(device **out, const char *which, int threads, err *e);
void device_close(device *d);             /* NULL is fine */
const char *device_name(const device *d); /* "cpu:avx512, 2 threads" */
pool *device_pool(const device *d);
int device_threads(const device *d);

/* Before anything is planned for the device. The reference device computes in floats always. */
void device_use(device *d, compute how);
compute device_compute(const device *d);
compute device_fastest(const device *d); /* by instruction set, not by a race: a command repeats its run */
const char *compute_name(compute how); /* "f32", "i16", "i8" */

/* Scratch bytes that running p at its full capacity needs: allocate once, before the first step. */
size_t device_workspace(const device *d, const prog *p);

/* Runs the list once over its bound values. r->work and r->work_bytes are the caller's; team and device are
 * set here. */
void device_run(device *d, prog *p, run *r);

/* Measured: the most multiply-adds of this kind that all threads of this device do together, as operations a second
 * (2 a multiply-add; 0: no such products here), and bytes a second read from memory. About 0.1 s each. */
double device_peak(device *d, compute how);
double device_peak_bandwidth(device *d);

#endif
