/* tokenizer_files.c -- vocab.json with merges.txt (GPT-2, RoBERTa, Qwen2 and their like) and vocab.txt
 * (BERT), made into the tokenizer.json that transformers would convert them to. What the files do not say the
 * tokenizer's class does. */
#include "text/tokenizer_folder.h"

#include "base/file.h"

#include <stdlib.h>
#include <string.h>

#define QWEN2_WORDS                                                                                          \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" \
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

typedef enum scheme { SCHEME_GPT2, SCHEME_ROBERTA, SCHEME_QWEN2, SCHEME_BERT } scheme;

static const struct tokenizer_class {
    const char *name;
    scheme scheme;
} classes[] = {
    {"GPT2Tokenizer", SCHEME_GPT2},       {"CodeGenTokenizer", SCHEME_GPT2}, {"GPTNeoXTokenizer", SCHEME_GPT2},
    {"RobertaTokenizer", SCHEME_ROBERTA}, {"Qwen2Tokenizer", SCHEME_QWEN2},  {"BertTokenizer", SCHEME_BERT},
    {"DistilBertTokenizer", SCHEME_BERT}, {"ElectraTokenizer", SCHEME_BERT}, {"MPNetTokenizer", SCHEME_BERT},
};

static int find_class(const json_t *config, bool words, scheme *out, const char *where, err *e)
{
    const char *name = json_text(config, "tokenizer_class", words ? "BertTokenizer" : NULL, where, e);
    if (e->code != OK) return e->code;
    if (!name)
        return fail(e, E_FORMAT,
                    "%s: no tokenizer_class; vocab.json and merges.txt do not say how text is cut", where);
    size_t n = strlen(name);
    if (n > 4 && !strcmp(name + n - 4, "Fast")) n -= 4;
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        if (strlen(classes[i].name) != n || memcmp(classes[i].name, name, n)) continue;
        *out = classes[i].scheme;
        if ((*out == SCHEME_BERT) == words) return OK;
    }
    return fail(e, E_UNSUPPORTED, "%s: tokenizer_class: %.60s is not supported without a tokenizer.json",
                where, name);
}

static json_t *read_lines(const char *path, bool numbered, err *e)
{
    str text = {0};
    if (file_read(&text, path, (size_t)64 << 20, e) != OK) return NULL;
    json_t *out = numbered ? json_object() : json_array();
    const char *p = str_c(&text), *stop = p + text.n;
    for (size_t line = 0; p < stop && e->code == OK; line++) {
        const char *end = memchr(p, '\n', (size_t)(stop - p));
        if (!end) end = stop;
        size_t n = (size_t)(end - p) - (end > p && end[-1] == '\r');
        json_t *word = json_stringn(p, n);
        bool header = !line && n > 8 && !memcmp(p, "#version", 8);
        if (!word || (numbered && json_object_getn(out, p, n)))
            fail(e, E_FORMAT, "%s:%zu: %s", path, line + 1, word ? "the token is there twice" : "not UTF-8");
        else if (numbered)
            json_object_setn_new(out, p, n, json_integer((json_int_t)line));
        else if (n && !header)
            json_array_append(out, word);
        json_decref(word);
        p = end + 1;
    }
    str_free(&text);
    if (e->code == OK) return out;
    json_decref(out);
    return NULL;
}

/* ---- added tokens ---- */

static void add_token(json_t *list, const char *text, json_int_t id, bool lstrip, bool normalized)
{
    json_array_append_new(list, json_pack("{s:I s:s s:b s:b s:b s:b s:b}", "id", id, "content", text,
                                          "single_word", 0,
                                          "lstrip", lstrip, "rstrip", 0, "normalized", normalized, "special",
                                              1));
}

static bool is_there(const json_t *list, const char *text)
{
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        if (!strcmp(json_string_value(json_object_get(item, "content")), text)) return true;
    }
    return false;
}

/* The tokens that configuration and class name as special, as far as the vocabulary has them. */
static void add_named(json_t *list, const json_t *config, const json_t *words, scheme f)
{
    static const char *const keys[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                       "pad_token", "cls_token", "mask_token"};
    static const char *const usual[][7] = {
        [SCHEME_GPT2] = {"<|endoftext|>", "<|endoftext|>", "<|endoftext|>", NULL, NULL, NULL, NULL},
        [SCHEME_ROBERTA] = {"<s>", "</s>", "<unk>", "</s>", "<pad>", "<s>", "<mask>"},
        [SCHEME_QWEN2] = {NULL, "<|endoftext|>", "<|endoftext|>", NULL, "<|endoftext|>", NULL, NULL},
        [SCHEME_BERT] = {NULL, NULL, "[UNK]", "[SEP]", "[PAD]", "[CLS]", "[MASK]"}};
    for (int i = 0; i < 7; i++) {
        const json_t *o = json_object_get(config, keys[i]);
        const char *text = json_string_value(json_is_object(o) ? json_object_get(o, "content") : o);
        if (!text && !o) text = usual[f][i];
        const json_t *id = text ? json_object_get(words, text) : NULL;
        bool lstrip = json_is_object(o) ? json_is_true(json_object_get(o, "lstrip")) : f == SCHEME_ROBERTA && i == 6;
        if (id && !is_there(list, text)) add_token(list, text, json_integer_value(id), lstrip, f == SCHEME_ROBERTA);
    }
}

static json_t *added_tokens(const json_t *config, const json_t *words, scheme f)
{
    json_t *list = json_array(), *value;
    const char *key;
    json_object_foreach(json_object_get(config, "added_tokens_decoder"), key, value)
    {
        json_t *token = json_copy(value);
        json_object_set_new(token, "id", json_integer(strtoll(key, NULL, 10)));
        json_array_append_new(list, token);
    }
    if (!json_array_size(list)) add_named(list, config, words, f);
    return list;
}

/* ---- documents ---- */

static json_t *cls_sep(const json_t *words, const char *type, const char *cls, const char *sep)
{
    const json_t *c = json_object_get(words, cls), *s = json_object_get(words, sep);
    if (!c || !s) return json_null();
    return json_pack("{s:s s:[s I] s:[s I]}", "type", type, "cls", cls, json_integer_value(c), "sep", sep,
                     json_integer_value(s));
}

static json_t *bert_doc(const char *folder, const json_t *config, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/vocab.txt", folder);
    json_t *words = read_lines(path.p, true, e);
    bool lower = json_flag(config, "do_lower_case", true, path.p, e);
    bool accents = json_flag(config, "strip_accents", lower, path.p, e);
    bool ideographs = json_flag(config, "tokenize_chinese_chars", true, path.p, e);
    str_free(&path);
    if (!words || e->code != OK) {
        json_decref(words);
        return NULL;
    }
    const char *unk = "[UNK]";
    return json_pack("{s:o s:{s:s s:b s:b s:b s:b} s:{s:s} s:o s:{s:s s:s s:b} s:{s:s s:s s:s s:i s:o}}",
                     "added_tokens", added_tokens(config, words, SCHEME_BERT), "normalizer", "type",
                     "BertNormalizer", "clean_text", 1, "handle_chinese_chars", ideographs, "strip_accents", accents,
                     "lowercase", lower, "pre_tokenizer", "type", "BertPreTokenizer", "post_processor",
                     cls_sep(words, "BertProcessing", "[CLS]", "[SEP]"), "decoder", "type", "WordPiece",
                         "prefix",
                     "##", "cleanup", 1, "model", "type", "WordPiece", "unk_token", unk,
                     "continuing_subword_prefix", "##", "max_input_chars_per_word", 100, "vocab", words);
}

static json_t *byte_level(bool space, bool words)
{
    return json_pack("{s:s s:b s:b s:b}", "type", "ByteLevel", "add_prefix_space", space, "trim_offsets", 1,
                     "use_regex", words);
}

static json_t *bpe_doc(const char *folder, const json_t *config, scheme f, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/vocab.json", folder);
    json_t *words = json_parse_file(path.p, e);
    bool space = json_flag(config, "add_prefix_space", false, path.p, e);
    str_clear(&path);
    str_fmt(&path, "%s/merges.txt", folder);
    json_t *merges = words ? read_lines(path.p, false, e) : NULL;
    str_free(&path);
    if (!merges || e->code != OK) {
        json_decref(words);
        json_decref(merges);
        return NULL;
    }
    json_t *pre = byte_level(space, f != SCHEME_QWEN2), *post = byte_level(false, true), *norm = json_null();
    if (f == SCHEME_ROBERTA) {
        json_decref(post);
        post = cls_sep(words, "RobertaProcessing", "<s>", "</s>");
    }
    if (f == SCHEME_QWEN2) {
        norm = json_pack("{s:s}", "type", "NFC");
        pre = json_pack("{s:s s:[{s:s s:{s:s} s:s s:b} o]}", "type", "Sequence", "pretokenizers", "type",
                        "Split",
                        "pattern", "Regex", QWEN2_WORDS, "behavior", "Isolated", "invert", 0, pre);
    }
    return json_pack("{s:o s:o s:o s:o s:{s:s} s:{s:s s:o s:o}}", "added_tokens", added_tokens(config, words,
                                                                                               f),
                     "normalizer", norm, "pre_tokenizer", pre, "post_processor", post, "decoder", "type",
                     "ByteLevel", "model", "type", "BPE", "vocab", words, "merges", merges);
}

json_t *tokenizer_doc_of_files(const char *folder, const json_t *config, err *e)
{
    str path = {0}, where = {0};
    str_fmt(&where, "%s/tokenizer_config.json", folder);
    str_fmt(&path, "%s/vocab.json", folder);
    bool merges = file_exists(path.p);
    str_clear(&path);
    str_fmt(&path, "%s/vocab.txt", folder);
    bool words = !merges && file_exists(path.p);
    scheme f = SCHEME_BERT;
    json_t *doc = NULL;
    if (!merges && !words)
        fail(e, E_IO,
             "%s/tokenizer.json: not there, nor tokenizer.model, spiece.model, spm.model, a .tiktoken file, "
             "vocab.json or vocab.txt; the tokenizer is read from one of them", folder);
    else if (find_class(config, words, &f, where.p, e) == OK)
        doc = words ? bert_doc(folder, config, e) : bpe_doc(folder, config, f, e);
    str_free(&path);
    str_free(&where);
    return doc;
}
