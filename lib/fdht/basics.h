/* fdht/basics.h - small things that the library and the programs around it share: the clock, products of sizes, the random
 * generator. No call fails but by its result; any thread may call, a generator belongs to one thread at a time. */
#ifndef FDHT_BASICS_H
#define FDHT_BASICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fdht/error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Seconds of a clock that never goes back (CLOCK_MONOTONIC); only differences mean something. */
FDHT_API double fdht_seconds(void);

/* *out = a[0] .. a[n - 1], 1 for n = 0; on overflow false, and *out is SIZE_MAX. */
FDHT_API bool fdht_product(const size_t *a, size_t n, size_t *out);

/* The random generator: xoshiro256++ (Blackman, Vigna 2021) seeded by splitmix64 (Steele, Lea, Flood 2014). A seed gives the
 * same integers and uniforms on every machine; normals are equal up to the libm's log and sqrt. Plain data, copy it as you
 * like. (Dropout alone counts through a bit mixer of its own, which runs in vector registers.) */
typedef struct fdht_rng {
    uint64_t s[4];
} fdht_rng;

/* Streams of one seed are independent: give each consumer (start values, shuffling, dropout) its own. */
FDHT_API void fdht_rng_seed(fdht_rng *r, uint64_t seed, uint64_t stream);
/* 64 random bits. */
FDHT_API uint64_t fdht_rng_u64(fdht_rng *r);
/* Uniform in [0, 1), 53 bits. */
FDHT_API double fdht_rng_uniform(fdht_rng *r);
/* Uniform integer in [0, n), n > 0, without modulo bias. */
FDHT_API uint64_t fdht_rng_below(fdht_rng *r, uint64_t n);
/* Standard normal (Marsaglia's polar method; the second value is dropped, so that the state says all). */
FDHT_API double fdht_rng_normal(fdht_rng *r);
/* Fisher-Yates shuffle of n indices. */
FDHT_API void fdht_rng_shuffle(fdht_rng *r, size_t *index, size_t n);
/* A hash of one number: the last stage of splitmix64. A bijection; 0 gives 0. */
FDHT_API uint64_t fdht_rng_hash(uint64_t x);
/* A hash of (seed, a, b): the seed of a counter-based stream, the same whatever the order of the calls. */
FDHT_API uint64_t fdht_rng_mix(uint64_t seed, uint64_t a, uint64_t b);

#ifdef __cplusplus
}
#endif
#endif
