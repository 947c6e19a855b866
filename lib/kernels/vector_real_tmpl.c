/* kernels/vector_real_tmpl.c - the vector kernels for one number type; included twice by vector_tmpl.c. Template (base/real.h).
 * A register tile has `rows` x `vecs` vectors; every pair is instantiated, so that accumulators live in registers and
 * remainders cost no more than their share. */
#define V R(vec)
#define U R(unaligned)
#define N (WIDTH / sizeof(REAL)) /* numbers in a vector */

typedef REAL U __attribute__((vector_size(WIDTH), aligned(sizeof(REAL)), may_alias));

#if PORTABLE
static __attribute__((noinline)) V R(load_part)(const REAL *p, size_t n)
{
    V v = {0};
    memcpy(&v, p, n * sizeof *p);
    return v;
}

static __attribute__((noinline)) void R(store_part)(REAL *p, V v, size_t n)
{
    memcpy(p, &v, n * sizeof *p);
}
#endif

#if !OWN_PRODUCTS
/* sum[v] += *a b[v], v < vecs */
INLINE void R(add_product)(int vecs, const REAL *a, const V b[2], V sum[2])
{
    for (int v = 0; v < vecs; v++)
        sum[v] += *a * b[v];
}

/* The same with a in row `row` < 8 from l on. */
INLINE void R(add_row)(int vecs, const REAL *l, int row, const strides *s, const V b[2], V sum[2])
{
    const size_t at[] = {0, s->by1, s->by1 * 2, s->by3, s->by1 * 4, s->by5, s->by3 * 2, s->by7};
    R(add_product)(vecs, (const REAL *)(const void *)((const char *)l + at[row]), b, sum);
}
#endif

INLINE V R(load)(const REAL *p, bool part, size_t n)
{
    if (part)
        return R(load_part)(p, n);
    return *(const U *)p;
}

INLINE void R(store)(REAL *p, V v, bool part, size_t n)
{
    if (part)
        R(store_part)(p, v, n);
    else
        *(U *)p = v;
}

typedef struct R(operands) {
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
    int kind;
} R(operands);

/* acc += the products of one k: rows i at l[i / 8] and a multiple of s, or next to each other at l[0] (s NULL). */
INLINE void R(add_products)(int rows, int vecs, bool part, size_t last, const REAL *const l[3],
                            const strides *s, const REAL *b, V acc[ROWS1][2])
{
    V bv[2];
#pragma GCC unroll 2
    for (int v = 0; v < vecs; v++)
        bv[v] = R(load)(b + v * N, part && v == vecs - 1, last);
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
        if (s)
            R(add_row)(vecs, l[i / 8], i % 8, s, bv, acc[i]);
        else
            R(add_product)(vecs, l[0] + i, bv, acc[i]);
}

/* Pointers to every eighth row. */
INLINE void R(set_rows)(int rows, const REAL *l, size_t ls, const REAL *at[3])
{
    for (int i = 0; i < (rows + 7) / 8; i++) {
        at[i] = l + (size_t)(8 * i) * ls;
        PLAIN(at[i]);
    }
}

/* acc += the sum over all k of one product. */
INLINE void R(add_all)(int rows, int vecs, bool part, int kind, const R(operands) *o, const strides *s,
                       V acc[ROWS1][2])
{
    const size_t ls = o->ls, last = o->last, k = o->k;
    const uint32_t *lk = o->lk, *bk = o->bk;
    const REAL *L = o->L, *B = o->B;
    const REAL *l[3] = {0};
    size_t x = 0;
    if (kind != FDHT_SPREAD) { /* no table is read for every k */
        const size_t along = bk[1] - bk[0], across = lk[1] - lk[0];
        const REAL *b = B + bk[0];
        l[0] = L + lk[0];
        for (; x + FDHT_RUN <= k; x += FDHT_RUN) {
            if (kind == FDHT_ALONG)
                R(set_rows)(rows, L + lk[x], ls, l);
#pragma GCC unroll 4
            for (size_t u = 0; u < FDHT_RUN; u++, b += along) {
                PLAIN(b);
                PLAIN(l[0]);
                R(add_products)(rows, vecs, part, last, l, kind == FDHT_ALONG ? s : NULL, b, acc);
                if (kind == FDHT_ACROSS)
                    l[0] += across;
                else
                    for (int i = 0; i < (rows + 7) / 8; i++)
                        l[i]++;
            }
        }
    }
    for (; x < k; x++) {
        R(set_rows)(rows, L + lk[x], ls, l);
        R(add_products)(rows, vecs, part, last, l, kind == FDHT_ACROSS ? NULL : s, B + bk[x], acc);
    }
}

INLINE void R(tile)(int rows, int vecs, bool part, int kind, const R(operands) *o)
{
    V acc[ROWS1][2];
    const size_t cs = o->cs, last = o->last;
    const bool accumulate = o->accumulate;
    const strides s = strides_of(o->ls * sizeof(REAL));
    REAL *row = o->C;
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++)
            acc[i][v] = (V){0};
    R(add_all)(rows, vecs, part, kind, o, &s, acc);
#pragma GCC unroll 32
    for (int i = 0; i < rows; i++, row += cs) {
        PLAIN(row);
#pragma GCC unroll 2
        for (int v = 0; v < vecs; v++) {
            bool p = part && v == vecs - 1;
            if (accumulate)
                acc[i][v] += R(load)(row + v * N, p, last);
            R(store)(row + v * N, acc[i][v], p, last);
        }
    }
}

#define TILE_CASE(rows, vecs)                                                                                \
    case rows:                                                                                               \
        if (o->last < N)                                                                                     \
            R(tile)(rows, vecs, true, FDHT_SPREAD, o);                                                       \
        else if (sizeof(REAL) == sizeof(float) && o->kind == FDHT_ACROSS)                                    \
            R(tile)(rows, vecs, false, FDHT_ACROSS, o);                                                      \
        else if (sizeof(REAL) == sizeof(float) && o->kind == FDHT_ALONG)                                     \
            R(tile)(rows, vecs, false, FDHT_ALONG, o);                                                       \
        else                                                                                                 \
            R(tile)(rows, vecs, false, FDHT_SPREAD, o);                                                      \
        break;

/* The rows of a column block one vector wide; o is used up. */
static void R(block1)(size_t m, R(operands) *o)
{
    for (size_t rows; m; m -= rows, o->L += rows * o->ls, o->C += rows * o->cs) {
        rows = fdht_panel(m, ROWS1);
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
#if ROWS1 > 16
            TILE_CASE(17, 1)
            TILE_CASE(18, 1)
            TILE_CASE(19, 1)
            TILE_CASE(20, 1)
#endif
        }
    }
}

static void R(block2)(size_t m, R(operands) *o)
{
    for (size_t rows; m; m -= rows, o->L += rows * o->ls, o->C += rows * o->cs) {
        rows = fdht_panel(m, ROWS2);
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

static void R(from_u8)(size_t n, const uint8_t *x, REAL *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (REAL)x[i];
}

/* Bytes become REAL one product at a time. */
static bool R(takes_bytes)(const R(fdht_gemm) *g)
{
    return !g->ol != !g->ob && g->reach <= MOST_BYTES;
}

static void R(product)(const R(fdht_gemm) *g, const REAL *L, const REAL *B, REAL *C)
{
    R(operands) o = {.k = g->k, .ls = g->ls, .lk = g->lk, .bk = g->bk, .cs = g->cs};
    o.accumulate = g->accumulate;
    o.kind = g->kind;
    for (size_t n = g->n, columns; n; n -= columns, B += columns, C += columns) {
        columns = FDHT_MIN(n, 2 * N);
        o.L = L;
        o.B = B;
        o.C = C;
        o.last = (columns - 1) % N + 1;
        if (columns > N)
            R(block2)(g->m, &o);
        else
            R(block1)(g->m, &o);
    }
}

static void R(gemm)(const R(fdht_gemm) *g)
{
    REAL numbers[MOST_BYTES];
    for (size_t u = 0; u < g->outer; u++) {
        size_t ol = g->ol ? g->ol[u] : 0, ob = g->ob ? g->ob[u] : 0;
        const REAL *L, *B;
        if (g->fetch_each)
            fdht_prefetch(g->fetch + u * g->fetch_each, g->fetch_each);
        if (g->bytes) {
            R(from_u8)(g->reach, g->bytes + ol + ob, numbers);
            L = g->ob ? g->L : numbers;
            B = g->ob ? numbers : g->B;
        } else {
            L = g->L + ol;
            B = g->B + ob;
        }
        R(product)(g, L, B, g->C + (g->oc ? g->oc[u] : 0));
    }
}

static double R(spin)(size_t rounds, REAL *sum)
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

#undef TILE_CASE
#undef V
#undef U
#undef N
