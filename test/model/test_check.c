/* test_check.c -- tensors that are missing, do not fit the configuration, or are damaged, in
 * plain, quantized and GGUF models. */
#include "../format/folder.h"
#include "format/gguf_write.h"
#include "model/model.h"

static void check_check(int code, const char *text)
{
    model *m;
    err e = {0};
    check_ok(model_open_unchecked(&m, folder, &e), &e);
    assert_int_equal(model_check(m, &e), code);
    if (code != OK) check_failed(&e, code, text);
    model_close(m);
}

static void test_missing(void **state)
{
    (void)state;
    static const char *const names[] = {
        "model.embed_tokens.weight", "model.norm.weight", "lm_head.weight",
        "model.layers.0.input_layernorm.weight", "model.layers.1.post_attention_layernorm.weight",
        "model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight",
        "model.layers.0.self_attn.v_proj.weight", "model.layers.1.self_attn.o_proj.weight",
        "model.layers.0.mlp.gate_proj.weight", "model.layers.1.mlp.up_proj.weight",
        "model.layers.1.mlp.down_proj.weight",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        copy c;
        copy_open(&c, DATA "untied");
        *copy_find(&c, names[i]) = c.t[c.n - 1];
        c.n--;
        copy_save(&c);
        str text = {0};
        str_fmt(&text, "tensor %s (", names[i]);
        check_check(E_FORMAT, text.p);
        str_free(&text);
    }
}

/* BART's bias of logits, which nobody adds. */
static void test_has_to_be_zero(void **state)
{
    (void)state;
    static uint16_t bias[64] = {[63] = 0x3f80};
    copy c;
    copy_open(&c, "test/data/model/seq2seq/bart");
    tensor *t = copy_find(&c, "final_logits_bias");
    assert_true(t->type == DT_BF16 && t->bytes == sizeof bias);
    copy_save(&c);
    check_check(OK, NULL);
    copy_open(&c, "test/data/model/seq2seq/bart");
    copy_find(&c, "final_logits_bias")->data = bias;
    copy_save(&c);
    check_check(E_UNSUPPORTED, "tensor final_logits_bias is not zero");
}

static void test_not_fitting(void **state)
{
    (void)state;
    copy c;
    copy_open(&c, DATA "untied");
    tensor *q = copy_find(&c, "model.layers.1.self_attn.q_proj.weight");
    q->dim[0] = 16;
    q->dim[1] = 64;
    copy_save(&c);
    check_check(E_FORMAT, "q_proj.weight is (16, 64), the configuration asks for (32, 32)");
    copy_open(&c, DATA "untied");
    copy_find(&c, "model.norm.weight")->type = DT_I16;
    copy_save(&c);
    check_check(E_UNSUPPORTED, "model.norm.weight is of type i16");
    copy_open(&c, DATA "untied");
    c.t[c.n] = c.t[0];
    c.t[c.n++].name = "model.layers.2.self_attn.q_proj.weight";
    copy_save(&c);
    check_check(E_UNSUPPORTED, "tensor model.layers.2.self_attn.q_proj.weight has no place");
    copy_open(&c, DATA "untied");
    c.t[c.n] = c.t[0];
    c.t[c.n++].name = "model.layers.0.self_attn.rotary_emb.inv_freq";
    copy_save(&c);
    check_check(OK, NULL);
}

static void test_tied_head(void **state)
{
    (void)state;
    str config = {0};
    err e = {0};
    check_ok(file_read(&config, DATA "untied/config.json", 1 << 16, &e), &e);
    char *flag = strstr(config.p, "\"tie_word_embeddings\": false");
    assert_non_null(flag);
    memcpy(flag, "\"tie_word_embeddings\": true ", 28);
    copy c;
    copy_open(&c, DATA "untied");
    scratch_write(folder, "config.json", config.p, config.n);
    copy_save(&c);
    check_check(E_FORMAT, "lm_head.weight differs from the embedding");
    copy_open(&c, DATA "untied");
    scratch_write(folder, "config.json", config.p, config.n);
    copy_find(&c, "lm_head.weight")->data = copy_find(&c, "model.embed_tokens.weight")->data;
    copy_save(&c);
    check_check(OK, NULL);
    str_free(&config);
}

#define T5 "test/data/model/seq2seq/"

static copy t5_copy(const char *name)
{
    copy c;
    err e = {0};
    str path = {0}, config = {0};
    str_fmt(&path, T5 "%s", name);
    copy_open(&c, path.p);
    str_puts(&path, "/config.json");
    check_ok(file_read(&config, path.p, 1 << 16, &e), &e);
    scratch_write(folder, "config.json", config.p, config.n);
    str_free(&path);
    str_free(&config);
    return c;
}

/* An encoder and a decoder: what is missing, of another shape, of no use; copies of the embedding are. */
static void test_two_stacks(void **state)
{
    (void)state;
    static const char *const names[] = {
        "shared.weight", "encoder.final_layer_norm.weight", "decoder.final_layer_norm.weight",
        "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight",
        "decoder.block.2.layer.1.EncDecAttention.k.weight", "decoder.block.1.layer.2.layer_norm.weight",
        "encoder.block.1.layer.1.DenseReluDense.wi.weight",
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        copy c = t5_copy("t5");
        str text = {0};
        *copy_find(&c, names[i]) = c.t[c.n - 1];
        c.n--;
        copy_save(&c);
        str_fmt(&text, "tensor %s (", names[i]);
        check_check(E_FORMAT, text.p);
        str_free(&text);
    }
    copy c = t5_copy("t5-gated");
    *copy_find(&c, "lm_head.weight") = c.t[--c.n];
    copy_save(&c);
    check_check(E_FORMAT, "tensor lm_head.weight (64, 32) is missing");
    c = t5_copy("t5");
    copy_find(&c, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")->dim[0] = 4;
    copy_find(&c, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight")->dim[1] = 8;
    copy_save(&c);
    check_check(E_FORMAT, "relative_attention_bias.weight is (4, 8), the configuration asks for (8, 4)");
    for (int other = 0; other < 2; other++) {
        c = t5_copy("t5");
        const tensor *shared = copy_find(&c, "shared.weight");
        c.t[c.n] = *shared;
        c.t[c.n].name = "decoder.embed_tokens.weight";
        if (other) c.t[c.n].data = copy_find(&c, "encoder.block.0.layer.1.DenseReluDense.wi.weight")->data;
        if (other) c.t[c.n].dim[0] = 40, c.t[c.n].bytes = (size_t)40 * 32 * 2;
        c.n++;
        c.t[c.n] = *copy_find(&c, "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight");
        c.t[c.n++].name = "decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight";
        copy_save(&c);
        check_check(other ? E_UNSUPPORTED : OK, "tensor decoder.embed_tokens.weight has no place");
    }
}

/* A tensor taken out of a recorded quantized model. */
static void check_without(const char *from, const char *suffix)
{
    copy c;
    str name = {0}, text = {0};
    copy_open(&c, from);
    str_fmt(&name, "model.layers.0.self_attn.q_proj.weight%s", suffix);
    *copy_find(&c, name.p) = c.t[--c.n];
    copy_save(&c);
    str_fmt(&text, "%s is missing", suffix);
    check_refused(folder, E_FORMAT, text.p);
    str_free(&name);
    str_free(&text);
}

/* A recorded quantized model with another state of q in its first layer. */
static void check_state(const char *from, const char *type, const char *json, int code, const char *text)
{
    copy c;
    str name = {0};
    copy_open(&c, from);
    str_fmt(&name, "model.layers.0.self_attn.q_proj.weight.quant_state.bitsandbytes__%s", type);
    tensor *s = copy_find(&c, name.p);
    s->data = json;
    s->bytes = strlen(json);
    s->dim[0] = (int64_t)s->bytes;
    copy_save(&c);
    check_refused(folder, code, text);
    str_free(&name);
}

static void test_quantized_damaged(void **state)
{
    (void)state;
    check_without(DATA "fp4", ".absmax");
    check_without(DATA "fp4", ".quant_map");
    check_without(DATA "nf4", ".nested_absmax");
    check_without(DATA "nf4", ".nested_quant_map");
    const struct {
        const char *json;
        int         code;
        const char *text;
    } bad[] = {
        {"{", E_FORMAT, "not valid JSON"},
        {"[]", E_FORMAT, "no JSON object"},
        {"{\"shape\": [32, 32], \"extra\": 1}", E_UNSUPPORTED, "\"extra\""},
        {"{\"quant_type\": \"nf4\", \"shape\": [32, 32]}", E_FORMAT, "of type \"nf4\""},
        {"{\"shape\": [32, 31]}", E_FORMAT, "does not fit its 512 bytes"},
        {"{\"shape\": [1024]}", E_FORMAT, "does not fit its 512 bytes"},
        {"{\"shape\": [-32, -32]}", E_FORMAT, "does not fit its 512 bytes"},
        {"{\"shape\": [32, 32], \"blocksize\": 0}", E_FORMAT, "a block of 0"},
        {"{\"shape\": [32, 32], \"blocksize\": 96}", E_FORMAT, "a block of 96"},
        {"{\"shape\": [32, 32], \"blocksize\": 128}", E_FORMAT, ".absmax is missing or not 8 numbers"},
        {"{\"shape\": [32, 32], \"blocksize\": \"64\"}", E_FORMAT, "blocksize"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_state(DATA "fp4", "fp4", bad[i].json, bad[i].code, bad[i].text);
}

static void test_nested_damaged(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"shape\": [32, 32]}",
        "{\"shape\": [32, 32], \"nested_offset\": 1e300}",
        "{\"shape\": [32, 32], \"nested_offset\": 0.1, \"nested_blocksize\": 0}",
        "{\"shape\": [32, 32], \"nested_offset\": 0.1, \"nested_blocksize\": 1048577}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        check_state(DATA "nf4", "nf4", bad[i], E_FORMAT,
                    "nested scales of its quantization state make no sense");
    static const char eight[] = "{\"shape\": [32, 32], \"nested_offset\": 0.1, \"nested_blocksize\": 8}";
    check_state(DATA "nf4", "nf4", eight, E_FORMAT, ".nested_absmax is missing or not 2 numbers");
}

static void test_int8_damaged(void **state)
{
    (void)state;
    static const uint8_t one = 1;
    copy c;
    copy_open(&c, DATA "int8");
    copy_find(&c, "model.layers.0.mlp.up_proj.weight_format")->data = &one;
    copy_save(&c);
    check_refused(folder, E_UNSUPPORTED, "laid out for a device");
    copy_open(&c, DATA "int8");
    tensor *scb = copy_find(&c, "model.layers.0.mlp.up_proj.SCB");
    scb->dim[0]--;
    scb->bytes -= 4;
    copy_save(&c);
    check_refused(folder, E_FORMAT, "one F32 scale a row");
    copy_open(&c, DATA "int8");
    copy_find(&c, "model.layers.0.mlp.up_proj.SCB")->name = "lost.SCB";
    copy_save(&c);
    check_check(E_UNSUPPORTED, "up_proj.weight is of type i8");
}

static void write_gguf(const tensor *more)
{
    gguf *g;
    err e = {0};
    str path = {0};
    check_ok(gguf_open(&g, DATA "tiny.gguf", &e), &e);
    gguf_writer *w = gguf_writer_new();
    for (int64_t i = 0; i < gguf_key_count(g); i++) gguf_put_copy(w, g, i);
    for (int64_t i = 0; i < gguf_tensor_count(g); i++) gguf_put_tensor(w, gguf_tensor_at(g, i));
    gguf_put_tensor(w, more);
    str_fmt(&path, "%s/m.gguf", folder);
    check_ok(gguf_writer_save(w, path.p, &e), &e);
    gguf_writer_free(w);
    gguf_close(g);
    str_free(&path);
}

static void test_gguf_bias(void **state)
{
    (void)state;
    float x[32];
    for (int i = 0; i < 32; i++) x[i] = (float)i;
    tensor t = {.name = "blk.0.attn_q.bias",
                .type = DT_F32,
                .ndim = 1,
                .dim = {32, 1, 1, 1},
                .data = x,
                .bytes = 128};
    write_gguf(&t);
    model *m;
    err e = {0};
    check_ok(model_open_unchecked(&m, folder, &e), &e);
    checkpoint *c = m->file;
    assert_true(checkpoint_config(c)->attention_bias);
    const tensor *bias = weights_find(checkpoint_weights(c), "model.layers.0.self_attn.q_proj.bias");
    float y[32];
    tensor_decode(bias, 0, 0, 32, y);
    static const int first[8] = {0, 2, 4, 6, 1, 3, 5, 7};
    for (int i = 0; i < 32; i++) assert_true(y[i] == (float)(i / 8 * 8 + first[i % 8]));
    assert_int_equal(model_check(m, &e), E_FORMAT);
    check_failed(&e, E_FORMAT, "tensor blk.0.attn_k.bias (16) is missing");
    model_close(m);
    t.dim[0] = 31;
    t.bytes = 124;
    write_gguf(&t);
    check_refused(folder, E_FORMAT, "with 31 rows is not one of heads of 8");
    t.dim[0] = 32;
    t.bytes = 34;
    t.type = DT_Q8_0;
    write_gguf(&t);
    check_refused(folder, E_UNSUPPORTED, "a bias of type q8_0");
}

static void test_gguf_extra(void **state)
{
    (void)state;
    static const float x[4] = {1, 1, 2, 8};
    tensor t = {
        .name = "rope_freqs.weight", .type = DT_F32, .ndim = 1, .dim = {4, 1, 1, 1}, .data = x, .bytes = 16};
    write_gguf(&t);
    check_check(OK, NULL); /* factors of the rotary positions */
    t.name = "blk.0.attn_sinks.weight";
    write_gguf(&t);
    check_check(E_UNSUPPORTED, "tensor blk.0.attn_sinks.weight has no place");
}

/* Nothing is wrong with what was recorded. */
static void test_recorded(void **state)
{
    (void)state;
    static const char *const names[] = {"untied", "sharded", "nf4", "fp4", "int8", "tiny.gguf"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        model *m;
        err e = {0};
        str path = {0};
        str_fmt(&path, DATA "%s", names[i]);
        check_ok(model_open_unchecked(&m, path.p, &e), &e);
        check_ok(model_check(m, &e), &e);
        model_close(m);
        str_free(&path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_recorded),
        TEST(test_missing),
        TEST(test_has_to_be_zero),
        TEST(test_not_fitting),
        TEST(test_tied_head),
        TEST(test_two_stacks),
        TEST(test_quantized_damaged),
        TEST(test_nested_damaged),
        TEST(test_int8_damaged),
        TEST(test_gguf_bias),
        TEST(test_gguf_extra),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
