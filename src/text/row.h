/* row.h -- a table as token rows with a mask: what a model really learns from a data file.
 *
 * Prompt and completion are tokenized each alone and laid end to end, the completion as text that goes on
 * (tokenizer_encode_on()), so that no token spans the two and none stands between them that is in neither:
 *
 *   ids    [BOS]  prompt ...  completion ...  EOS
 *   mask     0    0 ... 0     1 ... 1          1      1: the token is predicted from those before it
 *
 * so that generation, which sees the prompt alone, meets exactly the tokens of training. BOS is there
 * when the tokenizer adds it, EOS unless the completion ends in it; text that spells a special token is
 * that token. A row longer than max_length loses its end. The first token of a row is never predicted.
 * Rows of `text` are a completion without prompt; rows of input_ids are taken as they are, with a label
 * where `labels` is not -100 and `completion_mask` and `assistant_masks` are 1.
 *
 * Conversations are what their chat template writes: no BOS and no EOS are added. Learned is all of it, or
 * what comes after the prompt where there is one, or what the assistant says. No token spans a place where
 * learning begins or ends.
 *
 * For a model of an encoder and a decoder (o->start) the prompt is the source, which the encoder reads, and the
 * completion what the decoder writes, each tokenized as a text of its own and cut to max_length by itself, so that
 * it still ends in EOS:
 *
 *   source  prompt ... EOS
 *   ids     start    completion ...          what the decoder reads
 *   target           completion ...  EOS     what it is to say there; mask 1
 *
 * Rows of input_ids are the source as it is, and their `labels` the completion; -100 among them is read as the
 * padding token and not learned. Rows without a prompt, and conversations, are refused.
 *
 * The result is the same for any number of threads. */
#ifndef TEXT_ROW_H
#define TEXT_ROW_H

#include "base/pool.h"
#include "text/shape.h"
#include "text/tokenizer.h"

typedef enum row_loss {
    ROW_LOSS_AUTO,
    ROW_LOSS_COMPLETION,
    ROW_LOSS_ALL
} row_loss; /* AUTO: COMPLETION if any */
typedef enum row_bos { ROW_BOS_AUTO, ROW_BOS_NEVER, ROW_BOS_ALWAYS } row_bos;
typedef enum row_eos { ROW_EOS_ADD, ROW_EOS_NEVER } row_eos;

typedef struct row_options {
    int64_t max_length; /* tokens of a row; 0: no limit */
    row_loss loss;      /* --completion-only-loss */
    row_bos bos;        /* AUTO: as the tokenizer says */
    row_eos eos;
    bool assistant_only; /* --assistant-only-loss: of conversations, what the assistant says */
    bool with_source;    /* for an encoder and a decoder: */
    int32_t start, pad;  /* the token that its text begins with, and the one in place of what is not learned */
} row_options;

/* What is worth a warning. The first two say why rows were dropped. */
typedef enum row_finding {
    FIND_PROMPT_TOO_LONG, /* the prompt alone fills max_length */
    FIND_NO_LABEL,        /* no token is left to learn, for another reason */
    FIND_TRUNCATED,
    FIND_EMPTY_COMPLETION,
    FIND_NO_SPACE,  /* prompt and completion run into one word */
    FIND_NO_EOS,    /* the row, before it is cut, does not end in EOS */
    FIND_DUPLICATE, /* the same tokens and mask as an earlier row */
    FIND_TOOLS_LOST,
    FIND_REJECTED,
    FIND_COUNT,
} row_finding;

typedef struct rowset {
    int64_t n;       /* rows that are used */
    int64_t *offset; /* (n + 1) */
    int32_t *ids;    /* (offset[n]) */
    uint8_t *mask;   /* (offset[n]) */
    /* of classifiers (classify.h) and with a source, else NULL: the mask is at the token whose row the head reads */
    int32_t *target, *types; /* (offset[n]) the class there, or token; token types */
    float *values;           /* (n, outputs) instead of classes: numbers, or 1 for each of several */
    int64_t outputs;
    const struct label_set *labels; /* what they are; outlives the rows */
    int64_t *source_offset; /* (n + 1) with an encoder, else NULL */
    int32_t *source;        /* (source_offset[n]) */
    int64_t *row;    /* (n) row of the table */
    int64_t *line;   /* (n) its line in the file */

    int64_t rows, dropped, truncated; /* of the table; rows = n + dropped */
    int64_t tokens, label_tokens;     /* of the rows that are used */
    int64_t longest;                  /* tokens of the longest of them; of a source alone, if it is longer */
    struct {
        int64_t count, line; /* line of the first */
    } found[FIND_COUNT];
} rowset;

/* Errors: a row that cannot be used, with file and line (of several the first); E_FORMAT when not one
 * row has a label; E_USAGE. After a failure there is nothing to release. pool may be NULL. */
int rowset_build(rowset *r, const row_shape *s, const tokenizer *t, const row_options *o, pool *p, err *e);
void rowset_release(rowset *r);

/* Appends the ids that training puts before a completion: BOS if it is due, and the prompt. */
int row_prompt(const tokenizer *t, row_bos bos, const char *text, size_t n, token_vec *ids, err *e);

/* Appends what an encoder reads: BOS if it is due, the prompt, and EOS unless it ends in it. */
int row_source(const tokenizer *t, row_bos bos, const char *text, size_t n, token_vec *ids, err *e);

const char *row_finding_text(
    row_finding f); /* "the prompt alone fills max_length, so the row is dropped; ..." */

#endif
