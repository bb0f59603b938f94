/* gguf_type.c -- the tensor types of GGUF by number, and which of ours they are.
 *
 * Numbers and names are those of `enum ggml_type` of the ggml project; 4, 5, 31-33 and 36-38 named
 * types that were withdrawn. */
#include "format/gguf_file.h"

typedef struct row {
    const char *name;
    dtype       ours;
} row;

static const row table[] = {
    [0] = {"F32", DT_F32},        [1] = {"F16", DT_F16},         [2] = {"Q4_0", DT_Q4_0},
    [3] = {"Q4_1", DT_Q4_1},      [6] = {"Q5_0", DT_Q5_0},       [7] = {"Q5_1", DT_Q5_1},
    [8] = {"Q8_0", DT_Q8_0},      [9] = {"Q8_1", DT_COUNT},      [10] = {"Q2_K", DT_Q2_K},
    [11] = {"Q3_K", DT_Q3_K},     [12] = {"Q4_K", DT_Q4_K},      [13] = {"Q5_K", DT_Q5_K},
    [14] = {"Q6_K", DT_Q6_K},     [15] = {"Q8_K", DT_COUNT},     [16] = {"IQ2_XXS", DT_COUNT},
    [17] = {"IQ2_XS", DT_COUNT},  [18] = {"IQ3_XXS", DT_COUNT},  [19] = {"IQ1_S", DT_COUNT},
    [20] = {"IQ4_NL", DT_COUNT},  [21] = {"IQ3_S", DT_COUNT},    [22] = {"IQ2_S", DT_COUNT},
    [23] = {"IQ4_XS", DT_COUNT},  [24] = {"I8", DT_I8},          [25] = {"I16", DT_I16},
    [26] = {"I32", DT_I32},       [27] = {"I64", DT_I64},        [28] = {"F64", DT_F64},
    [29] = {"IQ1_M", DT_COUNT},   [30] = {"BF16", DT_BF16},      [34] = {"TQ1_0", DT_COUNT},
    [35] = {"TQ2_0", DT_COUNT},   [39] = {"MXFP4", DT_COUNT},    [40] = {"NVFP4", DT_COUNT},
    [41] = {"Q1_0", DT_COUNT},
};
enum { ROWS = sizeof table / sizeof *table };

dtype gguf_dtype(uint32_t ggml) { return ggml < ROWS && table[ggml].name ? table[ggml].ours : DT_COUNT; }

const char *gguf_dtype_name(uint32_t ggml) { return ggml < ROWS ? table[ggml].name : NULL; }

int gguf_dtype_number(dtype t)
{
    for (int i = 0; i < ROWS; i++)
        if (table[i].name && table[i].ours == t && t != DT_COUNT) return i;
    return -1;
}
