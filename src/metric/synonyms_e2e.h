/* synonyms_e2e.h -- built-in synonyms for restaurants as the E2E data describe them. They are used for an
 * attribute of the same name as long as one of its values here is in the data. */
#ifndef METRIC_SYNONYMS_E2E_H
#define METRIC_SYNONYMS_E2E_H

/* Every phrase for every value; both are parted by bars. */
typedef struct synonyms_row {
    const char *attribute, *values, *phrases;
} synonyms_row;

extern const synonyms_row synonyms_e2e[]; /* ends with a row of NULL */

#endif
