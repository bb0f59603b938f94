/* config_gguf.c -- a model's configuration from the keys of a GGUF file: ARCHITECTURE.block_count and
 * the like. */
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

static bool equal(gguf_text t, const char *text) { return t.n == strlen(text) && !memcmp(t.p, text, t.n); }

static int text_limit(gguf_text t) { return t.n > 60 ? 60 : (int)t.n; }

/* Rotary scaling under any of its keys, or baked into a tensor of factors. */
static int refuse_scaling(const reader *r)
{
    char key[128];
    const char *where = gguf_path(r->g);
    gguf_text type = gguf_string(r->g, key_of(r, "rope.scaling.type", key, sizeof key), r->e);
    if (type.p && !equal(type, "none"))
        return fail(r->e, E_UNSUPPORTED, "%s: rotary positions scaled by \"%.*s\" are not supported", where,
                    text_limit(type), type.p);
    if (number(r, "rope.scale_linear", 1) != 1)
        return fail(r->e, E_UNSUPPORTED, "%s: linearly scaled rotary positions are not supported", where);
    if (gguf_tensor_find(r->g, "rope_freqs.weight"))
        return fail(r->e, E_UNSUPPORTED,
                    "%s: rotary positions scaled by factors (rope_freqs.weight, as Llama 3.1 "
                    "has them) are not supported",
                    where);
    return r->e->code;
}

/* What is a GGUF file of the right architecture and yet not a whole, plain model. */
static int refuse_extras(const reader *r, int64_t head_dim)
{
    const char *where = gguf_path(r->g);
    if (whole(r, "rope.dimension_count", head_dim) != head_dim)
        return fail(r->e, E_UNSUPPORTED, "%s: partial rotary positions are not supported", where);
    if (whole(r, "attention.value_length", head_dim) != head_dim)
        return fail(r->e, E_UNSUPPORTED, "%s: heads whose keys and values differ in size are not supported",
                    where);
    if (whole(r, "expert_count", 0) != 0)
        return fail(r->e, E_UNSUPPORTED, "%s: mixtures of experts are not supported", where);
    return refuse_scaling(r);
}

static int refuse_parts(const gguf *g, err *e)
{
    gguf_text type = gguf_string(g, "general.type", e);
    if (type.p && !equal(type, "model"))
        return fail(e, E_UNSUPPORTED, "%s: is of type \"%.*s\", not a model", gguf_path(g), text_limit(type),
                    type.p);
    int64_t parts = gguf_int(g, "split.count", 1, e);
    if (parts > 1)
        return fail(e, E_UNSUPPORTED,
                    "%s: is one of %lld parts of a model; join them with llama-gguf-split --merge",
                    gguf_path(g), (long long)parts);
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

static int read(model_config *c, const gguf *g, err *e)
{
    const char *where = gguf_path(g);
    gguf_text text = gguf_string(g, "general.architecture", e);
    char name[64];
    snprintf(name, sizeof name, "%.*s", text_limit(text), text.p ? text.p : "");
    int code = refuse_parts(g, e);
    if (code == OK) code = config_choose_architecture(c, text.p ? name : NULL, where, e);
    if (code != OK) return code;
    reader r = {g, c->architecture, e};
    c->layers = whole(&r, "block_count", 0);
    c->width = whole(&r, "embedding_length", 0);
    c->heads = whole(&r, "attention.head_count", 0);
    c->kv_heads = whole(&r, "attention.head_count_kv", c->heads);
    c->head_dim = whole(&r, "attention.key_length", -1);
    if (c->head_dim == -1) c->head_dim = config_head_dim(c, where, e);
    c->ffn = whole(&r, "feed_forward_length", 0);
    c->vocab = vocabulary(&r);
    c->context = whole(&r, "context_length", 0);
    c->rope_theta = number(&r, "rope.freq_base", 10000);
    c->rms_eps = number(&r, "attention.layer_norm_rms_epsilon", -1);
    c->tied = !gguf_tensor_find(g, "output.weight");
    c->attention_bias = gguf_tensor_find(g, "blk.0.attn_q.bias") != NULL;
    c->mlp_bias = gguf_tensor_find(g, "blk.0.ffn_gate.bias") != NULL;
    special_tokens(c, g, e);
    if (e->code == OK) refuse_extras(&r, c->head_dim);
    return e->code == OK ? config_check(c, where, e) : e->code;
}

int config_from_gguf(model_config *out, const gguf *g, err *e)
{
    err mine = {0};
    model_config c = {0};
    if (read(&c, g, &mine) != OK) return fail(e, mine.code, "%s", mine.msg);
    *out = c;
    return OK;
}
