/* classify.h -- a table as rows for a classifier: texts or pairs of texts framed by the tokenizer's special
 * tokens, with a label a row or a word.
 *
 *   texts    mask 1 and the target at the token whose row the head reads: the first ([CLS]) of an encoder,
 * the
 *            last of a decoder
 *   tokens   the words of a JSON list, each tokenized as if a space stood before it; mask 1 and the target
 * at the
 *            first token of each
 *
 * A row longer than max_length is cut, of a pair the longer text first. */
#ifndef TEXT_CLASSIFY_H
#define TEXT_CLASSIFY_H

#include "text/labels.h"
#include "text/row.h"

/* Columns of the table; pair and label -1: there is none. */
typedef struct class_columns {
    int text, pair, label;
} class_columns;

typedef struct class_names {
    const char *const *text; /* one name, or two of a pair; NULL: by the usual names */
    int64_t n_text;
    const char *label; /* NULL: by the usual names */
    bool words;        /* the text is a list of words */
} class_names;

/* The usual names are, the first that is there: of a pair sentence1 and sentence2, premise and hypothesis,
 * question1 and question2, question and sentence, text and text_pair; text, sentence, content, review; of
 * words tokens, words; of labels label, labels, category, intent, class, target, score, and ner_tags,
 * pos_tags, tags before these for words. E_USAGE names the columns there are. */
int class_find_columns(class_columns *out, const table *t, const class_names *names, err *e);

typedef enum class_reads { CLASS_READS_FIRST, CLASS_READS_LAST } class_reads;

typedef struct class_options {
    int64_t max_length; /* tokens of a row; 0: no limit */
    class_reads reads;
} class_options;

/* l->kind says what the labels are; it outlives the rows. E_FORMAT names file and line of a row that cannot
 * be used. */
int rowset_classify(rowset *r, const table *t, const class_columns *c, const label_set *l, const tokenizer *k,
                    const class_options *o, err *e);

#endif
