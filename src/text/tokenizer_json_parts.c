/* tokenizer_json_parts.c -- normalizer, pre-tokenizer, post-processor and decoder of a tokenizer.json.
 *
 *   normalizer      NFC; Prepend; Replace of a text; Sequence of them
 *   pre_tokenizer   Split (Isolated, Removed), Digits, ByteLevel last; Sequence of them; Metaspace alone
 *   post_processor  what it adds around a text: at most one token before (BOS) and one after (EOS)
 *   decoder         ByteLevel, or the ways to write U+2581 and byte tokens as text */
#include "text/tokenizer_json.h"

#include <stdio.h>
#include <string.h>

static const char gpt2_words[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

typedef int part_fn(place p, const json_t *o, void *arg);

/* fn over the items of a Sequence's list, or over o itself when it is no Sequence. */
static int each_part(place p, const json_t *o, const char *list, part_fn *fn, void *arg)
{
    const char *type = type_of(p, o);
    if (!type) return p.e->code;
    if (strcmp(type, "Sequence")) return fn(p, o, arg);
    char keys[32];
    snprintf(keys, sizeof keys, "type %s", list);
    int code = only_keys(p, o, keys);
    if (code != OK) return code;
    const json_t *items = json_object_get(o, list), *item;
    place in = place_in(p, list);
    if (!json_is_array(items)) return place_wrong(in, "a list");
    size_t i;
    json_array_foreach(items, i, item)
    {
        place at = place_at(in, i);
        if (!type_of(at, item)) return p.e->code;
        if ((code = fn(at, item, arg)) != OK) return code;
    }
    return OK;
}

static int normalizer_part(place p, const json_t *o, void *arg)
{
    (void)arg;
    const char *type = type_of(p, o);
    norm_step step = {0};
    int code = OK;
    if (!strcmp(type, "NFC")) {
        step.what = NORM_NFC;
        code = only_keys(p, o, "type");
    } else if (!strcmp(type, "Prepend")) {
        step = (norm_step){.what = NORM_PREPEND, .to = text_in(p, o, "prepend")};
        code = only_keys(p, o, "type prepend");
    } else if (!strcmp(type, "Replace")) {
        place pattern = place_in(p, "pattern");
        const json_t *from = json_object_get(o, "pattern");
        if (json_object_get(from, "Regex")) return place_refuse(pattern, "replacing by a regular expression");
        step = (norm_step){NORM_REPLACE, text_in(pattern, from, "String"), text_in(p, o, "content")};
        if (step.from.p && !step.from.n) return place_wrong(pattern, "a text that is not empty");
        code = only_keys(p, o, "type pattern content");
    } else {
        return place_refuse(place_in(p, "type"), type);
    }
    if (code != OK || p.e->code != OK) return p.e->code;
    return tokenizer_add_norm(p.t, step) ? OK : place_refuse(p, "a normalizer of more than 8 steps");
}

int read_normalizer(place p, const json_t *o)
{
    return o && !json_is_null(o) ? each_part(p, o, "normalizers", normalizer_part, NULL) : OK;
}

static int read_split(place p, const json_t *o)
{
    span behavior = text_in(p, o, "behavior");
    bool invert = flag_in(p, o, "invert", false);
    int code = only_keys(p, o, "type pattern behavior invert");
    if (code != OK || p.e->code != OK) return p.e->code;
    split_what what = SPLIT_KEEP;
    if (!strcmp(behavior.p, "Removed"))
        what = invert ? SPLIT_SELECT : SPLIT_DROP;
    else if (strcmp(behavior.p, "Isolated"))
        return place_refuse(place_in(p, "behavior"), behavior.p);
    str pattern = {0};
    place in = place_in(p, "pattern");
    code = pattern_in(in, json_object_get(o, "pattern"), &pattern);
    if (code == OK) code = splitter_add(&p.t->split, str_c(&pattern), pattern.n, what, place_text(in), p.e);
    str_free(&pattern);
    return code;
}

static int read_byte_level(place p, const json_t *o)
{
    bool space = flag_in(p, o, "add_prefix_space", true), words = flag_in(p, o, "use_regex", true);
    flag_in(p, o, "trim_offsets", true);
    int code = only_keys(p, o, "type add_prefix_space trim_offsets use_regex");
    if (code != OK || p.e->code != OK) return p.e->code;
    if (space) code = splitter_add_space(&p.t->split, place_text(p), p.e);
    if (code != OK || !words) return code;
    return splitter_add(&p.t->split, gpt2_words, strlen(gpt2_words), SPLIT_KEEP, place_text(p), p.e);
}

static int read_metaspace(place p, const json_t *o)
{
    span mark = text_in(p, o, "replacement");
    bool before = flag_in(p, o, "add_prefix_space", true);
    const char *scheme = json_text(o, "prepend_scheme", before ? "always" : "never", place_text(p), p.e);
    p.t->mark_cuts = flag_in(p, o, "split", true);
    int code = only_keys(p, o, "type replacement str_rep add_prefix_space prepend_scheme split");
    if (code != OK || p.e->code != OK) return p.e->code;
    if (strcmp(mark.p, WORD_MARK_TEXT))
        return place_refuse(place_in(p, "replacement"), "another mark than U+2581");
    if (!strcmp(scheme, "always"))
        p.t->mark = MARK_ALWAYS;
    else if (!strcmp(scheme, "first"))
        p.t->mark = MARK_FIRST;
    else if (!strcmp(scheme, "never"))
        p.t->mark = MARK_NEVER;
    else
        return place_refuse(place_in(p, "prepend_scheme"), scheme);
    return OK;
}

typedef struct pre_state {
    bool byte_level;
    int parts;
} pre_state;

static int pre_part(place p, const json_t *o, void *arg)
{
    pre_state *s = arg;
    const char *type = type_of(p, o);
    if (s->byte_level) return place_refuse(p, "anything after ByteLevel");
    if (p.t->mark != MARK_OFF || (s->parts && !strcmp(type, "Metaspace")))
        return place_refuse(p, "Metaspace together with others");
    s->parts++;
    if (!strcmp(type, "Split")) return read_split(p, o);
    if (!strcmp(type, "Metaspace")) return read_metaspace(p, o);
    if (!strcmp(type, "ByteLevel")) {
        s->byte_level = true;
        return read_byte_level(p, o);
    }
    if (strcmp(type, "Digits")) return place_refuse(place_in(p, "type"), type);
    const char *digits = flag_in(p, o, "individual_digits", false) ? "\\p{N}" : "\\p{N}+";
    int code = only_keys(p, o, "type individual_digits");
    if (code != OK || p.e->code != OK) return p.e->code;
    return splitter_add(&p.t->split, digits, strlen(digits), SPLIT_KEEP, place_text(p), p.e);
}

int read_pre_tokenizer(place p, const json_t *o, bool *byte_level)
{
    pre_state s = {0};
    int code = o && !json_is_null(o) ? each_part(p, o, "pretokenizers", pre_part, &s) : OK;
    *byte_level = s.byte_level;
    return code;
}

/* A token that is always added: bos when nothing of the text has come yet. */
static int put_around(place p, bool before, const json_t *id)
{
    if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= p.t->v.size)
        return place_wrong(p, "the id of a token");
    int64_t *slot = before ? &p.t->bos : &p.t->eos;
    bool *add = before ? &p.t->add_bos : &p.t->add_eos;
    if (*add) return place_refuse(p, "adding more than one token at an end");
    *slot = json_integer_value(id);
    *add = true;
    return OK;
}

static int read_template(place p, const json_t *o)
{
    const json_t *single = json_object_get(o, "single"), *specials = json_object_get(o, "special_tokens"),
                 *item;
    place in = place_in(p, "single");
    if (!json_is_array(single)) return place_wrong(in, "a list");
    bool before = true;
    size_t i;
    json_array_foreach(single, i, item)
    {
        place at = place_at(in, i);
        const json_t *special = json_object_get(item, "SpecialToken");
        if (!special) {
            if (!json_object_get(item, "Sequence") || !before)
                return place_refuse(at, "this piece of a template");
            before = false;
            continue;
        }
        span name = text_in(at, special, "id");
        if (!name.p) return p.e->code;
        const json_t *ids = json_object_get(json_object_get(specials, name.p), "ids");
        if (json_array_size(ids) != 1) return place_refuse(at, "a special token that is not one id");
        int code = put_around(at, before, json_array_get(ids, 0));
        if (code != OK) return code;
    }
    return before ? place_refuse(in, "a template without the text") : OK;
}

static int post_part(place p, const json_t *o, void *arg)
{
    (void)arg;
    const char *type = type_of(p, o);
    if (!strcmp(type, "ByteLevel")) return OK; /* changes offsets alone */
    if (!strcmp(type, "TemplateProcessing")) return read_template(p, o);
    if (strcmp(type, "RobertaProcessing") && strcmp(type, "BertProcessing"))
        return place_refuse(place_in(p, "type"), type);
    int code = put_around(place_in(p, "cls"), true, json_array_get(json_object_get(o, "cls"), 1));
    if (code != OK) return code;
    return put_around(place_in(p, "sep"), false, json_array_get(json_object_get(o, "sep"), 1));
}

int read_post_processor(place p, const json_t *o)
{
    return o && !json_is_null(o) ? each_part(p, o, "processors", post_part, NULL) : OK;
}

/* Each of these does what vocab.c does with every token anyway; Strip and Metaspace say besides that a
 * text begins with a space that is not its own. */
static int decoder_part(place p, const json_t *o, void *arg)
{
    bool byte_level = *(bool *)arg;
    const char *type = type_of(p, o);
    if (!strcmp(type, "ByteLevel"))
        return byte_level ? OK : place_refuse(p, "ByteLevel in the decoder alone");
    if (byte_level) return place_refuse(place_in(p, "type"), type);
    if (!strcmp(type, "ByteFallback") || !strcmp(type, "Fuse")) return OK;
    if (!strcmp(type, "Metaspace")) {
        p.t->strip_space = p.t->mark != MARK_NEVER;
        return OK;
    }
    if (!strcmp(type, "Replace")) {
        span from = text_in(place_in(p, "pattern"), json_object_get(o, "pattern"), "String");
        span to = text_in(p, o, "content");
        if (!from.p || !to.p) return p.e->code;
        bool usual = !strcmp(from.p, WORD_MARK_TEXT) && !strcmp(to.p, " ");
        return usual ? OK : place_refuse(p, "replacing anything but U+2581 by a space");
    }
    if (strcmp(type, "Strip")) return place_refuse(place_in(p, "type"), type);
    span content = text_in(p, o, "content");
    if (!content.p) return p.e->code;
    long long start = json_int(o, "start", 0, place_text(p), p.e),
              stop = json_int(o, "stop", 0, place_text(p), p.e);
    if (strcmp(content.p, " ") || start < 0 || start > 1 || stop) return place_refuse(p, "stripping so");
    p.t->strip_space = start == 1;
    return p.e->code;
}

int read_decoder(place p, const json_t *o, bool byte_level)
{
    return o && !json_is_null(o) ? each_part(p, o, "decoders", decoder_part, &byte_level) : OK;
}
