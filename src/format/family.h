/* family.h -- what the files of a family of models look like: its names in Hugging Face's and GGUF's files,
 * and what its configuration means where it does not say. The rows are in families.h; what a family computes
 * is in model/NAME.c. */
#ifndef FORMAT_FAMILY_H
#define FORMAT_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_config;
struct family_source;

/* A module's name in a GGUF file and in a Hugging Face one, where * stands for the number of an expert: in
 * GGUF all of a layer's are one tensor. */
typedef struct name_pair {
    const char *gguf, *hf;
} name_pair;

/* Which layers see no more than the last `sliding_window` positions, where the file does not list them. */
typedef enum window_rule {
    WINDOW_NONE,
    WINDOW_ALL,    /* every layer */
    WINDOW_LATE,   /* with use_sliding_window, layers from max_window_layers on */
    WINDOW_EVEN,   /* layers 0, 2, 4, ... */
    WINDOW_PATTERN /* all but every sliding_window_pattern-th */
} window_rule;

/* The norms of decoders (model/decoder.h). */
typedef enum norm_kind {
    NORM_RMS,
    NORM_LAYER,      /* layer norms, with a bias */
    NORM_LAYER_ONLY, /* without */
    NORM_BARE        /* with no weights at all */
} norm_kind;

typedef struct family {
    const char *name;        /* model_type of config.json */
    const char *hf_class;    /* the classes its weights are saved from, separated by spaces */
    const char *gguf;        /* general.architecture; NULL: not in GGUF under a name of its own */
    const char *alias;       /* other model_types for the same, separated by spaces, or NULL */
    const char *drops;       /* its rule of dropout in training (config_dropout.c); NULL: none is known */
    bool encoder;            /* rows see their whole document; it classifies, and writes no text */
    const char *blocks;      /* what a layer's number follows; NULL: model.layers */
    const char *decoder_blocks; /* the same of a decoder that has an encoder beside it, whose are `blocks` */
    const char *embedding; /* the tokens' matrix; NULL: model.embed_tokens */
    const char *prefix;    /* begins every name, and is missing in files of the bare model */
    const char *outside;   /* first parts of names that it does not begin */
    const char *ignored;   /* ends of the names of tensors that are no weights */
    const char *zero;      /* ends of the names of tensors that are read as nothing and have to be so */
    const char *lora;      /* PEFT's usual targets, separated by spaces; NULL: this program's own */
    const char *spare;     /* of weights that files may have and the model need not read */
    const char *columns;   /* ends of the names of matrices that Hugging Face's files hold transposed */
    const char *fused;     /* a projection of heads' q, k, v, which GGUF has in another order (arrange.c) */
    bool any_act;          /* act is the usual activation, and others that are known will do */
    const char *act, *act_too; /* what the activation has to be called; NULL: silu, nothing else */
    window_rule window;
    int64_t window_size;     /* where the file says nothing; 0: none */
    double theta;            /* base of the rotary positions likewise; 0: 10000 */
    double local_theta;      /* the same of layers that see a window; 0: one base for all */
    int64_t head_dim;        /* likewise; 0: width / heads */
    int64_t window_pattern;  /* of WINDOW_PATTERN, likewise; 0: 6 */
    bool window_rope;        /* where layers see a window, only those have rotary positions */
    bool rope_alpha;         /* rotary positions called dynamic, with an alpha, have a base grown by it for good */
    int64_t no_rope_interval; /* every so manieth layer has no rotary positions; 0: all have */
    double attention_cap, final_cap,
        query_scale;         /* likewise: soft caps; scores are divided by sqrt of the last; where that is 0,
                                a file's words about the three mean nothing */
    int64_t wide_layers; /* the model of so many layers divides scores by sqrt(width / heads); GGUF files do
                            not say */
    bool tied;               /* the head is the embedding, likewise */
    bool pairs;              /* GGUF has the rows of q and k in the order of the rotary pairs */
    bool adjacent;           /* the two numbers of a rotary pair are neighbours, in Hugging Face's order too */
    norm_kind norm;
    bool partial;            /* may rotate a part of each head */
    bool qkv_bias;           /* q, k and v always have a bias, o never */
    bool experts;            /* a mixture of experts */
    bool norm_topk,
        gguf_norm_topk;      /* their weights add up to 1, where config.json says nothing; in GGUF files */
    bool norm_offset;        /* Hugging Face's files hold the weights of norms less 1 */
    bool embed_scale;        /* embeddings are multiplied by sqrt(width) */
    const name_pair
        *names; /* GGUF's names in a block that differ from Llama's, or are not in it; ended by {0} */
    const name_pair *decoder_names; /* of a decoder that has an encoder beside it, whose are `names` */
    const name_pair *whole;  /* the same outside the blocks */
    /* Reads from config.json (or a GGUF file) what other families do not have, after all that they share;
     * NULL: nothing. Errors go to s->e. */
    void (*read)(struct model_config *c, const struct family_source *s);
} family;

const family *family_at(int i);                /* NULL after the last */
const family *family_find(const char *name);   /* by model_type; NULL: not supported */
/* With or without experts: both may have the same architecture in GGUF. */
const family *family_of_gguf(const char *architecture, bool experts);

/* Of family.read: what mixtures of experts have. */
void config_read_experts(struct model_config *c, const struct family_source *s);

/* Whether one of `words`, separated by spaces, is `name`; or is its end. words NULL: none is. */
bool family_lists(const char *words, const char *name);
bool family_ends(const char *words, const char *name);

/* The Hugging Face name of a GGUF tensor of such a model, written to out; false when there is none, or when
 * it does not fit. And back. */
bool gguf_name_to_hf(const family *f, const char *gguf_name, char *out, size_t size);
bool gguf_name_from_hf(const family *f, const char *hf_name, char *out, size_t size);

#endif
