/* test_config_gguf.c -- configurations: what of the keys of a GGUF file arrives, what is refused and in which
 * words. */
#include "format/config.h"
#include "format/gguf_write.h"
#include "support.h"

#include <math.h>

/* Frees the writer. */
static int read_written(model_config *c, gguf_writer *w, err *e)
{
    char *folder = scratch_new();
    str path = {0};
    gguf *g;
    *e = (err){0};
    str_fmt(&path, "%s/g", folder);
    check_ok(gguf_writer_save(w, path.p, e), e);
    check_ok(gguf_open(&g, path.p, e), e);
    int code = config_from_gguf(c, &(gguf_parts){&g, 1}, e);
    gguf_close(g);
    gguf_writer_free(w);
    str_free(&path);
    scratch_free(folder);
    return code;
}

/* A GGUF file of another architecture: its counts, and `leaf` with that value. */
static int read_gguf_of(model_config *c, const char *architecture, const char *leaf, float value, err *e)
{
    static const struct {
        const char *leaf;
        uint32_t    value;
    } base[] = {{"block_count", 3},          {"embedding_length", 48}, {"attention.head_count", 6},
                {"feed_forward_length", 96}, {"vocab_size", 100},      {"context_length", 512}};
    static const char *const eps[] = {"attention.layer_norm_rms_epsilon", "attention.layer_norm_epsilon"};
    char key[96];
    gguf_writer *w = gguf_writer_new();
    gguf_put_string(w, "general.architecture", architecture);
    for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, base[i].leaf);
        if (strcmp(leaf, base[i].leaf)) gguf_put_u32(w, key, base[i].value);
    }
    for (int i = 0; i < 2; i++) {
        snprintf(key, sizeof key, "%s.%s", architecture, eps[i]);
        gguf_put_f32(w, key, 1e-5f);
    }
    snprintf(key, sizeof key, "%s.%s", architecture, leaf);
    if (value == floorf(value)) gguf_put_u32(w, key, (uint32_t)value);
    else gguf_put_f32(w, key, value);
    return read_written(c, w, e);
}

/* A GGUF file of keys alone: `key` gets `text`, or without one `value`, or is left out when that is
 * negative. The name of a weight becomes a tensor. */
static int read_gguf(model_config *c, const char *key, double value, const char *text, err *e)
{
    static const struct {
        const char *key;
        uint32_t    value;
    } base[] = {{"llama.block_count", 3},          {"llama.embedding_length", 48},
                {"llama.attention.head_count", 6}, {"llama.attention.head_count_kv", 2},
                {"llama.feed_forward_length", 96}, {"llama.vocab_size", 100},
                {"llama.context_length", 512}};
    gguf_writer *w = gguf_writer_new();
    gguf_put_string(w, "general.architecture", "llama");
    for (size_t i = 0; i < sizeof base / sizeof *base; i++)
        if (strcmp(key, base[i].key)) gguf_put_u32(w, base[i].key, base[i].value);
    static const char eps[] = "llama.attention.layer_norm_rms_epsilon";
    if (strcmp(key, eps)) gguf_put_f32(w, eps, 1e-5f);
    static const float ones[4] = {1, 1, 1, 1};
    const int64_t n = value > 0 ? (int64_t)value : 4;
    const tensor t = {
        .name = key, .type = DT_F32, .ndim = 1, .dim = {n, 1, 1, 1}, .data = ones, .bytes = 4 * (size_t)n};
    if (str_ends(key, ".weight")) gguf_put_tensor(w, &t);
    else if (text) gguf_put_string(w, key, text);
    else if (str_ends(key, ".causal") || str_ends(key, "weights_norm")) gguf_put_bool(w, key, value > 0);
    else if (value >= 0 && value == floor(value)) gguf_put_u32(w, key, (uint32_t)value);
    else if (value >= 0) gguf_put_f32(w, key, (float)value);
    if (strstr(key, ".expert_weights") || strstr(key, ".expert_gating")) {
        gguf_put_u32(w, "llama.expert_count", 8);
        gguf_put_u32(w, "llama.expert_used_count", 2);
    }
    if (text && !strcmp(text, "yarn")) gguf_put_f32(w, "llama.rope.scaling.attn_factor", 0.5f);
    return read_written(c, w, e);
}

/* A GGUF file of an encoder, whose tokenizer is of that model. */
static int read_encoder(model_config *c, const char *tokens, err *e)
{
    gguf_writer *w = gguf_writer_new();
    gguf_put_string(w, "general.architecture", "bert");
    gguf_put_u32(w, "bert.block_count", 3);
    gguf_put_u32(w, "bert.embedding_length", 48);
    gguf_put_u32(w, "bert.attention.head_count", 6);
    gguf_put_u32(w, "bert.feed_forward_length", 96);
    gguf_put_u32(w, "bert.vocab_size", 100);
    gguf_put_u32(w, "bert.context_length", 512);
    gguf_put_f32(w, "bert.attention.layer_norm_epsilon", 1e-5f);
    gguf_put_bool(w, "bert.attention.causal", false);
    gguf_put_string(w, "tokenizer.ggml.model", tokens);
    return read_written(c, w, e);
}

static void test_gguf_encoder(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read_encoder(&c, "bert", &e), &e);
    assert_true(c.layers == 3 && c.positions == 512 && c.position_offset == 0 && c.types == 0 &&
                (float)c.rms_eps == 1e-5f && c.attention_bias && c.out_bias && c.mlp_bias);
    assert_int_equal(read_encoder(&c, "t5", &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "is a RoBERTa in a GGUF file (its tokenizer is \"t5\")");
}

/* Of other architectures: what is read, and what is refused. */
static void test_gguf_of_others(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read_gguf_of(&c, "mpt", "attention.max_alibi_bias", 4.5f, &e), &e);
    assert_true(c.alibi == 4.5 && c.qkv_most == 0 && c.kv_heads == 6);
    assert_int_equal(read_gguf_of(&c, "mpt", "attention.clamp_kqv", 6, &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "(attention.max_alibi_bias)");
    check_ok(read_gguf_of(&c, "olmo2", "attention.sliding_window", 0, &e), &e);
    assert_int_equal(read_gguf_of(&c, "olmo2", "attention.sliding_window", 64, &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "attention.sliding_window: OLMo 3");
    assert_int_equal(read_gguf_of(&c, "starcoder", "attention.head_count_kv", 6, &e), E_UNSUPPORTED);
    check_failed(&e, E_UNSUPPORTED, "(head_count_kv)");
    check_ok(read_gguf_of(&c, "granite", "logit_scale", 8, &e), &e);
    assert_true(c.head_scale == 0.125 && c.attention_scale == 1 / sqrt(8));
    check_ok(read_gguf_of(&c, "exaone4", "block_count", 5, &e), &e);
    assert_true(config_window(&c, 0) == 0 && config_rotates(&c, 0) && config_rotates(&c, 3));
    check_ok(read_gguf_of(&c, "exaone4", "attention.sliding_window", 9, &e), &e);
    assert_true(config_window(&c, 2) == 9 && config_rotates(&c, 2));
}

static void test_gguf(void **state)
{
    (void)state;
    model_config c;
    err e;
    check_ok(read_gguf(&c, "none", -1, NULL, &e), &e);
    assert_true(c.layers == 3 && c.width == 48 && c.heads == 6 && c.kv_heads == 2 && c.ffn == 96 &&
                c.head_dim == 8);
    assert_true(c.vocab == 100 && c.context == 512 && c.rope.theta == 10000 && (float)c.rms_eps == 1e-5f);
    assert_true(c.tied && !c.attention_bias && !c.add_bos && c.bos == -1 && c.unk == -1 && c.n_eos == 0);
    check_ok(read_gguf(&c, "llama.attention.head_count_kv", -1, NULL, &e), &e);
    assert_int_equal(c.kv_heads, 6);
    check_ok(read_gguf(&c, "llama.rope.freq_base", 5e5, NULL, &e), &e);
    assert_true(c.rope.theta == 5e5);
    check_ok(read_gguf(&c, "llama.rope.scaling.type", 0, "none", &e), &e);
    check_ok(read_gguf(&c, "llama.rope.scaling.type", 0, "yarn", &e), &e);
    assert_true(c.rope.kind == ROPE_YARN && c.rope.magnitude == 0.5);
    check_ok(read_gguf(&c, "llama.expert_gating_func", 1, NULL, &e), &e);
    check_ok(read_gguf(&c, "llama.expert_weights_norm", 1, NULL, &e), &e);
    check_ok(read_gguf(&c, "llama.expert_weights_scale", 1, NULL, &e), &e);
    check_ok(read_gguf(&c, "llama.final_logit_softcapping", 8, NULL, &e), &e);
    assert_true(c.final_cap == 0); /* a Gemma's */
    check_ok(read_gguf(&c, "llama.attention.causal", 1, NULL, &e), &e);
    check_ok(read_gguf(&c, "general.type", 0, "model", &e), &e);
    check_ok(read_gguf(&c, "tokenizer.ggml.eos_token_id", 4, NULL, &e), &e);
    assert_true(c.n_eos == 1 && c.eos[0] == 4);
    check_ok(read_gguf(&c, "tokenizer.ggml.eot_token_id", 7, NULL, &e),
             &e); /* ends of a turn, of a message */
    assert_true(c.n_eos == 1 && c.eos[0] == 7);
    check_ok(read_gguf(&c, "tokenizer.ggml.eom_token_id", 8, NULL, &e), &e);
    assert_true(c.n_eos == 1 && c.eos[0] == 8);
}

static void test_gguf_refused(void **state)
{
    (void)state;
    const struct {
        const char *key;
        double      value;
        int         code;
        const char *text, *string;
    } bad[] = {
        {"llama.block_count", -1, E_FORMAT, "the number of layers is 0", NULL},
        {"llama.block_count", 0.5, E_FORMAT, "llama.block_count has to be a whole number", NULL},
        {"llama.embedding_length", -1, E_FORMAT, "the width is 0", NULL},
        {"llama.context_length", -1, E_FORMAT, "the context is 0", NULL},
        {"llama.vocab_size", -1, E_FORMAT, "the vocabulary is 0", NULL},
        {"llama.attention.layer_norm_rms_epsilon", -1, E_FORMAT, "a norm epsilon of -1", NULL},
        {"llama.rope.dimension_count", 4, E_UNSUPPORTED, "partial rotary", NULL},
        {"llama.attention.value_length", 10, E_UNSUPPORTED, "keys and values differ", NULL},
        {"llama.attention.causal", 0, E_UNSUPPORTED, "later positions", NULL},
        {"llama.expert_count", 8, E_FORMAT, "0 of 8 experts", NULL},
        {"llama.expert_weights_norm", 0, E_UNSUPPORTED, "do not add up to 1 (llama.expert_weights_norm)",
         NULL},
        {"llama.expert_weights_scale", 2.5, E_UNSUPPORTED, "by 2.5 (llama.expert_weights_scale)", NULL},
        {"llama.expert_gating_func", 2, E_UNSUPPORTED, "kind 2 (llama.expert_gating_func)", NULL},
        {"llama.rope.scale_linear", 0, E_FORMAT, "scaled by 0", NULL},
        {"llama.rope.scaling.type", 2, E_FORMAT, "has to be a string", NULL},
        {"llama.rope.scaling.type", 0, E_UNSUPPORTED, "scaled by \"ntk\"", "ntk"},
        {"rope_freqs.weight", 3, E_FORMAT, "has to be 4 numbers of type f32", NULL},
        {"rope_factors_long.weight", 4, E_FORMAT, "only one of", NULL},
        {"general.type", 0, E_UNSUPPORTED, "of type \"adapter\", not a model", "adapter"},
        {"split.count", 3, E_UNSUPPORTED, "one of 3 parts", NULL},
        {"general.type", 3, E_FORMAT, "has to be a string", NULL},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        model_config c;
        err e;
        if (read_gguf(&c, bad[i].key, bad[i].value, bad[i].string, &e) == OK)
            fail_msg("%s was accepted", bad[i].key);
        check_failed(&e, bad[i].code, bad[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gguf),
        cmocka_unit_test(test_gguf_refused),
        cmocka_unit_test(test_gguf_encoder),
        cmocka_unit_test(test_gguf_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
