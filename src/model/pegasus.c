/* pegasus.c -- Pegasus (Zhang et al. 2020): BART with norms before its parts and positions of sines (bart.c). */
#include "model/bart.h"

const arch arch_pegasus = {bart_forward};
