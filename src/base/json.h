/* json.h -- jansson behind checks: where a document came from, what a member has to be.
 *
 * Readers of files that people and other programs write use these, so that a wrong type becomes a
 * line that names the file and the key. Duplicate keys are refused everywhere. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"
#include "base/str.h"

#include <jansson.h>
#include <stdbool.h>

/* Parses n bytes; `where` names them in messages. NULL with e set when they are not JSON. The
 * caller releases the result with json_decref(). */
json_t *json_parse(const char *text, size_t n, const char *where, err *e);
json_t *json_parse_file(const char *path, err *e); /* up to 512 MiB */

/* Members of an object. A missing or null member gives `otherwise`; a member of another type sets e
 * and gives `otherwise`. Strings live as long as the object. */
long long   json_int(const json_t *o, const char *key, long long otherwise, const char *where, err *e);
double      json_num(const json_t *o, const char *key, double otherwise, const char *where, err *e);
bool        json_flag(const json_t *o, const char *key, bool otherwise, const char *where, err *e);
const char *json_text(const json_t *o, const char *key, const char *otherwise, const char *where, err *e);

/* Writes a document to a file, whole or not at all; indent as given, keys sorted when `sorted`. */
int json_save(const json_t *o, const char *path, int indent, bool sorted, err *e);

#endif
