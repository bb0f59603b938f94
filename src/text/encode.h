/* encode.h -- one row of a table as token ids and mask (row.h has the layout); rowset_build() calls it. */
#ifndef TEXT_ENCODE_H
#define TEXT_ENCODE_H

#include "text/row.h"

/* Rows one after the other, and what a row is made from. */
typedef struct encoder {
    const row_shape *s;
    const tokenizer *t;
    const row_options *o;
    token_vec ids;
    str mask; /* one byte an id */
    str text; /* the three below are scratch */
    token_vec values;
} encoder;

typedef struct encoded {
    int64_t tokens; /* appended to ids and mask; 0 when the row is dropped */
    int64_t labels;
    unsigned found; /* 1 << row_finding */
} encoded;

/* encode_chat.c: appends a conversation's ids and mask. */
int encode_chat(encoder *c, int64_t row, encoded *out, err *e);

int encoder_row(encoder *c, int64_t row, encoded *out, err *e);
void encoder_release(encoder *c);

#endif
