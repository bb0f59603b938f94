/* rouge.c -- see rouge.h.
 *
 * The longest common subsequence by bits (Crochemore et al. 2001, Hyyro 2004): bit i of `row` is 0 when the
 * prefix of i + 1 reference tokens has a longer common subsequence with the text so far than the prefix of i.
 * For each token of the text, with `match` the positions where the reference has it:
 *
 *   u = row & match;  row = (row + u) | (row - u)
 *
 * The zeros of the last row are the length. It takes (text x reference / 64) steps and memory linear in both:
 * the positions of a word are put together as they are needed, and kept for words that stand at more than one
 * in 64 positions, of which there are fewer than 64. */
#include "metric/rouge.h"

#include "base/str.h"

#include <stdlib.h>
#include <string.h>

/* In lower case two characters outside ASCII become ASCII: U+212A (kelvin) k, U+0130 an i and a mark. */
static char fold(uint32_t c)
{
    if (c == 0x212a) return 'k';
    if (c == 0x130) return 'i';
    if (c >= 'A' && c <= 'Z') return (char)(c + 32);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ? (char)c : 0;
}

static void tokens(symbols *words, passage text, token_ids *out)
{
    str word = {0};
    out->n = 0;
    for (size_t i = 0; i <= text.n;) {
        uint32_t c = 0;
        i += i < text.n ? (size_t)text_get(text.p + i, text.n - i, &c) : 1;
        char letter = fold(c);
        if (letter) str_putc(&word, letter);
        if ((!letter || c == 0x130) && word.n) {
            token_ids_push(out, symbols_add(words, word.p, word.n));
            str_clear(&word);
        }
    }
    str_free(&word);
}

static double f_score(int64_t match, int64_t text, int64_t reference)
{
    double p = (double)match / (double)(text ? text : 1),
           r = (double)match / (double)(reference ? reference : 1);
    return p + r > 0 ? 2 * p * r / (p + r) : 0;
}

static void shared_grams(rouge *r, double f[2])
{
    grams *g = &r->grams;
    int64_t n[2];
    r->at.n = 0;
    for (int64_t i = 0; i < r->text.n || i < r->reference.n; i++) token_ids_push(&r->at, 0);
    grams_clear(g);
    for (int k = 1; k <= 2; k++) {
        n[k - 1] = grams_step(g, r->reference.p, r->reference.n, k, r->at.p);
        for (int64_t i = 0; i < n[k - 1]; i++) g->count[r->at.p[i]]++;
    }
    for (int k = 1; k <= 2; k++) {
        int64_t match = 0, m = grams_step(g, r->text.p, r->text.n, k, r->at.p);
        for (int64_t i = 0; i < m; i++) match += g->count[r->at.p[i]]-- > 0;
        f[k - 1] = f_score(match, m, n[k - 1]);
    }
}

/* head: the last position of each word in the reference, or -1; next: the one before a position. */
static void index_reference(rouge *r)
{
    while (r->head.n < r->words.n) token_ids_push(&r->head, -1);
    r->next.n = 0;
    for (int64_t i = 0; i < r->reference.n; i++) {
        int32_t *head = &r->head.p[r->reference.p[i]];
        token_ids_push(&r->next, *head);
        *head = (int32_t)i;
    }
}

/* row = (row + u) | (row - u), over numbers of `parts` words. u is a part of row, so nothing is borrowed. */
static void step_row(uint64_t *row, const uint64_t *match, int64_t parts)
{
    uint64_t carry = 0;
    for (int64_t k = 0; k < parts; k++) {
        uint64_t u = row[k] & match[k], sum;
        bool over = __builtin_add_overflow(row[k], u, &sum);
        over |= __builtin_add_overflow(sum, carry, &sum);
        row[k] = sum | (row[k] - u);
        carry = over;
    }
}

/* The positions of a word that the reference has. kept: how many words of `masks` are in use; the head of a
 * word whose positions are there is -2 less their place. */
static const uint64_t *positions(rouge *r, int32_t word, int64_t parts, int64_t *kept)
{
    int32_t *head = &r->head.p[word];
    if (*head < -1) return r->masks + (-2 - *head) * parts;
    uint64_t *match = r->masks + *kept * parts;
    memset(match, 0, (size_t)parts * sizeof *match);
    int64_t n = 0;
    for (int32_t at = *head; at >= 0; at = r->next.p[at], n++) match[at / 64] |= (uint64_t)1 << (at % 64);
    if (n > parts) *head = -2 - (int32_t)(*kept)++;
    return match;
}

static int64_t subsequence(rouge *r)
{
    int64_t n = r->reference.n, parts = (n + 63) / 64, zeros = 0, kept = 1;
    if (!n || !r->text.n) return 0;
    if (parts > r->cap) {
        r->masks = xrealloc(r->masks, (size_t)parts * 66 * sizeof *r->masks);
        r->cap = parts;
    }
    uint64_t *row = r->masks;
    memset(row, 0xff, (size_t)parts * sizeof *row);
    index_reference(r);
    for (int64_t j = 0; j < r->text.n; j++)
        if (r->head.p[r->text.p[j]] != -1) step_row(row, positions(r, r->text.p[j], parts, &kept), parts);
    for (int64_t i = 0; i < n; i++) {
        zeros += !(row[i / 64] >> (i % 64) & 1);
        r->head.p[r->reference.p[i]] = -1;
    }
    return zeros;
}

rouge_score rouge_text(rouge *r, passage text, const passage *reference, int64_t n)
{
    rouge_score best = {0, 0, 0};
    tokens(&r->words, text, &r->text);
    for (int64_t i = 0; i < n; i++) {
        double f[2], l;
        tokens(&r->words, reference[i], &r->reference);
        shared_grams(r, f);
        l = f_score(subsequence(r), r->text.n, r->reference.n);
        if (f[0] > best.one) best.one = f[0];
        if (f[1] > best.two) best.two = f[1];
        if (l > best.l) best.l = l;
    }
    return best;
}

void rouge_free(rouge *r)
{
    symbols_free(&r->words);
    grams_free(&r->grams);
    token_ids_free(&r->text);
    token_ids_free(&r->reference);
    token_ids_free(&r->at);
    token_ids_free(&r->head);
    token_ids_free(&r->next);
    free(r->masks);
}
