/* decomp/factors.h - numbers as products of a given count of factors. Internal. */
#ifndef FDHT_DECOMP_FACTORS_H
#define FDHT_DECOMP_FACTORS_H

#include "base/base.h"
#include "fdht/tree.h"

/* n itself, or the next larger number without a prime above 13 if n has a prime that would make a mode of its own
 * among d of equal size. n <= FDHT_MOST_FACTORED. */
size_t fdht_factors_round_up(size_t n, int d);
/* The smallest number >= n without a prime above `most` (2..13). */
size_t fdht_factors_smooth(size_t n, size_t most);

#define FDHT_MOST_FACTORED ((size_t)1 << 40)

/* Ascending factorisations; those with factors of 1 only where n has too few prime factors. */
typedef struct fdht_factors {
    int n;
    size_t (*v)[FDHT_MAX_MODES];
} fdht_factors;

/* All factorisations of n into d factors, in lexicographic order; of very many the most even. Takes some
 * milliseconds at most. FDHT_ENOMEM. */
int fdht_factors_of(size_t n, int d, fdht_factors *out, fdht_error *err);
void fdht_factors_free(fdht_factors *f);

#endif
