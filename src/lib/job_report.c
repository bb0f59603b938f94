/* job_report.c -- folders to report.html; see lib/report/report.h. */
#include "base/file.h"
#include "lib/report/report.h"

#include <string.h>

int job_report(const options *o, json_t **out, err *e)
{
    str path = {0};
    bool elsewhere = options_origin(o, "output_dir") != FROM_DEFAULT;
    const char *folder = elsewhere ? o->out : o->folders.p[0];
    *out = NULL;
    json_t *page = NULL;
    int bad = report_gather(&page, &o->folders, e);
    if (!bad && elsewhere) bad = file_mkdirs(folder, e);
    str_fmt(&path, "%s/report.html", folder);
    if (!bad) bad = report_write(page, path.p, e);
    if (!bad) {
        json_object_set_new(page, "report", json_string(path.p));
        *out = json_incref(page);
    }
    json_decref(page);
    str_free(&path);
    return bad;
}
