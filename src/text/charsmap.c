/* charsmap.c -- see charsmap.h. */
#include "text/charsmap.h"

#include "base/arena.h"
#include "text/unicode.h"

#include <stdlib.h>
#include <string.h>

/* The longest of the results, n bytes. */
static size_t longest_of(const char *results, size_t n)
{
    size_t most = 0;
    for (size_t i = 0, length; i < n; i += length + 1) {
        length = strnlen(results + i, n - i);
        if (length > most) most = length;
    }
    return most;
}

int charsmap_init(charsmap *m, const char *data, size_t n, const char *where, err *e)
{
    uint32_t size;
    *m = (charsmap){0};
    if (n < 4) return fail(e, E_FORMAT, "%s: the character map has %zu bytes, too few", where, n);
    memcpy(&size, data, 4);
    if (size % 4 || size > n - 4 || !size)
        return fail(e, E_FORMAT, "%s: the character map's trie of %u bytes does not fit in %zu", where, size, n);
    const char *results = data + 4 + size;
    if (utf8_valid(results, n - 4 - size) != n - 4 - size)
        return fail(e, E_FORMAT, "%s: the character map's results are not UTF-8; fetch it again", where);
    if (longest_of(results, n - 4 - size) > CHARSMAP_LONGEST)
        return fail(e, E_FORMAT, "%s: the character map makes more than %d bytes of a key", where,
                    CHARSMAP_LONGEST);
    m->units = size / 4;
    m->results = n - 4 - size + 1;
    m->unit = xmalloc(size);
    memcpy(m->unit, data + 4, size);
    m->result = xcalloc(m->results, 1);
    memcpy(m->result, results, m->results - 1);
    return OK;
}

void charsmap_free(charsmap *m)
{
    free(m->unit);
    free(m->result);
    *m = (charsmap){0};
}

static size_t offset_of(uint32_t unit) { return (size_t)(unit >> 10) << ((unit & 0x200) >> 6); }

/* One step along c: the unit's number is *at before and after; false when no key goes there. */
static bool step(const charsmap *m, size_t *at, unsigned char c)
{
    size_t to = *at ^ c;
    if (!c || to >= m->units || (m->unit[to] & 0x800000ffu) != c) return false;
    *at = to ^ offset_of(m->unit[to]);
    return true;
}

static bool inside_character(char c) { return ((unsigned char)c & 0xc0) == 0x80; }

enum which { SHORTEST, LONGEST };

static size_t find(const charsmap *m, const char *s, size_t n, enum which which, const char **result)
{
    size_t found = 0, at = offset_of(m->unit[0]);
    for (size_t i = 0; i < n && i < CHARSMAP_LONGEST; i++) {
        size_t unit = at ^ (unsigned char)s[i];
        if (!step(m, &at, (unsigned char)s[i])) break;
        if (!(m->unit[unit] & 0x100) || at >= m->units) continue;
        size_t value = m->unit[at] & 0x7fffffffu;
        if (value >= m->results || inside_character(m->result[value])) continue;
        if (i + 1 < n && inside_character(s[i + 1])) continue;
        *result = m->result + value;
        found = i + 1;
        if (which == SHORTEST) break;
    }
    return found;
}

size_t charsmap_longest(const charsmap *m, const char *s, size_t n, const char **result)
{
    return find(m, s, n, LONGEST, result);
}

void charsmap_clusters(const charsmap *m, const char *s, size_t n, str *out)
{
    const char *result;
    for (size_t i = 0; i < n;) {
        size_t cluster = unicode_cluster(s + i, n - i), end = i + cluster;
        if (cluster < 6 && find(m, s + i, cluster, SHORTEST, &result)) {
            str_puts(out, result);
            i = end;
        }
        while (i < end) {
            size_t length = (size_t)utf8_length(s[i]);
            if (find(m, s + i, length, SHORTEST, &result))
                str_puts(out, result);
            else
                str_add(out, s + i, length);
            i += length;
        }
    }
}
