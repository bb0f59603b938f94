/* methods_text.c -- the methods of text (run.h). Places are counted in characters. */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <string.h>

static int one(jrun *r, const char *who, const jargs *a, const char *params, int needed, jval *out)
{
    for (int i = 0; i < 3; i++) out[i].kind = J_MISSING;
    return jargs_bind(r, who, a, params, needed, out);
}

static int nothing(jrun *r, const char *who, const jargs *a)
{
    return a->n || a->named_n ? jfail(&r->heap, "%s takes no arguments", who) : OK;
}

static int need_text(jrun *r, const char *who, jval v)
{
    return v.kind == J_STR ? OK : jfail(&r->heap, "%s: '%s' where a text has to be", who, jkind_name(v.kind));
}

static int strip(jrun *r, jval self, const jargs *a, jstrip sides, jval *out)
{
    jval v[3];
    return one(r, "strip()", a, "chars", 0, v) ? E_FORMAT : jtext_strip(r, self.s, v[0], sides, out);
}

static int text_strip(jrun *r, jval self, const jargs *a, jval *out)
{
    return strip(r, self, a, STRIP_BOTH, out);
}
static int text_lstrip(jrun *r, jval self, const jargs *a, jval *out)
{
    return strip(r, self, a, STRIP_LEFT, out);
}
static int text_rstrip(jrun *r, jval self, const jargs *a, jval *out)
{
    return strip(r, self, a, STRIP_RIGHT, out);
}

static int in_case(jrun *r, jval self, const jargs *a, jcase how, jval *out)
{
    str text = {0};
    if (nothing(r, "upper(), lower() and title()", a) || jheap_work(&r->heap, self.s->n)) return E_FORMAT;
    if (how == CASE_TITLE)
        jcase_words(self.s->p, self.s->n, &text);
    else
        jcase_text(self.s->p, self.s->n, how, &text);
    return jval_take(&r->heap, &text, out);
}

static int text_upper(jrun *r, jval self, const jargs *a, jval *out)
{
    return in_case(r, self, a, CASE_UPPER, out);
}
static int text_lower(jrun *r, jval self, const jargs *a, jval *out)
{
    return in_case(r, self, a, CASE_LOWER, out);
}
static int text_title(jrun *r, jval self, const jargs *a, jval *out)
{
    return in_case(r, self, a, CASE_TITLE, out);
}

static int text_capitalize(jrun *r, jval self, const jargs *a, jval *out)
{
    return nothing(r, "capitalize()", a) ? E_FORMAT : jtext_capitalize(r, self.s, out);
}

static int split(jrun *r, jval self, const jargs *a, from_where from, jval *out)
{
    jval v[3];
    int64_t most;
    if (one(r, "split()", a, "sep maxsplit", 0, v) || !jarg_int(r, "split()", v[1], -1, &most))
        return E_FORMAT;
    if (jval_list(&r->heap, J_LIST, 0, out) || jheap_work(&r->heap, self.s->n)) return E_FORMAT;
    if (v[0].kind == J_MISSING || v[0].kind == J_NONE)
        return jtext_split(r, self.s, NULL, most, from, out->l);
    if (need_text(r, "split()", v[0])) return E_FORMAT;
    if (!v[0].s->n) return jfail(&r->heap, "split(): an empty separator");
    return jtext_split(r, self.s, v[0].s, most, from, out->l);
}

static int text_split(jrun *r, jval self, const jargs *a, jval *out)
{
    return split(r, self, a, FROM_LEFT, out);
}
static int text_rsplit(jrun *r, jval self, const jargs *a, jval *out)
{
    return split(r, self, a, FROM_RIGHT, out);
}

static int text_splitlines(jrun *r, jval self, const jargs *a, jval *out)
{
    jval v[3];
    return one(r, "splitlines()", a, "keepends", 0, v) ? E_FORMAT : jtext_lines(r, self.s, v[0], out);
}

/* The bytes from character v[0] to character v[1], as a slice has them; *valid is false where Python finds
 * nothing, not even the empty text: a beginning behind the end. */
static int part_of(jrun *r, const char *who, jstr *s, const jval *v, jstr *out, bool *valid)
{
    int64_t n = jstr_chars(s), from, to;
    jval b[2] = {v[0], v[1]};
    for (int i = 0; i < 2; i++)
        if (b[i].kind == J_NONE) b[i].kind = J_MISSING;
    if (!jarg_int(r, who, b[0], 0, &from) || !jarg_int(r, who, b[1], n, &to)) return E_FORMAT;
    if (to > n) to = n;
    if (from < 0) from = from < -n ? 0 : from + n;
    if (to < 0) to = to < -n ? 0 : to + n;
    *valid = from <= to;
    size_t first = *valid ? jstr_offset(s, from) : 0, last = *valid ? jstr_offset(s, to) : 0;
    *out = (jstr){s->p + first, last - first, -1};
    return jheap_work(&r->heap, s->n);
}

static int affix(jrun *r, jval self, const jargs *a, from_where end, jval *out)
{
    jval v[3];
    jstr part;
    bool valid, holds = false;
    if (one(r, "startswith()", a, "prefix start end", 1, v) ||
        part_of(r, "startswith()", self.s, v + 1, &part, &valid))
        return E_FORMAT;
    jlist single = {&v[0], 1, 1}, *all = v[0].kind == J_TUPLE ? v[0].l : &single;
    for (int64_t i = 0; i < all->n && !holds; i++) {
        if (need_text(r, "startswith()", all->p[i])) return E_FORMAT;
        const jstr *x = all->p[i].s;
        holds = valid && x->n <= part.n &&
                !memcmp(end == FROM_LEFT ? part.p : part.p + part.n - x->n, x->p, x->n);
    }
    return *out = jval_bool(holds), OK;
}

static int text_startswith(jrun *r, jval self, const jargs *a, jval *out)
{
    return affix(r, self, a, FROM_LEFT, out);
}
static int text_endswith(jrun *r, jval self, const jargs *a, jval *out)
{
    return affix(r, self, a, FROM_RIGHT, out);
}

static int find(jrun *r, jval self, const jargs *a, from_where from, jval *out)
{
    jval v[3];
    jstr part;
    bool valid;
    if (one(r, "find()", a, "sub start end", 1, v) || need_text(r, "find()", v[0]) ||
        part_of(r, "find()", self.s, v + 1, &part, &valid))
        return E_FORMAT;
    int64_t at = !valid              ? -1
                 : from == FROM_LEFT ? jtext_find(r, &part, v[0].s, 0)
                                     : jtext_find_last(r, &part, v[0].s, part.n);
    if (at >= 0) {
        jstr before = {self.s->p, (size_t)(part.p - self.s->p + at), -1};
        at = jstr_chars(&before);
    }
    return *out = jval_int(at), r->heap.e->code;
}

static int text_find(jrun *r, jval self, const jargs *a, jval *out)
{
    return find(r, self, a, FROM_LEFT, out);
}
static int text_rfind(jrun *r, jval self, const jargs *a, jval *out)
{
    return find(r, self, a, FROM_RIGHT, out);
}

static int index_of(jrun *r, jval self, const jargs *a, from_where from, jval *out)
{
    if (find(r, self, a, from, out)) return E_FORMAT;
    return out->i < 0 ? jfail(&r->heap, "index(): the text is not there") : OK;
}

static int text_index(jrun *r, jval self, const jargs *a, jval *out)
{
    return index_of(r, self, a, FROM_LEFT, out);
}
static int text_rindex(jrun *r, jval self, const jargs *a, jval *out)
{
    return index_of(r, self, a, FROM_RIGHT, out);
}

static int text_count(jrun *r, jval self, const jargs *a, jval *out)
{
    jval v[3];
    jstr part;
    bool valid;
    if (one(r, "count()", a, "sub start end", 1, v) || need_text(r, "count()", v[0]) ||
        part_of(r, "count()", self.s, v + 1, &part, &valid))
        return E_FORMAT;
    int64_t n = 0, hit;
    if (!v[0].s->n) return *out = jval_int(valid ? jstr_chars(&part) + 1 : 0), OK;
    for (size_t i = 0; valid && (hit = jtext_find(r, &part, v[0].s, i)) >= 0; i = (size_t)hit + v[0].s->n)
        n++;
    return *out = jval_int(n), r->heap.e->code;
}

static int text_replace(jrun *r, jval self, const jargs *a, jval *out)
{
    jval v[3];
    int64_t count;
    if (one(r, "replace()", a, "old new count", 2, v) || need_text(r, "replace()", v[0]) ||
        need_text(r, "replace()", v[1]) || !jarg_int(r, "replace()", v[2], -1, &count))
        return E_FORMAT;
    return jtext_replace(r, self.s, v[0].s, v[1].s, count, out);
}

static int text_join(jrun *r, jval self, const jargs *a, jval *out)
{
    jval v[3];
    return one(r, "join()", a, "iterable", 1, v) ? E_FORMAT : jtext_join(r, self.s, v[0], JOIN_TEXTS, out);
}

static int remove_affix(jrun *r, jval self, const jargs *a, from_where end, jval *out)
{
    jval v[3];
    if (one(r, "removeprefix()", a, "prefix", 1, v) || need_text(r, "removeprefix()", v[0])) return E_FORMAT;
    size_t n = v[0].s->n, all = self.s->n;
    *out = self;
    if (!n || n > all || memcmp(end == FROM_LEFT ? self.s->p : self.s->p + all - n, v[0].s->p, n)) return OK;
    return jval_str(&r->heap, self.s->p + (end == FROM_LEFT ? n : 0), all - n, out);
}

static int text_removeprefix(jrun *r, jval self, const jargs *a, jval *out)
{
    return remove_affix(r, self, a, FROM_LEFT, out);
}
static int text_removesuffix(jrun *r, jval self, const jargs *a, jval *out)
{
    return remove_affix(r, self, a, FROM_RIGHT, out);
}

static int partition(jrun *r, jval self, const jargs *a, from_where from, jval *out)
{
    jval v[3];
    if (one(r, "partition()", a, "sep", 1, v) || need_text(r, "partition()", v[0])) return E_FORMAT;
    if (!v[0].s->n) return jfail(&r->heap, "partition(): an empty separator");
    const jstr *s = self.s;
    int64_t hit = from == FROM_LEFT ? jtext_find(r, s, v[0].s, 0) : jtext_find_last(r, s, v[0].s, s->n);
    if (r->heap.e->code || jval_list(&r->heap, J_TUPLE, 3, out)) return E_FORMAT;
    size_t first = hit >= 0 ? (size_t)hit : from == FROM_LEFT ? s->n : 0, by = hit >= 0 ? v[0].s->n : 0;
    return jtext_piece(r, out->l, s->p, first) || jtext_piece(r, out->l, s->p + first, by) ||
                   jtext_piece(r, out->l, s->p + first + by, s->n - first - by)
               ? E_FORMAT
               : OK;
}

static int text_partition(jrun *r, jval self, const jargs *a, jval *out)
{
    return partition(r, self, a, FROM_LEFT, out);
}
static int text_rpartition(jrun *r, jval self, const jargs *a, jval *out)
{
    return partition(r, self, a, FROM_RIGHT, out);
}

const jmethod_row jmethods_of_text[] = {
    {"capitalize", text_capitalize},
    {"count", text_count},
    {"endswith", text_endswith},
    {"find", text_find},
    {"index", text_index},
    {"isalnum", jtext_isalnum},
    {"isalpha", jtext_isalpha},
    {"isascii", jtext_isascii},
    {"isdigit", jtext_isdigit},
    {"islower", jtext_islower},
    {"isspace", jtext_isspace},
    {"isupper", jtext_isupper},
    {"join", text_join},
    {"lower", text_lower},
    {"lstrip", text_lstrip},
    {"partition", text_partition},
    {"replace", text_replace},
    {"removeprefix", text_removeprefix},
    {"rfind", text_rfind},
    {"rindex", text_rindex},
    {"removesuffix", text_removesuffix},
    {"rpartition", text_rpartition},
    {"rsplit", text_rsplit},
    {"rstrip", text_rstrip},
    {"split", text_split},
    {"splitlines", text_splitlines},
    {"startswith", text_startswith},
    {"strip", text_strip},
    {"title", text_title},
    {"upper", text_upper},
    {"casefold", NULL},
    {"center", NULL},
    {"encode", NULL},
    {"expandtabs", NULL},
    {"format", NULL},
    {"format_map", NULL},
    {"isdecimal", NULL},
    {"isidentifier", NULL},
    {"isnumeric", NULL},
    {"isprintable", NULL},
    {"istitle", NULL},
    {"ljust", NULL},
    {"maketrans", NULL},
    {"rjust", NULL},
    {"swapcase", NULL},
    {"translate", NULL},
    {"zfill", NULL},
    {0},
};
