/* kernels/dispatch.c - the levels of the kernels, and the choice of the one this CPU runs fastest. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernels.h"

#define DECLARE(level)                                                                                       \
    extern const fdht_kernels_f32 fdht_kernels_f32_##level;                                                  \
    extern const fdht_kernels_f64 fdht_kernels_f64_##level;
DECLARE(portable)
#if defined(__x86_64__)
DECLARE(avx2)
DECLARE(avx512)
#elif defined(__aarch64__)
DECLARE(neon)
#endif

static bool always(void)
{
    return true;
}

#if defined(__x86_64__)
static bool have_avx2(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

static bool have_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}
#endif

/* From the slowest to the fastest. */
static const struct level {
    const char *name;
    bool (*have)(void);
    const fdht_kernels_f32 *f32;
    const fdht_kernels_f64 *f64;
} levels[] = {
    {"reference", always, &fdht_kernels_f32_reference, &fdht_kernels_f64_reference},
    {"portable", always, &fdht_kernels_f32_portable, &fdht_kernels_f64_portable},
#if defined(__x86_64__)
    {"avx2", have_avx2, &fdht_kernels_f32_avx2, &fdht_kernels_f64_avx2},
    {"avx512", have_avx512, &fdht_kernels_f32_avx512, &fdht_kernels_f64_avx512},
#elif defined(__aarch64__)
    {"neon", always, &fdht_kernels_f32_neon, &fdht_kernels_f64_neon},
#endif
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static const struct level *chosen;

static void choose(void)
{
    const char *limit = getenv("FDHT_CPU");
    for (size_t i = 0; i < FDHT_COUNT(levels); i++) {
        if (levels[i].have())
            chosen = &levels[i];
        if (limit && strcmp(limit, levels[i].name) == 0)
            break;
    }
}

static const struct level *current(void)
{
    pthread_once(&once, choose);
    return chosen;
}

const fdht_kernels_f32 *fdht_kernels_f32_get(void)
{
    return current()->f32;
}

const fdht_kernels_f64 *fdht_kernels_f64_get(void)
{
    return current()->f64;
}

const char *fdht_kernels_level(void)
{
    return current()->name;
}

const char *fdht_kernels_name(int level)
{
    return level >= 0 && (size_t)level < FDHT_COUNT(levels) ? levels[level].name : NULL;
}

const fdht_kernels_f32 *fdht_kernels_f32_at(int level)
{
    return fdht_kernels_name(level) && levels[level].have() ? levels[level].f32 : NULL;
}

const fdht_kernels_f64 *fdht_kernels_f64_at(int level)
{
    return fdht_kernels_name(level) && levels[level].have() ? levels[level].f64 : NULL;
}
