/* plan.h -- from a forward list to a step that can run: backward, memory, cost, and their checks. */
#ifndef PLAN_PLAN_H
#define PLAN_PLAN_H

#include "base/str.h"
#include "op/op.h"

/* What the backward may ask to be computed again instead of kept. All give the same bits. */
typedef enum plan_keep {
    KEEP_ALL,    /* nothing is computed twice */
    REDO_CHEAP,  /* operators bound by memory (norms, activations) */
    REDO_BLOCKS, /* whole blocks of the model: the first `blocks` of them */
} plan_keep;

/* Appends the backward instructions of every PARAM below the loss (the list's last `early` operator). Each
 * value has one gradient; its first writer assigns, later ones add (instr.acc), so nothing is zeroed, except
 * that gradients of PARAMs (VALUE_GRAD) are always added to. blocks counts only for REDO_BLOCKS. */
void plan_grad(prog *p, plan_keep keep, int blocks);

/* Live ranges, then a place in the slab for every TEMP and RESULT; sets p->slab and p->bound. */
void plan_memory(prog *p);

/* Points every TEMP and RESULT into a slab of at least p->slab bytes, 64-byte aligned. */
void plan_bind(prog *p, void *slab);

/* The step, readable, one line an instruction; also the golden test. */
void plan_print(const prog *p, str *out);

/* Replays the list asking of every read whether what was promised is still there; shares no code with
 * plan_memory(). Returns the number of complaints, each a line in out. */
int plan_judge(const prog *p, str *out);

/* Floating-point operations of the necessary matrix products for that many live rows: 2 a multiply-add.
 * Recomputed instructions are not counted. What a step's speed is measured against. */
double plan_operations(const prog *p);

#endif
