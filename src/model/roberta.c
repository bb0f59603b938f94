/* roberta.c -- RoBERTa (Liu et al. 2019) and XLM-RoBERTa: BERT without a pooler, whose positions begin after
 * the row of the padding token; as classifiers:
 *
 *     sequences   classifier.out_proj(tanh(classifier.dense(first row)))      tokens   classifier(row)
 */
#include "model/encoder.h"

static void forward(build *b, const model_config *c)
{
    val x = encoder_run(b, c, "roberta");
    const bool whole = build_task(b) == TASK_SEQ_CLS;
    if (whole) {
        x = build_head_dense(b, build_dropout(b, x, DROP_HEAD), "classifier.dense", c->width, BIAS);
        x = op_activation(build_prog(b), x, ACT_TANH);
    }
    build_outputs(b, build_dropout(b, x, DROP_HEAD), whole ? "classifier.out_proj" : "classifier", BIAS);
}

const arch arch_roberta = {forward};
