/* Part of vector.h: for one REAL. A register tile has `rows` x `vecs` vectors; every pair is instantiated, so
 * that accumulators live in registers and remainders cost no more than their share. */
#define FN(name) CAT(name, _, R)
#define V        FN(vec)
#define U        FN(unaligned)
#define N        (WIDTH / sizeof(REAL)) /* numbers in a vector */

typedef REAL U __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));

INLINE V FN(load)(const REAL *p, bool part, size_t n)
{
    if (part)
        return FN(load_part)(p, n);
    return *(const U *)p;
}

INLINE void FN(store)(REAL *p, V v, bool part, size_t n)
{
    if (part)
        FN(store_part)(p, v, n);
    else
        *(U *)p = v;
}

typedef struct FN(operands) {
    size_t k;
    const REAL *L;
    size_t ls;
    const uint32_t *lk;
    const REAL *B;
    const uint32_t *bk;
    REAL *C;
    size_t cs;
    bool accumulate;
    size_t last; /* numbers in the last vector of a row */
} FN(operands);

INLINE void FN(tile)(int rows, int vecs, bool part, const FN(operands) * o)
{
    V acc[ROWS1][2];
    const size_t ls = o->ls, cs = o->cs, last = o->last;
    const uint32_t *lk = o->lk, *bk = o->bk;
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++)
            acc[i][v] = (V){0};
    for (size_t x = 0; x < o->k; x++) {
        const REAL *l = o->L + lk[x], *b = o->B + bk[x];
        /* Bases four rows apart: one long chain of additions would cost a cycle a row. */
        const REAL *l4 = l + 4 * ls, *l8 = l + 8 * ls, *l12 = l + 12 * ls;
        V bv[2];
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++)
            bv[v] = FN(load)(b + v * N, part && v == vecs - 1, last);
#pragma GCC unroll 32
        for (int i = 0; i < rows; i++) {
            const REAL a = (i & 4 ? i & 8 ? l12 : l4 : i & 8 ? l8 : l)[(size_t)(i & 3) * ls];
#pragma GCC unroll 2
            for (int v = 0; v < vecs; v++)
                acc[i][v] += a * bv[v];
        }
    }
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++) {
            REAL *c = o->C + (size_t)i * cs + v * N;
            bool p = part && v == vecs - 1;
            if (o->accumulate)
                acc[i][v] += FN(load)(c, p, last);
            FN(store)(c, acc[i][v], p, last);
        }
}

#define TILE_CASE(rows, vecs)                                                                                \
    case rows:                                                                                               \
        if (o->last < N)                                                                                     \
            FN(tile)(rows, vecs, true, o);                                                                   \
        else                                                                                                 \
            FN(tile)(rows, vecs, false, o);                                                                  \
        break;

/* The rows of a column block one vector wide; o is used up. */
static void FN(block1)(size_t m, FN(operands) * o)
{
    for (size_t rows, tiles = (m + ROWS1 - 1) / ROWS1; m;
         m -= rows, o->L += rows * o->ls, o->C += rows * o->cs) {
        rows = (m + tiles - 1) / tiles; /* tiles of even height */
        tiles--;
        switch (rows) {
            TILE_CASE(1, 1)
            TILE_CASE(2, 1)
            TILE_CASE(3, 1)
            TILE_CASE(4, 1)
            TILE_CASE(5, 1)
            TILE_CASE(6, 1)
            TILE_CASE(7, 1)
            TILE_CASE(8, 1)
            TILE_CASE(9, 1)
            TILE_CASE(10, 1)
            TILE_CASE(11, 1)
            TILE_CASE(12, 1)
#if ROWS1 > 12
            TILE_CASE(13, 1)
            TILE_CASE(14, 1)
            TILE_CASE(15, 1)
            TILE_CASE(16, 1)
#endif
        }
    }
}

static void FN(block2)(size_t m, FN(operands) * o)
{
    for (size_t rows, tiles = (m + ROWS2 - 1) / ROWS2; m;
         m -= rows, o->L += rows * o->ls, o->C += rows * o->cs) {
        rows = (m + tiles - 1) / tiles; /* tiles of even height */
        tiles--;
        switch (rows) {
            TILE_CASE(1, 2)
            TILE_CASE(2, 2)
            TILE_CASE(3, 2)
            TILE_CASE(4, 2)
            TILE_CASE(5, 2)
            TILE_CASE(6, 2)
#if ROWS2 > 6
            TILE_CASE(7, 2)
            TILE_CASE(8, 2)
            TILE_CASE(9, 2)
            TILE_CASE(10, 2)
            TILE_CASE(11, 2)
            TILE_CASE(12, 2)
#endif
        }
    }
}

static void FN(gemm)(size_t m, size_t n, size_t k, const REAL *L, size_t ls, const uint32_t *lk,
                     const REAL *B, const uint32_t *bk, REAL *C, size_t cs, bool accumulate)
{
    for (size_t columns; n; n -= columns, B += columns, C += columns) {
        columns = FDHT_MIN(n, 2 * N);
        FN(operands) o = {k, L, ls, lk, B, bk, C, cs, accumulate, (columns - 1) % N + 1};
        if (columns > N)
            FN(block2)(m, &o);
        else
            FN(block1)(m, &o);
    }
}

typedef struct FN(dots) {
    size_t chunks, lanes;
    const REAL *A;
    size_t as;
    const uint32_t *ta;
    const REAL *B;
    size_t bs;
    const uint32_t *tb;
    REAL *C;
    size_t cs;
} FN(dots);

/* acc += the products of one vector of every row of a and b. */
INLINE void FN(dot_vector)(int rows, int cols, bool part, size_t n, const FN(dots) * d, const REAL *a,
                           const REAL *b, V acc[DOTS][4])
{
    V av[DOTS];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
        av[i] = FN(load)(a + (size_t)i * d->as, part, n);
#pragma GCC unroll 4
    for (int j = 0; j < cols; j++) {
        V bv = FN(load)(b + (size_t)j * d->bs, part, n);
#pragma GCC unroll 4
        for (int i = 0; i < rows; i++)
            acc[i][j] += av[i] * bv;
    }
}

/* rows x cols dot products at once: each chunk loaded serves all of them. */
INLINE void FN(dot_tile)(int rows, int cols, bool part, const FN(dots) * d)
{
    V acc[DOTS][4];
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++)
            acc[i][j] = (V){0};
    for (size_t c = 0; c < d->chunks; c++) {
        const REAL *a = d->A + d->ta[c], *b = d->B + d->tb[c];
        size_t l = 0;
        for (; l + N <= (part ? d->lanes : FDHT_LANES); l += N)
            FN(dot_vector)(rows, cols, false, N, d, a + l, b + l, acc);
        if (part && l < d->lanes)
            FN(dot_vector)(rows, cols, true, d->lanes - l, d, a + l, b + l, acc);
    }
#pragma GCC unroll 4
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 4
        for (int j = 0; j < cols; j++) {
            REAL sum = 0;
            for (size_t l = 0; l < N; l++)
                sum += acc[i][j][l];
            d->C[(size_t)i * d->cs + (size_t)j] += sum;
        }
}

#define DOT_CASE(rows, cols)                                                                                 \
    case 10 * rows + cols:                                                                                   \
        if (lanes < FDHT_LANES)                                                                              \
            FN(dot_tile)(rows, cols, true, &d);                                                              \
        else                                                                                                 \
            FN(dot_tile)(rows, cols, false, &d);                                                             \
        break;

static void FN(dot)(size_t m, size_t n, size_t chunks, size_t lanes, const REAL *A, size_t as,
                    const uint32_t *ta, const REAL *B, size_t bs, const uint32_t *tb, REAL *C, size_t cs)
{
    for (size_t i = 0; i < m; i += DOTS)
        for (size_t j = 0; j < n; j += 4) {
            FN(dots) d = {chunks, lanes, A + i * as, as, ta, B + j * bs, bs, tb, C + i * cs + j, cs};
            switch (10 * FDHT_MIN(m - i, DOTS) + FDHT_MIN(n - j, 4)) {
                DOT_CASE(1, 1)
                DOT_CASE(1, 2)
                DOT_CASE(1, 3)
                DOT_CASE(1, 4)
                DOT_CASE(2, 1)
                DOT_CASE(2, 2)
                DOT_CASE(2, 3)
                DOT_CASE(2, 4)
#if DOTS > 2
                DOT_CASE(3, 1)
                DOT_CASE(3, 2)
                DOT_CASE(3, 3)
                DOT_CASE(3, 4)
                DOT_CASE(4, 1)
                DOT_CASE(4, 2)
                DOT_CASE(4, 3)
                DOT_CASE(4, 4)
#endif
            }
        }
}

static double FN(spin)(size_t rounds, REAL *sum)
{
    V acc[CHAINS], a, b;
    for (size_t l = 0; l < N; l++) {
        a[l] = (REAL)0.999;
        b[l] = (REAL)1e-3;
    }
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        acc[i] = b * (REAL)i;
    for (size_t r = 0; r < rounds; r++)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++)
            acc[i] = acc[i] * a + b;
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++)
        for (size_t l = 0; l < N; l++)
            *sum += acc[i][l];
    return 2.0 * CHAINS * (double)N * (double)rounds;
}

static void FN(from_u8)(size_t n, const uint8_t *x, REAL *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (REAL)x[i];
}

#undef TILE_CASE
#undef DOT_CASE
#undef FN
#undef U
#undef V
#undef N
