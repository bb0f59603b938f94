/* generate.c -- see generate.h.
 *
 * One step of the loop: every slot in use puts its next rows into the batch (the rest of its prompt as far as
 * there is room, or the token it just produced), the list runs once, and every slot whose last row was there
 * gets a token. */
#include "gen/generate.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { PREFILL_ROWS = 512 };

/* A prompt in work. */
typedef struct seat {
    int64_t row;    /* which prompt, -1: free */
    token_vec ids;  /* prompt and what has been generated */
    int64_t prompt; /* tokens of the prompt */
    int64_t fed;    /* tokens already in the cache */
    int64_t label;  /* place among the logits of this step, -1: none */
    token_stream stream;
    str text;    /* all of it so far */
    size_t told; /* bytes of text given to hooks->piece */
} seat;

typedef struct generation {
    const model *m;
    const tokenizer *t;
    const generate_prompt *prompts;
    const generate_options *o;
    const generate_hooks *hooks;
    generate_result *out;
    seat *seats;
    int64_t slots, next, cap_tokens;
    token_sampler sampler;
    step *step;
    /* rows of the step being put together */
    int32_t *ids, *positions, *slot, *gather;
    int64_t tokens, labels;
    /* with an encoder: the rows of prompts that begin, and what each row of a decoder sees (step.h) */
    int64_t source, cap_source, longest;
    int32_t *source_ids, *source_start, *source_place, *seen;
} generation;

const char *generate_stop_name(generate_stop s)
{
    static const char *const names[] = {"eos", "length", "string", "signal"};
    return names[s];
}

bool generate_ends(const model *m, const tokenizer *t, int32_t id)
{
    const model_config *c = m->config;
    for (int i = 0; i < c->n_eos; i++)
        if (c->eos[i] == id) return true;
    return id == tokenizer_eos(t);
}

static bool is_eos(const generation *g, int32_t id) { return !g->o->ignore_eos && generate_ends(g->m, g->t, id); }

static bool has_encoder(const model *m) { return m->config->encoder_layers > 0; }

static void sit_down(generation *g, seat *s)
{
    const generate_prompt *p = &g->prompts[g->next];
    s->row = g->next++;
    s->ids.n = 0;
    if (has_encoder(g->m)) token_vec_push(&s->ids, (int32_t)g->m->config->start);
    if (has_encoder(g->m) && g->m->config->forced >= 0) token_vec_push(&s->ids, (int32_t)g->m->config->forced);
    for (int64_t i = 0; i < p->n && !has_encoder(g->m); i++) token_vec_push(&s->ids, p->ids[i]);
    s->prompt = has_encoder(g->m) ? 1 : (int64_t)s->ids.n; /* a forced token counts as written */
    s->fed = 0;
    s->told = 0;
    str_clear(&s->text);
    token_stream_init(&s->stream, g->t, DECODE_SKIP_SPECIAL, has_encoder(g->m) ? DECODE_FROM_START : DECODE_GOES_ON);
    g->out->prompt_tokens += p->n;
}

/* Hands out text that can no longer become part of a stop string. */
static void tell(generation *g, seat *s, bool last)
{
    if (!g->hooks->piece) return;
    size_t hold = 0;
    for (int64_t k = 0; k < g->o->stops && !last; k++) {
        size_t n = strlen(g->o->stop[k]);
        if (n > hold + 1) hold = n - 1;
    }
    if (s->text.n < hold || s->text.n - hold <= s->told) return;
    size_t until = s->text.n - hold;
    while (until > s->told && until < s->text.n && ((unsigned char)s->text.p[until] & 0xc0) == 0x80) until--;
    if (until == s->told) return;
    g->hooks->piece(g->hooks->arg, s->row, s->text.p + s->told, until - s->told);
    s->told = until;
}

static void finish(generation *g, seat *s, generate_stop why)
{
    generated *r = &g->out->row[s->row];
    token_stream_end(&s->stream, &s->text);
    if (why == STOP_STRING) { /* cut at the first stop string */
        const char *first = NULL;
        for (int64_t k = 0; k < g->o->stops; k++) {
            const char *at = strstr(str_c(&s->text), g->o->stop[k]);
            if (at && (!first || at < first)) first = at;
        }
        if (first) s->text.n = (size_t)(first - s->text.p);
    }
    tell(g, s, true);
    r->text = xmalloc(s->text.n + 1);
    memcpy(r->text, str_c(&s->text), s->text.n);
    r->text[s->text.n] = 0;
    r->tokens = (int64_t)s->ids.n - s->prompt;
    r->why = why;
    if (g->hooks->done) g->hooks->done(g->hooks->arg, s->row, r);
    s->row = -1;
    s->ids.n = 0;
    s->fed = 0;
}

static bool stop_string(const generation *g, const seat *s)
{
    for (int64_t k = 0; k < g->o->stops; k++)
        if (strstr(str_c(&s->text), g->o->stop[k])) return true;
    return false;
}

/* The prompt of a seat that begins goes to the encoder; false when there is no room for it in this step. */
static bool put_source(generation *g, const seat *s, int64_t slot)
{
    const generate_prompt *p = &g->prompts[s->row];
    const int64_t first = g->source, place = slot * g->longest;
    if (p->n > g->cap_source - first) return false;
    for (int64_t i = 0; i < p->n; i++, g->source++) {
        g->source_ids[g->source] = p->ids[i];
        g->source_start[g->source] = (int32_t)first;
        g->source_place[g->source] = (int32_t)(place + i);
    }
    return true;
}

/* The next row of a seat sees all of its prompt. */
static void see_source(generation *g, const seat *s, int64_t slot)
{
    g->seen[2 * g->tokens] = (int32_t)(slot * g->longest);
    g->seen[2 * g->tokens + 1] = (int32_t)(slot * g->longest + g->prompts[s->row].n);
}

/* The rows a seat has next, as many as there is room for. */
static void put_rows(generation *g, int64_t slot)
{
    seat *s = &g->seats[slot];
    if (s->row < 0) return;
    if (has_encoder(g->m) && s->fed == 0 && !put_source(g, s, slot)) return;
    int64_t left = (int64_t)s->ids.n - s->fed, room = g->cap_tokens - g->tokens;
    int64_t n = left < room ? left : room;
    for (int64_t i = 0; i < n; i++, g->tokens++) {
        g->ids[g->tokens] = s->ids.p[s->fed + i];
        g->positions[g->tokens] = (int32_t)(s->fed + i);
        g->slot[g->tokens] = (int32_t)slot;
        if (has_encoder(g->m)) see_source(g, s, slot);
    }
    s->fed += n;
    if (n == 0 || n < left) return;
    s->label = g->labels;
    g->gather[g->labels++] = (int32_t)(g->tokens - 1);
}

static int take_token(generation *g, seat *s, err *e)
{
    const float *logits = step_logits(g->step) + s->label * g->m->config->vocab;
    int64_t made = (int64_t)s->ids.n - s->prompt;
    int32_t id = sample(&g->sampler, &g->o->how, logits, s->ids.p, (int64_t)s->ids.n, (uint64_t)s->row,
                        (uint64_t)made);
    if (!(logits[id] - logits[id] == 0)) { /* an infinity or a NaN */
        if (model_check_finite(g->m, e) != OK) return E_NUMERIC;
        return fail(
            e, E_NUMERIC,
            "the model's output is not a number at token %lld of prompt %lld, though the weights are; "
            "the adapter has diverged: take an earlier checkpoint",
            (long long)s->ids.n, (long long)s->row + 1);
    }
    token_vec_push(&s->ids, id);
    g->out->new_tokens++;
    if (is_eos(g, id)) {
        finish(g, s, STOP_EOS);
        return OK;
    }
    int code = token_stream_put(&s->stream, id, &s->text, e);
    if (code != OK) return code;
    if (stop_string(g, s))
        finish(g, s, STOP_STRING);
    else if (made + 1 >= g->o->max_new_tokens)
        finish(g, s, STOP_LENGTH);
    else
        tell(g, s, false);
    return OK;
}

static bool is_decoding(const seat *s) { return s->row >= 0 && (int64_t)s->ids.n - s->fed == 1; }

static int one_step(generation *g, err *e)
{
    g->tokens = g->labels = g->source = 0;
    /* who only decodes goes first, so that a long prompt never keeps the others waiting */
    for (int64_t k = 0; k < g->slots; k++)
        if (is_decoding(&g->seats[k])) put_rows(g, k);
    for (int64_t k = 0; k < g->slots; k++)
        if ((int64_t)g->seats[k].ids.n > g->seats[k].fed) put_rows(g, k);
    step_input in = {.tokens = g->tokens,
                     .labels = g->labels,
                     .ids = g->ids,
                     .positions = g->positions,
                     .slot = g->slot,
                     .gather = g->gather,
                     .source = g->source,
                     .source_ids = g->source_ids,
                     .source_start = g->source_start,
                     .source_place = g->source_place,
                     .seen = g->seen};
    step_run(g->step, &in, 0);
    int code = OK;
    for (int64_t k = 0; k < g->slots && code == OK; k++)
        if (g->seats[k].row >= 0 && g->seats[k].label >= 0) code = take_token(g, &g->seats[k], e);
    return code;
}

static int work(generation *g, int64_t n, err *e)
{
    for (;;) {
        bool busy = false;
        for (int64_t k = 0; k < g->slots; k++) {
            seat *s = &g->seats[k];
            s->label = -1;
            if (s->row < 0 && g->next < n) sit_down(g, s);
            busy = busy || s->row >= 0;
        }
        if (!busy) return OK;
        if (g->hooks->stop && *g->hooks->stop) {
            for (int64_t k = 0; k < g->slots; k++)
                if (g->seats[k].row >= 0) finish(g, &g->seats[k], STOP_SIGNAL);
            return fail(e, E_STOPPED, "stopped by a signal");
        }
        int code = one_step(g, e);
        if (code != OK) return code;
    }
}

static int check(const model *m, const generate_prompt *prompts, int64_t n, const generate_options *o,
                 int64_t *longest, err *e)
{
    int code = sampling_check(&o->how, e);
    if (code != OK) return code;
    if (o->max_new_tokens < 1) return fail(e, E_USAGE, "max_new_tokens has to be at least 1");
    if (o->batch < 1) return fail(e, E_USAGE, "the batch size has to be at least 1");
    for (int64_t i = 0; i < o->stops; i++)
        if (!*o->stop[i]) return fail(e, E_USAGE, "stop: an empty text is everywhere; give one to stop at");
    *longest = 1;
    for (int64_t i = 0; i < n; i++) {
        if (prompts[i].n < 1) return fail(e, E_USAGE, "prompt %lld is empty", (long long)i + 1);
        if (!has_encoder(m) && prompts[i].n + o->max_new_tokens > m->config->context)
            return fail(e, E_USAGE,
                        "prompt %lld has %lld tokens; with max_new_tokens %lld that is more than the model's "
                        "context of %lld; shorten the prompt or lower max_new_tokens",
                        (long long)i + 1, (long long)prompts[i].n, (long long)o->max_new_tokens,
                        (long long)m->config->context);
        if (has_encoder(m) && (prompts[i].n > model_longest(m) || o->max_new_tokens >= model_longest(m)))
            return fail(e, E_USAGE,
                        "prompt %lld has %lld tokens, and %lld are to be written (max_new_tokens): the model has "
                        "positions for %lld of each",
                        (long long)i + 1, (long long)prompts[i].n, (long long)o->max_new_tokens,
                        (long long)model_longest(m));
        if (prompts[i].n > *longest) *longest = prompts[i].n;
    }
    return OK;
}

/* Prompts are read PREFILL_ROWS at a time, by an encoder whole. */
static step_size size_of(const generation *g)
{
    const int64_t read = g->longest < PREFILL_ROWS ? g->longest : PREFILL_ROWS;
    step_size size = {.labels = g->slots, .slots = g->slots, .tokens = g->slots + read};
    size.context = g->longest + g->o->max_new_tokens;
    if (!has_encoder(g->m)) return size;
    size.tokens = g->slots * (g->m->config->forced >= 0 ? 2 : 1);
    size.context = 1 + g->o->max_new_tokens;
    size.source_context = g->longest;
    size.source = g->longest * g->slots;
    if (size.source > PREFILL_ROWS) size.source = g->longest > PREFILL_ROWS ? g->longest : PREFILL_ROWS;
    return size;
}

int generate_run(generate_result *out, const model *m, adapter *a, const tokenizer *t,
                 const generate_prompt *prompts, int64_t n, const generate_options *o,
                 const generate_hooks *hooks, device *d, err *e)
{
    static const generate_hooks none = {0};
    *out = (generate_result){0};
    int64_t longest = 0;
    int code = check(m, prompts, n, o, &longest, e);
    if (code != OK || n == 0) return code;
    generation g = {.m = m, .t = t, .prompts = prompts, .o = o, .hooks = hooks ? hooks : &none, .out = out};
    g.slots = o->batch < n ? o->batch : n;
    g.longest = longest;
    const step_size size = size_of(&g);
    g.cap_tokens = size.tokens;
    g.cap_source = size.source;
    code = step_new(&g.step, m, a, STEP_GENERATE, &size, d, e);
    if (code != OK) return code;
    out->row = xcalloc((size_t)n, sizeof *out->row);
    out->rows = n;
    g.seats = xcalloc((size_t)g.slots, sizeof *g.seats);
    for (int64_t k = 0; k < g.slots; k++) g.seats[k].row = -1;
    int32_t *rows = xcalloc((size_t)(5 * g.cap_tokens + g.slots + 3 * g.cap_source), sizeof *rows);
    g.ids = rows;
    g.positions = rows + g.cap_tokens;
    g.slot = rows + 2 * g.cap_tokens;
    g.seen = rows + 3 * g.cap_tokens;
    g.gather = rows + 5 * g.cap_tokens;
    g.source_ids = g.gather + g.slots;
    g.source_start = g.source_ids + g.cap_source;
    g.source_place = g.source_start + g.cap_source;
    token_sampler_init(&g.sampler, m->config->vocab);
    double began = clock_seconds();
    code = work(&g, n, e);
    out->seconds = clock_seconds() - began;
    for (int64_t k = 0; k < g.slots; k++) {
        token_vec_free(&g.seats[k].ids);
        str_free(&g.seats[k].text);
    }
    free(g.seats);
    free(rows);
    token_sampler_release(&g.sampler);
    step_free(g.step);
    if (code != OK && code != E_STOPPED) generate_release(out);
    return code;
}

void generate_release(generate_result *r)
{
    for (int64_t i = 0; i < r->rows; i++) free(r->row[i].text);
    free(r->row);
    *r = (generate_result){0};
}
