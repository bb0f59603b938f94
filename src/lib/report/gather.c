/* gather.c -- from folders to the page's JSON; see report.h. */
#include "lib/report/impl.h"

#include "base/file.h"
#include "lib/compare/compare.h"
#include "lib/report/gathering.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static char *join(const char *a, const char *b)
{
    str s = {0};
    str_fmt(&s, "%s/%s", a, b);
    return s.p;
}

static json_t *read_if_there(const char *folder, const char *name, err *e)
{
    char *path = join(folder, name);
    json_t *o = file_exists(path) ? json_parse_file(path, e) : NULL;
    free(path);
    return o;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

/* The values that somebody chose. */
static json_t *chosen(const json_t *all)
{
    json_t *out = json_object(), *one;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)all, name, one)
    {
        json_t *v = json_object_get(one, "value");
        const char *origin = json_string_value(json_object_get(one, "origin"));
        const option_row *r = option_find(COMMAND_TRAIN, name);
        bool repeated = r && !(r->flags & OPTION_NOT_REPEATED);
        bool given = origin && strcmp(origin, "default");
        if (v && !json_is_null(v) && given && repeated) json_object_set(out, name, v);
    }
    return out;
}

static void add_point(json_t *list, const json_t *line, const char *key)
{
    json_array_append_new(list, json_pack("[f, f, f]", report_num(line, "tokens"), report_num(line,
                                                                                              "seconds"),
                                          report_num(line, key)));
}

int gathering_log(json_t *r, const char *folder, err *e)
{
    str text = {0};
    char *path = join(folder, "log.jsonl");
    json_t *train = json_array(), *eval = json_array();
    int bad = file_exists(path) ? file_read(&text, path, (size_t)1 << 28, e) : OK;
    char *rest = text.p;
    for (char *line; !bad && rest && (line = strsep(&rest, "\n")) != NULL && *line;) {
        err inner = {0};
        json_t *o = json_parse(line, strlen(line), path, &inner);
        if (!o && !rest) break; /* a run that goes on is just writing its last line */
        if (!o) bad = fail(e, inner.code, "%s", inner.msg);
        bool timed = json_object_get(o, "seconds") != NULL; /* logs of older programs are not */
        if (timed && json_object_get(o, "eval_loss")) add_point(eval, o, "eval_loss");
        if (timed && json_object_get(o, "loss")) add_point(train, o, "loss");
        json_decref(o);
    }
    json_object_set_new(r, "train", train);
    json_object_set_new(r, "eval", eval);
    free(path);
    str_free(&text);
    return bad;
}

static void copy(json_t *to, const char *as, const json_t *from, const char *key)
{
    json_t *v = json_object_get(from, key);
    if (v && !json_is_null(v)) json_object_set(to, as, v);
}

static void copy_all(json_t *to, const json_t *from, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) copy(to, keys[i], from, keys[i]);
}

static void add_facts(json_t *r, const json_t *facts, const json_t *eval)
{
    static const char *const result_keys[] = {"seconds", "tokens", "tokens_per_second", "steps", "train_loss",
                                              "trainable_parameters"};
    static const char *const eval_keys[] = {"loss", "token_accuracy", "accuracy", "macro_f1", "micro_f1",
                                            "entity_f1", "chrf", "bleu", "rougeL", "coverage",
                                            "slot_error_rate", "attributes"};
    const json_t *result = json_object_get(facts, "result"), *memory = json_object_get(result, "memory");
    copy(r, "loss", result, "eval_loss");
    copy(r, "loss_before", result, "eval_loss_before");
    copy(r, "token_accuracy", result, "eval_token_accuracy");
    copy(r, "accuracy", result, "eval_accuracy");
    copy(r, "macro_f1", result, "eval_f1");
    copy(r, "entity_f1", result, "eval_entity_f1");
    copy(r, "memory", memory, "total");
    if (memory) json_object_set_new(r, "adapter_bytes", json_real(report_num(memory, "adapter")));
    copy_all(r, result, result_keys, sizeof result_keys / sizeof *result_keys);
    copy_all(r, eval, eval_keys, sizeof eval_keys / sizeof *eval_keys);
}

void gathering_group(gathering *g, const char *name)
{
    for (size_t i = 0; i < json_array_size(g->groups); i++)
        if (!strcmp(json_string_value(json_array_get(g->groups, i)), name)) return;
    json_array_append_new(g->groups, json_string(name));
}

int gathering_command(json_t *r, const char *folder, err *e)
{
    json_t *facts = read_if_there(folder, "run.json", e), *mine = chosen(json_object_get(facts, "options"));
    str words = {0};
    report_command(mine, &words);
    if (facts) json_object_set_new(r, "command", json_string(str_c(&words)));
    str_free(&words);
    json_decref(mine);
    json_decref(facts);
    return e->code;
}

/* The texts of a run, by prompt; of every group those of its first run. */
static int add_texts(gathering *g, const char *folder, const char *group, err *e)
{
    str text = {0};
    char *path = join(folder, "eval/eval.jsonl");
    json_t *all = json_object_get(g->page, "prompts"), *seen = json_object_get(g->page, "written");
    int bad = OK;
    if (file_exists(path) && !json_object_get(seen, group)) {
        bad = file_read(&text, path, (size_t)1 << 28, e);
        json_object_set_new(seen, group, json_true());
    }
    char *rest = text.p;
    for (char *line; !bad && rest && (line = strsep(&rest, "\n")) != NULL && *line;) {
        json_t *o = json_parse(line, strlen(line), path, e);
        if (!o) bad = e->code;
        const char *prompt = report_text(o, "prompt");
        json_t *one = json_object_get(all, prompt);
        if (!bad && !one) {
            json_t *refs = json_object_get(o, "references");
            one = json_pack("{s:s, s:O, s:[]}", "prompt", prompt, "references", refs, "by");
            json_object_set_new(all, prompt, one);
        }
        json_t *mine = json_pack("{s:s, s:s}", "group", group, "text", report_text(o, "text"));
        copy(mine, "slots", o, "slots");
        copy(mine, "copied", o, "copied");
        if (!bad && one) json_array_append(json_object_get(one, "by"), mine);
        json_decref(mine);
        json_decref(o);
    }
    free(path);
    str_free(&text);
    return bad;
}

static int add_run(gathering *g, const char *folder, const char *group, json_t *facts, err *e)
{
    json_t *r = json_object(), *eval = read_if_there(folder, "eval/eval.json", e);
    if (!eval && !e->code) eval = read_if_there(folder, "eval.json", e);
    int bad = e->code;
    json_t *mine = chosen(json_object_get(facts, "options"));
    json_object_set_new(r, "name", json_string(last_part(folder)));
    json_object_set_new(r, "group", json_string(group ? group : last_part(folder)));
    copy(r, "seed", facts, "seed");
    str words = {0};
    report_command(mine, &words);
    json_object_set_new(r, "command", json_string(str_c(&words)));
    json_object_set_new(r, "options", mine);
    str_free(&words);
    add_facts(r, facts, eval);
    if (!bad) bad = gathering_log(r, folder, e);
    if (!bad) bad = add_texts(g, folder, report_text(r, "group"), e);
    gathering_group(g, report_text(r, "group"));
    json_array_append_new(g->runs, r);
    json_decref(eval);
    return bad;
}

static int add_folder(gathering *g, const char *folder, const char *group, err *e);

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* The folders in a folder, in the order of their names. */
static int add_inner(gathering *g, const char *folder, err *e)
{
    enum { MOST = 4096 };
    DIR *d = g->depth < 3 ? opendir(folder) : NULL;
    char **name = xcalloc(MOST, sizeof *name);
    size_t n = 0;
    for (struct dirent *f; d && n < MOST && (f = readdir(d)) != NULL;)
        if (f->d_name[0] != '.' && strncmp(f->d_name, "checkpoint-", 11)) name[n++] = join(folder, f->d_name);
    if (d) closedir(d);
    qsort(name, n, sizeof *name, by_name);
    int bad = OK;
    for (size_t i = 0; i < n; i++) {
        if (!bad && file_is_dir(name[i])) bad = add_folder(g, name[i], NULL, e);
        free(name[i]);
    }
    free(name);
    return bad;
}

/* Its runs in the order of its recipes. */
static int add_comparison(gathering *g, const char *folder, json_t *told, err *e)
{
    const json_t *results = json_object_get(told, "results");
    int bad = OK;
    if (!results)
        return fail(e, E_USAGE, "%s: the comparison is not finished; give its command again first", folder);
    json_object_set(g->page, "compare", told);
    for (size_t i = 0; i < json_array_size(results) && !bad; i++) {
        const json_t *one = json_array_get(results, i), *runs = json_object_get(one, "runs");
        for (size_t k = 0; k < json_array_size(runs) && !bad; k++) {
            char *path = join(folder, report_text(json_array_get(runs, k), "name"));
            bad = add_folder(g, path, report_text(one, "name"), e);
            free(path);
        }
    }
    return bad;
}

static int add_folder(gathering *g, const char *folder, const char *group, err *e)
{
    enum { DEEPEST = 8 };
    if (g->depth == DEEPEST)
        return fail(e, E_FORMAT, "%s: lies in itself, by what a compare.json says; make the comparison again",
                    folder);
    json_t *told = read_if_there(folder, "compare.json", e), *facts = NULL;
    bool study = !told && report_is_study(folder);
    if (!told && !study && !e->code) facts = read_if_there(folder, "run.json", e);
    int bad = e->code;
    g->depth++;
    if (!bad && study)
        bad = report_add_study(g, folder, e);
    else if (!bad && told)
        bad = add_comparison(g, folder, told, e);
    else if (!bad && facts)
        bad = add_run(g, folder, group, facts, e);
    else if (!bad)
        bad = add_inner(g, folder, e);
    g->depth--;
    json_decref(told);
    json_decref(facts);
    return bad;
}

/* Slots of every attribute, summed over the runs of a group. */
static void add_attributes(json_t *page)
{
    json_t *list = json_array(), *runs = json_object_get(page, "runs"), *index = json_object();
    static const char *const keys[] = {"slots", "realized", "missing", "wrong", "added"};
    for (size_t i = 0; i < json_array_size(runs); i++) {
        json_t *r = json_array_get(runs, i), *all = json_object_get(r, "attributes");
        for (size_t k = 0; k < json_array_size(all); k++) {
            const json_t *a = json_array_get(all, k);
            const char *name = report_text(a, "attribute"), *group = report_text(r, "group");
            json_t *one = json_object_get(index, name);
            if (!one) {
                one = json_pack("{s:s, s:{}}", "attribute", name, "by");
                json_array_append_new(list, one);
                json_object_set(index, name, one);
            }
            json_t *by = json_object_get(one, "by"), *sum = json_object_get(by, group);
            if (!sum) json_object_set_new(by, group, sum = json_object());
            for (size_t s = 0; s < sizeof keys / sizeof *keys; s++) {
                double was = json_number_value(json_object_get(sum, keys[s]));
                double more = json_number_value(json_object_get(a, keys[s]));
                json_object_set_new(sum, keys[s], json_real(was + more));
            }
        }
        json_object_del(r, "attributes");
    }
    json_decref(index);
    json_object_set_new(page, "attributes", list);
}

static void add_summary(json_t *page, const char *first)
{
    json_t *runs = json_object_get(page, "runs"), *lines = json_array(), *best = NULL, *fast = NULL;
    const json_t *verdict = json_object_get(json_object_get(page, "compare"), "verdict"),
                 *study = json_object_get(json_object_get(page, "study"), "lines");
    size_t n = json_array_size(runs);
    for (size_t i = 0; i < n; i++) {
        json_t *r = json_array_get(runs, i);
        if (report_num(r, "loss") < (best ? report_num(best, "loss") : INFINITY)) best = r;
        if (report_num(r, "tokens_per_second") > (fast ? report_num(fast, "tokens_per_second") : 0)) fast = r;
    }
    json_array_append_new(lines, json_sprintf("%zu %s of %zu %s.", n, n == 1 ? "run" : "runs",
                                              json_array_size(json_object_get(page, "groups")),
                                              verdict ? "recipes" : n == 1 ? "kind" : "kinds"));
    if (study) json_array_clear(lines);
    json_array_extend(lines, (json_t *)(uintptr_t)study);
    for (size_t i = 0; i < json_array_size(verdict); i++) json_array_append(lines, json_array_get(verdict,
                                                                                                  i));
    if (best && !verdict && !study)
        json_array_append_new(lines, json_sprintf("Lowest held-out loss: %s, %.4f. A single run shows no "
                                                  "difference "
                                                  "from another that its seed might not have made.",
                                                  report_text(best, "name"), report_num(best, "loss")));
    if (fast && n > 1 && !verdict)
        json_array_append_new(lines, json_sprintf("Most tokens a second: %s, %.0f.", report_text(fast,
                                                                                                 "name"),
                                                  report_num(fast, "tokens_per_second")));
    json_object_set_new(page, "summary", lines);
    json_object_set_new(page, "title", json_string(last_part(first)));
}

int report_gather(json_t **out, const peft_list *folders, err *e)
{
    gathering g = {.page = json_object(), .runs = json_array(), .groups = json_array()};
    json_object_set_new(g.page, "runs", g.runs);
    json_object_set_new(g.page, "groups", g.groups);
    json_object_set_new(g.page, "prompts", json_object());
    json_object_set_new(g.page, "written", json_object());
    int bad = OK;
    for (int64_t i = 0; i < folders->n && !bad; i++) {
        size_t before = json_array_size(g.runs);
        bad = file_is_dir(folders->p[i]) ? add_folder(&g, folders->p[i], NULL, e)
                                         : fail(e, E_IO, "%s: there is no such folder", folders->p[i]);
        bool none = json_array_size(g.runs) == before; /* a study may have none that was judged */
        if (!bad && none && !report_is_study(folders->p[i]))
            bad = fail(e, E_USAGE, "%s: holds no run, no comparison and no study", folders->p[i]);
    }
    if (bad) {
        json_decref(g.page);
        return bad;
    }
    json_t *texts = json_array(), *one;
    const char *prompt;
    json_object_foreach(json_object_get(g.page, "prompts"), prompt, one) json_array_append(texts, one);
    json_object_set_new(g.page, "texts", texts);
    json_object_del(g.page, "prompts");
    json_object_del(g.page, "written");
    add_attributes(g.page);
    add_summary(g.page, folders->p[0]);
    *out = g.page;
    return OK;
}
