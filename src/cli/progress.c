/* progress.c -- the standard error: notes, the banner before training, and where long work stands.
 *
 * On a terminal one live line is rewritten in place, at most ten times a second; elsewhere every line of the
 * run's log is a plain line. Nothing of this with --quiet, except errors. */
#include "base/clock.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static struct {
    bool quiet, terminal, shown; /* shown: the live line stands there */
    double last;
    int64_t steps;
} state;

void progress_begin(bool quiet)
{
    const char *term = getenv("TERM");
    state.quiet = quiet;
    state.terminal = isatty(STDERR_FILENO) && !(term && !strcmp(term, "dumb"));
}

void progress_end(void)
{
    if (state.shown) fputs("\r\033[K", stderr);
    state.shown = false;
    fflush(stderr);
}

void progress_error(const char *line)
{
    progress_end();
    fprintf(stderr, "lorac: %s\n", line);
}

static void say(const str *line)
{
    progress_end();
    fprintf(stderr, "%s\n", str_c(line));
}

static void on_note(void *arg, const char *line)
{
    (void)arg;
    if (state.quiet) return;
    progress_end();
    fprintf(stderr, "lorac: note: %s\n", line);
}

static void add_rates(str *s, double tokens_per_second, double speed_of_light)
{
    if (tokens_per_second > 0) {
        str_puts(s, "  ");
        output_count(s, (int64_t)tokens_per_second);
        str_puts(s, " tokens/s");
    }
    if (speed_of_light > 0) str_fmt(s, "  %.0f %% of float peak", 100 * speed_of_light);
}

static int terminal_width(void)
{
    struct winsize w;
    return !ioctl(STDERR_FILENO, TIOCGWINSZ, &w) && w.ws_col > 20 ? w.ws_col : 80;
}

static void on_progress(void *arg, const job_progress *p)
{
    (void)arg;
    if (!strcmp(p->what, "train")) state.steps = p->steps;
    double now = clock_seconds();
    if (state.quiet || !state.terminal || (now - state.last < 0.1 && p->step < p->steps)) return;
    state.last = now;
    str s = {0};
    str_fmt(&s, "%s %lld/%lld", p->what, (long long)p->step, (long long)p->steps);
    if (p->loss >= 0) str_fmt(&s, "  loss %.4f", p->loss);
    if (p->learning_rate >= 0) str_fmt(&s, "  lr %.3g", p->learning_rate);
    add_rates(&s, p->tokens_per_second, p->speed_of_light);
    if (p->seconds_left >= 0) {
        str_puts(&s, "  ");
        output_time(&s, p->seconds_left);
        str_puts(&s, " left");
    }
    fprintf(stderr, "\r%.*s\033[K", terminal_width() - 1, str_c(&s));
    fflush(stderr);
    state.shown = true;
    str_free(&s);
}

static void on_logged(void *arg, const json_t *line)
{
    (void)arg;
    bool is_eval = json_object_get(line, "eval_loss") != NULL;
    bool is_step = json_object_get(line, "loss") != NULL;
    if (state.quiet || (!is_eval && (state.terminal || !is_step))) return;
    str s = {0};
    str_fmt(&s, "step %lld", (long long)result_int(line, "step"));
    if (state.steps > 0) str_fmt(&s, "/%lld", (long long)state.steps);
    if (is_eval) {
        str_fmt(&s, "  eval loss %.4f", result_num(line, "eval_loss"));
        static const char *const scores[][2] = {{"eval_token_accuracy", "accuracy"},
                                                {"eval_accuracy", "accuracy"},
                                                {"eval_entity_f1", "entity F1"},
                                                {"eval_pearson", "Pearson"}};
        for (size_t i = 0; i < sizeof scores / sizeof *scores; i++)
            if (json_object_get(line, scores[i][0]))
                str_fmt(&s, "  %s %.4f", scores[i][1], result_num(line, scores[i][0]));
    } else {
        str_fmt(&s, "  loss %.4f  grad norm %.3f  lr %.3g", result_num(line, "loss"),
                result_num(line, "grad_norm"), result_num(line, "learning_rate"));
        add_rates(&s, result_num(line, "tokens_per_second"), result_num(line, "speed_of_light"));
    }
    say(&s);
    str_free(&s);
}

/* "label   value" for every member of the plan that people want to see, in its order. */
static void on_banner(void *arg, const json_t *plan)
{
    (void)arg;
    if (state.quiet) return;
    progress_end();
    const char *key;
    json_t *text;
    json_object_foreach((json_t *)(uintptr_t)plan, key, text)
        fprintf(stderr, "%-14s %s\n", key, json_string_value(text));
}

job_hooks progress_hooks(void)
{
    return (job_hooks){.note = on_note,
                       .banner = on_banner,
                       .progress = on_progress,
                       .logged = on_logged,
                       .stop = signals_stop()};
}
