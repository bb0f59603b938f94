/* test_config_inside.c -- the text model inside one that sees images: what of the config.json of both
 * arrives. */
#include "changes.h"

/* The text model of one that sees images: its own part, what stands beside it, defaults of its class. */
static void test_inside(void **state)
{
    (void)state;
    model_config c;
    err e;
    char name[64];
    check_ok(
        read(&c,
             "{\"model_type\": \"gemma3\", \"architectures\": [\"Gemma3ForConditionalGeneration\"], "
             "\"eos_token_id\": [1, 106], \"hidden_size\": 9, \"text_config\": {\"hidden_size\": 2560, "
             "\"intermediate_size\": 10240, \"num_hidden_layers\": 34, \"eos_token_id\": 7, "
             "\"rope_scaling\": {\"factor\": 8.0, \"rope_type\": \"linear\"}, \"sliding_window\": 1024}}",
             &e),
        &e);
    assert_string_equal(c.architecture, "gemma3_text");
    assert_string_equal(c.wrapper->name, "gemma3");
    assert_true(c.width == 2560 && c.ffn == 10240 && c.layers == 34 && c.heads == 8 && c.kv_heads == 4);
    assert_true(c.head_dim == 256 && c.vocab == 262208 && c.context == 131072 && c.window == 1024 && c.tied);
    assert_true(c.n_eos == 2 && c.eos[1] == 106 && config_window(&c, 4) && !config_window(&c, 5));
    assert_string_equal(config_name_inside(&c, "model.norm", name, sizeof name), "model.language_model.norm");
    assert_string_equal(config_name_inside(&c, "lm_head", name, sizeof name), "lm_head");
    assert_true(config_is_outside(&c, "vision_tower.x") && config_is_outside(&c, "model.vision_tower.x") &&
                config_is_outside(&c, "multi_modal_projector.x") &&
                !config_is_outside(&c, "model.norm.weight"));
    check_ok(read(&c, "{\"model_type\": \"llava\", \"text_config\": {\"vocab_size\": 32064}}", &e), &e);
    assert_true(c.width == 4096 && c.layers == 32 && c.kv_heads == 32 && c.vocab == 32064 && !c.tied);
    assert_true(config_is_outside(&c, "image_newline") && config_is_outside(&c, "model.visual.x"));
    check_ok(read(&c, "{\"model_type\": \"llava\", \"text_config\": {\"model_type\": \"mistral\"}}", &e), &e);
    assert_string_equal(c.architecture, "mistral");
    assert_true(c.kv_heads == 8 && c.ffn == 14336 && c.context == 131072);
    check_ok(read(&c, "{}", &e), &e);
    assert_string_equal(config_name_inside(&c, "model.norm", name, sizeof name), "model.norm");
    assert_false(config_is_outside(&c, "vision_tower.x"));
    const bad_changes bad[] = {
        {"{\"model_type\": \"gemma3\"}", E_FORMAT, "without \"text_config\""},
        {"{\"model_type\": \"llava\", \"text_config\": {\"model_type\": \"qwen3\"}}", E_UNSUPPORTED,
         "a llava whose text model is a \"qwen3\""},
        {"{\"model_type\": \"llava\", \"text_config\": {\"model_type\": 3}}", E_FORMAT, "model_type"},
        {"{\"model_type\": \"gemma3\", \"architectures\": [\"Gemma3ForCausalLM\"], \"text_config\": {}}",
         E_UNSUPPORTED, "only Gemma3ForConditionalGeneration"},
        {"{\"model_type\": \"mistral3\", \"text_config\": {\"model_type\": \"ministral3\"}}", E_UNSUPPORTED,
         "(mistral is)"},
        {"{\"model_type\": \"qwen3_vl\"}", E_FORMAT, "without \"text_config\""},
        {"{\"model_type\": \"qwen3_vl\", \"text_config\": {\"model_type\": \"qwen3\"}}", E_UNSUPPORTED,
         "(qwen3_vl_text is)"},
        {"{\"model_type\": \"qwen2_vl\", \"text_config\": 3}", E_FORMAT, "without \"text_config\""},
        {"{\"model_type\": \"paligemma\", \"text_config\": {}}", E_UNSUPPORTED, "\"paligemma\""},
    };
    check_changes(bad, sizeof bad / sizeof *bad);
}

/* Qwen's: names of their own for the text model, rotary positions in three parts, and older files with all in
 * one. */
static void test_qwen(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read(&c,
                  "{\"model_type\": \"qwen2_5_vl\", \"hidden_size\": 1536, \"num_attention_heads\": 12, "
                  "\"num_key_value_heads\": 2, \"rope_theta\": 1000000.0, "
                  "\"rope_scaling\": {\"type\": \"mrope\", \"mrope_section\": [16, 24, 24]}, "
                  "\"vision_config\": {}}",
                  &e),
             &e);
    assert_string_equal(c.architecture, "qwen2");
    assert_string_equal(c.wrapper->name, "qwen2_5_vl");
    assert_true(c.width == 1536 && c.rope.kind == ROPE_PLAIN && c.rope.theta == 1e6);
    check_ok(read(&c,
                  "{\"model_type\": \"qwen2_vl\", \"hidden_size\": 5, \"text_config\": {\"model_type\": "
                  "\"qwen2_vl_text\", \"hidden_size\": 1536, \"num_attention_heads\": 16}}",
                  &e),
             &e);
    assert_true(c.width == 1536 && c.kv_heads == 8 && c.rms_eps == 1e-5 && c.rope.theta == 1e6);
    check_ok(read(&c, "{\"model_type\": \"qwen3_vl\", \"text_config\": {\"hidden_size\": 2560}}", &e), &e);
    assert_string_equal(c.architecture, "qwen3");
    assert_true(c.width == 2560 && c.heads == 32 && c.head_dim == 128 && c.rope.theta == 5e5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inside), cmocka_unit_test(test_qwen)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
