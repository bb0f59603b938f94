/* job_score.c -- see job_score.h. */
#include "lib/job_score.h"

#include "metric/attribute.h"

#include <stdlib.h>
#include <string.h>

/* What the model was trained on, in the shape of the rows it is judged by. */
static int read_training(job_score *s, const tokenizer *k, const options *o, const job_hooks *h, err *e)
{
    table t;
    chat *c = NULL;
    row_shape rows;
    shape_options how = job_shape_options(o);
    str text = {0}, prompt = {0};
    int bad = job_table_open(&t, o->train_data, o, h, e);
    if (bad) return bad;
    bad = job_chat_open(&c, &how, &t, SHAPE_LEARN, o, k, e);
    if (!bad && !(bad = shape_init(&rows, &t, &how, SHAPE_LEARN, e))) {
        for (int64_t i = 0; i < t.rows && !bad; i++) {
            str_clear(&text);
            str_clear(&prompt);
            bad = rows.kind == SHAPE_CHAT ? shape_last_turn(&rows, i, k, &prompt, &text, e)
                                          : shape_completion(&rows, i, &text, e);
            if (!bad) scores_learned(s->scores, (passage){str_c(&text), text.n});
        }
        shape_release(&rows);
    }
    chat_close(c);
    str_free(&text);
    str_free(&prompt);
    table_close(&t);
    return bad;
}

static void tell(const job_score *s, const job_rows *r, const job_hooks *h)
{
    if (s->references.empty)
        job_note(h, "%s: %lld %s no completion to compare with and %s left out of the scores of texts",
                 r->table.name, (long long)s->references.empty,
                 s->references.empty == 1 ? "row has" : "rows have", s->references.empty == 1 ? "is" : "are");
    if (!s->slots.coverage)
        job_note(h, "%s: no attributes to check; name columns with --attribute", r->table.name);
}

int job_score_open(job_score *s, const job_rows *r, const job_model *j, const options *o, const job_hooks *h,
                   err *e)
{
    str path = {0};
    *s = (job_score){.scores = scores_new()};
    int bad = job_references_open(&s->references, r, j->tokenizer, e);
    if (!bad && o->generate_rows > 0) job_references_limit(&s->references, o->generate_rows);
    if (!bad) bad = job_prompts_encode(&s->references.prompts, j, e);
    if (!bad) bad = job_slots_open(&s->slots, r, &s->references, o, e);
    if (!bad && o->train_data) bad = read_training(s, j->tokenizer, o, h, e);
    if (!bad) bad = file_mkdirs(o->out, e);
    str_fmt(&path, "%s/eval.jsonl", o->out);
    if (!bad) bad = file_create(&s->lines, path.p, e);
    if (!bad && h) tell(s, r, h);
    str_free(&path);
    return bad;
}

void job_score_close(job_score *s)
{
    file_abandon(&s->lines);
    scores_free(s->scores);
    job_slots_close(&s->slots);
    job_references_close(&s->references);
}

/* The verdicts on a text for prompt i, as eval.jsonl has them. */
static json_t *slots_json(const job_slots *s, const slot_list *l)
{
    json_t *list = json_array();
    for (int64_t i = 0; i < l->n; i++) {
        const slot_judged *v = &l->p[i];
        json_t *one = json_object();
        json_object_set_new(one, "attribute",
                            json_string(coverage_attribute_name(s->coverage, v->attribute)));
        if (v->value >= 0)
            json_object_set_new(one, "value",
                                json_string(coverage_value_text(s->coverage, v->attribute, v->value)));
        json_object_set_new(one, "verdict", json_string(slot_verdict_name(v->verdict)));
        if (v->said >= 0)
            json_object_set_new(one, "said",
                                json_string(coverage_value_text(s->coverage, v->attribute, v->said)));
        json_array_append_new(list, one);
    }
    return list;
}

static void write_line(job_score *s, int64_t i, passage text, const generated *g, const text_scores *t,
                       const slot_list *l)
{
    const job_references *f = &s->references;
    json_t *references = json_array();
    for (int64_t k = f->first[i]; k < f->first[i + 1]; k++)
        json_array_append_new(references, json_stringn(f->text[k].p, f->text[k].n));
    json_t *line =
        json_pack("{s:s%, s:o, s:s%, s:I, s:s, s:f, s:f, s:f, s:f, s:f, s:I, s:f}", "prompt",
                  str_c(&f->prompts.text[i]), f->prompts.text[i].n, "references", references, "text", text.p,
                  text.n, "tokens", (json_int_t)g->tokens, "stop", generate_stop_name(g->why), "bleu",
                  t->bleu, "chrf", t->chrf, "rouge1", t->rouge.one, "rouge2", t->rouge.two, "rougeL",
                  t->rouge.l, "words", (json_int_t)t->variety.words, "repetition", t->variety.repetition);
    if (t->copied) json_object_set_new(line, "copied", json_true());
    if (s->slots.coverage) json_object_set_new(line, "slots", slots_json(&s->slots, l));
    char *dump = line ? json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
    if (dump) file_put(&s->lines, dump, strlen(dump));
    file_put(&s->lines, "\n", 1);
    free(dump);
    json_decref(line);
}

typedef struct sums {
    slot_counts *texts, *references; /* (attributes) */
    int64_t cut;                     /* texts that ended at max_new_tokens */
} sums;

static void judge(job_score *s, int64_t i, passage text, slot_counts *sum, slot_list *l)
{
    const job_slots *t = &s->slots;
    coverage_judge(t->coverage, t->slot + t->first[i], t->first[i + 1] - t->first[i], text, l);
    for (int64_t k = 0; k < l->n; k++) slot_count(&sum[l->p[k].attribute], &l->p[k]);
}

static void score_all(job_score *s, const generate_result *g, sums *m)
{
    const job_references *f = &s->references;
    slot_list l = {0};
    for (int64_t i = 0; i < g->rows; i++) {
        passage text = passage_trim((passage){g->row[i].text, strlen(g->row[i].text)});
        text_scores t = scores_add(s->scores, text, f->text + f->first[i], f->first[i + 1] - f->first[i]);
        for (int64_t k = f->first[i]; s->slots.coverage && k < f->first[i + 1]; k++)
            judge(s, i, f->text[k], m->references, &l);
        if (s->slots.coverage) judge(s, i, text, m->texts, &l);
        m->cut += g->row[i].why == STOP_LENGTH;
        write_line(s, i, text, &g->row[i], &t, &l);
    }
    slot_list_free(&l);
}

static void set(json_t *o, const char *key, double v) { json_object_set_new(o, key, json_real(v)); }
static void count(json_t *o, const char *key, int64_t v) { json_object_set_new(o, key, json_integer(v)); }

static void set_counts(json_t *o, const slot_counts *c)
{
    count(o, "slots", c->slots);
    for (slot_verdict v = 0; v < SLOT_VERDICTS; v++) count(o, slot_verdict_name(v), c->of[v]);
    set(o, "slot_error_rate", slot_error_rate(c));
}

static void slot_sum(slot_counts *sum, const slot_counts *one)
{
    sum->slots += one->slots;
    for (int v = 0; v < SLOT_VERDICTS; v++) sum->of[v] += one->of[v];
}

static void add_coverage(const job_score *s, const sums *m, json_t *out)
{
    const coverage *c = s->slots.coverage;
    slot_counts all = {0}, human = {0};
    json_t *total = json_object(), *list = json_array();
    for (int a = 0; a < coverage_attributes(c); a++) {
        json_t *one = json_object();
        json_object_set_new(one, "attribute", json_string(coverage_attribute_name(c, a)));
        set_counts(one, &m->texts[a]);
        json_array_append_new(list, one);
        slot_sum(&all, &m->texts[a]);
        slot_sum(&human, &m->references[a]);
    }
    set(out, "coverage", all.slots ? (double)all.of[SLOT_REALIZED] / (double)all.slots : 0);
    set(out, "slot_error_rate", slot_error_rate(&all));
    set(out, "references_slot_error_rate", slot_error_rate(&human));
    set_counts(total, &all);
    json_object_set_new(out, "slots", total);
    json_object_set_new(out, "attributes", list);
}

/* sacrebleu's short description of what was computed. */
static void add_signatures(const job_references *f, json_t *out)
{
    char refs[24] = "var";
    int64_t n = f->first[1];
    bool same = true;
    for (int64_t i = 0; i < f->prompts.n; i++) same &= f->first[i + 1] - f->first[i] == n;
    if (same) snprintf(refs, sizeof refs, "%lld", (long long)n);
    json_object_set_new(out, "bleu_signature",
                        json_sprintf("nrefs:%s|case:mixed|eff:no|tok:13a|smooth:exp", refs));
    json_object_set_new(out, "chrf_signature",
                        json_sprintf("nrefs:%s|case:mixed|eff:yes|nc:6|nw:0|space:no", refs));
}

static void add_scores(const job_score *s, const generate_result *g, const sums *m, const options *o,
                       json_t *out)
{
    corpus_scores c = scores_total(s->scores);
    count(out, "prompts", c.texts);
    count(out, "references", c.references);
    set(out, "bleu", c.bleu);
    json_object_set_new(
        out, "bleu_precisions",
        json_pack("[f, f, f, f]", c.precision[0], c.precision[1], c.precision[2], c.precision[3]));
    set(out, "bleu_brevity_penalty", c.brevity);
    set(out, "chrf", c.chrf);
    set(out, "rouge1", c.rouge.one);
    set(out, "rouge2", c.rouge.two);
    set(out, "rougeL", c.rouge.l);
    add_signatures(&s->references, out);
    if (s->slots.coverage) add_coverage(s, m, out);
    set(out, "words", c.words);
    set(out, "characters", c.characters);
    set(out, "distinct1", c.distinct1);
    set(out, "distinct2", c.distinct2);
    set(out, "repetition", c.repetition);
    count(out, "empty", c.empty);
    count(out, "cut", m->cut);
    if (o->train_data) {
        count(out, "training_texts", c.learned);
        count(out, "copied", c.copied);
    }
    count(out, "generated_tokens", g->new_tokens);
    set(out, "generation_seconds", g->seconds);
    set(out, "generation_tokens_per_second", g->seconds > 0 ? (double)g->new_tokens / g->seconds : 0);
}

int job_score_run(job_score *s, const job_model *j, const options *o, const job_hooks *h, json_t *result,
                  err *e)
{
    generate_result g;
    int bad = job_prompts_run(&g, &s->references.prompts, j, o, h, e);
    if (bad && bad != E_STOPPED) return bad;
    if (!bad) {
        size_t n = s->slots.coverage ? (size_t)coverage_attributes(s->slots.coverage) : 1;
        sums m = {xcalloc(n, sizeof *m.texts), xcalloc(n, sizeof *m.references), 0};
        score_all(s, &g, &m);
        add_scores(s, &g, &m, o, result);
        bad = file_commit(&s->lines, e);
        free(m.texts);
        free(m.references);
    }
    generate_release(&g);
    return bad;
}
