/* match.h -- which projections an adapter configuration names, by PEFT's rules, but nothing silent: an entry
 * that matches no projection is an error. */
#ifndef MODEL_MATCH_H
#define MODEL_MATCH_H

#include "model/adapter.h"

typedef struct match match;

/* Compiles the configuration's expressions; it has to outlive the match. NULL with e set when one is wrong.
 */
match *match_new(const peft_config *config, err *e);
void match_free(match *k);

/* Whether a module gets an adapter; remembers which entries have matched something. */
bool match_module(match *k, const char *module);

/* After all modules: an error when nothing or some target entry matched nothing. Lists what there is. */
int match_finish(const match *k, const model *m, err *e);

#endif
