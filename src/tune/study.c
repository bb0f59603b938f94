/* study.c -- opening a study, its facts and counters: see study.h. */
#include "tune/study_impl.h"

#include "base/clock.h"
#include "base/file.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1 };

static const char schema[] =
    "CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL);"
    "CREATE TABLE counter(name TEXT PRIMARY KEY, value REAL NOT NULL);"
    "CREATE TABLE run(number INTEGER PRIMARY KEY, point TEXT NOT NULL, state TEXT NOT NULL, rung INTEGER "
    "NOT NULL, "
    "owner TEXT, beat REAL, why TEXT);"
    "CREATE TABLE report(run INTEGER NOT NULL REFERENCES run(number), rung INTEGER NOT NULL, metrics TEXT "
    "NOT NULL, "
    "tokens REAL NOT NULL, PRIMARY KEY(run, rung));"
    "CREATE TABLE final(run INTEGER NOT NULL REFERENCES run(number), kind TEXT NOT NULL, seed INTEGER NOT "
    "NULL, "
    "owner TEXT, beat REAL, metrics TEXT, PRIMARY KEY(run, kind, seed));"
    "CREATE TABLE worker(owner TEXT PRIMARY KEY, seconds REAL NOT NULL);"
    "PRAGMA user_version = 1;";

double study_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int study_begin(study *s, err *e)
{
    pthread_mutex_lock(&s->lock);
    int bad = db_begin(&s->d, e);
    if (bad) pthread_mutex_unlock(&s->lock);
    return bad;
}

/* What this process worked is brought up to date with whatever else is written. */
int study_commit(study *s, int code, err *e)
{
    if (code == OK)
        code = db_run(&s->d, e, "INSERT OR REPLACE INTO worker VALUES(?1, ?2)", "sd", s->self,
                      clock_seconds() - s->opened);
    code = db_end(&s->d, code, e);
    pthread_mutex_unlock(&s->lock);
    return code;
}

bool study_owner_gone(const char *owner, double beat)
{
    enum { SILENCE = 600 };
    owner_life life = owner_look(owner);
    return life == OWNER_GONE || (life == OWNER_ELSEWHERE && study_now() - beat > SILENCE);
}

/* ------------------------------------------------------------------------------------ facts */

static int put_facts(study *s, const json_t *facts, err *e)
{
    const char *name;
    json_t *value;
    int bad = OK;
    json_object_foreach((json_t *)(uintptr_t)facts, name, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(17));
        if (!bad) bad = db_run(&s->d, e, "INSERT INTO fact VALUES(?1, ?2)", "ss", name, text);
        free(text);
    }
    return bad;
}

static int get_facts(study *s, err *e)
{
    sqlite3_stmt *q;
    int got = db_prepare(&s->d, &q, e, "SELECT name, value FROM fact ORDER BY rowid", "");
    s->facts = json_object();
    while (!got && (got = db_row(&s->d, q, e)) > 0) {
        const char *text = db_text(q, 1);
        json_t *value = json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
        got = value ? OK : fail(e, E_FORMAT, "%s: the fact \"%.60s\" is damaged; restore the file, or use "
                                             "another --out",
                                s->d.path, db_text(q, 0));
        if (value) json_object_set_new(s->facts, db_text(q, 0), value);
    }
    db_done(q);
    return got;
}

/* The first key in which two objects differ; "" when they are equal. */
static const char *difference(const json_t *a, const json_t *b)
{
    const char *name;
    json_t *v;
    json_object_foreach((json_t *)(uintptr_t)a, name, v)
    {
        if (!json_equal(v, json_object_get(b, name))) return name;
    }
    json_object_foreach((json_t *)(uintptr_t)b, name, v)
    {
        if (!json_object_get(a, name)) return name;
    }
    return "";
}

/* What is told of a value that differs: in an object the member, shortened. */
static void add_value(str *out, const json_t *v)
{
    char *text = v ? json_dumps(v, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    str_fmt(out, "%.100s", text ? text : "nothing");
    free(text);
}

static int compare_facts(const study *s, const json_t *facts, err *e)
{
    const char *name = difference(s->facts, facts);
    if (!*name) return OK;
    const json_t *before = json_object_get(s->facts, name), *now = json_object_get(facts, name);
    const char *member = json_is_object(before) && json_is_object(now) ? difference(before, now) : "";
    str line = {0};
    str_fmt(&line, "%s: the study was begun with a different %s (%s%swas ", s->folder, name, member,
            *member ? " " : "");
    add_value(&line, *member ? json_object_get(before, member) : before);
    str_puts(&line, ", is ");
    add_value(&line, *member ? json_object_get(now, member) : now);
    str_puts(&line, "); use another --out, or the same as before");
    int bad = fail(e, E_USAGE, "%s", line.p);
    str_free(&line);
    return bad;
}

/* ---------------------------------------------------------------------------------- opening */

static int make(study *s, const json_t *facts, err *e)
{
    double version = 0;
    int bad = study_begin(s, e);
    if (bad) return bad;
    bad = db_number(&s->d, &version, e, "PRAGMA user_version", "");
    if (!bad && version == 0) {
        char *why = NULL;
        if (sqlite3_exec(s->d.handle, schema, NULL, NULL, &why))
            bad = fail(e, E_IO, "%s: cannot be made: %s", s->d.path, why ? why : "no reason is given");
        sqlite3_free(why);
        if (!bad) bad = put_facts(s, facts, e);
    }
    return study_commit(s, bad, e);
}

static int check_version(study *s, err *e)
{
    double version;
    int bad = db_number(&s->d, &version, e, "PRAGMA user_version", "");
    if (!bad && version != VERSION)
        bad = fail(e, E_FORMAT, "%s: is no study of this program's version", s->d.path);
    return bad;
}

static int open_all(study *s, study_mode mode, const json_t *facts, err *e)
{
    str path = {0};
    str_fmt(&path, "%s/study.db", s->folder);
    int bad = mode == STUDY_MAKE ? file_mkdirs(s->folder, e) : OK;
    if (!bad && mode == STUDY_LOOK && !file_exists(path.p))
        bad = fail(e, E_IO, "%s: there is no study; lorac tune makes one", path.p);
    if (!bad) bad = db_open(&s->d, path.p, mode == STUDY_MAKE ? DB_WRITE : DB_READ, e);
    str_free(&path);
    if (!bad && mode == STUDY_MAKE) bad = make(s, facts, e);
    if (!bad) bad = check_version(s, e);
    if (!bad) bad = get_facts(s, e);
    if (!bad && mode == STUDY_MAKE) bad = compare_facts(s, facts, e);
    return bad;
}

int study_open(study **out, const char *folder, study_mode mode, const json_t *facts, err *e)
{
    study *s = xcalloc(1, sizeof *s);
    pthread_mutex_init(&s->lock, NULL);
    owner_self(s->self);
    s->opened = clock_seconds();
    s->folder = strcpy(xmalloc(strlen(folder) + 1), folder);
    int bad = open_all(s, mode, facts, e);
    if (bad)
        study_close(s);
    else
        *out = s;
    return bad;
}

void study_close(study *s)
{
    if (!s) return;
    db_close(&s->d);
    json_decref(s->facts);
    pthread_mutex_destroy(&s->lock);
    free(s->folder);
    free(s);
}

const json_t *study_facts(const study *s) { return s->facts; }

/* --------------------------------------------------------------------------------- counters */

int study_get(study *s, const char *name, double *out, err *e)
{
    pthread_mutex_lock(&s->lock);
    int bad = db_number(&s->d, out, e, "SELECT value FROM counter WHERE name = ?1", "s", name);
    pthread_mutex_unlock(&s->lock);
    return bad;
}

int study_set(study *s, const char *name, double value, err *e)
{
    int bad = study_begin(s, e);
    if (bad) return bad;
    bad = db_run(&s->d, e, "INSERT OR REPLACE INTO counter VALUES(?1, ?2)", "sd", name, value);
    return study_commit(s, bad, e);
}

/* Of other processes only those count that are gone: who works beside this one shares its time. */
int study_read_spent(study *s, study_spent *out, err *e)
{
    double runs = 0;
    sqlite3_stmt *q;
    *out = (study_spent){.seconds = clock_seconds() - s->opened};
    int got = db_prepare(&s->d, &q, e, "SELECT owner, seconds FROM worker WHERE owner != ?1", "s", s->self);
    while (!got && (got = db_row(&s->d, q, e)) > 0) {
        got = OK;
        if (owner_look(db_text(q, 0)) != OWNER_ALIVE) out->seconds += sqlite3_column_double(q, 1);
    }
    db_done(q);
    if (!got) got = db_number(&s->d, &out->tokens, e, "SELECT total(tokens) + "
                                                       "(SELECT total(value) FROM counter WHERE name = 'lost "
                                                       "tokens') FROM report", "");
    if (!got) got = db_number(&s->d, &runs, e, "SELECT count(*) FROM run WHERE state != 'refused'", "");
    out->runs = (int64_t)runs;
    return got;
}

int study_spent_so_far(study *s, study_spent *out, err *e)
{
    pthread_mutex_lock(&s->lock);
    int bad = study_read_spent(s, out, e);
    pthread_mutex_unlock(&s->lock);
    return bad;
}
