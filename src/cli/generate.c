/* generate.c -- lorac generate: text from a prompt, from the standard input, or for every row of a data file.
 *
 * One prompt without --json or --out is answered while the text is made; rows are answered in their order, a
 * line each, with line ends inside an answer written as \n so that line i answers row i. */
#include "base/file.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>

enum { INPUT_LIMIT = 16 << 20 };

typedef struct stream {
    err e; /* the first failure to write */
} stream;

static void on_text(void *arg, int64_t row, const char *piece, size_t n)
{
    stream *s = arg;
    (void)row;
    progress_end();
    if (s->e.code == OK) output_add(piece, n, &s->e);
}

static int read_input(str *in, err *e)
{
    char piece[65536];
    size_t n;
    while ((n = fread(piece, 1, sizeof piece, stdin)) > 0) {
        str_add(in, piece, n);
        if (in->n > INPUT_LIMIT)
            return fail(e, E_USAGE, "standard input: more than 16 MiB; use --data for many prompts");
    }
    if (ferror(stdin)) return fail(e, E_IO, "standard input: cannot be read");
    if (!in->n)
        return fail(e, E_USAGE, "no prompt: the standard input is empty; give --prompt TEXT or --data FILE");
    return OK;
}

static void add_line(str *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p == '\n')
            str_puts(out, "\\n");
        else if (*p == '\r')
            str_puts(out, "\\r");
        else
            str_putc(out, *p);
    }
    str_putc(out, '\n');
}

/* To `file` when there is one. */
static int write_result(const options *o, const json_t *r, bool streamed, outfile *file, err *e)
{
    str out = {0};
    int code = OK;
    for (size_t i = 0; i < json_array_size(r) && !o->json; i++) {
        const char *text = result_text(json_array_get(r, i), "text");
        if (o->data)
            add_line(&out, text);
        else
            str_fmt(&out, "%s\n", streamed ? "" : text);
    }
    char *json = o->json && o->out_file ? json_dumps(r, JSON_INDENT(2) | JSON_REAL_PRECISION(12)) : NULL;
    if (json) str_fmt(&out, "%s\n", json);
    if (file->f) {
        file_put(file, str_c(&out), out.n);
        code = file_commit(file, e);
    } else
        code = o->json ? output_json(r, e) : output_put(&out, e);
    free(json);
    str_free(&out);
    return code;
}

int cli_generate(const options *o, err *e)
{
    json_t *r = NULL;
    str in = {0};
    stream s = {0};
    outfile file = {0}; /* made first: hours of work are not to end in a name that cannot be written */
    job_hooks h = progress_hooks();
    h.arg = &s;
    if (!o->json && !o->out_file && !o->data) h.text = on_text;
    int code = o->prompt || o->data ? OK : read_input(&in, e);
    if (code == OK && o->out_file) code = file_create(&file, o->out_file, e);
    signals_begin();
    if (code == OK) code = job_generate(o, in.p, in.n, &h, &r, e);
    progress_end();
    if (s.e.code != OK && (code == OK || code == E_STOPPED)) *e = s.e, code = s.e.code;
    if (r && (code == OK || code == E_STOPPED)) {
        err lost = {0}; /* weighs more than having been stopped */
        int wrote = write_result(o, r, h.text != NULL, &file, &lost);
        if (wrote != OK) *e = lost, code = wrote;
    }
    file_abandon(&file);
    json_decref(r);
    str_free(&in);
    return code;
}
