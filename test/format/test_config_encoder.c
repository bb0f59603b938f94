/* test_config_encoder.c -- what the configurations of encoders say, with a decoder and without, and what is
 * refused by name. */
#include "format/config.h"

#include "support.h"

#include <math.h>

#define SIZES                                                                                                \
    "\"hidden_size\": 48, \"num_attention_heads\": 6, \"num_hidden_layers\": 4, \"intermediate_size\": 96, "    \
    "\"vocab_size\": 100, \"max_position_embeddings\": 64"

static int read(model_config *c, const char *type, const char *more, err *e)
{
    char text[1000];
    snprintf(text, sizeof text, "{\"model_type\": \"%s\", " SIZES "%s%s}", type, *more ? ", " : "", more);
    *e = (err){0};
    json_t *o = json_parse(text, strlen(text), "text", e);
    assert_non_null(o);
    int code = config_from_json(c, o, NULL, NULL, "config.json", e);
    json_decref(o);
    return code;
}

static model_config good(const char *type, const char *more)
{
    model_config c;
    err e;
    if (read(&c, type, more, &e) != OK) fail_msg("%s", e.msg);
    return c;
}

static void test_modernbert(void **state)
{
    (void)state;
    model_config c = good("modernbert", "");
    assert_true(c.window == 65 && config_window(&c, 0) == 0 && config_window(&c, 1) == 65);
    assert_true(config_window(&c, 3) == 0);
    assert_true(c.rope.theta == 160000 && c.local_theta == 10000 && !c.mean_pool && c.act == CONFIG_GELU);
    assert_true(!c.positions && !c.norm_bias && c.rms_eps == 1e-5);
    c = good("modernbert", "\"local_attention\": 10, \"global_attn_every_n_layers\": 2, \"global_rope_theta\": 7, "
                           "\"local_rope_theta\": 3, \"classifier_pooling\": \"mean\", \"norm_bias\": true");
    assert_true(c.window == 6 && config_window(&c, 1) == 6 && config_window(&c, 2) == 0);
    assert_true(c.mean_pool && c.norm_bias);
    assert_true(c.rope.theta == 7 && c.local_theta == 3);
    c = good("modernbert", "\"layer_types\": [\"sliding_attention\", \"full_attention\", \"full_attention\", "
                           "\"sliding_attention\"]");
    assert_true(config_window(&c, 0) == 65 && config_window(&c, 1) == 0 && config_window(&c, 3) == 65);
}

static void test_deberta(void **state)
{
    (void)state;
    model_config c = good("deberta-v2", "");
    assert_true(!c.content_position && !c.position_content && c.positions == 64 && !c.types);
    assert_true(fabs(c.attention_scale - 1 / sqrt(8)) < 1e-12);
    c = good("deberta-v2", "\"relative_attention\": true, \"pos_att_type\": \"p2c|c2p\", \"position_buckets\": 16, "
                           "\"share_att_key\": true, \"norm_rel_ebd\": \"layer_norm\", \"position_biased_input\": "
                           "false, \"embedding_size\": 20, \"max_relative_positions\": -1");
    assert_true(c.content_position && c.position_content && c.log_buckets && c.buckets == 16);
    assert_true(c.bucket_reach == 64 && c.shared_positions && c.normed_positions && !c.positions);
    assert_true(c.embed_width == 20 && fabs(c.attention_scale - 1 / sqrt(24)) < 1e-12);
    c = good("deberta-v2",
             "\"relative_attention\": true, \"pos_att_type\": [\"p2c\"], \"max_relative_positions\": 9");
    assert_true(!c.content_position && c.position_content && !c.log_buckets && c.buckets == 9 && c.bucket_reach == 9);
}

static void test_others(void **state)
{
    (void)state;
    model_config c = good("electra", "\"embedding_size\": 48");
    assert_true(!c.embed_width && c.types == 2 && c.act == CONFIG_GELU);
    assert_int_equal(good("electra", "").embed_width, 128);
    c = good("albert", "\"num_hidden_groups\": 2");
    assert_true(c.groups == 2 && c.embed_width == 128 && c.act == CONFIG_GELU_TANH);
    c = good("mpnet", "\"type_vocab_size\": 2");
    assert_true(!c.types && c.position_offset == 2 && c.context == 62 && c.buckets == 32 && c.bucket_reach == 128);
    c = good("camembert", "");
    assert_true(!strcmp(c.architecture, "roberta") && c.position_offset == 2);
}

#define BART                                                                                                 \
    "\"d_model\": 48, \"encoder_layers\": 2, \"decoder_layers\": 3, \"encoder_attention_heads\": 6, "           \
    "\"encoder_ffn_dim\": 96"

static void test_bart(void **state)
{
    (void)state;
    model_config c = good("bart", BART);
    assert_true(c.encoder_layers == 2 && c.layers == 5 && c.heads == 6 && c.head_dim == 8 && c.ffn == 96);
    assert_true(c.context == 64 && c.positions == 66 && c.position_offset == 2 && c.start == 2 && c.forced == -1);
    assert_true(c.post_norm && c.embed_norm && c.begins && c.embed_scale == 1 && c.n_eos == 1 && c.eos[0] == 2);
    c = good("bart", BART ", \"forced_bos_token_id\": 0, \"scale_embedding\": true");
    assert_true(c.forced == 0 && c.embed_scale == sqrt(48));
    c = good("pegasus", BART);
    assert_true(c.positions == 64 && !c.position_offset && c.start == 0 && !c.post_norm && !c.begins && c.sinusoidal);
    assert_true(c.n_eos == 1 && c.eos[0] == 1 && !c.embed_norm && !c.no_final_norm);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *type, *more;
        int code;
        const char *text;
    } bad[] = {
        {"modernbert", "\"classifier_pooling\": \"max\"", E_UNSUPPORTED, "\"classifier_pooling\" is max"},
        {"modernbert", "\"hidden_activation\": \"relu\"", E_UNSUPPORTED, "\"hidden_activation\" is relu"},
        {"modernbert", "\"classifier_activation\": \"silu\"", E_UNSUPPORTED, "\"classifier_activation\" is silu"},
        {"modernbert", "\"local_attention\": -1", E_FORMAT, "local_attention"},
        {"modernbert", "\"global_attn_every_n_layers\": 0", E_FORMAT, "every 0th layer"},
        {"modernbert", "\"layer_types\": [\"full_attention\"]", E_FORMAT, "1 entries for 4"},
        {"deberta-v2", "\"conv_kernel_size\": 3", E_UNSUPPORTED, "\"conv_kernel_size\" is 3"},
        {"deberta-v2", "\"attention_head_size\": 12", E_UNSUPPORTED, "\"attention_head_size\" is 12"},
        {"deberta-v2", "\"pooler_hidden_size\": 12", E_UNSUPPORTED, "\"pooler_hidden_size\" is 12"},
        {"deberta-v2", "\"pooler_hidden_act\": \"mish\"", E_UNSUPPORTED, "activation \"mish\""},
        {"deberta-v2", "\"hidden_act\": \"silu\"", E_UNSUPPORTED, "\"hidden_act\" is silu"},
        {"deberta-v2", "\"pos_att_type\": \"c2p|p2p\"", E_UNSUPPORTED, "\"pos_att_type\" is p2p"},
        {"deberta-v2", "\"relative_attention\": true", E_UNSUPPORTED, "\"pos_att_type\" is empty"},
        {"deberta-v2", "\"relative_attention\": true, \"pos_att_type\": [\"c2p\"], \"norm_rel_ebd\": \"batch\"",
         E_UNSUPPORTED, "\"norm_rel_ebd\" is batch"},
        {"deberta-v2", "\"relative_attention\": true, \"pos_att_type\": [\"c2p\"], \"position_buckets\": 126",
         E_FORMAT, "126 buckets"},
        {"albert", "\"inner_group_num\": 2", E_UNSUPPORTED, "\"inner_group_num\" is 2"},
        {"albert", "\"num_hidden_groups\": 5", E_FORMAT, "num_hidden_groups"},
        {"electra", "\"position_embedding_type\": \"relative_key\"", E_UNSUPPORTED, "relative_key"},
        {"mpnet", "\"relative_attention_num_buckets\": 64", E_UNSUPPORTED,
         "\"relative_attention_num_buckets\" is 64"},
        {"bart", BART ", \"decoder_ffn_dim\": 4", E_UNSUPPORTED, "\"decoder_ffn_dim\" 4"},
        {"bart", BART ", \"decoder_attention_heads\": 4", E_UNSUPPORTED, "\"decoder_attention_heads\" 4"},
        {"bart", BART ", \"activation_function\": \"silu\"", E_UNSUPPORTED, "\"activation_function\" is silu"},
        {"bart", BART ", \"is_encoder_decoder\": false", E_UNSUPPORTED, "is_encoder_decoder"},
        {"bart", BART ", \"forced_bos_token_id\": 100", E_FORMAT, "none of 100"},
        {"bart", BART ", \"decoder_start_token_id\": -3", E_FORMAT, "none of 100"},
        {"bart", "\"encoder_layers\": 0", E_FORMAT, "0 layers of an encoder"},
        {"mpnet", "\"is_decoder\": true", E_UNSUPPORTED, "as a decoder"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        model_config c;
        err e;
        int code = read(&c, bad[i].type, bad[i].more, &e);
        if (code != bad[i].code || !strstr(e.msg, bad[i].text))
            fail_msg("%s, %s: %d, %s", bad[i].type, bad[i].more, code, e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_modernbert), cmocka_unit_test(test_deberta),
                                       cmocka_unit_test(test_others), cmocka_unit_test(test_bart),
                                       cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
