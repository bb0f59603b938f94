/* file.c -- see file.h. */
#include "base/file.h"

#include "base/arena.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_errno(err *e, const char *path, const char *doing)
{
    return fail(e, E_IO, "%s: cannot %s: %s", path, doing, strerror(errno));
}

int filemap_open(filemap *m, const char *path, err *e)
{
    *m = (filemap){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hang */
    if (fd < 0) return fail_errno(e, path, "open");
    struct stat st;
    int code = OK;
    if (fstat(fd, &st) < 0) code = fail_errno(e, path, "stat");
    else if (!S_ISREG(st.st_mode)) code = fail(e, E_IO, "%s: is not a file", path);
    else if (st.st_size > 0) {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) code = fail_errno(e, path, "map");
        else *m = (filemap){p, (size_t)st.st_size};
    }
    close(fd);
    return code;
}

void filemap_close(filemap *m)
{
    if (m->data) munmap((void *)(uintptr_t)m->data, m->size);
    *m = (filemap){0};
}

int file_read(str *out, const char *path, size_t limit, err *e)
{
    FILE *f = fopen(path, "rbe");
    if (!f) return fail_errno(e, path, "open");
    char buffer[1 << 16];
    size_t n, total = 0;
    int code = OK;
    while (code == OK && (n = fread(buffer, 1, sizeof buffer, f)) > 0) {
        total += n;
        if (total > limit) code = fail(e, E_FORMAT, "%s: is larger than %zu bytes", path, limit);
        else str_add(out, buffer, n);
    }
    if (code == OK && ferror(f)) code = fail_errno(e, path, "read");
    fclose(f);
    return code;
}

int file_create(outfile *o, const char *path, err *e)
{
    struct stat st;
    bool there = stat(path, &st) == 0;
    *o = (outfile){0};
    if (there && S_ISDIR(st.st_mode)) return fail(e, E_IO, "%s: is a folder; name a file", path);
    char *target = there ? realpath(path, NULL) : NULL;
    o->path = target ? target : strcpy(xmalloc(strlen(path) + 1), path);
    if (!there || S_ISREG(st.st_mode)) {
        size_t n = strlen(o->path) + 32;
        o->temp = xmalloc(n);
        snprintf(o->temp, n, "%s.tmp%ld", o->path, (long)getpid());
    }
    o->f = fopen(o->temp ? o->temp : o->path, "wbe");
    if (o->f) return OK;
    fail_errno(e, path, "create");
    file_abandon(o);
    return E_IO;
}

void file_put(outfile *o, const void *data, size_t n)
{
    if (!o->f || o->error || !n) return;
    if (fwrite(data, 1, n, o->f) != n) o->error = errno ? errno : EIO;
}

void file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

static void sync_folder_of(const char *path)
{
    char *copy = xmalloc(strlen(path) + 3);
    strcpy(copy, path);
    char *slash = strrchr(copy, '/');
    if (slash) slash[slash == copy] = 0;
    else strcpy(copy, ".");
    file_sync_folder(copy);
    free(copy);
}

void file_sync(outfile *o)
{
    if (!o->f || o->error) return;
    if (fflush(o->f) != 0) o->error = errno;
    else if (fsync(fileno(o->f)) != 0 && errno != EINVAL) o->error = errno;
}

int file_commit(outfile *o, err *e)
{
    if (!o->f) return fail(e, E_IO, "%s: was not created", o->path ? o->path : "file");
    file_sync(o);
    if (fclose(o->f) != 0 && !o->error) o->error = errno;
    o->f = NULL;
    if (!o->error && o->temp && rename(o->temp, o->path) != 0) o->error = errno;
    int code = OK;
    if (o->error) code = fail(e, E_IO, "%s: cannot write: %s", o->path, strerror(o->error));
    else if (o->temp) sync_folder_of(o->path);
    if (code != OK && o->temp) unlink(o->temp);
    file_abandon(o);
    return code;
}

void file_abandon(outfile *o)
{
    if (o->f) {
        fclose(o->f);
        if (o->temp) unlink(o->temp);
    }
    free(o->path);
    free(o->temp);
    *o = (outfile){0};
}

int file_write(const char *path, const void *data, size_t n, err *e)
{
    outfile o;
    int code = file_create(&o, path, e);
    if (code != OK) return code;
    file_put(&o, data, n);
    return file_commit(&o, e);
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int file_mkdirs(const char *path, err *e)
{
    char *copy = xmalloc(strlen(path) + 1);
    strcpy(copy, path);
    for (char *s = copy + 1; *copy && *s; s++)
        if (*s == '/') {
            *s = 0;
            mkdir(copy, 0777);
            *s = '/';
        }
    int code = OK;
    if (mkdir(copy, 0777) != 0 && errno != EEXIST) code = fail_errno(e, path, "make the folder");
    else if (!file_is_dir(copy)) code = fail(e, E_IO, "%s: is not a folder", path);
    free(copy);
    return code;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
    (void)st, (void)flag, (void)where;
    return remove(path);
}

int file_remove_tree(const char *path, err *e)
{
    if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0) return fail_errno(e, path, "remove");
    return OK;
}
