/* talk.c -- see talk.h. */
#include "gen/talk.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 512, FIRST_CONTEXT = 1024 };

struct talk {
    const model *m;
    adapter *a;
    const tokenizer *t;
    device *d;
    step *step;
    int64_t context; /* positions of the step's cache */
    token_vec held;  /* tokens whose keys and values are in it */
    token_sampler sampler;
    int32_t ids[ROWS], positions[ROWS], slot[ROWS];
};

talk *talk_new(const model *m, adapter *a, const tokenizer *t, device *d)
{
    talk *k = xcalloc(1, sizeof *k);
    k->m = m;
    k->a = a;
    k->t = t;
    k->d = d;
    token_sampler_init(&k->sampler, m->config->vocab);
    return k;
}

void talk_free(talk *k)
{
    if (!k) return;
    step_free(k->step);
    token_vec_free(&k->held);
    token_sampler_release(&k->sampler);
    free(k);
}

/* Room for so many positions; what the cache held is lost when it grows. */
static int reserve(talk *k, int64_t positions, err *e)
{
    int64_t most = k->m->config->context, context = k->context ? k->context : FIRST_CONTEXT;
    if (k->step && positions <= k->context) return OK;
    while (context < positions) context *= 2;
    if (context > most) context = most;
    step_free(k->step);
    k->step = NULL;
    k->held.n = 0;
    k->context = context;
    step_size size = {.tokens = context < ROWS ? context : ROWS, .labels = 1, .slots = 1, .context = context};
    return step_new(&k->step, k->m, k->a, STEP_GENERATE, &size, k->d, e);
}

/* The next rows of ids, at most as many as a step takes; logits of the last. */
static void feed(talk *k, const int32_t *ids, int64_t n)
{
    int64_t rows = k->context < ROWS ? k->context : ROWS;
    if (n > rows) n = rows;
    for (int64_t i = 0; i < n; i++) {
        k->ids[i] = ids[i];
        k->positions[i] = (int32_t)k->held.n;
        k->slot[i] = 0;
        token_vec_push(&k->held, ids[i]);
    }
    int32_t last = (int32_t)n - 1;
    step_input in = {.tokens = n, .labels = 1, .ids = k->ids, .positions = k->positions, .slot = k->slot,
                     .gather = &last};
    step_run(k->step, &in, 0);
}

static bool is_stopped(const generate_hooks *h) { return h->stop && *h->stop; }

/* What of the prompt is not in the cache yet; its last token always, for its logits. */
static void feed_prompt(talk *k, const int32_t *ids, int64_t n, const generate_hooks *h, talk_result *out)
{
    int64_t same = 0, held = (int64_t)k->held.n;
    while (same < held && same < n - 1 && k->held.p[same] == ids[same]) same++;
    k->held.n = (size_t)same;
    out->computed = n - same;
    while ((int64_t)k->held.n < n && !is_stopped(h)) feed(k, ids + k->held.n, n - (int64_t)k->held.n);
}

/* One more token; *done when it is the last. */
static int next_token(talk *k, const generate_options *o, int64_t prompt, token_stream *s, talk_result *out,
                      int32_t *id, bool *done, err *e)
{
    const float *logits = step_logits(k->step);
    *id = sample(&k->sampler, &o->how, logits, k->held.p, (int64_t)k->held.n, (uint64_t)prompt,
                 (uint64_t)out->tokens);
    if (!(logits[*id] - logits[*id] == 0)) {
        if (model_check_finite(k->m, e) != OK) return E_NUMERIC;
        return fail(e, E_NUMERIC,
                    "the model's output is not a number, though the weights are; the adapter has "
                                  "diverged: take an earlier checkpoint");
    }
    out->tokens++;
    bool ends = !o->ignore_eos && generate_ends(k->m, k->t, *id);
    bool full = out->tokens >= o->max_new_tokens || (int64_t)k->held.n + 1 >= k->m->config->context;
    *done = ends || full;
    out->why = ends ? STOP_EOS : STOP_LENGTH;
    return ends ? OK : token_stream_put(s, *id, &out->text, e);
}

int talk_answer(talk *k, const int32_t *ids, int64_t n, const generate_options *o,
                const generate_hooks *hooks,
                talk_result *out, err *e)
{
    *out = (talk_result){0};
    int64_t context = k->m->config->context, wanted = n + o->max_new_tokens;
    if (n >= context)
        return fail(e, E_USAGE,
                    "the conversation has %lld tokens and the model's context %lld; begin a new one",
                    (long long)n, (long long)context);
    int code = sampling_check(&o->how, e);
    if (code == OK) code = reserve(k, wanted < context ? wanted : context, e);
    if (code != OK) return code;
    double began = clock_seconds();
    token_stream s;
    token_stream_init(&s, k->t, DECODE_SKIP_SPECIAL, DECODE_GOES_ON);
    feed_prompt(k, ids, n, hooks, out);
    bool done = is_stopped(hooks);
    for (size_t told = 0; !done && code == OK; told = out->text.n) {
        int32_t id;
        code = next_token(k, o, n, &s, out, &id, &done, e);
        if (code == OK && done) token_stream_end(&s, &out->text);
        if (code == OK && hooks->piece && out->text.n > told)
            hooks->piece(hooks->arg, 0, out->text.p + told, out->text.n - told);
        if (code != OK || done || is_stopped(hooks)) break;
        feed(k, &id, 1);
    }
    out->seconds = clock_seconds() - began;
    if (code != OK || !is_stopped(hooks)) return code;
    out->why = STOP_SIGNAL;
    return fail(e, E_STOPPED, "stopped by a signal");
}
