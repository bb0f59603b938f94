/* template.h -- text with holes for the columns of a table: 'Name: {name}\nDescription:'.
 *
 * `{column}` is replaced by the row's value, as it is. The escapes \n, \t and \\ stand for a line end,
 * a tab and a backslash; {{ and }} for braces. Values are never looked at for escapes or holes. */
#ifndef TEXT_TEMPLATE_H
#define TEXT_TEMPLATE_H

#include "base/err.h"
#include "base/str.h"
#include "text/table.h"

typedef struct template template;

/* NULL with e set (E_USAGE) when the text is malformed; `option` names it in the message, which tells
 * the character, from 1. */
template *template_new(const char *text, const char *option, err *e);
void template_free(template *t); /* NULL is fine */

/* The template that is one column after a fixed text: " " and "description" make ' {description}'. */
template *template_of_column(const char *before, const char *column);

/* Appends the text for a row of d to out. A row without one of the columns is an error that names
 * its line, its fields and then says `advice`; the cell null is empty. */
int template_render(const template *t, const table *d, int64_t row, const char *advice, str *out, err *e);

/* The i-th of its columns, from 0, or NULL. */
const char *template_column(const template *t, int i);

/* The first of its columns that holds an array or object in a row, or NULL. */
const char *template_json_column(const template *t, const table *d, int64_t row);

#endif
