/* generate.h -- text from a model: several prompts at a time, each with its place in the key and value cache.
 *
 * Prompts are taken in order; as soon as one is finished the next takes over its slot, so a batch is never
 * held up by its longest member. A prompt's prefill shares the step with the others' decoding. The same call
 * gives the same texts for any number of threads; another batch size may change the last bits of a logit
 * (steps of up to four rows use another order of summation), and with them, rarely, a token.
 *
 * A model of an encoder and a decoder reads a prompt in its encoder, in one step and whole; what it writes begins
 * with the token that its configuration names. */
#ifndef GEN_GENERATE_H
#define GEN_GENERATE_H

#include "gen/sample.h"
#include "model/step.h"
#include "text/tokenizer.h"

typedef enum generate_stop { STOP_EOS, STOP_LENGTH, STOP_STRING, STOP_SIGNAL } generate_stop;

const char *generate_stop_name(generate_stop s); /* "eos", "length", "string", "signal" */

/* A text ends with this token: by the model's configuration or its tokenizer. */
bool generate_ends(const model *m, const tokenizer *t, int32_t id);

typedef struct generate_options {
    int64_t max_new_tokens;
    int64_t batch; /* prompts in the cache at a time */
    sampling how;
    const char *const *stop; /* strings that end a text and are cut from it */
    int64_t stops;
    bool ignore_eos;
} generate_options;

typedef struct generated {
    char *text;     /* special tokens left out; NUL-terminated */
    int64_t tokens; /* new ones, the one that stopped it included */
    generate_stop why;
} generated;

typedef struct generate_prompt {
    const int32_t *ids;
    int64_t n;
} generate_prompt;

/* Called with each piece of text as soon as it is whole UTF-8 (row: which prompt). May be NULL. */
typedef void generate_piece(void *arg, int64_t row, const char *text, size_t n);

/* Called when a row is finished, in the order of finishing. May be NULL. */
typedef void generate_done(void *arg, int64_t row, const generated *g);

typedef struct generate_hooks {
    generate_piece *piece;
    generate_done *done;
    void *arg;
    const volatile int *stop; /* NULL, or a flag that ends the work when it is not 0 */
} generate_hooks;

typedef struct generate_result {
    generated *row; /* one a prompt */
    int64_t rows;
    int64_t prompt_tokens, new_tokens;
    double seconds;
} generate_result;

/* adapter may be NULL. A prompt that is empty or does not fit the model's context together with max_new_tokens
 * (of a decoder: with an encoder, positions are relative and do not end) is an error that names it (counted from
 * 1). */
int generate_run(generate_result *out, const model *m, adapter *a, const tokenizer *t,
                 const generate_prompt *prompts, int64_t n, const generate_options *o,
                 const generate_hooks *hooks, device *d, err *e);
void generate_release(generate_result *r);

#endif
