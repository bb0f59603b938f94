/* frame.c -- see frame.h. */
#include "text/frame.h"

#include "text/tokenizer_impl.h"

bool frame_add(frame *f, frame_what what, int32_t id, int32_t type)
{
    if (f->n == FRAME_PIECES) return false;
    f->piece[f->n++] = (frame_piece){what, id, type};
    return true;
}

static void put(const token_vec *from, int32_t type, token_vec *ids, token_vec *types)
{
    for (size_t i = 0; i < from->n; i++) {
        token_vec_push(ids, from->p[i]);
        if (types) token_vec_push(types, type);
    }
}

void tokenizer_frame(const tokenizer *t, const token_vec *first, const token_vec *second, token_vec *ids,
                     token_vec *types)
{
    const frame *f = second ? &t->pair : &t->single;
    for (int i = 0; i < f->n; i++) {
        int32_t id = f->piece[i].id;
        const token_vec one = {&id, 1, 1};
        frame_what what = f->piece[i].what;
        put(what == FRAME_FIRST ? first : what == FRAME_SECOND ? second : &one, f->piece[i].type, ids, types);
    }
}

int64_t tokenizer_frame_tokens(const tokenizer *t, frame_texts texts)
{
    const frame *f = texts == FRAME_PAIR ? &t->pair : &t->single;
    int64_t n = 0;
    for (int i = 0; i < f->n; i++) n += f->piece[i].what == FRAME_TOKEN;
    return n;
}

void frame_fit(token_vec *first, token_vec *second, int64_t most)
{
    size_t limit = most > 0 ? (size_t)most : 0;
    if (!second) {
        if (first->n > limit) first->n = limit;
        return;
    }
    if (first->n + second->n <= limit) return;
    token_vec *less = first->n > second->n ? second : first, *more = less == first ? second : first;
    size_t shorter = less->n, longer = shorter > limit ? shorter : limit - shorter;
    if (longer < shorter) longer = shorter;
    if (shorter + longer > limit) {
        shorter = limit / 2;
        longer = shorter + limit % 2;
    }
    less->n = shorter;
    if (more->n > longer) more->n = longer;
}

void tokenizer_frame_default(tokenizer *t)
{
    t->single = t->pair = (frame){0};
    for (int32_t second = 0; second < 2; second++) {
        frame *f[] = {&t->pair, second ? NULL : &t->single};
        for (int i = 0; i < 2 && f[i]; i++) {
            if (t->add_bos) frame_add(f[i], FRAME_TOKEN, (int32_t)t->bos, second);
            frame_add(f[i], second ? FRAME_SECOND : FRAME_FIRST, -1, second);
            if (t->add_eos) frame_add(f[i], FRAME_TOKEN, (int32_t)t->eos, second);
        }
    }
}

/* Pieces by letters: b BOS, e EOS, A and B the texts; the second text and what follows are of type `second`.
 * */
static frame made(const tokenizer *t, const char *letters, int32_t second)
{
    frame f = {0};
    int32_t type = 0;
    for (; *letters; letters++) {
        frame_what what = *letters == 'A' ? FRAME_FIRST : *letters == 'B' ? FRAME_SECOND : FRAME_TOKEN;
        if (what == FRAME_SECOND) type = second;
        frame_add(&f, what, what == FRAME_TOKEN ? (int32_t)(*letters == 'b' ? t->bos : t->eos) : -1, type);
    }
    return f;
}

void tokenizer_frame_bert(tokenizer *t)
{
    t->single = made(t, "bAe", 0);
    t->pair = made(t, "bAeBe", 1);
}

void tokenizer_frame_roberta(tokenizer *t)
{
    t->single = made(t, "bAe", 0);
    t->pair = made(t, "bAeeBe", 0);
}

void tokenizer_frame_t5(tokenizer *t)
{
    t->single = made(t, "Ae", 0);
    t->pair = made(t, "AeBe", 0);
}
