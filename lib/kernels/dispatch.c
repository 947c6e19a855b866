/* kernels/dispatch.c - the levels of the kernels, and the choice of the one this CPU runs fastest. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/elementwise.h"
#include "kernels/kernels.h"

static bool always(void)
{
    return true;
}

/* The levels, from the slowest to the fastest: name, and whether this CPU runs it. vector_NAME.c and elementwise_NAME.c hold
 * their kernels. */
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

#define CPU_LEVELS(X)                                                                                        \
    X(avx2, have_avx2)                                                                                       \
    X(avx512, have_avx512)
#elif defined(__aarch64__)
#define CPU_LEVELS(X) X(neon, always)
#else
#define CPU_LEVELS(X)
#endif
#define LEVELS(X)                                                                                            \
    X(reference, always)                                                                                     \
    X(portable, always)                                                                                      \
    CPU_LEVELS(X)

#define DECLARE(level, have)                                                                                 \
    extern const fdht_kernels_f32 fdht_kernels_##level##_f32;                                                \
    extern const fdht_kernels_f64 fdht_kernels_##level##_f64;                                                \
    extern const fdht_elementwise fdht_elementwise_##level;
LEVELS(DECLARE)
#undef DECLARE

static const struct level {
    const char *name;
    bool (*have)(void);
    const fdht_kernels_f32 *f32;
    const fdht_kernels_f64 *f64;
    const fdht_elementwise *elementwise;
} levels[] = {
#define ROW(level, have)                                                                                     \
    {#level, have, &fdht_kernels_##level##_f32, &fdht_kernels_##level##_f64, &fdht_elementwise_##level},
    LEVELS(ROW)
#undef ROW
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

const fdht_kernels_f32 *fdht_kernels_get_f32(void)
{
    return current()->f32;
}

const fdht_kernels_f64 *fdht_kernels_get_f64(void)
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

/* Level i, NULL past the last or where this CPU lacks it. */
static const struct level *level_at(int i)
{
    return fdht_kernels_name(i) && levels[i].have() ? &levels[i] : NULL;
}

const fdht_kernels_f32 *fdht_kernels_at_f32(int level)
{
    const struct level *l = level_at(level);
    return l ? l->f32 : NULL;
}

const fdht_kernels_f64 *fdht_kernels_at_f64(int level)
{
    const struct level *l = level_at(level);
    return l ? l->f64 : NULL;
}

const fdht_elementwise *fdht_elementwise_get(void)
{
    return current()->elementwise;
}

const fdht_elementwise *fdht_elementwise_at(int level)
{
    const struct level *l = level_at(level);
    return l ? l->elementwise : NULL;
}
