/* case.h -- how an operator's build() makes the small problems that its checks try.
 *
 * Everything is a function of the case alone: the same problem on every machine. A case's list has room for
 * a few rows more than are live, so that a kernel which ignores the live rows is seen. */
#ifndef OP_CASE_H
#define OP_CASE_H

#include "op/op.h"

/* First and last line of every build(): capacities a little above, and exactly, that many live rows. */
void case_begin(prog *p, int64_t tokens, int64_t labels);
val case_end(prog *p, int64_t tokens, int64_t labels, val out); /* returns out */

/* In the place of a bias's reach: slopes. */
enum { SLOPES = -1 };

/* An input to differentiate; the check gives it storage and numbers. */
val case_param(prog *p, const char *name, value_rows rows, int64_t d0, int64_t d1);

/* An input of standard normal numbers times `spread` plus `middle`; kind INPUT or STATE. */
val case_reals(prog *p, const char *name, value_kind kind, value_rows rows, int64_t d0, int64_t d1,
               double middle, double spread);

/* An integer input of one column; fill(row, arg) gives every row of the capacity. */
typedef int64_t case_fill(int64_t row, const void *arg);
val case_ints(prog *p, const char *name, value_rows rows, case_fill *fill, const void *arg);
int64_t case_any(int64_t row, const void *below); /* any number in [0, *(const int64_t *)below) */

/* A frozen (rows, cols) weight of type t, or with cols 0 a vector of `rows`, of normal numbers as above. */
val case_frozen(prog *p, const char *name, dtype t, int64_t rows, int64_t cols, double middle, double spread);

/* A routing of `rows` rows to k of that many experts: places that fill the sorted rows backwards, some
 * experts with no row. Without weights. */
routing case_routing(prog *p, int64_t rows, int64_t experts, int64_t k);

/* The first row of each row's document when documents of lengths `size`, 2 size + 1, size, ... follow one
 * another; size 0: one document. arg: const int64_t *size. */
int64_t case_start(int64_t row, const void *size);

#endif
