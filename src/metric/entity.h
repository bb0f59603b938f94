/* entity.h -- names in text: whole entities of a labelled sequence, as in CoNLL's scores.
 *
 * Labels are O, outside of every entity, and TAG-TYPE with TAG one of
 *
 *   B, S   an entity begins       I, E   it goes on       (E and S: it ends here)
 *
 * and an entity is a run of one type. It also begins where I or E follow O or another type, as in files that
 * write B only where it is needed, and ends before any O, B, S or other type. One is right when type, first
 * and last word all are:
 *
 *   precision = right / said    recall = right / there    F1 = 2 right / (said + there)
 *
 * The same as seqeval 1.2.2 in its default mode (Nakayama 2018; Ramshaw and Marcus 1995 for the tags), where
 * entities of all types together are its micro average. */
#ifndef METRIC_ENTITY_H
#define METRIC_ENTITY_H

#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct entity_tags {
    int64_t labels, types;
    char *tag;         /* (labels) 'O', 'B', 'I', 'E', 'S' */
    int32_t *type;     /* (labels) -1 for O */
    const char **name; /* (types) sorted by their bytes */
    arena mem;
} entity_tags;

/* False, with nothing to release: the labels are not of that form, or name no type. */
bool entity_tags_init(entity_tags *t, const char *const *label, int64_t labels);
void entity_tags_release(entity_tags *t);

typedef struct entity_tally {
    const entity_tags *tags;
    int64_t *right, *said, *there; /* (types) */
} entity_tally;

typedef struct entity_scores {
    double precision, recall, f1; /* 0 where nothing is said or there */
    int64_t there;
} entity_scores;

/* tags outlive it. */
void entity_tally_init(entity_tally *t, const entity_tags *tags);
void entity_tally_clear(entity_tally *t);
void entity_tally_release(entity_tally *t);

typedef struct entity_count {
    int64_t right, said, there;
} entity_count;

/* A row of n labels, and what was predicted for it; counts those of this row. */
entity_count entity_tally_row(entity_tally *t, const int32_t *truth, const int32_t *said, int64_t n);

/* Of one type; or with -1 of all together. */
entity_scores entity_tally_scores(const entity_tally *t, int64_t type);

#endif
