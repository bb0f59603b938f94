/* base64.h -- bytes written as letters (RFC 4648, section 4). */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/str.h"

#include <stdbool.h>

/* Appends what n letters stand for; false when they are not base64 (out is as it was). The padding may be
 * missing. */
bool base64_decode(str *out, const char *text, size_t n);

#endif
