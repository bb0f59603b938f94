/* talk.h -- the answers of a conversation, one after the other, over one cache: what the last answer has
 * computed of keys and values is kept, and of the next prompt only what comes after the part that both share
 * is computed.
 *
 * The cache grows with the conversation, twofold each time, up to the model's context; then it is computed
 * anew. */
#ifndef GEN_TALK_H
#define GEN_TALK_H

#include "gen/generate.h"

typedef struct talk talk;

/* Keeps m, a (NULL: the base alone), t and d, which have to outlive it. */
talk *talk_new(const model *m, adapter *a, const tokenizer *t, device *d);
void talk_free(talk *k); /* NULL is fine */

typedef struct talk_result {
    str text;         /* special tokens left out */
    int64_t tokens;   /* new ones, the one that ended it included */
    int64_t computed; /* tokens of the prompt that were not in the cache */
    generate_stop why;
    double seconds;
} talk_result;

/* Answers the prompt, n > 0 ids; of o batch, stop and stops are not looked at. hooks->piece gets row 0.
 * E_STOPPED: *hooks->stop was set; out holds what there is. E_USAGE: the prompt fills the context. out->text
 * is the caller's to free in any case. */
int talk_answer(talk *k, const int32_t *ids, int64_t n, const generate_options *o,
                const generate_hooks *hooks,
                talk_result *out, err *e);

#endif
