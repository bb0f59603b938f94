/* regex.c -- see regex.h. */
#include "text/regex.h"

#include "base/arena.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct regex {
    pcre2_code *code;
    bool jit;
    char *where;
};

static int compile(regex *r, const str *pattern, err *e)
{
    int code;
    size_t at;
    pcre2_compile_context *how = pcre2_compile_context_create(NULL);
    if (!how) BUG("out of memory");
    pcre2_set_newline(how, PCRE2_NEWLINE_LF);
    uint32_t options = PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE;
    r->code = pcre2_compile((PCRE2_SPTR)str_c(pattern), pattern->n, options, &code, &at, how);
    pcre2_compile_context_free(how);
    if (!r->code) {
        char why[128] = "";
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        return fail(e, E_UNSUPPORTED, "%s: the pattern is not understood: %s", r->where, why);
    }
    uint32_t can_be_empty = 0;
    pcre2_pattern_info(r->code, PCRE2_INFO_MATCHEMPTY, &can_be_empty);
    if (can_be_empty)
        return fail(e, E_UNSUPPORTED, "%s: a pattern that can match nothing is not supported", r->where);
    r->jit = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
    return OK;
}

regex *regex_new(const char *pattern, size_t n, const char *where, err *e)
{
    regex *r = xcalloc(1, sizeof *r);
    str translated = {0};
    r->where = xmalloc(strlen(where) + 1);
    strcpy(r->where, where);
    int code = pattern_translate(pattern, n, &translated, where, e);
    if (code == OK) code = compile(r, &translated, e);
    str_free(&translated);
    if (code == OK) return r;
    regex_free(r);
    return NULL;
}

void regex_free(regex *r)
{
    if (!r) return;
    pcre2_code_free(r->code);
    free(r->where);
    free(r);
}

void regex_run_free(regex_run *run)
{
    pcre2_match_data_free(run->match);
    pcre2_match_context_free(run->context);
    pcre2_jit_stack_free(run->stack);
    *run = (regex_run){0};
}

/* Patterns rarely need more than the machine stack's 32 KiB; those that do get a stack of their own. */
static int match_large(const regex *r, regex_run *run, const char *p, size_t n, size_t from)
{
    if (!run->stack) {
        run->context = pcre2_match_context_create(NULL);
        run->stack = pcre2_jit_stack_create(64 << 10, 64 << 20, NULL);
        if (!run->context || !run->stack) BUG("out of memory");
        pcre2_jit_stack_assign(run->context, NULL, run->stack);
    }
    return pcre2_match(r->code, (PCRE2_SPTR)p, n, from, PCRE2_NO_UTF_CHECK, run->match, run->context);
}

int regex_next(const regex *r, regex_run *run, const char *p, size_t n, size_t from, size_t *start,
               size_t *end,
               err *e)
{
    *start = *end = n;
    /* the whole match; its offsets are read at once */
    if (!run->match) run->match = pcre2_match_data_create(1, NULL);
    if (!run->match) BUG("out of memory");
    int rc = r->jit && !run->stack
                 ? pcre2_jit_match(r->code, (PCRE2_SPTR)p, n, from, 0, run->match, NULL)
                 : pcre2_match(r->code, (PCRE2_SPTR)p, n, from, PCRE2_NO_UTF_CHECK, run->match, run->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT && !run->stack) rc = match_large(r, run, p, n, from);
    if (rc == PCRE2_ERROR_NOMATCH) return OK;
    if (rc < 0) {
        char why[128] = "";
        pcre2_get_error_message(rc, (PCRE2_UCHAR *)why, sizeof why);
        return fail(e, E_UNSUPPORTED, "%s: the pattern gives up on %zu bytes of text: %s", r->where, n, why);
    }
    const size_t *at = pcre2_get_ovector_pointer(run->match);
    *start = at[0];
    *end = at[1];
    return OK;
}
