/* coverage_hits.c -- what a text says of the attributes; see coverage_impl.h.
 *
 * Phrases are found by walking their tree from every word. Then hits are dropped:
 *
 *   - inside a longer phrase of the same attribute for another value, or inside the words of another
 * attribute's value of two or more words: no Indian food in Raja Indian Cuisine;
 *   - a word of degree without a word for its attribute in reach. Where two attributes have the same word of
 * degree, the one whose own word is nearer keeps it: "average price and high rating";
 *   - negated ("not cheap"); of a yes/no attribute the answer is turned instead.
 *
 * Reach and scope end with the sentence. The words here are English. */
#include "metric/coverage_impl.h"

#include <limits.h>
#include <string.h>

enum {
    REACH = 5,       /* words from a word of degree to its attribute, with what lies between */
    SCOPE = 5,       /* words from a negation to what it denies, yes/no */
    SCOPE_VALUE = 2, /* the same for other values */
    SCOPE_BEHIND = 3,
};

static void scan(coverage *c)
{
    c->n_hits = 0;
    for (int64_t i = 0; i < c->text.n; i++) {
        int32_t node = -1;
        for (int64_t j = i; j < c->text.n; j++) {
            if ((node = grams_find(&c->tree, node, c->text.p[j].id)) < 0) break;
            for (int32_t k = (int32_t)c->tree.count[node] - 1; k >= 0; k = c->phrases[k].next) {
                const phrase *p = &c->phrases[k];
                if (c->n_hits == c->cap_hits) {
                    c->cap_hits = c->cap_hits ? 2 * c->cap_hits : 64;
                    c->hits = xrealloc(c->hits, (size_t)c->cap_hits * sizeof *c->hits);
                }
                c->hits[c->n_hits++] = (hit){p->attribute, p->value, p->flags, i, j + 1, false};
            }
        }
    }
}

static bool hides(const hit *k, const hit *h)
{
    bool inside = k->first <= h->first && k->last >= h->last && k->last - k->first > h->last - h->first;
    if (!inside || (k->flags & PHRASE_ANCHOR)) return false;
    if (k->attribute == h->attribute) return k->value != h->value && !(h->flags & PHRASE_ANCHOR);
    return (k->flags & PHRASE_LITERAL) && !(k->flags & PHRASE_WEAK);
}

/* The first hit that begins at word `first` or later is not before the result. */
static int64_t back_to(const coverage *c, int64_t i, int64_t first)
{
    while (i > 0 && c->hits[i - 1].first >= first) i--;
    return i;
}

static void drop_nested(coverage *c)
{
    for (int64_t i = 0; i < c->n_hits; i++) {
        hit *h = &c->hits[i];
        for (int64_t k = back_to(c, i, h->first - c->longest); k < c->n_hits && !h->dropped; k++) {
            if (c->hits[k].first > h->first) break;
            h->dropped = hides(&c->hits[k], h);
        }
    }
}

/* What it takes to go from the word before `to` over the words [from, to]; INT_MAX: a sentence ends. */
static int distance(const coverage *c, int64_t from, int64_t to)
{
    static const int extra[] = {0, 2, 3};
    int sum = 0;
    for (int64_t i = from; i <= to; i++) {
        if (c->text.p[i].stop == STOP_SENTENCE || sum > REACH) return INT_MAX;
        sum += 1 + extra[c->text.p[i].stop];
    }
    return sum <= REACH ? sum : INT_MAX;
}

/* To the nearest word for the hit's attribute. */
static int anchor_distance(const coverage *c, int64_t i)
{
    const hit *h = &c->hits[i];
    int best = INT_MAX;
    for (int64_t k = back_to(c, i, h->first - REACH); k < c->n_hits && c->hits[k].first < h->last + REACH;
         k++) {
        const hit *a = &c->hits[k];
        if (!(a->flags & PHRASE_ANCHOR) || a->attribute != h->attribute || a->dropped) continue;
        int d = INT_MAX;
        if (a->first >= h->last) d = distance(c, h->last, a->first);
        if (a->last <= h->first) d = distance(c, a->last, h->first);
        if (d < best) best = d;
    }
    return best;
}

static void drop_unanchored(coverage *c)
{
    for (int64_t i = 0; i < c->n_hits; i++) {
        hit *h = &c->hits[i];
        if (h->dropped || !(h->flags & PHRASE_ANCHORED)) continue;
        int mine = anchor_distance(c, i);
        h->dropped = mine == INT_MAX;
        for (int64_t k = back_to(c, i, h->first); k < c->n_hits && c->hits[k].first == h->first; k++) {
            const hit *o = &c->hits[k];
            bool rival = o->last == h->last && o->attribute != h->attribute && (o->flags & PHRASE_ANCHORED);
            if (rival && anchor_distance(c, k) < mine) h->dropped = true;
        }
    }
}

static bool is_one_of(const coverage *c, int64_t i, const char *const *list)
{
    const char *word = c->words.text[c->text.p[i].id];
    for (; *list; list++)
        if (!strcmp(word, *list)) return true;
    return false;
}

static bool denies(const coverage *c, int64_t i)
{
    static const char *const negations[] = {"not",     "no",    "non",     "never", "without", "lack",
                                            "lacking", "nor",   "neither", "none",  "cannot",  "hardly",
                                            "rarely",  "isnt",  "doesnt",  "arent", "dont",    "wont",
                                            "cant",    "wasnt", NULL};
    static const char *const harmless[] = {"only", "just", "further", "matter", "doubt", "wonder", NULL};
    if (!is_one_of(c, i, negations)) return false;
    return i + 1 >= c->text.n || !is_one_of(c, i + 1, harmless);
}

/* Words that deny what a yes/no attribute says: "leave the kids", "unfriendly to families". */
static bool refuses(const coverage *c, int64_t i)
{
    static const char *const words[] = {"avoid",    "unsuitable", "inappropriate", "away",     "leave",
                                        "ban",      "banned",     "discourage",    "exclude",  "excluding",
                                        "prohibit", "unable",     "unfriendly",    "unsuited", NULL};
    return denies(c, i) || is_one_of(c, i, words);
}

static const char *const turns[] = {"but", "however", "although", "though", "while", "yet", "whilst", NULL};

/* "not a very child friendly", but not "no starters, child friendly". */
static bool denied_before(const coverage *c, const hit *h, int scope,
                          bool (*word)(const coverage *c, int64_t i))
{
    for (int64_t i = h->first; i > 0 && h->first - i < scope; i--) {
        if (c->text.p[i].stop != STOP_NONE || is_one_of(c, i - 1, turns)) return false;
        if (word(c, i - 1)) return true;
    }
    return false;
}

/* "children are not welcome", "family friendly: no", but not "family friendly, no starters". */
static bool denied_behind(const coverage *c, const hit *h)
{
    static const char *const welcome[] = {
        "welcome", "welcomed",   "welcoming",   "allow",       "allowed",  "permit",     "permitted",
        "accept",  "accepted",   "recommend",   "recommended", "advise",   "advised",    "suitable",
        "invited", "encouraged", "appropriate", "friendly",    "cater",    "catered",    "admitted",
        "served",  "considered", "included",    "suited",      "oriented", "orientated", "friend",
        "ideal",   "allowing",   NULL};
    static const char *const refused[] = {"prohibited",  "banned",   "forbidden",  "unwelcome",
                                          "discouraged", "excluded", "unfriendly", "unwelcomed",
                                          "free",        NULL};
    for (int64_t i = h->last; i < c->text.n && i < h->last + SCOPE_BEHIND; i++) {
        normal_stop stop = (normal_stop)c->text.p[i].stop;
        if (stop == STOP_SENTENCE || stop == STOP_AND || is_one_of(c, i, turns)) return false;
        if (stop == STOP_NONE && is_one_of(c, i, refused)) return true;
        if (denies(c, i)) {
            if (i + 1 == c->text.n || c->text.p[i + 1].stop >= STOP_COMMA) return true;
            if (stop == STOP_COMMA) return false;
            return is_one_of(c, i + 1, welcome) || (i + 2 < c->text.n && is_one_of(c, i + 2, welcome));
        }
        if (stop == STOP_COMMA) return false;
    }
    return false;
}

static void heed_negation(coverage *c)
{
    for (int64_t i = 0; i < c->n_hits; i++) {
        hit *h = &c->hits[i];
        if (h->flags & PHRASE_ANCHOR) continue;
        if (!c->attributes[h->attribute].boolean)
            h->dropped |= denied_before(c, h, SCOPE_VALUE, denies);
        else if (denied_before(c, h, SCOPE, h->value ? refuses : denies) || denied_behind(c, h))
            h->value = !h->value;
    }
}

void coverage_find(coverage *c)
{
    scan(c);
    drop_nested(c);
    drop_unanchored(c);
    heed_negation(c);
    quantities_read(&c->amounts, &c->words, &c->text);
}
