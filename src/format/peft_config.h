/* peft_config.h -- the reader of adapter_config.json; not for other folders. */
#ifndef FORMAT_PEFT_CONFIG_H
#define FORMAT_PEFT_CONFIG_H

#include "format/peft.h"

/* Strings of out belong to j, lists to mem. */
int peft_config_read(peft_config *out, const json_t *j, arena *mem, const char *where, err *e);

#endif
