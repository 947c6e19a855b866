/* base/rng.c - the random generator: xoshiro256++ seeded by splitmix64, and what is drawn from it. */
#include "base/base.h"

#include <math.h>

uint64_t fdht_rng_hash(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static uint64_t splitmix64(uint64_t *x)
{
    return fdht_rng_hash(*x += 0x9e3779b97f4a7c15u);
}

uint64_t fdht_rng_mix(uint64_t seed, uint64_t a, uint64_t b)
{
    uint64_t x = seed;
    x = splitmix64(&x) ^ a;
    x = splitmix64(&x) ^ b;
    return splitmix64(&x);
}

void fdht_rng_seed(fdht_rng *r, uint64_t seed, uint64_t stream)
{
    uint64_t x = fdht_rng_mix(seed, stream, 0);
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix64(&x);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

uint64_t fdht_rng_u64(fdht_rng *r)
{
    uint64_t *s = r->s, result = rotl(s[0] + s[3], 23) + s[0], t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

double fdht_rng_uniform(fdht_rng *r)
{
    return (double)(fdht_rng_u64(r) >> 11) * 0x1p-53;
}

uint64_t fdht_rng_below(fdht_rng *r, uint64_t n)
{
    uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;
    do
        x = fdht_rng_u64(r);
    while (x >= limit);
    return x % n;
}

double fdht_rng_normal(fdht_rng *r)
{
    double u, v, s;
    do {
        u = 2 * fdht_rng_uniform(r) - 1;
        v = 2 * fdht_rng_uniform(r) - 1;
        s = u * u + v * v;
    } while (s >= 1 || s == 0);
    return u * sqrt(-2 * log(s) / s);
}

void fdht_rng_shuffle(fdht_rng *r, size_t *index, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = fdht_rng_below(r, i), t = index[i - 1];
        index[i - 1] = index[j];
        index[j] = t;
    }
}
