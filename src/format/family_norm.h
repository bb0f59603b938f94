/* family_norm.h -- of the families with layer norms: GGUF's names and readers of configurations
 * (family_norm.c) that the table of families points to. */
#ifndef FORMAT_FAMILY_NORM_H
#define FORMAT_FAMILY_NORM_H

#include "format/family.h"

extern const name_pair gguf_gpt2[], gguf_gpt2_whole[], gguf_neox[], gguf_neox_whole[], gguf_falcon[],
    gguf_falcon_whole[], gguf_bert[], gguf_bert_whole[], gguf_t5_encoder[], gguf_t5_decoder[], gguf_t5_whole[];

void family_read_gpt2(struct model_config *c, const struct family_source *s);
void family_read_neox(struct model_config *c, const struct family_source *s);
void family_read_opt(struct model_config *c, const struct family_source *s);
void family_read_stablelm(struct model_config *c, const struct family_source *s);
void family_read_falcon(struct model_config *c, const struct family_source *s);
void family_read_bert(struct model_config *c, const struct family_source *s);
void family_read_roberta(struct model_config *c, const struct family_source *s);
void family_read_distilbert(struct model_config *c, const struct family_source *s);
void family_read_t5(struct model_config *c, const struct family_source *s);

#endif
