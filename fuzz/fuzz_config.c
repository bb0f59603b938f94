/* fuzz_config.c -- config.json with its companions, and adapter_config.json. */
#include "format/config.h"
#include "format/peft_config.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use_adapter(const json_t *j)
{
    arena mem = {0};
    peft_config c;
    err e = {0};
    if (peft_config_read(&c, j, &mem, "fuzz", &e) == OK) {
        int64_t r = peft_rank(&c, "model.layers.0.self_attn.q_proj", &e);
        BUG_IF(r == 0 || (r < 0 && !e.code));
        peft_scale(&c, "model.layers.1.mlp.down_proj", &e);
    } else BUG_IF(!e.msg[0]);
    arena_free(&mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    err e = {0};
    json_t *j = json_parse((const char *)data, size, "fuzz", &e);
    if (!j) return 0;
    model_config c;
    if (config_from_json(&c, j, j, j, "fuzz", &e) == OK)
        BUG_IF(c.layers < 1 || c.heads % c.kv_heads || c.head_dim % 2 || c.n_eos > CONFIG_MAX_EOS);
    else BUG_IF(!e.msg[0]);
    use_adapter(j);
    json_decref(j);
    return 0;
}
