/* kernels/reference_tmpl.c - the naive kernels: what the others are judged by. Sums run in double. Template (base/real.h). */
static void R(gemm)(const R(fdht_gemm) *g)
{
    for (size_t o = 0; o < g->outer; o++) {
        const REAL *L = g->L + (g->ol ? g->ol[o] : 0), *B = g->B + (g->ob ? g->ob[o] : 0);
        REAL *C = g->C + (g->oc ? g->oc[o] : 0);
        for (size_t i = 0; i < g->m; i++)
            for (size_t j = 0; j < g->n; j++) {
                double sum = g->accumulate || (o && !g->oc) ? (double)C[i * g->cs + j] : 0.0;
                for (size_t x = 0; x < g->k; x++)
                    sum += (double)L[i * g->ls + g->lk[x]] * (double)B[g->bk[x] + j];
                C[i * g->cs + j] = (REAL)sum;
            }
    }
}
static void R(dot)(size_t m, size_t n, size_t chunks, size_t lanes, const REAL *A, size_t as,
                   const uint32_t *ta, const REAL *B, size_t bs, const uint32_t *tb, REAL *C, size_t cs)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++) {
            double sum = (double)C[i * cs + j];
            for (size_t c = 0; c < chunks; c++)
                for (size_t l = 0; l < lanes; l++)
                    sum += (double)A[i * as + ta[c] + l] * (double)B[j * bs + tb[c] + l];
            C[i * cs + j] = (REAL)sum;
        }
}
static double R(spin)(size_t rounds, REAL *sum)
{
    for (size_t i = 0; i < rounds; i++)
        *sum = *sum * (REAL)0.999 + (REAL)1e-3;
    return 2.0 * (double)rounds;
}
static void R(from_u8)(size_t n, const uint8_t *x, REAL *y)
{
    for (size_t i = 0; i < n; i++)
        y[i] = (REAL)x[i];
}
const R(fdht_kernels) R(fdht_kernels_reference) = {R(gemm), R(dot), R(spin), R(from_u8), NULL};
