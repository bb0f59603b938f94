/* job_card.c -- README.md of a run folder: a model card as the Hugging Face hub reads it, with base, data,
 * recipe and results. */
#include "base/file.h"
#include "lib/job_folder.h"

#include <stdlib.h>
#include <string.h>

/* A string as a double-quoted YAML scalar. */
static void add_quoted(str *s, const char *text)
{
    json_t *scalar = json_string(text);
    char *quoted = scalar ? json_dumps(scalar, JSON_ENCODE_ANY) : NULL;
    str_puts(s, quoted ? quoted : "\"\"");
    free(quoted);
    json_decref(scalar);
}

static void add_number(str *s, const json_t *result, const char *key, const char *label)
{
    const json_t *v = json_object_get(result, key);
    if (json_is_integer(v))
        str_fmt(s, "| %s | %lld |\n", label, (long long)json_integer_value(v));
    else if (json_is_real(v))
        str_fmt(s, "| %s | %.6g |\n", label, json_real_value(v));
}

static void add_chosen(str *s, const json_t *chosen)
{
    const char *name;
    json_t *one;
    str_puts(s, "\n## Recipe\n\nOptions that were chosen; `run.json` has all of them.\n\n| option | value "
                "|\n|---|---|\n");
    json_object_foreach((json_t *)(uintptr_t)chosen, name, one)
    {
        const char *origin = json_string_value(json_object_get(one, "origin"));
        if (!origin || !strcmp(origin, "default") || !strcmp(name, "output_dir")) continue;
        char *shown = json_dumps(json_object_get(one, "value"),
                                 JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
        str_fmt(s, "| %s | `", name);
        for (const char *p = shown; p && *p; p++) str_puts(s, *p == '|' ? "\\|" : (char[]){*p, 0});
        str_puts(s, "` |\n");
        free(shown);
    }
}

static void add_data(str *s, const json_t *data)
{
    str_puts(s, "\n## Data\n\n| file | rows | fingerprint |\n|---|---|---|\n");
    for (size_t i = 0; i < json_array_size(data); i++) {
        const json_t *d = json_array_get(data, i);
        str_fmt(s, "| %s | %lld | %s |\n", json_string_value(json_object_get(d, "path")),
                (long long)json_integer_value(json_object_get(d, "rows")),
                json_string_value(json_object_get(d, "fingerprint")));
    }
}

int job_card_write(const options *o, const job_model *j, const json_t *run_json, err *e)
{
    str s = {0}, path = {0};
    const json_t *result = json_object_get(run_json, "result");
    str_puts(&s, "---\nbase_model: ");
    add_quoted(&s, o->model);
    str_fmt(&s, "\nlibrary_name: peft\npipeline_tag: %s\ntags:\n- lora\n- lorac\n---\n\n",
            j->model->config->encoder_layers ? "text2text-generation" : "text-generation");
    str_fmt(&s, "# LoRA adapter\n\nTrained with lorac " LORAC_VERSION " on `%s` (%s, %lld parameters).\n\n",
            o->model, j->model->config->architecture, (long long)j->model->parameters);
    str_puts(&s, "    lorac generate --model MODEL --adapter THIS_FOLDER --prompt TEXT\n\n## Results\n\n|  | "
                 " |\n|---|---|\n");
    add_number(&s, result, "steps", "optimizer steps");
    add_number(&s, result, "epochs", "epochs");
    add_number(&s, result, "train_loss", "training loss");
    add_number(&s, result, "eval_loss_before", "evaluation loss before");
    add_number(&s, result, "eval_loss", "evaluation loss after");
    add_number(&s, result, "label_tokens", "label tokens");
    add_number(&s, result, "trainable_parameters", "trained parameters");
    add_number(&s, result, "seconds", "seconds");
    add_chosen(&s, json_object_get(run_json, "options"));
    add_data(&s, json_object_get(run_json, "data"));
    str_fmt(&path, "%s/README.md", o->out);
    int bad = file_write(str_c(&path), str_c(&s), s.n, e);
    str_free(&s);
    str_free(&path);
    return bad;
}
