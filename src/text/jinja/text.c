/* text.c -- what filters, methods and tests share about text (run.h). */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <string.h>

int jtext_of(jrun *r, jval v, jstr **out)
{
    if (v.kind == J_STR) return *out = v.s, OK;
    str text = {0};
    jval made;
    int code = jval_print(&r->heap, v, &text);
    if (code == OK)
        code = jval_take(&r->heap, &text, &made);
    else
        str_free(&text);
    if (code == OK) *out = made.s;
    return code;
}

int64_t jtext_find(jrun *r, const jstr *s, const jstr *what, size_t from)
{
    if (from > s->n) return -1;
    if (!what->n) return (int64_t)from;
    const char *p = memmem(s->p + from, s->n - from, what->p, what->n);
    if (jheap_work(&r->heap, p ? (size_t)(p - s->p) - from : s->n - from)) return -1;
    return p ? p - s->p : -1;
}

/* Is the character at p one of those to strip? */
static bool is_stripped(const jstr *chars, const char *p, size_t n)
{
    uint32_t c = 0;
    if (chars) return memmem(chars->p, chars->n, p, n) != NULL;
    return utf8_get(p, n, &c) && jinja_is_space(c);
}

int jtext_strip(jrun *r, jstr *s, jval chars, jstrip sides, jval *out)
{
    const jstr *set = chars.kind == J_STR ? chars.s : NULL;
    if (!set && chars.kind != J_MISSING && chars.kind != J_NONE)
        return jfail(&r->heap, "strip() takes a text, not '%s'", jkind_name(chars.kind));
    if (jheap_work(&r->heap, s->n)) return E_FORMAT;
    size_t from = 0, to = s->n;
    while (sides & STRIP_LEFT && from < to) {
        size_t n = (size_t)utf8_length(s->p[from]);
        if (jheap_work(&r->heap, set ? set->n : 0) || !is_stripped(set, s->p + from, n)) break;
        from += n;
    }
    while (sides & STRIP_RIGHT && from < to) {
        size_t last = to - 1;
        while (((unsigned char)s->p[last] & 0xc0) == 0x80) last--;
        if (jheap_work(&r->heap, set ? set->n : 0) || !is_stripped(set, s->p + last, to - last)) break;
        to = last;
    }
    if (r->heap.e->code) return E_FORMAT;
    if (from == 0 && to == s->n) return *out = (jval){.kind = J_STR, .s = s}, OK;
    return jval_str(&r->heap, s->p + from, to - from, out);
}

/* Before every character and at the end, where there is nothing to look for. */
static int replace_nothing(jrun *r, jstr *s, jstr *to, int64_t count, jval *out)
{
    str text = {0};
    size_t i = 0;
    for (;; count--) {
        if (text.n > r->heap.most_bytes) {
            str_free(&text);
            return jfail(&r->heap, "the template needs more than %zu MiB of memory",
                         r->heap.most_bytes >> 20);
        }
        if (count) str_add(&text, to->p, to->n);
        if (i == s->n) break;
        size_t n = count ? (size_t)utf8_length(s->p[i]) : s->n - i;
        str_add(&text, s->p + i, n);
        i += n;
        if (!count) break;
    }
    return jval_take(&r->heap, &text, out);
}

int jtext_replace(jrun *r, jstr *s, jstr *from, jstr *to, int64_t count, jval *out)
{
    if (!from->n) return replace_nothing(r, s, to, count, out);
    str text = {0};
    size_t at = 0;
    int64_t hit;
    while (count-- && (hit = jtext_find(r, s, from, at)) >= 0) {
        str_add(&text, s->p + at, (size_t)hit - at);
        str_add(&text, to->p, to->n);
        at = (size_t)hit + from->n;
        if (text.n <= r->heap.most_bytes) continue;
        str_free(&text);
        return jfail(&r->heap, "the template needs more than %zu MiB of memory", r->heap.most_bytes >> 20);
    }
    str_add(&text, s->p + at, s->n - at);
    if (!r->heap.e->code) return jval_take(&r->heap, &text, out);
    str_free(&text);
    return E_FORMAT;
}

int jtext_join(jrun *r, jstr *by, jval values, jjoin how, jval *out)
{
    jiter *it;
    str text = {0};
    bool more = true;
    int code = jiter_of(r, values, &it);
    for (int64_t i = 0; code == OK; i++) {
        jval v;
        code = jiter_next(r, it, &v, &more);
        if (code != OK || !more) break;
        if (i) str_add(&text, by->p, by->n);
        if (how == JOIN_TEXTS && v.kind != J_STR)
            code =
                jfail(&r->heap, "join(): element %lld is '%s', not a text", (long long)i, jkind_name(v.kind));
        if (code == OK) code = jval_print(&r->heap, v, &text);
        if (code == OK && text.n > r->heap.most_bytes)
            code =
                jfail(&r->heap, "the template needs more than %zu MiB of memory", r->heap.most_bytes >> 20);
    }
    if (code == OK) return jval_take(&r->heap, &text, out);
    str_free(&text);
    return code;
}

/* Bytes of the line end at p, 0 when there is none. */
static size_t line_end(const char *p, size_t n)
{
    uint32_t c = 0;
    size_t bytes = (size_t)utf8_get(p, n, &c);
    if (c == '\r' && n > 1 && p[1] == '\n') return 2;
    bool ends =
        (c >= '\n' && c <= '\r') || (c >= 0x1c && c <= 0x1e) || c == 0x85 || c == 0x2028 || c == 0x2029;
    return ends ? bytes : 0;
}

int jtext_lines(jrun *r, jstr *s, jval keep_ends, jval *out)
{
    if (jheap_work(&r->heap, s->n) || jval_list(&r->heap, J_LIST, 0, out)) return E_FORMAT;
    for (size_t i = 0, end; i < s->n; i = end) {
        size_t n = 0;
        jval line;
        for (end = i; end < s->n && !(n = line_end(s->p + end, s->n - end));)
            end += (size_t)utf8_length(s->p[end]);
        size_t length = end - i + (jval_true(keep_ends) ? n : 0);
        end += n;
        if (jval_str(&r->heap, s->p + i, length, &line) || jlist_add(&r->heap, out->l, line)) return E_FORMAT;
    }
    return OK;
}

int jtext_capitalize(jrun *r, jstr *s, jval *out)
{
    str text = {0};
    size_t first = s->n ? (size_t)utf8_length(*s->p) : 0;
    str rest = {0};
    jcase_text(s->p, first, CASE_TITLE, &text);
    jcase_text(s->p, s->n, CASE_LOWER, &rest); /* whole: a final sigma looks at what is before it */
    str head = {0};
    jcase_text(s->p, first, CASE_LOWER, &head);
    str_add(&text, str_c(&rest) + head.n, rest.n - head.n);
    str_free(&head);
    str_free(&rest);
    return jval_take(&r->heap, &text, out);
}
