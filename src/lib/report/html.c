/* html.c -- text as HTML, numbers for people, and a run's options as a command line. */
#include "lib/report/impl.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

double report_num(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

const char *report_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

int report_group(const json_t *page, const char *name)
{
    const json_t *groups = json_object_get(page, "groups");
    for (size_t i = 0; i < json_array_size(groups); i++)
        if (!strcmp(json_string_value(json_array_get(groups, i)), name)) return (int)i;
    return 0;
}

void html_text(str *out, const char *text)
{
    for (const char *p = text ? text : ""; *p; p++)
        switch (*p) {
        case '&':
            str_puts(out, "&amp;");
            break;
        case '<':
            str_puts(out, "&lt;");
            break;
        case '>':
            str_puts(out, "&gt;");
            break;
        case '"':
            str_puts(out, "&quot;");
            break;
        case '\'':
            str_puts(out, "&#39;");
            break;
        default:
            str_putc(out, *p);
        }
}

int html_cut(const char *text, int most)
{
    int n = (int)strnlen(text, (size_t)most);
    while (n > 0 && ((unsigned char)text[n] & 0xc0) == 0x80) n--;
    return n;
}

void html_fmt(str *out, const char *fmt, ...)
{
    str text = {0};
    va_list a;
    va_start(a, fmt);
    str_vfmt(&text, fmt, a);
    va_end(a);
    html_text(out, str_c(&text));
    str_free(&text);
}

void html_number(str *out, double x)
{
    char digits[64];
    if (!isfinite(x)) {
        str_puts(out, "&ndash;");
        return;
    }
    if (fabs(x) < 1e-6) x = 0; /* rounding, in everything that is shown here */
    if (fabs(x) < 10000 && x == floor(x)) {
        str_fmt(out, "%.0f", x);
        return;
    }
    if (fabs(x) < 1000) {
        str_fmt(out, fabs(x) < 10 ? "%.4g" : "%.1f", x);
        return;
    }
    int n = snprintf(digits, sizeof digits, "%.0f", x);
    for (int i = 0; i < n; i++) {
        if (i && digits[i - 1] != '-' && (n - i) % 3 == 0) str_puts(out, ",");
        str_putc(out, digits[i]);
    }
}

/* For a shell: as it is, or between single quotes. */
static void quote(str *out, const char *text)
{
    bool plain = *text != 0;
    for (const char *p = text; *p; p++) plain &= isalnum((unsigned char)*p) || strchr("_-+=.,:/@", *p);
    if (plain) {
        str_puts(out, text);
        return;
    }
    str_putc(out, '\'');
    for (const char *p = text; *p; p++)
        if (*p == '\'')
            str_puts(out, "'\\''");
        else
            str_putc(out, *p);
    str_putc(out, '\'');
}

static void add_option(str *out, const char *name, const json_t *v)
{
    if (json_is_array(v) && !strcmp(name, "stop")) {
        for (size_t i = 0; i < json_array_size(v); i++) add_option(out, name, json_array_get(v, i));
        return;
    }
    str_fmt(out, " --%s ", name);
    str text = {0};
    for (size_t i = 0; i < json_array_size(v); i++) {
        char *one = option_text_of(json_array_get(v, i));
        str_fmt(&text, "%s%s", i ? "," : "", one);
        free(one);
    }
    if (!json_is_array(v)) {
        char *one = option_text_of(v);
        str_puts(&text, one);
        free(one);
    }
    quote(out, str_c(&text));
    str_free(&text);
}

void report_command(const json_t *chosen, str *out)
{
    const char *name;
    json_t *v;
    str_puts(out, "lorac train");
    json_object_foreach((json_t *)(uintptr_t)chosen, name, v) add_option(out, name, v);
}
