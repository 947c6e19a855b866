/* ht.c - an HT tensor as one array a node: the steps that all arithmetic on it is made of (Grasedyck 2010,
 * sections 3 and 4; lib/README.md section 5.8): orthogonalise, spectra, truncate, add. */
#include "decomp/ht.h"

#include <math.h>
#include <string.h>

#include "decomp/view.h"
#include "linalg/linalg.h"

void fdht_ht_free(fdht_ht *h)
{
    for (int t = 0; t < FDHT_MAX_NODES; t++) {
        fdht_free(h->node[t]);
        h->node[t] = NULL;
    }
}

int fdht_ht_alloc(const fdht_op_spec *spec, fdht_ht *out, fdht_error *err)
{
    fdht_ht h = {.spec = *spec};
    h.spec.rank[spec->tree.n_nodes - 1] = 1;
    for (int t = 0; t < spec->tree.n_nodes; t++) {
        h.node[t] =
            fdht_calloc_err(h.spec.rank[t] * fdht_ht_cols(&h.spec, t), sizeof(double), "tensor cores", err);
        if (!h.node[t]) {
            fdht_ht_free(&h);
            return FDHT_ENOMEM;
        }
    }
    *out = h;
    return FDHT_OK;
}

int fdht_ht_import(const fdht_factored *f, fdht_ht *out, fdht_error *err)
{
    if (!fdht_has_tree(&f->spec))
        return fdht_fail(err, FDHT_EINVAL, "a tensor in %s form: ht is needed",
                         fdht_format_name(f->spec.format));
    fdht_op_spec spec = f->spec;
    spec.rank[spec.tree.n_nodes - 1] = 1;
    if (fdht_ht_parameters(&spec) != f->size)
        return fdht_fail(err, FDHT_EINVAL, "ht cores: expected %zu numbers, got %zu",
                         fdht_ht_parameters(&spec), f->size);
    int status = fdht_ht_alloc(&spec, out, err);
    size_t at = 0;
    for (int t = 0; !status && t < spec.tree.n_nodes; t++) {
        size_t n = spec.rank[t] * fdht_ht_cols(&spec, t);
        memcpy(out->node[t], f->values + at, n * sizeof(double));
        at += n;
    }
    return status;
}

int fdht_ht_export(const fdht_ht *h, fdht_factored *out, fdht_error *err)
{
    size_t n = fdht_ht_parameters(&h->spec), at = 0;
    double *v = fdht_calloc_err(n, sizeof *v, "tensor cores", err);
    if (!v)
        return FDHT_ENOMEM;
    for (int t = 0; t < h->spec.tree.n_nodes; t++) {
        size_t size = h->spec.rank[t] * fdht_ht_cols(&h->spec, t);
        memcpy(v + at, h->node[t], size * sizeof *v);
        at += size;
    }
    *out = (fdht_factored){.spec = h->spec, .size = n, .values = v};
    return FDHT_OK;
}

/* B (r, a, b) -> (r, k, b) with the left child's index multiplied by R (k, a), or the right child's by
 * R (k, b). */
static int absorb(fdht_ht *h, int parent, bool left, const double *R, size_t k, fdht_error *err)
{
    const fdht_tree_node *n = &h->spec.tree.node[parent];
    size_t r = h->spec.rank[parent], a = h->spec.rank[n->left], b = h->spec.rank[n->right];
    const double *B = h->node[parent];
    double *out = fdht_calloc_err(r * (left ? k * b : a * k), sizeof *out, "tensor cores", err);
    if (!out)
        return FDHT_ENOMEM;
    int status = FDHT_OK;
    if (left)
        for (size_t i = 0; !status && i < r; i++)
            status = fdht_dgemm(false, false, k, b, a, 1, R, a, B + i * a * b, b, 0, out + i * k * b, b, err);
    else
        status = fdht_dgemm(false, true, r * a, k, b, 1, B, b, R, b, 0, out, k, err);
    fdht_free(h->node[parent]);
    h->node[parent] = out;
    return status;
}

/* One node: its rows become orthonormal, what was in them moves to the parent. */
static int orthogonalise_node(fdht_ht *h, int t, fdht_error *err)
{
    int parent = h->spec.tree.node[t].parent, status = FDHT_ENOMEM;
    size_t r = h->spec.rank[t], c = fdht_ht_cols(&h->spec, t), k = FDHT_MIN(r, c);
    double *T = fdht_calloc_err(r * c, sizeof *T, "tensor cores", err), *R = NULL, *Q = NULL;
    if (!T || !(R = fdht_calloc_err(k * r, sizeof *R, "tensor cores", err)) ||
        !(Q = fdht_calloc_err(k * c, sizeof *Q, "tensor cores", err)))
        goto out;
    fdht_transpose(r, c, h->node[t], T);
    if ((status = fdht_qr(c, r, T, true, R, err)))
        goto out;
    fdht_transpose(c, k, T, Q);
    if ((status = absorb(h, parent, h->spec.tree.node[parent].left == t, R, k, err)))
        goto out;
    fdht_free(h->node[t]);
    h->node[t] = Q;
    Q = NULL;
    h->spec.rank[t] = k;
out:
    fdht_free(Q);
    fdht_free(R);
    fdht_free(T);
    return status;
}

int fdht_ht_orthogonalise(fdht_ht *h, fdht_error *err)
{
    int status = FDHT_OK;
    for (int t = 0; !status && t < h->spec.tree.n_nodes - 1; t++)
        status = orthogonalise_node(h, t, err);
    return status;
}

double fdht_ht_root_norm(const fdht_ht *h)
{
    int root = h->spec.tree.n_nodes - 1;
    size_t n = fdht_ht_cols(&h->spec, root);
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += h->node[root][i] * h->node[root][i];
    return sqrt(sum);
}

void fdht_ht_spectra_free(fdht_ht_spectra *s)
{
    for (int t = 0; t < FDHT_MAX_NODES; t++) {
        fdht_free(s->sigma[t]);
        fdht_free(s->rotate[t]);
    }
    memset(s, 0, sizeof *s);
}

/* M (m, n) -> a square root S (m, m) of M M', lower triangular, zero columns where n < m. */
static int square_root(size_t m, size_t n, const double *M, double *S, fdht_error *err)
{
    size_t k = FDHT_MIN(m, n);
    double *T = fdht_calloc_err(m * n, sizeof *T, "spectra", err), *R = NULL;
    int status = FDHT_ENOMEM;
    if (!T || !(R = fdht_calloc_err(k * m, sizeof *R, "spectra", err)))
        goto out;
    fdht_transpose(m, n, M, T);
    if ((status = fdht_qr(n, m, T, false, R, err)))
        goto out;
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < m; j++)
            S[i * m + j] = j < k ? R[j * m + i] : 0;
out:
    fdht_free(R);
    fdht_free(T);
    return status;
}

/* The square roots of both children's Gramians from that of t: Z[c][a][b] = sum_r S[r][c] B[r][a][b], and
 * from it the matrices (a, c b) and (b, c a). Square roots, because Gramians would lose what is below
 * sqrt(eps). */
static int push_down(const fdht_ht *h, int t, double **S, fdht_error *err)
{
    const fdht_tree_node *n = &h->spec.tree.node[t];
    size_t r = h->spec.rank[t], a = h->spec.rank[n->left], b = h->spec.rank[n->right];
    double *Z = NULL, *M = NULL;
    int status = FDHT_ENOMEM;
    if (!(S[n->left] = fdht_calloc_err(a * a, sizeof(double), "spectra", err)) ||
        !(S[n->right] = fdht_calloc_err(b * b, sizeof(double), "spectra", err)) ||
        !(Z = fdht_calloc_err(r * a * b, sizeof *Z, "spectra", err)) ||
        !(M = fdht_calloc_err(r * a * b, sizeof *M, "spectra", err)))
        goto out;
    if (S[t])
        status = fdht_dgemm(true, false, r, a * b, r, 1, S[t], r, h->node[t], a * b, 0, Z, a * b, err);
    else {
        memcpy(Z, h->node[t], r * a * b * sizeof *Z);
        status = FDHT_OK;
    }
    for (size_t c = 0; !status && c < r; c++)
        for (size_t i = 0; i < a; i++)
            memcpy(M + (i * r + c) * b, Z + (c * a + i) * b, b * sizeof *M);
    if (!status)
        status = square_root(a, r * b, M, S[n->left], err);
    for (size_t c = 0; !status && c < r; c++)
        for (size_t i = 0; i < a; i++)
            for (size_t j = 0; j < b; j++)
                M[(j * r + c) * a + i] = Z[(c * a + i) * b + j];
    if (!status)
        status = square_root(b, r * a, M, S[n->right], err);
out:
    fdht_free(M);
    fdht_free(Z);
    return status;
}

int fdht_ht_spectra_of(const fdht_ht *h, fdht_ht_spectra *out, fdht_error *err)
{
    fdht_ht_spectra s = {{0}, {0}};
    double *S[FDHT_MAX_NODES] = {0};
    int status = FDHT_OK, root = h->spec.tree.n_nodes - 1;
    for (int t = root; !status && t >= 0; t--)
        if (!fdht_is_leaf(&h->spec, t))
            status = push_down(h, t, S, err);
    for (int t = 0; !status && t < root; t++) {
        size_t r = h->spec.rank[t];
        double *Vt = fdht_calloc_err(r * r, sizeof *Vt, "spectra", err);
        s.sigma[t] = fdht_calloc_err(r, sizeof(double), "spectra", err);
        s.rotate[t] = fdht_calloc_err(r * r, sizeof(double), "spectra", err);
        status = Vt && s.sigma[t] && s.rotate[t] ? fdht_svd(r, r, S[t], s.rotate[t], s.sigma[t], Vt, err)
                                                 : FDHT_ENOMEM;
        fdht_free(Vt);
    }
    for (int t = 0; t < root; t++)
        fdht_free(S[t]);
    if (status)
        fdht_ht_spectra_free(&s);
    else
        *out = s;
    return status;
}

/* A node's core with its own index and its children's rotated and cut. */
static int truncate_node(const fdht_ht *h, const fdht_ht_spectra *s, int t, fdht_ht *o, fdht_error *err)
{
    const fdht_tree_node *n = &h->spec.tree.node[t];
    size_t r = h->spec.rank[t], q = o->spec.rank[t], c = fdht_ht_cols(&h->spec, t);
    int status = FDHT_OK, root = h->spec.tree.n_nodes - 1;
    if (n->mode >= 0 && t == root) {
        memcpy(o->node[t], h->node[t], c * sizeof(double));
        return FDHT_OK;
    }
    if (n->mode >= 0)
        return fdht_dgemm(true, false, q, c, r, 1, s->rotate[t], r, h->node[t], c, 0, o->node[t], c, err);
    size_t a = h->spec.rank[n->left], b = h->spec.rank[n->right], a2 = o->spec.rank[n->left],
           b2 = o->spec.rank[n->right];
    double *X = fdht_calloc_err(q * a * b, sizeof *X, "tensor cores", err), *Y = NULL;
    if (!X || !(Y = fdht_calloc_err(q * a2 * b, sizeof *Y, "tensor cores", err))) {
        fdht_free(X);
        return FDHT_ENOMEM;
    }
    if (t == root)
        memcpy(X, h->node[t], a * b * sizeof *X);
    else
        status =
            fdht_dgemm(true, false, q, a * b, r, 1, s->rotate[t], r, h->node[t], a * b, 0, X, a * b, err);
    for (size_t i = 0; !status && i < q; i++)
        status = fdht_dgemm(true, false, a2, b, a, 1, s->rotate[n->left], a, X + i * a * b, b, 0,
                            Y + i * a2 * b, b, err);
    if (!status)
        status =
            fdht_dgemm(false, false, q * a2, b2, b, 1, Y, b, s->rotate[n->right], b, 0, o->node[t], b2, err);
    fdht_free(Y);
    fdht_free(X);
    return status;
}

int fdht_ht_truncate(const fdht_ht *h, const fdht_ht_spectra *s, const size_t *rank, fdht_ht *out,
                     fdht_error *err)
{
    fdht_op_spec spec = h->spec;
    int root = spec.tree.n_nodes - 1;
    for (int t = 0; t < root; t++)
        spec.rank[t] = FDHT_MIN(FDHT_MAX(rank[t], (size_t)1), h->spec.rank[t]);
    fdht_ht o;
    int status = fdht_ht_alloc(&spec, &o, err);
    if (status)
        return status;
    for (int t = 0; !status && t <= root; t++)
        status = truncate_node(h, s, t, &o, err);
    if (status)
        fdht_ht_free(&o);
    else
        *out = o;
    return status;
}

int fdht_ht_trim(fdht_ht *h, fdht_error *err)
{
    fdht_ht_spectra s = {{0}, {0}};
    fdht_ht cut;
    int status = fdht_ht_orthogonalise(h, err);
    fdht_op_spec spec = h->spec;
    fdht_ht_feasible(&spec);
    if (status || !memcmp(spec.rank, h->spec.rank, sizeof spec.rank))
        return status;
    if (!(status = fdht_ht_spectra_of(h, &s, err)) &&
        !(status = fdht_ht_truncate(h, &s, spec.rank, &cut, err))) {
        fdht_ht_free(h);
        *h = cut;
        status = fdht_ht_orthogonalise(h, err);
    }
    fdht_ht_spectra_free(&s);
    return status;
}

int fdht_ht_sum(const fdht_ht *a, double scale, const fdht_ht *b, fdht_ht *out, fdht_error *err)
{
    fdht_op_spec spec = a->spec;
    int root = spec.tree.n_nodes - 1;
    for (int t = 0; t < root; t++)
        spec.rank[t] += b->spec.rank[t];
    fdht_ht o;
    int status = fdht_ht_alloc(&spec, &o, err);
    if (status)
        return status;
    for (int t = 0; t <= root; t++) {
        const fdht_tree_node *n = &spec.tree.node[t];
        size_t ra = a->spec.rank[t], rb = b->spec.rank[t], ca = fdht_ht_cols(&a->spec, t),
               cb = fdht_ht_cols(&b->spec, t), c = fdht_ht_cols(&spec, t);
        double f = t == root ? scale : 1.0;
        size_t row = t == root ? 0 : ra; /* where b's rows start; the root has the one row for both */
        if (n->mode >= 0) {
            memcpy(o.node[t], a->node[t], ra * ca * sizeof(double));
            for (size_t i = 0; i < rb * cb; i++)
                o.node[t][row * c + i] += f * b->node[t][i];
            continue;
        }
        size_t la = a->spec.rank[n->left], wa = a->spec.rank[n->right], lb = b->spec.rank[n->left],
               wb = b->spec.rank[n->right], w = wa + wb;
        for (size_t i = 0; i < ra; i++)
            for (size_t l = 0; l < la; l++)
                memcpy(o.node[t] + i * c + l * w, a->node[t] + (i * la + l) * wa, wa * sizeof(double));
        for (size_t i = 0; i < rb; i++)
            for (size_t l = 0; l < lb; l++)
                for (size_t k = 0; k < wb; k++)
                    o.node[t][(row + i) * c + (la + l) * w + wa + k] = f * b->node[t][(i * lb + l) * wb + k];
    }
    *out = o;
    return FDHT_OK;
}

int fdht_ht_distance(const fdht_ht *a, const fdht_ht *b, double *out, fdht_error *err)
{
    fdht_ht d;
    int status = fdht_ht_sum(a, -1.0, b, &d, err);
    if (status)
        return status;
    status = fdht_ht_orthogonalise(&d, err);
    if (!status)
        *out = fdht_ht_root_norm(&d);
    fdht_ht_free(&d);
    return status;
}
