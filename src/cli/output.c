/* output.c -- the result on the standard output, and how numbers are written for people. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int output_failed(err *e)
{
    return fail(e, E_IO, "standard output: %s", strerror(errno ? errno : EIO));
}

int output_add(const char *text, size_t n, err *e)
{
    errno = 0;
    if (fwrite(text, 1, n, stdout) != n || fflush(stdout)) return output_failed(e);
    return OK;
}

int output_put(const str *text, err *e) { return output_add(str_c(text), text->n, e); }

int output_json(const json_t *value, err *e)
{
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_REAL_PRECISION(12) | JSON_ENCODE_ANY);
    if (!text) return fail(e, E_FORMAT, "the result holds text that is not UTF-8");
    str s = {0};
    str_puts(&s, text);
    str_putc(&s, '\n');
    free(text);
    int bad = output_put(&s, e);
    str_free(&s);
    return bad;
}

int output_close(err *e)
{
    errno = 0;
    bool failed = ferror(stdout);
    if (fclose(stdout) || failed) return output_failed(e);
    return OK;
}

bool output_is_terminal(void) { return isatty(STDOUT_FILENO); }

void output_visible(str *out, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
        if (*p == '\n')
            str_puts(out, "\\n");
        else if (*p == '\t')
            str_puts(out, "\\t");
        else if (*p < 32 || *p == 127)
            str_fmt(out, "\\x%02x", *p);
        else
            str_putc(out, (char)*p);
    }
}

void output_row(str *out, const char *label, const char *fmt, ...)
{
    va_list a;
    va_start(a, fmt);
    str_fmt(out, "%-18s ", label);
    str_vfmt(out, fmt, a);
    str_putc(out, '\n');
    va_end(a);
}

void output_count(str *out, int64_t n)
{
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? -n : n));
    if (n < 0) str_putc(out, '-');
    for (int i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) str_putc(out, ',');
        str_putc(out, digits[i]);
    }
}

void output_size(str *out, double bytes)
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int i = 0;
    for (; bytes >= 1024 && i < 4; i++) bytes /= 1024;
    str_fmt(out, i && bytes < 100 ? "%.1f %s" : "%.0f %s", bytes, unit[i]);
}

void output_time(str *out, double seconds)
{
    if (seconds < 10) {
        str_fmt(out, "%.2f s", seconds);
        return;
    }
    long long s = (long long)(seconds + 0.5);
    if (s >= 3600)
        str_fmt(out, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        str_fmt(out, "%lld:%02lld", s / 60, s % 60);
}

double result_num(const json_t *o, const char *key) { return json_number_value(json_object_get(o, key)); }

int64_t result_int(const json_t *o, const char *key) { return json_integer_value(json_object_get(o, key)); }

const char *result_text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

void output_operators(str *out, const json_t *result)
{
    const json_t *list = json_object_get(result, "operators");
    double each = 1e3 / result_num(result, "steps");
    str_fmt(out, "\n%-18s %12s %12s %8s\n", "operator", "forward ms", "backward ms", "share");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        str_fmt(out, "%-18s %12.2f %12.2f %6.1f %%\n", result_text(p, "operator"),
                each * result_num(p, "forward_seconds"), each * result_num(p, "backward_seconds"),
                100 * result_num(p, "share"));
    }
}
