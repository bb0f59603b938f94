/* config_gguf.c -- a model's configuration from the keys of a GGUF file: <architecture>.block_count and the like. */
#include "format/config_check.h"

#include <stdio.h>
#include <string.h>

typedef struct reader {
    const gguf *g;
    const char *architecture;
    err        *e;
} reader;

static const char *key_of(const reader *r, const char *leaf, char *out, size_t size)
{
    snprintf(out, size, "%s.%s", r->architecture, leaf);
    return out;
}

static int64_t whole(const reader *r, const char *leaf, int64_t otherwise)
{
    char key[128];
    return gguf_int(r->g, key_of(r, leaf, key, sizeof key), otherwise, r->e);
}

static double number(const reader *r, const char *leaf, double otherwise)
{
    char key[128];
    return gguf_num(r->g, key_of(r, leaf, key, sizeof key), otherwise, r->e);
}

/* Rotary scaling under any of its keys, or baked into a tensor of factors. */
static int refuse_scaling(const reader *r, err *e)
{
    char key[128];
    gguf_text type = gguf_string(r->g, key_of(r, "rope.scaling.type", key, sizeof key), e);
    if (type.p && !(type.n == 4 && !memcmp(type.p, "none", 4)))
        return fail(e, E_UNSUPPORTED, "%s: rotary positions scaled by \"%.*s\" are not supported", gguf_path(r->g),
                    type.n > 40 ? 40 : (int)type.n, type.p);
    if (number(r, "rope.scale_linear", 1) != 1)
        return fail(e, E_UNSUPPORTED, "%s: linearly scaled rotary positions are not supported", gguf_path(r->g));
    if (gguf_tensor_find(r->g, "rope_freqs.weight"))
        return fail(e, E_UNSUPPORTED, "%s: rotary positions scaled by factors (rope_freqs.weight, as Llama 3.1 has them) "
                    "are not supported", gguf_path(r->g));
    return e->code;
}

static int64_t vocabulary(const reader *r)
{
    const tensor *embedding = gguf_tensor_find(r->g, "token_embd.weight");
    if (embedding) return embedding->dim[0];
    int64_t n = gguf_array_count(r->g, "tokenizer.ggml.tokens");
    return n >= 0 ? n : whole(r, "vocab_size", 0);
}

static void special_tokens(model_config *c, const gguf *g, err *e)
{
    c->bos = gguf_int(g, "tokenizer.ggml.bos_token_id", -1, e);
    c->pad = gguf_int(g, "tokenizer.ggml.padding_token_id", -1, e);
    c->unk = gguf_int(g, "tokenizer.ggml.unknown_token_id", -1, e);
    static const char *const ends[] = {"eos", "eot", "eom"};
    for (int i = 0; i < 3; i++) {
        char key[64];
        snprintf(key, sizeof key, "tokenizer.ggml.%s_token_id", ends[i]);
        config_add_eos(c, gguf_int(g, key, -1, e));
    }
    c->add_bos = gguf_flag(g, "tokenizer.ggml.add_bos_token", false, e);
    c->add_eos = gguf_flag(g, "tokenizer.ggml.add_eos_token", false, e);
}

int config_from_gguf(model_config *out, const gguf *g, err *e)
{
    err local = {0};
    if (!e) e = &local;
    const char *where = gguf_path(g);
    model_config c = {0};
    char name[64];
    gguf_text text = gguf_string(g, "general.architecture", e);
    snprintf(name, sizeof name, "%.*s", text.n > 60 ? 60 : (int)text.n, text.p ? text.p : "");
    int code = e->code ? e->code : config_choose_architecture(&c, text.p ? name : NULL, where, e);
    if (code != OK) return code;
    reader r = {g, c.architecture, e};
    c.layers = whole(&r, "block_count", 0);
    c.width = whole(&r, "embedding_length", 0);
    c.heads = whole(&r, "attention.head_count", 0);
    c.kv_heads = whole(&r, "attention.head_count_kv", c.heads);
    c.head_dim = whole(&r, "attention.key_length", c.heads > 0 ? c.width / c.heads : 0);
    c.ffn = whole(&r, "feed_forward_length", 0);
    c.vocab = vocabulary(&r);
    c.context = whole(&r, "context_length", 2048);
    c.rope_theta = number(&r, "rope.freq_base", 10000);
    c.rms_eps = number(&r, "attention.layer_norm_rms_epsilon", 1e-5);
    c.tied = !gguf_tensor_find(g, "output.weight");
    c.attention_bias = gguf_tensor_find(g, "blk.0.attn_q.bias") != NULL;
    c.mlp_bias = gguf_tensor_find(g, "blk.0.ffn_gate.bias") != NULL;
    special_tokens(&c, g, e);
    code = e->code;
    if (code == OK && whole(&r, "rope.dimension_count", c.head_dim) != c.head_dim)
        code = fail(e, E_UNSUPPORTED, "%s: partial rotary positions are not supported", where);
    if (code == OK && whole(&r, "attention.value_length", c.head_dim) != c.head_dim)
        code = fail(e, E_UNSUPPORTED, "%s: heads whose keys and values differ in size are not supported", where);
    if (code == OK && whole(&r, "expert_count", 0) != 0)
        code = fail(e, E_UNSUPPORTED, "%s: mixtures of experts are not supported", where);
    if (code == OK) code = refuse_scaling(&r, e);
    if (code == OK) code = config_check(&c, where, e);
    if (code == OK) *out = c;
    return code;
}
