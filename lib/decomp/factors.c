/* factors.c - numbers as products: divisors, smooth numbers, and all factorisations into d factors. */
#include "decomp/factors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    EVEN_PRIME = 32,     /* a prime up to this is no large one */
    FIRST_ROOM = 16,     /* few numbers have more factorisations; four times as many each time */
    MOST_FOUND = 4096,   /* factorisations that are kept */
    MOST_TRIES = 400000, /* divisions to find them */
    PRIME_LIMIT = 1000000
};

typedef struct primes {
    int n;
    size_t p[16];
    int power[16];
} primes;

/* What is left after dividing by all primes up to PRIME_LIMIT counts as a prime: as a mode it is large anyhow. */
static primes factorise(size_t n)
{
    primes out = {.n = 0};
    for (size_t p = 2; p <= PRIME_LIMIT && p * p <= n; p += 1 + (p > 2))
        if (n % p == 0) {
            out.p[out.n] = p;
            while (n % p == 0) {
                out.power[out.n]++;
                n /= p;
            }
            out.n++;
        }
    if (n > 1) {
        out.p[out.n] = n;
        out.power[out.n++] = 1;
    }
    return out;
}

static void smooth_from(const size_t *prime, size_t v, size_t n, size_t *best)
{
    if (v >= n) {
        *best = FDHT_MIN(*best, v);
        return;
    }
    if (!*prime) { /* only twos are left */
        while (v < n)
            v *= 2;
        *best = FDHT_MIN(*best, v);
        return;
    }
    for (; v < *best; v *= *prime) {
        smooth_from(prime + 1, v, n, best);
        if (v >= n)
            break;
    }
}

size_t fdht_factors_smooth(size_t n, size_t most)
{
    static const size_t prime[] = {13, 11, 7, 5, 3, 0};
    const size_t *from = prime;
    size_t best = SIZE_MAX / 16;
    while (*from > most)
        from++;
    smooth_from(from, 1, n, &best);
    return best;
}

size_t fdht_factors_round_up(size_t n, int d)
{
    primes p = factorise(n);
    size_t largest = p.n ? p.p[p.n - 1] : 1;
    size_t even = FDHT_MAX((size_t)(2 * pow((double)n, 1.0 / d)), (size_t)EVEN_PRIME);
    return largest <= even ? n : fdht_factors_smooth(n, 13);
}

/* ---- factorisations ---- */

typedef struct finder {
    size_t *divisor; /* ascending */
    int n_divisors, d, tries;
    size_t at[FDHT_MAX_MODES];
    fdht_factors *out;
    int room; /* of out */
    fdht_error *err;
    int status;
} finder;

static int make_room(finder *f)
{
    fdht_factors *out = f->out;
    int room = f->room ? 4 * f->room : FIRST_ROOM;
    size_t(*more)[FDHT_MAX_MODES] = fdht_calloc_err((size_t)room, sizeof *more, "factorisations", f->err);
    if (!more)
        return FDHT_ENOMEM;
    if (out->n)
        memcpy(more, out->v, (size_t)out->n * sizeof *more);
    fdht_free(out->v);
    out->v = more;
    f->room = room;
    return FDHT_OK;
}

/* Keep what is at hand; false: that is all. */
static bool keep(finder *f)
{
    if (f->out->n == f->room && (f->status = make_room(f)))
        return false;
    memcpy(f->out->v[f->out->n++], f->at, sizeof f->at);
    return f->out->n < MOST_FOUND;
}

static bool power_within(size_t f, int power, size_t n)
{
    size_t p = 1;
    for (int i = 0; i < power; i++) {
        if (p > n / f)
            return false;
        p *= f;
    }
    return true;
}

/* Factors k.. of n, each at least `least`; the largest first, so that even factorisations come first. */
static bool find_from(finder *f, int k, size_t n, size_t least)
{
    if (k == f->d - 1) {
        if (n < least)
            return true;
        f->at[k] = n;
        return keep(f);
    }
    int low = 0, high = f->n_divisors - 1; /* the last divisor whose power still fits */
    while (low < high) {
        int middle = (low + high + 1) / 2;
        if (power_within(f->divisor[middle], f->d - k, n))
            low = middle;
        else
            high = middle - 1;
    }
    for (int i = low; i >= 0 && f->divisor[i] >= least; i--) {
        if (++f->tries > MOST_TRIES)
            return false;
        if (n % f->divisor[i])
            continue;
        f->at[k] = f->divisor[i];
        if (!find_from(f, k + 1, n / f->divisor[i], f->divisor[i]))
            return false;
    }
    return true;
}

static int ascending(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    return (x > y) - (x < y);
}

static int list_divisors(const primes *p, finder *f, fdht_error *err)
{
    size_t count = 1;
    for (int i = 0; i < p->n; i++)
        count *= (size_t)p->power[i] + 1;
    if (!(f->divisor = fdht_calloc_err(count, sizeof *f->divisor, "divisors", err)))
        return FDHT_ENOMEM;
    f->divisor[f->n_divisors++] = 1;
    for (int i = 0; i < p->n; i++) {
        int before = f->n_divisors;
        size_t power = 1;
        for (int k = 0; k < p->power[i]; k++) {
            power *= p->p[i];
            for (int j = 0; j < before; j++)
                f->divisor[f->n_divisors++] = f->divisor[j] * power;
        }
    }
    qsort(f->divisor, count, sizeof *f->divisor, ascending);
    return FDHT_OK;
}

int fdht_factors_of(size_t n, int d, fdht_factors *out, fdht_error *err)
{
    finder f = {.d = d, .out = out, .err = err};
    primes p = factorise(n);
    int total = 0, k = 0;
    *out = (fdht_factors){.n = 0};
    for (int i = 0; i < p.n; i++)
        total += p.power[i];
    for (; k < d - 1 && k < d - total; k++)
        f.at[k] = 1;
    if ((f.status = list_divisors(&p, &f, err)) || (f.status = make_room(&f)))
        goto out;
    find_from(&f, k, n, n > 1 ? 2 : 1);
    for (int i = 0, j = out->n - 1; i < j; i++, j--) {
        size_t v[FDHT_MAX_MODES];
        memcpy(v, out->v[i], sizeof v);
        memcpy(out->v[i], out->v[j], sizeof v);
        memcpy(out->v[j], v, sizeof v);
    }
out:
    fdht_free(f.divisor);
    if (f.status)
        fdht_factors_free(out);
    return f.status;
}

void fdht_factors_free(fdht_factors *f)
{
    fdht_free(f->v);
    *f = (fdht_factors){.n = 0};
}
