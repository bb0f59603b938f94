/* job_class.c -- see job_class.h. */
#include "lib/job_class.h"

#include "base/file.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------ the task */

static model_task task_named(const char *name)
{
    for (int t = TASK_SEQ_CLS; t <= TASK_TOKEN_CLS; t++)
        if (name && !strcmp(name, model_task_name((model_task)t))) return (model_task)t;
    return TASK_CAUSAL_LM;
}

/* task_type of an adapter's configuration. */
static int task_of_adapter(const char *folder, model_task *out, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/adapter_config.json", folder);
    *out = TASK_CAUSAL_LM;
    json_t *j = file_exists(str_c(&path)) ? json_parse_file(str_c(&path), e) : NULL;
    int code = j || !file_exists(str_c(&path)) ? OK : E_FORMAT;
    if (j) *out = task_named(json_string_value(json_object_get(j, "task_type")));
    json_decref(j);
    str_free(&path);
    return code;
}

/* Options of rows that the task does not read would do nothing. */
static int refuse_foreign(const options *o, model_task task, err *e)
{
    static const char *const texts[] = {"prompt_template",      "completion_template",  "completion_column",
                                        "dataset_text_field",   "completion_only_loss", "assistant_only_loss",
                                        "chat_template_path",   "chat_template_kwargs"},
                             *const labels[] = {"text_column_names", "label_column_name", "problem_type"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts && task != TASK_CAUSAL_LM; i++)
        if (options_origin(o, texts[i]) != FROM_DEFAULT)
            return fail(e, E_USAGE,
                        "%s is for rows of text; what a classifier reads of a row is said with text_column_names and "
                        "label_column_name",
                        texts[i]);
    for (size_t i = 0; i < sizeof labels / sizeof *labels && task == TASK_CAUSAL_LM; i++)
        if (options_origin(o, labels[i]) != FROM_DEFAULT)
            return fail(e, E_USAGE, "%s is for classifiers (--task_type SEQ_CLS or TOKEN_CLS)", labels[i]);
    return OK;
}

static int find_task(job_class *c, const options *o, err *e)
{
    model_task of_adapter = TASK_CAUSAL_LM, asked = task_named(o->task_type);
    int code = o->adapter ? task_of_adapter(o->adapter, &of_adapter, e) : OK;
    if (code != OK) return code;
    c->head.task = o->task_type && strcmp(o->task_type, "auto") ? asked : of_adapter;
    if (!o->adapter || c->head.task == of_adapter) return refuse_foreign(o, c->head.task, e);
    return fail(e, E_USAGE, "--task_type %s: the adapter %s is for %s", o->task_type, o->adapter,
                model_task_name(of_adapter));
}

int job_class_check_task(const options *o, const model *m, err *e)
{
    const bool both = m->config->encoder_layers > 0, texts = o->task_type && strstr(o->task_type, "_LM");
    const char *want = both ? "SEQ_2_SEQ_LM" : "CAUSAL_LM";
    if (!texts || !strcmp(o->task_type, want)) return OK;
    return fail(e, E_USAGE, "--task_type %s: %s is %s; its task is %s", o->task_type, m->config->architecture,
                both ? "an encoder and a decoder" : "a decoder", want);
}

int job_class_refuse_text(const options *o, err *e)
{
    model_task task = TASK_CAUSAL_LM;
    int code = o->adapter ? task_of_adapter(o->adapter, &task, e) : OK;
    if (code != OK || task == TASK_CAUSAL_LM) return code;
    return fail(e, E_UNSUPPORTED,
                "%s: is a classifier (%s), which writes no text; lorac eval --predictions FILE writes its "
                "labels",
                o->adapter, model_task_name(task));
}

/* ---------------------------------------------------------------------------------- the labels */

/* The names of id2label, {"0": "a", "1": "b"}, which has to be whole. */
static int names_of(label_set *l, label_kind kind, const json_t *map, const char *where, err *e)
{
    const size_t n = json_object_size(map);
    const char **name = xcalloc(n + 1, sizeof *name);
    int code = n && n <= LABELS_MAX ? OK : fail(e, E_FORMAT, "%s: \"id2label\" names no labels", where);
    for (size_t i = 0; i < n && code == OK; i++) {
        char key[24];
        snprintf(key, sizeof key, "%zu", i);
        name[i] = json_string_value(json_object_get(map, key));
        if (!name[i]) code = fail(e, E_FORMAT, "%s: \"id2label\" has no name for %zu", where, i);
    }
    if (code == OK) labels_copy(l, kind, name, (int64_t)n);
    free(name);
    return code;
}

/* config.json of a folder, with its own labels; NULL when there is none. */
static json_t *config_with_labels(const char *folder, const char *below, err *e)
{
    str path = {0};
    str_fmt(&path, "%s%s/config.json", folder, below);
    json_t *j = file_exists(str_c(&path)) ? json_parse_file(str_c(&path), e) : NULL;
    str_free(&path);
    if (j && json_is_object(json_object_get(j, "id2label"))) return j;
    json_decref(j);
    return NULL;
}

/* What a configuration's problem_type makes of labels. */
static label_kind kind_named(const char *problem, label_kind otherwise)
{
    if (!problem) return otherwise;
    if (!strcmp(problem, "regression")) return LABEL_VALUE;
    if (!strcmp(problem, "multi_label_classification")) return LABEL_SEVERAL;
    return !strcmp(problem, "single_label_classification") ? LABEL_ONE : otherwise;
}

static label_kind kind_of(const job_class *c, const options *o, const json_t *config, int column)
{
    if (c->head.task == TASK_TOKEN_CLS) return LABEL_TOKENS;
    const char *asked = o->problem_type && strcmp(o->problem_type, "auto") ? o->problem_type : NULL;
    if (!asked) asked = json_string_value(json_object_get(config, "problem_type"));
    return asked ? kind_named(asked, LABEL_ONE) : labels_guess(&c->table, column);
}

/* Whether all labels of `data` are among `known`. */
static bool covers(const label_set *known, const label_set *data)
{
    for (int64_t i = 0; i < data->n; i++) {
        int64_t k = 0;
        while (k < known->n && strcmp(known->name[k], data->name[i])) k++;
        if (k == known->n) return false;
    }
    return true;
}

static int find_labels(job_class *c, const options *o, class_use use, int column, err *e)
{
    const table *t = &c->table;
    json_t *config = NULL;
    err ignored = {0};
    if (o->adapter) config = config_with_labels(o->adapter, "", &ignored);
    if (o->adapter && !config) config = config_with_labels(o->adapter, "/..", &ignored);
    const bool trained = config != NULL;
    if (!config) config = config_with_labels(o->model, "", &ignored);
    const label_kind kind = kind_of(c, o, config, column);
    label_set data = {0}, known = {0};
    int code = use == CLASS_LEARN && !trained ? labels_collect(&data, kind, t, column, e) : OK;
    if (code == OK && config)
        code = names_of(&known, kind, json_object_get(config, "id2label"), "config.json", e);
    const bool fits = trained || use == CLASS_JUDGE || (kind != LABEL_VALUE && covers(&known, &data));
    if (code == OK && config && fits) {
        c->labels = known;
        labels_release(&data);
    } else if (code == OK && use == CLASS_LEARN) {
        c->labels = data;
        labels_release(&known);
    } else if (code == OK)
        code = fail(e, E_USAGE,
                    "%s: no config.json names the labels (id2label) of this classifier; give the adapter's run "
                    "folder",
                    o->adapter ? o->adapter : o->model);
    json_decref(config);
    return code;
}

static int columns_of(class_columns *out, const options *o, model_task task, const table *t, err *e)
{
    const class_names names = {o->text_columns.p, o->text_columns.n, o->label_column, task == TASK_TOKEN_CLS};
    return class_find_columns(out, t, &names, e);
}

int job_class_open(job_class *c, const options *o, class_use use, err *e)
{
    static const objective_kind of[] = {[LABEL_ONE] = OBJECTIVE_CLASS,
                                        [LABEL_VALUE] = OBJECTIVE_VALUE,
                                        [LABEL_SEVERAL] = OBJECTIVE_SEVERAL,
                                        [LABEL_TOKENS] = OBJECTIVE_CLASS};
    *c = (job_class){0};
    class_columns columns;
    int code = find_task(c, o, e);
    if (code != OK || c->head.task == TASK_CAUSAL_LM) return code;
    code = job_table_open(&c->table, o->data, o, NULL, e);
    c->has_table = code == OK;
    if (code == OK) code = columns_of(&columns, o, c->head.task, &c->table, e);
    if (code == OK) code = find_labels(c, o, use, columns.label, e);
    if (code == OK) {
        c->head.objective = of[c->labels.kind];
        c->head.outputs = c->labels.n;
    } else
        job_class_close(c);
    return code;
}

void job_class_close(job_class *c)
{
    if (c->has_table) table_close(&c->table);
    labels_release(&c->labels);
    *c = (job_class){0};
}

/* ------------------------------------------------------------------------------------ the rows */

int job_class_rows(job_class *c, job_rows *r, const char *path, rows_part part, const options *o,
                   const job_model *j, const job_hooks *h, err *e)
{
    *r = (job_rows){.classified = true};
    const bool encoder = j->model->config->family->encoder;
    const int64_t longest = model_longest(j->model);
    const class_options how = {.max_length = o->max_length > longest ? longest : o->max_length,
                               .reads = encoder ? CLASS_READS_FIRST : CLASS_READS_LAST};
    int code = OK;
    if (c->has_table && !strcmp(path, o->data)) {
        r->table = c->table;
        c->has_table = false;
    } else
        code = job_table_open(&r->table, path, o, NULL, e);
    if (code == OK) r->open = 1;
    if (code == OK) code = columns_of(&r->columns, o, c->head.task, &r->table, e);
    if (code == OK) code = job_split(r, o, part, e);
    if (code == OK) code = rowset_classify(&r->set, &r->table, &r->columns, &c->labels, j->tokenizer, &how, e);
    if (code != OK) job_rows_close(r);
    else if (h) job_rows_tell(r, path, h);
    return code;
}

/* ------------------------------------------------------------------------------------- results */

int job_class_write(const job_class *c, const options *o, err *e)
{
    static const char *const problem[] = {[LABEL_ONE] = "single_label_classification",
                                          [LABEL_VALUE] = "regression",
                                          [LABEL_SEVERAL] = "multi_label_classification"};
    str path = {0};
    err ignored = {0};
    str_fmt(&path, "%s/config.json", o->model);
    json_t *config = file_exists(str_c(&path)) ? json_parse_file(str_c(&path), &ignored) : NULL;
    if (!json_is_object(config)) config = json_object();
    json_t *names = json_object(), *ids = json_object();
    for (int64_t i = 0; i < c->labels.n; i++) {
        char key[24];
        snprintf(key, sizeof key, "%lld", (long long)i);
        const char *name = c->labels.name ? c->labels.name[i] : "LABEL_0";
        json_object_set_new(names, key, json_string(name));
        json_object_set_new(ids, name, json_integer(i));
    }
    json_object_set_new(config, "id2label", names);
    json_object_set_new(config, "label2id", ids);
    if (c->labels.kind != LABEL_TOKENS)
        json_object_set_new(config, "problem_type", json_string(problem[c->labels.kind]));
    str_clear(&path);
    str_fmt(&path, "%s/config.json", o->out);
    int code = json_save(config, str_c(&path), 2, false, e);
    json_decref(config);
    str_free(&path);
    return code;
}

static void add_class(const label_set *l, str *out, const float *z)
{
    int64_t best = 0;
    double sum = 0;
    for (int64_t k = 1; k < l->n; k++)
        if (z[k] > z[best]) best = k;
    for (int64_t k = 0; k < l->n; k++) sum += exp((double)z[k] - (double)z[best]);
    str_fmt(out, "\t%s\t%.6f", l->name[best], 1 / sum);
}

void job_class_prediction(const job_class *c, str *out, int64_t row, const float *logits, int64_t n)
{
    const label_set *l = &c->labels;
    str_fmt(out, "%lld", (long long)row + 1);
    for (int64_t i = 0; i < n; i++) {
        const float *z = logits + i * l->n;
        if (l->kind == LABEL_ONE || l->kind == LABEL_TOKENS) add_class(l, out, z);
        if (l->kind == LABEL_VALUE) str_fmt(out, "\t%.9g", (double)z[0]);
        for (int64_t k = 0; l->kind == LABEL_SEVERAL && k < l->n; k++)
            if (z[k] > 0) str_fmt(out, "\t%s\t%.6f", l->name[k], 1 / (1 + exp(-(double)z[k])));
    }
    str_putc(out, '\n');
}
