/* signals.c -- SIGINT and SIGTERM: the first asks the work to save and stop, the second ends the program at
 * once. */
#include "cli/cli.h"

#include <signal.h>
#include <unistd.h>

static volatile int stop;

static void on_signal(int number)
{
    if (stop) _exit(128 + number);
    stop = 1;
}

void signals_begin(void)
{
    struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    sigaction(SIGINT, &a, NULL);
    sigaction(SIGTERM, &a, NULL);
}

void signals_clear(void) { stop = 0; }

const volatile int *signals_stop(void) { return &stop; }
