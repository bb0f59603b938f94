/* attention.c -- training and generation attention as blocks for attend(), and who does which.
 *
 * A task of the forward is a block of rows of one document and the heads of one key head; tasks share
 * nothing, so any thread may take the next one.
 *
 * The backward sums dk and dv over rows and heads, so there a task is a key head and CHUNK keys of a document
 * with all rows that see them: the order of those sums is that of the rows. dq sums over the keys: where
 * several chunks add to the same rows, the later ones go first, and each waits until it is its turn. Tasks
 * are taken in that order too, so whoever is waited for is at work already. */
#include "kernel/cpu/isa/ops.h"

#include "kernel/cpu/isa/attend.h"

#include <sched.h>
#include <stdatomic.h>

enum { Q, K, V, START, BIAS };
enum { OUT, LSE };
enum { HEADS, KV_HEADS, WINDOW, CONTEXT, BOTH = CONTEXT }; /* CONTEXT: cached; BOTH: not */
enum { PLACE = 5, DROP = 2 };                              /* dropout: of n, and of f; cached: none */
enum { CHUNK = 10 * KEYS };
enum { CACHED_BIAS = 7 }; /* input of cached attention */

/* Rows [first, first + n) of one document; its first row is `base`, or for a cache: the sequence's. Where keys
 * are rows of their own, `base` and `keys` are of those. */
typedef struct block {
    int64_t base, first, n, position;
    int64_t keys;   /* where rows see what follows them: of the document; else 0 */
    int64_t chunks; /* backward: of the document's keys; the last takes what is left */
} block;

typedef struct job {
    const value *v;
    const instr *i;
    int64_t heads, kv_heads, share, dim, group, groups; /* a key head's heads are done `group` at a time */
    block *blocks;
    int64_t nblocks;
    float *scratch;
    int64_t floats; /* of a thread's scratch */
    dropout drop;   /* of probabilities */
    _Atomic int64_t next;
    int64_t tasks; /* backward */
    _Atomic int32_t *done; /* backward: chunks whose dq the rows from b.first on, key head and part hold */
} job;

static void job_init(job *j, const value *v, const instr *i)
{
    *j = (job){.v = v, .i = i, .heads = i->n[HEADS], .kv_heads = i->n[KV_HEADS]};
    j->share = j->heads / j->kv_heads;
    j->dim = v[i->in[Q]].s.d[1] / j->heads;
    j->group = least(j->share, COLUMNS);
    j->groups = pieces(j->share, j->group);
    j->floats = i->back ? attend_back_floats(j->dim) : attend_floats(j->dim);
}

static void place(job *j, area *at, int64_t rows, int threads)
{
    j->blocks = (block *)area_floats(at, rows * (int64_t)(sizeof(block) / sizeof(float)));
    j->scratch = area_floats(at, j->floats * threads);
    j->done = (_Atomic int32_t *)area_floats(at, j->i->back ? rows * j->kv_heads * j->groups : 0);
}

size_t attention_workspace(const value *v, const instr *i, const setup *s)
{
    job j;
    area at = {0};
    job_init(&j, v, i);
    place(&j, &at, v[i->in[Q]].cap, s->threads);
    return at.used;
}

static void job_place(job *j, const run *r)
{
    area at = {r->work, 0};
    j->drop = dropout_of(r->key, (int)j->i->n[PLACE], j->i->f[DROP]);
    place(j, &at, j->v[j->i->in[Q]].s.d[0], pool_threads(r->team));
    BUG_IF(at.used > r->work_bytes);
}

static bool cached(const job *j) { return j->i->op->id == OP_cached_attention; }

/* Rows that fit in the columns of one block. */
static int64_t rows_at_once(const job *j) { return COLUMNS / j->group; }

/* How many keys after its own place a row sees, where there are so many. */
static int64_t ahead(const job *j, const block *b)
{
    return b->keys && j->i->n[WINDOW] ? j->i->n[WINDOW] - 1 : b->keys;
}

/* Column block b of key head g's heads, `part` of them. */
static span span_of(const job *j, const block *b, int64_t g, int64_t part)
{
    const value *q = &j->v[j->i->in[Q]], *k = &j->v[j->i->in[K]];
    const int64_t head = g * j->share + part * j->group, off = b->first * q->s.d[1] + head * j->dim;
    const int64_t window = j->i->n[WINDOW];
    span s = {.rows = b->n,
              .heads = least(j->group, j->share - part * j->group),
              .dim = j->dim,
              .position = b->position,
              .keys = b->keys,
              .ahead = ahead(j, b),
              .window = b->keys && window ? 2 * window - 1 : window,
              .scale = (float)j->i->f[0],
              .cap = (float)j->i->f[1],
              .q = (const float *)q->p + off,
              .q_stride = q->s.d[1],
              .kv_stride = k->s.d[1],
              .o = (float *)j->v[j->i->out[OUT]].p + off};
    const val bias = j->i->in[cached(j) ? CACHED_BIAS : BIAS];
    if (bias == NONE) return s;
    if (j->v[bias].s.d[1] == 1) {
        s.slope = ((const float *)j->v[bias].w->data)[head];
        return s;
    }
    s.reach = j->v[bias].s.d[1] / 2;
    s.bias = (const float *)j->v[bias].w->data + head * j->v[bias].s.d[1] + s.reach;
    return s;
}

static void use_rows(const job *j, const block *b, int64_t g, span *s, int64_t head)
{
    const int64_t off = b->base * s->kv_stride + g * j->dim;
    s->k = (const float *)j->v[j->i->in[K]].p + off;
    s->v = (const float *)j->v[j->i->in[V]].p + off;
    if (j->i->out[LSE] == NONE) return;
    s->lse = (float *)j->v[j->i->out[LSE]].p + b->first * j->heads + head;
    s->lse_stride = j->heads;
    if (j->drop.p > 0) s->drop = &j->drop;
    s->drop_row = b->first * j->heads + head;
}

static int64_t spans(const job *j) { return j->nblocks * j->kv_heads * j->groups; }

static void run_span(const span *s, float *scratch)
{
    if (attend_one_can(s))
        attend_one(s);
    else
        attend(s, scratch);
}

static void forward_span(void *arg, int64_t n, int t)
{
    const job *j = arg;
    const block *b = &j->blocks[n / (j->kv_heads * j->groups)];
    int64_t g = n / j->groups % j->kv_heads, part = n % j->groups;
    span s = span_of(j, b, g, part);
    use_rows(j, b, g, &s, g * j->share + part * j->group);
    run_span(&s, j->scratch + t * j->floats);
}

/* The same where keys are rows of their own: rows that see the same make blocks. */
static void find_blocks_across(job *j, int64_t most)
{
    const int32_t *seen = j->v[j->i->in[START]].p;
    const int64_t rows = j->v[j->i->in[Q]].s.d[0];
    for (int64_t r = 0; r < rows; r += j->blocks[j->nblocks++].n) {
        block *b = &j->blocks[j->nblocks];
        *b = (block){.base = seen[2 * r], .first = r, .keys = seen[2 * r + 1] - seen[2 * r]};
        while (b->n < most && r + b->n < rows && seen[2 * (r + b->n)] == seen[2 * r]) b->n++;
    }
}

/* Blocks of at most `most` rows that do not cross documents. */
static void find_blocks(job *j, int64_t most)
{
    const int32_t *start = j->v[j->i->in[START]].p;
    const int64_t rows = j->v[j->i->in[Q]].s.d[0];
    if (j->v[j->i->in[START]].s.d[1] == 2) {
        find_blocks_across(j, most);
        return;
    }
    for (int64_t r = 0; r < rows; r += j->blocks[j->nblocks++].n) {
        block *b = &j->blocks[j->nblocks];
        *b = (block){.base = start[r], .first = r, .position = r - start[r]};
        while (b->n < most && r + b->n < rows && start[r + b->n] == start[r]) b->n++;
        int64_t end = r + b->n;
        while (j->i->n[BOTH] && end < rows && start[end] == start[r]) end++;
        if (j->i->n[BOTH]) b->keys = end - start[r];
    }
}

void attention_forward(const run *r, const value *v, const instr *i)
{
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    find_blocks(&j, rows_at_once(&j));
    pool_pieces(r->team, forward_span, &j, spans(&j));
}

/* The gradient of keys [from, to) of a document and key head is zeroed unless it is added to. */
static float *gradient(const job *j, int in, const block *doc, int64_t g, int64_t from, int64_t to)
{
    if (j->i->din[in] == NONE) return NULL;
    const value *d = &j->v[j->i->din[in]];
    const int64_t stride = d->s.d[1];
    float *first = (float *)d->p + doc->base * stride + g * j->dim;
    for (int64_t r = from; r < to && !(j->i->acc & BIT(in)); r++)
        memset(first + r * stride, 0, (size_t)j->dim * sizeof *first);
    return first;
}

/* Adds what the keys [s->from, s->to) give to dq once all `later` chunks have. */
static void back_in_turn(const job *j, const block *b, int64_t g, int64_t part, int32_t later, span *s,
                         float *scratch)
{
    _Atomic int32_t *done = &j->done[(b->first * j->kv_heads + g) * j->groups + part];
    const int64_t head = g * j->share + part * j->group, off = b->first * s->q_stride + head * j->dim;
    s->go = (const float *)j->v[j->i->dout].p + off;
    if (j->i->din[Q] != NONE) {
        s->dq = (float *)j->v[j->i->din[Q]].p + off;
        s->add = later > 0 || j->i->acc & BIT(Q);
        while (atomic_load_explicit(done, memory_order_acquire) < later) sched_yield();
    }
    attend_back(s, scratch);
    atomic_store_explicit(done, later + 1, memory_order_release);
}

static int64_t keys_of(const block *doc) { return doc->keys ? doc->keys : doc->n; }

static void chunk_back(const job *j, const block *doc, int64_t chunk, int64_t g, float *scratch)
{
    const int64_t from = chunk * CHUNK, to = chunk + 1 == doc->chunks ? keys_of(doc) : from + CHUNK;
    float *dk = gradient(j, K, doc, g, from, to), *dv = gradient(j, V, doc, g, from, to);
    const int64_t most = rows_at_once(j), window = j->i->n[WINDOW];
    const int64_t before = from > ahead(j, doc) ? from - ahead(j, doc) : 0; /* nobody before that sees a key */
    for (int64_t first = before / most * most; first < doc->n; first += most) {
        if (window && to < first + 2 - window) return; /* nobody from here on sees these keys */
        block b = {doc->base, doc->first + first, least(most, doc->n - first), first, doc->keys, 0};
        const int64_t end = first + b.n + ahead(j, doc), seen = doc->keys ? least(doc->keys, end) : end;
        const int64_t last = least(doc->chunks - 1, (seen - 1) / CHUNK);
        for (int64_t part = 0; part < j->groups; part++) {
            span s = span_of(j, &b, g, part);
            use_rows(j, &b, g, &s, g * j->share + part * j->group);
            s.from = from;
            s.to = to;
            s.dk = dk;
            s.dv = dv;
            back_in_turn(j, &b, g, part, (int32_t)(last - chunk), &s, scratch);
        }
    }
}

static void backward_thread(void *arg, int t, int threads)
{
    job *j = arg;
    const block *doc = j->blocks;
    (void)threads;
    for (int64_t n, before = 0; (n = atomic_fetch_add(&j->next, 1)) < j->tasks;) {
        for (; n - before >= doc->chunks * j->kv_heads; doc++) before += doc->chunks * j->kv_heads;
        const int64_t chunk = doc->chunks - 1 - (n - before) / j->kv_heads;
        chunk_back(j, doc, chunk, (n - before) % j->kv_heads, j->scratch + t * j->floats);
    }
}

void attention_backward(const run *r, const value *v, const instr *i)
{
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    find_blocks(&j, INT64_MAX);
    for (int64_t d = 0; d < j.nblocks; d++) {
        const int64_t keys = keys_of(&j.blocks[d]);
        j.blocks[d].chunks = keys < CHUNK ? 1 : keys / CHUNK;
        j.tasks += j.blocks[d].chunks * j.kv_heads;
    }
    memset((void *)j.done, 0, (size_t)(v[i->in[Q]].s.d[0] * j.kv_heads * j.groups) * sizeof *j.done);
    pool_run(r->team, backward_thread, &j);
}

/* ---------------------------------------------------------------------------------- generation */

enum { SLOT = 3, POSITION, CACHE_K, CACHE_V };

/* New keys or values go to their places in the cache. */
static void store(const value *v, const instr *i, int from, int cache)
{
    const value *x = &v[i->in[from]];
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    const int64_t width = x->s.d[1];
    for (int64_t t = 0; t < x->s.d[0]; t++) {
        float *to = (float *)v[i->in[cache]].p + (slot[t] * i->n[CONTEXT] + position[t]) * width;
        memcpy(to, (const float *)x->p + t * width, (size_t)width * sizeof *to);
    }
}

static void cached_span(void *arg, int64_t n, int t)
{
    const job *j = arg;
    const block *b = &j->blocks[n / (j->kv_heads * j->groups)];
    const int64_t g = n / j->groups % j->kv_heads;
    span s = span_of(j, b, g, n % j->groups);
    const int64_t off = b->base * s.kv_stride + g * j->dim;
    s.k = (const float *)j->v[j->i->in[CACHE_K]].p + off;
    s.v = (const float *)j->v[j->i->in[CACHE_V]].p + off;
    run_span(&s, j->scratch + t * j->floats);
}

/* Rows that follow one another in the list and in their sequence make a block. */
void cached_attention_forward(const run *r, const value *v, const instr *i)
{
    const int32_t *slot = v[i->in[SLOT]].p, *position = v[i->in[POSITION]].p;
    const int64_t rows = v[i->in[Q]].s.d[0];
    job j;
    job_init(&j, v, i);
    job_place(&j, r);
    store(v, i, K, CACHE_K);
    store(v, i, V, CACHE_V);
    for (int64_t t = 0; t < rows; t += j.blocks[j.nblocks++].n) {
        block *b = &j.blocks[j.nblocks];
        *b = (block){.base = slot[t] * i->n[CONTEXT], .first = t, .position = position[t]};
        while (b->n < rows_at_once(&j) && t + b->n < rows && slot[t + b->n] == slot[t] &&
               position[t + b->n] == position[t] + b->n)
            b->n++;
    }
    if (j.nblocks == rows) { /* one row each: a piece a head, for more of them than threads */
        j.group = 1;
        j.groups = j.share;
    }
    pool_pieces(r->team, cached_span, &j, spans(&j));
}
