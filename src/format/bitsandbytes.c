/* bitsandbytes.c -- see bitsandbytes.h. */
#include "format/bitsandbytes.h"

#include "base/json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The files of a model, and the one that the weight at hand is in, for messages. */
typedef struct source {
    safetensors *const *files;
    int64_t             n;
    const char         *where;
    arena              *mem;
} source;

static const char nf4_state[] = ".quant_state.bitsandbytes__nf4";
static const char fp4_state[] = ".quant_state.bitsandbytes__fp4";

/* The tensor called `name` (its first n bytes) followed by `suffix`, in whichever file; NULL: nowhere. */
static const tensor *beside(const source *s, const char *name, size_t n, const char *suffix)
{
    char full[512];
    int length = snprintf(full, sizeof full, "%.*s%s", (int)n, name, suffix);
    if (length < 0 || (size_t)length >= sizeof full) return NULL;
    for (int64_t i = 0; i < s->n; i++) {
        const tensor *t = safetensors_find(s->files[i], full);
        if (t) return t;
    }
    return NULL;
}

static const tensor *companion(const source *s, const tensor *weight, const char *suffix)
{
    return beside(s, weight->name, strlen(weight->name), suffix);
}

/* The data of a companion that has to be n elements of that type; NULL with e set. The quant's
 * arrays are not const since other quants own theirs; nobody writes to those of a file. */
static void *scales(const source *s, const tensor *weight, const char *suffix, dtype type, int64_t n, err *e)
{
    const tensor *t = companion(s, weight, suffix);
    if (t && t->type == type && tensor_count(t) == n) return (void *)(uintptr_t)t->data;
    fail(e, E_FORMAT, "%s: tensor %s%s is missing or not %lld numbers of type %s", s->where, weight->name,
         suffix, (long long)n, dtype_name(type));
    return NULL;
}

static int read_nested(const source *s, const tensor *weight, const json_t *state, quant *q, int64_t blocks,
                       err *e)
{
    q->nested_block = json_int(state, "nested_blocksize", 256, s->where, e);
    q->nested_offset = (float)json_num(state, "nested_offset", NAN, s->where, e);
    if (e->code) return e->code;
    if (q->nested_block < 1 || q->nested_block > 1 << 20 || !isfinite(q->nested_offset))
        return fail(e, E_FORMAT, "%s: %s: the nested scales of its quantization state make no sense",
                    s->where, weight->name);
    int64_t groups = blocks / q->nested_block + (blocks % q->nested_block != 0);
    const void *map = scales(s, weight, ".nested_quant_map", DT_F32, 256, e);
    if (!map) return E_FORMAT;
    memcpy(q->nested_map, map, sizeof q->nested_map);
    q->code = scales(s, weight, ".absmax", DT_U8, blocks, e);
    q->nested_absmax = scales(s, weight, ".nested_absmax", DT_F32, groups, e);
    return e->code;
}

/* Every key has to be one bitsandbytes writes: another one would mean a state of another kind. */
static int check_state(const source *s, const tensor *weight, json_t *state, dtype type, err *e)
{
    static const char *const known[] = {"quant_type", "blocksize", "dtype", "shape", "nested_blocksize",
                                        "nested_dtype", "nested_offset"};
    if (!json_is_object(state))
        return fail(e, E_FORMAT, "%s: %s: its quantization state is no JSON object", s->where, weight->name);
    const char *key;
    json_t *v;
    json_object_foreach(state, key, v) {
        size_t i = 0;
        while (i < sizeof known / sizeof *known && strcmp(key, known[i])) i++;
        if (i == sizeof known / sizeof *known)
            return fail(e, E_UNSUPPORTED, "%s: %s: its quantization state has \"%.60s\", which is not known",
                        s->where, weight->name, key);
    }
    const char *name = json_text(state, "quant_type", dtype_name(type), s->where, e);
    if (e->code == OK && strcmp(name, dtype_name(type)))
        return fail(e, E_FORMAT, "%s: %s: its quantization state is of type \"%.40s\"", s->where,
                    weight->name, name);
    return e->code;
}

static int read_shape(const source *s, tensor *t, const json_t *state, err *e)
{
    const json_t *shape = json_object_get(state, "shape");
    t->ndim = 2;
    bool good = json_array_size(shape) == 2;
    for (size_t i = 0; i < 2; i++) {
        t->dim[i] = json_integer_value(json_array_get(shape, i));
        good = good && t->dim[i] > 0 && t->dim[i] < (int64_t)1 << 31;
    }
    t->dim[2] = t->dim[3] = 1;
    if (good && dtype_bytes(t->type, tensor_count(t)) == t->bytes) return OK;
    return fail(e, E_FORMAT, "%s: %s: the shape in its quantization state does not fit its %zu bytes",
                s->where, t->name, t->bytes);
}

static int read_4bit(const source *s, tensor *t, quant *q, json_t *state, err *e)
{
    int code = check_state(s, t, state, t->type, e);
    if (code == OK) code = read_shape(s, t, state, e);
    if (code != OK) return code;
    q->block = json_int(state, "blocksize", 64, s->where, e);
    if (e->code) return e->code;
    if (q->block < 32 || q->block > 4096 || q->block & (q->block - 1))
        return fail(e, E_FORMAT, "%s: %s: a block of %lld elements makes no sense", s->where, t->name,
                    (long long)q->block);
    const void *map = scales(s, t, ".quant_map", DT_F32, 16, e);
    if (!map) return E_FORMAT;
    memcpy(q->map, map, sizeof q->map);
    int64_t n = tensor_count(t), blocks = n / q->block + (n % q->block != 0);
    const tensor *absmax = companion(s, t, ".absmax");
    if (absmax && absmax->type == DT_U8) return read_nested(s, t, state, q, blocks, e);
    q->absmax = scales(s, t, ".absmax", DT_F32, blocks, e);
    return e->code;
}

static int add_4bit(const source *s, weights *w, const tensor *packed, const tensor *text, dtype type, err *e)
{
    json_t *state = json_parse(text->data, text->bytes, text->name, e);
    if (!state) return E_FORMAT;
    quant *q = arena_new(s->mem, sizeof *q);
    tensor t = *packed;
    t.type = type;
    t.q = q;
    int code = read_4bit(s, &t, q, state, e);
    json_decref(state);
    return code == OK ? weights_add(w, &t, e) : code;
}

static int add_8bit(const source *s, weights *w, const tensor *packed, const tensor *scb,
                    const tensor *layout, err *e)
{
    tensor t = *packed;
    if (t.ndim != 2 || scb->type != DT_F32 || tensor_count(scb) != t.dim[0])
        return fail(e, E_FORMAT, "%s: tensor %s needs one F32 scale a row in its SCB", s->where, t.name);
    if (layout && !(layout->type == DT_U8 && layout->bytes == 1 && *(const uint8_t *)layout->data == 0))
        return fail(e, E_UNSUPPORTED, "%s: tensor %s is laid out for a device (%s is not 0)", s->where,
                    t.name, layout->name);
    quant *q = arena_new(s->mem, sizeof *q);
    q->scb = (float *)(uintptr_t)scb->data;
    t.type = DT_INT8;
    t.q = q;
    return weights_add(w, &t, e);
}

/* Whether t only describes a quantized weight that is there. */
static bool is_companion(const source *s, const tensor *t)
{
    static const char *const of_4bit[] = {".absmax", ".quant_map", ".nested_absmax", ".nested_quant_map",
                                          nf4_state, fp4_state};
    size_t n = strlen(t->name);
    for (size_t i = 0; i < sizeof of_4bit / sizeof *of_4bit; i++)
        if (str_ends(t->name, of_4bit[i])) {
            size_t stem = n - strlen(of_4bit[i]);
            return beside(s, t->name, stem, "") && (beside(s, t->name, stem, nf4_state) ||
                                                    beside(s, t->name, stem, fp4_state));
        }
    static const char *const of_8bit[] = {".SCB", ".weight_format"};
    for (size_t i = 0; i < sizeof of_8bit / sizeof *of_8bit; i++)
        if (str_ends(t->name, of_8bit[i])) {
            const tensor *weight = beside(s, t->name, n - strlen(of_8bit[i]), ".weight");
            return weight && weight->type == DT_I8;
        }
    return false;
}

static int add(const source *s, weights *w, const tensor *t, err *e)
{
    if (is_companion(s, t)) return OK;
    const tensor *state = companion(s, t, nf4_state);
    if (state) return add_4bit(s, w, t, state, DT_NF4, e);
    state = companion(s, t, fp4_state);
    if (state) return add_4bit(s, w, t, state, DT_FP4, e);
    size_t module = strlen(t->name) - (str_ends(t->name, ".weight") ? strlen(".weight") : 0);
    const tensor *scb = t->type == DT_I8 ? beside(s, t->name, module, ".SCB") : NULL;
    if (scb) return add_8bit(s, w, t, scb, beside(s, t->name, module, ".weight_format"), e);
    return weights_add(w, t, e);
}

int bitsandbytes_add(weights *w, safetensors *const *files, int64_t n, arena *mem, err *e)
{
    err mine = {0};
    source s = {files, n, NULL, mem};
    for (int64_t f = 0; f < n; f++) {
        s.where = safetensors_path(files[f]);
        for (int64_t i = 0; i < safetensors_count(files[f]); i++)
            if (add(&s, w, safetensors_at(files[f], i), &mine) != OK)
                return fail(e, mine.code, "%s", mine.msg);
    }
    return OK;
}
