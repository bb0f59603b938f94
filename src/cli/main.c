/* main.c -- the program: which subcommand, its options, its exit status.
 *
 * 0 done, 1 failed, 2 not understood, 3 stopped by a signal after saving. */
#include "base/file.h"
#include "cli/cli.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    command id;
    cli_command *run;
} commands[] = {
    {COMMAND_TRAIN, cli_train}, {COMMAND_EVAL, cli_eval}, {COMMAND_GENERATE, cli_generate},
    {COMMAND_INFO, cli_info},   {COMMAND_DATA, cli_data}, {COMMAND_BENCH, cli_bench},
    {COMMAND_TUNE, cli_tune},   {COMMAND_CHAT, cli_chat}, {COMMAND_COMPARE, cli_compare},
    {COMMAND_REPORT, cli_report},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

static int exit_status(int code)
{
    return code == OK          ? EXIT_DONE
           : code == E_USAGE   ? EXIT_USAGE
           : code == E_STOPPED ? EXIT_STOPPED
                               : EXIT_FAILED;
}

/* Prints the failure, if there is one, and closes the standard output. */
static int finish(int code, err *e)
{
    progress_end();
    if (code == OK) code = output_close(e);
    if (code != OK) progress_error(e->msg);
    return exit_status(code);
}

static int print(str *text)
{
    err e = {0};
    int code = output_put(text, &e);
    str_free(text);
    return finish(code, &e);
}

static int print_overview(void)
{
    str text = {0};
    str_puts(&text, "usage: lorac COMMAND [options]\n\n"
                    "Fine-tunes language models with LoRA and QLoRA on this machine's processor.\n\n");
    for (int i = 0; i < COMMANDS; i++)
        str_fmt(&text, "  %-10s %s\n", command_name(commands[i].id), command_summary(commands[i].id));
    str_puts(&text, "\nlorac COMMAND --help lists a command's options; lorac --version tells the version.\n");
    return print(&text);
}

static int print_version(void)
{
    str text = {0};
    str_puts(&text, "lorac " LORAC_VERSION "\n");
    return print(&text);
}

static int print_help(command c)
{
    str text = {0};
    options_help(c, &text);
    return print(&text);
}

static int unknown_command(const char *name)
{
    err e = {0};
    const char *nearest = "";
    command_find(name, &nearest);
    if (name[0] == '-')
        fail(&e, E_USAGE, "unknown option %s before the command; see lorac help", name);
    else
        fail(&e, E_USAGE, "unknown command %s; did you mean %s? (lorac help lists them)", name, nearest);
    return finish(E_USAGE, &e);
}

static int run_command(command c, int argc, char **argv)
{
    options o;
    err e = {0};
    int code = options_parse(&o, c, argc, argv, &e);
    if (code == OK && o.help) {
        options_release(&o);
        return print_help(c);
    }
    if (code == OK) {
        progress_begin(o.quiet);
        for (int i = 0; i < COMMANDS; i++)
            if (commands[i].id == c) code = commands[i].run(&o, &e);
    }
    options_release(&o);
    return finish(code, &e);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a closed pipe is an error that is told, not a silent death */
    const char *name = argc > 1 ? argv[1] : "help", *nearest;
    if (!strcmp(name, "--version") || !strcmp(name, "-V") || !strcmp(name, "version")) return print_version();
    bool help = !strcmp(name, "help") || !strcmp(name, "--help") || !strcmp(name, "-h");
    if (help && argc < 3) return print_overview();
    if (help) name = argv[2];
    command c = command_find(name, &nearest);
    if (!c) return unknown_command(name);
    return help ? print_help(c) : run_command(c, argc - 2, argv + 2);
}
