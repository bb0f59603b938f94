/* recipes.c -- what is compared: options of train for every recipe.
 *
 * Later wins: defaults; the file of --config; the recipe (its file, or the type its name says); the command line,
 * which may not say otherwise than a recipe's file does: recipes meant to differ would be one. What decides about
 * rows, their order and how many are learned (the terms) has to be the same for all. */
#include "lib/compare/compare.h"

#include "base/file.h"
#include "tensor/dtype.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

static const char *const terms[] = {"model_name_or_path",  "dataset_name",        "eval_data",
                                    "eval_split",          "split_seed",          "prompt_template",
                                    "completion_template", "completion_column",   "dataset_text_field",
                                    "max_length",          "packing",             "completion_only_loss",
                                    "assistant_only_loss", "chat_template_path",  "chat_template_kwargs",
                                    "num_train_epochs",    "train_sampling_strategy", "seed",
                                    "max_steps",           "invalid_utf8",        "task_type",
                                    "problem_type",        "text_column_names",   "label_column_name"};

static int copy_options(options *to, const options *from, option_origin origin, err *e)
{
    json_t *all = options_json(from), *one;
    const char *name;
    int bad = OK;
    json_object_foreach(all, name, one)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        if (!r || options_origin(from, name) != origin || (r->flags & OPTION_NOT_REPEATED)) continue;
        if (!bad) bad = option_set_json(to, r, json_object_get(one, "value"), origin, e);
    }
    json_decref(all);
    return bad;
}

/* "nf4+dq" is nf4 with double quantization. */
static int of_type(options *o, const char *word, err *e)
{
    static const char *const short_name[][2] = {{"lora", "none"}, {"qlora", "nf4+dq"}};
    char type[64];
    for (size_t i = 0; i < 2; i++)
        if (!strcasecmp(word, short_name[i][0])) word = short_name[i][1];
    snprintf(type, sizeof type, "%s", word);
    char *plus = strstr(type, "+dq");
    if (plus && !plus[3]) *plus = 0;
    for (char *p = type; *p; p++) *p = (char)tolower((unsigned char)*p);
    if (!strcmp(type, "f32")) snprintf(type, sizeof type, "none");
    bool plain = !strcmp(type, "as-is") || !strcmp(type, "none");
    dtype t = plain ? DT_COUNT : dtype_find(type);
    bool known = plain || (t != DT_COUNT && dtype_table[t]->is_weight && dtype_table[t]->encode);
    if (!known)
        return fail(e, E_USAGE,
                    "--recipes: \"%s\" is no file, and not lora, qlora or a type weights can be held in "
                    "(as-is, "
                    "f32, bf16, nf4, nf4+dq, fp4, fp4+dq, int8, q8_0, q4_0, ...)",
                    word);
    int bad = options_set(o, "quantization", type, FROM_FILE, e);
    return bad ? bad : options_set(o, "double_quant", plus ? "true" : "false", FROM_FILE, e);
}

static bool is_file(const char *word)
{
    return file_exists(word) || strchr(word, '/') || str_ends(word, ".yaml") || str_ends(word, ".yml") ||
           str_ends(word, ".json");
}

/* The file's name without folder and ending; what a folder cannot be called becomes '_'. */
static const char *name_of(comparison *c, const char *word)
{
    const char *slash = strrchr(word, '/'), *from = slash ? slash + 1 : word;
    const char *dot = is_file(word) ? strrchr(from, '.') : NULL;
    char *name = arena_strndup(&c->mem, from, dot ? (size_t)(dot - from) : strlen(from));
    for (char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("._+-", *p)) *p = '_';
    return name;
}

static bool is_term(const char *name)
{
    for (size_t i = 0; i < sizeof terms / sizeof *terms; i++)
        if (!strcmp(terms[i], name)) return true;
    return false;
}

static json_t *value_in(const json_t *all, const char *name)
{
    return json_object_get(json_object_get(all, name), "value");
}

/* What the recipe's file says of itself, and the command line of all recipes. */
static int said_once(const char *file, const options *own, const options *given, err *e)
{
    json_t *x = options_json(own), *y = options_json(given), *unused;
    const char *name;
    int bad = OK;
    json_object_foreach(x, name, unused)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        const bool both = options_origin(own, name) == FROM_FILE && options_origin(given, name) == FROM_COMMAND_LINE;
        if (!r || !both || bad || (r->flags & OPTION_NOT_REPEATED) || is_term(name)) continue;
        if (json_equal(value_in(x, name), value_in(y, name))) continue;
        char *v = json_dumps(value_in(x, name), JSON_ENCODE_ANY | JSON_REAL_PRECISION(6)),
             *w = json_dumps(value_in(y, name), JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
        bad = fail(e, E_USAGE,
                   "%s: sets %s to %s, and the command line to %s; say it in one place (a file of --config "
                   "holds what recipes may change)",
                   file, name, v, w);
        free(v);
        free(w);
    }
    json_decref(x);
    json_decref(y);
    return bad;
}

/* A recipe's file, checked by itself and then put over what r has. */
static int of_file(contender *r, const char *word, const options *given, err *e)
{
    options own;
    options_init(&own, COMMAND_TRAIN);
    int bad = job_exists(word, "recipe file", e);
    if (!bad) bad = options_give(&own, "config", word, e);
    if (!bad) bad = said_once(word, &own, given, e);
    options_release(&own);
    return bad ? bad : options_give(&r->o, "config", word, e);
}

static int read_recipe(comparison *c, contender *r, const char *word, err *e)
{
    r->name = name_of(c, word);
    options_init(&r->o, COMMAND_TRAIN);
    int bad = copy_options(&r->o, c->o, FROM_FILE, e);
    if (!bad) bad = is_file(word) ? of_file(r, word, c->o, e) : of_type(&r->o, word, e);
    if (!bad) bad = copy_options(&r->o, c->o, FROM_COMMAND_LINE, e);
    bool given = options_origin(c->o, "eval_split") != FROM_DEFAULT, own = r->o.eval_data || r->o.eval_split > 0;
    if (!bad && c->o->eval_split > 0 && (given || !own)) { /* also when it is the default of a comparison */
        r->o.eval_split = c->o->eval_split;
        r->o.eval_data = NULL;
    }
    return bad ? bad : options_check(&r->o, e);
}

static int same_terms(const contender *a, const contender *b, err *e)
{
    json_t *x = options_json(&a->o), *y = options_json(&b->o);
    int bad = OK;
    for (size_t i = 0; i < sizeof terms / sizeof *terms && !bad; i++) {
        if (json_equal(value_in(x, terms[i]), value_in(y, terms[i]))) continue;
        bad = fail(e, E_USAGE,
                   "%s: %s is not that of %s; recipes are compared on equal terms, so give it to compare "
                   "itself",
                   b->name, terms[i], a->name);
    }
    json_decref(x);
    json_decref(y);
    bool same_batch = a->o.train_batch * a->o.accumulation == b->o.train_batch * b->o.accumulation;
    if (!bad && a->o.max_steps > 0 && !same_batch)
        bad = fail(e, E_USAGE,
                   "%s: a step takes other rows than that of %s, so the same max_steps is not the same rows; "
                   "give "
                   "num_train_epochs instead",
                   b->name, a->name);
    return bad;
}

static int not_the_same(const contender *a, const contender *b, err *e)
{
    json_t *x = options_json(&a->o), *y = options_json(&b->o), *unused;
    const char *name;
    bool same = true;
    json_object_foreach(x, name, unused)
    {
        const option_row *r = option_find(COMMAND_TRAIN, name);
        if (r && !(r->flags & OPTION_NOT_REPEATED)) same = same && json_equal(value_in(x, name), value_in(y, name));
    }
    json_decref(x);
    json_decref(y);
    return same ? fail(e, E_USAGE, "--recipes: %s and %s are the same recipe; leave one out", a->name, b->name) : OK;
}

/* The names of --recipes. With the + of "nf4+dq" in it the option took the list for one expression. */
static peft_list names_of(comparison *c)
{
    const peft_list *given = &c->o->recipes;
    size_t room = 1;
    for (int64_t i = 0; i < given->n; i++) room += strlen(given->p[i]);
    const char **name = arena_new(&c->mem, room * sizeof *name);
    int64_t n = 0;
    for (int64_t i = 0; i < given->n; i++)
        for (const char *p = given->p[i] + strspn(given->p[i], ", "); *p; p += strspn(p, ", ")) {
            size_t length = strcspn(p, ", ");
            name[n++] = arena_strndup(&c->mem, p, length);
            p += length;
        }
    return (peft_list){name, n};
}

int compare_recipes(comparison *c, err *e)
{
    const peft_list list = names_of(c), *words = &list;
    c->recipe = xcalloc((size_t)words->n + 1, sizeof *c->recipe);
    if (words->n < 2) return fail(e, E_USAGE, "--recipes: one recipe has nothing to be compared with; name "
                                              "two");
    for (int64_t i = 0; i < words->n; i++) {
        contender *r = &c->recipe[c->recipes++];
        err inner = {0};
        int bad = read_recipe(c, r, words->p[i], &inner);
        if (bad && strstr(inner.msg, words->p[i])) return fail(e, bad, "%s", inner.msg);
        if (bad) return fail(e, bad, "recipe %s: %s", words->p[i], inner.msg);
        for (int64_t k = 0; k < i; k++) {
            if (!strcmp(c->recipe[k].name, r->name))
                return fail(e, E_USAGE, "--recipes: two are called %s; rename a file", r->name);
            if (not_the_same(&c->recipe[k], r, e)) return e->code;
        }
        if (i && same_terms(c->recipe, r, e)) return e->code;
    }
    return OK;
}

const char *compare_type(const options *o, char name[64])
{
    bool blocks = !strcasecmp(o->quantization, "nf4") || !strcasecmp(o->quantization, "fp4");
    bool floats = !strcasecmp(o->quantization, "none");
    snprintf(name, 64, "%.50s%s", floats ? "f32" : o->quantization, blocks && o->double_quant ? "+dq" : "");
    return name;
}
