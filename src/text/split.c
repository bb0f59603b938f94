/* split.c -- see split.h. */
#include "text/split.h"

#include "base/arena.h"
#include "text/unicode.h"
#include "text/unicode_class.h"
#include "text/vocab.h"

#include <stdlib.h>
#include <string.h>

typedef enum step_kind { STEP_PATTERN, STEP_CLASS, STEP_SPACE, STEP_MARKS, STEP_LETTERS, STEP_SCRIPTS } step_kind;

struct split_step {
    step_kind kind;
    regex *pattern;
    split_class *is;
    split_what what;
    split_which which;
    mark_before before;
    mark_cut cut;
    char mark[4]; /* one character */
    size_t mark_n;
    uint64_t hash;
};

static struct split_step *add(splitter *s, step_kind kind, const char *where, err *e)
{
    if (s->steps == SPLIT_STEPS) {
        fail(e, E_UNSUPPORTED, "%s: more than %d steps of splitting are not supported", where, SPLIT_STEPS);
        return NULL;
    }
    struct split_step *step = xcalloc(1, sizeof *step);
    step->kind = kind;
    step->hash = kind;
    s->step[s->steps++] = step;
    return step;
}

int splitter_add_space(splitter *s, const char *where, err *e)
{
    return add(s, STEP_SPACE, where, e) ? OK : E_UNSUPPORTED;
}

int splitter_add_letters(splitter *s, const char *where, err *e)
{
    return add(s, STEP_LETTERS, where, e) ? OK : E_UNSUPPORTED;
}

int splitter_add_scripts(splitter *s, const char *where, err *e)
{
    return add(s, STEP_SCRIPTS, where, e) ? OK : E_UNSUPPORTED;
}

int splitter_add_marks(splitter *s, span mark, mark_before before, mark_cut cut, const char *where, err *e)
{
    struct split_step *step = add(s, STEP_MARKS, where, e);
    if (!step) return E_UNSUPPORTED;
    BUG_IF(!mark.n || mark.n > sizeof step->mark);
    memcpy(step->mark, mark.p, mark.n);
    step->mark_n = mark.n;
    step->before = before;
    step->cut = cut;
    step->hash = hash_bytes(STEP_MARKS, (int[]){(int)before, (int)cut}, 2 * sizeof(int));
    step->hash = hash_bytes(step->hash, mark.p, mark.n);
    return OK;
}

/* The class counts in the hash by what it says of the characters of the first plane. */
int splitter_add_class(splitter *s, split_class *is, split_what what, const char *where, err *e)
{
    struct split_step *step = add(s, STEP_CLASS, where, e);
    if (!step) return E_UNSUPPORTED;
    step->is = is;
    step->what = what;
    step->hash = STEP_CLASS + 16 * what;
    for (uint32_t c = 0; c < 0x3100; c++) step->hash = step->hash * 3 + is(c);
    return OK;
}

int splitter_add(splitter *s, const char *pattern, size_t n, split_what what, split_which which,
                 const char *where, err *e)
{
    struct split_step *step = add(s, STEP_PATTERN, where, e);
    if (!step) return E_UNSUPPORTED;
    step->what = what;
    step->which = which;
    step->hash = hash_bytes(STEP_PATTERN + 8 * what + 64 * which, pattern, n);
    step->pattern = regex_new(pattern, n, where, e);
    return step->pattern ? OK : E_UNSUPPORTED;
}

void splitter_free(splitter *s)
{
    for (int i = 0; i < s->steps; i++) {
        regex_free(s->step[i]->pattern);
        free(s->step[i]);
    }
    *s = (splitter){0};
}

uint64_t splitter_hash(const splitter *s, uint64_t seed)
{
    for (int i = 0; i < s->steps; i++) seed = hash_bytes(seed, &s->step[i]->hash, sizeof s->step[i]->hash);
    return seed;
}

/* What one call of splitter_run needs: everything that may not be shared between threads. */
typedef struct run {
    const splitter *s;
    split_first first;
    bool seen[SPLIT_STEPS]; /* the step had a piece already: the next is not the text's first */
    split_fn *fn;
    void *arg;
    regex_run match;
    err *e;
} run;

static int cut(run *r, int depth, const char *p, size_t n);

/* ---- segments ---- */

/* Segments of a piece on their way to become pieces; [start, end) waits, being a match or not. */
typedef struct joiner {
    run *r;
    int depth;
    const char *p;
    size_t start, end;
    bool waits, match;
} joiner;

static int emit(joiner *j, size_t start, size_t end)
{
    return end > start ? cut(j->r, j->depth + 1, j->p + start, end - start) : OK;
}

static int flush(joiner *j)
{
    if (!j->waits) return OK;
    j->waits = false;
    return emit(j, j->start, j->end);
}

/* A segment of a step that joins segments: it goes to what waits, or takes its place. */
static int join(joiner *j, split_what what, size_t start, size_t end, bool match)
{
    bool joins = j->waits && (what == SPLIT_CONTIGUOUS ? match == j->match
                              : what == SPLIT_PREVIOUS ? match && !j->match
                                                       : !match && j->match);
    bool was_match = j->match;
    j->match = match;
    if (joins) {
        j->end = end;
        if (what == SPLIT_NEXT) return flush(j);
        j->match = what == SPLIT_PREVIOUS ? true : was_match;
        return OK;
    }
    int code = flush(j);
    j->waits = true;
    j->start = start;
    j->end = end;
    return code;
}

static int put_segment(joiner *j, const struct split_step *step, size_t start, size_t end, bool match)
{
    if (start == end) return OK;
    if (step->which == SPLIT_SWAP) match = !match;
    switch (step->what) {
    case SPLIT_KEEP:
        return emit(j, start, end);
    case SPLIT_DROP:
        return match ? OK : emit(j, start, end);
    case SPLIT_SELECT:
        return match ? emit(j, start, end) : OK;
    default:
        return join(j, step->what, start, end, match);
    }
}

static int cut_matches(run *r, int depth, const char *p, size_t n)
{
    const struct split_step *step = r->s->step[depth];
    joiner j = {.r = r, .depth = depth, .p = p};
    int code = OK;
    for (size_t done = 0, start, end; code == OK && done < n; done = end) {
        code = regex_next(step->pattern, &r->match, p, n, done, &start, &end, r->e);
        if (code == OK) code = put_segment(&j, step, done, start, false);
        if (code == OK) code = put_segment(&j, step, start, end, true);
        BUG_IF(code == OK && end <= done);
    }
    return code == OK ? flush(&j) : code;
}

static int cut_class(run *r, int depth, const char *p, size_t n)
{
    const struct split_step *step = r->s->step[depth];
    joiner j = {.r = r, .depth = depth, .p = p};
    int code = OK;
    size_t done = 0;
    for (size_t i = 0; code == OK && i < n;) {
        uint32_t c;
        size_t length = (size_t)utf8_get(p + i, n - i, &c);
        if (step->is(c)) {
            code = put_segment(&j, step, done, i, false);
            if (code == OK) code = put_segment(&j, step, i, i + length, true);
            done = i + length;
        }
        i += length;
    }
    if (code == OK) code = put_segment(&j, step, done, n, false);
    return code == OK ? flush(&j) : code;
}

static int cut_scripts(run *r, int depth, const char *p, size_t n)
{
    int code = OK, last = 0;
    size_t start = n;
    for (size_t i = 0; code == OK && i < n;) {
        uint32_t c;
        size_t length = (size_t)utf8_get(p + i, n - i, &c);
        int script = unicode_script(c);
        if (script && script != last) {
            if (last) code = cut(r, depth + 1, p + start, i - start);
            last = script;
            start = i;
        }
        i += length;
    }
    return code == OK && last ? cut(r, depth + 1, p + start, n - start) : code;
}

/* ---- steps that write their piece anew ---- */

static int cut_spaced(run *r, int depth, const char *p, size_t n)
{
    bool goes_on = !r->seen[depth] && r->first == SPLIT_GOES_ON;
    r->seen[depth] = true;
    if (p[0] == ' ' || goes_on) return cut(r, depth + 1, p, n);
    str spaced = {0};
    str_putc(&spaced, ' ');
    str_add(&spaced, p, n);
    int code = cut(r, depth + 1, spaced.p, spaced.n);
    str_free(&spaced);
    return code;
}

static int cut_marked(run *r, int depth, const char *p, size_t n)
{
    const struct split_step *step = r->s->step[depth];
    const span mark = {step->mark, step->mark_n};
    bool first = !r->seen[depth];
    bool wanted = step->before == MARK_ALWAYS && !(first && r->first == SPLIT_GOES_ON);
    if (step->before == MARK_FIRST) wanted = first && r->first == SPLIT_STARTS;
    r->seen[depth] = true;
    str marked = {0};
    bool has = p[0] == ' ' || (n >= mark.n && !memcmp(p, mark.p, mark.n));
    if (wanted && !has) str_add(&marked, mark.p, mark.n);
    for (const char *end = p + n, *space; p < end; p = space + (space < end)) {
        space = memchr(p, ' ', (size_t)(end - p));
        if (!space) space = end;
        str_add(&marked, p, (size_t)(space - p));
        if (space < end) str_add(&marked, mark.p, mark.n);
    }
    int code = OK;
    for (size_t done = 0, end; code == OK && done < marked.n; done = end) {
        const char *next = step->cut == MARK_WHOLE
                               ? NULL
                               : memmem(marked.p + done + 1, marked.n - done - 1, mark.p, mark.n);
        end = next ? (size_t)(next - marked.p) : marked.n;
        code = cut(r, depth + 1, marked.p + done, end - done);
    }
    str_free(&marked);
    return code;
}

static int cut_letters(run *r, int depth, const char *p, size_t n)
{
    str letters = {0};
    for (size_t i = 0; i < n; i++) utf8_put(&letters, letter_of_byte((unsigned char)p[i]));
    int code = cut(r, depth + 1, letters.p, letters.n);
    str_free(&letters);
    return code;
}

static int cut(run *r, int depth, const char *p, size_t n)
{
    if (depth == r->s->steps) {
        r->fn(r->arg, p, n);
        return OK;
    }
    switch (r->s->step[depth]->kind) {
    case STEP_PATTERN:
        return cut_matches(r, depth, p, n);
    case STEP_CLASS:
        return cut_class(r, depth, p, n);
    case STEP_SPACE:
        return cut_spaced(r, depth, p, n);
    case STEP_MARKS:
        return cut_marked(r, depth, p, n);
    case STEP_SCRIPTS:
        return cut_scripts(r, depth, p, n);
    default:
        return cut_letters(r, depth, p, n);
    }
}

int splitter_run(const splitter *s, const char *text, size_t n, split_first first, split_fn *fn, void *arg,
                 err *e)
{
    if (!n) return OK;
    run r = {.s = s, .first = first, .fn = fn, .arg = arg, .e = e};
    int code = cut(&r, 0, text, n);
    regex_run_free(&r.match);
    return code;
}
