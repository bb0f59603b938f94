/* bitsandbytes.h -- weights that bitsandbytes quantized, among the tensors of a model folder.
 *
 * 4 bits, for a weight L.weight of n elements in blocks of `blocksize` over the flat tensor:
 *   L.weight                U8 ((n + 1) / 2, 1), or the same bytes seen as F16, BF16 or F32
 *   L.weight.absmax         F32 a block, or U8 a block when the scales are quantized themselves
 *   L.weight.quant_map      F32 (16)
 *   L.weight.nested_absmax  F32 a nested block     L.weight.nested_quant_map  F32 (256)
 *   L.weight.quant_state.bitsandbytes__nf4 (or __fp4)  U8: JSON, {"quant_type", "blocksize",
 *                           "dtype", "shape", "nested_blocksize", "nested_dtype", "nested_offset"}
 * 8 bits: L.weight I8 (out, in), L.SCB F32 (out), L.weight_format U8 0 (row major).
 * Source: functional.py (QuantState) and nn/modules.py of bitsandbytes. */
#ifndef FORMAT_BITSANDBYTES_H
#define FORMAT_BITSANDBYTES_H

#include "format/safetensors.h"
#include "tensor/weights.h"

/* Adds every tensor of the files to w: a quantized weight as one tensor with its scales, which may lie
 * in other files and are views like everything else, all others as they are. What belongs to no
 * weight is added too, so that model_check() names it. mem holds the quants. */
int bitsandbytes_add(weights *w, safetensors *const *files, int64_t n, arena *mem, err *e);

#endif
