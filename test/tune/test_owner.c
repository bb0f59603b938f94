/* test_owner.c -- which process is alive: number, start, boot and namespace together. */
#include "tune/owner.h"

#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* A process that waits to be killed, and its name. */
static pid_t child(char owner[OWNER_SIZE])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        owner_self(owner);
        if (write(ends[1], owner, OWNER_SIZE) != OWNER_SIZE) _exit(1);
        alarm(60); /* not for ever, when a test fails before it kills this */
        for (;;) pause();
    }
    assert_int_equal(read(ends[0], owner, OWNER_SIZE), OWNER_SIZE);
    close(ends[0]);
    close(ends[1]);
    return pid;
}

static void test_life(void **state)
{
    (void)state;
    char self[OWNER_SIZE], other[OWNER_SIZE];
    owner_self(self);
    assert_int_equal(owner_look(self), OWNER_ALIVE);
    pid_t pid = child(other);
    assert_string_not_equal(self, other);
    assert_int_equal(owner_look(other), OWNER_ALIVE);
    kill(pid, SIGKILL);
    siginfo_t info;
    waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT); /* its exit status is still there */
    assert_int_equal(owner_look(other), OWNER_GONE);
    waitpid(pid, NULL, 0);
    assert_int_equal(owner_look(other), OWNER_GONE);
}

/* The same number at another time, and names of other places. */
static void test_others(void **state)
{
    (void)state;
    char other[OWNER_SIZE], text[OWNER_SIZE + 8];
    pid_t pid = child(other);
    snprintf(text, sizeof text, "%s0", other);
    assert_int_equal(owner_look(text), OWNER_GONE);
    char *start = strrchr(other, '/');
    snprintf(text, sizeof text, "%.*s/1", (int)(start - other), other);
    assert_int_equal(owner_look(text), OWNER_GONE);
    snprintf(text, sizeof text, "%.*s", (int)(start - other), other);
    assert_int_equal(owner_look(text), OWNER_GONE);
    memcpy(text, other, sizeof other);
    text[0] = text[0] == 'a' ? 'b' : 'a'; /* another boot */
    assert_int_equal(owner_look(text), OWNER_ELSEWHERE);
    memcpy(text, other, sizeof other);
    char *space = strchr(text, '[');
    assert_non_null(space);
    space[1] = space[1] == '1' ? '2' : '1';
    assert_int_equal(owner_look(text), OWNER_ELSEWHERE);
    assert_int_equal(owner_look(""), OWNER_ELSEWHERE);
    assert_int_equal(owner_look("/"), OWNER_ELSEWHERE);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

enum { GOOD, CANNOT, SELF, OTHER, HIDES };

/* Where /proc shows nothing, nobody is taken for dead. */
static int without_proc(pid_t living, const char *other)
{
    char self[OWNER_SIZE], path[32];
    snprintf(path, sizeof path, "/proc/%d", (int)living);
    if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
        mount("none", path, "tmpfs", 0, NULL))
        return CANNOT;
    if (owner_look(other) != OWNER_ELSEWHERE) return HIDES; /* this one alone is hidden */
    if (mount("none", "/proc", "tmpfs", 0, NULL)) return CANNOT;
    owner_self(self);
    if (owner_look(self) != OWNER_ALIVE) return SELF;
    return owner_look(other) == OWNER_ELSEWHERE && owner_look("//17/5") == OWNER_ELSEWHERE ? GOOD : OTHER;
}

static void test_without_proc(void **state)
{
    (void)state;
    char other[OWNER_SIZE];
    pid_t living = child(other), pid = fork();
    int status;
    if (!pid) _exit(without_proc(living, other));
    waitpid(pid, &status, 0);
    kill(living, SIGKILL);
    waitpid(living, NULL, 0);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == CANNOT) {
        print_message("skipped: /proc cannot be hidden without privileges\n");
        skip();
    }
    assert_int_equal(WEXITSTATUS(status), GOOD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_others),
        cmocka_unit_test(test_without_proc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
