/* feed.h -- a micro-batch as what a step is fed. */
#ifndef TRAIN_FEED_H
#define TRAIN_FEED_H

#include "model/step.h"
#include "text/batch.h"

static inline step_input feed_of(const micro_batch *b)
{
    return (step_input){.tokens = b->tokens,
                        .labels = b->labels,
                        .ids = b->ids,
                        .positions = b->positions,
                        .start = b->start,
                        .gather = b->gather,
                        .target = b->target,
                        .values = b->values,
                        .types = b->types,
                        .weight = b->weight,
                        .source = b->source,
                        .source_ids = b->source_ids,
                        .source_start = b->source_start,
                        .seen = b->seen};
}

#endif
