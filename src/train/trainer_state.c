/* trainer_state.c -- see trainer_state.h.
 *
 * The lines of the log are JSON already and become the members of log_history as they are, so that a
 * checkpoint late in a long run costs one copy of the text. */
#include "train/trainer_state.h"

#include "base/file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static void put_history(str *out, const str *lines)
{
    str_puts(out, "[");
    const char *p = str_c(lines), *sep = "";
    for (const char *end; (end = strchr(p, '\n')) != NULL; p = end + 1, sep = ",") {
        str_puts(out, sep);
        str_puts(out, "\n    ");
        str_add(out, p, (size_t)(end - p));
    }
    str_puts(out, *sep ? "\n  ]" : "]");
}

static void set(json_t *o, const char *key, json_t *to)
{
    json_object_set_new(o, key, to ? to : json_null()); /* NULL: a path that is not UTF-8 */
}

/* Everything but the history. */
static json_t *members(const trainer_state *s, const recipe *r)
{
    json_t *o = json_object();
    bool any = s->best_step >= 0;
    set(o, "best_global_step", any ? json_integer(s->best_step) : json_null());
    set(o, "best_metric", any ? json_real(s->best_loss) : json_null());
    set(o, "best_model_checkpoint",
        any && s->best_saved ? json_sprintf("%s/checkpoint-%lld", r->output_dir, (long long)s->best_step)
                             : json_null());
    set(o, "epoch", json_real(s->epoch));
    set(o, "eval_steps", json_integer(r->eval_steps ? r->eval_steps : r->logging_steps));
    set(o, "global_step", json_integer(s->step));
    set(o, "is_hyper_param_search", json_false());
    set(o, "is_local_process_zero", json_true());
    set(o, "is_world_process_zero", json_true());
    set(o, "logging_steps", json_integer(r->logging_steps));
    set(o, "max_steps", json_integer(s->steps));
    set(o, "num_input_tokens_seen", json_integer(s->tokens));
    set(o, "num_train_epochs", json_real(r->num_train_epochs));
    set(o, "save_steps", json_integer(r->save_steps));
    set(o, "stateful_callbacks", json_object());
    set(o, "total_flos", json_real(s->operations));
    set(o, "train_batch_size", json_integer(r->per_device_train_batch_size));
    set(o, "trial_name", json_null());
    set(o, "trial_params", json_null());
    return o;
}

int trainer_state_write(const char *folder, const trainer_state *s, const recipe *r, err *e)
{
    json_t *o = members(s, r), *member;
    const char *key;
    str text = {0}, path = {0};
    str_puts(&text, "{\n  \"log_history\": ");
    put_history(&text, s->history);
    json_object_foreach(o, key, member)
    {
        char *v = json_dumps(member, JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
        BUG_IF(!v);
        str_fmt(&text, ",\n  \"%s\": %s", key, v);
        free(v);
    }
    str_puts(&text, "\n}\n");
    str_fmt(&path, "%s/trainer_state.json", folder);
    int code = file_write(path.p, text.p, text.n, e);
    str_free(&path);
    str_free(&text);
    json_decref(o);
    return code;
}
