/* build_dropout.c -- dropout of the base: where a list of training has it, if it has any.
 *
 * Its places are numbered in the order of the list, which is that of the reference implementation's forward: place n
 * draws from a stream of its own (op/dropout.c), whatever else the list holds. */
#include "model/build.h"

static double probability(const build *b, dropout_kind kind)
{
    return b->kind == STEP_TRAIN && b->size.base_dropout ? b->m->config->dropout[kind] : 0;
}

val build_dropout(build *b, val x, dropout_kind kind)
{
    const double p = probability(b, kind);
    return p > 0 ? op_dropout(b->p, x, p, b->dropouts++) : x;
}

val build_scores_dropout(build *b, val attention)
{
    const double p = probability(b, DROP_SCORES);
    if (p > 0) op_attention_dropout(b->p, attention, p, b->dropouts++);
    return attention;
}
