/* config_check.h -- what the readers of configurations share; not for other folders. */
#ifndef FORMAT_CONFIG_CHECK_H
#define FORMAT_CONFIG_CHECK_H

#include "format/config.h"

/* Sets c->architecture; E_UNSUPPORTED lists those there are. name NULL: the file does not say. */
int     config_choose_architecture(model_config *c, const char *name, const char *where, err *e);
int     config_check(const model_config *c, const char *where, err *e);
/* width / heads for files that do not say; 0 with e set when that is no whole number. */
int64_t config_head_dim(const model_config *c, const char *where, err *e);
void    config_add_eos(model_config *c, int64_t id); /* once; more than CONFIG_MAX_EOS are left out */

#endif
