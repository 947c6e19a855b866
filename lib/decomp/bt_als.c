/* decomp/bt_als.c - a sum of Tucker blocks fitted to a tensor by alternating least squares (De Lathauwer and Nion 2008, SIAM J.
 * Matrix Anal. 30(3)): the factors of one mode of all blocks are found together, then all cores, then a step along the way
 * of the last sweep is tried. No step is taken that makes the error larger. */
#include "decomp/bt_als.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

enum { CG_STEPS = 16, LOOK_BACK = 10 };
static const double SMALL = 1e-13; /* eigenvalues below this part of the largest are zero */

int fdht_bt_new(int d, const size_t *q, int blocks, size_t r, fdht_bt *out, fdht_error *err)
{
    fdht_bt f = {.d = d, .blocks = blocks, .r = r, .core = 1};
    size_t n, factors = 0;
    bool fits = true;
    for (int k = 0; k < d; k++) {
        f.q[k] = q[k];
        fits = fits && fdht_mul(f.core, r, &f.core) && fdht_mul(r, q[k], &n);
        factors += fits ? n : 0;
    }
    f.block = f.core + factors;
    if (!fits || !fdht_mul(f.block, (size_t)blocks, &n))
        return fdht_fail(err, FDHT_EINVAL, "bt: blocks of rank %zu over %d modes are too large", r, d);
    if (!(f.x = fdht_calloc_err(n, sizeof *f.x, "blocks", err)))
        return FDHT_ENOMEM;
    *out = f;
    return FDHT_OK;
}

void fdht_bt_free(fdht_bt *f)
{
    fdht_free(f->x);
    f->x = NULL;
}

double *fdht_bt_factor(const fdht_bt *f, int b, int k)
{
    double *at = fdht_bt_core(f, b) + f->core;
    for (int l = 0; l < k; l++)
        at += f->r * f->q[l];
    return at;
}

/* ---- products ---- */

typedef struct work {
    const fdht_bt *f;
    const double *T;
    size_t numbers;           /* of T */
    double norm2;             /* of T */
    double *two[2], *E;       /* intermediates; residual */
    double *H, *A, *X, *w;    /* normal equations of one mode, their right side and solution, eigenvalues */
    double *M;                /* (blocks, blocks, d) products of factors, (r, r) each */
    double *rhs, *g, *p, *Ap; /* of the cores */
} work;

static void work_free(work *w)
{
    double *all[] = {w->two[0], w->two[1], w->E, w->H, w->A, w->X, w->w, w->M, w->rhs, w->g, w->p, w->Ap};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        fdht_free(all[i]);
}

static int work_new(const fdht_bt *f, const double *T, work *w, fdht_error *err)
{
    size_t wide = 1, most = 1, C = (size_t)f->blocks, cores;
    *w = (work){.f = f, .T = T, .numbers = 1};
    for (int k = 0; k < f->d; k++) {
        w->numbers *= f->q[k];
        most = FDHT_MAX(most, FDHT_MAX(f->q[k], f->r));
        if (!fdht_mul(wide, FDHT_MAX(f->q[k], f->r), &wide))
            return fdht_fail(err, FDHT_EINVAL, "bt: rank %zu over %d modes is too large", f->r, f->d);
    }
    cores = C * f->core;
    wide = FDHT_MAX(wide, f->r * most);
    struct {
        double **to;
        size_t n;
    } const all[] = {{&w->two[0], wide},
                     {&w->two[1], wide},
                     {&w->E, w->numbers},
                     {&w->H, C * f->r * C * f->r},
                     {&w->A, C * f->r * most},
                     {&w->X, C * f->r * most},
                     {&w->w, FDHT_MAX(C * f->r, most)},
                     {&w->M, C * C * (size_t)f->d * f->r * f->r},
                     {&w->rhs, cores},
                     {&w->g, cores},
                     {&w->p, cores},
                     {&w->Ap, cores}};
    for (size_t i = 0; i < FDHT_COUNT(all); i++)
        if (!(*all[i].to = fdht_calloc_err(all[i].n, sizeof(double), "blocks", err))) {
            work_free(w);
            return FDHT_ENOMEM;
        }
    w->norm2 = fdht_sum_squares(w->numbers, T);
    return FDHT_OK;
}

/* out = in with axis k multiplied by M (p, dim[k]), or by the transpose of M (dim[k], p). */
static int product(const double *in, size_t *dim, int d, int k, bool turn, size_t p, const double *M,
                   double *out, fdht_error *err)
{
    size_t before = 1, after = 1, n = dim[k], ld = turn ? p : n;
    int status = FDHT_OK;
    for (int l = 0; l < k; l++)
        before *= dim[l];
    for (int l = k + 1; l < d; l++)
        after *= dim[l];
    dim[k] = p;
    if (after == 1)
        return fdht_dgemm(false, !turn, before, p, n, 1, in, n, M, ld, 0, out, p, err);
    for (size_t i = 0; !status && i < before; i++)
        status = fdht_dgemm(turn, false, p, after, n, 1, M, ld, in + i * n * after, after, 0,
                            out + i * p * after, after, err);
    return status;
}

/* H (r, q) = the sum over all axes but k of G (.., r, ..) P (.., q, ..), the other axes r. */
static int contract(const fdht_bt *f, int k, const double *G, const double *P, size_t q, double *H,
                    size_t ldh, fdht_error *err)
{
    size_t before = 1, after = 1, r = f->r;
    int status = FDHT_OK;
    for (int l = 0; l < k; l++)
        before *= r;
    for (int l = k + 1; l < f->d; l++)
        after *= r;
    if (after == 1)
        return fdht_dgemm(true, false, r, q, before, 1, G, r, P, q, 0, H, ldh, err);
    for (size_t i = 0; !status && i < before; i++)
        status = fdht_dgemm(false, true, r, q, after, 1, G + i * r * after, after, P + i * q * after, after,
                            i > 0, H, ldh, err);
    return status;
}

/* T with the factors of block b multiplied in, all but that of mode `skip`; *out is one of the work's intermediates. */
static int project(work *w, const double *T, int b, int skip, const double **out, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t dim[FDHT_MAX_MODES];
    const double *cur = T;
    int status = FDHT_OK, side = 0;
    memcpy(dim, f->q, sizeof dim);
    for (int k = 0; !status && k < f->d; k++) {
        if (k == skip)
            continue;
        status = product(cur, dim, f->d, k, false, f->r, fdht_bt_factor(f, b, k), w->two[side], err);
        cur = w->two[side];
        side = !side;
    }
    *out = cur;
    return status;
}

/* E -= block b. */
static int subtract(work *w, int b, double *E, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t dim[FDHT_MAX_MODES] = {0};
    const double *cur = fdht_bt_core(f, b);
    int status = FDHT_OK, side = 0;
    for (int k = 0; k < f->d; k++)
        dim[k] = f->r;
    for (int k = f->d - 1; !status && k >= 0; k--) {
        status = product(cur, dim, f->d, k, true, f->q[k], fdht_bt_factor(f, b, k), w->two[side], err);
        cur = w->two[side];
        side = !side;
    }
    for (size_t i = 0; !status && i < w->numbers; i++)
        E[i] -= cur[i];
    return status;
}

static int residual(work *w, int blocks, double *error2, fdht_error *err)
{
    int status = FDHT_OK;
    memcpy(w->E, w->T, w->numbers * sizeof *w->E);
    for (int b = 0; !status && b < blocks; b++)
        status = subtract(w, b, w->E, err);
    *error2 = fdht_sum_squares(w->numbers, w->E);
    return status;
}

static double *pair(const work *w, int b, int c, int k)
{
    const fdht_bt *f = w->f;
    return w->M + (size_t)((b * f->blocks + c) * f->d + k) * f->r * f->r;
}

/* Products U_b U_c' of the factors of mode k. */
static int pair_mode(work *w, int k, fdht_error *err)
{
    const fdht_bt *f = w->f;
    int status = FDHT_OK;
    for (int b = 0; !status && b < f->blocks; b++)
        for (int c = 0; !status && c < f->blocks; c++)
            status = fdht_dgemm(false, true, f->r, f->r, f->q[k], 1, fdht_bt_factor(f, b, k), f->q[k],
                                fdht_bt_factor(f, c, k), f->q[k], 0, pair(w, b, c, k), f->r, err);
    return status;
}

/* The tensor `core` of block c seen by the factors of block b in all modes but skip. */
static int seen_by(work *w, const double *core, int b, int c, int skip, const double **out, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t dim[FDHT_MAX_MODES];
    int status = FDHT_OK, side = 0;
    *out = core;
    for (int k = 0; k < f->d; k++)
        dim[k] = f->r;
    for (int k = 0; !status && k < f->d; k++) {
        if (k == skip)
            continue;
        status = product(*out, dim, f->d, k, false, f->r, pair(w, b, c, k), w->two[side], err);
        *out = w->two[side];
        side = !side;
    }
    return status;
}

/* ---- one mode of all blocks ---- */

/* Rows of U (r, q) orthonormal, with as little change as can be; what is taken out of them goes into the core. */
static int orthonormal(work *w, int b, int k, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t r = f->r, q = f->q[k], dim[FDHT_MAX_MODES];
    double *U = fdht_bt_factor(f, b, k), *V = w->H, *root = w->A, *back = w->X;
    int status = fdht_dgemm(false, true, r, r, q, 1, U, q, U, q, 0, V, r, err);
    if (status || (status = fdht_eigh(r, V, w->w, err)))
        return status;
    for (size_t i = 0; i < r; i++)
        for (size_t j = 0; j < r; j++) {
            double up = 0, down = 0;
            for (size_t l = 0; l < r && w->w[l] > SMALL * w->w[0]; l++) {
                double v = V[l * r + i] * V[l * r + j], s = sqrt(w->w[l]);
                up += v * s;
                down += v / s;
            }
            root[i * r + j] = up;
            back[i * r + j] = down;
        }
    if ((status = fdht_dgemm(false, false, r, q, r, 1, back, r, U, q, 0, w->two[0], q, err)))
        return status;
    memcpy(U, w->two[0], r * q * sizeof *U);
    for (int l = 0; l < f->d; l++)
        dim[l] = r;
    if (!(status = product(fdht_bt_core(f, b), dim, f->d, k, false, r, root, w->two[1], err)))
        memcpy(fdht_bt_core(f, b), w->two[1], f->core * sizeof(double));
    return status;
}

/* The least-squares solution of H X = A for n unknown rows: H (n, n) is destroyed. */
static int solve(work *w, size_t n, size_t q, fdht_error *err)
{
    double *V = w->H, *Y = w->X;
    int status = fdht_eigh(n, V, w->w, err);
    if (!status)
        status = fdht_dgemm(false, false, n, q, n, 1, V, n, w->A, q, 0, Y, q, err);
    for (size_t i = 0; !status && i < n; i++) {
        double scale = w->w[i] > SMALL * w->w[0] ? 1 / w->w[i] : 0;
        for (size_t j = 0; j < q; j++)
            Y[i * q + j] *= scale;
    }
    return status ? status : fdht_dgemm(true, false, n, q, n, 1, V, n, Y, q, 0, w->A, q, err);
}

static int update_mode(work *w, int k, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t r = f->r, q = f->q[k], n = (size_t)f->blocks * r;
    const double *P;
    int status = FDHT_OK;
    for (int b = 0; !status && b < f->blocks; b++) {
        if (!(status = project(w, w->T, b, k, &P, err)))
            status = contract(f, k, fdht_bt_core(f, b), P, q, w->A + (size_t)b * r * q, q, err);
        for (int c = b; !status && c < f->blocks; c++)
            if (!(status = seen_by(w, fdht_bt_core(f, c), b, c, k, &P, err)))
                status = contract(f, k, fdht_bt_core(f, b), P, r, w->H + (size_t)b * r * n + (size_t)c * r, n,
                                  err);
    }
    if (status || (status = solve(w, n, q, err)))
        return status;
    for (int b = 0; b < f->blocks; b++)
        memcpy(fdht_bt_factor(f, b, k), w->A + (size_t)b * r * q, r * q * sizeof(double));
    for (int b = 0; !status && b < f->blocks; b++)
        status = orthonormal(w, b, k, err);
    return status ? status : pair_mode(w, k, err);
}

/* ---- all cores: conjugate gradients on the normal equations, from the cores there are ---- */

static int apply(work *w, const double *x, double *y, fdht_error *err)
{
    const fdht_bt *f = w->f;
    const double *P;
    int status = FDHT_OK;
    memset(y, 0, (size_t)f->blocks * f->core * sizeof *y);
    for (int b = 0; b < f->blocks; b++)
        for (int c = 0; !status && c < f->blocks; c++)
            if (!(status = seen_by(w, x + (size_t)c * f->core, b, c, -1, &P, err)))
                for (size_t i = 0; i < f->core; i++)
                    y[(size_t)b * f->core + i] += P[i];
    return status;
}

static double dot(size_t n, const double *a, const double *b)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += a[i] * b[i];
    return s;
}

static int update_cores(work *w, fdht_error *err)
{
    const fdht_bt *f = w->f;
    size_t n = (size_t)f->blocks * f->core;
    const double *P;
    int status = FDHT_OK;
    for (int b = 0; !status && b < f->blocks; b++)
        if (!(status = project(w, w->T, b, -1, &P, err))) {
            memcpy(w->rhs + (size_t)b * f->core, P, f->core * sizeof *P);
            memcpy(w->g + (size_t)b * f->core, fdht_bt_core(f, b), f->core * sizeof *P);
        }
    if (status || (status = apply(w, w->g, w->Ap, err)))
        return status;
    double least = 1e-28 * dot(n, w->rhs, w->rhs);
    for (size_t i = 0; i < n; i++)
        w->p[i] = w->rhs[i] -= w->Ap[i]; /* rhs is the residual from here on */
    double rr = dot(n, w->rhs, w->rhs);
    for (int step = 0; !status && step < CG_STEPS && rr > least; step++) {
        if ((status = apply(w, w->p, w->Ap, err)))
            break;
        double curve = dot(n, w->p, w->Ap), before = rr;
        if (!(curve > 0))
            break;
        for (size_t i = 0; i < n; i++) {
            w->g[i] += rr / curve * w->p[i];
            w->rhs[i] -= rr / curve * w->Ap[i];
        }
        rr = dot(n, w->rhs, w->rhs);
        for (size_t i = 0; i < n; i++)
            w->p[i] = w->rhs[i] + rr / before * w->p[i];
    }
    for (int b = 0; !status && b < f->blocks; b++)
        memcpy(fdht_bt_core(f, b), w->g + (size_t)b * f->core, f->core * sizeof *P);
    return status;
}

static int sweep(work *w, fdht_error *err)
{
    int status = FDHT_OK;
    for (int k = 0; !status && k < w->f->d; k++)
        status = pair_mode(w, k, err);
    for (int k = 0; !status && k < w->f->d; k++)
        status = update_mode(w, k, err);
    return status ? status : update_cores(w, err);
}

/* ---- start and iteration ---- */

/* Factors of block b: the leading left vectors of what the blocks before it leave in each mode. */
static int deflate(work *w, int b, fdht_error *err)
{
    const fdht_bt *f = w->f;
    const double *P;
    double e2;
    int status = residual(w, b, &e2, err);
    for (int k = 0; !status && k < f->d; k++) {
        size_t q = f->q[k], before = 1, after = 1;
        double *G = fdht_calloc_err(q * q, sizeof *G, "Gram matrix", err);
        for (int l = 0; l < k; l++)
            before *= f->q[l];
        for (int l = k + 1; l < f->d; l++)
            after *= f->q[l];
        status = G ? FDHT_OK : FDHT_ENOMEM;
        for (size_t i = 0; !status && i < before; i++)
            status = fdht_dsyrk(false, q, after, w->E + i * q * after, after, 1, G, q, err);
        if (!status)
            status = fdht_eigh(q, G, w->w, err);
        if (!status)
            memcpy(fdht_bt_factor(f, b, k), G, FDHT_MIN(f->r, q) * q * sizeof *G);
        fdht_free(G);
    }
    if (!status && !(status = project(w, w->E, b, -1, &P, err)))
        memcpy(fdht_bt_core(f, b), P, f->core * sizeof *P);
    return status;
}

int fdht_bt_start(fdht_bt *f, const double *T, uint64_t seed, fdht_error *err)
{
    work w;
    fdht_rng rng;
    int status = work_new(f, T, &w, err);
    if (status)
        return status;
    memset(f->x, 0, (size_t)f->blocks * f->block * sizeof *f->x);
    fdht_rng_seed(&rng, seed, 0);
    for (int b = 0; !status && b < f->blocks; b++) {
        if (!seed) {
            status = deflate(&w, b, err);
            continue;
        }
        for (double *x = fdht_bt_factor(f, b, 0), *end = fdht_bt_core(f, b) + f->block; x < end; x++)
            *x = fdht_rng_normal(&rng);
        for (int k = 0; !status && k < f->d; k++)
            status = orthonormal(&w, b, k, err);
    }
    for (int k = 0; !status && k < f->d; k++)
        status = pair_mode(&w, k, err);
    if (!status)
        status = update_cores(&w, err);
    if (!status)
        status = residual(&w, f->blocks, &f->error2, err);
    work_free(&w);
    return status;
}

/* Go on along last -> f->x if that makes the error smaller; *step is adapted. */
static int stretch(work *w, fdht_bt *f, const double *last, double *keep, double *step, fdht_error *err)
{
    size_t n = (size_t)f->blocks * f->block;
    double e2;
    memcpy(keep, f->x, n * sizeof *keep);
    for (size_t i = 0; i < n; i++)
        f->x[i] += *step * (f->x[i] - last[i]);
    int status = residual(w, f->blocks, &e2, err);
    if (!status && e2 < f->error2) {
        f->error2 = e2;
        *step = FDHT_MIN(*step * 1.5, 50.0);
    } else {
        memcpy(f->x, keep, n * sizeof *keep);
        *step = FDHT_MAX(*step / 2, 0.5);
    }
    return status;
}

int fdht_bt_iterate(fdht_bt *f, const double *T, int most, double gain, fdht_bt_each *each, void *arg,
                    fdht_error *err)
{
    work w;
    size_t n = (size_t)f->blocks * f->block;
    double past[LOOK_BACK], step = 1;
    double *last = NULL, *keep = NULL;
    int status = work_new(f, T, &w, err);
    if (status)
        return status;
    if (!(last = fdht_calloc_err(n, sizeof *last, "blocks", err)) ||
        !(keep = fdht_calloc_err(n, sizeof *keep, "blocks", err)) ||
        residual(&w, f->blocks, &f->error2, err)) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (int i = 0; !status && i < most && f->error2 > 1e-18 * w.norm2; i++) {
        double before = f->error2;
        if (i >= LOOK_BACK && sqrt(before) > (1 - gain) * sqrt(past[i % LOOK_BACK]))
            break;
        past[i % LOOK_BACK] = before;
        memcpy(last, f->x, n * sizeof *last);
        if ((status = sweep(&w, err)) || (status = residual(&w, f->blocks, &f->error2, err)))
            break;
        if (!(f->error2 < before)) { /* rounding is all that is left */
            memcpy(f->x, last, n * sizeof *last);
            f->error2 = before;
            break;
        }
        f->sweeps++;
        if (i > 1)
            status = stretch(&w, f, last, keep, &step, err);
        if (!status && each)
            status = each(arg, f->sweeps, f->error2);
    }
out:
    fdht_free(keep);
    fdht_free(last);
    work_free(&w);
    return status;
}

int fdht_bt_error(const fdht_bt *f, const double *T, int n, double *error2, fdht_error *err)
{
    work w;
    int status = work_new(f, T, &w, err);
    if (!status)
        status = residual(&w, n, error2, err);
    work_free(&w);
    return status;
}

int fdht_bt_norm(const fdht_bt *f, int b, double *norm, fdht_error *err)
{
    work w = {.f = f};
    size_t n = 1;
    for (int k = 0; k < f->d; k++)
        n *= f->q[k];
    double *zero = fdht_calloc_err(n, sizeof *zero, "block", err);
    int status = zero ? work_new(f, zero, &w, err) : FDHT_ENOMEM;
    if (!status)
        status = subtract(&w, b, w.E, err);
    if (!status)
        *norm = sqrt(fdht_sum_squares(n, w.E));
    work_free(&w);
    fdht_free(zero);
    return status;
}
