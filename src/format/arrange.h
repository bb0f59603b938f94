/* arrange.h -- files that hold a model's weights under other names or in another order than its family's. */
#ifndef FORMAT_ARRANGE_H
#define FORMAT_ARRANGE_H

#include "format/config.h"
#include "tensor/weights.h"

/* The same tensors under the names that a whole model of the family has: files of the bare model lack the
 * prefix. What is no weight (buffers) is left out, and of a model that sees images all but its text model. *w
 * is replaced. */
int arrange_names(weights **w, const model_config *c, err *e);

/* After the names, and after the files' own views have been remembered: matrices that the files hold
 * transposed, and of GGUF files fused projections, become copies in order. */
typedef enum arrange_from { FROM_FOLDER, FROM_GGUF } arrange_from;
int arrange_rows(weights *w, const model_config *c, arrange_from from, const char *where, err *e);

#endif
