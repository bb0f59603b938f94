/* tokenizer_json_norm.c -- the normalizer of a tokenizer.json: a part, or a Sequence of them.
 *
 * NFC, NFD, NFKC, NFKD, Lowercase, StripAccents, Strip, Prepend, Replace (a text or a regular expression),
 * Nmt, BertNormalizer, Precompiled, and, last of all, ByteLevel. */
#include "text/tokenizer_json.h"

#include "base/base64.h"

#include <string.h>

/* Texts of the document, which goes, are kept on the tokenizer's arena. */
static span keep(place p, span s)
{
    return s.p ? (span){arena_strndup(&p.t->mem, s.p, s.n), s.n} : s;
}

/* What is put into a text, once or for each match. */
static span put_in(place p, const json_t *o, const char *key)
{
    enum { MOST = 255 };
    span s = text_in(p, o, key);
    if (s.n > MOST) place_refuse(place_in(p, key), "a text of more than 255 bytes");
    return keep(p, s);
}

static int add(place p, norm_step step)
{
    if (p.e->code == OK && normalizer_add(&p.t->norm, step)) return OK;
    regex_free(step.pattern);
    return p.e->code != OK ? p.e->code : place_refuse(p, "a normalizer of more than 16 steps");
}

static int read_replace(place p, const json_t *o)
{
    place at = place_in(p, "pattern");
    const json_t *from = json_object_get(o, "pattern");
    norm_step step = {.what = NORM_REPLACE, .to = put_in(p, o, "content")};
    if (only_keys(p, o, "type pattern content") != OK) return p.e->code;
    if (json_object_get(from, "Regex")) {
        step.from = keep(p, text_in(at, from, "Regex"));
        if (p.e->code != OK) return p.e->code;
        step.pattern = regex_new(step.from.p, step.from.n, place_text(at), p.e);
    } else {
        step.from = keep(p, text_in(at, from, "String"));
        if (step.from.p && !step.from.n) return place_wrong(at, "a text that is not empty");
    }
    return add(p, step);
}

static int read_bert(place p, const json_t *o)
{
    bool lower = flag_in(p, o, "lowercase", true);
    unsigned flags = (flag_in(p, o, "clean_text", true) ? BERT_CLEAN : 0) |
                     (flag_in(p, o, "handle_chinese_chars", true) ? BERT_IDEOGRAPHS : 0) |
                     (flag_in(p, o, "strip_accents", lower) ? BERT_ACCENTS : 0) | (lower ? BERT_LOWER : 0);
    int code = only_keys(p, o, "type clean_text handle_chinese_chars strip_accents lowercase");
    return code != OK ? code : add(p, (norm_step){.what = NORM_BERT, .flags = flags});
}

static int read_precompiled(place p, const json_t *o)
{
    place at = place_in(p, "precompiled_charsmap");
    span text = text_in(p, o, "precompiled_charsmap");
    if (p.e->code != OK || only_keys(p, o, "type precompiled_charsmap") != OK) return p.e->code;
    if (!text.n) return OK; /* an empty map changes nothing */
    if (p.t->map.unit) return place_refuse(at, "a second character map");
    str data = {0};
    int code = base64_decode(&data, text.p, text.n) ? OK : place_wrong(at, "base64");
    if (code == OK) code = charsmap_init(&p.t->map, str_c(&data), data.n, place_text(at), p.e);
    str_free(&data);
    return code != OK ? code : add(p, (norm_step){.what = NORM_CHARSMAP, .map = &p.t->map});
}

static int normalizer_part(place p, const json_t *o, void *arg)
{
    static const struct plain {
        const char *type;
        norm_what what;
    } plain[] = {{"NFC", NORM_NFC},         {"NFD", NORM_NFD},          {"NFKC", NORM_NFKC},
                 {"NFKD", NORM_NFKD},       {"Lowercase", NORM_LOWER},  {"StripAccents", NORM_ACCENTS},
                 {"Nmt", NORM_NMT},        {"ByteLevel", NORM_LETTERS}};
    (void)arg;
    const char *type = type_of(p, o);
    if (p.t->letters) return place_refuse(p, "a part behind ByteLevel");
    p.t->letters = !strcmp(type, "ByteLevel");
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(type, plain[i].type))
            return only_keys(p, o, "type") == OK ? add(p, (norm_step){.what = plain[i].what}) : p.e->code;
    if (!strcmp(type, "Replace")) return read_replace(p, o);
    if (!strcmp(type, "BertNormalizer")) return read_bert(p, o);
    if (!strcmp(type, "Precompiled")) return read_precompiled(p, o);
    if (!strcmp(type, "Prepend")) {
        span before = put_in(p, o, "prepend");
        int code = only_keys(p, o, "type prepend");
        return code != OK ? code : add(p, (norm_step){.what = NORM_PREPEND, .to = before});
    }
    if (strcmp(type, "Strip")) return place_refuse(place_in(p, "type"), type);
    unsigned flags = (flag_in(p, o, "strip_left", true) ? STRIP_LEFT : 0) |
                     (flag_in(p, o, "strip_right", true) ? STRIP_RIGHT : 0);
    int code = only_keys(p, o, "type strip_left strip_right");
    return code != OK ? code : add(p, (norm_step){.what = NORM_STRIP, .flags = flags});
}

int read_normalizer(place p, const json_t *o)
{
    return o && !json_is_null(o) ? each_part(p, o, "normalizers", normalizer_part, NULL) : OK;
}
