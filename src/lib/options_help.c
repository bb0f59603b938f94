/* options_help.c -- the commands, and the help of each, from the option table. */
#include "lib/options.h"

#include <string.h>

enum { HELP_COLUMN = 34, HELP_WIDTH = 100 };

static const struct {
    command id;
    const char *name, *summary, *usage;
} commands[] = {
    {COMMAND_TRAIN, "train", "fine-tune a model with LoRA or QLoRA",
     "--model PATH --data FILE [--out DIR] [options]"},
    {COMMAND_EVAL, "eval", "loss, perplexity and token accuracy on a data file, and scores of generated texts",
     "--model PATH [--adapter DIR] --data FILE [options]"},
    {COMMAND_GENERATE, "generate", "text from a prompt, or one answer for every row of a data file",
     "--model PATH [--adapter DIR] [--prompt TEXT | --data FILE] [options]"},
    {COMMAND_CHAT, "chat", "a conversation with a model, with and without its adapter",
     "--model PATH [--adapter DIR] [--system TEXT] [options]"},
    {COMMAND_INFO, "info", "what a model, adapter or run folder is", "PATH [options]"},
    {COMMAND_DATA, "data", "what a model will learn from a data file, token by token",
     "--model PATH --data FILE [options]"},
    {COMMAND_TUNE, "tune", "search hyperparameters: which options train fastest and best on your rows",
     "--model PATH --data FILE --space FILE --budget 60min [--out STUDY] [options], or lorac tune show STUDY"},
    {COMMAND_COMPARE, "compare",
     "train recipes on equal terms, LoRA and QLoRA, and say which differ, by how much",
     "--model PATH --data FILE [--recipes lora,qlora | A.yaml B.yaml] [--seeds 3] [--out DIR] [options]"},
    {COMMAND_REPORT, "report", "one HTML file of runs or a comparison: table, curves, plots, texts",
     "DIR... [options]"},
    {COMMAND_BENCH, "bench", "this machine's peaks, and a training step measured against them",
     "[--model PATH] [options]"},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

const char *command_name(command c)
{
    for (int i = 0; i < COMMANDS; i++)
        if (commands[i].id == c) return commands[i].name;
    return "";
}

const char *command_summary(command c)
{
    for (int i = 0; i < COMMANDS; i++)
        if (commands[i].id == c) return commands[i].summary;
    return "";
}

command command_find(const char *name, const char **nearest)
{
    int best = 1 << 20;
    for (int i = 0; i < COMMANDS; i++) {
        int d = str_distance(name, commands[i].name);
        if (!d) return commands[i].id;
        if (d < best) *nearest = commands[i].name;
        if (d < best) best = d;
    }
    return 0;
}

/* Appends text broken between words, every line after the first indented to HELP_COLUMN. */
static void add_wrapped(str *out, const char *text)
{
    size_t left = HELP_WIDTH - HELP_COLUMN;
    for (const char *p = text; *p; p += strspn(p, " ")) {
        size_t n = strcspn(p, " ");
        if (p > text && n + 1 > left) {
            str_fmt(out, "\n%*s", HELP_COLUMN, "");
            left = HELP_WIDTH - HELP_COLUMN;
        } else if (p > text) {
            str_putc(out, ' ');
            left--;
        }
        str_add(out, p, n);
        left -= n < left ? n : left;
        p += n;
    }
    str_putc(out, '\n');
}

static void add_names(const option_row *r, str *line)
{
    str_fmt(line, "  --%s", r->name);
    for (const char *p = r->alias; p && *p; p += *p == ' ') {
        size_t n = strcspn(p, " ");
        str_fmt(line, ", %s%.*s", n == 1 ? "-" : "--", (int)n, p);
        p += n;
    }
    if (r->metavar) str_fmt(line, " %s", r->metavar);
}

static void add_option(const option_row *r, str *out)
{
    str line = {0}, text = {0};
    add_names(r, &line);
    str_puts(out, str_c(&line));
    if (line.n + 1 > HELP_COLUMN)
        str_fmt(out, "\n%*s", HELP_COLUMN, "");
    else
        str_fmt(out, "%*s", (int)(HELP_COLUMN - line.n), "");
    str_puts(&text, r->help);
    if (r->choices) {
        str_puts(&text, ": ");
        for (const char *p = r->choices; *p; p++) str_puts(&text, *p == ' ' ? ", " : (char[]){*p, 0});
    }
    if (strcmp(r->otherwise, "none") && !(r->type == OPTION_FLAG && !strcmp(r->otherwise, "false")))
        str_fmt(&text, " [%s]", r->otherwise);
    add_wrapped(out, str_c(&text));
    str_free(&line);
    str_free(&text);
}

void options_help(command c, str *out)
{
    for (int i = 0; i < COMMANDS; i++)
        if (commands[i].id == c)
            str_fmt(
                out,
                "usage: lorac %s %s\n\n%s.\nDefaults are in brackets; a flag is turned off by --no-NAME.\n",
                commands[i].name, commands[i].usage, commands[i].summary);
    const char *heading = NULL;
    for (int i = 0; i < option_rows; i++) {
        const option_row *r = &option_table[i];
        if (!r->name) heading = r->help;
        if (!option_belongs(r, c)) continue;
        if (heading) str_fmt(out, "\n%s\n", heading);
        heading = NULL;
        add_option(r, out);
    }
}
