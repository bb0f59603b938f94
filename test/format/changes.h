/* changes.h -- a good config.json with some of its members changed: for the tests of what is made of it. */
#ifndef TEST_FORMAT_CHANGES_H
#define TEST_FORMAT_CHANGES_H

#include "format/config.h"
#include "support.h"

/* The smallest good config.json; members of `changes` replace its own, null ones go. */
static inline json_t *changed(const char *changes)
{
    static const char base[] = "{\"model_type\": \"llama\", \"hidden_size\": 48, \"intermediate_size\": 96, "
                               "\"num_hidden_layers\": 3,"
                               "\"num_attention_heads\": 6, \"vocab_size\": 100, \"rms_norm_eps\": 1e-5}";
    err e = {0};
    json_t *o = json_parse(base, strlen(base), "base", &e),
           *c = json_parse(changes, strlen(changes), "changes", &e);
    check_ok(OK, &e);
    json_object_update(o, c);
    json_decref(c);
    return o;
}

static inline int read(model_config *c, const char *changes, err *e)
{
    json_t *o = changed(changes);
    *e = (err){0};
    int code = config_from_json(c, o, NULL, NULL, "config.json", e);
    json_decref(o);
    return code;
}

typedef struct bad_changes {
    const char *changes;
    int         code;
    const char *text;
} bad_changes;

/* Each of them is refused with its code and text, and leaves the configuration as it was. */
static inline void check_changes(const bad_changes *bad, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        model_config c = {.layers = 77};
        err e;
        if (read(&c, bad[i].changes, &e) == OK) fail_msg("%s was accepted", bad[i].changes);
        check_failed(&e, bad[i].code, bad[i].text);
        assert_int_equal(c.layers, 77);
    }
}

#endif
