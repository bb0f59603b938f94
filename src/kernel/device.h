/* device.h -- where a finished list runs. Code above this layer never asks which device it is. */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include "op/op.h"

typedef struct device device;

/* "auto" (the best this machine has), "cpu", "cpu:generic", "cpu:avx2", "cpu:avx512", or "reference" (the
 * operators' plain C). threads < 1: as many cores as the process may use. */
int         device_open(device **out, const char *which, int threads, err *e);
void        device_close(device *d); /* NULL is fine */
const char *device_name(const device *d); /* "cpu:avx512, 2 threads" */
pool       *device_pool(const device *d);
int         device_threads(const device *d);

/* Scratch bytes that running p at its full capacity needs: allocate once, before the first step. */
size_t device_workspace(const device *d, const prog *p);

/* Runs the list once over its bound values. r->work and r->work_bytes are the caller's; team and device are
 * set here. */
void device_run(device *d, prog *p, run *r);

/* Measured: the most float multiply-adds all threads of this device do together, as floating-point
 * operations a second (2 a multiply-add), and bytes a second read from memory. About 0.1 s each. */
double device_peak_flops(device *d);
double device_peak_bandwidth(device *d);

#endif
