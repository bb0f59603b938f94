/* info.c -- lorac info: what a file or folder is. */
#include "cli/cli.h"

#include <string.h>

static void add_value(str *out, const json_t *v)
{
    if (json_is_string(v))
        output_visible(out, json_string_value(v));
    else if (json_is_boolean(v))
        str_puts(out, json_is_true(v) ? "yes" : "no");
    else if (json_is_integer(v))
        output_count(out, json_integer_value(v));
    else if (json_is_real(v))
        str_fmt(out, "%g", json_real_value(v));
    else if (json_is_null(v))
        str_puts(out, "none");
    size_t n = json_array_size(v);
    for (size_t i = 0; i < n; i++) {
        add_value(out, json_array_get(v, i));
        if (i + 1 < n) str_puts(out, ", ");
    }
}

static void add_types(str *out, const json_t *types)
{
    const char *name, *between = "";
    json_t *t;
    json_object_foreach((json_t *)(uintptr_t)types, name, t)
    {
        str_fmt(out, "%s%s (%lld tensors, ", between, name, (long long)result_int(t, "tensors"));
        output_size(out, result_num(t, "bytes"));
        str_putc(out, ')');
        between = ", ";
    }
}

static void add_tensors(str *out, const json_t *list)
{
    str dims = {0};
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *t = json_array_get(list, i), *shape = json_object_get(t, "shape");
        str_clear(&dims);
        for (size_t d = 0; d < json_array_size(shape); d++)
            str_fmt(&dims, "%s%lld", d ? " x " : "", (long long)json_integer_value(json_array_get(shape, d)));
        str_fmt(out, "%-8s %-18s %s\n", result_text(t, "type"), str_c(&dims), result_text(t, "name"));
    }
    str_free(&dims);
}

static void add_members(str *out, const json_t *info, const char *prefix)
{
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)info, key, v)
    {
        str value = {0}, label = {0};
        str_fmt(&label, "%s%s%s", prefix, *prefix ? " " : "", key);
        for (char *p = label.p; *p && strcmp(prefix, "metadata") && strcmp(prefix, "config"); p++)
            if (*p == '_') *p = ' ';
        if (!strcmp(key, "types"))
            add_types(&value, v);
        else if (!strcmp(key, "bytes"))
            output_size(&value, json_number_value(v));
        else if (!json_is_object(v))
            add_value(&value, v);
        if (json_is_object(v) && strcmp(key, "types"))
            add_members(out, v, str_c(&label));
        else if (strcmp(key, "tensor_list"))
            output_row(out, str_c(&label), "%s", str_c(&value));
        str_free(&value);
        str_free(&label);
    }
}

int cli_info(const options *o, err *e)
{
    json_t *info;
    int code = job_info(o, &info, e);
    if (code != OK) return code;
    str out = {0};
    if (!o->json) {
        add_members(&out, info, "");
        add_tensors(&out, json_object_get(info, "tensor_list"));
    }
    code = o->json ? output_json(info, e) : output_put(&out, e);
    str_free(&out);
    json_decref(info);
    return code;
}
