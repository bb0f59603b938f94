/* config.h -- the shape of a model, from a Hugging Face config.json or from the keys of a GGUF file.
 *
 * A configuration that comes out of here is sane: every count is positive and bounded, heads divide
 * as they have to, and no product of two or three of them overflows. What the file asks for and this
 * program does not compute (another architecture, scaled rotary positions, another activation) is an
 * error that names it, never ignored. */
#ifndef FORMAT_CONFIG_H
#define FORMAT_CONFIG_H

#include "base/json.h"
#include "format/gguf.h"

#include <stdint.h>

enum { CONFIG_MAX_EOS = 8 };

typedef struct model_config {
    char    architecture[64]; /* a row of config_architecture(): "llama" */
    int64_t layers;
    int64_t width;            /* of the residual stream */
    int64_t heads, kv_heads;  /* heads is a multiple of kv_heads */
    int64_t head_dim;         /* even; heads * head_dim need not be width */
    int64_t ffn;              /* width inside the feed-forward block */
    int64_t vocab;            /* rows of the embedding */
    int64_t context;          /* the longest sequence it was made for */
    double  rope_theta, rms_eps;
    bool    tied;             /* the head is the embedding; no lm_head.weight in the file */
    bool    attention_bias, mlp_bias;
    int64_t bos, pad, unk;    /* token ids, -1: none */
    int64_t eos[CONFIG_MAX_EOS];
    int     n_eos;            /* eos[0] is the main one; any of them ends a generation */
    bool    add_bos, add_eos; /* what the tokenizer does by itself; false when the file does not say */
} model_config;

/* Names of the supported architectures; NULL after the last. */
const char *config_architecture(int i);

/* `config` is config.json; generation (generation_config.json) and tokenizer
 * (tokenizer_config.json) may be NULL. Spellings of transformers 4 and 5. E_FORMAT, E_UNSUPPORTED. */
int config_from_json(model_config *out, const json_t *config, const json_t *generation,
                     const json_t *tokenizer, const char *where, err *e);
/* Reads the three files of a folder. */
int config_from_folder(model_config *out, const char *folder, err *e);
int config_from_gguf(model_config *out, const gguf *g, err *e);

#endif
