/* gathering.h -- a page being gathered, for the files that add to it. */
#ifndef LIB_REPORT_GATHERING_H
#define LIB_REPORT_GATHERING_H

#include "lib/report/report.h"

typedef struct gathering {
    json_t *page, *runs, *groups;
    int depth;
} gathering;

/* The curves of a run folder's log, and the command of its run.json, as members of r; nothing where there is
 * no such file. */
int gathering_log(json_t *r, const char *folder, err *e);
int gathering_command(json_t *r, const char *folder, err *e);
void gathering_group(gathering *g, const char *name);

bool report_is_study(const char *folder);
int report_add_study(gathering *g, const char *folder, err *e);

#endif
