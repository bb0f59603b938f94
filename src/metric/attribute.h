/* attribute.h -- meaning representations as the E2E data have them, `name[The Eagle], eatType[coffee shop]`, and
 * dialogue acts as the RNNLG data have them (Wen et al. 2016), `recommend(name=zelus 40;type=laptop)`. */
#ifndef METRIC_ATTRIBUTE_H
#define METRIC_ATTRIBUTE_H

#include "metric/symbols.h"

typedef struct attribute_pair {
    passage name, value; /* inside the text that was read, without white space around */
} attribute_pair;

typedef struct attribute_list {
    attribute_pair *p;
    int64_t n, cap;
} attribute_list;

/* Replaces *out by the attributes of a text; false, and nothing in *out, when it is neither wholly
 *
 *   a list of names with values in square brackets, parted by commas: a value may hold anything but ], a name
 *   no bracket and no comma; nor
 *
 *   one act: a word of letters, digits, _ and ?, and in brackets names with = and a value, parted by
 *   semicolons. A value may hold anything but ; and brackets, and may stand in single quotes, which are left
 *   out. A name without = asks for a value and is no attribute; an act may have none. */
bool attribute_read(attribute_list *out, passage text);
void attribute_free(attribute_list *l);

/* Whether a value says that there is none: empty, "none", "null", "n/a", "-", "dontcare". */
bool attribute_is_none(passage value);

passage passage_trim(passage p);

#endif
