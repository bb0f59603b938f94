/* snapshot_file.c -- optimizer.safetensors and state.json, written and read side by side.
 *
 *   state.json: { "format": 1, "progress": { member: number }, "facts": { name: text } }
 *
 * A number that is not there yet (NAN) is null. */
#include "train/snapshot_file.h"

#include "base/file.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

enum { FORMAT = 1 };

/* The members of struct progress by name. */
static const struct member {
    const char *name;
    size_t at;
    bool is_real;
} members[] = {
#define WHOLE(m)                         \
    {                                    \
#m, offsetof(progress, m), false \
    }
#define REALS(m)                        \
    {                                   \
#m, offsetof(progress, m), true \
    }
    WHOLE(step),        WHOLE(epoch),       WHOLE(batch),       WHOLE(micro),          WHOLE(examples),
    WHOLE(tokens),      WHOLE(labels),      WHOLE(logged_step), WHOLE(evaluated_step), WHOLE(window_steps),
    REALS(window_loss), REALS(total_loss),  REALS(grad_norm),   REALS(learning_rate),  REALS(operations),
    REALS(seconds),     REALS(eval_before), REALS(eval_last),   REALS(eval_accuracy),  WHOLE(best_step),
    REALS(best_loss),
#undef WHOLE
#undef REALS
};
enum { MEMBERS = sizeof members / sizeof *members };

int snapshot_write_state(const char *folder, const snapshot *s, err *e)
{
    json_t *root = json_object(), *numbers = json_object(), *facts = json_object();
    for (int k = 0; k < MEMBERS; k++) {
        const void *p = (const char *)s->at + members[k].at;
        json_t *number =
            members[k].is_real ? json_real(*(const double *)p) : json_integer(*(const int64_t *)p);
        json_object_set_new(numbers, members[k].name,
                            number ? number : json_null()); /* NAN has no json_real() */
    }
    for (int64_t k = 0; k < s->n_facts; k++)
        json_object_set_new(facts, s->facts[k].name, json_string(s->facts[k].value));
    json_object_set_new(root, "format", json_integer(FORMAT));
    json_object_set_new(root, "progress", numbers);
    json_object_set_new(root, "facts", facts);
    str path = {0};
    str_fmt(&path, "%s/state.json", folder);
    int code = json_save(root, path.p, 2, false, e);
    str_free(&path);
    json_decref(root);
    return code;
}

static int read_progress(progress *out, const json_t *numbers, const char *where, err *e)
{
    for (int k = 0; k < MEMBERS; k++) {
        void *p = (char *)out + members[k].at;
        if (!json_object_get(numbers, members[k].name))
            return fail(e, E_FORMAT, "%s: has no \"%s\"; resume from another checkpoint", where,
                        members[k].name);
        if (members[k].is_real)
            *(double *)p = json_num(numbers, members[k].name, NAN, where, e);
        else
            *(int64_t *)p = json_int(numbers, members[k].name, -1, where, e);
    }
    if (e->code != OK) return e->code;
    if (out->step < 0 || out->epoch < 0 || out->batch < 0 || out->micro < out->step)
        return fail(e, E_FORMAT, "%s: its counters make no sense; resume from another checkpoint", where);
    return OK;
}

static int compare_facts(const snapshot *s, const json_t *facts, const char *where, str *differs, err *e)
{
    for (int64_t k = 0; k < s->n_facts; k++) {
        const fact *f = &s->facts[k];
        const char *saved = json_text(facts, f->name, "none", where, e);
        if (e->code != OK) return e->code;
        if (!strcmp(saved, f->value)) continue;
        if (f->has_to_agree)
            return fail(e, E_USAGE,
                        "%s: belongs to a run with %s %s, this one has %s; resume with the same, or start "
                        "a new run",
                        where, f->name, saved, f->value);
        str_fmt(differs, "%s was %s when the checkpoint was made and is %s now\n", f->name, saved, f->value);
    }
    return OK;
}

static int read_state(const char *path, const snapshot *s, str *differs, err *e)
{
    str file = {0};
    str_fmt(&file, "%s/state.json", path);
    json_t *root = json_parse_file(file.p, e);
    int code = root ? OK : e->code;
    if (code == OK && json_int(root, "format", 0, file.p, e) != FORMAT)
        code = fail(e, E_UNSUPPORTED, "%s: was written by another version of this program", file.p);
    if (code == OK) code = compare_facts(s, json_object_get(root, "facts"), file.p, differs, e);
    if (code == OK) code = read_progress(s->at, json_object_get(root, "progress"), file.p, e);
    json_decref(root);
    str_free(&file);
    return code;
}

/* The place of tensor `leaf` (0: A, 1: B) of a module in a flat array, as a tensor. */
static tensor view(const adapter_module *n, int leaf, const float *flat, const char *name)
{
    int64_t rows = leaf ? n->out : n->r, cols = leaf ? n->r : n->in;
    return (tensor){.name = name,
                    .type = DT_F32,
                    .ndim = 2,
                    .dim = {rows, cols, 1, 1},
                    .data = flat + (leaf ? n->b : n->a),
                    .bytes = (size_t)(rows * cols) * sizeof(float)};
}

static const char *const moment_name[2] = {"exp_avg", "exp_avg_sq"};
static const char *const leaf_name[2] = {"lora_A", "lora_B"};

int snapshot_write_moments(const char *folder, const snapshot *s, err *e)
{
    arena mem = {0};
    tensor *t = arena_new(&mem, (size_t)(4 * s->a->modules) * sizeof *t);
    int64_t n = 0;
    for (int64_t i = 0; i < s->a->modules; i++)
        for (int k = 0; k < 4; k++) {
            const adapter_module *module = &s->a->module[i];
            const char *name =
                arena_fmt(&mem, "%s.%s.%s.weight", moment_name[k / 2], module->name, leaf_name[k % 2]);
            t[n++] = view(module, k % 2, k / 2 ? s->v : s->m, name);
        }
    int code = safetensors_write(arena_fmt(&mem, "%s/optimizer.safetensors", folder), t, n, NULL, 0, e);
    arena_free(&mem);
    return code;
}

static int read_moment(const safetensors *f, const tensor *want, float *to, err *e)
{
    const tensor *t = safetensors_find(f, want->name);
    if (!t || t->type != DT_F32 || t->ndim != 2 || t->dim[0] != want->dim[0] || t->dim[1] != want->dim[1])
        return fail(e, E_FORMAT,
                    "%s: %s is not there, or not as this adapter needs it; resume from another checkpoint",
                    safetensors_path(f), want->name);
    memcpy(to, t->data, want->bytes);
    return OK;
}

static int read_moments(const char *path, const snapshot *s, err *e)
{
    arena mem = {0};
    safetensors *f = NULL;
    int code = safetensors_open(&f, arena_fmt(&mem, "%s/optimizer.safetensors", path), e);
    for (int64_t i = 0; i < 4 * s->a->modules && code == OK; i++) {
        const adapter_module *n = &s->a->module[i / 4];
        int leaf = (int)(i % 2), second = (int)(i / 2 % 2);
        float *flat = second ? s->v : s->m;
        const char *name = arena_fmt(&mem, "%s.%s.%s.weight", moment_name[second], n->name, leaf_name[leaf]);
        tensor want = view(n, leaf, flat, name);
        code = read_moment(f, &want, flat + (leaf ? n->b : n->a), e);
    }
    safetensors_close(f);
    arena_free(&mem);
    return code;
}

static int read_history(const char *path, json_t **history, err *e)
{
    str file = {0};
    str_fmt(&file, "%s/trainer_state.json", path);
    json_t *root = json_parse_file(file.p, e), *lines = json_object_get(root, "log_history");
    int code = root ? OK : e->code;
    bool good = json_is_array(lines);
    for (size_t i = 0; good && i < json_array_size(lines); i++)
        good = json_is_object(json_array_get(lines, i));
    if (code == OK && !good)
        code = fail(e, E_FORMAT, "%s: \"log_history\" is no list of lines; resume from another checkpoint",
                    file.p);
    if (code == OK) *history = json_incref(lines);
    json_decref(root);
    str_free(&file);
    return code;
}

static bool same_module(const adapter_module *x, const adapter_module *y)
{
    return !strcmp(x->name, y->name) && x->in == y->in && x->out == y->out && x->r == y->r &&
           x->scale == y->scale;
}

int snapshot_load_adapter(const char *path, adapter *a, const model *m, err *e)
{
    adapter *saved = NULL;
    int code = adapter_open(&saved, m, path, e);
    if (code != OK) return code;
    bool same = saved->modules == a->modules && saved->count == a->count &&
                saved->config.dropout == a->config.dropout;
    for (int64_t i = 0; same && i < a->modules; i++) same = same_module(&saved->module[i], &a->module[i]);
    if (same)
        memcpy(a->param, saved->param, a->count * sizeof *a->param);
    else
        code = fail(e, E_USAGE,
                    "%s: holds an adapter of another shape (rank, alpha, dropout or targets); resume with "
                    "the same options, or start a new run",
                    path);
    adapter_close(saved);
    return code;
}

int snapshot_load(const char *path, const snapshot *s, const model *m, json_t **history, str *differs, err *e)
{
    err local = {0};
    if (!e) e = &local;
    *history = NULL;
    int code = file_is_dir(path) ? OK : fail(e, E_IO, "%s: there is no such checkpoint folder", path);
    if (code == OK) code = read_state(path, s, differs, e);
    if (code == OK) code = snapshot_load_adapter(path, s->a, m, e);
    if (code == OK) code = read_moments(path, s, e);
    if (code == OK) code = read_history(path, history, e);
    return code;
}
