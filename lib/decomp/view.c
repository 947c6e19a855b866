/* decomp/view.c - elements of a strided tensor as small dense matrices. */
#include "decomp/view.h"

#include <string.h>

size_t *fdht_offsets(const fdht_axis *a, int n, size_t *count, fdht_error *err)
{
    *count = 1;
    for (int i = 0; i < n; i++)
        *count *= a[i].dim;
    size_t *off = fdht_calloc_err(*count, sizeof *off, "offset table", err), have = 1;
    for (int i = 0; off && i < n; i++) { /* grow the table by one axis at a time, from the back */
        for (size_t h = have; h-- > 0;)
            for (size_t x = a[i].dim; x-- > 0;)
                off[h * a[i].dim + x] = off[h] + x * a[i].stride;
        have *= a[i].dim;
    }
    return off;
}

int fdht_trailing_run(const fdht_axis *a, int n, size_t *run)
{
    *run = 1;
    while (n > 0 && (a[n - 1].stride == *run || a[n - 1].dim == 1)) {
        *run *= a[n - 1].dim;
        n--;
    }
    return n;
}

int fdht_view_new(const fdht_axis *row, int n_row, const fdht_axis *col, int n_col, fdht_view *out,
                  fdht_error *err)
{
    fdht_view v = {.s = 1, .k = 1, .run = 1, .pair_run = 1};
    size_t rows, cols, run, pair_run;
    int r = fdht_trailing_run(row, n_row, &pair_run), c = fdht_trailing_run(col, n_col, &run);
    for (int i = 0; i < n_row; i++)
        v.s *= row[i].dim;
    for (int i = 0; i < n_col; i++)
        v.k *= col[i].dim;
    if (run >= pair_run) {
        v.run = run;
        r = n_row;
    } else {
        v.pair_run = pair_run;
        c = n_col;
    }
    v.off_s = fdht_offsets(row, r, &rows, err);
    v.off_k = fdht_offsets(col, c, &cols, err);
    if (!v.off_s || !v.off_k) {
        fdht_view_free(&v);
        return FDHT_ENOMEM;
    }
    *out = v;
    return FDHT_OK;
}

void fdht_view_free(fdht_view *v)
{
    fdht_free(v->off_s);
    fdht_free(v->off_k);
    v->off_s = v->off_k = NULL;
}

int fdht_view_leaf(const fdht_slab *s, int d, int k, fdht_view *out, fdht_error *err)
{
    fdht_axis row[2] = {{s->ni[k], s->si[k]}, {s->nj[k], s->sj[k]}}, col[2 * FDHT_MAX_MODES];
    int n = 0;
    for (int l = 0; l < d; l++)
        if (l != k)
            col[n++] = (fdht_axis){s->ni[l], s->si[l]};
    for (int l = 0; l < d; l++)
        if (l != k)
            col[n++] = (fdht_axis){s->nj[l], s->sj[l]};
    return fdht_view_new(row, 2, col, n, out, err);
}

#define DEFINE_PACK(name, SRC, DST)                                                                          \
    void name(const fdht_view *v, const SRC *src, size_t k0, size_t n, DST *P)                               \
    {                                                                                                        \
        if (v->pair_run > 1) {                                                                               \
            for (size_t k = 0; k < n; k++) {                                                                 \
                const SRC *from = src + v->off_k[k0 + k];                                                    \
                DST *to = P + k * v->s;                                                                      \
                for (size_t a = 0; a < v->s; a += v->pair_run) {                                             \
                    const SRC *x = from + v->off_s[a / v->pair_run];                                         \
                    for (size_t i = 0; i < v->pair_run; i++)                                                 \
                        to[a + i] = (DST)x[i];                                                               \
                }                                                                                            \
            }                                                                                                \
            return;                                                                                          \
        }                                                                                                    \
        for (size_t a = 0; a < v->s; a++) {                                                                  \
            const SRC *from = src + v->off_s[a];                                                             \
            DST *to = P + a * n;                                                                             \
            size_t piece = k0 / v->run, skip = k0 % v->run;                                                  \
            for (size_t k = 0; k < n; piece++, skip = 0) {                                                   \
                size_t m = FDHT_MIN(v->run - skip, n - k);                                                   \
                const SRC *x = from + v->off_k[piece] + skip;                                                \
                for (size_t i = 0; i < m; i++)                                                               \
                    to[k + i] = (DST)x[i];                                                                   \
                k += m;                                                                                      \
            }                                                                                                \
        }                                                                                                    \
    }

DEFINE_PACK(fdht_pack_ff, float, float)
DEFINE_PACK(fdht_pack_fd, float, double)
DEFINE_PACK(fdht_pack_dd, double, double)

void fdht_permute(const fdht_axis *axis, int n, const double *src, double *dst)
{
    size_t at[2 * FDHT_MAX_MODES] = {0}, total = 1, off = 0;
    for (int i = 0; i < n; i++)
        total *= axis[i].dim;
    if (!n) {
        dst[0] = src[0];
        return;
    }
    size_t inner = axis[n - 1].dim, stride = axis[n - 1].stride;
    for (size_t done = 0; done < total; done += inner) {
        for (size_t i = 0; i < inner; i++)
            dst[done + i] = src[off + i * stride];
        for (int a = n - 2; a >= 0; a--) {
            off += axis[a].stride;
            if (++at[a] < axis[a].dim)
                break;
            off -= at[a] * axis[a].stride;
            at[a] = 0;
        }
    }
}

void fdht_transpose(size_t m, size_t n, const double *A, double *T)
{
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            T[j * m + i] = A[i * n + j];
}
