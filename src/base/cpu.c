/* cpu.c -- see cpu.h. */
#include "base/cpu.h"

#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

const char *cpu_isa_name(cpu_isa isa)
{
    static const char *const names[ISA_COUNT] = {"generic", "avx2", "avx512", "avx512vnni", "neon"};
    return names[isa];
}

bool cpu_has(cpu_isa isa)
{
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (isa == ISA_AVX2) return avx2;
    bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (isa == ISA_AVX512) return avx512;
    if (isa == ISA_AVX512VNNI) return avx512 && __builtin_cpu_supports("avx512vnni");
#elif defined(__aarch64__)
    if (isa == ISA_NEON) return true; /* part of every such processor */
#endif
    return isa == ISA_GENERIC;
}

cpu_isa cpu_best(void)
{
    cpu_isa best = ISA_GENERIC;
    for (int i = 0; i < ISA_COUNT; i++)
        if (cpu_has((cpu_isa)i)) best = (cpu_isa)i;
    return best;
}

int cpu_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

const char *cpu_model(void)
{
    static char name[128];
    if (name[0]) return name;
    snprintf(name, sizeof name, "unknown processor");
    FILE *f = fopen("/proc/cpuinfo", "re");
    char line[256];
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && strchr(line, ':')) {
            snprintf(name, sizeof name, "%s", strchr(line, ':') + 2);
            name[strcspn(name, "\n")] = 0;
            break;
        }
    if (f) fclose(f);
    return name;
}

size_t cpu_memory(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (size_t)pages * (size_t)size : 0;
}

/* A number of bytes out of a file of the control group, SIZE_MAX where there is none ("max"). */
static size_t group_bytes(const char *path)
{
    FILE *f = fopen(path, "re");
    unsigned long long n;
    bool got = f && fscanf(f, "%llu", &n) == 1;
    if (f) fclose(f);
    return got ? (size_t)n : SIZE_MAX;
}

size_t cpu_memory_free(void)
{
    FILE *f = fopen("/proc/meminfo", "re");
    char line[256];
    unsigned long long kib;
    size_t available = cpu_memory();
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1) available = (size_t)kib * 1024;
    if (f) fclose(f);
    size_t limit = group_bytes("/sys/fs/cgroup/memory.max"),
           used = group_bytes("/sys/fs/cgroup/memory.current");
    if (limit == SIZE_MAX || used == SIZE_MAX) return available;
    size_t left = limit > used ? limit - used : 0;
    return left < available ? left : available;
}

size_t cpu_peak_rss(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) == 0 ? (size_t)u.ru_maxrss * 1024 : 0;
}
