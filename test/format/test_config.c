/* test_config.c -- configurations: what of a config.json arrives, what is refused and in which words. */
#include "changes.h"

#include <math.h>

static void test_defaults(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read(&c, "{}", &e), &e);
    assert_string_equal(c.architecture, "llama");
    assert_true(c.layers == 3 && c.width == 48 && c.ffn == 96 && c.heads == 6 && c.kv_heads == 6 &&
                c.head_dim == 8);
    assert_true(c.vocab == 100 && c.context == 2048 && c.rope.theta == 10000 && c.rms_eps == 1e-5);
    assert_true(!c.tied && !c.attention_bias && !c.mlp_bias && !c.add_bos && !c.add_eos);
    assert_true(c.bos == -1 && c.pad == -1 && c.unk == -1 && c.n_eos == 0);
}

static void test_spellings(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read(&c, "{\"rope_theta\": 5e5, \"rope_scaling\": null, \"head_dim\": null}", &e), &e);
    assert_true(c.rope.theta == 5e5);
    check_ok(read(&c, "{\"rope_parameters\": {\"rope_type\": \"default\", \"rope_theta\": 7}}", &e), &e);
    assert_true(c.rope.theta == 7);
    check_ok(read(&c, "{\"rope_theta\": 5, \"rope_scaling\": {\"type\": \"default\"}}", &e), &e);
    assert_true(c.rope.theta == 5);
    check_ok(read(&c,
                  "{\"head_dim\": 10, \"num_key_value_heads\": 2, \"tie_word_embeddings\": true,"
                  "\"attention_bias\": true, \"mlp_bias\": true, \"max_position_embeddings\": 8192}",
                  &e),
             &e);
    assert_true(c.head_dim == 10 && c.kv_heads == 2 && c.tied && c.attention_bias && c.mlp_bias &&
                c.context == 8192);
    check_ok(read(&c, "{\"architectures\": [\"LlamaForCausalLM\"], \"vocab_size\": 1.28e2}", &e), &e);
    assert_int_equal(c.vocab, 128);
    check_ok(read(&c, "{\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}}", &e), &e);
    check_ok(read(&c, "{\"hidden_size\": 50, \"head_dim\": 8}", &e), &e);
}

static void test_tokens(void **state)
{
    (void)state;
    model_config c;
    err e = {0};
    json_t *o = changed("{\"bos_token_id\": 1, \"pad_token_id\": 9, \"eos_token_id\": 4}");
    const char g_text[] = "{\"eos_token_id\": [4, 7, 8]}",
               t_text[] = "{\"add_bos_token\": true, \"add_eos_token\": null}";
    json_t *g = json_parse(g_text, strlen(g_text), "g", &e), *t = json_parse(t_text, strlen(t_text), "t", &e);
    check_ok(config_from_json(&c, o, g, t, "config.json", &e), &e);
    assert_true(c.bos == 1 && c.pad == 9 && c.n_eos == 3 && c.eos[0] == 4 && c.eos[1] == 7 && c.eos[2] == 8);
    assert_true(c.add_bos && !c.add_eos);
    json_decref(o);
    json_decref(g);
    json_decref(t);
    check_ok(read(&c, "{\"eos_token_id\": [1,2,3,4,5,6,7,8,9,10]}", &e), &e);
    assert_int_equal(c.n_eos, CONFIG_MAX_EOS);
    assert_int_equal(read(&c, "{\"eos_token_id\": \"2\"}", &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "eos_token_id");
    assert_int_equal(read(&c, "{\"eos_token_id\": [null]}", &e), E_FORMAT);
}

static void test_refused(void **state)
{
    (void)state;
    const bad_changes bad[] = {
        {"{\"model_type\": \"mamba\"}", E_UNSUPPORTED, "\"mamba\" are not supported (supported: llama, "},
        {"{\"model_type\": null}", E_FORMAT, "which architecture"},
        {"{\"model_type\": 3}", E_FORMAT, "model_type"},
        {"{\"architectures\": [\"LlamaForSequenceClassification\"]}", E_UNSUPPORTED,
         "is a LlamaForSequenceClass"},
        {"{\"hidden_act\": \"gelu\"}", E_UNSUPPORTED, "activation \"gelu\""},
        {"{\"partial_rotary_factor\": 0.5}", E_UNSUPPORTED, "partial rotary"},
        {"{\"rope_parameters\": {\"partial_rotary_factor\": 0.5}}", E_UNSUPPORTED, "partial rotary"},
        {"{\"rope_scaling\": {\"rope_type\": \"ntk\", \"factor\": 8}}", E_UNSUPPORTED, "scaled by \"ntk\""},
        {"{\"rope_scaling\": {\"type\": \"linear\"}}", E_FORMAT,
         "scaling of its rotary positions makes no sense"},
        {"{\"rope_parameters\": {\"rope_type\": \"yarn\", \"factor\": -1}}", E_FORMAT, "makes no sense"},
        {"{\"rope_scaling\": {\"rope_type\": \"llama3\", \"factor\": 8, \"high_freq_factor\": 1}}", E_FORMAT,
         "low_freq_factor 1 and high_freq_factor 1"},
        {"{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 8, \"beta_fast\": 0}}", E_FORMAT,
         "beta_fast 0"},
        {"{\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 1, 1]}}", E_FORMAT,
         "\"short_factor\" has to be a list of 4"},
        {"{\"rope_scaling\": {\"type\": \"longrope\", \"short_factor\": [1, 1, 0, 1]}}", E_FORMAT,
         "\"short_factor\" has to be a list of positive"},
        {"{\"rope_scaling\": []}", E_FORMAT, "\"rope_scaling\" has to be an object"},
        {"{\"quantization_config\": {\"quant_method\": \"gptq\"}}", E_UNSUPPORTED, "quantized by \"gptq\""},
        {"{\"num_hidden_layers\": 0}", E_FORMAT, "the number of layers is 0"},
        {"{\"num_hidden_layers\": null}", E_FORMAT, "the number of layers is 0"},
        {"{\"num_hidden_layers\": 4097}", E_FORMAT, "the number of layers is 4097"},
        {"{\"num_hidden_layers\": -1}", E_FORMAT, "the number of layers is -1"},
        {"{\"hidden_size\": 1048577, \"head_dim\": 8}", E_FORMAT, "the width is 1048577"},
        {"{\"hidden_size\": 9223372036854775807, \"head_dim\": 8}", E_FORMAT, "the width is"},
        {"{\"hidden_size\": 50}", E_FORMAT, "a width of 50 cannot be divided among 6 heads"},
        {"{\"num_attention_heads\": 0}", E_FORMAT, "cannot be divided among 0 heads"},
        {"{\"num_attention_heads\": 0, \"head_dim\": 8}", E_FORMAT, "the number of heads is 0"},
        {"{\"num_key_value_heads\": 0}", E_FORMAT, "the number of key and value heads is 0"},
        {"{\"num_key_value_heads\": 4}", E_FORMAT, "6 heads cannot share 4"},
        {"{\"num_key_value_heads\": 12}", E_FORMAT, "6 heads cannot share 12"},
        {"{\"head_dim\": 7}", E_FORMAT, "heads of 7 numbers"},
        {"{\"head_dim\": 0}", E_FORMAT, "the size of a head is 0"},
        {"{\"intermediate_size\": 0}", E_FORMAT, "the feed-forward block is 0"},
        {"{\"vocab_size\": 0}", E_FORMAT, "the vocabulary is 0"},
        {"{\"vocab_size\": \"100\"}", E_FORMAT, "\"vocab_size\" has to be a whole number"},
        {"{\"vocab_size\": 100.5}", E_FORMAT, "\"vocab_size\" has to be a whole number"},
        {"{\"max_position_embeddings\": 0}", E_FORMAT, "the context is 0"},
        {"{\"rope_theta\": 0}", E_FORMAT, "a rope base of 0"},
        {"{\"rope_theta\": -1e4}", E_FORMAT, "a rope base of -10000"},
        {"{\"rms_norm_eps\": -1}", E_FORMAT, "a norm epsilon of -1"},
        {"{\"rms_norm_eps\": 1}", E_FORMAT, "a norm epsilon of 1"},
        {"{\"tie_word_embeddings\": 1}", E_FORMAT, "\"tie_word_embeddings\" has to be true or false"},
        {"{\"model_type\": \"t5\", \"feed_forward_proj\": \"gated-relu\"}", E_UNSUPPORTED,
         "\"feed_forward_proj\" is \"gated-relu\""},
        {"{\"model_type\": \"t5\", \"feed_forward_proj\": \"gelu\"}", E_UNSUPPORTED,
         "\"feed_forward_proj\" is \"gelu\""},
        {"{\"model_type\": \"t5\", \"num_layers\": 0}", E_FORMAT, "\"num_layers\" is 0"},
        {"{\"model_type\": \"t5\", \"num_decoder_layers\": 2049}", E_FORMAT, "\"num_decoder_layers\" is 2049"},
        {"{\"model_type\": \"t5\", \"d_kv\": -64}", E_FORMAT, "\"d_kv\" is -64"},
        {"{\"model_type\": \"t5\", \"d_model\": 9223372036854775807}", E_FORMAT, "\"d_model\" is 922"},
        {"{\"model_type\": \"t5\", \"relative_attention_num_buckets\": 2}", E_FORMAT, "2 buckets"},
        {"{\"model_type\": \"t5\", \"relative_attention_num_buckets\": 31}", E_FORMAT, "31 buckets"},
        {"{\"model_type\": \"t5\", \"relative_attention_max_distance\": 16}", E_FORMAT,
         "32 buckets that reach 16 tokens"},
        {"{\"model_type\": \"t5\", \"decoder_start_token_id\": 100}", E_FORMAT, "first token is 100"},
        {"{\"model_type\": \"t5\", \"pad_token_id\": -1}", E_FORMAT, "first token is -1"},
        {"{\"model_type\": \"t5\", \"is_encoder_decoder\": false}", E_UNSUPPORTED, "is_encoder_decoder"},
        {"{\"model_type\": \"t5\", \"architectures\": [\"T5EncoderModel\"]}", E_UNSUPPORTED,
         "is a T5EncoderModel"},
    };
    check_changes(bad, sizeof bad / sizeof *bad);
    model_config c;
    err e = {0};
    assert_int_equal(config_from_json(&c, NULL, NULL, NULL, "x", &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "not a model configuration");
    assert_string_equal(family_at(0)->name, "llama");
    assert_null(family_at(-1));
    assert_null(family_find("mamba"));
}

/* The same of another family, whose model_type is among the changes. */
static void check_layers(const char *changes, const char *windows, const char *rotations)
{
    model_config c;
    err e;
    check_ok(read(&c, changes, &e), &e);
    for (int64_t l = 0; l < c.layers; l++) {
        if ((config_window(&c, l) > 0) != (windows[l] == 'w'))
            fail_msg("%s: window of layer %d", changes, (int)l);
        if (config_rotates(&c, l) != (rotations[l] == 'r'))
            fail_msg("%s: rotation of layer %d", changes, (int)l);
    }
}

static void test_layers(void **state)
{
    (void)state;
    check_layers("{\"sliding_window\": 4}", "...", "rrr"); /* Llama has none */
    check_layers("{\"model_type\": \"mistral\", \"sliding_window\": 4}", "www", "rrr");
    check_layers("{\"model_type\": \"mistral\", \"sliding_window\": null}", "...", "rrr");
    check_layers("{\"model_type\": \"mistral\"}", "www", "rrr");
    check_layers("{\"model_type\": \"qwen2\", \"sliding_window\": 4}", "...", "rrr");
    check_layers("{\"model_type\": \"qwen2\", \"use_sliding_window\": true, \"max_window_layers\": 2}", "..w",
                 "rrr");
    check_layers("{\"model_type\": \"gemma2\", \"hidden_act\": \"gelu\"}", "w.w", "rrr");
    check_layers("{\"model_type\": \"gemma3_text\", \"sliding_window_pattern\": 2}", "w.w", "rrr");
    check_layers(
        "{\"model_type\": \"gemma3_text\", \"layer_types\": [\"full_attention\", \"sliding_attention\","
        "\"full_attention\"]}",
        ".w.", "rrr");
    check_layers("{\"model_type\": \"smollm3\", \"no_rope_layer_interval\": 2}", "...", "r.r");
    check_layers("{\"model_type\": \"smollm3\", \"no_rope_layers\": [0, 1, 1]}", "...", ".rr");
}

/* T5 by what it leaves out, and by both ways to say that the head is one of its own. */
static void test_t5(void **state)
{
    (void)state;
    static const struct {
        const char *changes;
        bool tied, gated;
        double scale;
    } all[] = {
        {"{\"model_type\": \"t5\", \"d_model\": 64}", true, false, 0.125},
        {"{\"model_type\": \"t5\", \"d_model\": 64, \"tie_word_embeddings\": false, "
         "\"feed_forward_proj\": \"gated-gelu\"}", false, true, 1},
        {"{\"model_type\": \"t5\", \"d_model\": 64, \"tie_word_embeddings\": true, "
         "\"scale_decoder_outputs\": false}", true, false, 1},
        {"{\"model_type\": \"mt5\", \"d_model\": 64}", false, true, 1},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        model_config c;
        err e;
        check_ok(read(&c, all[i].changes, &e), &e);
        assert_string_equal(c.architecture, "t5");
        assert_int_equal(c.tied, all[i].tied);
        assert_int_equal(c.gated, all[i].gated);
        assert_int_equal(c.act, all[i].gated ? CONFIG_GELU_TANH : CONFIG_RELU);
        assert_true(c.head_scale == all[i].scale && c.attention_scale == 1);
        assert_int_equal(c.encoder_layers, i == 3 ? 8 : 6);
        assert_int_equal(c.layers, 2 * c.encoder_layers);
        assert_int_equal(c.eos[0], 1);
        assert_int_equal(c.start, 0);
        assert_int_equal(c.bucket_reach, 128);
    }
}

#define BART                                                                                                 \
    "\"d_model\": 64, \"encoder_attention_heads\": 16, \"encoder_ffn_dim\": 96, \"encoder_layers\": 2, "       \
    "\"decoder_layers\": 2, "
/* Probabilities by place, where the file says nothing too; they matter to nobody who does not ask for dropout. */
static void test_dropout(void **state)
{
    (void)state;
    static const struct {
        const char *changes;
        double p[DROPOUT_KINDS];
    } good[] = {
        {"{\"attention_dropout\": 0.2, \"hidden_dropout\": 0.5}", {0, 0.2, 0, 0, 0, 0}},
        {"{\"model_type\": \"gpt2\", \"resid_pdrop\": 0.3}", {0.1, 0.1, 0.3, 0.3, 0, 0}},
        {"{\"model_type\": \"gpt_neox\", \"hidden_dropout\": 0.2}", {0.2, 0, 0.2, 0.2, 0, 0}},
        {"{\"model_type\": \"opt\", \"dropout\": null}", {0, 0, 0.1, 0.1, 0, 0}},
        {"{\"model_type\": \"stablelm\", \"hidden_dropout\": 0.2}", {0, 0, 0, 0.2, 0, 0}},
        {"{\"model_type\": \"falcon\", \"attention_dropout\": 0.2}", {0, 0, 0.2, 0, 0, 0}},
        {"{\"model_type\": \"falcon\", \"alibi\": true, \"multi_query\": false, \"attention_dropout\": 0.2}",
         {0, 0.2, 0.2, 0, 0, 0}},
        {"{\"model_type\": \"bloom\", \"hidden_dropout\": 0.2}", {0, 0, 0.2, 0.2, 0, 0}},
        {"{\"model_type\": \"mpt\", \"attn_pdrop\": 0.5, \"attn_config\": {\"attn_pdrop\": 0.2}}",
         {0, 0.2, 0.2, 0.2, 0, 0}},
        {"{\"model_type\": \"seed_oss\"}", {0, 0.1, 0.1, 0.1, 0, 0}},
        {"{\"model_type\": \"ernie4_5\", \"attention_dropout\": 0.5}", {0, 0, 0, 0, 0, 0}},
        {"{\"model_type\": \"modernbert\", \"mlp_dropout\": 0.2}", {0, 0, 0, 0, 0.2, 0}},
        {"{\"model_type\": \"phi3\", \"embd_pdrop\": 0.5, \"resid_pdrop\": 0.2}", {0, 0, 0.2, 0.2, 0, 0}},
        {"{\"model_type\": \"bert\", \"hidden_dropout_prob\": 0.2}", {0.2, 0.1, 0.2, 0.2, 0, 0.2}},
        {"{\"model_type\": \"bert\", \"classifier_dropout\": 0}", {0.1, 0.1, 0.1, 0.1, 0, 0}},
        {"{\"model_type\": \"xlm-roberta\"}", {0.1, 0.1, 0.1, 0.1, 0, 0.1}},
        {"{\"model_type\": \"distilbert\", \"dim\": 48, \"n_heads\": 6}", {0.1, 0.1, 0, 0.1, 0, 0.2}},
        {"{\"model_type\": \"mt5\", \"dropout_rate\": 0.2}", {0.2, 0.2, 0.2, 0.2, 0.2, 0.2}},
        {"{\"model_type\": \"bart\", " BART "\"attention_dropout\": 0.3, \"activation_dropout\": 0.2}",
         {0.1, 0.3, 0.1, 0.1, 0.2, 0}},
    };
    static const struct {
        const char *changes;
        int code;
        const char *text;
    } bad[] = {
        {"{\"attention_dropout\": 1}", E_FORMAT, "\"attention_dropout\" of config.json has to be a number from 0"},
        {"{\"attention_dropout\": \"0.1\"}", E_FORMAT, "\"attention_dropout\""},
        {"{\"model_type\": \"bert\", \"classifier_dropout\": -1}", E_FORMAT, "\"classifier_dropout\""},
        {"{\"model_type\": \"opt\", \"layerdrop\": 0.1}", E_UNSUPPORTED, "whole layers"},
        {"{\"model_type\": \"bart\", " BART "\"decoder_layerdrop\": 0.1}", E_UNSUPPORTED, "whole layers"},
    };
    model_config c;
    err e;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        check_ok(read(&c, good[i].changes, &e), &e);
        check_ok(config_check_dropout(&c, "m", &e), &e);
        for (int k = 0; k < DROPOUT_KINDS; k++)
            if (c.dropout[k] != good[i].p[k]) fail_msg("%s: place %d: %g", good[i].changes, k, c.dropout[k]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        check_ok(read(&c, bad[i].changes, &e), &e);
        if (config_check_dropout(&c, "m", &e) == OK) fail_msg("%s was accepted", bad[i].changes);
        check_failed(&e, bad[i].code, bad[i].text);
    }
    e = (err){0};
    c.says_dropout = false;
    assert_int_equal(config_check_dropout(&c, "m.gguf", &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "m.gguf: base_dropout config: a GGUF file does not say");
    for (int i = 0; family_at(i); i++) { /* none but one is left out */
        e = (err){0};
        c = (model_config){.family = family_at(i), .says_dropout = true};
        if (!strcmp(family_at(i)->name, "deberta_v2")) {
            assert_int_equal(config_check_dropout(&c, "m", &e), E_UNSUPPORTED);
            continue;
        }
        check_ok(config_check_dropout(&c, family_at(i)->name, &e), &e);
    }
}

static void test_families(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read(&c, "{\"model_type\": \"gemma2\", \"hidden_act\": \"gelu_pytorch_tanh\"}", &e), &e);
    assert_true(c.tied && c.norm_offset == 1 && c.head_dim == 256 && c.attention_scale == 1.0 / 16);
    assert_true(c.attention_cap == 50 && c.final_cap == 30 && c.embed_scale == (double)sqrtf(48));
    check_ok(
        read(&c,
             "{\"model_type\": \"gemma2\", \"attn_logit_softcapping\": null, \"query_pre_attn_scalar\": 144}",
             &e),
        &e);
    assert_true(c.attention_cap == 0 && c.final_cap == 30 && c.attention_scale == 1.0 / 12);
    static const char *const capped[] = {"llama", "gemma"}; /* which transformers reads no caps for */
    for (int i = 0; i < 2; i++) {
        char changes[200];
        snprintf(changes, sizeof changes,
                 "{\"model_type\": \"%s\", \"hidden_act\": null, \"head_dim\": 16, "
                 "\"attn_logit_softcapping\": 3, \"final_logit_softcapping\": 8, "
                 "\"query_pre_attn_scalar\": 144}",
                 capped[i]);
        check_ok(read(&c, changes, &e), &e);
        assert_true(c.attention_cap == 0 && c.final_cap == 0 && c.attention_scale == 0.25);
    }
    check_ok(read(&c, "{\"model_type\": \"gemma3_text\", \"rope_local_base_freq\": 7}", &e), &e);
    assert_true(c.rope.theta == 1e6 && c.local_theta == 7);
    check_ok(
        read(&c, "{\"model_type\": \"gpt_neox\", \"rope_parameters\": {\"partial_rotary_factor\": 1}}", &e),
        &e);
    assert_int_equal(c.rotary_dim, 8); /* a quarter where no object says */
    static const char *const plain[] = {"gpt2", "gpt_neox", "opt", "bert", "roberta", "distilbert"};
    for (int i = 0; i < 6; i++) { /* as transformers, which reads neither of the two */
        char changes[200];
        snprintf(changes, sizeof changes,
                 "{\"model_type\": \"%s\", \"head_dim\": 16, \"num_key_value_heads\": 3, \"dim\": 48, "
                 "\"n_heads\": 6}",
                 plain[i]);
        check_ok(read(&c, changes, &e), &e);
        assert_true(c.kv_heads == 6 && c.head_dim == 8);
    }
    check_ok(read(&c, "{\"rope_scaling\": {\"rope_type\": \"yarn\", \"factor\": 4}}", &e), &e);
    assert_true(c.rope.kind == ROPE_YARN && fabs(c.rope.magnitude - 0.1 * log(4) - 1) < 1e-12 &&
                c.rope.truncate);
    check_ok(
        read(&c,
             "{\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4, \"mscale\": 2, \"mscale_all_dim\": 1}}",
             &e),
        &e);
    assert_true(fabs(c.rope.magnitude - (0.2 * log(4) + 1) / (0.1 * log(4) + 1)) < 1e-12);
    check_ok(read(&c, "{\"model_type\": \"mixtral\", \"num_local_experts\": 8}", &e), &e);
    assert_true(c.experts == 8 && c.experts_used == 2 && c.norm_topk && c.expert_ffn == 96 &&
                config_has_experts(&c, 0));
    check_ok(read(&c,
                  "{\"model_type\": \"qwen2_moe\", \"num_experts\": 8, \"num_experts_per_tok\": 3,"
                  "\"moe_intermediate_size\": 12, \"shared_expert_intermediate_size\": 24, "
                  "\"decoder_sparse_step\": 2}",
                  &e),
             &e);
    assert_true(c.experts_used == 3 && !c.norm_topk && c.expert_ffn == 12 && c.shared_ffn == 24 &&
                c.attention_bias);
    assert_true(!config_has_experts(&c, 0) && config_has_experts(&c, 1) && !config_has_experts(&c, 2));
    check_ok(read(&c,
                  "{\"model_type\": \"mpt\", \"d_model\": 32, \"n_heads\": 4, \"n_layers\": 5, \"max_seq_len\": 9, "
                  "\"attn_config\": {\"alibi_bias_max\": 4, \"clip_qkv\": 6, \"softmax_scale\": 0.5}}",
                  &e),
             &e);
    assert_true(c.width == 32 && c.heads == 4 && c.kv_heads == 4 && c.layers == 5 && c.ffn == 128 && c.context == 9);
    assert_true(c.alibi == 4 && !c.alibi_scaled && c.qkv_most == 6 && c.attention_scale == 0.5 && c.tied);
    check_ok(read(&c, "{\"model_type\": \"bloom\", \"n_embed\": 96, \"seq_length\": 77}", &e), &e);
    assert_true(c.alibi == 8 && c.width == 96 && c.ffn == 384 && c.head_dim == 16 && c.context == 77);
    check_ok(read(&c, "{\"model_type\": \"cohere2\", \"num_hidden_layers\": 9}", &e), &e);
    for (int64_t l = 0; l < 9; l++)
        assert_true(config_window(&c, l) == (l % 4 == 3 ? 0 : 4096) && config_rotates(&c, l) == (l % 4 != 3));
    check_ok(read(&c,
                  "{\"model_type\": \"exaone4\", \"sliding_window_pattern\": \"LLG\", \"sliding_window\": 7, "
                  "\"num_hidden_layers\": 6}",
                  &e),
             &e);
    for (int64_t l = 0; l < 6; l++)
        assert_true(config_window(&c, l) == (l % 3 == 2 ? 0 : 7) && config_rotates(&c, l) == (l % 3 != 2));
    check_ok(read(&c, "{\"model_type\": \"exaone4\", \"sliding_window\": null}", &e), &e);
    assert_true(config_window(&c, 0) == 0 && config_rotates(&c, 0) && config_rotates(&c, 3));
    check_ok(read(&c, "{\"model_type\": \"gpt_neo\", \"num_layers\": 24, \"intermediate_size\": null}", &e), &e);
    assert_true(c.window == 256 && c.ffn == 192 && c.positions == 2048 && c.attention_scale == 1);
    for (int64_t l = 0; l < 24; l++) assert_true(config_window(&c, l) == (l % 2 ? 256 : 0));
    check_ok(read(&c,
                  "{\"model_type\": \"hunyuan_v1_dense\", \"rope_scaling\": {\"type\": \"dynamic\", \"alpha\": 1000, "
                  "\"factor\": 1}}",
                  &e),
             &e);
    assert_true(c.rope.kind == ROPE_PLAIN && fabs(c.rope.theta - 1e8) < 1); /* 10000 1000^(8/6) */
    check_ok(read(&c, "{\"model_type\": \"cohere\"}", &e), &e);
    assert_true(c.rope.theta == 5e5 && c.head_scale == 0.0625 && c.tied);
    check_ok(read(&c, "{\"model_type\": \"granite\", \"logits_scaling\": 8}", &e), &e);
    assert_true(c.head_scale == 0.125 && c.attention_scale == 1 && c.embed_scale == 1 && c.residual_scale == 1);
}

static void test_families_refused(void **state)
{
    (void)state;
    const bad_changes bad[] = {
        {"{\"model_type\": \"gemma\", \"hidden_activation\": \"relu\"}", E_UNSUPPORTED,
         "activation \"relu\""},
        {"{\"model_type\": \"gemma2\", \"attn_logit_softcapping\": -1}", E_FORMAT, "soft caps of -1"},
        {"{\"model_type\": \"mistral\", \"sliding_window\": -4}", E_FORMAT, "a window of -4"},
        {"{\"model_type\": \"gemma3_text\", \"layer_types\": [\"full_attention\"]}", E_FORMAT,
         "1 entries for 3"},
        {"{\"model_type\": \"gemma3_text\", \"layer_types\": [\"a\", \"b\", \"c\"]}", E_UNSUPPORTED,
         "layers of type \"a\""},
        {"{\"model_type\": \"smollm3\", \"no_rope_layers\": [1]}", E_FORMAT, "1 entries for 3"},
        {"{\"model_type\": \"smollm3\", \"no_rope_layer_interval\": 0}", E_FORMAT, "at least 1"},
        {"{\"model_type\": \"phi3\", \"partial_rotary_factor\": 0.4}", E_FORMAT, "3 numbers of a head of 8"},
        {"{\"model_type\": \"smollm3\", \"use_sliding_window\": true, \"sliding_window\": 8}", E_UNSUPPORTED,
         "use_sliding_window"},
        {"{\"model_type\": \"gemma3_text\", \"use_bidirectional_attention\": true}", E_UNSUPPORTED,
         "later positions"},
        {"{\"is_causal\": false}", E_UNSUPPORTED, "later positions"},
        {"{\"model_type\": \"gemma3_text\", \"rope_parameters\": {\"sliding_attention\": "
         "{\"rope_type\": \"linear\", \"factor\": 8}}}",
         E_UNSUPPORTED, "type \"linear\""},
        {"{\"head_dim\": 2, \"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 2}}", E_FORMAT, "one pair"},
        {"{\"model_type\": \"gpt_neox\", \"rotary_pct\": 0}", E_UNSUPPORTED, "rotary_pct"},
        {"{\"model_type\": \"roberta\", \"pad_token_id\": 9223372036854775807}", E_FORMAT, "position 0"},
        {"{\"model_type\": \"gpt2\", \"n_inner\": \"96\"}", E_FORMAT, "n_inner"},
        {"{\"model_type\": \"gpt2\", \"n_inner\": 96.5}", E_FORMAT, "n_inner"},
        {"{\"model_type\": \"qwen3_moe\", \"num_experts\": 4}", E_FORMAT, "0 of 4 experts"},
        {"{\"model_type\": \"mixtral\"}", E_FORMAT, "2 of 0 experts"},
        {"{\"model_type\": \"mixtral\", \"num_local_experts\": 2, \"num_experts_per_tok\": 3}", E_FORMAT,
         "3 of 2 experts"},
        {"{\"model_type\": \"mixtral\", \"num_local_experts\": 4096}", E_FORMAT, "2 of 4096 experts"},
        {"{\"model_type\": \"qwen3_moe\", \"num_experts\": 4, \"decoder_sparse_step\": 0}", E_FORMAT,
         "sparse_step"},
        {"{\"model_type\": \"qwen3_moe\", \"num_experts\": 4, \"mlp_only_layers\": [-1]}", E_FORMAT,
         "mlp_only"},
        {"{\"model_type\": \"falcon\", \"alibi\": true}", E_UNSUPPORTED, "6 heads over 1 keys"},
        {"{\"model_type\": \"bloom\", \"apply_residual_connection_post_layernorm\": true}", E_UNSUPPORTED,
         "apply_residual"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"qk_ln\": true}}", E_UNSUPPORTED, "(qk_ln)"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"prefix_lm\": true}}", E_UNSUPPORTED, "(prefix_lm)"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"alibi\": false}}", E_UNSUPPORTED, "(alibi)"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"attn_type\": \"multiquery_attention\"}}", E_UNSUPPORTED,
         "(attn_type)"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"clip_qkv\": -6}}", E_FORMAT, "within +--6"},
        {"{\"model_type\": \"mpt\", \"attn_config\": {\"alibi_bias_max\": 65}}", E_FORMAT, "2^-65"},
        {"{\"model_type\": \"mpt\", \"expansion_ratio\": -4}", E_FORMAT, "the width of the feed-forward"},
        {"{\"model_type\": \"mpt\", \"logit_scale\": \"inv_sqrt_d_model\"}", E_UNSUPPORTED, "(logit_scale)"},
        {"{\"model_type\": \"mpt\", \"no_bias\": false}", E_UNSUPPORTED, "(no_bias)"},
        {"{\"model_type\": \"phi\", \"qk_layernorm\": true}", E_UNSUPPORTED, "(qk_layernorm)"},
        {"{\"model_type\": \"phi\", \"hidden_act\": \"xielu\"}", E_UNSUPPORTED, "activation \"xielu\""},
        {"{\"model_type\": \"cohere\", \"use_qk_norm\": true}", E_UNSUPPORTED, "(use_qk_norm)"},
        {"{\"model_type\": \"cohere2\", \"sliding_window\": null}", E_UNSUPPORTED, "(sliding_window)"},
        {"{\"model_type\": \"gptj\", \"rotary_dim\": null}", E_UNSUPPORTED, "(rotary_dim)"},
        {"{\"model_type\": \"gpt_bigcode\", \"multi_query\": false}", E_UNSUPPORTED, "(multi_query)"},
        {"{\"model_type\": \"gpt_bigcode\", \"scale_attn_weights\": false}", E_UNSUPPORTED, "(scale_attn_weights)"},
        {"{\"model_type\": \"gpt_bigcode\", \"add_cross_attention\": true}", E_UNSUPPORTED,
         "(add_cross_attention)"},
        {"{\"model_type\": \"gpt_neo\", \"attention_types\": [[[\"global\"], 2]]}", E_FORMAT,
         "2 entries for 3 layers"},
        {"{\"model_type\": \"gpt_neo\", \"attention_types\": [[[], 2], 7, [\"a\"], [[3], 3]]}", E_UNSUPPORTED,
         "(attention_types)"},
        {"{\"model_type\": \"gpt_neo\", \"attention_types\": [[[\"global\"], 999999999999]]}", E_FORMAT,
         "4096 entries for 3 layers"},
        {"{\"model_type\": \"exaone4\", \"sliding_window_pattern\": \"LGLG\"}", E_UNSUPPORTED,
         "\"sliding_window_pattern\" of \"LGLG\""},
        {"{\"model_type\": \"granite\", \"logits_scaling\": 0}", E_FORMAT, "scaled by inf"},
        {"{\"model_type\": \"granite\", \"residual_multiplier\": -1}", E_FORMAT, "scaled by -1"},
    };
    check_changes(bad, sizeof bad / sizeof *bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults), cmocka_unit_test(test_spellings), cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_refused),  cmocka_unit_test(test_t5),        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_families), cmocka_unit_test(test_dropout),
        cmocka_unit_test(test_families_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
