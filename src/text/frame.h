/* frame.h -- the special tokens that a model wants around a text, or around a pair of texts, and to which of
 * the two each token belongs (token type ids): what a tokenizer's post-processor does.
 *
 *   BERT      [CLS] A [SEP]        [CLS] A [SEP] B [SEP]       types 0, and 1 from B on
 *   RoBERTa   <s> A </s>           <s> A </s> </s> B </s>      types 0
 *   T5        A </s>               A </s> B </s>
 *   Llama     <s> A                <s> A <s> B                 0, and 1 from the second <s> on */
#ifndef TEXT_FRAME_H
#define TEXT_FRAME_H

#include "text/tokenizer.h"

enum { FRAME_PIECES = 16 };

typedef enum frame_what { FRAME_FIRST, FRAME_SECOND, FRAME_TOKEN } frame_what;

typedef struct frame_piece {
    frame_what what;
    int32_t id; /* of a FRAME_TOKEN */
    int32_t type;
} frame_piece;

typedef struct frame {
    frame_piece piece[FRAME_PIECES];
    int n;
} frame;

bool frame_add(frame *f, frame_what what, int32_t id, int32_t type); /* false: too many pieces */

/* How the tokenizer frames one text (second NULL) or a pair: appends the ids to ids and as many types to
 * types (NULL: not wanted). */
void tokenizer_frame(const tokenizer *t, const token_vec *first, const token_vec *second, token_vec *ids,
                     token_vec *types);

/* How many tokens that adds. */
typedef enum frame_texts { FRAME_ONE, FRAME_PAIR } frame_texts;
int64_t tokenizer_frame_tokens(const tokenizer *t, frame_texts texts);

/* Shortens a pair to at most `most` tokens, the longer one first until both are of a length, then both, as
 * the tokenizers library does when it truncates the longest first; second may be NULL. */
void frame_fit(token_vec *first, token_vec *second, int64_t most);

#endif
