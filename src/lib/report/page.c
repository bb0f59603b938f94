/* page.c -- the HTML page: head with style and script, then the sections. */
#include "lib/report/impl.h"

#include "base/file.h"
#include "lib/report/assets.h"

#include <string.h>

static void add_navigation(str *out)
{
    static const char *const parts[][2] = {{"summary", "In words"},   {"compare", "Comparison"}, {"runs",
                                                                                                  "Runs"},
                                           {"curves", "Curves"},      {"fronts", "Cost"},
                                                      {"parameters", "Options"},
                                           {"attributes", "Errors"},  {"texts", "Texts"},        {"recipes",
                                                                                                  "Recipes"}};
    str_puts(out, "<nav>");
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        str id = {0};
        str_fmt(&id, "<section id=\"%s\"", parts[i][0]);
        if (strstr(out->p, id.p)) str_fmt(out, "<a href=\"#%s\">%s</a> ", parts[i][0], parts[i][1]);
        str_free(&id);
    }
    str_puts(out, "</nav>\n");
}

static void add_head(const json_t *page, str *out)
{
    str_puts(out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                  "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    html_text(out, report_text(page, "title"));
    str_puts(out, " - lorac</title>\n<style>\n");
    str_puts(out, report_style);
    str_puts(out, "</style></head><body>\n<header><h1>");
    html_text(out, report_text(page, "title"));
    str_puts(out, "</h1></header>\n");
}

int report_write(const json_t *page, const char *path, err *e)
{
    static void (*const section[])(const json_t *, str *) = {
        section_summary, section_compare,    section_table, section_curves,  section_fronts,
        section_parameters, section_attributes, section_texts, section_recipes};
    str out = {0}, body = {0};
    for (size_t i = 0; i < sizeof section / sizeof *section; i++) section[i](page, &body);
    size_t sections = body.n;
    add_navigation(&body);
    add_head(page, &out);
    str_puts(&out, body.p + sections);
    str_puts(&out, "<main>\n");
    str_add(&out, body.p, sections);
    str_puts(&out, "</main>\n<footer>lorac " LORAC_VERSION "</footer>\n<div id=\"tip\" "
                                                           "role=\"status\"></div>\n<script>\n");
    str_puts(&out, report_script);
    str_puts(&out, "</script></body></html>\n");
    int bad = file_write(path, out.p, out.n, e);
    str_free(&out);
    str_free(&body);
    return bad;
}

int report_of_folder(const char *folder, err *e)
{
    const char *one[] = {folder};
    peft_list folders = {one, 1};
    json_t *page;
    str path = {0};
    int bad = report_gather(&page, &folders, e);
    if (bad) return bad;
    str_fmt(&path, "%s/report.html", folder);
    bad = report_write(page, path.p, e);
    str_free(&path);
    json_decref(page);
    return bad;
}
