/* tokenizer_gguf_pre.c -- the key tokenizer.ggml.pre: how the text of a byte-level BPE is cut into words.
 *
 * The patterns are those of the models' own tokenizer.json; those of "default" are llama.cpp's, which uses
 * them for files that name no `pre`, too. */
#include "text/tokenizer_gguf.h"

#include "text/unicode_class.h"

#include <string.h>

#define ENDINGS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define CONTRACTIONS ENDINGS "|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define SPACES "|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define MARKS_AND_SPACES "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" SPACES
#define GPT2_WORDS "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
#define QWEN2_WORDS CONTRACTIONS "\\p{N}" MARKS_AND_SPACES
#define LLAMA3_WORDS CONTRACTIONS "\\p{N}{1,3}" MARKS_AND_SPACES
#define UPPER "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define TEKKEN_WORDS                                                                                         \
    UPPER "*" LOWER "+|" UPPER "+" LOWER "*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACES
#define GPT4O_WORDS                                                                                          \
    UPPER "*" LOWER "+" ENDINGS "?|" UPPER "+" LOWER "*" ENDINGS \
          "?|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*" SPACES

/* Between patterns: runs of punctuation and of digits, and bytes written as letters. */
static const char punctuation[] = "punctuation", digits[] = "digits", letters[] = "letters";

static const struct pre {
    const char *names; /* with a space behind each */
    gguf_splitting s;
    const char *step[6];
} pres[] = {
    {"gpt-2 phi-2 jina-es jina-de jina-v2-es jina-v2-de ", {"byte-level BPE (gpt-2)", 0, 0, 0}, {GPT2_WORDS}},
    {"roberta-bpe jina-v1-en jina-v2-code ", {"byte-level BPE (roberta-bpe)", 0, 0, 1}, {GPT2_WORDS}},
    {"olmo mpt gpt-neox ", {"byte-level BPE (gpt-neox)", 0, 0, 0}, {GPT2_WORDS}},
    {"smollm starcoder refact command-r codeshell exaone ",
     {"byte-level BPE (smollm)", 0, 0, 0},
     {"\\p{N}", GPT2_WORDS}},
    {"qwen2 stablelm2 deepseek-r1-qwen ", {"byte-level BPE (qwen2)", 0, 0, 0}, {QWEN2_WORDS}},
    {"llama-bpe llama3 llama-v3 falcon3 pixtral ", {"byte-level BPE (llama-bpe)", 1, 1, 0}, {LLAMA3_WORDS}},
    {"dbrx smaug-bpe ", {"byte-level BPE (dbrx)", 0, 0, 0}, {LLAMA3_WORDS}},
    {"tekken ", {"byte-level BPE (tekken)", 1, 1, 0}, {TEKKEN_WORDS}},
    {"gpt-4o llama4 ", {"byte-level BPE (gpt-4o)", 0, 0, 0}, {GPT4O_WORDS}},
    {"falcon ",
     {"byte-level BPE (falcon)", 0, 0, 0},
     {punctuation, GPT2_WORDS, letters, digits, "[0-9][0-9][0-9]"}},
    {"default ",
     {"byte-level BPE (default)", 0, 0, 0},
     {"[\\p{P}\\$\\+<=>\\^~\\|]+", GPT2_WORDS, "\\p{N}+", "[0-9][0-9][0-9]"}},
};

const char *gguf_pre_names(size_t row) { return row < sizeof pres / sizeof *pres ? pres[row].names : NULL; }

static bool is_named(const struct pre *p, gguf_text name)
{
    for (const char *s = p->names; *s; s = strchr(s, ' ') + 1)
        if (strcspn(s, " ") == name.n && !memcmp(s, name.p, name.n)) return true;
    return false;
}

int read_pre(reader *r, gguf_splitting *out)
{
    splitter *s = &r->t->split;
    gguf_text name = gguf_string(r->g, KEY "pre", r->e);
    if (!name.p) name = (gguf_text){"default", 7};
    const struct pre *p = pres, *end = pres + sizeof pres / sizeof *pres;
    while (p < end && !is_named(p, name)) p++;
    if (p == end)
        return fail(r->e, E_UNSUPPORTED, "%s: %spre: words cut as for \"%.*s\" are not supported",
                    gguf_path(r->g),
                    KEY, (int)(name.n < 40 ? name.n : 40), name.p);
    int code = OK;
    for (int i = 0; code == OK && i < 6 && p->step[i]; i++) {
        const char *step = p->step[i];
        if (step == punctuation)
            code = splitter_add_class(s, unicode_is_punctuation, SPLIT_CONTIGUOUS, KEY "pre", r->e);
        else if (step == digits)
            code = splitter_add_class(s, unicode_is_numeric, SPLIT_CONTIGUOUS, KEY "pre", r->e);
        else if (step == letters)
            code = splitter_add_letters(s, KEY "pre", r->e);
        else
            code = splitter_add(s, step, strlen(step), SPLIT_KEEP, SPLIT_MATCHES, KEY "pre", r->e);
        r->t->letters |= step == letters;
    }
    *out = p->s;
    return code;
}
