/* bytes.h -- a tokenizer for tests whose ids are the bytes of the text; 256 is <s>, 257 is </s>. */
#ifndef TEST_TEXT_BYTES_H
#define TEST_TEXT_BYTES_H

#include "base/arena.h"
#include "scratch.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>

enum { BYTES_BOS = 256, BYTES_EOS = 257 };

/* The byte alphabet of GPT-2: bytes that print stand for themselves, the others for U+0100 and on. */
static inline void bytes_letter(str *out, int byte, int *extra)
{
    bool prints = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    int c = prints ? byte : 0x100 + (*extra)++;
    if (c == '"' || c == '\\') str_putc(out, '\\');
    if (c < 0x80)
        str_putc(out, (char)c);
    else
        str_fmt(out, "%c%c", 0xc0 | c >> 6, 0x80 | (c & 0x3f));
}

static inline void bytes_json(str *out)
{
    str_puts(out, "{\"added_tokens\":[{\"id\":256,\"content\":\"<s>\",\"special\":true},"
                  "{\"id\":257,\"content\":\"</s>\",\"special\":true}],"
                  "\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":false},"
                  "\"decoder\":{\"type\":\"ByteLevel\"},"
                  "\"model\":{\"type\":\"BPE\",\"merges\":[],\"vocab\":{");
    for (int byte = 0, extra = 0; byte < 256; byte++) {
        str_puts(out, byte ? ",\"" : "\"");
        bytes_letter(out, byte, &extra);
        str_fmt(out, "\":%d", byte);
    }
    str_puts(out, "}}}");
}

/* config is the tokenizer_config.json, as {"bos_token": "<s>", "add_bos_token": true}. */
static inline tokenizer *bytes_tokenizer(const char *config)
{
    char *folder = scratch_new();
    err e = {0};
    arena mem = {0};
    str json = {0};
    tokenizer *t = NULL;
    bytes_json(&json);
    file_write(arena_fmt(&mem, "%s/tokenizer.json", folder), json.p, json.n, &e);
    file_write(arena_fmt(&mem, "%s/tokenizer_config.json", folder), config, strlen(config), &e);
    if (e.code == OK) tokenizer_from_folder(&t, folder, &e);
    if (e.code != OK) BUG("%s", e.msg);
    scratch_free(folder);
    str_free(&json);
    arena_free(&mem);
    return t;
}

#endif
