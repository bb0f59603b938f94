/* yaml.h -- a configuration file as (key, line, value) in file order: YAML, or JSON when it begins with `{`.
 *
 * YAML scalars come as JSON strings with the characters they are written with, so that the option decides
 * what `1e-4` or `no` is; a plain null, ~ or nothing comes as JSON null. Lists and mappings come as arrays
 * and objects. Of a run.json the member "options" is taken: {"name": {"value": v, "origin": "default"}}, line
 * 0. */
#ifndef LIB_YAML_H
#define LIB_YAML_H

#include "base/json.h"

typedef struct yaml_entry {
    char *key;
    int line; /* from 1; 0: not known */
    json_t *value;
    bool is_default; /* run.json: nobody had chosen this value */
} yaml_entry;

typedef struct yaml_file {
    yaml_entry *entry;
    size_t n, cap;
    bool is_run; /* a run.json */
} yaml_file;

/* E_IO, E_FORMAT with file:line. A key that comes twice, an anchor or an alias, a second document, nesting
 * deeper than 8 or more than 1 MiB are errors. After a failure there is nothing to release. */
int yaml_read(yaml_file *f, const char *path, err *e);
void yaml_release(yaml_file *f);

#endif
