/* kernels/kernels_tmpl.h - the products of kernels/kernels.h for one number type. Template (base/real.h). */

/* Products of one shape: for o < outer, with L, B and C moved on by ol[o], ob[o] and oc[o] (NULL: not),
 * C[i cs + j] (+)= sum_k L[i ls + lk[k]] B[bk[k] + j] for i < m, j < n; oc NULL: the sum of them all. B is read and C
 * written for those j only. C overlaps neither L nor B. */
typedef struct R(fdht_gemm) {
    size_t m, n, k;
    const REAL *L;
    size_t ls;
    const uint32_t *lk;
    const REAL *B;
    const uint32_t *bk;
    REAL *C;
    size_t cs;
    bool accumulate;
    size_t outer;
    const uint32_t *ol, *ob, *oc;
    int kind; /* what fdht_gemm_kind says; 0 is always right, but slower */
    const uint8_t *fetch;
    size_t fetch_each; /* unless 0: each product asks for so many bytes of fetch, which are read later */
    const uint8_t
        *bytes;   /* unless NULL: read in place of B if ob is there, else of L, where takes_bytes says so */
    size_t reach; /* how many of them one product spans */
} R(fdht_gemm);

/* The kernels of one level. */
typedef struct R(fdht_kernels) {
    void (*gemm)(const R(fdht_gemm) *g);
    /* C[i cs + j] += sum over chunks c and lanes l < lanes <= FDHT_LANES of
     * A[i as + ta[c] + l] B[j bs + tb[c] + l], for i < m, j < n. */
    void (*dot)(size_t m, size_t n, size_t chunks, size_t lanes, const REAL *A, size_t as, const uint32_t *ta,
                const REAL *B, size_t bs, const uint32_t *tb, REAL *C, size_t cs);
    /* `rounds` times as many multiply-adds in registers as keep the units busy; returns the operations done (two each), *sum
     * depends on all of them. */
    double (*spin)(size_t rounds, REAL *sum);
    /* y[i] = x[i] */
    void (*from_u8)(size_t n, const uint8_t *x, REAL *y);
    /* Whether g may hold bytes (g->bytes may still be NULL, reach is set); NULL: never. */
    bool (*takes_bytes)(const R(fdht_gemm) *g);
} R(fdht_kernels);

/* Those of the level in use. Any thread. */
const R(fdht_kernels) *R(fdht_kernels_get)(void);
extern const R(fdht_kernels) R(fdht_kernels_reference);
