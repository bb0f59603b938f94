/* tokenizer_tiktoken.c -- a tiktoken file: a line a token, its bytes in base64 and its rank, which is its id.
 *
 * A pair merges when what it spells is a token, the one of least rank first; a word that is a token is that
 * token. How text is cut and which special tokens there are is in the program of each model, not in the file;
 * the file's name tells which one. */
#include "text/tokenizer_folder.h"

#include "base/base64.h"
#include "text/unicode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define GPT2 "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define CL100K ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES
#define QWEN ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES
#define O200K                                                                                                \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]*[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]+" ENDINGS "?|" \
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]+[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]*" ENDINGS "?|" \
    "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACES

typedef struct special {
    const char *text;
    int32_t id, upto; /* upto > id: a family, text holding a %d that counts from `from` */
    int from;
} special;

static const struct form {
    const char *name, *pattern;
    int64_t tokens; /* with this many come these special tokens */
    special special[12];
} forms[] = {
    {"tokenizer.model",
     CL100K,
     128000,
     {{"<|begin_of_text|>", 128000, 0, 0},
      {"<|end_of_text|>", 128001, 0, 0},
      {"<|reserved_special_token_%d|>", 128002, 128006, 0},
      {"<|start_header_id|>", 128006, 0, 0},
      {"<|end_header_id|>", 128007, 0, 0},
      {"<|reserved_special_token_%d|>", 128008, 128009, 4},
      {"<|eot_id|>", 128009, 0, 0},
      {"<|reserved_special_token_%d|>", 128010, 128256, 5}}},
    {"cl100k_base.tiktoken",
     CL100K,
     100256,
     {{"<|endoftext|>", 100257, 0, 0},
      {"<|fim_prefix|>", 100258, 0, 0},
      {"<|fim_middle|>", 100259, 0, 0},
      {"<|fim_suffix|>", 100260, 0, 0},
      {"<|endofprompt|>", 100276, 0, 0}}},
    {"o200k_base.tiktoken", O200K, 199998, {{"<|endoftext|>", 199999, 0, 0}, {"<|endofprompt|>", 200018, 0,
                                                                              0}}},
    {"r50k_base.tiktoken", GPT2, 50256, {{"<|endoftext|>", 50256, 0, 0}}},
    {"p50k_base.tiktoken", GPT2, 50280, {{"<|endoftext|>", 50256, 0, 0}}},
    {"qwen.tiktoken",
     QWEN,
     151643,
     {{"<|endoftext|>", 151643, 0, 0},
      {"<|im_start|>", 151644, 0, 0},
      {"<|im_end|>", 151645, 0, 0},
      {"<|extra_%d|>", 151646, 151851, 0}}},
};

enum { LONGEST_TOKEN = 4096 }; /* finding a token's cuts takes its length squared; known ones have 128 bytes */

typedef struct token_line {
    size_t start, n; /* in the bytes of all */
    int64_t rank;
} token_line;

typedef struct token_file {
    str bytes;
    token_line *line;
    int64_t lines, top; /* top: one more than the greatest rank */
} token_file;

/* -1: no number, or one past all vocabularies. */
static int64_t read_rank(const char *p, const char *end)
{
    int64_t rank = p < end ? 0 : -1;
    for (; p < end && rank >= 0; p++) {
        rank = *p >= '0' && *p <= '9' ? 10 * rank + *p - '0' : -1;
        if (rank >= INT32_MAX / 4) rank = -1;
    }
    return rank;
}

static int read_line(token_file *f, const char *p, const char *end, const char *where, err *e)
{
    const char *space = memchr(p, ' ', (size_t)(end - p));
    token_line l = {.start = f->bytes.n, .rank = -1};
    if (space) l.rank = read_rank(space + 1, end);
    bool good = l.rank >= 0 && base64_decode(&f->bytes, p, (size_t)(space - p)) && f->bytes.n > l.start;
    l.n = f->bytes.n - l.start;
    if (!good || l.n > LONGEST_TOKEN)
        return fail(e, E_FORMAT,
                    "%s:%lld: a line has to be a token's bytes (at most %d) in base64 and its rank", where,
                    (long long)f->lines + 1, LONGEST_TOKEN);
    if ((f->lines & (f->lines - 1)) == 0)
        f->line = xrealloc(f->line, (size_t)(f->lines ? 2 * f->lines : 1) * sizeof *f->line);
    f->line[f->lines++] = l;
    if (l.rank >= f->top) f->top = l.rank + 1;
    return OK;
}

static int read_lines(token_file *f, const char *data, size_t n, const char *where, err *e)
{
    const char *p = data, *stop = data + n;
    for (const char *end; p < stop; p = end + 1) {
        end = memchr(p, '\n', (size_t)(stop - p));
        if (!end) end = stop;
        const char *last = end > p && end[-1] == '\r' ? end - 1 : end;
        int code = last > p ? read_line(f, p, last, where, e) : OK;
        if (code != OK) return code;
    }
    if (f->lines < 256 || f->top > 4 * f->lines + 65536)
        return fail(e, E_FORMAT, "%s: %lld tokens with ranks up to %lld are no vocabulary", where,
                    (long long)f->lines, (long long)f->top);
    return OK;
}

/* The ways to cut a token into two tokens; adds each as a merge when there is room for merges. */
static size_t cuts(bpe *b, int32_t id)
{
    size_t n = 0;
    span word = b->key[id];
    for (size_t i = 1; i < word.n; i++) {
        int32_t left = spanmap_get(&b->words, b->key, word.p, i);
        int32_t right = left < 0 ? -1 : spanmap_get(&b->words, b->key, word.p + i, word.n - i);
        if (right < 0) continue;
        n++;
        if (b->pair) bpe_add_merge(b, left, right, (uint32_t)id, id);
    }
    return n;
}

static int put_tokens(tokenizer *t, const token_file *f, int64_t size, const char *where, err *e)
{
    str letters = {0};
    int code = OK;
    vocab_init(&t->v, size, BYTE_ALPHABET);
    bpe_init(&t->b, &t->v, SYMBOL_BYTES, 0);
    t->b.ignore_merges = true;
    for (int64_t i = 0; code == OK && i < f->lines; i++) {
        const token_line *l = &f->line[i];
        int32_t id = (int32_t)l->rank;
        str_clear(&letters);
        for (size_t k = 0; k < l->n; k++) utf8_put(&letters,
                                                   letter_of_byte((unsigned char)f->bytes.p[l->start + k]));
        bool free_id = !t->v.spelled[id].p;
        if (free_id) vocab_set(&t->v, id, letters.p, letters.n, TOKEN_WORD);
        if (!free_id || vocab_index(&t->v, id) >= 0)
            code = fail(e, E_FORMAT, "%s: rank %d or its token is there twice", where, id);
        else
            bpe_add_word(&t->b, id, t->v.bytes[id]);
    }
    str_free(&letters);
    if (code != OK) return code;
    tokenizer_index_bytes(t);
    for (int i = 0; i < 256; i++)
        if (t->b.byte_id[i] < 0) return fail(e, E_FORMAT, "%s: there is no token for the byte %d", where, i);
    size_t merges = 0;
    for (int64_t i = 0; i < f->lines; i++) merges += cuts(&t->b, (int32_t)f->line[i].rank);
    bpe_reserve(&t->b, merges);
    for (int64_t i = 0; i < f->lines; i++) cuts(&t->b, (int32_t)f->line[i].rank);
    return OK;
}

static int put_specials(tokenizer *t, const struct form *form, const char *where, err *e)
{
    for (const special *s = form->special; s->text; s++) {
        for (int32_t id = s->id; id == s->id || id < s->upto; id++) {
            char text[64];
            if (t->v.spelled[id].p)
                return fail(e, E_FORMAT, "%s: rank %d is that of a special token", where, id);
            snprintf(text, sizeof text, s->text, s->from + (int)(id - s->id));
            vocab_set(&t->v, id, text, strlen(text), TOKEN_ADDED | TOKEN_SPECIAL);
            vocab_index(&t->v, id);
            added_add(&t->raw, text, strlen(text), id, ADDED_SPECIAL);
        }
    }
    return OK;
}

static int build(tokenizer *t, const token_file *f, const struct form *form, const char *where, err *e)
{
    int64_t size = f->top;
    bool known = f->lines == form->tokens;
    for (const special *s = form->special; known && s->text; s++) {
        if (s->id >= size) size = s->id + 1;
        if (s->upto > size) size = s->upto;
    }
    int code = put_tokens(t, f, size, where, e);
    if (code == OK && known) code = put_specials(t, form, where, e);
    if (code != OK) return code;
    t->bos = vocab_find(&t->v, "<|begin_of_text|>", 17);
    t->eos = vocab_find(&t->v, t->bos >= 0 ? "<|end_of_text|>" : "<|endoftext|>", t->bos >= 0 ? 15 : 13);
    t->add_bos = t->bos >= 0;
    return splitter_add(&t->split, form->pattern, strlen(form->pattern), SPLIT_KEEP, SPLIT_MATCHES, where, e);
}

const char *const *tiktoken_names(void)
{
    static const char *const names[] = {"cl100k_base.tiktoken", "o200k_base.tiktoken", "r50k_base.tiktoken",
                                        "p50k_base.tiktoken", "qwen.tiktoken", NULL};
    return names;
}

int tokenizer_from_tiktoken(tokenizer **out, const char *data, size_t n, const char *name, const char *where,
                            err *e)
{
    const struct form *form = forms, *end = forms + sizeof forms / sizeof *forms;
    while (form < end && strcmp(form->name, name)) form++;
    if (form == end)
        return fail(e, E_UNSUPPORTED,
                    "%s: how \"%s\" cuts text is not known; known are tokenizer.model (Llama 3), "
                                      "cl100k_base, o200k_base, p50k_base, r50k_base and qwen.tiktoken",
                                          where, name);
    token_file f = {0};
    tokenizer *t = tokenizer_new();
    int code = read_lines(&f, data, n, where, e);
    if (code == OK) code = build(t, &f, form, where, e);
    str_free(&f.bytes);
    free(f.line);
    if (code != OK) {
        tokenizer_close(t);
        return code;
    }
    tokenizer_finish(t, "tiktoken");
    *out = t;
    return OK;
}
