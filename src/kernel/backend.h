/* backend.h -- what a device is made of: inside this layer only.
 *
 * A backend gives every operator a kernel or leaves it NULL, and then the operator's own reference runs.
 * The numbers a kernel computes must not depend on how many threads there are. */
#ifndef KERNEL_BACKEND_H
#define KERNEL_BACKEND_H

#include "kernel/device.h"

/* What a device was opened with. */
typedef struct setup {
    int threads;
    compute how;
} setup;

typedef struct kernel {
    kernel_fn *forward, *backward;
    /* Bytes of run.work that instruction i needs at its values' capacities; NULL: none. */
    size_t (*workspace)(const value *v, const instr *i, const setup *s);
} kernel;

typedef struct backend {
    const char *name;
    kernel op[OP_COUNT];
    /* As many multiply-adds, in floats or integers, as `turns` asks for, in registers; how many operations
     * that was. */
    double (*flops[COMPUTE_COUNT])(int64_t turns);
    compute fastest; /* by far, on every processor with these instructions */
    /* The sum of n floats; n a multiple of 64. */
    float (*read)(const float *p, int64_t n);
} backend;

/* What lies in run.work between two instructions of one list, at its start: x packed for `how`, and with `two`
 * for an adapter as well. */
typedef struct packed_rows {
    val x; /* NONE: nothing */
    compute how;
    bool two;
} packed_rows;

/* Kernels find it as run.device. */
typedef struct memo {
    const setup *setup;
    packed_rows now;  /* left by the instruction before this one */
    packed_rows next; /* set by a kernel: what it leaves there */
} memo;

extern const backend backend_reference, backend_generic, backend_avx2, backend_avx512, backend_avx512vnni,
    backend_neon;

/* Hands out parts of run.work, or with base NULL counts what would be handed out. */
typedef struct area {
    char *base;
    size_t used;
} area;

static inline float *area_floats(area *a, int64_t n)
{
    float *p = a->base ? (float *)(a->base + a->used) : NULL;
    a->used += ((size_t)n * sizeof *p + 63) & ~(size_t)63;
    return p;
}

#endif
