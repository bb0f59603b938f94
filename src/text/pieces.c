/* pieces.c -- see pieces.h. */
#include "text/pieces.h"

#include "text/sentencepiece.h"
#include "text/unicode.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

unsigned piece_flags(int64_t type)
{
    switch (type) {
    case PIECE_NORMAL:
        return TOKEN_WORD;
    case PIECE_UNKNOWN:
    case PIECE_CONTROL:
        return TOKEN_ADDED | TOKEN_SPECIAL;
    case PIECE_USER_DEFINED:
        return TOKEN_ADDED;
    case PIECE_BYTE:
        return TOKEN_BYTE;
    default:
        return 0; /* unused */
    }
}

/* User-defined pieces of a unigram model are pieces as others are, whose score of 0 nothing beats. */
static unsigned flags_of(const pieces *s, int type)
{
    const bool word = type == PIECE_USER_DEFINED && s->model == MODEL_UNIGRAM && !s->user_first;
    return piece_flags(type) | (word ? TOKEN_WORD : 0);
}

/* Control pieces are looked for in the text as it is, user-defined ones of a BPE in normalized text. */
static bool put_added(tokenizer *t, const pieces *s, int32_t id)
{
    span text = t->v.spelled[id];
    if (!(t->v.flags[id] & TOKEN_ADDED) || !text.n) return true;
    unsigned special = t->v.flags[id] & TOKEN_SPECIAL ? ADDED_SPECIAL | s->p[id].strip : 0;
    if (special || s->user_first) return added_add(&t->raw, text.p, text.n, id, special);
    return added_add(s->model == MODEL_BPE ? &t->normal : &t->kept, text.p, text.n, id, 0);
}

/* The control piece with a special piece's name; -1: none. The unknown piece is told by its type alone. */
static int64_t named(const tokenizer *t, const pieces *s, int which)
{
    static const span usual[PIECE_NAMES] = {{"<s>", 3}, {"</s>", 4}, {"<pad>", 5}};
    span name = s->name[which].n ? s->name[which] : usual[which];
    int32_t id = vocab_find(&t->v, name.p, name.n);
    return id >= 0 && s->p[id].type == PIECE_CONTROL ? id : -1;
}

enum { LONGEST_PIECE = 4096 }; /* finding the cuts of a piece takes its length squared */

static int put_pieces(tokenizer *t, const pieces *s, const char *where, err *e)
{
    vocab_init(&t->v, s->n, WORD_MARK);
    for (int32_t id = 0; id < s->n; id++) {
        const piece *p = &s->p[id];
        bool good = utf8_valid(p->text.p, p->text.n) == p->text.n && !isnan(p->score) &&
                    (p->type != PIECE_BYTE || byte_of_name(p->text.p, p->text.n) >= 0) &&
                    p->text.n <= LONGEST_PIECE;
        if (!good) return fail(e, E_FORMAT, "%s[%d]: not a piece of the type it has", where, id);
        if (p->type == PIECE_UNUSED && s->model == MODEL_BPE)
            return fail(e, E_UNSUPPORTED, "%s[%d]: an unused piece in a BPE is not supported", where, id);
        vocab_set(&t->v, id, p->text.p, p->text.n, flags_of(s, p->type));
        int32_t twin = vocab_index(&t->v, id);
        if (twin >= 0) return fail(e, E_FORMAT, "%s[%d]: the same piece as %d", where, id, twin);
        if (!put_added(t, s, id)) return fail(e, E_FORMAT, "%s[%d]: there twice", where, id);
        if (p->type == PIECE_UNKNOWN) t->unk = id;
    }
    t->bos = named(t, s, NAME_BOS);
    t->eos = named(t, s, NAME_EOS);
    t->pad = named(t, s, NAME_PAD);
    return OK;
}

static void build_bpe(tokenizer *t, const pieces *s)
{
    float *score = xmalloc((size_t)s->n * sizeof *score);
    for (int64_t i = 0; i < s->n; i++) score[i] = s->p[i].score;
    sentencepiece_build(&t->b, &t->v, score);
    t->b.fuse_unk = true;
    t->b.unk = (int32_t)t->unk;
    free(score);
}

static int build_unigram(tokenizer *t, const pieces *s, const char *where, err *e)
{
    float least = FLT_MAX;
    double *score = xmalloc((size_t)s->n * sizeof *score);
    for (int64_t i = 0; i < s->n; i++) {
        if (s->p[i].type == PIECE_NORMAL) least = fminf(least, s->p[i].score);
        score[i] = s->p[i].score;
    }
    int code = unigram_init(&t->u, &t->v, score, least, SUMS_SINGLE, where, e);
    t->u.unk = (int32_t)t->unk;
    for (int32_t id = 0; id < s->n; id++)
        if (s->p[id].type == PIECE_BYTE) t->u.byte_id[byte_of_name(s->p[id].text.p, 6)] = id;
    free(score);
    return code;
}

int pieces_build(tokenizer *t, const pieces *s, const char *where, err *e)
{
    int code = put_pieces(t, s, where, e);
    if (code == OK && s->map.n) code = charsmap_init(&t->map, s->map.p, s->map.n, where, e);
    if (code != OK) return code;
    t->model = s->model;
    if (s->model == MODEL_BPE)
        build_bpe(t, s);
    else if ((code = build_unigram(t, s, where, e)) != OK)
        return code;
    const added *keep = s->model == MODEL_BPE ? &t->normal : &t->kept;
    normalizer_add(&t->norm, (norm_step){.what = NORM_PIECES,
                                         .flags = s->flags,
                                         .map = s->map.n ? &t->map : NULL,
                                         .keep = keep->tokens ? keep : NULL});
    t->back.strip_space = (s->flags & (PIECES_PREFIX | PIECES_COLLAPSE)) != 0;
    return OK;
}
