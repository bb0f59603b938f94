/* report.h -- lorac report: what lies in run folders and comparisons, as JSON, and as one HTML page.
 *
 * The page holds everything it needs: plots are SVG written here, style and script (style.css, script.js)
 * are part of the program; nothing is fetched. A page as JSON:
 *
 * {"title", "summary": [sentence], "groups": [name],
 *  "runs": [{"name", "group", "seed", "command", "options": {name: value},
 *            "loss", "loss_before", "token_accuracy", "seconds", "tokens", "tokens_per_second", "steps",
 *            "trainable_parameters", "memory", "adapter_bytes", and what there is of
 *            "chrf", "bleu", "rougeL", "coverage", "slot_error_rate",
 *            "train": [[tokens, seconds, loss]], "eval": [[tokens, seconds, loss]]}],
 *  "attributes": [{"attribute", "by": {group: {"slots", "realized", "missing", "wrong", "added"}}}],
 *  "texts": [{"prompt", "references": [text], "by": [{"group", "text", "slots"}]}],
 *  "compare": compare.json, "study": the JSON of `lorac tune show`}
 *
 * A run's group is its recipe in a comparison, else its own name. */
#ifndef LIB_REPORT_H
#define LIB_REPORT_H

#include "lib/job.h"

/* Folders of runs, of a comparison, or any that hold run folders. E_IO, E_FORMAT naming what cannot be
 * read; E_USAGE for a folder without a run. The caller releases the page. */
int report_gather(json_t **out, const peft_list *folders, err *e);
int report_write(const json_t *page, const char *path, err *e);
/* report.html into a comparison's folder. */
int report_of_folder(const char *folder, err *e);

/* The table of runs as CSV; the learning curves in braille, 8 dots a character. Appended. */
void report_csv(const json_t *page, str *out);
void report_plot(const json_t *page, int columns, str *out);

#endif
