/* tokenizer_json_post.c -- the post-processor of a tokenizer.json, which frames texts with special tokens,
 * and its decoder, which says how tokens become text.
 *
 *   post_processor  TemplateProcessing, BertProcessing, RobertaProcessing, ByteLevel (changes offsets alone);
 *                   around one text at most one token before (BOS) and one after (EOS)
 *   decoder         ByteLevel, WordPiece, BPEDecoder, Metaspace, or the ways to write the mark of a space
 *                   (U+2581) and byte tokens as text */
#include "text/tokenizer_json.h"

#include <string.h>

/* ---- post-processor ---- */

static int put_token(place p, frame *f, const json_t *id, int64_t type)
{
    if (!json_is_integer(id) || json_integer_value(id) < 0 || json_integer_value(id) >= p.t->v.size)
        return place_wrong(p, "the id of a token");
    bool fits = frame_add(f, FRAME_TOKEN, (int32_t)json_integer_value(id), (int32_t)type);
    return fits ? OK : place_refuse(p, "a template of more than 16 pieces");
}

static int put_piece(place p, const json_t *item, const json_t *specials, frame *f)
{
    const json_t *special = json_object_get(item, "SpecialToken"), *text = json_object_get(item, "Sequence");
    const json_t *o = special ? special : text, *id;
    if (!json_is_object(o)) return place_refuse(p, "this piece of a template");
    span name = text_in(p, o, "id");
    int64_t type = json_int(o, "type_id", 0, place_text(p), p.e);
    if (p.e->code != OK) return p.e->code;
    if (type < 0 || type > 255) return place_wrong(p, "a piece with a type_id from 0 to 255");
    if (text) {
        bool second = !strcmp(name.p, "B");
        if (!second && strcmp(name.p, "A")) return place_refuse(p, "this piece of a template");
        bool fits = frame_add(f, second ? FRAME_SECOND : FRAME_FIRST, -1, (int32_t)type);
        return fits ? OK : place_refuse(p, "a template of more than 16 pieces");
    }
    const json_t *ids = json_object_get(json_object_get(specials, name.p), "ids");
    if (!json_array_size(ids)) return place_wrong(p, "a special token with ids");
    size_t i;
    json_array_foreach(ids, i, id)
    {
        if (put_token(p, f, id, type) != OK) return p.e->code;
    }
    return OK;
}

static int read_pieces(place p, const json_t *list, const json_t *specials, frame *f)
{
    if (!json_is_array(list)) return place_wrong(p, "a list");
    size_t i;
    const json_t *item;
    json_array_foreach(list, i, item)
    {
        int code = put_piece(place_at(p, i), item, specials, f);
        if (code != OK) return code;
    }
    return OK;
}

/* What the frame of one text adds are BOS and EOS. */
static int read_ends(place p)
{
    tokenizer *t = p.t;
    bool before = true;
    for (int i = 0; i < t->single.n; i++) {
        const frame_piece *piece = &t->single.piece[i];
        if (piece->what == FRAME_SECOND || (piece->what == FRAME_FIRST && !before))
            return place_refuse(p, "this piece of a template");
        if (piece->what == FRAME_FIRST) {
            before = false;
            continue;
        }
        bool *add = before ? &t->add_bos : &t->add_eos;
        if (*add) return place_refuse(p, "adding more than one token at an end");
        *(before ? &t->bos : &t->eos) = piece->id;
        *add = true;
    }
    return before ? place_refuse(p, "a template without the text") : OK;
}

static int read_template(place p, const json_t *o)
{
    const json_t *specials = json_object_get(o, "special_tokens"), *pair = json_object_get(o, "pair");
    int code = read_pieces(place_in(p, "single"), json_object_get(o, "single"), specials, &p.t->single);
    if (code == OK && json_is_array(pair))
        code = read_pieces(place_in(p, "pair"), pair, specials, &p.t->pair);
    else if (code == OK)
        code = frame_add(&p.t->pair, FRAME_FIRST, -1, 0) && frame_add(&p.t->pair, FRAME_SECOND, -1, 1) ? OK :
            E_FORMAT;
    return code == OK ? read_ends(place_in(p, "single")) : code;
}

/* cls A sep, and with B: sep B sep of type 1 (BERT), or sep sep B sep of type 0 (RoBERTa). */
static int read_cls_sep(place p, const json_t *o, bool roberta)
{
    frame *f[] = {&p.t->single, &p.t->pair};
    const json_t *cls = json_array_get(json_object_get(o, "cls"), 1);
    const json_t *sep = json_array_get(json_object_get(o, "sep"), 1);
    int code = OK;
    for (int i = 0; i < 2 && code == OK; i++) {
        code = put_token(place_in(p, "cls"), f[i], cls, 0);
        frame_add(f[i], FRAME_FIRST, -1, 0);
        for (int k = 0; k <= (i && roberta) && code == OK; k++) code = put_token(place_in(p, "sep"), f[i],
                                                                                 sep, 0);
        if (!i || code != OK) continue;
        frame_add(f[i], FRAME_SECOND, -1, !roberta);
        code = put_token(place_in(p, "sep"), f[i], sep, !roberta);
    }
    return code == OK ? read_ends(p) : code;
}

static int post_part(place p, const json_t *o, void *arg)
{
    (void)arg;
    const char *type = type_of(p, o);
    if (!strcmp(type, "ByteLevel")) return OK;
    if (p.t->single.n) return place_refuse(p, "a second part that adds tokens");
    if (!strcmp(type, "TemplateProcessing")) return read_template(p, o);
    bool roberta = !strcmp(type, "RobertaProcessing");
    if (!roberta && strcmp(type, "BertProcessing")) return place_refuse(place_in(p, "type"), type);
    return read_cls_sep(p, o, roberta);
}

int read_post_processor(place p, const json_t *o)
{
    return o && !json_is_null(o) ? each_part(p, o, "processors", post_part, NULL) : OK;
}

/* ---- decoder ---- */

typedef struct decoder_state {
    bool byte_level, fused;
} decoder_state;

static int read_strip(place p, const json_t *o, bool fused)
{
    span content = text_in(p, o, "content");
    if (!content.p) return p.e->code;
    long long start = json_int(o, "start", 0, place_text(p), p.e),
              stop = json_int(o, "stop", 0, place_text(p), p.e);
    if (strcmp(content.p, " ") || start < 0 || start > 1 || stop || (start && !fused))
        return place_refuse(p, "stripping so");
    p.t->back.strip_space = start == 1;
    return p.e->code;
}

static int read_words(place p, const json_t *o)
{
    span prefix = text_in(p, o, "prefix");
    bool cleanup = flag_in(p, o, "cleanup", true);
    if (p.t->v.how != WORD_PLAIN) return place_refuse(place_in(p, "type"), "WordPiece for another model");
    if (p.e->code != OK || only_keys(p, o, "type prefix cleanup") != OK) return p.e->code;
    p.t->back.prefix = arena_strndup(&p.t->mem, prefix.p, prefix.n);
    p.t->back.cleanup = cleanup;
    return OK;
}

/* The suffix of a word's last token becomes a space, at the end nothing. */
static int read_suffix(place p, const json_t *o)
{
    span suffix = text_in(p, o, "suffix");
    if (p.e->code != OK || only_keys(p, o, "type suffix") != OK) return p.e->code;
    if (!suffix.n || p.t->v.how != WORD_PLAIN) return place_refuse(p, "BPEDecoder for a model without a suffix");
    p.t->back.words = false;
    p.t->back.suffix = (span){arena_strndup(&p.t->mem, suffix.p, suffix.n), suffix.n};
    return OK;
}

static bool is_mark(const tokenizer *t, span s) { return s.n == t->v.mark.n && !memcmp(s.p, t->v.mark.p, s.n); }

static int read_marks(place p, const json_t *o)
{
    span mark = text_in(p, o, "replacement");
    bool prefix = flag_in(p, o, "add_prefix_space", true);
    const char *scheme = json_text(o, "prepend_scheme", prefix ? "always" : "never", place_text(p), p.e);
    if (p.e->code != OK) return p.e->code;
    if (!is_mark(p.t, mark)) return place_refuse(place_in(p, "replacement"), "another mark than in the pieces");
    p.t->back.strip_marks = strcmp(scheme, "never") != 0;
    return OK;
}

/* Most of these do what vocab.c does with every token anyway. */
static int decoder_part(place p, const json_t *o, void *arg)
{
    decoder_state *s = arg;
    const char *type = type_of(p, o);
    if (!strcmp(type, "ByteLevel"))
        return s->byte_level ? OK : place_refuse(p, "ByteLevel in the decoder alone");
    if (s->byte_level) return place_refuse(place_in(p, "type"), type);
    if (!strcmp(type, "WordPiece")) return read_words(p, o);
    if (!strcmp(type, "BPEDecoder")) return read_suffix(p, o);
    bool fuse = !strcmp(type, "Fuse");
    if (p.t->v.how == WORD_PLAIN && !fuse) return place_refuse(place_in(p, "type"), type);
    s->fused |= fuse;
    if (fuse) p.t->back.words = false;
    if (!strcmp(type, "Metaspace")) return read_marks(p, o);
    if (!strcmp(type, "ByteFallback") || !strcmp(type, "Fuse")) return OK;
    if (!strcmp(type, "Replace")) {
        span from = text_in(place_in(p, "pattern"), json_object_get(o, "pattern"), "String");
        span to = text_in(p, o, "content");
        if (!from.p || !to.p) return p.e->code;
        bool usual = is_mark(p.t, from) && !strcmp(to.p, " ");
        return usual ? OK : place_refuse(p, "replacing anything but the mark of a space by one");
    }
    return strcmp(type, "Strip") ? place_refuse(place_in(p, "type"), type) : read_strip(p, o, s->fused);
}

int read_decoder(place p, const json_t *o, bool byte_level)
{
    decoder_state s = {.byte_level = byte_level};
    return o && !json_is_null(o) ? each_part(p, o, "decoders", decoder_part, &s) : OK;
}
