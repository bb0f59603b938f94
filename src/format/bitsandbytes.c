/* bitsandbytes.c -- see bitsandbytes.h. */
#include "format/bitsandbytes.h"

#include "base/json.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static const tensor *sibling(const safetensors *s, const char *name, const char *suffix)
{
    char full[512];
    int n = snprintf(full, sizeof full, "%s%s", name, suffix);
    return n > 0 && (size_t)n < sizeof full ? safetensors_find(s, full) : NULL;
}

/* A float tensor of exactly n elements, copied. */
static int copy_floats(float *out, const safetensors *s, const tensor *t, const char *name, const char *what, int64_t n,
                       err *e)
{
    if (!t || t->type != DT_F32 || tensor_count(t) != n)
        return fail(e, E_FORMAT, "%s: %s: its %s is missing or not %lld floats", safetensors_path(s), name, what,
                    (long long)n);
    memcpy(out, t->data, (size_t)n * sizeof *out);
    return OK;
}

static int read_scales(quant *q, const json_t *j, const safetensors *s, const char *name, int64_t blocks, arena *mem,
                       err *e)
{
    const char *where = safetensors_path(s);
    const tensor *absmax = sibling(s, name, ".absmax");
    int code = copy_floats(q->map, s, sibling(s, name, ".quant_map"), name, "quant_map", 16, e);
    if (code != OK) return code;
    if (absmax && absmax->type == DT_F32) {
        q->absmax = arena_new(mem, (size_t)blocks * sizeof *q->absmax);
        return copy_floats(q->absmax, s, absmax, name, "absmax", blocks, e);
    }
    if (!absmax || absmax->type != DT_U8 || tensor_count(absmax) != blocks)
        return fail(e, E_FORMAT, "%s: %s: its absmax is missing or not %lld values", where, name, (long long)blocks);
    q->nested_block = json_int(j, "nested_blocksize", 256, where, e);
    q->nested_offset = (float)json_num(j, "nested_offset", 0, where, e);
    if (e->code) return e->code;
    if (q->nested_block < 1 || q->nested_block > 1 << 20)
        return fail(e, E_FORMAT, "%s: %s: nested_blocksize %lld makes no sense", where, name, (long long)q->nested_block);
    int64_t groups = (blocks + q->nested_block - 1) / q->nested_block;
    q->code = arena_new(mem, (size_t)blocks);
    memcpy(q->code, absmax->data, (size_t)blocks);
    q->nested_absmax = arena_new(mem, (size_t)groups * sizeof *q->nested_absmax);
    code = copy_floats(q->nested_map, s, sibling(s, name, ".nested_quant_map"), name, "nested_quant_map", 256, e);
    if (code != OK) return code;
    return copy_floats(q->nested_absmax, s, sibling(s, name, ".nested_absmax"), name, "nested_absmax", groups, e);
}

static int add_4bit(weights *w, const safetensors *s, const tensor *packed, const tensor *state, dtype type, arena *mem,
                    err *e)
{
    const char *where = safetensors_path(s), *name = packed->name;
    json_t *j = json_parse(state->data, state->bytes, where, e);
    if (!j) return e->code;
    const json_t *shape = json_object_get(j, "shape");
    tensor t = {.name = name, .type = type, .ndim = 2, .dim = {1, 1, 1, 1}, .data = packed->data, .bytes = packed->bytes};
    quant *q = arena_new(mem, sizeof *q);
    q->block = json_int(j, "blocksize", 64, where, e);
    bool sane = json_array_size(shape) == 2 && e->code == OK && q->block >= 32 && q->block <= 4096 && q->block % 2 == 0;
    for (size_t i = 0; sane && i < 2; i++) {
        t.dim[i] = json_integer_value(json_array_get(shape, i));
        sane = t.dim[i] > 0 && t.dim[i] < (int64_t)1 << 31;
    }
    int64_t n = sane ? t.dim[0] * t.dim[1] : 0;
    int code = OK;
    if (!sane || (size_t)((n + 1) / 2) != packed->bytes)
        code = fail(e, E_FORMAT, "%s: %s: its quantization state does not fit its %zu bytes", where, name, packed->bytes);
    if (code == OK) code = read_scales(q, j, s, name, (n + q->block - 1) / q->block, mem, e);
    json_decref(j);
    t.q = q;
    return code == OK ? weights_add(w, &t, e) : code;
}

static int add_8bit(weights *w, const safetensors *s, const tensor *packed, const tensor *scb, arena *mem, err *e)
{
    tensor t = *packed;
    if (t.ndim != 2) return fail(e, E_FORMAT, "%s: %s: an 8-bit weight that is not a matrix", safetensors_path(s), t.name);
    quant *q = arena_new(mem, sizeof *q);
    q->scb = arena_new(mem, (size_t)t.dim[0] * sizeof *q->scb);
    int code = copy_floats(q->scb, s, scb, t.name, "SCB", t.dim[0], e);
    t.type = DT_INT8;
    t.q = q;
    return code == OK ? weights_add(w, &t, e) : code;
}

/* Tensors that only describe another one. */
static bool is_companion(const char *name)
{
    static const char *const ends[] = {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map", ".SCB",
                                       ".weight_format", ".quant_state.bitsandbytes__nf4",
                                       ".quant_state.bitsandbytes__fp4"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (str_ends(name, ends[i])) return true;
    return false;
}

int bitsandbytes_add(weights *w, const safetensors *s, arena *mem, err *e)
{
    err local = {0};
    if (!e) e = &local;
    int code = OK;
    for (int64_t i = 0; i < safetensors_count(s) && code == OK; i++) {
        const tensor *t = safetensors_at(s, i), *state;
        if (is_companion(t->name)) continue;
        char module[512];
        snprintf(module, sizeof module, "%.*s", str_ends(t->name, ".weight") ? (int)strlen(t->name) - 7 : 0, t->name);
        if ((state = sibling(s, t->name, ".quant_state.bitsandbytes__nf4")) && state->type == DT_U8)
            code = add_4bit(w, s, t, state, DT_NF4, mem, e);
        else if ((state = sibling(s, t->name, ".quant_state.bitsandbytes__fp4")) && state->type == DT_U8)
            code = add_4bit(w, s, t, state, DT_FP4, mem, e);
        else if (t->type == DT_I8 && module[0] && (state = sibling(s, module, ".SCB")))
            code = add_8bit(w, s, t, state, mem, e);
        else
            code = weights_add(w, t, e);
    }
    return code;
}
