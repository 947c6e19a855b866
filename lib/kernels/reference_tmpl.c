/* kernels/reference_tmpl.c - the naive kernels: what the others are judged by. Sums run in double. Template (base/real.h). */
static void R(gemm)(const R(fdht_gemm) *g)
{
    for (size_t o = 0; o < g->outer; o++) {
        const REAL *L = g->L + (g->ol ? g->ol[o] : 0), *B = g->B + (g->ob ? g->ob[o] : 0);
        REAL *C = g->C + (g->oc ? g->oc[o] : 0);
        for (size_t i = 0; i < g->m; i++)
            for (size_t j = 0; j < g->n; j++) {
                double sum = g->accumulate ? (double)C[i * g->cs + j] : 0.0;
                for (size_t x = 0; x < g->k; x++)
                    sum += (double)L[i * g->ls + g->lk[x]] * (double)B[g->bk[x] + j];
                C[i * g->cs + j] = (REAL)sum;
            }
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

/* In lane form with one lane. */
static double R(number)(const R(fdht_contraction) *g, size_t at)
{
    switch (g->numbers) {
    case FDHT_SHORTS:
        return ((const int16_t *)g->A)[at];
    case FDHT_BYTES:
        return ((const uint8_t *)g->A)[at];
    case FDHT_CENTRED:
        return (double)((const uint8_t *)g->A)[at] - (double)g->mean;
    default:
        return (double)((const REAL *)g->A)[at];
    }
}
static void R(contract)(const R(fdht_contraction) *g)
{
    for (size_t p = 0; p < g->positions; p++)
        for (size_t j = 0; j < g->n; j++) {
            REAL *c = g->C + g->c[p] + g->out[j];
            double sum = g->accumulate ? (double)*c : 0.0;
            for (size_t x = 0; x < g->k; x++)
                sum += (double)g->W[x * g->ldw + j] * R(number)(g, g->a[p] + g->sum[x]);
            *c = (REAL)sum;
        }
}
static void R(outer)(const R(fdht_contraction) *g, REAL *gW)
{
    for (size_t x = 0; x < g->k; x++)
        for (size_t j = 0; j < g->n; j++) {
            double sum = (double)gW[x * g->n + j];
            for (size_t p = 0; p < g->positions; p++)
                sum += R(number)(g, g->a[p] + g->sum[x]) * (double)g->C[g->c[p] + j];
            gW[x * g->n + j] = (REAL)sum;
        }
}
static void R(sum_lanes)(size_t n, const REAL *in, REAL *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] += in[i];
}
static void R(to_lanes)(size_t n, const REAL *x, size_t ld, size_t rows, const uint32_t *at, REAL *out)
{
    (void)ld;
    for (size_t i = 0; i < n; i++)
        out[at ? at[i] : i] = rows ? x[i] : 0;
}
static void R(from_lanes)(size_t n, const REAL *in, const uint32_t *at, size_t rows, REAL *y, size_t ld,
                          bool accumulate)
{
    (void)ld;
    for (size_t i = 0; rows && i < n; i++)
        y[i] = (accumulate ? y[i] : 0) + in[at ? at[i] : i];
}
static bool R(is_dropped)(const fdht_pixels *p, size_t i)
{
    float one = 1;
    if (p->drop)
        fdht_elementwise_reference.drop(p->first + i, 1, p->key[0], p->drop, &one);
    return one == 0;
}
static void R(bytes_to_lanes)(size_t n, const fdht_pixels *p, fdht_number numbers, void *out)
{
    for (size_t i = 0; i < n; i++) {
        bool dropped = R(is_dropped)(p, i);
        if (numbers == FDHT_BYTES || numbers == FDHT_CENTRED)
            ((uint8_t *)out)[i] = !dropped ? p->now[0][i] : numbers == FDHT_BYTES ? 0 : (uint8_t)p->mean;
        else if (numbers == FDHT_SHORTS)
            ((int16_t *)out)[i] = (int16_t)(dropped ? 0 : p->now[0][i] - p->before[0][i]);
        else
            ((REAL *)out)[i] = dropped ? 0 : (REAL)p->now[0][i] - (REAL)p->mean;
    }
}
const R(fdht_kernels) R(fdht_kernels_reference) = {.gemm = R(gemm),
                                                   .spin = R(spin),
                                                   .from_u8 = R(from_u8),
                                                   .lanes = 1,
                                                   .contract = R(contract),
                                                   .outer = R(outer),
                                                   .sum_lanes = R(sum_lanes),
                                                   .to_lanes = R(to_lanes),
                                                   .from_lanes = R(from_lanes),
                                                   .bytes_to_lanes = R(bytes_to_lanes),
                                                   .whole = true};
