/* tokenizer.h -- text to token ids and back, as the model's own tokenizer does it.
 *
 * Read from a GGUF file (tokenizer.ggml.*) or from a folder in any of the forms that models come in
 * (docs/TOKENIZERS.md). Text runs through added tokens, normalizer, splitter and the model (byte pair
 * encoding, unigram, WordPiece); each is either reproduced exactly or refused with its name, never
 * approximated.
 *
 * A tokenizer does not change once it is open: any number of threads may use it. No call adds BOS or
 * EOS by itself; tokenizer_add_bos() says what the model expects. Text has to be UTF-8. */
#ifndef TEXT_TOKENIZER_H
#define TEXT_TOKENIZER_H

#include "base/err.h"
#include "base/str.h"
#include "format/checkpoint.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct tokenizer tokenizer;

/* From whatever the checkpoint is; E_IO or E_FORMAT when it carries no tokenizer, E_UNSUPPORTED (the
 * line names the file and the part) when it carries one that is not reproduced. */
int tokenizer_open(tokenizer **out, const checkpoint *c, err *e);
/* A folder with tokenizer.json and, if they are there, tokenizer_config.json or special_tokens_map.json. */
int tokenizer_from_folder(tokenizer **out, const char *folder, err *e);
/* The text of a tokenizer.json alone; `where` names it in messages. BOS and EOS are known only as far
 * as its post-processor adds them. */
int tokenizer_from_json(tokenizer **out, const char *text, size_t n, const char *where, err *e);
/* The bytes of a SentencePiece .model; keeps none of them. */
int tokenizer_from_model(tokenizer **out, const char *data, size_t n, const char *where, err *e);
/* Keeps nothing of g. */
int tokenizer_from_gguf(tokenizer **out, const gguf *g, err *e);
void tokenizer_close(tokenizer *t); /* NULL is fine */

/* A list of token ids that grows; `token_vec v = {0};` is an empty one. */
typedef struct token_vec {
    int32_t *p;
    size_t n, cap;
} token_vec;

void token_vec_push(token_vec *v, int32_t id);
void token_vec_free(token_vec *v);

/* Whether text that spells a special token ("<|im_end|>") becomes that token or stays text. Added
 * tokens that are not special become tokens either way. */
typedef enum tokenize_how { TOKENIZE_PLAIN, TOKENIZE_SPECIAL } tokenize_how;

/* Appends the ids of n bytes of text. E_FORMAT, with the byte offset, when they are not UTF-8; then
 * ids is as it was. A byte for which the vocabulary has neither token nor unknown token is left out,
 * as the reference implementations do. */
int tokenizer_encode(const tokenizer *t, const char *text, size_t n, tokenize_how how, token_vec *ids,
                     err *e);

/* The same for the n bytes at text + start, as they go on from the `start` bytes before them: the space that
 * some tokenizers put before a text is not put between the two, unless an added token ends there and they
 * would put it after that. Of what stands before, nothing is appended. */
int tokenizer_encode_on(const tokenizer *t, const char *text, size_t start, size_t n, tokenize_how how,
                        token_vec *ids, err *e);

typedef enum decode_how { DECODE_ALL, DECODE_SKIP_SPECIAL } decode_how;

/* Appends the text of the ids, always UTF-8: what is broken becomes U+FFFD. An id that the
 * vocabulary does not have is E_USAGE. */
int tokenizer_decode(const tokenizer *t, const int32_t *ids, size_t n, decode_how how, str *out, err *e);

/* Text while it is being generated: each put appends what has become complete. DECODE_FROM_START drops
 * the space that some vocabularies put before a text; DECODE_GOES_ON does not (after a prompt). */
typedef enum decode_from { DECODE_FROM_START, DECODE_GOES_ON } decode_from;

typedef struct token_stream {
    const tokenizer *t;
    decode_how how;
    bool strip;      /* a leading space is still to be dropped */
    bool begins;     /* no token has come yet */
    uint8_t held[4]; /* the beginning of a character whose end has not come */
    int held_n;
    int32_t waits; /* a token that ends words, from a byte on, which depends on whether another comes; -1: none */
    size_t waits_from;
} token_stream;

void token_stream_init(token_stream *s, const tokenizer *t, decode_how how, decode_from from);
int token_stream_put(token_stream *s, int32_t id, str *out, err *e);
void token_stream_end(token_stream *s, str *out); /* a character that never ended becomes U+FFFD */

int64_t tokenizer_size(const tokenizer *t); /* ids are 0 .. size-1 */
/* As the vocabulary spells it ("Ġthe"), for people; "" for an id it does not have. */
const char *tokenizer_piece(const tokenizer *t, int64_t id);
/* The token spelled so ("<|im_end|>"), -1 when there is none. */
int64_t tokenizer_find(const tokenizer *t, const char *text);
bool tokenizer_is_special(const tokenizer *t, int64_t id);

int64_t tokenizer_bos(const tokenizer *t); /* these four: -1 when there is none */
int64_t tokenizer_eos(const tokenizer *t);
int64_t tokenizer_pad(const tokenizer *t);
int64_t tokenizer_unk(const tokenizer *t);
bool tokenizer_add_bos(const tokenizer *t); /* the model expects BOS before a text */
bool tokenizer_add_eos(const tokenizer *t);

/* Two tokenizers with the same value give the same ids: over tokens, merges and settings. */
uint64_t tokenizer_fingerprint(const tokenizer *t);
const char *tokenizer_kind(const tokenizer *t); /* "byte-level BPE (smollm)" */

#endif
