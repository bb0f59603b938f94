/* split.c -- see split.h. Patterns run in PCRE2, compiled to machine code where it can do that. */
#include "text/split.h"

#include "base/arena.h"
#include "text/vocab.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

struct split_step {
    pcre2_code *code; /* NULL: the step that adds a space */
    split_what what;
    bool jit;
    uint64_t hash;
    char *where;
};

static struct split_step *add(splitter *s, const char *where, err *e)
{
    if (s->steps == SPLIT_STEPS) {
        fail(e, E_UNSUPPORTED, "%s: more than %d steps of splitting are not supported", where, SPLIT_STEPS);
        return NULL;
    }
    struct split_step *step = xcalloc(1, sizeof *step);
    step->where = xmalloc(strlen(where) + 1);
    strcpy(step->where, where);
    s->step[s->steps++] = step;
    return step;
}

int splitter_add_space(splitter *s, const char *where, err *e)
{
    struct split_step *step = add(s, where, e);
    if (!step) return E_UNSUPPORTED;
    step->hash = 1;
    return OK;
}

static int compile(struct split_step *step, const str *pattern, err *e)
{
    int code;
    size_t at;
    pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    if (!how) BUG("out of memory");
    pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE;
    step->code = pcre2_compile((PCRE2_SPTR)str_c(pattern), pattern->n, options, &code, &at, how);
    pcre2_compile_context_free(how);
    if (!step->code) {
        char why[128] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return fail(e, E_UNSUPPORTED, "%s: the pattern is not understood: %s", step->where, why);
    }
    uint32_t can_be_empty = 0;
    pcre2_pattern_info(step->code, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
    if (can_be_empty)
        return fail(e, E_UNSUPPORTED, "%s: a pattern that can match nothing is not supported", step->where);
    step->jit = pcre2_jit_compile(step->code, PCRE2_JIT_COMPLETE) == 0;
    return OK;
}

int splitter_add(splitter *s, const char *pattern, size_t n, split_what what, const char *where, err *e)
{
    struct split_step *step = add(s, where, e);
    if (!step) return E_UNSUPPORTED;
    step->what = what;
    step->hash = hash_bytes(2 + what, pattern, n);
    str translated = {0};
    int code = pattern_translate(pattern, n, &translated, where, e);
    if (code == OK) code = compile(step, &translated, e);
    str_free(&translated);
    return code;
}

void splitter_free(splitter *s)
{
    for (int i = 0; i < s->steps; i++) {
        pcre2_code_free(s->step[i]->code);
        free(s->step[i]->where);
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
    split_first first; /* until the step that adds spaces has seen a piece */
    split_fn *fn;
    void *arg;
    pcre2_match_data *match; /* room for the whole match alone; its two offsets are read at once */
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    err *e;
} run;

/* Patterns rarely need more than the machine stack's 32 KiB; those that do get a stack of their own. */
static int match_large(run *r, const struct split_step *step, const char *p, size_t n, size_t from)
{
    if (!r->stack) {
        r->context = pcre2_match_context_create(NULL);
        r->stack = pcre2_jit_stack_create(64 << 10, 64 << 20, NULL);
        if (!r->context || !r->stack) BUG("out of memory");
        pcre2_jit_stack_assign(r->context, NULL, r->stack);
    }
    return pcre2_match(step->code, (PCRE2_SPTR)p, n, from, PCRE2_NO_UTF_CHECK, r->match, r->context);
}

/* The next match at or after `from` is [*start, *end); both are n when there is none. */
static int next_match(run *r, const struct split_step *step, const char *p, size_t n, size_t from,
                      size_t *start, size_t *end)
{
    *start = *end = n;
    int rc = step->jit && !r->stack
                 ? pcre2_jit_match(step->code, (PCRE2_SPTR)p, n, from, 0, r->match, NULL)
                 : pcre2_match(step->code, (PCRE2_SPTR)p, n, from, PCRE2_NO_UTF_CHECK, r->match, r->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !r->stack) rc = match_large(r, step, p, n, from);
    if (rc == PCRE2_ERROR_NOMATCH) return OK;
    if (rc < 0) {
        char why[128] = "";
        pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof why);
        return fail(r->e, E_UNSUPPORTED, "%s: the pattern gives up on %zu bytes of text: %s", step->where, n,
                    why);
    }
    const size_t *at = pcre2_get_ovector_pointer(r->match);
    *start = at[0];
    *end = at[1];
    return OK;
}

static int cut(run *r, int depth, const char *p, size_t n);

static int cut_matches(run *r, int depth, const char *p, size_t n)
{
    const struct split_step *step = r->s->step[depth];
    size_t done = 0;
    while (done < n) {
        size_t start, end;
        int code = next_match(r, step, p, n, done, &start, &end);
        if (code == OK && start > done && step->what != SPLIT_SELECT)
            code = cut(r, depth + 1, p + done, start - done);
        if (code == OK && end > start && step->what != SPLIT_DROP)
            code = cut(r, depth + 1, p + start, end - start);
        if (code != OK) return code;
        BUG_IF(end <= done);
        done = end;
    }
    return OK;
}

static int cut(run *r, int depth, const char *p, size_t n)
{
    if (depth == r->s->steps) {
        r->fn(r->arg, p, n);
        return OK;
    }
    const struct split_step *step = r->s->step[depth];
    if (step->code) return cut_matches(r, depth, p, n);
    bool goes_on = r->first == SPLIT_GOES_ON;
    r->first = SPLIT_SPACED;
    if (p[0] == ' ' || goes_on) return cut(r, depth + 1, p, n);
    str spaced = {0};
    str_putc(&spaced, ' ');
    str_add(&spaced, p, n);
    int code = cut(r, depth + 1, spaced.p, spaced.n);
    str_free(&spaced);
    return code;
}

int splitter_run(const splitter *s, const char *text, size_t n, split_first first, split_fn *fn, void *arg,
                 err *e)
{
    if (!n) return OK;
    run r = {.s = s, .first = first, .fn = fn, .arg = arg, .e = e};
    r.match = pcre2_match_data_create(1, NULL);
    if (!r.match) BUG("out of memory");
    int code = cut(&r, 0, text, n);
    pcre2_match_data_free(r.match);
    pcre2_match_context_free(r.context);
    pcre2_jit_stack_free(r.stack);
    return code;
}
