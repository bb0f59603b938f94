/* tokenizer_json_pre.c -- the pre-tokenizer of a tokenizer.json: a part, or a Sequence of them.
 *
 * Split, Digits, Punctuation, Whitespace, WhitespaceSplit, BertPreTokenizer, CharDelimiterSplit, UnicodeScripts,
 * Metaspace, ByteLevel. What comes after ByteLevel sees bytes written as letters. */
#include "text/tokenizer_json.h"

#include "text/unicode.h"
#include "text/unicode_class.h"

#include <string.h>

static const char gpt2_words[] =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static int read_behavior(place p, const json_t *o, const char *otherwise, split_what *what)
{
    static const struct behavior {
        const char *name;
        split_what what;
    } behaviors[] = {{"Isolated", SPLIT_KEEP},
                     {"Removed", SPLIT_DROP},
                     {"MergedWithPrevious", SPLIT_PREVIOUS},
                     {"MergedWithNext", SPLIT_NEXT},
                     {"Contiguous", SPLIT_CONTIGUOUS}};
    const char *name = json_text(o, "behavior", otherwise, place_text(p), p.e);
    if (p.e->code != OK) return p.e->code;
    for (size_t i = 0; i < sizeof behaviors / sizeof *behaviors; i++) {
        if (strcmp(name, behaviors[i].name)) continue;
        *what = behaviors[i].what;
        return OK;
    }
    return place_refuse(place_in(p, "behavior"), name);
}

static int read_split(place p, const json_t *o)
{
    split_what what;
    bool invert = flag_in(p, o, "invert", false);
    if (text_in(p, o, "behavior").p == NULL || read_behavior(p, o, "", &what) != OK) return p.e->code;
    if (only_keys(p, o, "type pattern behavior invert") != OK) return p.e->code;
    str pattern = {0};
    place in = place_in(p, "pattern");
    int code = pattern_in(in, json_object_get(o, "pattern"), &pattern);
    if (code == OK)
        code = splitter_add(&p.t->split, str_c(&pattern), pattern.n, what, invert ? SPLIT_SWAP :
                            SPLIT_MATCHES,
                            place_text(in), p.e);
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
    return splitter_add(&p.t->split, gpt2_words, strlen(gpt2_words), SPLIT_KEEP, SPLIT_MATCHES, place_text(p),
                        p.e);
}

/* A mark before the first piece alone depends on where that began in the text, before anything was taken
 * away. */
static bool keeps_beginnings(const tokenizer *t)
{
    bool keeps = t->split.steps == 0;
    for (int i = 0; i < t->norm.steps; i++) {
        const norm_step *s = &t->norm.step[i];
        keeps = keeps && (s->what <= NORM_LOWER || s->what == NORM_PREPEND || (s->what == NORM_REPLACE &&
                                                                               s->to.n));
    }
    return keeps;
}

static int read_metaspace(place p, const json_t *o)
{
    static const char *const schemes[] = {"never", "first", "always"};
    span mark = text_in(p, o, "replacement");
    bool prefix = flag_in(p, o, "add_prefix_space", true), cuts = flag_in(p, o, "split", true);
    const char *scheme = json_text(o, "prepend_scheme", prefix ? "always" : "never", place_text(p), p.e);
    int code = only_keys(p, o, "type replacement str_rep add_prefix_space prepend_scheme split"), before = 0;
    if (code != OK || p.e->code != OK) return p.e->code;
    if (!mark.n || mark.n != (size_t)utf8_length(mark.p[0]))
        return place_wrong(place_in(p, "replacement"), "one character");
    p.t->back.mark = (span){arena_strndup(&p.t->mem, mark.p, mark.n), mark.n};
    while (before < 3 && strcmp(scheme, schemes[before])) before++;
    if (before == 3) return place_refuse(place_in(p, "prepend_scheme"), scheme);
    if (before == MARK_FIRST && !keeps_beginnings(p.t))
        return place_refuse(place_in(p, "prepend_scheme"),
                            "\"first\" behind parts that may take a beginning away");
    return splitter_add_marks(&p.t->split, p.t->back.mark, (mark_before)before, cuts ? MARK_CUTS : MARK_WHOLE,
                              place_text(p), p.e);
}

/* Parts that cut at single characters. */
static int read_class(place p, const json_t *o, const char *type)
{
    splitter *s = &p.t->split;
    const char *where = place_text(p);
    split_what what = SPLIT_KEEP;
    bool each = flag_in(p, o, "individual_digits", false);
    bool digits = !strcmp(type, "Digits"), punctuation = !strcmp(type, "Punctuation");
    int code = only_keys(p, o, digits ? "type individual_digits" : punctuation ? "type behavior" : "type");
    if (code != OK || p.e->code != OK) return p.e->code;
    if (digits) return splitter_add_class(s, unicode_is_numeric, each ? SPLIT_KEEP : SPLIT_CONTIGUOUS, where,
                                          p.e);
    if (punctuation) {
        code = read_behavior(p, o, "Isolated", &what);
        return code != OK ? code : splitter_add_class(s, unicode_is_punctuation, what, where, p.e);
    }
    code = splitter_add_class(s, unicode_is_space, SPLIT_DROP, where, p.e);
    if (code != OK || !strcmp(type, "WhitespaceSplit")) return code;
    if (!strcmp(type, "Whitespace")) return splitter_add_class(s, unicode_is_word, SPLIT_CONTIGUOUS, where,
                                                               p.e);
    return splitter_add_class(s, unicode_is_punctuation, SPLIT_KEEP, where, p.e);
}

static int read_delimiter(place p, const json_t *o)
{
    str pattern = {0};
    span delimiter = text_in(p, o, "delimiter");
    if (!delimiter.n || only_keys(p, o, "type delimiter") != OK) return place_wrong(p,
                                                                                    "one with a delimiter");
    pattern_quote(delimiter.p, delimiter.n, &pattern);
    int code = splitter_add(&p.t->split, pattern.p, pattern.n, SPLIT_DROP, SPLIT_MATCHES, place_text(p), p.e);
    str_free(&pattern);
    return code;
}

typedef struct pre_state {
    bool byte_level, marks;
} pre_state;

static bool is_listed(const char *type, const char *const *list)
{
    while (*list && strcmp(*list, type)) list++;
    return *list != NULL;
}

static int pre_part(place p, const json_t *o, void *arg)
{
    static const char *const classes[] = {"Digits", "Punctuation", "Whitespace", "WhitespaceSplit",
                                          "BertPreTokenizer", NULL};
    pre_state *s = arg;
    const char *type = type_of(p, o);
    bool marks = !strcmp(type, "Metaspace"), bytes = !strcmp(type, "ByteLevel");
    if ((bytes || marks) && (s->byte_level || s->marks))
        return place_refuse(p, "ByteLevel or Metaspace together with another");
    if (s->byte_level && !p.t->letters) {
        p.t->letters = true;
        if (splitter_add_letters(&p.t->split, place_text(p), p.e) != OK) return p.e->code;
    }
    s->byte_level |= bytes;
    s->marks |= marks;
    if (marks) return read_metaspace(p, o);
    if (bytes) return read_byte_level(p, o);
    if (!strcmp(type, "Split")) return read_split(p, o);
    if (!strcmp(type, "CharDelimiterSplit")) return read_delimiter(p, o);
    if (!strcmp(type, "UnicodeScripts")) {
        int code = only_keys(p, o, "type");
        return code == OK ? splitter_add_scripts(&p.t->split, place_text(p), p.e) : code;
    }
    return is_listed(type, classes) ? read_class(p, o, type) : place_refuse(place_in(p, "type"), type);
}

int read_pre_tokenizer(place p, const json_t *o, bool *byte_level)
{
    pre_state s = {.byte_level = p.t->letters};
    int code = o && !json_is_null(o) ? each_part(p, o, "pretokenizers", pre_part, &s) : OK;
    *byte_level = s.byte_level;
    return code;
}
