/* family_norm.h -- of the families with layer norms and some more: GGUF's names and readers of
 * configurations (family_norm.c, family_decoder.c) that the table of families points to. */
#ifndef FORMAT_FAMILY_NORM_H
#define FORMAT_FAMILY_NORM_H

#include "format/family.h"

extern const name_pair gguf_gpt2[], gguf_gpt2_whole[], gguf_neox[], gguf_neox_whole[], gguf_falcon[],
    gguf_falcon_whole[], gguf_bloom[], gguf_bloom_whole[], gguf_mpt[], gguf_mpt_whole[], gguf_phi[],
    gguf_phi_whole[], gguf_starcoder2[], gguf_glm4[], gguf_hunyuan[], gguf_bert[], gguf_bert_whole[],
    gguf_t5_encoder[], gguf_t5_decoder[], gguf_t5_whole[];

void family_read_gpt2(struct model_config *c, const struct family_source *s);
void family_read_neox(struct model_config *c, const struct family_source *s);
void family_read_opt(struct model_config *c, const struct family_source *s);
void family_read_stablelm(struct model_config *c, const struct family_source *s);
void family_read_falcon(struct model_config *c, const struct family_source *s);
void family_read_bloom(struct model_config *c, const struct family_source *s);
void family_read_mpt(struct model_config *c, const struct family_source *s);
void family_read_phi(struct model_config *c, const struct family_source *s);
void family_read_starcoder2(struct model_config *c, const struct family_source *s);
void family_read_granite(struct model_config *c, const struct family_source *s);
void family_read_cohere(struct model_config *c, const struct family_source *s);
void family_read_olmo(struct model_config *c, const struct family_source *s);
void family_read_ernie(struct model_config *c, const struct family_source *s);
void family_read_gptj(struct model_config *c, const struct family_source *s);
void family_read_gpt_bigcode(struct model_config *c, const struct family_source *s);
void family_read_gpt_neo(struct model_config *c, const struct family_source *s);
void family_read_glm(struct model_config *c, const struct family_source *s);
void family_read_olmo2(struct model_config *c, const struct family_source *s);
void family_read_exaone4(struct model_config *c, const struct family_source *s);
void family_read_nemotron(struct model_config *c, const struct family_source *s);
void family_read_arcee(struct model_config *c, const struct family_source *s);
void family_read_seed_oss(struct model_config *c, const struct family_source *s);
void family_read_bert(struct model_config *c, const struct family_source *s);
void family_read_roberta(struct model_config *c, const struct family_source *s);
void family_read_distilbert(struct model_config *c, const struct family_source *s);
void family_read_modernbert(struct model_config *c, const struct family_source *s);
void family_read_deberta_v2(struct model_config *c, const struct family_source *s);
void family_read_electra(struct model_config *c, const struct family_source *s);
void family_read_albert(struct model_config *c, const struct family_source *s);
void family_read_mpnet(struct model_config *c, const struct family_source *s);
void family_read_t5(struct model_config *c, const struct family_source *s);
void family_read_bart(struct model_config *c, const struct family_source *s);
void family_read_pegasus(struct model_config *c, const struct family_source *s);

#endif
