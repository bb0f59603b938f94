/* vocabulary.h -- rows of attributes for the tests of coverage: what the data know, and verdicts as a line.
 */
#ifndef TEST_METRIC_VOCABULARY_H
#define TEST_METRIC_VOCABULARY_H

#include "base/str.h"
#include "metric/attribute.h"
#include "metric/coverage.h"

#include <string.h>

enum { ROW_MOST = 16 };

typedef struct vocabulary {
    coverage *c;
    slot_list verdicts;
    str line;
} vocabulary;

static inline passage plain(const char *text) { return (passage){text, strlen(text)}; }

/* The slots of a meaning representation; how many. */
static inline int64_t slots_of(coverage *c, passage mr, slot *out)
{
    attribute_list l = {0};
    int64_t n = 0;
    BUG_IF(!attribute_read(&l, mr) || l.n > ROW_MOST);
    for (int64_t i = 0; i < l.n; i++) {
        int a = coverage_attribute(c, l.p[i].name), v = coverage_value(c, a, l.p[i].value);
        if (v >= 0) out[n++] = (slot){a, v};
    }
    attribute_free(&l);
    return n;
}

/* From meaning representations that end with NULL, synonyms of a user (or NULL) and those built in. */
static inline void vocabulary_open(vocabulary *w, const char *const *mrs, int64_t rows, const char *user)
{
    synonyms s = {0};
    err e = {0};
    slot row[ROW_MOST];
    *w = (vocabulary){0};
    synonyms_built_in(&s);
    if (user) BUG_IF(synonyms_parse(&s, "user", user, strlen(user), &e) != OK);
    w->c = coverage_new(&s);
    for (; *mrs; mrs++) slots_of(w->c, plain(*mrs), row);
    coverage_ready(w->c, rows);
}

static inline void vocabulary_close(vocabulary *w)
{
    coverage_free(w->c);
    slot_list_free(&w->verdicts);
    str_free(&w->line);
}

/* "missing food; wrong area said riverside; added pets": all that is not realized. */
static inline const char *verdicts(vocabulary *w, passage mr, passage text)
{
    slot row[ROW_MOST];
    int64_t n = slots_of(w->c, mr, row);
    coverage_judge(w->c, row, n, text, &w->verdicts);
    str_clear(&w->line);
    for (int64_t i = 0; i < w->verdicts.n; i++) {
        const slot_judged *v = &w->verdicts.p[i];
        if (v->verdict == SLOT_REALIZED) continue;
        str_fmt(&w->line, "%s%s %s", w->line.n ? "; " : "", slot_verdict_name(v->verdict),
                coverage_attribute_name(w->c, v->attribute));
        if (v->verdict == SLOT_WRONG || v->verdict == SLOT_ADDED)
            str_fmt(&w->line, " said %s",
                    v->said < 0 ? "?" : coverage_value_text(w->c, v->attribute, v->said));
    }
    return str_c(&w->line);
}

#endif
