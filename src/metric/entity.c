/* entity.c -- see entity.h. */
#include "metric/entity.h"

#include <stdlib.h>
#include <string.h>

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_tag(const char *label)
{
    return *label && strchr("BIES", *label) && label[1] == '-' && label[2];
}

static int32_t find(const entity_tags *t, const char *name)
{
    for (int64_t i = 0; i < t->types; i++)
        if (!strcmp(t->name[i], name)) return (int32_t)i;
    return -1;
}

bool entity_tags_init(entity_tags *t, const char *const *label, int64_t labels)
{
    *t = (entity_tags){.labels = labels};
    for (int64_t i = 0; i < labels; i++)
        if (strcmp(label[i], "O") && !is_tag(label[i])) return false;
    t->tag = arena_new(&t->mem, (size_t)labels + 1);
    t->type = arena_new(&t->mem, (size_t)(labels + 1) * sizeof *t->type);
    t->name = arena_new(&t->mem, (size_t)(labels + 1) * sizeof *t->name);
    for (int64_t i = 0; i < labels; i++)
        if (is_tag(label[i]) && find(t, label[i] + 2) < 0)
            t->name[t->types++] = arena_strdup(&t->mem, label[i] + 2);
    qsort(t->name, (size_t)t->types, sizeof *t->name, by_bytes);
    for (int64_t i = 0; i < labels; i++) {
        t->tag[i] = *label[i];
        t->type[i] = is_tag(label[i]) ? find(t, label[i] + 2) : -1;
    }
    if (!t->types) entity_tags_release(t);
    return t->types > 0;
}

void entity_tags_release(entity_tags *t)
{
    arena_free(&t->mem);
    *t = (entity_tags){0};
}

void entity_tally_init(entity_tally *t, const entity_tags *tags)
{
    *t = (entity_tally){.tags = tags, .right = xcalloc((size_t)(3 * tags->types), sizeof *t->right)};
    t->said = t->right + tags->types;
    t->there = t->said + tags->types;
}

void entity_tally_clear(entity_tally *t)
{
    memset(t->right, 0, (size_t)(3 * t->tags->types) * sizeof *t->right);
}

void entity_tally_release(entity_tally *t)
{
    free(t->right);
    *t = (entity_tally){0};
}

/* A sequence while it is read: the entity that is open, from its first word, and the one that has just
 * ended. */
typedef struct reader {
    char tag;
    int32_t type;
    int64_t from;
    int32_t ended; /* its type; -1: none ended at this word */
    int64_t ended_from;
} reader;

/* Word i; tag 'O' behind the last closes what is open. */
static void take(reader *r, char tag, int32_t type, int64_t i)
{
    const bool open = r->type >= 0;
    const bool ends = open && (type != r->type || r->tag == 'E' || r->tag == 'S' || tag == 'B' || tag == 'S');
    const bool begins = type >= 0 && (!open || ends);
    r->ended = ends ? r->type : -1;
    r->ended_from = r->from;
    if (begins) r->from = i;
    r->tag = tag;
    r->type = type;
}

entity_count entity_tally_row(entity_tally *t, const int32_t *truth, const int32_t *said, int64_t n)
{
    const entity_tags *g = t->tags;
    entity_count c = {0};
    reader a = {'O', -1, 0, -1, 0}, b = a;
    for (int64_t i = 0; i <= n; i++) {
        take(&a, i < n ? g->tag[truth[i]] : 'O', i < n ? g->type[truth[i]] : -1, i);
        take(&b, i < n ? g->tag[said[i]] : 'O', i < n ? g->type[said[i]] : -1, i);
        if (a.ended >= 0) t->there[a.ended]++, c.there++;
        if (b.ended >= 0) t->said[b.ended]++, c.said++;
        if (a.ended < 0 || a.ended != b.ended || a.ended_from != b.ended_from) continue;
        t->right[a.ended]++, c.right++;
    }
    return c;
}

entity_scores entity_tally_scores(const entity_tally *t, int64_t type)
{
    double right = 0, said = 0, there = 0;
    for (int64_t i = 0; i < t->tags->types; i++) {
        if (type >= 0 && i != type) continue;
        right += (double)t->right[i];
        said += (double)t->said[i];
        there += (double)t->there[i];
    }
    return (entity_scores){.precision = said > 0 ? right / said : 0,
                           .recall = there > 0 ? right / there : 0,
                           .f1 = said + there > 0 ? 2 * right / (said + there) : 0,
                           .there = (int64_t)there};
}
