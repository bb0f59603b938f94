/* shape.h -- which text of a table's row is the prompt and which the completion.
 *
 * With --prompt-template, --completion-template or --completion-column, those decide; the half that is
 * not given is taken from the columns below. Otherwise the columns decide, the first that fits:
 *
 *   input_ids                 token ids, with labels, completion_mask, assistant_masks if they are there
 *   prompt, completion        as they are
 *   text                      learned whole (another name with --dataset-text-field comes first)
 *   instruction, output       alpaca: instruction and, where not empty, input, in the wording below
 *
 * messages and conversations need a chat template, which this version does not have. The alpaca
 * wording (Taori et al. 2023), {input} and its heading only where the row has one:
 *
 *   Below is an instruction that describes a task, paired with an input that provides further context.
 *   Write a response that appropriately completes the request.
 *
 *   ### Instruction:
 *   {instruction}
 *
 *   ### Input:
 *   {input}
 *
 *   ### Response:
 */
#ifndef TEXT_SHAPE_H
#define TEXT_SHAPE_H

#include "text/table.h"
#include "text/template.h"

#include <stdbool.h>

typedef enum shape_kind { SHAPE_TEXT, SHAPE_PROMPT, SHAPE_ALPACA, SHAPE_TEMPLATE, SHAPE_IDS } shape_kind;

/* To learn, a row needs a completion; to answer, a prompt is enough. */
typedef enum shape_use { SHAPE_LEARN, SHAPE_ANSWER } shape_use;

typedef struct shape_options {
    const char *prompt_template, *completion_template, *completion_column; /* NULL: not given */
    const char *text_field;                                                /* NULL: "text" */
} shape_options;

typedef struct row_shape {
    const table *t;
    shape_kind kind;
    template *prompt;       /* NULL for SHAPE_TEXT and SHAPE_IDS */
    template *prompt_plain; /* alpaca: for a row without input; else NULL */
    template *completion;   /* or the text; NULL for SHAPE_IDS, and when answering without one */
    bool prompt_written, completion_written; /* by the user, so that a JSON value may fill it */
} row_shape;

/* Keeps t, which has to outlive s. E_USAGE, E_FORMAT (fields that are missing from the table) or
 * E_UNSUPPORTED (conversations); after a failure there is nothing to release. */
int shape_init(row_shape *s, const table *t, const shape_options *o, shape_use use, err *e);
void shape_release(row_shape *s);

/* Appends the row's text to out. The prompt of a shape that has none is E_USAGE; a completion that
 * was not asked for is empty. Errors about the row name its line. */
int shape_prompt(const row_shape *s, int64_t row, str *out, err *e);
int shape_completion(const row_shape *s, int64_t row, str *out, err *e);

const char *shape_name(
    shape_kind k); /* "text", "prompt and completion", "alpaca", "templates", "token ids" */

#endif
