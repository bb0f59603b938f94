/* zip.h -- the table of a zip archive whose files are stored as they are, in memory.
 *
 *   end of the archive (the last 22 bytes and a comment): "PK\5\6" ... u16 entries at 10, u32 size and u32
 *   offset of the directory at 12 and 16; zip64 has them in "PK\6\6", which "PK\6\7" before the end points to
 *   directory entry, 46 bytes and three texts: "PK\1\2" ... u16 method at 10, u32 sizes at 20 and 24, u16
 *   lengths of name, extra and comment at 28, u32 offset of the file at 42; of zip64, the extra 1 has what is
 *   0xffffffff file, 30 bytes, name, extra, data: "PK\3\4" ... u16 lengths of name and extra at 26
 *
 * Source: PKWARE's APPNOTE. */
#ifndef FORMAT_ZIP_H
#define FORMAT_ZIP_H

#include "base/arena.h"

#include <stddef.h>
#include <stdint.h>

typedef struct zip_entry {
    const char    *name;
    const uint8_t *data;
    size_t         size;
} zip_entry;

typedef struct zip {
    zip_entry *entry;
    int64_t    n;
} zip;

/* Entries point into data; names are on mem. E_FORMAT: damaged; E_UNSUPPORTED: compressed or encrypted. */
int zip_read(zip *out, const uint8_t *data, size_t n, arena *mem, const char *where, err *e);

#endif
