/* keep_folder.c -- see keep_folder.h. */
#include "model/keep_folder.h"

#include "base/arena.h"
#include "base/str.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

typedef struct kept {
    char *path;
    struct timespec time;
    size_t bytes;
} kept;

typedef struct listing {
    kept *file;
    size_t n, bytes;
} listing;

static void list(listing *l, const char *folder)
{
    DIR *d = opendir(folder);
    for (const struct dirent *f; d && (f = readdir(d));) {
        if (!str_ends(f->d_name, KEEP_ENDING) && !str_starts(f->d_name, KEEP_TEMPORARY)) continue;
        str path = {0};
        struct stat st;
        str_fmt(&path, "%s/%s", folder, f->d_name);
        if (lstat(path.p, &st) || !S_ISREG(st.st_mode)) {
            str_free(&path);
            continue;
        }
        l->file = xrealloc(l->file, (l->n + 1) * sizeof *l->file);
        l->file[l->n++] = (kept){path.p, st.st_mtim, (size_t)st.st_size};
        l->bytes += (size_t)st.st_size;
    }
    if (d) closedir(d);
}

static int older(const void *a, const void *b)
{
    const kept *x = a, *y = b;
    if (x->time.tv_sec != y->time.tv_sec) return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
    if (x->time.tv_nsec != y->time.tv_nsec) return x->time.tv_nsec < y->time.tv_nsec ? -1 : 1;
    return strcmp(x->path, y->path);
}

static bool disk_has(const char *folder, size_t bytes)
{
    struct statvfs v;
    return statvfs(folder, &v) || (double)v.f_bavail * (double)v.f_frsize > (double)bytes;
}

bool keep_make_room(const char *folder, size_t bytes, int64_t most)
{
    listing l = {0};
    list(&l, folder);
    if (l.n) qsort(l.file, l.n, sizeof *l.file, older);
    for (size_t i = 0; i < l.n; i++) {
        if (l.bytes + bytes > (size_t)most && !unlink(l.file[i].path)) l.bytes -= l.file[i].bytes;
        free(l.file[i].path);
    }
    free(l.file);
    return disk_has(folder, bytes);
}
