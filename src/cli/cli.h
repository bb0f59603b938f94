/* cli.h -- what the subcommands share: the result on the standard output, everything else on the standard
 * error. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "lib/job.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_STOPPED = 3 };

/* One subcommand: does the work and writes the result. Returns OK or a negative code with e set. */
typedef int cli_command(const options *o, err *e);
cli_command cli_train, cli_eval, cli_generate, cli_info, cli_data, cli_bench;
cli_command cli_tune, cli_compare, cli_report, cli_chat;

/* The standard output. Every failure (full disk, closed pipe) is E_IO. */
int output_add(const char *text, size_t n, err *e); /* at once */
int output_put(const str *text, err *e);
int output_json(const json_t *value, err *e);
int output_close(err *e);
bool output_is_terminal(void);

/* Appends text from outside: a line end, a tab and other control characters as \n, \t, \xNN. */
void output_visible(str *out, const char *text);
/* A line of a table of results: the label, then the value in its column. */
void output_row(str *out, const char *label, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* 1,234,567; 1.5 GiB; 1:02:03 -- appended. */
void output_count(str *out, int64_t n);
void output_size(str *out, double bytes);
/* The "operators" of a result as a table, milliseconds for each of its "steps". */
void output_operators(str *out, const json_t *result);
void output_time(str *out, double seconds);

/* Members of a result, 0 where there is none. */
double result_num(const json_t *o, const char *key);
int64_t result_int(const json_t *o, const char *key);
const char *result_text(const json_t *o, const char *key); /* "" where there is none */

/* Messages and the live line on the standard error. */
void progress_begin(bool quiet);
void progress_end(void); /* the live line is gone; before anything else is printed */
void progress_error(const char *line);
job_hooks progress_hooks(void); /* note, banner, progress, logged, stop */

/* From now on the first SIGINT or SIGTERM sets the flag that job_hooks.stop points to, and the second ends
 * the program. For the commands that heed the flag, once they have read their input: until then, and in the
 * others, the first ends the program. */
void signals_begin(void);
const volatile int *signals_stop(void);
void signals_clear(void); /* the flag is heeded: work goes on */

#endif
