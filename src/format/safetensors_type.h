/* safetensors_type.h -- element types by their names in safetensors files; not for other folders. */
#ifndef FORMAT_SAFETENSORS_TYPE_H
#define FORMAT_SAFETENSORS_TYPE_H

#include "tensor/dtype.h"

dtype safetensors_dtype(const char *name); /* DT_COUNT: a type that is not read */

#endif
