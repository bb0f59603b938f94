/* file.h -- files: mapped for reading, written whole or not at all.
 *
 * Writing goes to a temporary name beside the target, is flushed to the disk and then renamed, so
 * that a reader, a crash or a full disk leaves the old file or the new one, never half of one. A link
 * stays a link to what is written; a device or a pipe, /dev/null for one, is written to as it is. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/err.h"
#include "base/str.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* A file mapped read-only. data is NULL for an empty file. */
typedef struct filemap {
    const uint8_t *data;
    size_t         size;
} filemap;

int  filemap_open(filemap *m, const char *path, err *e);
void filemap_close(filemap *m);

/* Appends the whole file to out. A directory or a file above `limit` bytes is an error. */
int file_read(str *out, const char *path, size_t limit, err *e);

/* A file being written. Every call may be made after a failure; the first failure is what
 * file_commit() returns, and then the target is untouched. */
typedef struct outfile {
    FILE *f;
    char *path, *temp; /* temp NULL: written in place */
    int   error; /* errno of the first failure */
} outfile;

int  file_create(outfile *o, const char *path, err *e);
void file_put(outfile *o, const void *data, size_t n);
void file_sync(outfile *o);           /* all that was put is on the disk: file_commit() has only to rename */
int  file_commit(outfile *o, err *e); /* flush, sync, rename; or remove the temporary and fail */
void file_abandon(outfile *o);        /* remove the temporary */

/* file_create + file_put + file_commit. */
int file_write(const char *path, const void *data, size_t n, err *e);

bool file_exists(const char *path);
bool file_is_dir(const char *path);
int  file_mkdirs(const char *path, err *e); /* the folder and its parents; fine if it is there */
int  file_remove_tree(const char *path, err *e);
void file_sync_folder(const char *path); /* a rename is durable only once its folder is */

#endif
