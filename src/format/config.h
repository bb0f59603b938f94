/* config.h -- the shape of a model, from a Hugging Face config.json or from the keys of a GGUF file.
 *
 * A configuration that comes out of here is sane: every count is positive and bounded, heads divide
 * as they have to, and no product of two or three of them overflows. What the file asks for and this
 * program does not compute (another architecture, scaled rotary positions, another activation) is an
 * error that names it, never ignored. */
#ifndef FORMAT_CONFIG_H
#define FORMAT_CONFIG_H

#include "base/json.h"
#include "format/family.h"
#include "format/gguf_parts.h"

#include <stdint.h>

enum { CONFIG_MAX_EOS = 8, CONFIG_MAX_LAYERS = 4096, CONFIG_MAX_FACTORS = 512 };

/* How the frequencies of the rotary positions follow from their base (model/rope.c has the formulas). */
typedef enum rope_kind {
    ROPE_PLAIN,
    ROPE_LINEAR,  /* divided by factor */
    ROPE_DYNAMIC, /* the base grows with a sequence longer than `original` */
    ROPE_LLAMA3,  /* long waves divided by factor, short ones not, a ramp between */
    ROPE_YARN,    /* the same with another ramp, and a magnitude */
    ROPE_FACTORS, /* each divided by a factor of its own */
    ROPE_LONG     /* the same with other factors for sequences longer than `original`, and a magnitude */
} rope_kind;

typedef struct rope_config {
    rope_kind kind;
    double    theta;          /* the base */
    double    factor;
    double    low, high;      /* LLAMA3: low_freq_factor, high_freq_factor; YARN: beta_slow, beta_fast */
    double    magnitude;      /* cosines and sines are multiplied by it */
    bool      truncate;       /* YARN: the ramp begins and ends at whole numbers */
    int64_t   original;       /* the context before it was stretched */
    int64_t   factors;        /* half the rotated part of a head, or 0 */
    float     short_factor[CONFIG_MAX_FACTORS], long_factor[CONFIG_MAX_FACTORS];
} rope_config;

typedef enum config_act { CONFIG_SILU, CONFIG_GELU, CONFIG_GELU_TANH, CONFIG_RELU, CONFIG_RELU2 } config_act;

/* Where a model drops numbers while it is trained: of what its first block reads; of the probabilities of attention;
 * of what attention, and what the feed-forward block adds to x; inside the latter, behind the activation; of what a
 * classifier's head reads, or whoever reads the last norm (T5). */
typedef enum dropout_kind {
    DROP_EMBEDDING,
    DROP_SCORES,
    DROP_ATTENTION,
    DROP_FEED_FORWARD,
    DROP_ACTIVATION,
    DROP_HEAD,
    DROPOUT_KINDS
} dropout_kind;

/* A model that sees images, of which the text model alone is used. */
typedef struct config_wrapper {
    const char *name;     /* model_type of the whole: "gemma3" */
    const char *hf_class; /* that its weights are saved from */
    const char *text;     /* families its text model may be of, that of a file that does not say first */
    const char *called;   /* model_type of that first one inside such a model; NULL: the family's own name */
    const char *older;    /* what transformers 4 called model.language_model. in files and adapters */
    bool        flat;     /* older files have the text model's numbers beside the others, not in "text_config" */
} config_wrapper;

/* Where its text model lies: modules that are model.X elsewhere are model.language_model.X there. */
#define CONFIG_INSIDE "model.language_model"

typedef struct model_config {
    char    architecture[64]; /* family->name: "llama" */
    const struct family *family;
    const config_wrapper *wrapper; /* what this is the text model of; NULL: it stands alone */
    int64_t layers;           /* all of them */
    int64_t encoder_layers;   /* so many of the first are an encoder's, beside a decoder; 0: it has none */
    int64_t width;            /* of the residual stream */
    int64_t heads, kv_heads;  /* heads is a multiple of kv_heads */
    int64_t head_dim;         /* even; heads * head_dim need not be width */
    int64_t rotary_dim;       /* how much of a head is rotated: even, at most head_dim */
    int64_t ffn;              /* width inside the feed-forward block */
    int64_t experts, experts_used; /* of a mixture, and how many of them see a token; 0: none */
    int64_t expert_ffn, shared_ffn; /* their width, and that of one which all tokens see; 0: none */
    bool    norm_topk;        /* the weights of the chosen add up to 1 */
    uint8_t dense[CONFIG_MAX_LAYERS / 8]; /* layers without experts */
    int64_t vocab;            /* rows of the embedding */
    int64_t context;          /* the longest sequence it was made for */
    rope_config rope;
    double  local_theta;      /* base in layers that see a window; 0: the same */
    int64_t buckets, bucket_reach; /* of biases by distance: how many, and from where on all are alike; of rows for
                                      distances: how many each way */
    bool    log_buckets;      /* those grow with the distance; otherwise each distance has its own */
    bool    content_position, position_content; /* DeBERTa's scores: of q and a distance, of k and a distance */
    bool    shared_positions; /* the same projections make both, and q and k */
    bool    normed_positions; /* rows for distances have a norm */
    double  rms_eps;
    double  norm_offset;      /* added to the stored weights of norms: 0 or 1 */
    double  embed_scale;      /* embeddings are multiplied by it */
    double  head_scale;       /* and what the head reads by this one */
    double  residual_scale;   /* and what each half of a block adds by this one */
    double  qkv_most;         /* q, k and v are kept within +- this; 0: they are not */
    double  alibi;            /* minus the binary logarithm of the last head's slope (ALiBi; 8); 0: none */
    bool    alibi_scaled;     /* slopes are rounded to bf16, and multiplied by attention_scale (Falcon) */
    double  attention_scale;  /* of q.k: 1 / sqrt(head_dim) in most */
    double  attention_cap, final_cap; /* soft cap of scores and of logits; 0: none */
    int64_t window;           /* positions that windowed layers see; 0: no layer is windowed */
    uint8_t windowed[CONFIG_MAX_LAYERS / 8], unrotated[CONFIG_MAX_LAYERS / 8]; /* a bit a layer */
    config_act act, head_act; /* of the feed-forward blocks; between the projections of a classifier's head */
    bool    gated;            /* the activation multiplies a second projection; most families are one way */
    int64_t positions;        /* rows of the table of learned positions; 0: none */
    int64_t position_offset;  /* the row of position 0 */
    int64_t types;            /* rows of the table of token types (first and second text); 0: none */
    int64_t embed_width;      /* of the embedding where that differs from width; 0: it does not */
    int64_t groups;           /* so many blocks are there, which the layers share; 0: each has its own */
    double  rotary_part;      /* of a head, where the file does not say; 0: all of it */
    bool    parallel;         /* attention and feed-forward block read the same x */
    bool    post_norm;        /* norms after each block instead of before */
    bool    no_final_norm;
    bool    two_norms;        /* a norm for each of two parallel branches */
    bool    tied;             /* the head is the embedding; no lm_head.weight in the file */
    bool    attention_bias, out_bias, mlp_bias; /* of q, k, v; of o; of the feed-forward block */
    bool    norm_bias, head_bias; /* where a family may have either: of norms; of a head, or its first part */
    bool    mean_pool;        /* a classifier reads the mean of a text's rows, not the first */
    int64_t bos, pad, unk;    /* token ids, -1: none */
    int64_t start;            /* what a decoder beside an encoder begins its text with */
    int64_t forced;           /* and the first token that it writes then; -1: it chooses */
    bool    begins;           /* texts of such a model begin with BOS, that of the decoder behind `start` */
    bool    embed_norm;       /* the embedding has a norm, where a family may have either */
    bool    sinusoidal;       /* positions are sines, which a file need not have */
    int64_t eos[CONFIG_MAX_EOS];
    int     n_eos;            /* eos[0] is the main one; any of them ends a generation */
    bool    add_bos, add_eos; /* what the tokenizer does by itself; false when the file does not say */
    bool    says_dropout;     /* what follows; GGUF files do not */
    double  dropout[DROPOUT_KINDS], layer_dropout; /* probabilities, as the file has them: config_check_dropout() */
} model_config;

const char *config_rope_name(rope_kind kind); /* "llama3" */

/* Of a layer: the window it sees, 0 for everything, and whether q and k are rotated. */
int64_t config_window(const model_config *c, int64_t layer);
bool    config_rotates(const model_config *c, int64_t layer);
bool    config_has_experts(const model_config *c, int64_t layer);

/* A module's or tensor's name where the model is one inside another, in out or as it is; and whether a name is
 * of the other parts (vision tower, projector), which nothing here uses. */
const char *config_name_inside(const model_config *c, const char *name, char *out, size_t size);
bool    config_is_outside(const model_config *c, const char *name);

/* Whether the model can be trained with the dropout that its file names; E_FORMAT, E_UNSUPPORTED. Every other use of
 * a configuration leaves those numbers alone. */
int config_check_dropout(const model_config *c, const char *where, err *e);

/* `config` is config.json; generation (generation_config.json) and tokenizer
 * (tokenizer_config.json) may be NULL. Spellings of transformers 4 and 5. E_FORMAT, E_UNSUPPORTED. */
int config_from_json(model_config *out, const json_t *config, const json_t *generation,
                     const json_t *tokenizer, const char *where, err *e);
/* Reads the three files of a folder. */
int config_from_folder(model_config *out, const char *folder, err *e);
int config_from_gguf(model_config *out, const gguf_parts *parts, err *e);

#endif
