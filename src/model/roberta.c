/* roberta.c -- RoBERTa (Liu et al. 2019), XLM-RoBERTa and CamemBERT: BERT without a pooler, whose positions begin
 * after the row of the padding token; as classifiers:
 *
 *     sequences   classifier.out_proj(tanh(classifier.dense(first row)))      tokens   classifier(row)
 */
#include "model/encoder.h"

static void forward(build *b, const model_config *c)
{
    encoder_outputs(b, c, encoder_run(b, c, "roberta"), ACT_TANH);
}

const arch arch_roberta = {forward};
