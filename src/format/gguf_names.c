/* gguf_names.c -- tensor names of Llama-like models, GGUF's and Hugging Face's: one table, read both
 * ways. */
#include "format/checkpoint.h"

#include <stdio.h>
#include <string.h>

typedef struct name_pair {
    const char *gguf, *hf;
} name_pair;

static const name_pair whole[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}};

/* Behind "blk.N." and "model.layers.N.". */
static const name_pair in_block[] = {
    {"attn_norm", "input_layernorm"},     {"ffn_norm", "post_attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},       {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},       {"attn_output", "self_attn.o_proj"},
    {"ffn_gate", "mlp.gate_proj"},        {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},
};

typedef enum side { GGUF_SIDE, HF_SIDE } side;

static const char *side_of(const name_pair *p, side s) { return s == GGUF_SIDE ? p->gguf : p->hf; }

/* A layer's number in its one spelling, up to five digits; -1 for anything else. *end is behind it. */
static int layer_of(const char *s, const char **end)
{
    int layer = 0, digits = 0;
    for (; *s >= '0' && *s <= '9' && digits < 6; s++, digits++) layer = 10 * layer + *s - '0';
    *end = s;
    bool spelled = digits == 1 || (digits > 1 && digits < 6 && s[-digits] != '0');
    return spelled ? layer : -1;
}

static bool translate(const char *name, side from, char *out, size_t size)
{
    static const char *const prefix[] = {"blk.", "model.layers."};
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".weight") && strcmp(dot, ".bias"))) return false;
    const name_pair *table = whole;
    size_t n = sizeof whole / sizeof *whole, head = strlen(prefix[from]);
    char block[64] = "";
    if (!strncmp(name, prefix[from], head)) {
        const char *end;
        int layer = layer_of(name + head, &end);
        if (layer < 0 || *end != '.') return false;
        snprintf(block, sizeof block, "%s%d.", prefix[!from], layer);
        name = end + 1;
        table = in_block;
        n = sizeof in_block / sizeof *in_block;
    }
    for (size_t i = 0; i < n; i++) {
        const char *stem = side_of(&table[i], from);
        if (strlen(stem) != (size_t)(dot - name) || strncmp(stem, name, (size_t)(dot - name))) continue;
        int length = snprintf(out, size, "%s%s%s", block, side_of(&table[i], !from), dot);
        return length > 0 && (size_t)length < size;
    }
    return false;
}

bool gguf_name_to_hf(const char *gguf_name, char *out, size_t size)
{
    return translate(gguf_name, GGUF_SIDE, out, size);
}
bool gguf_name_from_hf(const char *hf_name, char *out, size_t size)
{
    return translate(hf_name, HF_SIDE, out, size);
}
