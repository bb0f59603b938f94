/* pattern.c -- from the regular expressions of tokenizers to those of PCRE2.
 *
 * Understood, because both mean the same or because it is rewritten here:
 *   characters, \r \n \t \f \v, \ before punctuation     as they are
 *   \s \S                   White_Space spelled out (PCRE2 adds U+180E)
 *   \d \D \p{X} \P{X}       general categories, with the characters that Unicode 15 and 16 added
 *   [...] [^...] with the above and ranges; | ( ) (?: (?i: (?= (?! (?<= (?<! (?>
 *   * + ? {n,m} and after * + ? a further ? or +; ^ $ .
 *   \w                     spelled out, as Oniguruma has it
 * Everything else is refused: \W, \b and \h differ, {n,m}+ is not possessive in Oniguruma, classes in classes
 * and && do not exist in PCRE2, \p{Lu} under (?i: takes in other letters. */
#include "text/regex.h"
#include "text/unicode.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

typedef struct translation {
    const char *p, *end;
    str *out;
    bool in_class;
    int depth, caseless_from; /* parentheses; the depth from which (?i: holds, 0 when not */
    const char *where;
    err *e;
} translation;

static const char spaces[] = "\\t-\\r \\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}"
                             "\\x{205f}\\x{3000}";

static int refuse(translation *t, const char *what)
{
    return fail(t->e, E_UNSUPPORTED, "%s: %s in the pattern is not supported", t->where, what);
}

void pattern_quote(const char *text, size_t n, str *out)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = c >= 0x80 || c == ' ' || isalnum(c);
        if (c == '\n')
            str_puts(out, "\\n");
        else if (c == '\r')
            str_puts(out, "\\r");
        else if (c == '\t')
            str_puts(out, "\\t");
        else
            str_fmt(out, plain ? "%c" : "\\%c", c);
    }
}

static void put_range(void *arg, uint32_t first, uint32_t last)
{
    str_fmt(arg, first == last ? "\\x{%x}" : "\\x{%x}-\\x{%x}", first, last);
}

static bool is_category(const char *name, size_t n)
{
    static const char all[] = " L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po "
                              "S Sm Sc Sk So ";
    char padded[5];
    if (n < 1 || n > 2) return false;
    snprintf(padded, sizeof padded, " %.*s ", (int)n, name);
    return strstr(all, padded) != NULL;
}

/* \p{name} or, negated, \P{name}. */
static int put_category(translation *t, const char *name, size_t n, bool negated)
{
    char category[3] = {0};
    if (!is_category(name, n)) return refuse(t, "a property other than a general category");
    memcpy(category, name, n);
    if (t->caseless_from && category[0] == 'L' && category[1] && strchr("ult", category[1]))
        return refuse(t, "\\p{Lu}, \\p{Ll} or \\p{Lt} where case does not matter");
    if (negated && t->in_class) return refuse(t, "a negated property between brackets");
    if (!t->in_class) str_puts(t->out, negated ? "[^" : "[");
    str_fmt(t->out, "\\p{%s}", category);
    unicode_newer(category, put_range, t->out);
    if (!t->in_class) str_putc(t->out, ']');
    return OK;
}

static int put_property(translation *t, bool negated)
{
    if (t->p == t->end || *t->p != '{') return refuse(t, "\\p without braces");
    const char *name = ++t->p;
    if (name < t->end && *name == '^') {
        negated = !negated;
        name++;
    }
    const char *close = memchr(name, '}', (size_t)(t->end - name));
    if (!close) return refuse(t, "\\p{ without }");
    t->p = close + 1;
    return put_category(t, name, (size_t)(close - name), negated);
}

/* \w: besides letters, marks, digits and connectors Oniguruma takes in six signs of Latin-1, but not between
 * brackets. */
static void put_words(translation *t)
{
    static const char *const newer[] = {"L", "M", "Nd", "Pc"};
    if (!t->in_class) str_putc(t->out, '[');
    str_puts(t->out, "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}");
    if (!t->in_class) str_puts(t->out, "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}");
    for (size_t i = 0; i < sizeof newer / sizeof *newer; i++) unicode_newer(newer[i], put_range, t->out);
    if (!t->in_class) str_putc(t->out, ']');
}

static int put_escape(translation *t)
{
    if (t->p == t->end) return refuse(t, "a backslash at the end");
    char c = *t->p++;
    switch (c) {
    case 's':
        str_fmt(t->out, t->in_class ? "%s" : "[%s]", spaces);
        return OK;
    case 'S':
        if (t->in_class) return refuse(t, "\\S between brackets");
        str_fmt(t->out, "[^%s]", spaces);
        return OK;
    case 'w':
        put_words(t);
        return OK;
    case 'd':
        return put_category(t, "Nd", 2, false);
    case 'D':
        return put_category(t, "Nd", 2, true);
    case 'p':
        return put_property(t, false);
    case 'P':
        return put_property(t, true);
    case 'r':
    case 'n':
    case 't':
    case 'f':
        str_fmt(t->out, "\\%c", c);
        return OK;
    case 'v':
        str_puts(t->out, "\\x0b");
        return OK;
    default:
        break;
    }
    if ((unsigned char)c >= 0x80 || !ispunct((unsigned char)c)) return refuse(t, "this use of a backslash");
    str_fmt(t->out, "\\%c", c);
    return OK;
}

/* After the opening bracket, to the closing one. */
static int put_class(translation *t)
{
    str_putc(t->out, '[');
    if (t->p < t->end && *t->p == '^') str_putc(t->out, *t->p++);
    if (t->p < t->end && *t->p == ']') return refuse(t, "an empty pair of brackets");
    t->in_class = true;
    while (t->p < t->end && *t->p != ']') {
        char c = *t->p++;
        int code = OK;
        if (c == '\\')
            code = put_escape(t);
        else if (c == '[')
            return refuse(t, "a bracket within brackets");
        else if (c == '&' && t->p < t->end && *t->p == '&')
            return refuse(t, "&& between brackets");
        else
            str_putc(t->out, c);
        if (code != OK) return code;
    }
    if (t->p == t->end) return refuse(t, "a bracket without its end");
    t->p++;
    t->in_class = false;
    str_putc(t->out, ']');
    return OK;
}

/* After the opening parenthesis. */
static int put_open(translation *t)
{
    static const char *const known[] = {"?:", "?=", "?!", "?<=", "?<!", "?>", "?i:"};
    str_putc(t->out, '(');
    t->depth++;
    if (t->p < t->end && *t->p == '*') return refuse(t, "a verb"); /* PCRE2's, such as (*ACCEPT) */
    if (t->p == t->end || *t->p != '?') return OK;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        size_t n = strlen(known[i]);
        if ((size_t)(t->end - t->p) < n || memcmp(t->p, known[i], n)) continue;
        str_add(t->out, t->p, n);
        t->p += n;
        if (known[i][1] == 'i' && !t->caseless_from) t->caseless_from = t->depth;
        return OK;
    }
    return refuse(t, "this kind of group");
}

static int put_close(translation *t)
{
    if (t->caseless_from == t->depth) t->caseless_from = 0;
    if (t->depth-- == 0) return refuse(t, "a parenthesis that was not opened");
    str_putc(t->out, ')');
    return OK;
}

/* After the opening brace: {n}, {n,} or {n,m}; anything else in braces differs between dialects. */
static int put_count(translation *t)
{
    const char *from = t->p;
    while (t->p < t->end && ((*t->p >= '0' && *t->p <= '9') || *t->p == ',')) t->p++;
    size_t n = (size_t)(t->p - from);
    const char *comma = memchr(from, ',', n);
    bool good = n && from[0] != ',' && t->p < t->end && *t->p == '}' &&
                (!comma || !memchr(comma + 1, ',', (size_t)(t->p - comma - 1)));
    if (!good) return refuse(t, "this use of braces");
    t->p++;
    str_putc(t->out, '{');
    str_add(t->out, from, n + 1);
    if (t->p < t->end && strchr("+*?{", *t->p)) return refuse(t, "a repetition of {n,m}");
    return OK;
}

int pattern_translate(const char *pattern, size_t n, str *out, const char *where, err *e)
{
    translation t = {.p = pattern, .end = pattern + n, .out = out, .where = where, .e = e};
    if (utf8_valid(pattern, n) != n) return refuse(&t, "text that is not UTF-8");
    while (t.p < t.end) {
        char c = *t.p++;
        int code = OK;
        switch (c) {
        case '\\':
            code = put_escape(&t);
            break;
        case '[':
            code = put_class(&t);
            break;
        case '(':
            code = put_open(&t);
            break;
        case ')':
            code = put_close(&t);
            break;
        case '{':
            code = put_count(&t);
            break;
        default:
            str_putc(out, c);
            break;
        }
        if (code != OK) return code;
    }
    if (t.depth) return refuse(&t, "a parenthesis that is not closed");
    return OK;
}
