/* test_checkpoint.c -- how the files of a model are found, what is hostile in an index, split models, the
 * fingerprint, and names. */
#include "folder.h"

#include <unistd.h>

static uint64_t fingerprint_of(const char *path)
{
    checkpoint *c;
    err e = {0};
    check_ok(checkpoint_open(&c, path, &e), &e);
    uint64_t h = checkpoint_fingerprint(c);
    checkpoint_close(c);
    return h;
}

static void test_finding(void **state)
{
    (void)state;
    err e = {0};
    checkpoint *c;
    check_refused("/nonexistent/model.gguf", E_IO, "/nonexistent/model.gguf");
    check_refused(folder, E_IO, "holds no config.json");
    scratch_text(folder, "adapter_config.json", "{}");
    check_refused(folder, E_USAGE, "is an adapter, not a model");
    scratch_copy(folder, DATA "untied", "config.json");
    check_refused(folder, E_IO, "holds neither model.safetensors");
    scratch_text(folder, "pytorch_model.bin", "x");
    check_refused(folder, E_FORMAT, "pytorch_model.bin: is not of torch.save()");
    scratch_copy(folder, DATA, "tiny.gguf");
    check_ok(checkpoint_open(&c, folder, &e), &e);
    assert_non_null(checkpoint_gguf(c));
    assert_string_equal(checkpoint_folder(c), folder);
    checkpoint_close(c);
    scratch_copy(folder, DATA "untied", "model.safetensors");
    check_ok(checkpoint_open(&c, folder, &e), &e);
    assert_null(checkpoint_gguf(c));
    checkpoint_close(c);
    check_refused(DATA "untied/model.safetensors", E_USAGE, "give the folder");
    check_refused(DATA "expected.json", E_FORMAT, "not a GGUF file");
    check_ok(checkpoint_open(&c, DATA "tiny.gguf", &e), &e);
    assert_string_equal(checkpoint_folder(c), "test/data/format");
    checkpoint_close(c);
}

static void test_two_gguf(void **state)
{
    (void)state;
    scratch_copy(folder, DATA, "tiny.gguf");
    scratch_text(folder, "other.gguf", "x");
    check_refused(folder, E_USAGE, "holds 2 GGUF files");
}

/* Any part of a split GGUF is the whole model; so is a folder of nothing else. */
static void test_split_gguf(void **state)
{
    (void)state;
    static const char from[] = "test/data/model/tiny/smollm3",
                      *const part[] = {"smollm3-00001-of-00002.gguf", "smollm3-00002-of-00002.gguf"};
    str path = {0};
    err e = {0};
    for (int i = 0; i < 2; i++) scratch_copy(folder, from, part[i]);
    const uint64_t whole = fingerprint_of(folder);
    str_fmt(&path, "%s/%s", folder, part[1]);
    assert_true(fingerprint_of(path.p) == whole);
    checkpoint *c;
    check_ok(checkpoint_open(&c, folder, &e), &e);
    assert_int_equal(checkpoint_config(c)->layers, 4);
    assert_non_null(weights_find(checkpoint_weights(c), "model.layers.3.mlp.up_proj.weight"));
    checkpoint_close(c);
    str second = {0};
    check_ok(file_read(&second, path.p, 1 << 20, &e), &e);
    unlink(path.p);
    check_refused(folder, E_IO, "smollm3-00002-of-00002.gguf");
    scratch_copy(folder, DATA, "tiny.gguf");
    check_refused(folder, E_USAGE, "holds 2 GGUF files");
    str_clear(&path);
    str_fmt(&path, "%s/tiny.gguf", folder);
    unlink(path.p);
    char *key = memmem(second.p, second.n, "split.no", 8);
    key[12] = 0; /* part 1 of 2, by its keys */
    scratch_write(folder, part[1], second.p, second.n);
    check_refused(folder, E_FORMAT, "says that it is part 1 of 2");
    scratch_copy(folder, DATA, "tiny.gguf");
    str_clear(&second);
    check_ok(file_read(&second, DATA "tiny.gguf", 1 << 20, &e), &e);
    scratch_write(folder, part[0], second.p, second.n);
    str_clear(&path);
    str_fmt(&path, "%s/%s", folder, part[0]);
    check_refused(path.p, E_FORMAT, "says that it is part 0 of -1");
    str_free(&second);
    str_free(&path);
}

static void test_hostile_index(void **state)
{
    (void)state;
    const struct {
        const char *index;
        int         code;
        const char *text;
    } bad[] = {
        {"", E_FORMAT, "not valid JSON"},
        {"[]", E_FORMAT, "no \"weight_map\""},
        {"{}", E_FORMAT, "no \"weight_map\""},
        {"{\"weight_map\": [\"model.norm.weight\"]}", E_FORMAT, "no \"weight_map\""},
        {"{\"weight_map\": {\"x\": 1}}", E_FORMAT,
         "tensor x is said to be in a file that is not a plain name"},
        {"{\"weight_map\": {\"x\": \"\"}}", E_FORMAT, "not a plain name"},
        {"{\"weight_map\": {\"x\": \"../model.safetensors\"}}", E_FORMAT, "not a plain name"},
        {"{\"weight_map\": {\"x\": \"/etc/passwd\"}}", E_FORMAT, "not a plain name"},
        {"{\"weight_map\": {\"x\": \"..\"}}", E_FORMAT, "not a plain name"},
        {"{\"weight_map\": {\"x\": \"a\\u0000b\"}}", E_IO, "/a: cannot open"},
        {"{\"weight_map\": {\"x\": \"absent.safetensors\"}}", E_IO, "absent.safetensors"},
        {"{\"weight_map\": {\"x\": \"config.json\"}}", E_FORMAT, "not a safetensors file"},
        {"{\"weight_map\": {\"x\": \"whole.safetensors\"}}", E_FORMAT,
         "tensor x is not in whole.safetensors"},
    };
    scratch_copy(folder, DATA "untied", "config.json");
    copy c;
    copy_open(&c, DATA "untied");
    copy_write(&c, "whole.safetensors", 0, c.n);
    safetensors_close(c.s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        scratch_text(folder, "model.safetensors.index.json", bad[i].index);
        check_refused(folder, bad[i].code, bad[i].text);
    }
}

static void test_split(void **state)
{
    (void)state;
    err e = {0};
    scratch_copy(folder, DATA "nf4", "config.json");
    safetensors *s;
    check_ok(safetensors_open(&s, DATA "nf4/model.safetensors", &e), &e);
    int64_t n = safetensors_count(s);
    tensor *part[2] = {xcalloc((size_t)n, sizeof(tensor)), xcalloc((size_t)n, sizeof(tensor))};
    int64_t count[2] = {0};
    str index = {0}, path = {0};
    str_puts(&index, "{\"weight_map\": {");
    for (int64_t i = 0; i < n; i++) {
        int k = (int)(i % 2);
        part[k][count[k]++] = *safetensors_at(s, i);
        str_fmt(&index, "%s\"%s\": \"part%d\"", i ? "," : "", safetensors_at(s, i)->name, k);
    }
    str_puts(&index, "}}");
    scratch_text(folder, "model.safetensors.index.json", index.p);
    for (int k = 0; k < 2; k++) {
        str_clear(&path);
        str_fmt(&path, "%s/part%d", folder, k);
        check_ok(safetensors_write(path.p, part[k], count[k], NULL, 0, &e), &e);
        free(part[k]);
    }
    assert_true(fingerprint_of(folder) == fingerprint_of(DATA "nf4"));
    checkpoint *a, *b;
    check_ok(checkpoint_open(&a, folder, &e), &e);
    check_ok(checkpoint_open(&b, DATA "nf4", &e), &e);
    for (int64_t i = 0; i < weights_count(checkpoint_weights(b)); i++) {
        const tensor *t = weights_at(checkpoint_weights(b), i);
        assert_true(read_all(t) == read_all(weights_find(checkpoint_weights(a), t->name)));
    }
    checkpoint_close(a);
    checkpoint_close(b);
    safetensors_close(s);
    str_free(&index);
    str_free(&path);
}

/* A text model beside a vision tower is the same whichever transformers wrote it, and the tower is left out. */
static void test_inside(void **state)
{
    (void)state;
    static const char from[] = "test/data/model/tiny/llava", inside[] = "model.language_model.";
    copy c;
    char name[128][96];
    copy_open(&c, from);
    for (int64_t i = 0; i < c.n; i++) {
        const char *old = c.t[i].name;
        const bool text = str_starts(old, inside), head = str_starts(old, "lm_head.");
        snprintf(name[i], sizeof name[i], "%s%s", head ? "language_model." : text ? "language_model.model." : "",
                 text ? old + strlen(inside) : head ? old : old + strlen("model."));
        c.t[i].name = name[i];
    }
    const int64_t all = c.n;
    copy_save(&c);
    assert_true(fingerprint_of(folder) == fingerprint_of(from));
    checkpoint *open;
    err e = {0};
    check_ok(checkpoint_open(&open, folder, &e), &e);
    assert_non_null(weights_find(checkpoint_weights(open), "lm_head.weight"));
    assert_non_null(weights_find(checkpoint_weights(open), "model.language_model.norm.weight"));
    assert_int_equal(checkpoint_outside(open), 27);
    assert_int_equal(weights_count(checkpoint_weights(open)), all - 27);
    checkpoint_close(open);
}

/* Of a recorded folder with members of its config.json replaced. */
static uint64_t fingerprint_with(const char *from, const char *changes)
{
    copy c;
    err e = {0};
    copy_open(&c, from);
    copy_save(&c);
    str path = {0};
    str_fmt(&path, "%s/config.json", folder);
    json_t *o = json_parse_file(str_c(&path), &e), *more = json_parse(changes, strlen(changes), "changes", &e);
    check_ok(e.code, &e);
    json_object_update(o, more);
    check_ok(json_save(o, str_c(&path), 1, false, &e), &e);
    json_decref(o);
    json_decref(more);
    str_free(&path);
    return fingerprint_of(folder);
}

/* What a model computes with the same tensors: each row is another model than the one before it. That of a plain
 * model is what it was before any of this counted, so that what was trained on it is known as its own. */
static void test_fingerprint_config(void **state)
{
    (void)state;
    static const struct {
        const char *from, *changes;
    } rows[] = {
        {DATA "untied", "{}"},
        {DATA "untied", "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 2}}"},
        {DATA "untied", "{\"rope_scaling\": {\"type\": \"linear\", \"factor\": 4}}"},
        {DATA "untied", "{\"rope_scaling\": {\"type\": \"dynamic\", \"factor\": 4}}"},
        {"test/data/model/tiny/mistral", "{}"},
        {"test/data/model/tiny/mistral", "{\"sliding_window\": 7}"},
        {"test/data/model/tiny/mistral", "{\"sliding_window\": null}"},
        {"test/data/model/tiny/gemma2", "{}"},
        {"test/data/model/tiny/gemma2", "{\"attn_logit_softcapping\": 5.0}"},
        {"test/data/model/tiny/gemma2", "{\"layer_types\": [\"full_attention\", \"sliding_attention\"]}"},
        {"test/data/model/tiny/smollm3", "{}"},
        {"test/data/model/tiny/smollm3", "{\"no_rope_layers\": [1, 1, 0, 1]}"},
        {"test/data/model/tiny/mixtral", "{}"},
        {"test/data/model/tiny/mixtral", "{\"num_experts_per_tok\": 1}"},
    };
    uint64_t before = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const uint64_t now = fingerprint_with(rows[i].from, rows[i].changes);
        if (now == before) fail_msg("%s: %s changes nothing", rows[i].from, rows[i].changes);
        if (i == 0) assert_true(now == 0x330425e94b3957b5u);
        before = now;
    }
}

static void test_fingerprint(void **state)
{
    (void)state;
    uint64_t was = fingerprint_of(DATA "untied");
    assert_true(was == fingerprint_of(DATA "untied"));
    assert_true(was != fingerprint_of(DATA "tiny.gguf"));
    for (int k = 0; k < 2; k++) {
        copy c;
        copy_open(&c, DATA "untied");
        tensor *t = copy_find(&c, "model.layers.1.mlp.down_proj.weight");
        uint8_t *data = xmalloc(t->bytes);
        memcpy(data, t->data, t->bytes);
        data[k ? t->bytes - 1 : 0] ^= 1;
        t->data = data;
        copy_save(&c);
        free(data);
        assert_true(was != fingerprint_of(folder));
    }
    checkpoint *c;
    err e = {0};
    tensor t;
    check_ok(checkpoint_open(&c, DATA "untied", &e), &e);
    const tensor *q = weights_find(checkpoint_weights(c), "model.layers.0.self_attn.q_proj.weight");
    check_ok(tensor_alloc(&t, DT_NF4, 32, 32, ABSMAX_DOUBLE, &e), &e);
    t.name = q->name;
    check_ok(tensor_convert(&t, q, &e), &e);
    weights_adopt(checkpoint_weights(c), &t);
    assert_true(was == checkpoint_fingerprint(c));
    checkpoint_close(c);
}

static void test_names(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"token_embd.weight", "model.embed_tokens.weight"},
        {"output.weight", "lm_head.weight"},
        {"output_norm.weight", "model.norm.weight"},
        {"blk.0.attn_q.bias", "model.layers.0.self_attn.q_proj.bias"},
        {"blk.31.ffn_down.weight", "model.layers.31.mlp.down_proj.weight"},
        {"blk.99999.attn_norm.weight", "model.layers.99999.input_layernorm.weight"},
    };
    const family *f = family_find("llama");
    char name[160];
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        assert_true(gguf_name_to_hf(f, pairs[i][0], name, sizeof name));
        assert_string_equal(name, pairs[i][1]);
        assert_true(gguf_name_from_hf(f, pairs[i][1], name, sizeof name));
        assert_string_equal(name, pairs[i][0]);
    }
    static const char *const strange[] = {"",
                                          ".",
                                          "weight",
                                          "blk.weight",
                                          "blk.0.weight",
                                          "blk..attn_q.weight",
                                          "blk.00.attn_q.weight",
                                          "blk.-1.attn_q.weight",
                                          "blk.1x.attn_q.weight",
                                          "blk.100000.attn_q.weight",
                                          "blk.0.attn_q",
                                          "blk.0.attn_q.scale",
                                          "attn_q.weight",
                                          "blk.0.token_embd.weight",
                                          "rope_freqs.weight"};
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++)
        if (gguf_name_to_hf(f, strange[i], name, sizeof name)) fail_msg("%s became %s", strange[i], name);
    assert_false(gguf_name_to_hf(f, "blk.0.attn_q.weight", name, 12));
    static const char *const stacks[][2] = {
        {"token_embd.weight", "shared.weight"},
        {"enc.output_norm.weight", "encoder.final_layer_norm.weight"},
        {"enc.blk.0.attn_rel_b.weight", "encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"},
        {"enc.blk.11.ffn_up.weight", "encoder.block.11.layer.1.DenseReluDense.wi_1.weight"},
        {"dec.blk.11.ffn_gate.weight", "decoder.block.11.layer.2.DenseReluDense.wi_0.weight"},
        {"dec.blk.3.cross_attn_o.weight", "decoder.block.3.layer.1.EncDecAttention.o.weight"},
    };
    f = family_find("t5");
    for (size_t i = 0; i < sizeof stacks / sizeof *stacks; i++) {
        assert_true(gguf_name_to_hf(f, stacks[i][0], name, sizeof name));
        assert_string_equal(name, stacks[i][1]);
        assert_true(gguf_name_from_hf(f, stacks[i][1], name, sizeof name));
        assert_string_equal(name, stacks[i][0]);
    }
    assert_true(gguf_name_from_hf(f, "decoder.block.0.layer.2.DenseReluDense.wi.weight", name, sizeof name));
    assert_string_equal(name, "dec.blk.0.ffn_up.weight");
    assert_false(gguf_name_to_hf(f, "enc.blk.0.cross_attn_q.weight", name, sizeof name));
    assert_false(gguf_name_to_hf(f, "blk.0.attn_q.weight", name, sizeof name));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_finding),
        TEST(test_two_gguf),
        TEST(test_hostile_index),
        TEST(test_split),
        TEST(test_split_gguf),
        TEST(test_fingerprint),
        TEST(test_fingerprint_config),
        TEST(test_inside),
        TEST(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
