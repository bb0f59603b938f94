/* gguf_names.c -- tensor names, GGUF's and Hugging Face's: one table, read both ways. A family's own pairs
 * (families.h) come before those of Llama, which most share. */
#include "format/family.h"

#include <stdio.h>
#include <string.h>

static const name_pair whole[] = {
    {"token_embd", "model.embed_tokens"}, {"output_norm", "model.norm"}, {"output", "lm_head"}, {0}};

/* Behind "blk.N." and "model.layers.N.". */
static const name_pair in_block[] = {
    {"attn_norm", "input_layernorm"},     {"ffn_norm", "post_attention_layernorm"},
    {"attn_q", "self_attn.q_proj"},       {"attn_k", "self_attn.k_proj"},
    {"attn_v", "self_attn.v_proj"},       {"attn_output", "self_attn.o_proj"},
    {"attn_q_norm", "self_attn.q_norm"},  {"attn_k_norm", "self_attn.k_norm"},
    {"ffn_gate", "mlp.gate_proj"},        {"ffn_up", "mlp.up_proj"},
    {"ffn_down", "mlp.down_proj"},        {0}};

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

/* Whether the n bytes of name are the stem, in which * stands for digits. */
static bool fits(const char *stem, const char *name, size_t n)
{
    const char *end = name + n;
    for (; *stem; stem++) {
        if (name == end) return false;
        if (*stem != '*' || *name == '*') {
            if (*stem != *name++) return false;
            continue;
        }
        const char *digits = name;
        while (name < end && *name >= '0' && *name <= '9') name++;
        if (name == digits) return false;
    }
    return name == end;
}

/* The pair whose name on that side is the first n bytes of `name`. */
static const name_pair *find(const name_pair *list, side from, const char *name, size_t n)
{
    for (; list && list->gguf; list++)
        if (fits(side_of(list, from), name, n)) return list;
    return NULL;
}

/* A run of blocks: what their numbers follow, and the names in them. */
typedef struct stack {
    name_pair blocks;
    const name_pair *names;
} stack;

/* The one of the family's that a name belongs to; false: to none. */
static bool find_stack(const family *f, const char *name, side from, stack *out)
{
    const char *blocks = f->blocks ? f->blocks : "model.layers";
    const stack all[] = {{{f->decoder_blocks ? "enc.blk" : "blk", blocks}, f->names},
                         {{"dec.blk", f->decoder_blocks}, f->decoder_names}};
    for (int k = 0; k < (f->decoder_blocks ? 2 : 1); k++) {
        const char *head = side_of(&all[k].blocks, from);
        *out = all[k];
        if (!strncmp(name, head, strlen(head)) && name[strlen(head)] == '.') return true;
    }
    return false;
}

static bool translate(const family *f, const char *name, side from, char *out, size_t size)
{
    char block[80] = "";
    const char *dot = strrchr(name, '.');
    if (!dot || (strcmp(dot, ".weight") && strcmp(dot, ".bias"))) return false;
    const name_pair *own = f->whole, *shared = whole;
    stack k;
    if (find_stack(f, name, from, &k)) {
        const char *end;
        int layer = layer_of(name + strlen(side_of(&k.blocks, from)) + 1, &end);
        if (layer < 0 || *end != '.' || end >= dot) return false;
        snprintf(block, sizeof block, "%s.%d.", side_of(&k.blocks, !from), layer);
        name = end + 1;
        own = k.names;
        shared = in_block;
    }
    const name_pair *p = find(own, from, name, (size_t)(dot - name));
    if (!p) p = find(shared, from, name, (size_t)(dot - name));
    if (!p) return false;
    int length = snprintf(out, size, "%s%s%s", block, side_of(p, !from), dot);
    return length > 0 && (size_t)length < size;
}

bool gguf_name_to_hf(const family *f, const char *gguf_name, char *out, size_t size)
{
    return translate(f, gguf_name, GGUF_SIDE, out, size);
}
bool gguf_name_from_hf(const family *f, const char *hf_name, char *out, size_t size)
{
    return translate(f, hf_name, HF_SIDE, out, size);
}
