/* report.c -- lorac report: writes report.html, and prints where it is, or the table, the curves or
 * everything. */
#include "cli/cli.h"

#include "lib/report/report.h"

#include <stdlib.h>

static int width(void)
{
    const char *columns = getenv("COLUMNS");
    int n = columns ? atoi(columns) : 80;
    return n > 40 && n < 400 ? n : 80;
}

int cli_report(const options *o, err *e)
{
    json_t *page;
    int code = job_report(o, &page, e);
    if (code != OK) return code;
    str out = {0};
    if (o->csv) report_csv(page, &out);
    if (o->plot) report_plot(page, width(), &out);
    if (!o->csv && !o->plot) output_row(&out, "report", "%s", result_text(page, "report"));
    code = o->json ? output_json(page, e) : output_put(&out, e);
    str_free(&out);
    json_decref(page);
    return code;
}
