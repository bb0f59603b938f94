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
    token_vec source, target; /* with an encoder; as many targets as ids */
    str text; /* the three below are scratch */
    token_vec values;
} encoder;

typedef struct encoded {
    int64_t tokens; /* appended to ids and mask; 0 when the row is dropped */
    int64_t labels;
    int64_t source; /* tokens appended to source */
    unsigned found; /* 1 << row_finding */
} encoded;

/* encode_chat.c: appends a conversation's ids and mask. */
int encode_chat(encoder *c, int64_t row, encoded *out, err *e);

/* encode_source.c: a row for an encoder and a decoder. */
int encode_source(encoder *c, int64_t row, encoded *out, err *e);

/* The numbers of a list, each within [least, most], to c->values. */
int encode_list(encoder *c, int64_t row, const char *column, int64_t least, int64_t most, err *e);

int encoder_row(encoder *c, int64_t row, encoded *out, err *e);
void encoder_release(encoder *c);

#endif
