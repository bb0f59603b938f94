/* compat.h -- keys of TRL, transformers and PEFT that are not options here, so that their files run
 * unchanged.
 *
 * A value that asks for what this program does anyway passes silently; any other is an error that says what
 * to write instead. load_in_4bit, load_in_8bit and their companions become `quantization`. */
#ifndef LIB_COMPAT_H
#define LIB_COMPAT_H

#include "lib/options.h"

/* 1: known and taken; 0: not a key of those libraries; negative: known, and not supported with this value. */
int compat_set(options *o, const char *key, const char *value, option_origin from, err *e);

/* After one source of options (file, command line) is read: load_in_4bit and the like, if that source had
 * them, become `quantization`. `given`: the same source set quantization itself. */
int compat_finish(options *o, option_origin from, bool given, err *e);

bool compat_is_flag(const char *key); /* a key that may stand on the command line without a value */
const char *compat_key(int i);        /* NULL after the last */

#endif
