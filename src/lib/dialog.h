/* dialog.h -- a conversation with a model: what `lorac chat` is made of, without the terminal.
 *
 * Messages go through the model's chat template; the adapter can be switched off and on, each of the two with
 * its own cache, so that both can be asked the same. */
#ifndef LIB_DIALOG_H
#define LIB_DIALOG_H

#include "lib/job.h"

typedef struct dialog dialog;

/* Opens model, adapter and chat template as the options say, and begins with the message of --system. */
int dialog_open(dialog **out, const options *o, const job_hooks *h, err *e);
void dialog_close(dialog *d); /* NULL is fine */

/* Says `text` (n) and gets the answer: through h->text while it is made, and as *out, {"text", "tokens",
 * "stop", "prompt_tokens", "computed_tokens", "seconds"}. After E_STOPPED the answer is what there was; after
 * another failure it is as if nothing had been said. */
int dialog_say(dialog *d, const char *text, size_t n, const job_hooks *h, json_t **out, err *e);

/* Forgets what was said; the system's message stays. */
void dialog_reset(dialog *d);
/* Takes the last message and its answer back. */
void dialog_take_back(dialog *d);
/* Another system message, NULL for none; forgets what was said. E_FORMAT: not UTF-8. */
int dialog_system(dialog *d, const char *text, err *e);

typedef enum dialog_with { DIALOG_BASE, DIALOG_ADAPTER } dialog_with;
bool dialog_has_adapter(const dialog *d);
dialog_with dialog_speaker(const dialog *d);
void dialog_use(dialog *d, dialog_with with); /* E.g. DIALOG_BASE: the next answers are the base model's */

#endif
