/* electra.c -- ELECTRA (Clark et al. 2020): BERT with an embedding of its own width, widened by a projection where
 * that differs; as classifiers:
 *
 *     sequences   classifier.out_proj(gelu(classifier.dense(first row)))      tokens   classifier(row)
 */
#include "model/encoder.h"

static void forward(build *b, const model_config *c)
{
    val x = encoder_embed_norm(b, c, "electra", encoder_embed(b, c, "electra"));
    if (c->embed_width) x = build_project(b, x, -1, "electra.embeddings_project", c->width, BIAS);
    encoder_outputs(b, c, encoder_blocks(b, c, x), ACT_GELU);
}

const arch arch_electra = {forward};
