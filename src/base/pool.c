/* pool.c -- see pool.h. A barrier is a counter and a generation; who arrives last starts the next
 * generation and wakes the sleepers. pool_run is two barriers around the function. Whoever ends a phase sets
 * the counters of pool_take() back while all others wait.
 *
 * Members that wait for the next pool_run() also look for pieces. `left` counts them down, and what it holds is all
 * that taking one needs: whoever takes a piece reads the rest afterwards, which cannot change before that piece is
 * done. So nobody has to know which members look. */
#include "base/pool.h"

#include "base/arena.h"
#include "base/cpu.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { MAX_THREADS = 256, SPINS = 4000 };

typedef struct member {
    pool *team;
    int   index;
} member;

struct pool {
    int             n;
    pool_fn        *fn; /* NULL asks the members to leave */
    void           *arg;
    _Atomic int     arrived;
    _Atomic unsigned generation;
    _Atomic int     sleepers;
    _Atomic int64_t taken[POOL_LANES] __attribute__((aligned(64)));
    pool_piece_fn  *piece;
    void           *piece_arg;
    int64_t         pieces;
    _Atomic int64_t left __attribute__((aligned(64))), done;
    _Atomic int     waiting; /* the caller of pool_pieces() sleeps */
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    pthread_t       thread[MAX_THREADS];
    member          who[MAX_THREADS];
};

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void wake_all(pool *p)
{
    pthread_mutex_lock(&p->lock);
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
}

static void do_pieces(pool *p, int thread)
{
    while (atomic_load_explicit(&p->left, memory_order_relaxed) > 0) {
        const int64_t k = atomic_fetch_sub(&p->left, 1) - 1;
        if (k < 0) return;
        const int64_t all = p->pieces;
        p->piece(p->piece_arg, all - 1 - k, thread); /* in order: what lies in order is fetched ahead */
        if (atomic_fetch_add(&p->done, 1) + 1 == all && atomic_load(&p->waiting)) wake_all(p);
    }
}

/* Until the generation changes; a member that is not in a function (thread >= 0) does pieces meanwhile. */
static void wait_for(pool *p, unsigned generation, int thread)
{
    for (;;) {
        for (int i = 0; i < SPINS; i++) {
            if (atomic_load_explicit(&p->generation, memory_order_acquire) != generation) return;
            if (thread >= 0 && atomic_load_explicit(&p->left, memory_order_relaxed) > 0) {
                do_pieces(p, thread);
                i = 0;
            }
            relax();
        }
        pthread_mutex_lock(&p->lock);
        atomic_fetch_add(&p->sleepers, 1);
        while (atomic_load(&p->generation) == generation && (thread < 0 || atomic_load(&p->left) <= 0))
            pthread_cond_wait(&p->wake, &p->lock);
        atomic_fetch_sub(&p->sleepers, 1);
        pthread_mutex_unlock(&p->lock);
    }
}

static void restart(pool *p)
{
    for (int k = 0; k < POOL_LANES; k++) atomic_store_explicit(&p->taken[k], 0, memory_order_relaxed);
}

int64_t pool_take(pool *p, pool_lane lane)
{
    return atomic_fetch_add_explicit(&p->taken[lane], 1, memory_order_relaxed);
}

static void barrier(pool *p, int thread)
{
    unsigned generation = atomic_load_explicit(&p->generation, memory_order_acquire);
    if (atomic_fetch_add(&p->arrived, 1) + 1 < p->n) {
        wait_for(p, generation, thread);
        return;
    }
    restart(p);
    atomic_store(&p->arrived, 0);
    atomic_fetch_add(&p->generation, 1);
    if (atomic_load(&p->sleepers) > 0) wake_all(p);
}

void pool_barrier(pool *p)
{
    if (!p) return;
    if (p->n == 1)
        restart(p);
    else
        barrier(p, -1);
}

static void *member_main(void *arg)
{
    member *m = arg;
    for (;;) {
        barrier(m->team, m->index);
        if (!m->team->fn) return NULL;
        m->team->fn(m->team->arg, m->index, m->team->n);
        pool_barrier(m->team);
    }
}

pool *pool_new(int threads, err *e)
{
    if (threads < 1) threads = cpu_cores();
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    pool *p = xcalloc(1, sizeof *p);
    p->n = threads;
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    for (int t = 1; t < threads; t++) {
        p->who[t] = (member){p, t};
        if (pthread_create(&p->thread[t], NULL, member_main, &p->who[t]) == 0) continue;
        p->n = t; /* those that started are waiting for this many */
        pool_free(p);
        fail(e, E_MEMORY, "cannot start %d threads; ask for fewer with --threads", threads);
        return NULL;
    }
    return p;
}

void pool_free(pool *p)
{
    if (!p) return;
    p->fn = NULL;
    pool_barrier(p);
    for (int t = 1; t < p->n; t++) pthread_join(p->thread[t], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p);
}

int pool_threads(const pool *p) { return p ? p->n : 1; }

void pool_run(pool *p, pool_fn *fn, void *arg)
{
    if (!p || p->n == 1) {
        pool_barrier(p);
        fn(arg, 0, 1);
        return;
    }
    p->fn = fn;
    p->arg = arg;
    pool_barrier(p);
    fn(arg, 0, p->n);
    pool_barrier(p);
}

void pool_pieces(pool *p, pool_piece_fn *fn, void *arg, int64_t n)
{
    if (!p || p->n == 1 || n < 2) {
        for (int64_t k = 0; k < n; k++) fn(arg, k, 0);
        return;
    }
    p->piece = fn;
    p->piece_arg = arg;
    p->pieces = n;
    atomic_store(&p->done, 0);
    atomic_store(&p->left, n);
    if (atomic_load(&p->sleepers) > 0) wake_all(p);
    do_pieces(p, 0);
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&p->done, memory_order_acquire) == n) return;
        relax();
    }
    pthread_mutex_lock(&p->lock);
    atomic_store(&p->waiting, 1);
    while (atomic_load(&p->done) < n) pthread_cond_wait(&p->wake, &p->lock);
    atomic_store(&p->waiting, 0);
    pthread_mutex_unlock(&p->lock);
}
