/* The checks of test_kernels.c for one REAL; included with REAL, R and EPS (of the sum of absolute terms). */
#define CAT_(a, b) a##_##b
#define CAT(a, b)  CAT_(a, b)
#define FN(name)   CAT(name, R)

static void FN(fill)(fdht_rng *r, REAL *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (REAL)fdht_rng_normal(r);
}

/* Rows of n numbers at a distance of cs must be want, to EPS of bound; every other number as before. */
static void FN(compare)(const char *what, const char *level, const REAL *got, const REAL *before,
                        size_t total, size_t first, size_t m, size_t n, size_t cs, const double *want,
                        const double *bound)
{
    for (size_t i = 0; i < total; i++) {
        size_t row = i < first ? 0 : (i - first) / cs, column = i < first ? 0 : (i - first) % cs;
        bool inside = i >= first && row < m && column < n;
        if (!inside) {
            if (memcmp(&got[i], &before[i], sizeof *got) != 0)
                fail_msg("%s %s: %zu x %zu (rows %zu apart) wrote at row %zu, column %zu", level, what, m, n,
                         cs, row, column);
        } else if (!(fabs((double)got[i] - want[row * n + column]) <= EPS * bound[row * n + column])) {
            fail_msg("%s %s: %zu x %zu, entry %zu,%zu is %.17g, expected %.17g", level, what, m, n, row,
                     column, (double)got[i], want[row * n + column]);
        }
    }
}

/* A size: mostly small, at times past every register tile. */
static size_t FN(extent)(fdht_rng *r)
{
    return fdht_rng_below(r, 4) ? pick(r, 1, 20) : pick(r, 1, 75);
}

static void FN(check_gemm)(const CAT(fdht_kernels, R) * kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 31, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t m = FN(extent)(&r), n = FN(extent)(&r), k = round % 50 ? FN(extent)(&r) : 0;
        size_t ls = pick(&r, 0, 9), cs = n + (round % 3 ? pick(&r, 0, 9) : 0), reach = pick(&r, 1, 400);
        bool add = fdht_rng_below(&r, 2);
        size_t nL = (m - 1) * ls + reach, nB = reach - 1 + n, nC = (m - 1) * cs + n + 2 * GUARD;
        edge el, eb, elk, ebk, ec;
        REAL *L = edge_new(&el, nL * sizeof *L), *B = edge_new(&eb, nB * sizeof *B);
        /* the guard words stand before the rows here; behind them ends the memory */
        REAL *C = edge_new(&ec, (nC - GUARD) * sizeof *C), *before = malloc(nC * sizeof *before);
        uint32_t *lk = offsets(&r, &elk, k, reach, reach - 1), *bk = offsets(&r, &ebk, k, reach, reach - 1);
        double *want = calloc(m * n, sizeof *want), *bound = calloc(m * n, sizeof *bound);
        FN(fill)(&r, L, nL);
        FN(fill)(&r, B, nB);
        FN(fill)(&r, C, nC - GUARD);
        if (!add) /* what is overwritten must not be read into the sum */
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++)
                    C[GUARD + i * cs + j] = (REAL)NAN;
        memcpy(before, C, (nC - GUARD) * sizeof *before);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = add ? (double)C[GUARD + i * cs + j] : 0, size = fabs(sum);
                for (size_t x = 0; x < k; x++) {
                    double term = (double)L[i * ls + lk[x]] * (double)B[bk[x] + j];
                    sum += term;
                    size += fabs(term);
                }
                want[i * n + j] = sum;
                bound[i * n + j] = size;
            }
        kernels->gemm(m, n, k, L, ls, lk, B, bk, C + GUARD, cs, add);
        FN(compare)("gemm", level, C, before, nC - GUARD, GUARD, m, n, cs, want, bound);
        free(before);
        free(want);
        free(bound);
        edge_free(&el);
        edge_free(&eb);
        edge_free(&elk);
        edge_free(&ebk);
        edge_free(&ec);
    }
}

static void FN(check_dot)(const CAT(fdht_kernels, R) * kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 32, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t m = pick(&r, 1, 13), n = pick(&r, 1, 13), chunks = round % 50 ? pick(&r, 1, 30) : 0;
        size_t lanes = fdht_rng_below(&r, 2) ? FDHT_LANES : pick(&r, 1, FDHT_LANES);
        size_t as = pick(&r, 0, 40), bs = pick(&r, 0, 40), cs = n + pick(&r, 0, 5), reach = pick(&r, 1, 300);
        size_t nA = (m - 1) * as + reach - 1 + lanes, nB = (n - 1) * bs + reach - 1 + lanes;
        size_t nC = GUARD + (m - 1) * cs + n;
        edge ea, eb, eta, etb, ec;
        REAL *A = edge_new(&ea, nA * sizeof *A), *B = edge_new(&eb, nB * sizeof *B);
        REAL *C = edge_new(&ec, nC * sizeof *C), *before = malloc(nC * sizeof *before);
        uint32_t *ta = offsets(&r, &eta, chunks, reach, reach - 1);
        uint32_t *tb = offsets(&r, &etb, chunks, reach, reach - 1);
        double *want = calloc(m * n, sizeof *want), *bound = calloc(m * n, sizeof *bound);
        FN(fill)(&r, A, nA);
        FN(fill)(&r, B, nB);
        FN(fill)(&r, C, nC);
        memcpy(before, C, nC * sizeof *before);
        for (size_t i = 0; i < m; i++)
            for (size_t j = 0; j < n; j++) {
                double sum = (double)C[GUARD + i * cs + j], size = fabs(sum);
                for (size_t c = 0; c < chunks; c++)
                    for (size_t l = 0; l < lanes; l++) {
                        double term = (double)A[i * as + ta[c] + l] * (double)B[j * bs + tb[c] + l];
                        sum += term;
                        size += fabs(term);
                    }
                want[i * n + j] = sum;
                bound[i * n + j] = size;
            }
        kernels->dot(m, n, chunks, lanes, A, as, ta, B, bs, tb, C + GUARD, cs);
        FN(compare)("dot", level, C, before, nC, GUARD, m, n, cs, want, bound);
        free(before);
        free(want);
        free(bound);
        edge_free(&ea);
        edge_free(&eb);
        edge_free(&eta);
        edge_free(&etb);
        edge_free(&ec);
    }
}

static void FN(check_bytes)(const CAT(fdht_kernels, R) * kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 33, 0);
    for (size_t n = 0; n < 300; n++) {
        edge ex, ey;
        uint8_t *x = edge_new(&ex, n);
        REAL *y = edge_new(&ey, (GUARD + n) * sizeof *y), guard[GUARD];
        for (size_t i = 0; i < n; i++)
            x[i] = (uint8_t)(n == 256 ? i : fdht_rng_below(&r, 256));
        FN(fill)(&r, y, GUARD + n);
        memcpy(guard, y, sizeof guard);
        kernels->from_u8(n, x, y + GUARD);
        assert_memory_equal(y, guard, sizeof guard);
        for (size_t i = 0; i < n; i++)
            if (y[GUARD + i] != (REAL)x[i])
                fail_msg("%s from_u8: number %zu of %zu", level, i, n);
        edge_free(&ex);
        edge_free(&ey);
    }
}

/* The counted operations grow with the rounds, and the sum is that of a loop that did run. */
static void FN(check_spin)(const CAT(fdht_kernels, R) * kernels, const char *level)
{
    REAL none = 3, few = 3, many = 3;
    double one = kernels->spin(1, &few);
    if (kernels->spin(0, &none) != 0 || one < 2 || kernels->spin(500, &many) != 500 * one)
        fail_msg("%s spin: %g operations in a round", level, one);
    if (!isfinite((double)many) || few == many || none == many)
        fail_msg("%s spin: sums %g, %g, %g after 0, 1 and 500 rounds", level, (double)none, (double)few,
                 (double)many);
}

#undef CAT_
#undef CAT
#undef FN
