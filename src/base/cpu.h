/* cpu.h -- what this processor is and can do. */
#ifndef BASE_CPU_H
#define BASE_CPU_H

#include <stdbool.h>
#include <stddef.h>

typedef enum cpu_isa { ISA_GENERIC, ISA_AVX2, ISA_AVX512, ISA_AVX512VNNI, ISA_NEON, ISA_COUNT } cpu_isa;

const char *cpu_isa_name(cpu_isa isa); /* "generic", "avx2", "avx512", "avx512vnni", "neon" */
bool cpu_has(cpu_isa isa);             /* avx2 includes FMA and F16C; avx512 is F, BW, DQ, VL */
cpu_isa cpu_best(void);
int cpu_cores(void);         /* the cores this process may run on */
const char *cpu_model(void); /* "AMD EPYC ...", for reports */
size_t cpu_memory(void);     /* physical memory in bytes, 0 when unknown */
size_t cpu_memory_free(void); /* what this process could still take, by its group's limit too */
size_t cpu_peak_rss(void);   /* the most memory this process has held so far, bytes */

#endif
