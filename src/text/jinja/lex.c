/* lex.c -- a template as tokens, by the rules of jinja2 with trim_blocks and lstrip_blocks:
 *
 *   newlines           \r\n and \r become \n; one newline at the very end is dropped
 *   {%- {{- {#-        the white space before is dropped; -%} -}} -#}: the white space after
 *   %} #}              one newline after is dropped (not after +%}, nor after }})
 *   {% {#              spaces between the line's beginning and the tag are dropped (not before {%+)
 *   {% raw %}          text up to {% endraw %}
 *
 * Inside ( [ { the ends %} and }} are operators, so that {{ {'a': {}} }} is what it looks like. */
#include "text/jinja/syntax.h"

#include "text/unicode.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NESTED_MOST = 400 };

typedef struct lexer {
    jheap *h;
    const char *p, *end;
    int line;
    bool line_starts; /* what was taken last ended in a newline */
    jtoken *token;
    size_t n, cap;
    char open[NESTED_MOST]; /* the closing brackets that are due */
    int opened;
} lexer;

bool jinja_is_space(uint32_t c) { return unicode_is_space(c) || (c >= 0x1c && c <= 0x1f); }

size_t jinja_spaces_before(const char *p, size_t n)
{
    size_t at = 0;
    uint32_t c = 0;
    while (at < n && utf8_get(p + at, n - at, &c) && jinja_is_space(c)) at += (size_t)utf8_length(p[at]);
    return at;
}

size_t jinja_spaces_after(const char *p, size_t n)
{
    size_t at = n;
    while (at) {
        size_t start = at - 1;
        uint32_t c = 0;
        while (start && ((unsigned char)p[start] & 0xc0) == 0x80) start--;
        if (!utf8_get(p + start, at - start, &c) || !jinja_is_space(c)) break;
        at = start;
    }
    return n - at;
}

static int fail_lex(lexer *x, const char *what)
{
    x->h->line = x->line;
    return jfail(x->h, "%s", what);
}

static jtoken *add(lexer *x, jtoken_kind kind, const char *p, size_t n)
{
    if (x->n == x->cap) {
        x->cap = x->cap ? 2 * x->cap : 64;
        x->token = xrealloc(x->token, x->cap * sizeof *x->token);
    }
    jtoken *t = &x->token[x->n++];
    *t = (jtoken){.kind = kind, .line = x->line, .p = p, .n = n};
    return t;
}

/* Moves on to `to`, counting lines. */
static void move(lexer *x, const char *to)
{
    for (; x->p < to; x->p++) x->line += *x->p == '\n';
    x->line_starts = to[-1] == '\n';
}

static bool at(const lexer *x, const char *p, const char *what)
{
    size_t n = strlen(what);
    return (size_t)(x->end - p) >= n && !memcmp(p, what, n);
}

/* The end of a tag at p: where what it swallows ends, or NULL when none is there. `trim`: a newline after it
 * goes too, and + keeps it. */
static const char *tag_end(const lexer *x, const char *p, const char *end, bool trim)
{
    if (*p == '-' && at(x, p + 1, end)) return p + 3 + jinja_spaces_before(p + 3, (size_t)(x->end - p - 3));
    if (trim && *p == '+' && at(x, p + 1, end)) return p + 3;
    if (!at(x, p, end)) return NULL;
    return p + 2 + (trim && at(x, p + 2, "\n"));
}

/* Adds the text before a tag, less what the tag's sign takes of it. */
static void add_text(lexer *x, const char *tag, char sign, bool is_print)
{
    const char *p = x->p;
    size_t n = (size_t)(tag - p);
    if (sign == '-')
        n -= jinja_spaces_after(p, n);
    else if (sign != '+' && !is_print) {
        const char *newline = memrchr(p, '\n', n);
        size_t line = newline ? (size_t)(newline + 1 - p) : 0;
        if ((line || x->line_starts) && jinja_spaces_before(p + line, n - line) == n - line) n = line;
    }
    if (n) add(x, T_TEXT, p, n);
}

/* {% raw %} at p: where its text begins, or NULL. */
static const char *raw_begin(const lexer *x, const char *p)
{
    p += 2;
    p += *p == '-' || *p == '+';
    p += jinja_spaces_before(p, (size_t)(x->end - p));
    if (!at(x, p, "raw")) return NULL;
    p += 3;
    p += jinja_spaces_before(p, (size_t)(x->end - p));
    const char *end = tag_end(x, p, "%}", false);
    return end;
}

static int lex_raw(lexer *x)
{
    for (const char *p = x->p; (p = memmem(p, (size_t)(x->end - p), "{%", 2)); p++) {
        const char *q = p + 2;
        char sign = *q;
        q += sign == '-' || sign == '+';
        q += jinja_spaces_before(q, (size_t)(x->end - q));
        if (!at(x, q, "endraw")) continue;
        q += 6;
        q += jinja_spaces_before(q, (size_t)(x->end - q));
        if (!(q = tag_end(x, q, "%}", true))) continue;
        add_text(x, p, sign, false);
        return move(x, q), OK;
    }
    return fail_lex(x, "{% raw %} without {% endraw %}");
}

static int lex_comment(lexer *x)
{
    for (const char *p = x->p; p < x->end; p++) {
        const char *q = tag_end(x, p, "#}", true);
        if (q) return move(x, q), OK;
    }
    return fail_lex(x, "{# without #}");
}

/* Text up to the next tag, and the tag's beginning. */
static int lex_root(lexer *x, const char **end)
{
    const char *p = x->p;
    for (;; p++) {
        p = memchr(p, '{', (size_t)(x->end - p));
        if (!p) return add(x, T_TEXT, x->p, (size_t)(x->end - x->p)), move(x, x->end), OK;
        if (p + 1 < x->end && (p[1] == '%' || p[1] == '{' || p[1] == '#')) break;
    }
    char sign = p + 2 < x->end && (p[2] == '-' || p[2] == '+') ? p[2] : 0;
    const char *raw = p[1] == '%' ? raw_begin(x, p) : NULL, *after = p + 2 + (sign != 0);
    add_text(x, p, sign, p[1] == '{');
    char what = p[1];
    move(x, raw ? raw : after);
    if (raw) return lex_raw(x);
    if (what == '#') return lex_comment(x);
    add(x, what == '%' ? T_TAG_BEGIN : T_PRINT_BEGIN, p, 2);
    *end = what == '%' ? "%}" : "}}";
    return OK;
}

static int hex(const char *p, int n, uint32_t *out)
{
    *out = 0;
    for (int i = 0; i < n; i++) {
        if (!isxdigit((unsigned char)p[i])) return E_FORMAT;
        *out = *out * 16 + (uint32_t)(isdigit((unsigned char)p[i]) ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    }
    return OK;
}

/* The escape at *p, behind its backslash, as Python has them; one that it does not know stays as it is. */
static int unescape(lexer *x, const char **p, str *out)
{
    static const char simple[] = "\\\\''\"\"a\ab\bf\fn\nr\rt\tv\v";
    const char *s = *p;
    uint32_t c = 0;
    if ((unsigned char)*s >= 0x80) return fail_lex(x, "a backslash before a character that is not ASCII");
    if (*s == 'N') return fail_lex(x, "the escape \\N{...} is not supported");
    *p = s + 1;
    if (*s == '\n') return OK;
    for (const char *k = simple; *k; k += 2)
        if (*k == *s) return str_putc(out, k[1]), OK;
    if (*s >= '0' && *s <= '7') {
        for (*p = s; *p < s + 3 && **p >= '0' && **p <= '7'; ++*p) c = c * 8 + (uint32_t)(**p - '0');
        return utf8_put(out, c), OK;
    }
    int digits = *s == 'x' ? 2 : *s == 'u' ? 4 : *s == 'U' ? 8 : 0;
    if (!digits) return str_putc(out, '\\'), str_putc(out, *s), OK;
    if (hex(s + 1, digits, &c)) return fail_lex(x, "a truncated escape in a string");
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
        return fail_lex(x, "an escape that is no character in a string");
    *p = s + 1 + digits;
    return utf8_put(out, c), OK;
}

static int lex_string(lexer *x)
{
    char quote = *x->p;
    const char *p = x->p + 1;
    str text = {0};
    int code = OK;
    while (code == OK) {
        if (p >= x->end)
            code = fail_lex(x, "a string without its end");
        else if (*p == quote)
            break;
        else if (*p != '\\')
            str_putc(&text, *p++);
        else if (p++, p >= x->end)
            code = fail_lex(x, "a string without its end");
        else
            code = unescape(x, &p, &text);
    }
    if (code == OK) {
        jtoken *t = add(x, T_STRING, x->p, (size_t)(p + 1 - x->p));
        code = jval_take(x->h, &text, &t->value);
        if (code == OK) jstr_chars(t->value.s);
        move(x, p + 1);
    }
    str_free(&text);
    return code;
}

/* The digits of a base at p, single underscores between them; *out gets them without. */
static const char *take_digits(const char *p, const char *end, int base, str *out)
{
    while (p < end) {
        const char *q = p + (*p == '_' && out->n);
        if (q >= end || !isxdigit((unsigned char)*q)) break;
        int digit = isdigit((unsigned char)*q) ? *q - '0' : (*q | 32) - 'a' + 10;
        if (digit >= base) break;
        str_putc(out, *q);
        p = q + 1;
    }
    return p;
}

/* The part of a float that follows its whole digits: .5, .5e-3, e7; p when there is none. */
static const char *take_fraction(const char *p, const char *end, str *text)
{
    const char *q = p;
    str part = {0};
    if (q < end && *q == '.') {
        str digits = {0};
        const char *r = take_digits(q + 1, end, 10, &digits);
        if (digits.n) str_fmt(&part, ".%s", digits.p), q = r;
        str_free(&digits);
        if (q == p) return str_free(&part), p;
    }
    if (q < end && (*q == 'e' || *q == 'E')) {
        const char *r = q + 1;
        str digits = {0};
        bool minus = r < end && *r == '-';
        r += r < end && (*r == '-' || *r == '+');
        r = take_digits(r, end, 10, &digits);
        if (digits.n) str_fmt(&part, "e%s%s", minus ? "-" : "", digits.p), q = r;
        str_free(&digits);
    }
    str_add(text, str_c(&part), part.n);
    str_free(&part);
    return q;
}

static int lex_number(lexer *x)
{
    const char *p = x->p;
    bool after_dot = x->n && x->token[x->n - 1].kind == T_OPERATOR && *x->token[x->n - 1].p == '.' &&
                     x->token[x->n - 1].p + 1 == p;
    int base = 10;
    str text = {0};
    if (*p == '0' && p + 2 < x->end) {
        char k = p[1] | 32;
        base = k == 'x' ? 16 : k == 'o' ? 8 : k == 'b' ? 2 : 10;
        if (base != 10) {
            const char *q = take_digits(p + 2 + (p[2] == '_'), x->end, base, &text);
            if (text.n)
                p = q;
            else
                base = 10;
        }
    }
    jval v = {0};
    errno = 0;
    if (base == 10) {
        const char *whole = take_digits(p, x->end, 10, &text);
        const char *end = after_dot ? whole : take_fraction(whole, x->end, &text);
        if (end > whole)
            v = jval_float(strtod(str_c(&text), NULL)), errno = 0, p = end;
        else if (*p == '0' && strspn(text.p, "0") != text.n) /* 07 is 0 and then 7, to Jinja */
            return str_free(&text), fail_lex(x, "a whole number with a leading zero");
        else
            p = whole;
    }
    if (!v.kind) v = jval_int(strtoll(str_c(&text), NULL, base));
    str_free(&text);
    if (errno) return fail_lex(x, "a whole number beyond 64 bits");
    add(x, T_NUMBER, x->p, (size_t)(p - x->p))->value = v;
    return move(x, p), OK;
}

static int lex_name(lexer *x)
{
    const char *p = x->p;
    while (p < x->end && (isalnum((unsigned char)*p) || *p == '_')) p++;
    if (p < x->end && (unsigned char)*p >= 0x80) return fail_lex(x, "a name with letters that are not ASCII");
    add(x, T_NAME, x->p, (size_t)(p - x->p));
    return move(x, p), OK;
}

static int lex_operator(lexer *x)
{
    static const char two[][3] = {"//", "**", "==", "!=", ">=", "<="};
    size_t n = 1;
    for (size_t i = 0; i < sizeof two / sizeof *two; i++)
        if (at(x, x->p, two[i])) n = 2;
    char c = *x->p;
    if (n == 1 && !strchr("+-/*%~[](){}><=.:|,;", c))
        return fail_lex(x, "a character that has no meaning here");
    if (strchr("([{", c)) {
        if (x->opened == NESTED_MOST) return fail_lex(x, "brackets are nested too deep");
        x->open[x->opened++] = c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (strchr(")]}", c)) {
        if (!x->opened || x->open[--x->opened] != c)
            return fail_lex(x, "a closing bracket without its opening");
    }
    add(x, T_OPERATOR, x->p, n);
    return move(x, x->p + n), OK;
}

/* One token inside a tag that ends in `*end`; *end becomes NULL behind it. */
static int lex_tag(lexer *x, const char **end)
{
    const char *p = x->p + jinja_spaces_before(x->p, (size_t)(x->end - x->p));
    if (p > x->p) move(x, p);
    if (p == x->end) return fail_lex(x, "a tag without its end");
    const char *after = x->opened ? NULL : tag_end(x, p, *end, **end == '%');
    if (after) {
        add(x, **end == '%' ? T_TAG_END : T_PRINT_END, p, 2);
        *end = NULL;
        return move(x, after), OK;
    }
    if (isdigit((unsigned char)*p)) return lex_number(x);
    if (isalpha((unsigned char)*p) || *p == '_') return lex_name(x);
    if (*p == '\'' || *p == '"') return lex_string(x);
    return *p ? lex_operator(x) : fail_lex(x, "a character that has no meaning here");
}

/* Newlines as \n, less one at the end; *n becomes the new length. The copy has a NUL behind it. */
static char *normalize(jheap *h, const char *text, size_t *n)
{
    char *p = jheap_new(h, *n + 2), *q = p;
    if (!p) return NULL;
    for (size_t i = 0; i < *n; i++) {
        if (text[i] == '\r' && i + 1 < *n && text[i + 1] == '\n') continue;
        *q++ = text[i] == '\r' ? '\n' : text[i];
    }
    if (q > p && q[-1] == '\n') q--;
    *q = 0;
    *n = (size_t)(q - p);
    return p;
}

int jlex(jheap *h, const char *text, size_t n, jtoken **out)
{
    *out = NULL;
    if (utf8_valid(text, n) != n) return jfail(h, "not UTF-8");
    lexer *x = xcalloc(1, sizeof *x);
    const char *end = NULL;
    char *copy = normalize(h, text, &n);
    *x = (lexer){.h = h, .p = copy, .end = copy + n, .line = 1, .line_starts = true};
    int code = copy ? OK : E_FORMAT;
    while (code == OK && (x->p < x->end || end)) code = end ? lex_tag(x, &end) : lex_root(x, &end);
    if (code == OK) add(x, T_END, x->p, 0);
    *out = x->token;
    if (code != OK) free(x->token), *out = NULL;
    free(x);
    return code;
}
