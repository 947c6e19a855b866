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

/* The sums that g asks for by plain loops, before it runs, and the same of absolute terms; (m, n) each, one for each `outer`. */
static void R(sum_up)(const R(fdht_gemm) *g, double *want, double *bound)
{
    for (size_t o = 0; o < g->outer; o++)
        for (size_t i = 0; i < g->m; i++)
            for (size_t j = 0; j < g->n; j++) {
                size_t at = o * g->m * g->n + i * g->n + j;
                if (g->accumulate) {
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
        bool mB = fdht_rng_below(&r, 2) != 0, mC = outer > 1 || fdht_rng_below(&r, 2) != 0;
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

/* n numbers 0 .. n - 1 in random order, each times `step`. */
static uint32_t *R(shuffled)(fdht_rng *r, edge *e, size_t n, size_t step)
{
    uint32_t *t = edge_new(e, n * sizeof *t);
    for (size_t i = 0; i < n; i++) {
        size_t j = fdht_rng_below(r, i + 1);
        t[i] = t[j];
        t[j] = (uint32_t)(i * step);
    }
    return t;
}

/* Contractions and gradients of weights in lane form: every place of C once, A read where tables say. */
static void R(check_lanes)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 32, 0);
    const size_t lanes = kernels->lanes;
    for (int round = 0; round < ROUNDS / 10; round++) {
        size_t P = R(extent)(&r), n = R(extent)(&r), k = round % 50 ? R(extent)(&r) : 0,
               reach = pick(&r, 1, 90), ldw = n + pick(&r, 0, 3);
        size_t A_size = (2 * reach - 1) * lanes, C_size = P * n * lanes, W_size = k * ldw;
        edge ea, es, eas, esum, ec, ecs, eout, ew, eg;
        REAL *A = edge_new(&ea, A_size * sizeof *A), *C = edge_new(&ec, C_size * sizeof *C);
        REAL *W = edge_new(&ew, W_size * sizeof *W), *G = edge_new(&eg, k * n * lanes * sizeof *G);
        uint32_t *a = offsets(&r, &eas, P, reach, reach - 1), *sum = offsets(&r, &esum, k, reach, reach - 1);
        uint32_t *c = R(shuffled)(&r, &ecs, P, n), *out = R(shuffled)(&r, &eout, n, 1);
        REAL *before = malloc((C_size + k * n * lanes + 1) * sizeof *before), *g_before = before + C_size;
        fdht_number numbers = kernels->whole ? (fdht_number)(round % 4) : FDHT_REALS;
        uint8_t *bytes = edge_new(&es, A_size * (numbers == FDHT_SHORTS ? sizeof(int16_t) : 1));
        bool add = fdht_rng_below(&r, 2) != 0;
        R(fdht_contraction) g = {P, k, n, A, FDHT_REALS, 100, a, sum, C, c, out, W, ldw, add};
        R(fill)(&r, A, A_size);
        R(fill)(&r, C, C_size);
        R(fill)(&r, W, W_size);
        for (size_t i = 0; i < A_size && numbers != FDHT_REALS; i++)
            if (numbers != FDHT_SHORTS)
                A[i] =
                    (REAL)(bytes[i] = (uint8_t)fdht_rng_below(&r, 256)) - (numbers == FDHT_CENTRED ? 100 : 0);
            else
                A[i] = ((int16_t *)(void *)bytes)[i] = (int16_t)(255 - (int)fdht_rng_below(&r, 511));
        if (numbers != FDHT_REALS) {
            g.A = bytes;
            g.numbers = numbers;
        }
        R(fill)(&r, G, k * n * lanes);
        memcpy(before, C, C_size * sizeof *C);
        memcpy(g_before, G, k * n * lanes * sizeof *G);
        kernels->outer(&g, G);
        kernels->contract(&g);
        for (size_t l = 0; l < lanes; l++) {
            for (size_t p = 0; p < P; p++)
                for (size_t j = 0; j < n; j++) {
                    size_t at = (c[p] + out[j]) * lanes + l;
                    double want = g.accumulate ? before[at] : 0, size = fabs(want);
                    for (size_t x = 0; x < k; x++) {
                        double term = (double)W[x * ldw + j] * (double)A[(a[p] + sum[x]) * lanes + l];
                        want += term;
                        size += fabs(term);
                    }
                    if (!(fabs(C[at] - want) <= EPS * size))
                        fail_msg("%s contract: %zu positions, %zu x %zu: lane %zu of %zu, %zu is %.17g, "
                                 "expected %.17g",
                                 level, P, k, n, l, p, j, (double)C[at], want);
                }
            for (size_t x = 0; x < k; x++)
                for (size_t j = 0; j < n; j++) {
                    size_t at = (x * n + j) * lanes + l;
                    double want = g_before[at], size = fabs(want);
                    for (size_t p = 0; p < P; p++) {
                        double term = (double)A[(a[p] + sum[x]) * lanes + l] * before[(c[p] + j) * lanes + l];
                        want += term;
                        size += fabs(term);
                    }
                    if (!(fabs(G[at] - want) <= EPS * size))
                        fail_msg("%s outer: %zu positions, %zu x %zu: lane %zu of %zu, %zu is %.17g, "
                                 "expected %.17g",
                                 level, P, k, n, l, x, j, (double)G[at], want);
                }
        }
        free(before);
        edge *all[] = {&ea, &es, &eas, &esum, &ec, &ecs, &eout, &ew, &eg};
        for (size_t i = 0; i < FDHT_COUNT(all); i++)
            edge_free(all[i]);
    }
}

/* Rows into lanes and back: every number at its place, nothing else touched. */
static void R(check_turns)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 37, 0);
    const size_t lanes = kernels->lanes;
    for (size_t n = 1; n < 90; n++) {
        size_t rows = pick(&r, 1, lanes), ld = n + pick(&r, 0, 5);
        bool add = fdht_rng_below(&r, 2) != 0;
        edge ex, ev, eat, es;
        REAL *x = edge_new(&ex, ((rows - 1) * ld + n) * sizeof *x), *v = edge_new(&ev, n * lanes * sizeof *v);
        REAL *sums = edge_new(&es, n * sizeof *sums), *before = malloc(rows * ld * sizeof *before);
        uint32_t *at = R(shuffled)(&r, &eat, n, 1), *places = n % 2 ? at : NULL;
        R(fill)(&r, x, (rows - 1) * ld + n);
        R(fill)(&r, sums, n);
        memcpy(before, x, ((rows - 1) * ld + n) * sizeof *x);
        kernels->to_lanes(n, x, ld, rows, places, v);
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < lanes; l++)
                if (v[(places ? at[i] : i) * lanes + l] != (l < rows ? x[l * ld + i] : 0))
                    fail_msg("%s to_lanes: number %zu of %zu in lane %zu of %zu", level, i, n, l, rows);
        kernels->from_lanes(n, v, places, rows, x, ld, add);
        for (size_t i = 0; i < (rows - 1) * ld + n; i++)
            if (x[i] != (i % ld < n && add ? before[i] + before[i] : before[i]))
                fail_msg("%s from_lanes: number %zu of %zu in row %zu of %zu", level, i % ld, n, i / ld,
                         rows);
        REAL *start = malloc(n * sizeof *start);
        memcpy(start, sums, n * sizeof *start);
        kernels->sum_lanes(n, v, sums);
        for (size_t i = 0; i < n; i++) {
            double want = start[i], size = fabs(want);
            for (size_t l = 0; l < lanes; l++) {
                want += v[i * lanes + l];
                size += fabs(v[i * lanes + l]);
            }
            if (!(fabs(sums[i] - want) <= EPS * size))
                fail_msg("%s sum_lanes: number %zu of %zu", level, i, n);
        }
        free(start);
        free(before);
        edge_free(&ex);
        edge_free(&ev);
        edge_free(&eat);
        edge_free(&es);
    }
}

/* Bytes into lanes, as reals or whole numbers: differences, mean and dropout are those of the loops over single numbers. */
static void R(check_pixels)(const R(fdht_kernels) *kernels, const char *level)
{
    fdht_rng r;
    fdht_rng_seed(&r, 38, 0);
    const size_t lanes = kernels->lanes;
    for (size_t n = 1; n < 300; n += n < 140 ? 1 : 13) {
        fdht_pixels p = {.drop = fdht_rng_below(&r, 2) ? 77 : 0};
        size_t rows = pick(&r, 1, lanes);
        edge now[FDHT_LANES], before[FDHT_LANES], ev;
        static const char *const name[] = {"reals", "shorts", "bytes", "centred"};
        static const size_t size[] = {sizeof(REAL), sizeof(int16_t), 1, 1};
        fdht_number numbers = kernels->whole ? (fdht_number)fdht_rng_below(&r, 4) : FDHT_REALS;
        p.mean = numbers == FDHT_REALS ? 3.25f : 100;
        void *v = edge_new(&ev, n * lanes * size[numbers]);
        p.first = 4 * pick(&r, 0, 100);
        for (size_t l = 0; l < rows; l++) {
            uint8_t *a = edge_new(&now[l], n), *b = edge_new(&before[l], n);
            for (size_t i = 0; i < n; i++) {
                a[i] = (uint8_t)fdht_rng_below(&r, 256);
                b[i] = (uint8_t)fdht_rng_below(&r, 256);
            }
            p.now[l] = a;
            p.before[l] = b;
            p.key[l] = (uint32_t)fdht_rng_below(&r, 1u << 31);
        }
        for (size_t l = rows; l < lanes; l++) {
            p.now[l] = p.now[0];
            p.before[l] = p.before[0];
        }
        kernels->bytes_to_lanes(n, &p, numbers, v);
        for (size_t l = 0; l < rows; l++)
            for (size_t i = 0; i < n; i++) {
                float x = (float)p.now[l][i], one = 1;
                x -= numbers == FDHT_SHORTS ? (float)p.before[l][i] : numbers == FDHT_BYTES ? 0 : p.mean;
                if (p.drop)
                    fdht_elementwise_reference.drop(p.first + i, 1, p.key[l], p.drop, &one);
                x = one != 0 ? x : 0;
                size_t at = i * lanes + l;
                double got = numbers == FDHT_REALS    ? (double)((REAL *)v)[at]
                             : numbers == FDHT_SHORTS ? ((int16_t *)v)[at]
                                                      : ((uint8_t *)v)[at];
                got -= numbers == FDHT_CENTRED ? 100 : 0;
                if (got != (double)x)
                    fail_msg("%s bytes_to_lanes: number %zu of %zu, lane %zu, as %s is %g, expected %g",
                             level, i, n, l, name[numbers], got, (double)x);
            }
        for (size_t l = 0; l < rows; l++) {
            edge_free(&now[l]);
            edge_free(&before[l]);
        }
        edge_free(&ev);
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
