/* runlog.c -- see runlog.h. */
#include "train/runlog.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void append(runlog *l, const json_t *line)
{
    char *text = json_dumps(line, JSON_COMPACT | JSON_REAL_PRECISION(10));
    BUG_IF(!text);
    str_puts(&l->history, text);
    str_putc(&l->history, '\n');
    l->lines++;
    free(text);
}

int runlog_open(runlog *l, const char *folder, const json_t *history, err *e)
{
    *l = (runlog){.fd = -1};
    str path = {0};
    str_fmt(&path, "%s/log.jsonl", folder);
    l->path = path.p;
    size_t k;
    json_t *line;
    json_array_foreach(history, k, line) append(l, line);
    int code = file_write(l->path, str_c(&l->history), l->history.n, e);
    if (code != OK) return code;
    l->size = l->history.n;
    l->fd = open(l->path, O_WRONLY | O_APPEND | O_CLOEXEC);
    if (l->fd < 0) return fail(e, E_IO, "%s: cannot open: %s", l->path, strerror(errno));
    return OK;
}

void runlog_close(runlog *l)
{
    if (l->fd >= 0) close(l->fd);
    free(l->path);
    str_free(&l->history);
    *l = (runlog){.fd = -1};
}

int runlog_add(runlog *l, json_t *line, err *e)
{
    append(l, line);
    json_decref(line);
    size_t n = l->history.n - l->size;
    ssize_t wrote = write(l->fd, l->history.p + l->size, n);
    if (wrote == (ssize_t)n) {
        l->size += n;
        return OK;
    }
    int why = wrote < 0 ? errno : ENOSPC;
    if (ftruncate(l->fd, (off_t)l->size) < 0) why = errno;
    return fail(e, E_IO, "%s: cannot write: %s", l->path, strerror(why));
}
