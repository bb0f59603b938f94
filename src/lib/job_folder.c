/* job_folder.c -- see job_folder.h. */
#include "lib/job_folder.h"

#include "base/cpu.h"
#include "base/file.h"
#include "train/snapshot.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static char *join(const char *folder, const char *name)
{
    str s = {0};
    str_fmt(&s, "%s/%s", folder, name);
    return s.p;
}

static bool holds(const char *folder, const char *name)
{
    char *path = join(folder, name);
    bool there = file_exists(path);
    free(path);
    return there;
}

static int resolve_resume(const options *o, char **resume, err *e)
{
    const char *which = o->resume;
    if (!which || !strcasecmp(which, "false")) return OK;
    if (strcasecmp(which, "true") && strcasecmp(which, "latest")) {
        if (!file_is_dir(which)) return fail(e, E_IO, "%s: there is no such checkpoint folder", which);
        *resume = strdup(which);
        return OK;
    }
    *resume = snapshot_newest(o->out);
    return *resume ? OK : fail(e, E_USAGE, "%s: there is no checkpoint-N to resume from", o->out);
}

static int check_empty(const options *o, err *e)
{
    if (o->overwrite || (o->resume && strcasecmp(o->resume, "false"))) return OK;
    if (holds(o->out, "adapter_model.safetensors"))
        return fail(e, E_USAGE,
                    "%s: a finished run lies there; choose another --out, or replace it with "
                    "--overwrite_output_dir",
                    o->out);
    char *newest = snapshot_newest(o->out);
    if (!newest) return OK;
    free(newest);
    return fail(e, E_USAGE,
                "%s: an unfinished run lies there; go on with --resume_from_checkpoint latest, or replace "
                "it with --overwrite_output_dir",
                o->out);
}

/* The folder can be written to: found out before hours of work, not after. */
static int check_writable(const char *folder, err *e)
{
    char *path = join(folder, ".lorac-test");
    int bad = file_write(path, "", 0, e);
    remove(path);
    free(path);
    return bad;
}

int job_folder_open(const options *o, char **resume, err *e)
{
    *resume = NULL;
    if (file_exists(o->out) && !file_is_dir(o->out))
        return fail(e, E_IO, "%s: is a file; --out names a folder", o->out);
    int bad = file_is_dir(o->out) ? check_empty(o, e) : OK;
    if (!bad) bad = file_mkdirs(o->out, e);
    if (!bad) bad = check_writable(o->out, e);
    return bad ? bad : resolve_resume(o, resume, e);
}

int job_folder_clear(const options *o, err *e)
{
    DIR *d = opendir(o->out);
    int bad = OK;
    for (struct dirent *f; d && !bad && (f = readdir(d)) != NULL;) {
        if (snapshot_number(f->d_name) < 0) continue;
        char *path = join(o->out, f->d_name);
        bad = file_remove_tree(path, e);
        free(path);
    }
    if (d) closedir(d);
    return bad;
}

/* FNV-1a over 8 bytes at a time, the tail byte by byte. */
static uint64_t hash_of(const char *p, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u, word;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29;
    }
    for (; i < n; i++) h = (h ^ (uint8_t)p[i]) * 0x100000001b3u;
    return h;
}

json_t *job_data_json(const char *path, const char *bytes, size_t n, int64_t rows)
{
    return json_pack("{s:s, s:o, s:I, s:I}", "path", path, "fingerprint",
                     json_sprintf("%016llx", (unsigned long long)hash_of(bytes, n)), "bytes", (json_int_t)n,
                     "rows", (json_int_t)rows);
}

static json_t *model_json(const options *o, const job_model *j)
{
    char fingerprint[17];
    return json_pack("{s:s, s:s, s:s, s:I}", "path", o->model, "fingerprint",
                     checkpoint_fingerprint_text(j->model->file, fingerprint), "architecture",
                     j->model->config->architecture, "parameters", (json_int_t)j->model->parameters);
}

static void set_value(json_t *given, const char *name, json_t *now)
{
    json_object_set_new(json_object_get(given, name), "value", now);
}

/* The options with what "auto" and a default became, so that another machine repeats the run; and the shape of the
 * adapter that was trained, which is not the one asked for where it goes on from one. */
static json_t *settled_options(const options *o, const job_model *j)
{
    json_t *given = options_json(o), *names = json_array();
    const peft_config *c = &j->adapter->config;
    set_value(given, "compute", json_string(compute_name(device_compute(j->device))));
    set_value(given, "lora_r", json_integer(c->r));
    set_value(given, "lora_alpha", json_real(c->alpha));
    set_value(given, "use_rslora", json_boolean(c->rslora));
    if (c->target_regex) json_array_append_new(names, json_string(c->target_regex));
    for (int64_t i = 0; i < c->targets.n; i++) json_array_append_new(names, json_string(c->targets.p[i]));
    set_value(given, "lora_target_modules", names);
    return given;
}

json_t *job_run_json(const options *o, const job_model *j, json_t *data, const json_t *result)
{
    json_t *machine = json_pack("{s:s, s:i, s:i, s:s}", "processor", cpu_model(), "cores", cpu_cores(),
                                "threads", device_threads(j->device), "device", device_name(j->device));
    json_t *root = json_pack("{s:s, s:s, s:o, s:o, s:o, s:I, s:o}", "lorac", LORAC_VERSION, "command",
                             command_name(o->command), "options", settled_options(o, j), "model",
                             model_json(o, j), "data", data, "seed", (json_int_t)o->seed, "machine", machine);
    if (result) json_object_set(root, "result", (json_t *)(uintptr_t)result);
    return root;
}
