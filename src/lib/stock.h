/* stock.h -- what several trainings in one process share: devices, the base in each type it is asked for, the
 * tokenizer, data files as token rows, and what the bare base scores.
 *
 * A base is mapped and quantized when it is first asked for and stays until it is not in use and another
 * needs its memory; so a hundred trainings over one base quantize it once and tokenize their rows once.
 * Everything handed out is read-only and lives until its close, rows until stock_free(). Several threads may use one
 * stock; a device is handed to one of them at a time. */
#ifndef LIB_STOCK_H
#define LIB_STOCK_H

#include "lib/job_rows.h"
#include "train/evaluator.h"

typedef struct stock stock;

/* o, the options of the command, says where quantized weights are kept, and notes go to h; both live as long. NULL:
 * nowhere. */
stock *stock_new(const options *o, const job_hooks *h);
void stock_free(stock *s); /* NULL is fine; nothing of it may be in use */

/* Fills *view with device, base and tokenizer for --model, --quantization, --double_quant, --device,
 * --compute and --threads; the adapter is left to the caller. Another model path than the first is E_USAGE. */
int stock_open(stock *s, job_model *view, const options *o, err *e);
/* The same as a classifier. */
int stock_open_for(stock *s, job_model *view, const options *o, const model_head *head, err *e);
/* Gives the base back, and closes view->adapter. */
void stock_close(stock *s, job_model *view);

/* The rows of a file under o's templates and limits; the same pointer for the same file, part and options.
 * Findings are told by notes the first time. */
int stock_rows(stock *s, const job_rows **out, const char *path, rows_part part, const options *o,
               const job_model *base, const job_hooks *h, err *e);

/* The evaluation of the bare base on rows, when it was made before; else NULL. */
const evaluation *stock_before(stock *s, const job_model *base, const job_rows *rows);
void stock_set_before(stock *s, const job_model *base, const job_rows *rows, const evaluation *v);

#endif
