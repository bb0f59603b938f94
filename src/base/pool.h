/* pool.h -- a fixed team of threads that runs one function together.
 *
 * pool_run(p, fn, arg) calls fn(arg, t, n) on every thread t of n, the caller being thread 0, and
 * returns when all have. Inside fn, pool_barrier() waits for the others. Waiting spins briefly and
 * then sleeps, so a team on a busy machine does not burn the core its partner needs. */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include "base/err.h"

#include <stdint.h>

typedef struct pool pool;

/* Two counts of what has been taken since the last barrier. */
typedef enum pool_lane { POOL_LANE_A, POOL_LANE_B, POOL_LANES } pool_lane;

typedef void pool_fn(void *arg, int thread, int threads);

pool *pool_new(int threads, err *e); /* threads < 1: as many as the process may use */
void  pool_free(pool *p);            /* NULL is fine */
int   pool_threads(const pool *p);
void  pool_run(pool *p, pool_fn *fn, void *arg); /* p NULL: fn(arg, 0, 1) */
void  pool_barrier(pool *p);                     /* p NULL: nothing */

/* The next piece of work nobody has taken: 0, 1, 2, ... in each lane, from 0 again after every barrier. So a
 * thread that is held up does less, and the others do not wait for it. Only inside fn; p is not NULL. */
int64_t pool_take(pool *p, pool_lane lane);

/* fn(arg, k, t) for every k of n, on whichever threads t of the team come first. Returns when all pieces are done,
 * not when all threads have come: where others use the machine too, a thread that the system does not run holds up
 * only the piece it took. For work of microseconds; not inside fn. p NULL: all on the caller, as thread 0. */
typedef void pool_piece_fn(void *arg, int64_t k, int thread);
void pool_pieces(pool *p, pool_piece_fn *fn, void *arg, int64_t n);

#endif
