/* The checks of kernels/test_kernels.c for one number type. Template (base/real.h) with EPS, of the sum of absolute terms. */
static void R(fill)(fdht_rng *r, REAL *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (REAL)fdht_rng_normal(r);
}

/* Rows of n numbers at a distance of cs must be want, to EPS of bound; every other number as before. */
static void R(compare)(const char *what, const char *level, const REAL *got, const REAL *before, size_t total,
                       size_t first, size_t m, size_t n, size_t cs, const double *want, const double *bound)
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
static size_t R(extent)(fdht_rng *r)
{
    return fdht_rng_below(r, 4) ? pick(r, 1, 20) : pick(r, 1, 75);
}

/* The sums that g asks for by plain loops, before it runs, and the same of absolute terms; (m, n) each, one for each `outer`
 * unless oc is NULL. */
static void R(sum_up)(const R(fdht_gemm) *g, double *want, double *bound)
{
    for (size_t o = 0; o < g->outer; o++)
        for (size_t i = 0; i < g->m; i++)
            for (size_t j = 0; j < g->n; j++) {
                size_t at = (g->oc ? o * g->m : 0) * g->n + i * g->n + j;
                if (g->accumulate && (g->oc || o == 0)) {
                    want[at] = g->C[(g->oc ? g->oc[o] : 0) + i * g->cs + j];
                    bound[at] = fabs(want[at]);
                }
                for (size_t x = 0; x < g->k; x++) {
                    double term = (double)g->L[(g->ol ? g->ol[o] : 0) + i * g->ls + g->lk[x]] *
                                  (double)g->B[(g->ob ? g->ob[o] : 0) + g->bk[x] + j];
                    want[at] += term;
                    bound[at] += fabs(term);
                }
            }
}

/* Products of random shapes, one operand (or both, or none) moving from one to the next. */
static void R(check_gemm)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 31, 0);
    for (int round = 0; round < ROUNDS; round++) {
        size_t m = R(extent)(&r), n = R(extent)(&r), k = round % 50 ? R(extent)(&r) : 0;
        size_t cs = n + (round % 3 ? pick(&r, 0, 9) : 0), reach = pick(&r, 1, 400);
        size_t outer = fdht_rng_below(&r, 3) ? 1 : pick(&r, 1, 5), moved = pick(&r, 1, 50);
        bool add = fdht_rng_below(&r, 2), packed = fdht_rng_below(&r, 2), mL = fdht_rng_below(&r, 2) != 0;
        bool mB = fdht_rng_below(&r, 2) != 0, mC = fdht_rng_below(&r, 2) != 0;
        size_t ls = fdht_rng_below(&r, 3) ? pick(&r, 0, 9) : 1;
        if (packed) { /* rows of neighbours, as most layouts have them */
            reach = FDHT_MAX(reach, 2 * k + 4);
            ls = fdht_rng_below(&r, 2) ? 1 : pick(&r, 0, 90);
        }
        size_t nL = (m - 1) * ls + reach + moved, nB = reach + moved - 1 + n, size = (m - 1) * cs + n;
        size_t nC = outer * (size + GUARD) + GUARD;
        edge el, eb, elk, ebk, ec, eol, eob, eoc;
        REAL *L = edge_new(&el, nL * sizeof *L), *B = edge_new(&eb, nB * sizeof *B);
        /* the guard words are before the rows here; memory ends behind them */
        REAL *C = edge_new(&ec, (nC - GUARD) * sizeof *C), *before = malloc(nC * sizeof *before);
        uint32_t *lk = offsets(&r, &elk, k, reach, reach - 1), *bk = offsets(&r, &ebk, k, reach, reach - 1);
        uint32_t *ol = offsets(&r, &eol, outer, moved, moved - 1),
                 *ob = offsets(&r, &eob, outer, moved, moved - 1);
        uint32_t *oc = offsets(&r, &eoc, outer, 1, 0);
        double *want = calloc(outer * m * n, sizeof *want), *bound = calloc(outer * m * n, sizeof *bound);
        size_t distance = k > 1 ? pick(&r, 0, (reach - 1) / (k - 1)) : 0, run = pick(&r, 0, 2);
        for (size_t x = k; packed && x-- > 0;) { /* L: at one distance, or in runs of 4; B: at one distance */
            lk[x] = (uint32_t)(run ? x / 4 * (3 + run) + x % 4 : x * distance);
            lk[x] +=
                (uint32_t)(reach - 1 - (run ? (k - 1) / 4 * (3 + run) + (k - 1) % 4 : (k - 1) * distance));
            bk[x] = (uint32_t)(reach - 1 - (k - 1 - x) * distance);
        }
        for (size_t o = 0; o < outer; o++)
            oc[o] = mC ? (uint32_t)((outer - 1 - o) * (size + GUARD)) : 0;
        R(fill)(&r, L, nL);
        R(fill)(&r, B, nB);
        R(fill)(&r, C, nC - GUARD);
        for (size_t o = 0; o < outer && !add; o++) /* what is overwritten must not be read into the sum */
            for (size_t i = 0; i < m; i++)
                for (size_t j = 0; j < n; j++)
                    C[GUARD + oc[o] + i * cs + j] = (REAL)NAN;
        memcpy(before, C, (nC - GUARD) * sizeof *before);
        R(fdht_gemm) g = {.m = m, .n = n, .k = k, .ls = ls, .lk = lk, .bk = bk, .cs = cs, .accumulate = add};
        g.L = L;
        g.B = B;
        g.C = C + GUARD;
        g.outer = outer;
        g.ol = mL ? ol : NULL;
        g.ob = mB ? ob : NULL;
        g.oc = mC ? oc : NULL;
        g.kind = round % 7 ? fdht_gemm_kind(ls, lk, bk, k) : FDHT_SPREAD;
        R(sum_up)(&g, want, bound);
        kernels->gemm(&g);
        for (size_t o = 0; o < (mC ? outer : 1); o++) /* the place of each, with the guards on both sides */ {
            R(compare)("gemm", level, C + oc[o], before + oc[o], size + GUARD, GUARD, m, n, cs,
                       want + o * m * n, bound + o * m * n);
        }
        free(before);
        free(want);
        free(bound);
        edge_free(&el);
        edge_free(&eb);
        edge_free(&elk);
        edge_free(&ebk);
        edge_free(&ec);
        edge_free(&eol);
        edge_free(&eob);
        edge_free(&eoc);
    }
}

static void R(check_dot)(const R(fdht_kernels) *kernels, const char *level)
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
        R(fill)(&r, A, nA);
        R(fill)(&r, B, nB);
        R(fill)(&r, C, nC);
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
        R(compare)("dot", level, C, before, nC, GUARD, m, n, cs, want, bound);
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

/* Products whose moving operand is bytes: what the same numbers as REAL give. */
static void R(check_gemm_bytes)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 36, 0);
    int taken = 0;
    for (int round = 0; round < ROUNDS / 5; round++) {
        size_t m = R(extent)(&r), n = R(extent)(&r), k = R(extent)(&r), outer = pick(&r, 1, 4);
        size_t reach = pick(&r, 1, 60), ls = fdht_rng_below(&r, 2) ? 1 : pick(&r, 0, 70);
        bool right = fdht_rng_below(&r, 2) != 0;
        size_t moving = reach - 1 + (right ? n : (m - 1) * ls + 1),
               still = reach - 1 + (right ? (m - 1) * ls + 1 : n);
        edge ex, elk, ebk, eo;
        uint8_t *x = edge_new(&ex, outer * moving);
        REAL *numbers = malloc(outer * moving * sizeof *numbers), *W = malloc(still * sizeof *W);
        REAL *C = calloc(outer * m * n, sizeof *C), *want = calloc(outer * m * n, sizeof *want);
        uint32_t *lk = offsets(&r, &elk, k, reach, reach - 1), *bk = offsets(&r, &ebk, k, reach, reach - 1);
        uint32_t *o = offsets(&r, &eo, outer, 1, 0), *oc = malloc(outer * sizeof *oc);
        for (size_t i = 0; i < outer * moving; i++)
            numbers[i] = x[i] = (uint8_t)fdht_rng_below(&r, 256);
        for (size_t i = 0; i < outer; i++) {
            o[i] = (uint32_t)(i * moving);
            oc[i] = (uint32_t)(i * m * n);
        }
        R(fill)(&r, W, still);
        R(fdht_gemm) g = {
            .m = m, .n = n, .k = k, .ls = ls, .lk = lk, .bk = bk, .cs = n, .outer = outer, .oc = oc};
        g.kind = fdht_gemm_kind(ls, lk, bk, k);
        g.L = right ? W : numbers;
        g.B = right ? numbers : W;
        *(right ? &g.ob : &g.ol) = o;
        g.C = want;
        g.reach = moving;
        kernels->gemm(&g);
        if (kernels->takes_bytes && kernels->takes_bytes(&g)) {
            taken++;
            g.C = C;
            g.bytes = x;
            *(right ? &g.B : &g.L) = NULL;
            kernels->gemm(&g);
            if (memcmp(C, want, outer * m * n * sizeof *C) != 0)
                fail_msg("%s gemm: %zu x %zu x %zu of bytes differs", level, m, n, k);
        }
        free(numbers);
        free(W);
        free(C);
        free(want);
        free(oc);
        edge_free(&ex);
        edge_free(&elk);
        edge_free(&ebk);
        edge_free(&eo);
    }
    assert_true(taken > 50 || !kernels->takes_bytes);
}

static void R(check_bytes)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 33, 0);
    for (size_t n = 0; n < 300; n++) {
        edge ex, ey;
        uint8_t *x = edge_new(&ex, n);
        REAL *y = edge_new(&ey, (GUARD + n) * sizeof *y), guard[GUARD];
        for (size_t i = 0; i < n; i++)
            x[i] = (uint8_t)(n == 256 ? i : fdht_rng_below(&r, 256));
        R(fill)(&r, y, GUARD + n);
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
static void R(check_spin)(const R(fdht_kernels) *kernels, const char *level)
{
    REAL none = 3, few = 3, many = 3;
    double one = kernels->spin(1, &few);
    if (kernels->spin(0, &none) != 0 || one < 2 || kernels->spin(500, &many) != 500 * one)
        fail_msg("%s spin: %g operations in a round", level, one);
    if (!isfinite((double)many) || few == many || none == many)
        fail_msg("%s spin: sums %g, %g, %g after 0, 1 and 500 rounds", level, (double)none, (double)few,
                 (double)many);
}
