/* tune_qlora.c -- see tune_qlora.h.
 *
 * For QLoRA on one's own rows. alpha follows r; ranges are those that published recipes lie in, and some more.
 * What is adapted is every projection, or those of attention, or of these the ones that queries and values come
 * from. Families name them in their own ways, so names are the ends of paths that tell attention's projections
 * from all others. */
#include "lib/tune_qlora.h"

#include "base/str.h"
#include "model/model.h"

#include <stdlib.h>
#include <string.h>

static const char qlora[] =
    "{\"learning_rate\": {\"log\": [\"2e-5\", \"5e-3\"]},"
    " \"lora_r\": [\"4\", \"8\", \"16\", \"32\", \"64\"],"
    " \"alpha_ratio\": \"2\","
    " \"use_rslora\": [\"false\", \"true\"],"
    " \"lora_target_modules\": [\"all-linear\"],"
    " \"lora_dropout\": [\"0\", \"0.05\", \"0.1\"],"
    " \"batch_tokens\": [\"512\", \"1024\", \"2048\", \"4096\"],"
    " \"warmup_ratio\": [\"0\", \"0.03\", \"0.1\"],"
    " \"weight_decay\": [\"0\", \"0.01\", \"0.1\"],"
    " \"loraplus_lr_ratio\": [\"1\", \"4\", \"16\"],"
    " \"quantization\": [\"nf4\", \"fp4\", \"q4_k\", \"q8_0\", \"bf16\"],"
    " \"double_quant\": {\"choice\": [\"true\", \"false\"], \"when\": {\"quantization\": \"nf4\"}}}";

/* self_attn.q_proj, attn.c_attn, SelfAttention.q, attention.self.query, attention.output.dense */
static bool of_attention(const char *path)
{
    const char *last = strrchr(path, '.');
    for (const char *p = path; (p = strcasestr(p, "att")) != NULL; p++)
        if (last && p < last) return true;
    return false;
}

/* Does a projection that is none of attention's end in it too? */
static bool is_shared(const model *m, const char *end)
{
    for (int64_t i = 0; i < m->linears; i++) {
        const char *path = m->linear[i].name;
        const size_t n = strlen(path), k = strlen(end);
        if (!of_attention(path) && n > k && path[n - k - 1] == '.' && !strcmp(path + n - k, end)) return true;
    }
    return false;
}

/* The shortest end of the path, in whole components, that none but attention's have. */
static const char *end_of(const model *m, const char *path)
{
    const char *end = path + strlen(path);
    do {
        while (end > path && *--end != '.') {}
        if (end == path) return path;
    } while (is_shared(m, end + 1));
    return end + 1;
}

/* Whether queries or values come from it: q_proj, value, qkv_proj, query_key_value, c_attn; not k_proj, dense. */
static bool makes_queries(const char *end)
{
    const char *last = strrchr(end, '.');
    last = last ? last + 1 : end;
    return strpbrk(last, "qv") || strstr(last, "attn");
}

/* The names, each once, with a comma between. */
static void add_choice(json_t *choices, const model *m, bool queries)
{
    str all = {0};
    for (int64_t i = 0; i < m->linears; i++) {
        if (!of_attention(m->linear[i].name)) continue;
        const char *end = end_of(m, m->linear[i].name);
        str one = {0};
        str_fmt(&one, ",%s,", end);
        if (!strstr(str_c(&all), one.p) && (!queries || makes_queries(end)))
            str_fmt(&all, "%s%s,", all.n ? "" : ",", end);
        str_free(&one);
    }
    const json_t *before = json_array_get(choices, json_array_size(choices) - 1);
    if (all.n) all.p[all.n - 1] = 0;
    if (all.n && strcmp(all.p + 1, json_string_value(before))) json_array_append_new(choices, json_string(all.p + 1));
    str_free(&all);
}

json_t *tune_qlora(const struct model *m)
{
    err e = {0};
    json_t *space = json_parse(qlora, sizeof qlora - 1, "qlora", &e),
           *choices = json_object_get(space, "lora_target_modules");
    BUG_IF(!choices);
    if (m) add_choice(choices, m, false);
    if (m) add_choice(choices, m, true);
    return space;
}
