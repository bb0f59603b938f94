/* owner.c -- see owner.h. */
#include "tune/owner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The beginning of a small file without its line end; empty when there is none. */
static void read_small(const char *path, char *out, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, out, size - 1);
    out[n < 0 ? 0 : n] = 0;
    out[strcspn(out, "\n")] = 0;
    if (fd >= 0) close(fd);
}

/* "BOOT/NAMESPACE"; empty where one of them cannot be read, and then nothing can be told of any process. */
static void place(char *out, size_t size)
{
    char boot[48], space[48] = "";
    read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    space[n < 0 ? 0 : n] = 0;
    *out = 0;
    if (*boot && *space) snprintf(out, size, "%s/%s", boot, space);
}

typedef enum sight { SEEN, ENDED, HIDDEN } sight;

/* The 22nd field of /proc/PID/stat; the name in the second may hold anything, so fields count from its last
 * ')'. ENDED: there is no such process, or only its exit status is left; HIDDEN: it is there, and its file is not
 * shown (a mount with hidepid). */
static sight started(long pid, char *out, size_t size)
{
    char path[48], stat[1024];
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_small(path, stat, sizeof stat);
    char *p = strrchr(stat, ')');
    *out = 0;
    if (!p) return pid > 0 && (!kill((pid_t)pid, 0) || errno == EPERM) ? HIDDEN : ENDED;
    if (p[1] != ' ' || p[2] == 'Z' || p[2] == 'X') return ENDED;
    for (int field = 2; field < 22 && p; field++) p = strchr(p + 1, ' ');
    if (p) snprintf(out, size, "%.*s", (int)strcspn(p + 1, " "), p + 1);
    return *out ? SEEN : HIDDEN;
}

void owner_self(char out[OWNER_SIZE])
{
    char where[100], when[24];
    place(where, sizeof where);
    started(getpid(), when, sizeof when);
    snprintf(out, OWNER_SIZE, "%.80s/%ld/%.20s", where, (long)getpid(), when);
}

owner_life owner_look(const char *owner)
{
    char where[100], when[24], self[OWNER_SIZE];
    owner_self(self);
    if (!strcmp(owner, self)) return OWNER_ALIVE;
    place(where, sizeof where);
    size_t n = strlen(where);
    if (!n || strncmp(owner, where, n) || owner[n] != '/') return OWNER_ELSEWHERE;
    char *end;
    long pid = strtol(owner + n + 1, &end, 10);
    switch (started(pid, when, sizeof when)) {
    case SEEN:
        return *end == '/' && !strcmp(end + 1, when) ? OWNER_ALIVE : OWNER_GONE;
    case HIDDEN:
        return OWNER_ELSEWHERE;
    default:
        return OWNER_GONE;
    }
}
