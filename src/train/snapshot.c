/* snapshot.c -- see snapshot.h: writing and rotating. */
#include "train/snapshot.h"

#include "base/file.h"
#include "train/snapshot_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

progress progress_start(void)
{
    return (progress){.logged_step = -1,
                      .evaluated_step = -1,
                      .eval_before = NAN,
                      .eval_last = NAN,
                      .eval_accuracy = NAN,
                      .best_step = -1,
                      .best_loss = NAN};
}

static int cannot_rename(const char *temp, const char *path, err *e)
{
    return fail(e, E_IO, "%s: cannot be given its name: %s; it is whole in %s", path, strerror(errno), temp);
}

/* Renames a complete folder to a name that may be taken. Where the file system can, the two change places at
 * once; elsewhere the old one goes first, with the new one already safe on the disk. */
static int put_in_place(const char *temp, const char *path, err *e)
{
    if (rename(temp, path) == 0) return OK;
    if (errno != ENOTEMPTY && errno != EEXIST) return cannot_rename(temp, path, e);
    if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_EXCHANGE) == 0) return file_remove_tree(temp, e);
    int code = file_remove_tree(path, e);
    if (code == OK && rename(temp, path) != 0) code = cannot_rename(temp, path, e);
    return code;
}

static int write_all(const char *temp, const snapshot *s, const trainer_state *state, const recipe *r, err *e)
{
    int code = file_mkdirs(temp, e);
    if (code == OK) code = adapter_save(s->a, temp, DT_F32, e);
    if (code == OK) code = snapshot_write_moments(temp, s, e);
    if (code == OK) code = trainer_state_write(temp, state, r, e);
    if (code == OK) code = snapshot_write_state(temp, s, e);
    return code;
}

int snapshot_save(const char *folder, const snapshot *s, const trainer_state *state, const recipe *r, err *e)
{
    str path = {0}, temp = {0};
    str_fmt(&path, "%s/checkpoint-%lld", folder, (long long)s->at->step);
    str_fmt(&temp, "%s.tmp", path.p);
    int code = file_exists(temp.p) ? file_remove_tree(temp.p, e) : OK; /* of a run that crashed */
    if (code == OK && (code = write_all(temp.p, s, state, r, e)) != OK) file_remove_tree(temp.p, NULL);
    if (code == OK) code = put_in_place(temp.p, path.p, e);
    if (code == OK) file_sync_folder(folder);
    str_free(&path);
    str_free(&temp);
    return code;
}

int64_t snapshot_number(const char *name)
{
    const char *digits = name + strlen("checkpoint-");
    if (!str_starts(name, "checkpoint-") || !*digits || strlen(digits) > 15) return -1;
    if (strspn(digits, "0123456789") != strlen(digits)) return -1;
    return strtoll(digits, NULL, 10);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers of the folder's checkpoints, rising, on the heap. */
static int64_t *numbers_of(const char *folder, size_t *n)
{
    int64_t *number = NULL;
    *n = 0;
    DIR *d = opendir(folder);
    if (!d) return NULL;
    for (struct dirent *f; (f = readdir(d)) != NULL;) {
        int64_t k = snapshot_number(f->d_name);
        if (k < 0) continue;
        number = xrealloc(number, (*n + 1) * sizeof *number);
        number[(*n)++] = k;
    }
    closedir(d);
    if (*n) qsort(number, *n, sizeof *number, by_number);
    return number;
}

int snapshot_rotate(const char *folder, int64_t limit, int64_t step, int64_t best_step, err *e)
{
    if (limit <= 0) return OK;
    size_t n;
    int64_t *number = numbers_of(folder, &n);
    while (n && number[n - 1] > step) n--;
    int64_t excess = (int64_t)n - limit;
    int code = OK;
    for (size_t k = 0; k + 1 < n && excess > 0 && code == OK; k++) {
        if (number[k] == best_step) continue;
        str path = {0};
        str_fmt(&path, "%s/checkpoint-%lld", folder, (long long)number[k]);
        code = file_remove_tree(path.p, e);
        str_free(&path);
        excess--;
    }
    free(number);
    return code;
}

char *snapshot_newest(const char *folder)
{
    size_t n;
    int64_t *number = numbers_of(folder, &n);
    str path = {0};
    if (n) str_fmt(&path, "%s/checkpoint-%lld", folder, (long long)number[n - 1]);
    free(number);
    return path.p;
}
