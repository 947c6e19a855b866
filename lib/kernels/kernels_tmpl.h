/* kernels/kernels_tmpl.h - the products of kernels/kernels.h for one number type. Template (base/real.h). */

/* Products of one shape: for o < outer, with L, B and C moved on by ol[o], ob[o] and oc[o] (NULL: not),
 * C[i cs + j] (+)= sum_k L[i ls + lk[k]] B[bk[k] + j] for i < m, j < n. B is read and C written for those j only. C
 * overlaps neither L nor B. */
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

/* A contraction in lane form: every number of A and C is a vector of `lanes` numbers, aligned to it, and offsets count such
 * vectors. For p < positions and j < n:
 *   contract   C[c[p] + out[j]] = sum over x < k of W[x ldw + j] A[a[p] + sum[x]], a chain of multiply-adds in the order of x that begins
 *              with what C holds where accumulate is set
 *   outer      gW[x n + j] += sum over p of A[a[p] + sum[x]] C[c[p] + j], gW being vectors too */
typedef struct R(fdht_contraction) {
    size_t positions, k, n;
    const void *A;
    fdht_number numbers; /* of A; FDHT_REALS where the level has no `whole` */
    float mean;          /* of A, if centred */
    const uint32_t *a, *sum;
    REAL *C;
    const uint32_t *c, *out;
    const REAL *W; /* numbers, not vectors */
    size_t ldw;
    bool accumulate;
} R(fdht_contraction);

/* The kernels of one level. */
typedef struct R(fdht_kernels) {
    void (*gemm)(const R(fdht_gemm) *g);
    /* `rounds` times as many multiply-adds in registers as keep the units busy; returns the operations done (two each), *sum
     * depends on all of them. */
    double (*spin)(size_t rounds, REAL *sum);
    /* y[i] = x[i] */
    void (*from_u8)(size_t n, const uint8_t *x, REAL *y);
    /* Whether g may hold bytes (g->bytes may still be NULL, reach is set); NULL: never. */
    bool (*takes_bytes)(const R(fdht_gemm) *g);

    size_t lanes; /* numbers in a vector */
    void (*contract)(const R(fdht_contraction) *g);
    void (*outer)(const R(fdht_contraction) *g, REAL *gW);
    /* out[i] += the sum of the lanes of vector i < n. */
    void (*sum_lanes)(size_t n, const REAL *in, REAL *out);
    /* Number i < n of `rows` <= lanes rows, ld apart, becomes vector at[i] (NULL: i) of out; lanes without a row are 0. */
    void (*to_lanes)(size_t n, const REAL *x, size_t ld, size_t rows, const uint32_t *at, REAL *out);
    /* The way back: rows of y become, or with accumulate are raised by, the lanes. */
    void (*from_lanes)(size_t n, const REAL *in, const uint32_t *at, size_t rows, REAL *y, size_t ld,
                       bool accumulate);
    bool whole; /* this level has whole numbers, else only reals */
    /* Lane l of vector i < n becomes what p says. */
    void (*bytes_to_lanes)(size_t n, const fdht_pixels *p, fdht_number numbers, void *out);
} R(fdht_kernels);

/* Those of the level in use. Any thread. */
const R(fdht_kernels) *R(fdht_kernels_get)(void);
extern const R(fdht_kernels) R(fdht_kernels_reference);
