/* test_qlora.c -- the ready space of tune: what it adapts is named as each family names it. */
#include "lib/tune_qlora.h"

#include "base/file.h"
#include "model/adapter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define MODELS "test/data/model/"

/* The adapter that the names make has projections of attention alone. */
static void check_names(const model *m, const char *names)
{
    const char *list[16];
    char copy[256], *rest = copy;
    int64_t n = 0;
    snprintf(copy, sizeof copy, "%s", names);
    for (char *word; (word = strsep(&rest, ",")) != NULL;) list[n++] = word;
    peft_config c = {.r = 2, .alpha = 4, .targets = {list, n}, .task_type = "CAUSAL_LM"};
    err e = {0};
    adapter *a;
    if (adapter_new(&a, m, &c, 1, &e)) fail_msg("%s", e.msg);
    for (int64_t i = 0; i < a->modules; i++)
        if (!strcasestr(a->module[i].name, "att")) fail_msg("%s takes in %s", names, a->module[i].name);
    adapter_close(a);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *folder, *attention, *queries;
    } all[] = {
        {"tiny/qwen2", "q_proj,k_proj,v_proj,o_proj", "q_proj,v_proj"},
        {"tiny/mixtral", "q_proj,k_proj,v_proj,o_proj", "q_proj,v_proj"},
        {"tiny/phi3", "qkv_proj,o_proj", "qkv_proj"},
        {"tiny/gpt2", "c_attn,attn.c_proj", "c_attn"},
        {"tiny/gpt_neox", "query_key_value,dense", "query_key_value"},
        {"tiny/falcon", "query_key_value,dense", "query_key_value"},
        {"tiny/opt", "q_proj,k_proj,v_proj,out_proj", "q_proj,v_proj"},
        {"encoder/bert-class", "query,key,value,attention.output.dense", "query,value"},
        {"encoder/distilbert-class", "q_lin,k_lin,v_lin,out_lin", "q_lin,v_lin"},
        {"seq2seq/t5", "q,k,v,o", "q,v"},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        char path[128];
        model *m;
        err e = {0};
        model_head head = {strncmp(all[i].folder, "encoder", 7) ? TASK_CAUSAL_LM : TASK_SEQ_CLS, OBJECTIVE_CLASS, 3};
        snprintf(path, sizeof path, MODELS "%s", all[i].folder);
        if (model_open_for(&m, path, "as-is", MODEL_DOUBLE_QUANT, &head, NULL, &e)) fail_msg("%s", e.msg);
        json_t *space = tune_qlora(m), *choices = json_object_get(space, "lora_target_modules");
        assert_int_equal(json_array_size(choices), 3);
        assert_string_equal(json_string_value(json_array_get(choices, 0)), "all-linear");
        assert_string_equal(json_string_value(json_array_get(choices, 1)), all[i].attention);
        assert_string_equal(json_string_value(json_array_get(choices, 2)), all[i].queries);
        check_names(m, all[i].attention);
        check_names(m, all[i].queries);
        json_decref(space);
        model_close(m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
