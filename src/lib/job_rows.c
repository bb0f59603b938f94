/* job_rows.c -- see job_rows.h. */
#include "lib/job_rows.h"

#include <string.h>

shape_options job_shape_options(const options *o)
{
    bool wanted = o->assistant_only_loss || o->chat_template_path || o->chat_template_kwargs;
    return (shape_options){.prompt_template = o->prompt_template,
                           .completion_template = o->completion_template,
                           .completion_column = o->completion_column,
                           .text_field = o->text_field,
                           .chat_wanted = wanted ? CONVERSATION_WANTED : CONVERSATION_IF_NEEDED};
}

int job_chat_open(chat **out, shape_options *how, const table *t, shape_use use, const options *o,
                  const tokenizer *k, err *e)
{
    const chat_options c = {o->chat_template_path, o->chat_template_kwargs};
    *out = NULL;
    if (shape_talk(t, how, use) == CONVERSATION_NONE) return OK;
    int code = chat_open(out, o->model, &c, k, e);
    how->chat = *out;
    return code;
}

static row_options row_options_of(const options *o, const model_config *m)
{
    row_loss loss = !strcmp(o->completion_only_loss, "true")    ? ROW_LOSS_COMPLETION
                    : !strcmp(o->completion_only_loss, "false") ? ROW_LOSS_ALL
                                                                : ROW_LOSS_AUTO;
    const bool never = m->encoder_layers && !m->begins;
    return (row_options){.max_length = o->max_length,
                         .bos = never ? ROW_BOS_NEVER : m->encoder_layers ? ROW_BOS_ALWAYS : ROW_BOS_AUTO,
                         .loss = loss,
                         .assistant_only = o->assistant_only_loss,
                         .with_source = m->encoder_layers > 0,
                         .start = (int32_t)m->start,
                         .pad = (int32_t)(m->pad > 0 ? m->pad : 0)};
}

/* NULL where nothing was replaced. */
static json_t *replaced_finding(const table *t)
{
    int64_t rows, line, n = table_replaced(t, &rows, &line);
    if (!n) return NULL;
    return json_sprintf("%lld broken %s of UTF-8 in %lld %s (first: line %lld): replaced by U+FFFD",
                        (long long)n, n == 1 ? "part" : "parts", (long long)rows, rows == 1 ? "row" : "rows",
                        (long long)line);
}

int job_table_open(table *t, const char *path, const options *o, const job_hooks *h, err *e)
{
    table_broken broken = !strcmp(o->invalid_utf8, "replace") ? TABLE_REPLACE : TABLE_REFUSE;
    int code = strcmp(path, "-") ? job_exists(path, "data file", e) : OK;
    if (code == OK) code = table_open(t, path, broken, e);
    json_t *told = code == OK && h ? replaced_finding(t) : NULL;
    if (told) job_note(h, "%s: %s", path, json_string_value(told));
    json_decref(told);
    return code;
}

json_t *job_rows_findings(const job_rows *r)
{
    json_t *list = json_array();
    for (int f = 0; f < FIND_COUNT; f++) {
        long long count = (long long)r->set.found[f].count;
        if (count)
            json_array_append_new(list, json_sprintf("%lld %s (first: line %lld): %s", count,
                                                     count == 1 ? "row" : "rows",
                                                     (long long)r->set.found[f].line, row_finding_text(f)));
    }
    json_t *replaced = replaced_finding(&r->table);
    if (replaced) json_array_append_new(list, replaced);
    return list;
}

void job_rows_tell(const job_rows *r, const char *path, const job_hooks *h)
{
    json_t *list = job_rows_findings(r);
    for (size_t i = 0; i < json_array_size(list); i++)
        job_note(h, "%s: %s", path, json_string_value(json_array_get(list, i)));
    json_decref(list);
}

int job_rows_open(job_rows *r, const char *path, const options *o, const model_config *m, const tokenizer *t,
                  pool *team, const job_hooks *h, err *e)
{
    return job_rows_open_part(r, path, ROWS_ALL, o, m, t, team, h, e);
}

int job_rows_open_part(job_rows *r, const char *path, rows_part part, const options *o, const model_config *m,
                       const tokenizer *t, pool *team, const job_hooks *h, err *e)
{
    *r = (job_rows){0};
    shape_options how = job_shape_options(o);
    row_options rows = row_options_of(o, m);
    int bad = job_table_open(&r->table, path, o, NULL, e);
    if (!bad) r->open = 1;
    if (!bad) bad = job_chat_open(&r->chat, &how, &r->table, SHAPE_LEARN, o, t, e);
    if (!bad && !(bad = shape_init(&r->shape, &r->table, &how, SHAPE_LEARN, e))) r->open = 2;
    if (!bad) bad = job_split(r, o, part, e);
    if (!bad && !(bad = rowset_build(&r->set, &r->shape, t, &rows, team, e))) r->open = 3;
    if (bad)
        job_rows_close(r);
    else if (h)
        job_rows_tell(r, path, h);
    return bad;
}

void job_rows_close(job_rows *r)
{
    if (r->open > 2 || r->classified) rowset_release(&r->set);
    if (r->open > 1) shape_release(&r->shape);
    chat_close(r->chat);
    r->chat = NULL;
    if (r->open > 0) table_close(&r->table);
    r->open = 0;
    r->classified = false;
}
