/* methods_kind.c -- isalpha() and its like (run.h). */
#include "text/jinja/run.h"

#include "text/unicode.h"

#include <utf8proc.h>

static int no_arguments(jrun *r, const char *who, const jargs *a)
{
    return a->n || a->named_n ? jfail(&r->heap, "%s takes no arguments", who) : OK;
}

static bool is_letter(uint32_t c)
{
    utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
    return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}

typedef enum kind_of_text { IS_ALPHA, IS_DIGIT, IS_ALNUM, IS_SPACE, IS_ASCII } kind_of_text;

/* Digits are those of ASCII; others are known to Python, and refused here. */
static int all_are(jrun *r, jval self, const jargs *a, kind_of_text kind, jval *out)
{
    bool all = self.s->n > 0 || kind == IS_ASCII;
    if (no_arguments(r, "isalpha() and its like", a) || jheap_work(&r->heap, self.s->n)) return E_FORMAT;
    for (size_t i = 0; i < self.s->n && all; i += (size_t)utf8_length(self.s->p[i])) {
        uint32_t c = 0;
        utf8_get(self.s->p + i, self.s->n - i, &c);
        bool letter = is_letter(c), digit = c >= '0' && c <= '9';
        utf8proc_category_t k = utf8proc_category((utf8proc_int32_t)c);
        bool number = k == UTF8PROC_CATEGORY_ND || k == UTF8PROC_CATEGORY_NL || k == UTF8PROC_CATEGORY_NO;
        if (c >= 0x80 && !letter && (number || k == UTF8PROC_CATEGORY_SO) &&
            (kind == IS_DIGIT || kind == IS_ALNUM))
            return junsupported(&r->heap,
                                "isdigit() and isalnum() of numbers that are not ASCII are not supported");
        all = kind == IS_ALPHA   ? letter
              : kind == IS_DIGIT ? digit
              : kind == IS_ALNUM ? letter || digit
              : kind == IS_SPACE ? jinja_is_space(c)
                                 : c < 0x80;
    }
    return *out = jval_bool(all), OK;
}

int jtext_isalpha(jrun *r, jval self, const jargs *a, jval *out)
{
    return all_are(r, self, a, IS_ALPHA, out);
}
int jtext_isdigit(jrun *r, jval self, const jargs *a, jval *out)
{
    return all_are(r, self, a, IS_DIGIT, out);
}
int jtext_isalnum(jrun *r, jval self, const jargs *a, jval *out)
{
    return all_are(r, self, a, IS_ALNUM, out);
}
int jtext_isspace(jrun *r, jval self, const jargs *a, jval *out)
{
    return all_are(r, self, a, IS_SPACE, out);
}
int jtext_isascii(jrun *r, jval self, const jargs *a, jval *out)
{
    return all_are(r, self, a, IS_ASCII, out);
}

int jtext_isupper(jrun *r, jval self, const jargs *a, jval *out)
{
    return *out = jval_bool(jtext_is_case(self.s, CASE_UPPER)), no_arguments(r, "isupper()", a);
}
int jtext_islower(jrun *r, jval self, const jargs *a, jval *out)
{
    return *out = jval_bool(jtext_is_case(self.s, CASE_LOWER)), no_arguments(r, "islower()", a);
}
