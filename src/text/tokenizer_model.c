/* tokenizer_model.c -- SentencePiece's .model file: a protocol buffer (sentencepiece_model.proto).
 *
 *   1  piece, repeated   1 text, 2 score (float), 3 type (1 normal, 2 unknown, 3 control, 4 user-defined,
 *                        5 unused, 6 byte)
 *   2  training          3 model (1 unigram, 2 BPE), 24 spaces as suffixes, 46 to 48 the names of BOS, EOS and PAD
 *   3  normalizer        2 character map, 3 a space before the text, 4 no extra spaces, 5 spaces become
 * U+2581
 *
 * A field is a varint, number << 3 | kind, and its value: kind 0 a varint, 1 eight bytes, 2 a length and so
 * many bytes, 5 four bytes. */
#include "text/tokenizer_folder.h"

#include <stdlib.h>
#include <string.h>

typedef struct field {
    uint64_t number, value; /* value: of kinds 0 and 5 */
    span bytes;             /* of kind 2 */
} field;

typedef struct wire {
    const char *p, *end;
    bool broken;
} wire;

static uint64_t varint(wire *w)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && w->p < w->end; shift += 7) {
        unsigned char c = (unsigned char)*w->p++;
        v |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) return v;
    }
    w->broken = true;
    return 0;
}

/* False at the end and when the rest is damaged (w->broken). */
static bool next_field(wire *w, field *f)
{
    if (w->p == w->end || w->broken) return false;
    uint64_t key = varint(w), n = 0;
    *f = (field){.number = key >> 3};
    switch (key & 7) {
    case 0:
        f->value = varint(w);
        return !w->broken;
    case 1:
        n = 8;
        break;
    case 2:
        n = varint(w);
        break;
    case 5:
        n = 4;
        break;
    default:
        w->broken = true;
        return false;
    }
    if (w->broken || n > (uint64_t)(w->end - w->p)) {
        w->broken = true;
        return false;
    }
    f->bytes = (span){w->p, (size_t)n};
    if ((key & 7) == 5) {
        uint32_t four;
        memcpy(&four, w->p, 4);
        f->value = four;
    }
    w->p += n;
    return true;
}

static wire open_field(const field *f)
{
    if (!f->bytes.p) return (wire){.broken = true}; /* a number where fields have to be */
    return (wire){f->bytes.p, f->bytes.p + f->bytes.n, false};
}

static bool read_piece(const field *from, piece *p)
{
    wire w = open_field(from);
    field f;
    *p = (piece){.type = PIECE_NORMAL};
    while (next_field(&w, &f)) {
        uint32_t bits = (uint32_t)f.value;
        if (f.number == 1) p->text = f.bytes;
        if (f.number == 2) memcpy(&p->score, &bits, 4);
        if (f.number == 3) p->type = f.value <= PIECE_BYTE ? (int)f.value : 0;
    }
    return !w.broken && p->text.n && p->type;
}

static bool read_training(const field *from, pieces *s, int *model)
{
    static const uint64_t names[PIECE_NAMES] = {46, 47, 48};
    wire w = open_field(from);
    field f;
    while (next_field(&w, &f)) {
        if (f.number == 3) *model = (int)(f.value & 0xff);
        if (f.number == 24 && f.value) s->flags |= PIECES_SUFFIX;
        for (int i = 0; i < PIECE_NAMES; i++)
            if (f.number == names[i]) s->name[i] = f.bytes;
    }
    return !w.broken;
}

static bool read_normalizer_spec(const field *from, pieces *s)
{
    static const unsigned flags[] = {[3] = PIECES_PREFIX, [4] = PIECES_COLLAPSE, [5] = PIECES_MARK};
    wire w = open_field(from);
    field f;
    while (next_field(&w, &f)) {
        if (f.number == 2) s->map = f.bytes;
        if (f.number < 3 || f.number > 5) continue;
        s->flags &= ~flags[f.number];
        if (f.value) s->flags |= flags[f.number];
    }
    return !w.broken;
}

int pieces_read(pieces *s, const char *data, size_t n, const char *where, err *e)
{
    wire w = {data, data + n, false};
    field f;
    int model = 1;
    bool good = true;
    s->flags = PIECES_PREFIX | PIECES_COLLAPSE | PIECES_MARK;
    int64_t most = 0;
    while (good && next_field(&w, &f)) {
        if (f.number == 1 && s->n == most) {
            most = most ? 2 * most : 1024;
            s->p = xrealloc(s->p, (size_t)most * sizeof *s->p);
        }
        if (f.number == 1) good = read_piece(&f, &s->p[s->n++]);
        if (f.number == 2) good = read_training(&f, s, &model);
        if (f.number == 3) good = read_normalizer_spec(&f, s);
    }
    if (w.broken || !good || !s->n || s->n > INT32_MAX / 4)
        return fail(e, E_FORMAT, "%s: no SentencePiece model, or a damaged one (after %lld pieces)", where,
                    (long long)s->n);
    if (model != 1 && model != 2)
        return fail(e, E_UNSUPPORTED,
                    "%s: trainer_spec.model_type: models of kind %d (words, characters) are not "
                                      "supported", where, model);
    s->model = model == 1 ? MODEL_UNIGRAM : MODEL_BPE;
    if (s->flags & PIECES_SUFFIX) { /* the space goes behind the text instead of before it */
        if (!(s->flags & PIECES_PREFIX)) s->flags &= ~(unsigned)PIECES_SUFFIX;
        s->flags &= ~(unsigned)PIECES_PREFIX;
    }
    return OK;
}

int tokenizer_from_model(tokenizer **out, const char *data, size_t n, const char *where, err *e)
{
    pieces s = {0};
    tokenizer *t = tokenizer_new();
    int code = pieces_read(&s, data, n, where, e);
    if (code == OK) code = pieces_build(t, &s, arena_fmt(&t->mem, "%s: pieces", where), e);
    free(s.p);
    if (code != OK) {
        tokenizer_close(t);
        return code;
    }
    t->add_bos = t->bos >= 0 && s.model == MODEL_BPE;
    tokenizer_finish(t, s.model == MODEL_BPE ? "SentencePiece BPE" : "SentencePiece unigram");
    *out = t;
    return OK;
}
