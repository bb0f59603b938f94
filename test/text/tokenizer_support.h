/* tokenizer_support.h -- for the tests of tokenizers: the recorded strings and what the reference
 * implementations make of them, and vocabularies made here.
 *
 * cases.txt: a line "TIMES \t TEXT", the text to be repeated so often. NAME.ids: for each 16 bits, FNV-1a
 * over the ids as 32-bit little endian and the text they decode to, its halves xored. See
 * test/golden/tokenizer_cases.py
 * and tokenizer_ids.py. */
#ifndef TOKENIZER_SUPPORT_H
#define TOKENIZER_SUPPORT_H

#include "base/arena.h"
#include "base/file.h"
#include "base/json.h"
#include "text/tokenizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* after setjmp.h; and it takes the name fail */

#define DATA "test/data/tokenizer/"

static inline void read_all(str *out, const char *path)
{
    err e = {0};
    if (file_read(out, path, (size_t)64 << 20, &e) != OK) fail_msg("%s", e.msg);
}

static inline int hex(char c) { return c <= '9' ? c - '0' : c - 'a' + 10; }

/* The text of a line of cases.txt; returns the start of the next line. */
static inline const char *read_case(const char *line, str *text)
{
    char *tab;
    long times = strtol(line, &tab, 10);
    const char *end = strchr(tab, '\n');
    str one = {0};
    for (const char *p = tab + 1; p < end; p++) {
        if (*p != '\\')
            str_putc(&one, *p);
        else if (*++p == 'n')
            str_putc(&one, '\n');
        else if (*p == 'r')
            str_putc(&one, '\r');
        else if (*p == 't')
            str_putc(&one, '\t');
        else if (*p == '\\')
            str_putc(&one, '\\');
        else
            str_putc(&one, (char)(hex(p[1]) * 16 + hex(p[2]))), p += 2;
    }
    str_clear(text);
    for (long i = 0; i < times; i++) str_add(text, str_c(&one), one.n);
    str_free(&one);
    return end + 1;
}

static inline uint32_t fnv(uint32_t h, const void *data, size_t n)
{
    for (size_t i = 0; i < n; i++) h = (h ^ ((const uint8_t *)data)[i]) * 0x01000193u;
    return h;
}

static inline uint16_t halves(uint32_t h) { return (uint16_t)(h ^ h >> 16); }

static inline void show_case(const char *name, int line, const str *text, const token_vec *ids,
                             const str *back)
{
    print_error("%s: string %d \"%.200s\" (%zu bytes):", name, line, str_c(text), text->n);
    for (size_t i = 0; i < ids->n && i < 40; i++) print_error(" %d", ids->p[i]);
    print_error(" -> \"%.200s\"\n", str_c(back));
}

enum compared { IDS_AND_TEXT, IDS_ONLY };

/* All strings through t; fails when any differs from NAME.ids. Returns how many there were. */
static inline int compare_all(const tokenizer *t, const char *name, tokenize_how how, enum compared what)
{
    str cases = {0}, wanted = {0}, text = {0}, back = {0};
    char path[256];
    snprintf(path, sizeof path, DATA "%s.ids", name);
    read_all(&cases, DATA "cases.txt");
    read_all(&wanted, path);
    int lines = 0, bad = 0;
    token_vec ids = {0};
    for (const char *p = cases.p, *w = wanted.p; *p; w += 2, lines++) {
        err e = {0};
        p = read_case(p, &text);
        ids.n = 0;
        str_clear(&back);
        if (tokenizer_encode(t, str_c(&text), text.n, how, &ids, &e) != OK) fail_msg("%s: %s", name, e.msg);
        if (tokenizer_decode(t, ids.p, ids.n, DECODE_ALL, &back, &e) != OK) fail_msg("%s: %s", name, e.msg);
        if (what == IDS_ONLY) str_clear(&back);
        uint16_t h = halves(fnv(fnv(0x811c9dc5u, ids.p, ids.n * 4), str_c(&back), back.n));
        assert_true((size_t)(w - wanted.p) + 2 <= wanted.n);
        if (memcmp(w, &h, 2) && bad++ < 5) show_case(name, lines + 1, &text, &ids, &back);
    }
    if (bad) fail_msg("%s: %d of %d strings differ", name, bad, lines);
    token_vec_free(&ids);
    str_free(&cases);
    str_free(&wanted);
    str_free(&text);
    str_free(&back);
    return lines;
}

static inline json_t *read_doc(const char *path)
{
    err e = {0};
    json_t *doc = json_parse_file(path, &e);
    if (!doc) fail_msg("%s", e.msg);
    return doc;
}

static inline json_t *tiny_doc(void) { return read_doc(DATA "tiny.json"); }

/* ---- GGUF files made in memory ---- */

typedef struct gguf_text_file {
    str keys;
    uint64_t count;
} gguf_text_file;

static inline void put_u32(str *s, uint32_t v) { str_add(s, (char *)&v, 4); }
static inline void put_u64(str *s, uint64_t v) { str_add(s, (char *)&v, 8); }
static inline void put_text(str *s, const char *p, size_t n)
{
    put_u64(s, n);
    str_add(s, p, n);
}

static inline void put_key(gguf_text_file *f, const char *key, uint32_t type)
{
    char name[100];
    snprintf(name, sizeof name, "tokenizer.ggml.%s", key);
    put_text(&f->keys, name, strlen(name));
    put_u32(&f->keys, type);
    f->count++;
}

static inline void put_key_text(gguf_text_file *f, const char *key, const char *value)
{
    put_key(f, key, GGUF_STRING);
    put_text(&f->keys, value, strlen(value));
}

static inline void put_key_u32(gguf_text_file *f, const char *key, uint32_t value)
{
    put_key(f, key, GGUF_U32);
    put_u32(&f->keys, value);
}

static inline void put_key_array(gguf_text_file *f, const char *key, uint32_t type, uint64_t n)
{
    put_key(f, key, GGUF_ARRAY);
    put_u32(&f->keys, type);
    put_u64(&f->keys, n);
}

/* A list of n texts, each "...\0". */
static inline void put_key_texts(gguf_text_file *f, const char *key, const char *const *texts, size_t n)
{
    put_key_array(f, key, GGUF_STRING, n);
    for (size_t i = 0; i < n; i++) put_text(&f->keys, texts[i], strlen(texts[i]));
}

/* Reads the tokenizer of a file with these keys, and frees them. */
static inline int open_made(tokenizer **t, gguf_text_file *f, err *e)
{
    str file = {0};
    str_puts(&file, "GGUF");
    put_u32(&file, 3);
    put_u64(&file, 0);
    put_u64(&file, f->count);
    str_add(&file, str_c(&f->keys), f->keys.n);
    while (file.n % 32) str_putc(&file, 0);
    gguf *g = NULL;
    int code = gguf_parse(&g, (uint8_t *)file.p, file.n, "made.gguf", e);
    if (code == OK) code = tokenizer_from_gguf(t, g, e);
    gguf_close(g);
    str_free(&file);
    str_free(&f->keys);
    *f = (gguf_text_file){0};
    return code;
}

/* The vocabulary of a tokenizer.json, ids in a row, as a GGUF file of model gpt2. */
static inline void put_byte_level(gguf_text_file *f, json_t *doc, const char *pre)
{
    json_t *model = json_object_get(doc, "model"), *item;
    enum { MOST = 2100 };
    const char *tokens[MOST] = {0}, *key;
    size_t n = 0, i;
    json_object_foreach(json_object_get(model, "vocab"), key, item)
    {
        tokens[json_integer_value(item)] = key;
        n++;
    }
    size_t normal = n;
    json_array_foreach(json_object_get(doc, "added_tokens"), i, item)
    {
        tokens[n++] = json_string_value(json_object_get(item, "content"));
    }
    put_key_text(f, "model", "gpt2");
    if (pre) put_key_text(f, "pre", pre);
    put_key_texts(f, "tokens", tokens, n);
    put_key_array(f, "token_type", GGUF_I32, n);
    for (i = 0; i < n; i++) put_u32(&f->keys, i < normal ? 1 : 3);
    json_t *merges = json_object_get(model, "merges");
    put_key_array(f, "merges", GGUF_STRING, json_array_size(merges));
    json_array_foreach(merges, i, item) put_text(&f->keys, json_string_value(item), json_string_length(item));
    json_decref(doc);
}

static inline void put_tiny(gguf_text_file *f, const char *pre) { put_byte_level(f, tiny_doc(), pre); }

#endif
