/* chat.c -- lorac chat: a conversation with a model. At a terminal lines are edited, with history (libedit);
 * otherwise each line of the standard input is a message, and the answers go to the standard output, one
 * after the other, each with a line end behind it. */
#include "cli/cli.h"
#include "lib/dialog.h"

#include "base/arena.h"
#include "base/file.h"

#include <editline/readline.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HISTORY = 1000 };

static const char help[] = "/reset         forget what was said\n"
                           "/system TEXT   another system message (none without TEXT); forget what was said\n"
                           "/base          answer without the adapter\n"
                           "/adapter       answer with it again\n"
                           "/again         ask the last question once more, of whoever answers now\n"
                           "/help          this list\n"
                           "/quit          end (as does Ctrl-D); Ctrl-C ends an answer\n"
                           "A line that ends in \\ goes on in the next one.\n";

typedef struct console {
    dialog *d;
    bool terminal;
    str message, last; /* being put together; the last one said */
    char *history;     /* the file, NULL: none */
    err lost;          /* the first failure to write */
} console;

static void say(console *s, const char *line)
{
    if (s->terminal && s->lost.code == OK) output_add(line, strlen(line), &s->lost);
}

/* ---- lines ---- */

/* $XDG_STATE_HOME/lorac/history, or below ~/.local/state; without either there is no history. */
static char *history_path(void)
{
    str path = {0};
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    if (state && *state)
        str_puts(&path, state);
    else if (home && *home)
        str_fmt(&path, "%s/.local/state", home);
    else
        return NULL;
    for (char *p = path.p; (p = strchr(p + 1, '/'));) {
        *p = 0;
        mkdir(path.p, 0700);
        *p = '/';
    }
    mkdir(path.p, 0700);
    str_puts(&path, "/lorac");
    mkdir(path.p, 0700);
    str_puts(&path, "/history");
    return path.p;
}

static void begin_lines(console *s)
{
    if (!s->terminal) return;
    rl_initialize();
    using_history();
    stifle_history(HISTORY);
    s->history = history_path();
    if (s->history) read_history(s->history);
}

static void end_lines(console *s)
{
    if (s->history) write_history(s->history);
    free(s->history);
}

/* Appends a line without its end; false at the end of the input. */
static bool read_line(console *s, const char *prompt, str *line)
{
    if (!s->terminal) {
        char *text = NULL;
        size_t cap = 0;
        ssize_t n = getline(&text, &cap, stdin);
        if (n > 0) str_add(line, text, (size_t)n - (text[n - 1] == '\n'));
        free(text);
        return n > 0;
    }
    char *text = readline(prompt);
    if (!text) return false;
    if (*text) add_history(text);
    str_puts(line, text);
    free(text);
    return true;
}

static bool read_message(console *s)
{
    str_clear(&s->message);
    const char *prompt = dialog_has_adapter(s->d) && dialog_speaker(s->d) == DIALOG_BASE ? "base> " : "> ";
    while (read_line(s, prompt, &s->message)) {
        if (!s->terminal || !s->message.n || s->message.p[s->message.n - 1] != '\\') return true;
        s->message.p[s->message.n - 1] = '\n';
        prompt = "... ";
    }
    return false;
}

/* ---- answers ---- */

static void on_text(void *arg, int64_t row, const char *piece, size_t n)
{
    console *s = arg;
    (void)row;
    progress_end();
    if (s->lost.code == OK) output_add(piece, n, &s->lost);
}

/* A signal ends the answer at a terminal, elsewhere the conversation. */
static int ask(console *s, const char *text, size_t n, err *e)
{
    job_hooks h = {.arg = s, .text = on_text, .stop = signals_stop()};
    json_t *r = NULL;
    err why = {0};
    if (s->terminal) signals_clear(); /* one that came while a line was being typed */
    int code = dialog_say(s->d, text, n, &h, &r, &why);
    if (r && s->lost.code == OK) output_add("\n", 1, &s->lost);
    json_decref(r);
    if (s->lost.code != OK) return fail(e, s->lost.code, "%s", s->lost.msg);
    if (s->terminal && code == E_STOPPED) signals_clear();
    if (s->terminal && (code == E_STOPPED || code == E_USAGE)) {
        if (code == E_USAGE) progress_error(why.msg);
        return OK;
    }
    return code == OK ? OK : fail(e, code, "%s", why.msg);
}

static bool is_command(const char *line, const char *name, const char **rest)
{
    size_t n = strlen(name);
    if (strncmp(line, name, n) || (line[n] && line[n] != ' ')) return false;
    *rest = line[n] ? line + n + 1 : line + n;
    return true;
}

/* A line that begins with a slash; *done at /quit. */
static int obey(console *s, const char *line, bool *done, err *e)
{
    const char *rest;
    if (is_command(line, "/quit", &rest) || is_command(line, "/exit", &rest)) {
        *done = true;
    } else if (is_command(line, "/reset", &rest)) {
        dialog_reset(s->d);
        say(s, "(forgotten)\n");
    } else if (is_command(line, "/system", &rest)) {
        return dialog_system(s->d, *rest ? rest : NULL, e);
    } else if (is_command(line, "/base", &rest) || is_command(line, "/adapter", &rest)) {
        bool base = line[1] == 'b';
        if (!dialog_has_adapter(s->d)) progress_error("there is no adapter; start with --adapter DIR");
        dialog_use(s->d, base ? DIALOG_BASE : DIALOG_ADAPTER);
        if (dialog_has_adapter(s->d)) say(s, base ? "(the base model answers)\n" : "(the adapter answers)\n");
    } else if (is_command(line, "/again", &rest)) {
        return s->last.n ? dialog_take_back(s->d), ask(s, s->last.p, s->last.n, e) : OK;
    } else if (is_command(line, "/help", &rest)) {
        return output_add(help, sizeof help - 1, e);
    } else {
        progress_error("no such command; /help lists them");
    }
    return OK;
}

static int converse(console *s, err *e)
{
    int code = OK;
    bool done = false;
    while (code == OK && !done && read_message(s)) {
        const char *line = str_c(&s->message);
        if (!s->message.n) continue;
        if (line[0] == '/') {
            code = obey(s, line, &done, e);
            continue;
        }
        str_clear(&s->last);
        str_add(&s->last, line, s->message.n);
        code = ask(s, line, s->message.n, e);
    }
    return code;
}

int cli_chat(const options *o, err *e)
{
    console s = {.terminal = isatty(STDIN_FILENO) && output_is_terminal()};
    job_hooks h = progress_hooks();
    int code = dialog_open(&s.d, o, &h, e);
    progress_end();
    if (code != OK) return code;
    signals_begin();
    begin_lines(&s);
    say(&s, "/help lists the commands, Ctrl-D ends.\n");
    code = converse(&s, e);
    if (code == OK && s.terminal) say(&s, "\n");
    end_lines(&s);
    str_free(&s.message);
    str_free(&s.last);
    dialog_close(s.d);
    return code;
}
