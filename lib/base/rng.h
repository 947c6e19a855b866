/* base/rng.h - the random generator: xoshiro256++ (Blackman, Vigna 2021) seeded by splitmix64. Internal.
 *
 * A seed gives the same integers and uniforms on every machine; normals are equal up to the libm's log and sqrt. A generator
 * belongs to one thread at a time. */
#ifndef FDHT_RNG_H
#define FDHT_RNG_H

#include <stddef.h>
#include <stdint.h>

typedef struct fdht_rng {
    uint64_t s[4];
} fdht_rng;

/* Streams of one seed are independent: give each consumer (initialisation, shuffling, dropout) its own. */
void fdht_rng_seed(fdht_rng *r, uint64_t seed, uint64_t stream);
uint64_t fdht_rng_u64(fdht_rng *r);
/* Uniform in [0, 1), 53 bits. */
double fdht_rng_uniform(fdht_rng *r);
/* Uniform integer in [0, n), n > 0, without modulo bias. */
uint64_t fdht_rng_below(fdht_rng *r, uint64_t n);
/* Standard normal (Marsaglia's polar method; the second value is dropped so that the state says all). */
double fdht_rng_normal(fdht_rng *r);
/* Fisher-Yates shuffle of n indices. */
void fdht_rng_shuffle(fdht_rng *r, size_t *index, size_t n);
/* A hash of (seed, a, b): the seed of a counter-based stream, the same whatever the order of the calls. */
uint64_t fdht_rng_mix(uint64_t seed, uint64_t a, uint64_t b);

#endif
