/* options.c -- from a command line and a configuration file to struct options; see options.h.
 *
 * The command line is read twice: first for --config, so that the file's values are there before the
 * command line's own overwrite them, wherever --config stands. */
#include "lib/options.h"

#include "base/file.h"
#include "lib/compat.h"
#include "lib/yaml.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool same_n(const char *a, const char *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (a[i] != b[i] && !((a[i] == '-' || a[i] == '_') && (b[i] == '-' || b[i] == '_'))) return false;
    return true;
}

bool option_same_name(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && same_n(a, b, strlen(a));
}

static bool has_alias(const option_row *r, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = r->alias; p && *p; p += *p == ' ') {
        size_t k = strcspn(p, " ");
        if (k == n && same_n(p, name, n)) return true;
        p += k;
    }
    return false;
}

bool option_belongs(const option_row *r, command c)
{
    unsigned all = c & (COMMAND_TUNE | COMMAND_COMPARE) ? c | COMMAND_TRAIN : c;
    return r->name && (r->commands & all);
}

const option_row *option_find(command c, const char *name)
{
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (option_belongs(r, c) && (option_same_name(r->name, name) || has_alias(r, name))) return r;
    }
    return NULL;
}

static void consider(const char *name, const char *candidate, size_t n, str *best, int *distance)
{
    char word[64], asked[64];
    snprintf(word, sizeof word, "%.*s", (int)n, candidate);
    snprintf(asked, sizeof asked, "%s", name);
    for (char *p = asked; *p; p++) *p = *p == '-' ? '_' : (char)tolower((unsigned char)*p);
    int d = str_distance(asked, word);
    if (n < 2 || d >= *distance) return;
    *distance = d;
    str_clear(best);
    str_puts(best, word);
}

/* The known name closest to `name`; empty when nothing is near. */
static void nearest(command c, const char *name, str *best)
{
    int distance = 1 + (int)(strlen(name) / 2);
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (!option_belongs(r, c)) continue;
        consider(name, r->name, strlen(r->name), best, &distance);
        for (const char *p = r->alias; p && *p; p += *p == ' ') {
            consider(name, p, strcspn(p, " "), best, &distance);
            p += strcspn(p, " ");
        }
    }
    for (int i = 0; compat_key(i); i++) consider(name, compat_key(i), strlen(compat_key(i)), best, &distance);
}

static int unknown(command c, const char *where, const char *dashes, const char *name, err *e)
{
    str best = {0};
    nearest(c, name, &best);
    const char *what = *dashes ? "option" : "key";
    if (best.n)
        fail(e, E_USAGE, "%sunknown %s %s%s; did you mean %s%s?", where, what, dashes, name, dashes,
             str_c(&best));
    else
        fail(e, E_USAGE, "%sunknown %s %s%s; see lorac %s --help", where, what, dashes, name,
             command_name(c));
    str_free(&best);
    return E_USAGE;
}

/* ---------------------------------------------------------------------------------------- file */

/* A key that another command has is fine in a file made for several. */
static bool other_command_has(const char *key) { return option_find(COMMAND_ALL, key) != NULL; }

static int set_entry(options *o, const yaml_entry *y, bool is_run, bool *quantization, err *e)
{
    option_origin from = y->is_default ? FROM_DEFAULT : FROM_FILE;
    const option_row *r = option_find(o->command, y->key);
    if (r && is_run && (r->flags & OPTION_NOT_REPEATED)) return OK;
    if (r && strcmp(r->name, "config") && strcmp(r->name, "help")) {
        if (!strcmp(r->name, "quantization") && !y->is_default) *quantization = true;
        return option_set_json(o, r, y->value, from, e);
    }
    if (json_is_null(y->value)) return OK;
    char *text = option_text_of(y->value);
    int known = compat_set(o, y->key, text, from, e);
    free(text);
    if (known) return known < 0 ? known : OK;
    return other_command_has(y->key) ? OK : unknown(o->command, "", "", y->key, e);
}

static int read_file(options *o, const char *path, err *e)
{
    yaml_file f;
    if (yaml_read(&f, path, e)) return e->code;
    bool quantization = false;
    int bad = OK;
    for (size_t i = 0; i < f.n && !bad; i++) {
        err inner = {0};
        bad = set_entry(o, &f.entry[i], f.is_run, &quantization, &inner);
        if (bad && f.entry[i].line)
            fail(e, bad, "%s:%d: %s", path, f.entry[i].line, inner.msg);
        else if (bad)
            fail(e, bad, "%s: %s", path, inner.msg);
    }
    err inner = {0};
    if (!bad && (bad = compat_finish(o, FROM_FILE, quantization, &inner)))
        fail(e, bad, "%s: %s", path, inner.msg);
    yaml_release(&f);
    return bad;
}

/* -------------------------------------------------------------------------------- command line */

typedef struct line {
    options *o;
    int argc, i;
    char *const *argv;
    bool files;        /* first pass: only --config is looked at */
    bool quantization; /* was given */
    bool rest;         /* after "--" */
} line;

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] && !isdigit((unsigned char)word[1]) && word[1] != '.';
}

/* The value of a flag that stands after it, or "true". */
static const char *flag_value(line *l, const char *value)
{
    if (value) return value;
    bool follows = l->i < l->argc && option_bool(l->argv[l->i]) >= 0;
    return follows ? l->argv[l->i++] : "true";
}

static int next_value(line *l, const char *name, const char **value, err *e)
{
    if (*value) return OK;
    if (l->i >= l->argc || str_starts(l->argv[l->i], "--"))
        return fail(e, E_USAGE, "--%s needs a value; see lorac %s --help", name, command_name(l->o->command));
    *value = l->argv[l->i++];
    return OK;
}

/* A list takes all words up to the next option: --lora_target_modules q_proj v_proj. */
static void list_value(line *l, const char *first, str *all)
{
    str_puts(all, first);
    while (l->i < l->argc && !is_option(l->argv[l->i])) str_fmt(all, " %s", l->argv[l->i++]);
}

static int assign(line *l, const option_row *r, const char *value, err *e)
{
    if (l->files != !strcmp(r->name, "config")) return OK;
    err inner = {0};
    int bad = option_set_text(l->o, r, value, FROM_COMMAND_LINE, &inner);
    if (!strcmp(r->name, "quantization")) l->quantization = true;
    return bad ? fail(e, bad, "--%s", inner.msg) : OK;
}

static int read_row(line *l, const option_row *r, const char *value, err *e)
{
    if (r->type == OPTION_FLAG) return assign(l, r, flag_value(l, value), e);
    bool joined = value != NULL;
    if (next_value(l, r->name, &value, e)) return E_USAGE;
    if (r->type != OPTION_LIST || joined) return assign(l, r, value, e);
    str all = {0};
    list_value(l, value, &all);
    int bad = assign(l, r, str_c(&all), e);
    str_free(&all);
    return bad;
}

static int read_compat(line *l, const char *name, const char *value, err *e)
{
    bool known = false;
    for (int i = 0; compat_key(i); i++) known = known || option_same_name(compat_key(i), name);
    if (!known) return unknown(l->o->command, "", "--", name, e);
    if (compat_is_flag(name))
        value = flag_value(l, value);
    else if (next_value(l, name, &value, e))
        return E_USAGE;
    if (l->files) return OK;
    err inner = {0};
    int took = compat_set(l->o, name, value, FROM_COMMAND_LINE, &inner);
    return took < 0 ? fail(e, took, "--%s", inner.msg) : OK;
}

/* --no-NAME of a flag. */
static const option_row *negated(const options *o, const char *name)
{
    if (!str_starts(name, "no-") && !str_starts(name, "no_")) return NULL;
    const option_row *r = option_find(o->command, name + 3);
    return r && r->type == OPTION_FLAG ? r : NULL;
}

static int read_option(line *l, const char *word, err *e)
{
    const char *name = word + strspn(word, "-"), *eq = strchr(name, '='), *value = eq ? eq + 1 : NULL;
    char key[64];
    if (snprintf(key, sizeof key, "%.*s", (int)(eq ? eq - name : (long)strlen(name)), name) >=
        (int)sizeof key)
        return fail(e, E_USAGE, "unknown option %.60s...; see lorac %s --help", word,
                    command_name(l->o->command));
    bool one_dash = word[1] != '-';
    const option_row *r = !one_dash || strlen(key) == 1 ? option_find(l->o->command, key) : NULL;
    if (r) return read_row(l, r, value, e);
    if (one_dash) return unknown(l->o->command, "", "-", key, e);
    if ((r = negated(l->o, key)) && !value) return assign(l, r, "false", e);
    return read_compat(l, key, value, e);
}

static int read_word(line *l, const char *word, err *e)
{
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (!r->name || !(r->flags & OPTION_POSITIONAL) || !(r->positional & l->o->command)) continue;
        bool given = l->o->origin[i] == FROM_COMMAND_LINE && r->type != OPTION_STRINGS;
        if (!l->files && given) continue;
        return assign(l, r, word, e);
    }
    return fail(e, E_USAGE, "unexpected word \"%s\"; options begin with --, see lorac %s --help", word,
                command_name(l->o->command));
}

static int read_line(line *l, err *e)
{
    int bad = OK;
    while (!bad && l->i < l->argc) {
        const char *word = l->argv[l->i++];
        if (!l->rest && !strcmp(word, "--"))
            l->rest = true;
        else if (!l->rest && is_option(word))
            bad = read_option(l, word, e);
        else
            bad = read_word(l, word, e);
    }
    return bad;
}

void options_init(options *o, command c)
{
    *o = (options){.command = c};
    o->origin = arena_new(&o->mem, (size_t)option_rows);
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (!r->name || !strcmp(r->otherwise, "none")) continue;
        err e = {0};
        BUG_IF(option_set_text(o, r, r->otherwise, FROM_DEFAULT, &e));
    }
}

int options_set(options *o, const char *name, const char *value, option_origin from, err *e)
{
    const option_row *r = option_find(o->command, name);
    return r ? option_set_text(o, r, value, from, e) : unknown(o->command, "", "", name, e);
}

int options_give(options *o, const char *name, const char *value, err *e)
{
    const option_row *r = option_find(o->command, name);
    if (r && !strcmp(r->name, "config")) return read_file(o, value, e);
    if (r) return option_set_text(o, r, value, FROM_COMMAND_LINE, e);
    int took = compat_set(o, name, value, FROM_COMMAND_LINE, e);
    if (took < 0) return took;
    if (!took) return unknown(o->command, "", "", name, e);
    bool given = options_origin(o, "quantization") == FROM_COMMAND_LINE && !o->bnb.applied;
    return compat_finish(o, FROM_COMMAND_LINE, given, e);
}

int options_parse(options *o, command c, int argc, char *const *argv, err *e)
{
    options_init(o, c);
    line first = {.o = o, .argc = argc, .argv = argv, .files = true};
    int bad = read_line(&first, e);
    if (!bad && o->config) bad = read_file(o, o->config, e);
    line second = {.o = o, .argc = argc, .argv = argv};
    if (!bad) bad = read_line(&second, e);
    if (!bad) bad = compat_finish(o, FROM_COMMAND_LINE, second.quantization, e);
    if (!bad && !o->help) bad = options_check(o, e);
    return bad;
}

void options_release(options *o)
{
    arena_free(&o->mem);
    *o = (options){0};
}

option_origin options_origin(const options *o, const char *name)
{
    const option_row *r = option_find(o->command, name);
    return r ? (option_origin)o->origin[r - option_table] : FROM_DEFAULT;
}
