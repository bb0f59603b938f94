/* state.c -- the folder of a comparison: whose is it, and how are its files called. */
#include "lib/compare/compare.h"

#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

const char *compare_path(comparison *c, const char *a, const char *b)
{
    return b ? arena_fmt(&c->mem, "%s/%s/%s", c->o->out, a, b) : arena_fmt(&c->mem, "%s/%s", c->o->out, a);
}

const char *compare_run_name(comparison *c, int which, int64_t seed)
{
    return arena_fmt(&c->mem, "%s-%lld", c->recipe[which].name, (long long)seed);
}

/* Values of options that make runs what they are; where they are written and how often they tell does not. */
static json_t *options_that_matter(const options *o)
{
    static const char *const other[] = {"output_dir",       "seed",   "logging_steps", "logging_first_step",
                                        "threads",
                                        "save_strategy",    "save_steps", "save_total_limit", "memory_limit",
                                        "resume_from_checkpoint", "overwrite_output_dir", "quiet", "json",
                                            "config",
                                        "profile", "dataset_name", "eval_data", "model_name_or_path",
                                            "max_steps"};
    json_t *all = options_json(o), *out = json_object(), *one;
    const char *name;
    json_object_foreach(all, name, one)
    {
        json_t *v = json_object_get(one, "value");
        bool skip = json_is_null(v);
        for (size_t i = 0; i < sizeof other / sizeof *other; i++) skip |= !strcmp(name, other[i]);
        if (!skip) json_object_set(out, name, v);
    }
    json_decref(all);
    return out;
}

static json_t *rows_json(const char *path, const job_rows *r)
{
    const str *s = &r->table.source;
    json_t *o = job_data_json(path, str_c(s), s->n, r->table.rows);
    json_object_set_new(o, "used", json_integer((json_int_t)r->set.n));
    json_object_set_new(o, "tokens", json_integer((json_int_t)r->set.tokens));
    json_object_set_new(o, "label_tokens", json_integer((json_int_t)r->set.label_tokens));
    return o;
}

/* What texts are written with and judged by; how many at a time changes none. */
static void add_writing(const options *o, json_t *terms)
{
    json_t *all = options_json(o), *one;
    const char *name;
    json_object_foreach(all, name, one)
    {
        const option_row *r = option_find(COMMAND_COMPARE, name);
        bool writes = r && (r->commands & COMMAND_EVAL) && !(r->commands & COMMAND_TRAIN);
        if (writes && strcmp(name, "batch_size")) json_object_set(terms, name, json_object_get(one, "value"));
    }
    json_decref(all);
}

/* What has to be the same for a folder to be gone on with. */
static json_t *terms_json(comparison *c)
{
    const options *o = &c->recipe[0].o;
    const char *held = o->eval_data ? o->eval_data : o->data;
    char fingerprint[17] = "";
    checkpoint *file;
    err e = {0};
    if (checkpoint_open(&file, o->model, &e) == OK) {
        checkpoint_fingerprint_text(file, fingerprint);
        checkpoint_close(file);
    }
    json_t *t = json_pack("{s:s, s:s, s:o, s:o, s:b, s:I}", "model", o->model, "fingerprint", fingerprint,
                          "data",
                          rows_json(o->data, c->train), "held_out", rows_json(held, c->held), "equal_time",
                          c->o->equal_time, "seed", (json_int_t)c->o->seed);
    json_object_set_new(t, "max_steps", json_integer((json_int_t)o->max_steps));
    if (!o->eval_data) {
        json_object_set_new(t, "eval_split", json_real(o->eval_split));
        json_object_set_new(t, "split_seed", json_integer((json_int_t)o->split_seed));
    }
    add_writing(c->o, t);
    return t;
}

static int another(const comparison *c, const char *what, err *e)
{
    return fail(e, E_USAGE, "%s: holds another comparison (%s); choose another --out", c->o->out, what);
}

/* An option that the program which made the folder did not have yet is as it is now. */
static bool same_options(const json_t *now, const json_t *was)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)was, name, v)
        if (!json_equal(v, json_object_get(now, name))) return false;
    return true;
}

static int check_same(comparison *c, const json_t *old, const json_t *terms, const json_t *recipes, err *e)
{
    const json_t *was = json_object_get(old, "terms"), *had = json_object_get(old, "recipes");
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)terms, name, v)
    {
        json_t *w = json_object_get(was, name);
        if (json_is_object(v)) { /* a file may have another path, not another content */
            if (!json_equal(json_object_get(v, "fingerprint"), json_object_get(w, "fingerprint")) ||
                !json_equal(json_object_get(v, "rows"), json_object_get(w, "rows")))
                return another(c, name, e);
        } else if (strcmp(name, "model") && !json_equal(v, w))
            return another(c, name, e);
    }
    json_object_foreach((json_t *)(uintptr_t)recipes, name, v)
    {
        json_t *w = json_object_get(had, name);
        if (w && !same_options(v, w)) {
            str what = {0};
            str_fmt(&what, "recipe %s had other options", name);
            another(c, str_c(&what), e);
            str_free(&what);
            return e->code;
        }
    }
    return OK;
}

/* Nothing, or nothing but what this command writes. */
static int check_empty(const char *folder, err *e)
{
    DIR *d = opendir(folder);
    int bad = OK;
    for (struct dirent *f; d && !bad && (f = readdir(d)) != NULL;)
        if (f->d_name[0] != '.')
            bad = fail(e, E_USAGE, "%s: holds other files (%s) and no compare.json; choose another --out",
                       folder,
                       f->d_name);
    if (d) closedir(d);
    return bad;
}

int compare_save(const comparison *c, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/compare.json", c->o->out);
    int bad = json_save(c->told, path.p, 2, false, e);
    str_free(&path);
    return bad;
}

int compare_begin(comparison *c, err *e)
{
    const char *path = compare_path(c, "compare.json", NULL);
    if (file_exists(c->o->out) && !file_is_dir(c->o->out))
        return fail(e, E_IO, "%s: is a file; --out names a folder", c->o->out);
    json_t *terms = terms_json(c), *recipes = json_object(), *old = NULL;
    for (int i = 0; i < c->recipes; i++)
        json_object_set_new(recipes, c->recipe[i].name, options_that_matter(&c->recipe[i].o));
    int bad = OK;
    if (file_exists(path)) {
        old = json_parse_file(path, e);
        bad = old ? check_same(c, old, terms, recipes, e) : e->code;
    } else if (file_is_dir(c->o->out))
        bad = check_empty(c->o->out, e);
    if (!bad) bad = file_mkdirs(c->o->out, e);
    if (!bad) {
        json_t *pace = json_object_get(old, "steps");
        c->told = json_pack("{s:s, s:s, s:O, s:O}", "lorac", LORAC_VERSION, "command", "compare", "terms",
                            terms,
                            "recipes", recipes);
        if (pace) json_object_set(c->told, "steps", pace);
        bad = compare_save(c, e);
    }
    json_decref(old);
    json_decref(terms);
    json_decref(recipes);
    return bad;
}
