/* fuzz_jinja.c -- a chat template, rendered with a small conversation. */
#include "text/jinja/jinja.h"

#include "base/json.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char variables[] =
    "{\"messages\": [{\"role\": \"system\", \"content\": \"S\"}, {\"role\": \"user\", \"content\": \"Hé\"}, "
    "{\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": {\"name\": \"f\", "
    "\"arguments\": "
    "{\"x\": [1, 2.5, null, true]}}}]}, {\"role\": \"tool\", \"content\": \"7\"}], \"tools\": null, "
    "\"add_generation_prompt\": true, \"bos_token\": \"<s>\", \"eos_token\": \"</s>\"}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static json_t *v;
    if (!v) v = json_loads(variables, 0, NULL);
    const jinja_limits limits = {.now = 1721999045, .steps = 20000, .memory = 8 << 20, .output = 1 << 20};
    err e = {0}, failed = {0};
    jinja *t = jinja_new((const char *)data, size, "fuzz", &e);
    BUG_IF(!t != (e.code != OK));
    if (!t) return 0;
    jinja_output out;
    int code = jinja_render(t, v, &limits, &out, &failed);
    BUG_IF(code != failed.code || (code != OK && !*failed.msg));
    for (int64_t i = 0; code == OK && i < out.spans; i++)
        BUG_IF(out.span[i].start > out.span[i].end || out.span[i].end > out.text.n);
    jinja_output_release(&out);
    jinja_free(t);
    return 0;
}
