/* torch_pickle.c -- see torch_pickle.h. Every opcode is at least a byte and makes at most one value, so
 * memory is bounded by some hundred bytes for each of the pickle, which may have PICKLE_MOST. */
#include "format/torch_pickle.h"

#include <stdio.h>
#include <string.h>

/* What GLOBAL may name. From FIRST_STORAGE on: types of numbers. */
typedef enum known { ORDERED_DICT, REBUILD_TENSOR, REBUILD_PARAMETER, FIRST_STORAGE } known;

static const struct {
    const char *module, *name;
    dtype       type;
} names[] = {
    {"collections", "OrderedDict", DT_COUNT},
    {"torch._utils", "_rebuild_tensor_v2", DT_COUNT},
    {"torch._utils", "_rebuild_parameter", DT_COUNT},
    {"torch", "FloatStorage", DT_F32},
    {"torch", "HalfStorage", DT_F16},
    {"torch", "BFloat16Storage", DT_BF16},
    {"torch", "DoubleStorage", DT_F64},
    {"torch", "LongStorage", DT_I64},
    {"torch", "IntStorage", DT_I32},
    {"torch", "ShortStorage", DT_I16},
    {"torch", "CharStorage", DT_I8},
    {"torch", "ByteStorage", DT_U8},
    {"torch", "BoolStorage", DT_BOOL},
};
enum { NAMES = sizeof names / sizeof *names, PICKLE_MOST = 16 << 20 }; /* a tensor takes less than 300 bytes */

typedef struct machine {
    const uint8_t *at, *end;
    pickle_list    stack, memo;
    arena         *mem;
    const char    *where;
    err           *e;
} machine;

static int damaged(const machine *m, const char *why)
{
    return fail(m->e, E_FORMAT, "%s: its pickle is damaged (%s); fetch it again", m->where, why);
}

static int refused(const machine *m, const char *what)
{
    return fail(m->e, E_UNSUPPORTED, "%s: its pickle holds %s, which is no part of a model's tensors",
                m->where, what);
}

static void grow(arena *mem, pickle_list *l)
{
    if (l->n < l->cap) return;
    const int64_t cap = l->cap ? 2 * l->cap : 8;
    pickle_value *v = arena_new(mem, (size_t)cap * sizeof *v);
    if (l->n) memcpy(v, l->v, (size_t)l->n * sizeof *v);
    l->v = v;
    l->cap = cap;
}

static int append(machine *m, pickle_list *l, pickle_value x)
{
    grow(m->mem, l);
    l->v[l->n++] = x;
    return OK;
}

static int push(machine *m, pickle_value x) { return append(m, &m->stack, x); }

/* The n bytes that come next. */
static const uint8_t *take(machine *m, size_t n)
{
    if ((size_t)(m->end - m->at) < n) return NULL;
    const uint8_t *p = m->at;
    m->at += n;
    return p;
}

/* A little-endian number of n bytes; -1 when they are not there. */
static int64_t number(machine *m, size_t n)
{
    const uint8_t *p = take(m, n);
    int64_t x = 0;
    for (size_t i = 0; p && i < n; i++) x |= (int64_t)p[i] << (8 * i);
    return p ? x : -1;
}

static int push_number(machine *m, size_t n)
{
    const uint8_t *p = take(m, n);
    uint64_t x = 0;
    if (!p || n > 8) return damaged(m, "a number is cut off or too large");
    for (size_t i = 0; i < n; i++) x |= (uint64_t)p[i] << (8 * i);
    if (n >= 4 && n < 8 && p[n - 1] & 0x80) x |= ~(uint64_t)0 << (8 * n); /* four bytes and more are signed */
    return push(m, (pickle_value){.kind = PICKLE_INT, .number = (int64_t)x});
}

static int push_text(machine *m)
{
    int64_t n = number(m, 4);
    const uint8_t *p = n < 0 ? NULL : take(m, (size_t)n);
    if (!p || memchr(p, 0, (size_t)n)) return damaged(m, "a text");
    return push(
        m, (pickle_value){.kind = PICKLE_TEXT, .text = arena_strndup(m->mem, (const char *)p, (size_t)n)});
}

static const char *line(machine *m)
{
    const uint8_t *p = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!p) return NULL;
    const char *s = arena_strndup(m->mem, (const char *)m->at, (size_t)(p - m->at));
    m->at = p + 1;
    return s;
}

static int push_global(machine *m)
{
    const char *module = line(m), *name = module ? line(m) : NULL;
    if (!name) return damaged(m, "a name is cut off");
    for (int i = 0; i < NAMES; i++)
        if (!strcmp(names[i].module, module) && !strcmp(names[i].name, name))
            return push(m, (pickle_value){.kind = PICKLE_GLOBAL, .number = i});
    char what[160];
    snprintf(what, sizeof what, "%.70s.%.70s", module, name);
    return refused(m, what);
}

static pickle_list *new_list(machine *m, const pickle_value *v, int64_t n)
{
    pickle_list *l = arena_new(m->mem, sizeof *l);
    if (!n) return l;
    *l = (pickle_list){.v = arena_new(m->mem, (size_t)n * sizeof *v), .n = n, .cap = n};
    memcpy(l->v, v, (size_t)n * sizeof *v);
    return l;
}

/* Values above the last mark; they and the mark go. NULL: there is no mark. */
static pickle_value *above_mark(machine *m, int64_t *n)
{
    int64_t k = m->stack.n;
    while (k > 0 && m->stack.v[k - 1].kind != PICKLE_MARK) k--;
    if (k == 0) return NULL;
    *n = m->stack.n - k;
    m->stack.n = k - 1;
    return m->stack.v + k;
}

/* n values from the top, or with n < 0 all above the mark, become one. */
static int collect(machine *m, pickle_kind kind, int64_t n)
{
    pickle_value *v = n < 0 ? above_mark(m, &n) : n <= m->stack.n ? m->stack.v + (m->stack.n -= n) : NULL;
    if (!v) return damaged(m, "its stack");
    return push(m, (pickle_value){.kind = kind, .list = new_list(m, v, n)});
}

/* What lies on top takes the values above the mark, or the topmost n. */
static int put_into(machine *m, pickle_kind kind, int64_t n)
{
    pickle_value *v = n < 0 ? above_mark(m, &n) : n <= m->stack.n ? m->stack.v + (m->stack.n -= n) : NULL;
    if (!v || !m->stack.n || m->stack.v[m->stack.n - 1].kind != kind || (kind == PICKLE_DICT && n % 2))
        return damaged(m, "its stack");
    for (int64_t i = 0; i < n; i++) append(m, m->stack.v[m->stack.n - 1].list, v[i]);
    return OK;
}

static int remember(machine *m, int64_t at)
{
    if (at < 0 || at > m->memo.n || !m->stack.n) return damaged(m, "its memo");
    const pickle_value x = m->stack.v[m->stack.n - 1];
    if (at == m->memo.n) return append(m, &m->memo, x);
    m->memo.v[at] = x;
    return OK;
}

static int recall(machine *m, int64_t at)
{
    return at < 0 || at >= m->memo.n ? damaged(m, "its memo") : push(m, m->memo.v[at]);
}

static bool is(const pickle_list *l, int64_t i, pickle_kind kind) { return i < l->n && l->v[i].kind == kind; }

/* ('storage', type, key, place, count) or with a view that has to be None. */
static int push_storage(machine *m)
{
    const pickle_value *top = m->stack.n ? &m->stack.v[m->stack.n - 1] : NULL;
    if (!top || top->kind != PICKLE_TUPLE) return damaged(m, "a storage");
    const pickle_list *l = top->list;
    bool good = is(l, 0, PICKLE_TEXT) && !strcmp(l->v[0].text, "storage") && is(l, 1, PICKLE_GLOBAL) &&
                l->v[1].number >= FIRST_STORAGE && is(l, 2, PICKLE_TEXT) && is(l, 4, PICKLE_INT) &&
                l->v[4].number >= 0 && l->v[4].number < (int64_t)1 << 56;
    if (!good) return damaged(m, "a storage");
    if (l->n > 5 && !is(l, 5, PICKLE_NONE)) return refused(m, "a view of a storage");
    pickle_storage *s = arena_new(m->mem, sizeof *s);
    *s = (pickle_storage){l->v[2].text, names[l->v[1].number].type, l->v[4].number};
    m->stack.n--;
    return push(m, (pickle_value){.kind = PICKLE_STORAGE, .storage = s});
}

/* _rebuild_tensor_v2(storage, offset, sizes, strides, ...) */
static int push_tensor(machine *m, const pickle_list *l)
{
    bool good =
        is(l, 0, PICKLE_STORAGE) && is(l, 1, PICKLE_INT) && is(l, 2, PICKLE_TUPLE) && is(l, 3, PICKLE_TUPLE);
    if (!good || l->v[2].list->n != l->v[3].list->n) return damaged(m, "a tensor");
    const pickle_list *size = l->v[2].list, *stride = l->v[3].list;
    if (size->n > TENSOR_DIMS) return refused(m, "a tensor of more than 5 dimensions");
    pickle_tensor *t = arena_new(m->mem, sizeof *t);
    *t = (pickle_tensor){.storage = l->v[0].storage, .offset = l->v[1].number, .ndim = (int)size->n,
                         .dim = {1, 1, 1, 1, 1}};
    for (int i = 0; i < t->ndim; i++) {
        if (!is(size, i, PICKLE_INT) || !is(stride, i, PICKLE_INT)) return damaged(m, "a tensor");
        t->dim[i] = size->v[i].number;
        t->stride[i] = stride->v[i].number;
    }
    return push(m, (pickle_value){.kind = PICKLE_TENSOR, .tensor = t});
}

static int reduce(machine *m)
{
    if (m->stack.n < 2) return damaged(m, "its stack");
    const pickle_value arguments = m->stack.v[--m->stack.n], called = m->stack.v[--m->stack.n];
    if (arguments.kind != PICKLE_TUPLE || called.kind != PICKLE_GLOBAL) return damaged(m, "a call");
    const pickle_list *l = arguments.list;
    if (called.number == ORDERED_DICT && l->n == 0)
        return push(m, (pickle_value){.kind = PICKLE_DICT, .list = new_list(m, NULL, 0)});
    if (called.number == REBUILD_TENSOR) return push_tensor(m, l);
    if (called.number == REBUILD_PARAMETER && is(l, 0, PICKLE_TENSOR)) return push(m, l->v[0]);
    return refused(m, "a call of an unusual kind");
}

/* The state of an ordered dictionary, such as _metadata, is left out. */
static int leave_state(machine *m)
{
    if (m->stack.n < 2 || m->stack.v[m->stack.n - 2].kind != PICKLE_DICT)
        return refused(m, "the state of an object");
    m->stack.n--;
    return OK;
}

static int push_plain(machine *m, pickle_kind kind, int64_t n)
{
    return push(m, (pickle_value){.kind = kind, .number = n});
}

static int unknown(machine *m, int opcode)
{
    char what[64];
    snprintf(what, sizeof what, "the opcode 0x%02x", (unsigned)opcode);
    return refused(m, what);
}

static int step(machine *m, int opcode)
{
    switch (opcode) {
    case 0x80: return take(m, 1) ? OK : damaged(m, "it is cut off"); /* PROTO */
    case '(': return push_plain(m, PICKLE_MARK, 0);
    case 'N': return push_plain(m, PICKLE_NONE, 0);
    case 0x88: return push_plain(m, PICKLE_BOOL, 1);
    case 0x89: return push_plain(m, PICKLE_BOOL, 0);
    case 'K': return push_number(m, 1);
    case 'M': return push_number(m, 2);
    case 'J': return push_number(m, 4);
    case 0x8a: { /* LONG1 */
        const int64_t n = number(m, 1);
        if (n <= 8) return push_number(m, n < 0 ? 9 : (size_t)n);
        return take(m, (size_t)n) ? push_plain(m, PICKLE_INT, INT64_MAX) : damaged(m, "it is cut off");
    }
    case 'G': return take(m, 8) ? push_plain(m, PICKLE_NONE, 0) : damaged(m, "it is cut off"); /* a float */
    case 'X': return push_text(m);
    case ')': return collect(m, PICKLE_TUPLE, 0);
    case ']': return collect(m, PICKLE_LIST, 0);
    case '}': return collect(m, PICKLE_DICT, 0);
    case 't': return collect(m, PICKLE_TUPLE, -1);
    case 0x85: case 0x86: case 0x87: return collect(m, PICKLE_TUPLE, opcode - 0x84);
    case 'a': return put_into(m, PICKLE_LIST, 1);
    case 'e': return put_into(m, PICKLE_LIST, -1);
    case 's': return put_into(m, PICKLE_DICT, 2);
    case 'u': return put_into(m, PICKLE_DICT, -1);
    case 'q': return remember(m, number(m, 1));
    case 'r': return remember(m, number(m, 4));
    case 'h': return recall(m, number(m, 1));
    case 'j': return recall(m, number(m, 4));
    case 'c': return push_global(m);
    case 'Q': return push_storage(m);
    case 'R': return reduce(m);
    case 'b': return leave_state(m);
    default: return unknown(m, opcode);
    }
}

int pickle_load(pickle_value *out, const uint8_t *data, size_t n, size_t *used, arena *mem, const char *where,
                err *e)
{
    err mine = {0};
    machine m = {.at = data,
                 .end = data + (n < PICKLE_MOST ? n : PICKLE_MOST),
                 .mem = mem,
                 .where = where,
                 .e = &mine};
    int code = OK;
    grow(mem, &m.stack); /* so that even an empty stack has an address */
    for (int opcode = 0; code == OK;) {
        if (m.at == m.end) code = damaged(&m, "it has no end, or none within 16 MiB");
        else opcode = *m.at++;
        if (code != OK || opcode == '.') break;
        code = step(&m, opcode);
    }
    if (code == OK && m.stack.n != 1) code = damaged(&m, "its stack");
    if (code != OK) return fail(e, mine.code, "%s", mine.msg);
    *out = m.stack.v[0];
    *used = (size_t)(m.at - data);
    return OK;
}
