/* tokenizer_folder.c -- the tokenizer of a Hugging Face folder: tokenizer.json has the algorithm; in older
 * folders a SentencePiece or tiktoken file, or vocabulary and merges. tokenizer_config.json (or
 * special_tokens_map.json) says which tokens are BOS, EOS, PAD and UNK, and may switch the adding of BOS and
 * EOS on or off. */
#include "text/tokenizer_folder.h"

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A token named by a text or by an object with "content"; the vocabulary's own when it is silent. */
static int64_t named(const tokenizer *t, const json_t *doc, const char *key, int64_t otherwise,
                     const char *where, err *e)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_object(v)) v = json_object_get(v, "content");
    if (!v || json_is_null(v)) return otherwise;
    int64_t id = json_is_string(v) ? vocab_find(&t->v, json_string_value(v), json_string_length(v)) : -1;
    if (id < 0) fail(e, E_FORMAT, "%s: \"%s\" names a token that the tokenizer does not have", where, key);
    return id;
}

/* Tokens that only tokenizer_config.json has would be added by transformers; their ids would be missing. */
static int check_added(const tokenizer *t, const json_t *doc, const char *where, err *e)
{
    const char *key;
    json_t *value;
    json_object_foreach(json_object_get(doc, "added_tokens_decoder"), key, value)
    {
        const json_t *content = json_object_get(value, "content");
        const char *text = json_is_string(content) ? json_string_value(content) : "";
        if (vocab_find(&t->v, text, json_string_length(content)) != strtoll(key, NULL, 10))
            return fail(e, E_UNSUPPORTED,
                        "%s: added_tokens_decoder.%.20s: \"%.40s\" is not that token in the tokenizer", where,
                        key, text);
    }
    return OK;
}

static int use_config(tokenizer *t, const json_t *doc, const char *path, err *e)
{
    t->bos = named(t, doc, "bos_token", t->bos, path, e);
    t->eos = named(t, doc, "eos_token", t->eos, path, e);
    t->pad = named(t, doc, "pad_token", t->pad, path, e);
    t->unk = named(t, doc, "unk_token", t->unk, path, e);
    bool bos = json_flag(doc, "add_bos_token", t->add_bos, path, e) && t->bos >= 0;
    bool eos = json_flag(doc, "add_eos_token", t->add_eos, path, e) && t->eos >= 0;
    bool other = bos != t->add_bos || eos != t->add_eos;
    t->add_bos = bos;
    t->add_eos = eos;
    if (other) tokenizer_frame_default(t);
    return e->code == OK ? check_added(t, doc, path, e) : e->code;
}

/* ---- SentencePiece files of the families that renumber their pieces ---- */

static bool is_class(const json_t *config, const char *name)
{
    const char *own = json_string_value(json_object_get(config, "tokenizer_class"));
    return own && !strncmp(own, name, strlen(name));
}

static piece control(const char *text, unsigned strip)
{
    return (piece){{text, strlen(text)}, 0, PIECE_CONTROL, strip};
}

/* XLM-R: <s> <pad> </s> <unk>, then the pieces behind SentencePiece's own three, which have to be there, then
 * <mask>, which takes the white space before it. */
static void renumber_xlmr(pieces *s)
{
    piece *p = xmalloc((size_t)(s->n + 2) * sizeof *p);
    p[0] = control("<s>", 0), p[1] = control("<pad>", 0), p[2] = control("</s>", 0);
    p[3] = (piece){{"<unk>", 5}, 0, PIECE_UNKNOWN, 0};
    int64_t n = 4;
    for (int64_t i = 3; i < s->n; i++) p[n++] = s->p[i];
    p[n++] = control("<mask>", ADDED_LSTRIP | ADDED_PYTHON);
    memset(s->name, 0, sizeof s->name);
    free(s->p);
    s->p = p;
    s->n = n;
}

/* T5: <extra_id_N-1> ... <extra_id_0> behind the pieces, which take the white space around them. */
static void add_extra_ids(pieces *s, int64_t extra, arena *mem)
{
    const unsigned strip = ADDED_LSTRIP | ADDED_RSTRIP | ADDED_PYTHON;
    s->p = xrealloc(s->p, (size_t)(s->n + extra) * sizeof *s->p);
    for (int64_t i = extra - 1; i >= 0; i--)
        s->p[s->n++] = control(arena_fmt(mem, "<extra_id_%lld>", (long long)i), strip);
}

/* DeBERTa's: its special pieces have numbers in the file, and [MASK] stands behind all. */
static void add_mask(pieces *s)
{
    static const char *const spelled[PIECE_NAMES] = {
        [NAME_BOS] = "[CLS]", [NAME_EOS] = "[SEP]", [NAME_PAD] = "[PAD]"};
    for (int k = 0; k < PIECE_NAMES; k++) s->name[k] = (span){spelled[k], strlen(spelled[k])};
    for (int64_t i = 0; i < s->n; i++)
        if (s->p[i].text.n == 6 && !memcmp(s->p[i].text.p, "[MASK]", 6)) return;
    s->p = xrealloc(s->p, (size_t)(s->n + 1) * sizeof *s->p);
    s->p[s->n++] = control("[MASK]", ADDED_PYTHON);
}

typedef enum piece_class { CLASS_XLMR, CLASS_T5, CLASS_DEBERTA, CLASS_OTHER } piece_class;

static piece_class class_of(const json_t *config, const char *name)
{
    if (is_class(config, "XLMRoberta")) return CLASS_XLMR;
    if (is_class(config, "T5") || is_class(config, "MT5")) return CLASS_T5;
    return is_class(config, "DebertaV2") || !strcmp(name, "spm.model") ? CLASS_DEBERTA : CLASS_OTHER;
}

static int number(pieces *s, piece_class c, int64_t extra, arena *mem, const char *path, err *e)
{
    if (extra < 0 || extra > 10000) return fail(e, E_FORMAT, "%s: extra_ids: %lld", path, (long long)extra);
    if (c == CLASS_XLMR && s->n < 3)
        return fail(e, E_FORMAT, "%s: %lld pieces are too few for XLM-R; fetch it again", path, (long long)s->n);
    if (c == CLASS_XLMR) renumber_xlmr(s);
    else if (c == CLASS_T5) add_extra_ids(s, extra, mem);
    else add_mask(s);
    return OK;
}

/* What DeBERTa's class may do besides, and no published model asks for. */
static int check_plain(const json_t *config, const char *path, err *e)
{
    static const char *const key[] = {"do_lower_case", "split_by_punct"};
    for (int k = 0; k < 2; k++)
        if (json_flag(config, key[k], false, path, e))
            return fail(e, E_UNSUPPORTED,
                        "%s: \"%s\" is not supported beside a SentencePiece file; save the tokenizer as "
                        "tokenizer.json", path, key[k]);
    return e->code;
}

/* Classes that number or normalize pieces in ways of their own. */
static bool is_other(const json_t *config, const char *path, err *e)
{
    static const char *const names[] = {"Pegasus", "Camembert", "MBart", "Albert"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (is_class(config, names[k]))
            return fail(e, E_UNSUPPORTED,
                        "%s: pieces as %sTokenizer takes them are not supported; save the tokenizer as "
                        "tokenizer.json", path, names[k]) != OK;
    return false;
}

static int from_pieces(tokenizer **out, const str *data, const json_t *config, const char *name, const char *path,
                       err *e)
{
    static const char *const kind[] = {"SentencePiece unigram (XLM-R)", "SentencePiece unigram (T5)",
                                       "SentencePiece unigram (DeBERTa)"};
    const piece_class c = class_of(config, name);
    if (c == CLASS_OTHER && is_other(config, path, e)) return e->code;
    if (c == CLASS_OTHER) return tokenizer_from_model(out, data->p, data->n, path, e);
    pieces s = {0};
    tokenizer *t = tokenizer_new();
    int64_t extra = json_int(config, "extra_ids", 100, path, e);
    int code = e->code == OK ? pieces_read(&s, data->p, data->n, path, e) : e->code;
    if (code == OK && c == CLASS_DEBERTA) code = check_plain(config, path, e);
    if (code == OK) code = number(&s, c, extra, &t->mem, path, e);
    if (code == OK) code = pieces_build(t, &s, path, e);
    free(s.p);
    if (code == OK && t->eos < 0)
        code = fail(e, E_FORMAT, "%s: there is no piece %s", path, c == CLASS_DEBERTA ? "[SEP]" : "</s>");
    if (code == OK && c == CLASS_DEBERTA && t->bos < 0) code = fail(e, E_FORMAT, "%s: there is no piece [CLS]", path);
    if (code != OK) {
        tokenizer_close(t);
        return code;
    }
    t->add_bos = c != CLASS_T5;
    t->add_eos = true;
    if (c == CLASS_XLMR) tokenizer_frame_roberta(t);
    else if (c == CLASS_T5) tokenizer_frame_t5(t);
    else tokenizer_frame_bert(t);
    tokenizer_finish(t, kind[c]);
    *out = t;
    return OK;
}

/* ---- the folder ---- */

/* The first of the files that is there; NULL: none. */
static const char *first_file(const char *folder, const char *const *names, arena *mem, const char **name)
{
    for (; *names; names++) {
        const char *path = arena_fmt(mem, "%s/%s", folder, *names);
        *name = *names;
        if (file_exists(path)) return path;
    }
    return NULL;
}

static int read_file(tokenizer **out, const char *path, const char *name, const json_t *config, err *e)
{
    str data = {0};
    int code = file_read(&data, path, (size_t)512 << 20, e);
    if (code != OK) return code;
    bool proto = data.n && data.p[0] == '\n'; /* the key of its first field; tiktoken begins with a letter */
    if (!strcmp(name, "tokenizer.json"))
        code = tokenizer_from_json(out, str_c(&data), data.n, path, e);
    else if (proto || !data.n)
        code = from_pieces(out, &data, config, name, path, e);
    else
        code = tokenizer_from_tiktoken(out, data.p, data.n, name, path, e);
    str_free(&data);
    return code;
}

static int read_folder(tokenizer **out, const char *folder, const json_t *config, arena *mem, err *e)
{
    static const char *const first[] = {"tokenizer.json", "tokenizer.model", "spiece.model",
                                        "sentencepiece.bpe.model", "spm.model", NULL};
    const char *name, *path = first_file(folder, first, mem, &name);
    if (!path) path = first_file(folder, tiktoken_names(), mem, &name);
    if (path) return read_file(out, path, name, config, e);
    json_t *doc = tokenizer_doc_of_files(folder, config, e);
    if (!doc) return e->code;
    int code = tokenizer_from_doc(out, doc, folder, e);
    json_decref(doc);
    return code;
}

int tokenizer_from_folder(tokenizer **out, const char *folder, err *e)
{
    static const char *const configs[] = {"tokenizer_config.json", "special_tokens_map.json", NULL};
    err why = {0};
    arena mem = {0};
    tokenizer *t = NULL;
    const char *name, *path = first_file(folder, configs, &mem, &name);
    json_t *config = path ? json_parse_file(path, &why) : NULL;
    int code = why.code == OK ? read_folder(&t, folder, config, &mem, &why) : why.code;
    if (code == OK && config && (code = use_config(t, config, path, &why)) != OK) tokenizer_close(t);
    if (code == OK) tokenizer_finish(t, t->kind); /* the frames may be others now */
    json_decref(config);
    arena_free(&mem);
    if (code != OK) return fail(e, why.code, "%s", why.msg);
    *out = t;
    return OK;
}

int tokenizer_open(tokenizer **out, const checkpoint *c, err *e)
{
    const gguf *g = checkpoint_gguf(c);
    return g ? tokenizer_from_gguf(out, g, e) : tokenizer_from_folder(out, checkpoint_folder(c), e);
}
