/* labels.h -- the labels of a column: which there are, and as numbers what a row's cell says.
 *
 *   LABEL_ONE      one label a row: a name, or a number that is its id
 *   LABEL_VALUE    a number to be predicted as such (regression)
 *   LABEL_SEVERAL  any number of labels a row: a JSON list of names or ids
 *   LABEL_TOKENS   one label a word: a JSON list of names or ids, as long as the list of words
 *
 * Names found in data are sorted by their bytes; ids found in data stand for LABEL_0, LABEL_1, ... up to the
 * largest. */
#ifndef TEXT_LABELS_H
#define TEXT_LABELS_H

#include "text/table.h"

enum { LABELS_MAX = 100000 };

typedef enum label_kind { LABEL_ONE, LABEL_VALUE, LABEL_SEVERAL, LABEL_TOKENS } label_kind;

typedef struct label_set {
    label_kind kind;
    int64_t n;         /* LABEL_VALUE: 1 */
    const char **name; /* (n) by id; LABEL_VALUE: NULL */
    arena mem;
} label_set;

/* What the cells of a column look like: lists are LABEL_SEVERAL, numbers with a fraction LABEL_VALUE. */
label_kind labels_guess(const table *t, int column);

/* The labels that a column has. E_FORMAT with file and line for a cell that is none. */
int labels_collect(label_set *l, label_kind kind, const table *t, int column, err *e);

/* The same n names, copied. */
void labels_copy(label_set *l, label_kind kind, const char *const *name, int64_t n);
void labels_release(label_set *l);

/* The ids of a cell, to id, which grows: one for LABEL_ONE, any number for lists. E_FORMAT names what is not
 * among the labels. */
typedef struct label_ids {
    int32_t *p;
    int64_t n, cap;
} label_ids;
int labels_of_cell(const label_set *l, const table *t, int64_t row, int column, label_ids *id, err *e);

/* LABEL_VALUE: the number. */
int labels_value(const table *t, int64_t row, int column, float *out, err *e);

#endif
