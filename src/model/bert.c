/* bert.c -- BERT (Devlin et al. 2019) and the MiniLM encoders of its shape, as classifiers:
 *
 *     sequences   classifier(tanh(pooler(first row)))      tokens   classifier(row)
 */
#include "model/encoder.h"

static void forward(build *b, const model_config *c)
{
    val x = encoder_run(b, c, "bert");
    if (build_task(b) == TASK_SEQ_CLS)
        x = op_activation(build_prog(b), build_dense(b, x, "bert.pooler.dense", c->width), ACT_TANH);
    build_outputs(b, build_dropout(b, x, DROP_HEAD), "classifier", BIAS);
}

const arch arch_bert = {forward};
