/* config_gguf.c -- a model's configuration from the keys of a GGUF file: ARCHITECTURE.block_count and
 * the like. */
#include "format/config_check.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int64_t config_gguf_int(const model_config *c, const family_source *s, const char *leaf, int64_t otherwise)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", c->family->gguf, leaf);
    return gguf_int(s->gguf, key, otherwise, s->e);
}

double config_gguf_num(const model_config *c, const family_source *s, const char *leaf, double otherwise)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", c->family->gguf, leaf);
    return gguf_num(s->gguf, key, otherwise, s->e);
}

static bool equal(gguf_text t, const char *text) { return t.n == strlen(text) && !memcmp(t.p, text, t.n); }

static int text_limit(gguf_text t) { return t.n > 60 ? 60 : (int)t.n; }

/* What is a GGUF file of the right architecture and yet not a whole, plain model. */
static int refuse_extras(const model_config *c, const family_source *s)
{
    if (config_gguf_int(c, s, "attention.value_length", c->head_dim) != c->head_dim)
        return fail(s->e, E_UNSUPPORTED, "%s: heads whose keys and values differ in size are not supported",
                    s->where);
    char key[128];
    snprintf(key, sizeof key, "%s.attention.causal", c->family->gguf);
    if (!gguf_flag(s->gguf, key, true, s->e) && !c->family->encoder)
        return fail(s->e, E_UNSUPPORTED, "%s: attention to later positions (%s) is not supported", s->where,
                    key);
    return s->e->code;
}

static int refuse_parts(const gguf *g, int64_t parts, err *e)
{
    gguf_text type = gguf_string(g, "general.type", e);
    if (type.p && !equal(type, "model"))
        return fail(e, E_UNSUPPORTED, "%s: is of type \"%.*s\", not a model", gguf_path(g), text_limit(type),
                    type.p);
    int64_t count = gguf_int(g, "split.count", 1, e);
    if (count > 1 && parts == 1)
        return fail(e, E_UNSUPPORTED,
                    "%s: is one of %lld parts of a model, by a name that does not tell which; name them "
                    "...-00001-of-%05lld.gguf and so on, side by side",
                    gguf_path(g), (long long)count, (long long)count);
    return e->code;
}

static int64_t vocabulary(const model_config *c, const family_source *s)
{
    const tensor *embedding = gguf_parts_find(s->parts, "token_embd.weight");
    if (embedding) return embedding->dim[0];
    int64_t n = gguf_array_count(s->gguf, "tokenizer.ggml.tokens");
    return n >= 0 ? n : config_gguf_int(c, s, "vocab_size", 0);
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

static bool has_tensor(const family_source *s, const char *name)
{
    return gguf_parts_find(s->parts, name) != NULL;
}

static void read_counts(model_config *c, const family_source *s)
{
    c->layers = config_gguf_int(c, s, "block_count", 0);
    c->width = config_gguf_int(c, s, "embedding_length", 0);
    c->heads = config_gguf_int(c, s, "attention.head_count", 0);
    c->kv_heads = config_gguf_int(c, s, "attention.head_count_kv", c->heads);
    c->head_dim = config_gguf_int(c, s, "attention.key_length", -1);
    if (c->head_dim == -1) c->head_dim = config_head_dim(c, s->where, s->e);
    c->rotary_dim = c->head_dim;
    c->ffn = config_gguf_int(c, s, "feed_forward_length", 0);
    c->vocab = vocabulary(c, s);
    c->context = config_gguf_int(c, s, "context_length", 0);
    c->rms_eps = config_gguf_num(c, s, "attention.layer_norm_rms_epsilon", -1);
    c->tied = !has_tensor(s, "output.weight");
    c->attention_bias = has_tensor(s, "blk.0.attn_q.bias");
    c->out_bias = has_tensor(s, "blk.0.attn_output.bias");
    c->mlp_bias = has_tensor(s, "blk.0.ffn_gate.bias");
    if (c->family->query_scale > 0) {
        c->attention_cap = config_gguf_num(c, s, "attn_logit_softcapping", c->attention_cap);
        c->final_cap = config_gguf_num(c, s, "final_logit_softcapping", c->final_cap);
    }
    const bool wide = c->layers == c->family->wide_layers && c->heads > 0;
    const double of = wide ? (double)c->width / (double)c->heads : (double)c->head_dim;
    c->attention_scale = of > 0 ? 1 / sqrt(of) : 0;
    if (c->family->embed_scale && c->width > 0) c->embed_scale = (double)sqrtf((float)c->width);
    const int64_t every = c->family->no_rope_interval;
    for (int64_t l = 0; every && l < c->layers && l < CONFIG_MAX_LAYERS; l++)
        if ((l + 1) % every == 0) config_mark(c->unrotated, l);
    if (c->family->window == WINDOW_NONE || c->family->window == WINDOW_LATE) return;
    const int64_t pattern = c->family->window_pattern ? c->family->window_pattern : 6;
    c->window = config_gguf_int(c, s, "attention.sliding_window", c->family->window_size);
    config_windows(c, 0, config_gguf_int(c, s, "attention.sliding_window_pattern", pattern));
    config_unrotate(c);
}

static int choose_family(model_config *c, const gguf *g, const char *name, err *e)
{
    char key[128];
    snprintf(key, sizeof key, "%s.expert_count", name ? name : "");
    const bool experts = gguf_int(g, key, 0, e) != 0;
    if (e->code != OK) return e->code;
    if (name && experts && !family_of_gguf(name, true) && family_of_gguf(name, false))
        return fail(e, E_UNSUPPORTED, "%s: mixtures of experts of architecture \"%s\" are not supported",
                    gguf_path(g), name);
    return config_choose_family(c, name ? family_of_gguf(name, experts) : NULL, name, gguf_path(g), e);
}

static int read(model_config *c, const gguf_parts *parts, err *e)
{
    const gguf *g = parts->part[0];
    const family_source s = {.gguf = g, .parts = parts, .where = gguf_path(g), .e = e};
    gguf_text text = gguf_string(g, "general.architecture", e);
    char name[64];
    snprintf(name, sizeof name, "%.*s", text_limit(text), text.p ? text.p : "");
    int code = refuse_parts(g, s.parts->n, e);
    if (code == OK) code = choose_family(c, g, text.p ? name : NULL, e);
    if (code != OK) return code;
    config_defaults(c);
    read_counts(c, &s);
    special_tokens(c, g, e);
    if (e->code == OK && c->family->read) c->family->read(c, &s);
    if (e->code == OK) refuse_extras(c, &s);
    if (e->code == OK) config_gguf_rope(c, &s);
    return e->code == OK ? config_check(c, s.where, e) : e->code;
}

int config_from_gguf(model_config *out, const gguf_parts *parts, err *e)
{
    err mine = {0};
    model_config c = {0};
    if (read(&c, parts, &mine) != OK) return fail(e, mine.code, "%s", mine.msg);
    *out = c;
    return OK;
}
