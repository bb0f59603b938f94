/* coverage.h -- does a text say what its row's attributes say? Slot by slot, and slot errors.
 *
 * A row's attribute with its value is a slot. Against a text it is
 *
 *   realized  the value is said: its words, a synonym, the same quantity, yes or no of what the name says
 *   wrong     it is not, and another value of the attribute is
 *   missing   neither is said
 *   added     no slot of the row: a value of an attribute that the row does not have is said
 *
 * slot error rate = (missing + wrong + added) / slots. docs/METRICS.md has the rules, and how often they are
 * right.
 *
 * First every attribute and value of the data is made known, then coverage_ready() is called, then texts are
 * judged: other values are those that the data or the synonyms know. */
#ifndef METRIC_COVERAGE_H
#define METRIC_COVERAGE_H

#include "metric/synonyms.h"

typedef struct coverage coverage;

typedef enum slot_verdict { SLOT_REALIZED, SLOT_MISSING, SLOT_WRONG, SLOT_ADDED, SLOT_VERDICTS } slot_verdict;

typedef struct slot {
    int attribute, value;
} slot;

typedef struct slot_judged {
    int attribute;
    int value; /* -1: added */
    slot_verdict verdict;
    int said; /* wrong, added: the other value, or -1 when it is an amount that is no value of the data */
} slot_judged;

typedef struct slot_list {
    slot_judged *p; /* the row's slots in their order, then what was added */
    int64_t n, cap;
} slot_list;

typedef struct slot_counts {
    int64_t slots, of[SLOT_VERDICTS];
} slot_counts;

/* Takes over the synonyms; *s is empty afterwards. */
coverage *coverage_new(synonyms *s);
void coverage_free(coverage *c); /* NULL is fine */

/* The number of an attribute, of a value of it; new ones are added. -1 for a value that says there is none
 * (attribute_is_none()). */
int coverage_attribute(coverage *c, passage name);
int coverage_value(coverage *c, int attribute, passage value);
/* rows: how many rows (with different attributes) the values are from. */
void coverage_ready(coverage *c, int64_t rows);

/* Replaces *out by the verdicts on a text for a row of n slots, no two of one attribute and value. */
void coverage_judge(coverage *c, const slot *row, int64_t n, passage text, slot_list *out);
void slot_list_free(slot_list *l);
void slot_count(slot_counts *sum, const slot_judged *one);
double slot_error_rate(const slot_counts *c); /* 0 without slots */

int coverage_attributes(const coverage *c);
const char *coverage_attribute_name(const coverage *c, int attribute);
const char *coverage_value_text(const coverage *c, int attribute, int value);
const char *slot_verdict_name(slot_verdict v);

#endif
