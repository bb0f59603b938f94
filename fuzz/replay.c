/* replay.c -- feeds files to a fuzz target without a fuzzer: `replay/fuzz_gguf fuzz/corpus/gguf FILE ...`.
 *
 * Linked with one fuzz_*.c. Arguments are files and folders (all files in them, in the order of their names).
 * Each input is given in memory of exactly its size, so that a sanitizer sees a read past its end. */
#include "base/arena.h"
#include "base/file.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_file(const char *path, err *e)
{
    str s = {0};
    int code = file_read(&s, path, (size_t)64 << 20, e);
    if (code == OK) {
        uint8_t *exact = xmalloc(s.n);
        if (s.n) memcpy(exact, s.p, s.n);
        LLVMFuzzerTestOneInput(exact, s.n);
        free(exact);
    }
    str_free(&s);
    return code;
}

static int not_hidden(const struct dirent *d) { return d->d_name[0] != '.'; }

static int replay(const char *path, int *files, err *e)
{
    if (!file_is_dir(path)) return ++*files, replay_file(path, e);
    struct dirent **list;
    int n = scandir(path, &list, not_hidden, alphasort);
    if (n < 0) return fail(e, E_IO, "%s: cannot be listed", path);
    int code = OK;
    for (int i = 0; i < n; i++) {
        str inner = {0};
        str_fmt(&inner, "%s/%s", path, list[i]->d_name);
        if (code == OK) code = replay(inner.p, files, e);
        str_free(&inner);
        free(list[i]);
    }
    free(list);
    return code;
}

int main(int argc, char **argv)
{
    err e = {0};
    int files = 0;
    for (int i = 1; i < argc && e.code == OK; i++) replay(argv[i], &files, &e);
    if (e.code == OK && !files) fail(&e, E_USAGE, "%s: no inputs; name files or folders", argv[0]);
    if (e.code == OK) printf("%s: %d inputs\n", argv[0], files);
    else fprintf(stderr, "%s\n", e.msg);
    return e.code != OK;
}
