/* measure.c - ||W - W'|| against the source, slab by slab. W' of a slab is L R': the cores on one side of a
 * cut bond multiplied out for the slab's indices, and those on the other side. */
#include <math.h>
#include <string.h>

#include "decomp/pass.h"
#include "linalg/linalg.h"

enum { BLOCK_L = 64, BLOCK_R = 1024 };

/* F (n, r): rows over the modes of `mode`, in that order, pairs (i, j) of the slab in each. */
typedef struct frame {
    double *F;
    size_t n, r;
    int n_modes, mode[FDHT_MAX_MODES];
} frame;

static void frame_free(frame *f)
{
    fdht_free(f->F);
    *f = (frame){.n = 0};
}

/* The columns of leaf core row x (m n) that the slab holds, pair by pair. */
static void pairs_of(const fdht_slab *s, const fdht_op_spec *spec, int k, const double *x, size_t step,
                     double *to, size_t to_step)
{
    size_t at = 0;
    for (size_t i = 0; i < s->ni[k]; i++)
        for (size_t j = 0; j < s->nj[k]; j++)
            to[at++ * to_step] = x[((s->i0[k] + i) * spec->in[k] + s->j0[k] + j) * step];
}

/* ---- ht ---- */

static size_t ht_offset(const fdht_op_spec *spec, int node)
{
    size_t at = 0;
    for (int t = 0; t < node; t++)
        at += spec->rank[t] * fdht_ht_cols(spec, t);
    return at;
}

static int ht_frame(const fdht_slab *s, const fdht_factored *f, int t, frame *out, fdht_error *err);

/* Children's frames A (x, a), C (y, c) and B (r, a, c): F[x y, r] = sum A[x,a] B[r,a,c] C[y,c]. */
static int ht_join(const frame *A, const frame *C, size_t r, const double *B, frame *out, fdht_error *err)
{
    double *Q = NULL, *T = NULL;
    int status = FDHT_ENOMEM;
    *out = (frame){.n = A->n * C->n, .r = r};
    if (!(Q = fdht_calloc_err(r * A->r * C->r, sizeof *Q, "frame", err)) ||
        !(T = fdht_calloc_err(A->n * r * C->r, sizeof *T, "frame", err)) ||
        !(out->F = fdht_calloc_err(out->n * r, sizeof *T, "frame", err)))
        goto out;
    fdht_axis turn[3] = {{A->r, C->r}, {r, A->r * C->r}, {C->r, 1}}; /* B -> (a, r, c) */
    fdht_permute(turn, 3, B, Q);
    status = fdht_dgemm(false, false, A->n, r * C->r, A->r, 1, A->F, A->r, Q, r * C->r, 0, T, r * C->r, err);
    for (size_t x = 0; !status && x < A->n; x++)
        status = fdht_dgemm(false, true, C->n, r, C->r, 1, C->F, C->r, T + x * r * C->r, C->r, 0,
                            out->F + x * C->n * r, r, err);
    memcpy(out->mode, A->mode, sizeof A->mode);
    memcpy(out->mode + A->n_modes, C->mode, (size_t)C->n_modes * sizeof *C->mode);
    out->n_modes = A->n_modes + C->n_modes;
out:
    fdht_free(T);
    fdht_free(Q);
    if (status)
        frame_free(out);
    return status;
}

static int ht_frame(const fdht_slab *s, const fdht_factored *f, int t, frame *out, fdht_error *err)
{
    const fdht_op_spec *spec = &f->spec;
    const fdht_tree_node *n = &spec->tree.node[t];
    const double *core = f->values + ht_offset(spec, t);
    size_t r = spec->rank[t];
    if (n->mode >= 0) {
        int k = n->mode;
        *out = (frame){.n = s->ni[k] * s->nj[k], .r = r, .n_modes = 1, .mode = {k}};
        if (!(out->F = fdht_calloc_err(out->n * r, sizeof(double), "frame", err)))
            return FDHT_ENOMEM;
        for (size_t q = 0; q < r; q++)
            pairs_of(s, spec, k, core + q * fdht_leaf_size(spec, k), 1, out->F + q, r);
        return FDHT_OK;
    }
    frame A = {.n = 0}, C = {.n = 0};
    int status = ht_frame(s, f, n->left, &A, err);
    if (!status)
        status = ht_frame(s, f, n->right, &C, err);
    if (!status)
        status = ht_join(&A, &C, r, core, out, err);
    frame_free(&A);
    frame_free(&C);
    return status;
}

/* L gets the root core multiplied in, so that W' = L R'. */
static int ht_sides(const fdht_slab *s, const fdht_factored *f, frame *L, frame *R, fdht_error *err)
{
    const fdht_op_spec *spec = &f->spec;
    int root = spec->tree.n_nodes - 1, status;
    frame A = {.n = 0};
    if (spec->d == 1) {
        frame_free(R);
        *R = (frame){.n = 1, .r = 1, .F = fdht_calloc_err(1, sizeof(double), "frame", err)};
        if (!R->F)
            return FDHT_ENOMEM;
        R->F[0] = 1;
        return ht_frame(s, f, root, L, err);
    }
    const fdht_tree_node *n = &spec->tree.node[root];
    if ((status = ht_frame(s, f, n->left, &A, err)) || (!R->F && (status = ht_frame(s, f, n->right, R, err))))
        goto out;
    *L = A;
    L->r = R->r;
    if (!(L->F = fdht_calloc_err(A.n * R->r, sizeof(double), "frame", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    status = fdht_dgemm(false, false, A.n, R->r, A.r, 1, A.F, A.r, f->values + ht_offset(spec, root), R->r, 0,
                        L->F, R->r, err);
out:
    frame_free(&A);
    return status;
}

/* ---- tt and tr ---- */

/* Cores [from, to) multiplied out: F[pairs][r_from, r_to]. */
static int train_frame(const fdht_slab *s, const fdht_factored *f, int from, int to, frame *out,
                       fdht_error *err)
{
    const fdht_op_spec *spec = &f->spec;
    size_t at = 0, first = spec->rank[from];
    const double *core = f->values;
    frame a = {.n = 1, .r = first * first, .F = fdht_calloc_err(first * first, sizeof(double), "frame", err)};
    int status = a.F ? FDHT_OK : FDHT_ENOMEM;
    for (size_t i = 0; !status && i < first; i++)
        a.F[i * first + i] = 1;
    for (int k = 0; k < from; k++)
        at += spec->rank[k] * fdht_leaf_size(spec, k) * spec->rank[k + 1];
    for (int k = from; !status && k < to; k++) {
        size_t p = spec->rank[k], q = spec->rank[k + 1], size = fdht_leaf_size(spec, k),
               n = s->ni[k] * s->nj[k];
        double *G = fdht_calloc_err(p * n * q, sizeof *G, "frame", err), *T = NULL;
        frame b = {.n = a.n * n, .r = first * q, .n_modes = a.n_modes + 1};
        memcpy(b.mode, a.mode, sizeof a.mode);
        b.mode[a.n_modes] = k;
        T = fdht_calloc_err(a.n * first * n * q, sizeof *T, "frame", err);
        b.F = fdht_calloc_err(b.n * b.r, sizeof *T, "frame", err);
        status = G && T && b.F ? FDHT_OK : FDHT_ENOMEM;
        for (size_t i = 0; !status && i < p; i++)
            for (size_t j = 0; j < q; j++)
                pairs_of(s, spec, k, core + at + i * size * q + j, q, G + i * n * q + j, q);
        if (!status) /* (x, r0 | p) (p | pairs, q) -> (x, r0, pairs, q) -> (x, pairs, r0, q) */
            status = fdht_dgemm(false, false, a.n * first, n * q, p, 1, a.F, p, G, n * q, 0, T, n * q, err);
        fdht_axis turn[4] = {{a.n, first * n * q}, {n, q}, {first, n * q}, {q, 1}};
        if (!status)
            fdht_permute(turn, 4, T, b.F);
        fdht_free(T);
        fdht_free(G);
        frame_free(&a);
        a = b;
        at += p * size * q;
    }
    if (status)
        frame_free(&a);
    else
        *out = a;
    return status;
}

/* How many modes go to the left side: the most equal sides. */
static int train_cut(const fdht_op_spec *spec)
{
    int cut = 1;
    double left = 1, total = 1;
    for (int k = 0; k < spec->d; k++)
        total *= (double)fdht_leaf_size(spec, k);
    for (int k = 0; k < spec->d - 1; k++) {
        left *= (double)fdht_leaf_size(spec, k);
        cut = k + 1;
        if (left * left >= total)
            break;
    }
    return cut;
}

static int train_sides(const fdht_slab *s, const fdht_factored *f, frame *L, frame *R, fdht_error *err)
{
    const fdht_op_spec *spec = &f->spec;
    int d = spec->d, cut = train_cut(spec);
    int status = train_frame(s, f, 0, cut, L, err);
    if (status || R->F)
        return status;
    if ((status = train_frame(s, f, cut, d, R, err)))
        return status;
    size_t r0 = spec->rank[0], q = spec->rank[cut]; /* R[pairs][q, r0] -> [pairs][r0, q] */
    double *turned = fdht_calloc_err(R->n * R->r, sizeof *turned, "frame", err);
    if (!turned)
        return FDHT_ENOMEM;
    if (d == 1) /* the ring closes on itself: R is the identity (r0, r0) */
        q = r0;
    fdht_axis turn[3] = {{R->n, r0 * q}, {r0, 1}, {q, r0}};
    fdht_permute(turn, 3, R->F, turned);
    fdht_free(R->F);
    R->F = turned;
    return FDHT_OK;
}

/* ---- bt ---- */

/* F (pairs, r^modes) of the factors [from, to) of one block, which begin at `factor` with the first mode. */
static int block_frame(const fdht_slab *s, const fdht_op_spec *spec, const double *factor, int from, int to,
                       frame *out, fdht_error *err)
{
    size_t r = spec->rank[0];
    frame a = {.n = 1, .r = 1, .F = fdht_calloc_err(1, sizeof(double), "frame", err)};
    if (!a.F)
        return FDHT_ENOMEM;
    a.F[0] = 1;
    for (int k = 0; k < to; factor += r * fdht_leaf_size(spec, k++)) {
        if (k < from)
            continue;
        size_t n = s->ni[k] * s->nj[k];
        frame b = {.n = a.n * n, .r = a.r * r, .n_modes = a.n_modes + 1};
        double *G = fdht_calloc_err(n * r, sizeof *G, "frame", err);
        memcpy(b.mode, a.mode, sizeof a.mode);
        b.mode[a.n_modes] = k;
        if (!G || !(b.F = fdht_calloc_err(b.n * b.r, sizeof *b.F, "frame", err))) {
            fdht_free(G);
            frame_free(&a);
            return FDHT_ENOMEM;
        }
        for (size_t q = 0; q < r; q++)
            pairs_of(s, spec, k, factor + q * fdht_leaf_size(spec, k), 1, G + q, r);
        for (size_t x = 0; x < a.n; x++)
            for (size_t y = 0; y < n; y++)
                for (size_t p = 0; p < a.r; p++)
                    for (size_t q = 0; q < r; q++)
                        b.F[((x * n + y) * a.r + p) * r + q] = a.F[x * a.r + p] * G[y * r + q];
        fdht_free(G);
        frame_free(&a);
        a = b;
    }
    *out = a;
    return FDHT_OK;
}

/* Columns [at, at + r) of all, a frame of `width` columns, from a block's F times op(core); core NULL: F itself. */
static int put_block(const frame *F, const double *core, bool turn, size_t r, size_t ld, frame *all,
                     size_t width, size_t at, fdht_error *err)
{
    if (!all->F) {
        *all = *F;
        all->r = width;
        if (!(all->F = fdht_calloc_err(F->n * width, sizeof(double), "frame", err)))
            return FDHT_ENOMEM;
    }
    if (core)
        return fdht_dgemm(false, turn, F->n, r, F->r, 1, F->F, F->r, core, ld, 0, all->F + at, width, err);
    for (size_t x = 0; x < F->n; x++)
        memcpy(all->F + x * width + at, F->F + x * r, r * sizeof(double));
    return FDHT_OK;
}

/* The blocks side by side; each block's core goes to the side with more factors. */
static int block_sides(const fdht_slab *s, const fdht_factored *f, frame *L, frame *R, fdht_error *err)
{
    const fdht_op_spec *spec = &f->spec;
    int d = spec->d, cut = train_cut(spec), status = FDHT_OK;
    size_t left = 1, right = 1, block = f->size / (size_t)spec->blocks, core = fdht_bt_core_size(spec);
    bool whole = R->F != NULL;
    for (int k = 0; k < d; k++)
        *(k < cut ? &left : &right) *= spec->rank[0];
    size_t r = FDHT_MIN(left, right), width = r * (size_t)spec->blocks;
    for (int b = 0; !status && b < spec->blocks; b++) {
        const double *G = f->values + (size_t)b * block;
        frame F = {.n = 0};
        if (!(status = block_frame(s, spec, G + core, 0, cut, &F, err)))
            status = put_block(&F, left > right ? G : NULL, false, r, right, L, width, (size_t)b * r, err);
        frame_free(&F);
        if (status || whole)
            continue;
        if (!(status = block_frame(s, spec, G + core, cut, d, &F, err)))
            status = put_block(&F, left > right ? NULL : G, true, r, right, R, width, (size_t)b * r, err);
        frame_free(&F);
    }
    return status;
}

/* ---- the difference ---- */

typedef struct place {
    size_t run;        /* frame rows come in runs of neighbours in the slab */
    size_t *off;       /* where each row of the frame begins in the slab */
    size_t *row, *col; /* its part of the slab's row and column; NULL where every position is used */
} place;

static void place_free(place *p)
{
    fdht_free(p->off);
    fdht_free(p->row);
    fdht_free(p->col);
}

static int place_of(const fdht_slab *s, const frame *f, int d, place *p, fdht_error *err)
{
    size_t row_scale[FDHT_MAX_MODES], col_scale[FDHT_MAX_MODES], rs = 1, cs = 1, count;
    fdht_axis axis[2 * FDHT_MAX_MODES], row[2 * FDHT_MAX_MODES], col[2 * FDHT_MAX_MODES];
    int n = 2 * f->n_modes;
    for (int k = d - 1; k >= 0; k--) {
        row_scale[k] = rs;
        col_scale[k] = cs;
        rs *= s->ni[k];
        cs *= s->nj[k];
    }
    for (int m = 0; m < f->n_modes; m++) {
        int k = f->mode[m];
        axis[2 * m] = (fdht_axis){s->ni[k], s->si[k]};
        axis[2 * m + 1] = (fdht_axis){s->nj[k], s->sj[k]};
        row[2 * m] = (fdht_axis){s->ni[k], row_scale[k]};
        row[2 * m + 1] = (fdht_axis){s->nj[k], 0};
        col[2 * m] = (fdht_axis){s->ni[k], 0};
        col[2 * m + 1] = (fdht_axis){s->nj[k], col_scale[k]};
    }
    fdht_trailing_run(axis, n, &p->run);
    if (!(p->off = fdht_offsets(axis, n, &count, err)) ||
        (!s->whole &&
         (!(p->row = fdht_offsets(row, n, &count, err)) || !(p->col = fdht_offsets(col, n, &count, err)))))
        return FDHT_ENOMEM;
    return FDHT_OK;
}

typedef struct diff_job {
    const fdht_slab *slab;
    frame L, *R;
    place pl, pr;
    const char *row_used, *col_used; /* NULL: all */
    char *part_used; /* of each row of L: 1 if only some of R's positions are used, 0 if all are */
    double *work, *sum;
    size_t block_r, blocks_r;
    int *status;
} diff_job;

/* D (nl, nr) = the source at these rows and columns of the frames. */
static void gather(const diff_job *j, size_t l0, size_t nl, size_t r0, size_t nr, double *D)
{
    size_t run = j->pr.run;
    for (size_t a = 0; a < nl; a++)
        for (size_t b = 0; b < nr; b += run) {
            size_t at = j->pl.off[l0 + a] + j->pr.off[r0 + b];
            double *to = D + a * nr + b;
            if (j->slab->f64)
                for (size_t i = 0; i < run; i++)
                    to[i] = j->slab->f64[at + i];
            else
                for (size_t i = 0; i < run; i++)
                    to[i] = (double)j->slab->f32[at + i];
        }
}

static void diff_item(void *arg, size_t item, int worker)
{
    diff_job *j = arg;
    size_t l0 = item / j->blocks_r * BLOCK_L, r0 = item % j->blocks_r * j->block_r;
    size_t nl = FDHT_MIN(j->L.n - l0, (size_t)BLOCK_L), nr = FDHT_MIN(j->R->n - r0, j->block_r);
    double *D = j->work + (size_t)worker * BLOCK_L * j->block_r;
    gather(j, l0, nl, r0, nr, D);
    j->status[item] = fdht_dgemm(false, true, nl, nr, j->L.r, -1, j->L.F + l0 * j->L.r, j->L.r,
                                 j->R->F + r0 * j->R->r, j->R->r, 1, D, nr, NULL);
    for (size_t a = 0; j->part_used && a < nl; a++) {
        const char *rows = j->row_used + j->pl.row[l0 + a], *cols = j->col_used + j->pl.col[l0 + a];
        for (size_t b = 0; j->part_used[l0 + a] && b < nr; b++)
            D[a * nr + b] *= rows[j->pr.row[r0 + b]] & cols[j->pr.col[r0 + b]];
    }
    j->sum[item] = fdht_sum_squares(nl * nr, D);
}

/* Which rows and columns of the slab hold numbers of a source. */
static int used_of(const fdht_decomp_input *in, const fdht_slab *s, char **row, char **col, fdht_error *err)
{
    int d = in->spec.d;
    if (!(*row = fdht_calloc_err(s->rows, 1, "mask", err)) ||
        !(*col = fdht_calloc_err(s->cols, 1, "mask", err)))
        return FDHT_ENOMEM;
    for (size_t x = 0; x < s->rows + s->cols; x++) {
        bool is_row = x < s->rows;
        size_t rest = is_row ? x : x - s->rows, at = 0, scale = 1;
        for (int k = d - 1; k >= 0; k--) {
            size_t n = is_row ? s->ni[k] : s->nj[k];
            at += (rest % n + (is_row ? s->i0[k] : s->j0[k])) * scale;
            rest /= n;
            scale *= is_row ? in->spec.out[k] : in->spec.in[k];
        }
        if (is_row)
            (*row)[x] = fdht_input_row_used(in, at);
        else
            (*col)[x - s->rows] = fdht_input_col_used(in, at);
    }
    return FDHT_OK;
}

/* Rows of L some of whose positions are unused. R's rows and columns repeat: each is looked at once. */
static int find_parts(diff_job *j, fdht_error *err)
{
    size_t n = 0, n_col = 0, *col = NULL;
    size_t *seen = fdht_calloc_err(j->slab->rows + j->slab->cols, sizeof *seen, "mask", err);
    size_t *row = fdht_calloc_err(j->R->n, sizeof *row, "mask", err);
    int status = FDHT_ENOMEM;
    if (!seen || !row || !(col = fdht_calloc_err(j->R->n, sizeof *col, "mask", err)) ||
        !(j->part_used = fdht_calloc_err(j->L.n, 1, "mask", err)))
        goto out;
    for (size_t b = 0; b < j->R->n; b++) {
        if (!seen[j->pr.row[b]]++)
            row[n++] = j->pr.row[b];
        if (!seen[j->slab->rows + j->pr.col[b]]++)
            col[n_col++] = j->pr.col[b];
    }
    for (size_t a = 0; a < j->L.n; a++) {
        bool all = true;
        for (size_t i = 0; all && i < n; i++)
            all = j->row_used[j->pl.row[a] + row[i]];
        for (size_t i = 0; all && i < n_col; i++)
            all = j->col_used[j->pl.col[a] + col[i]];
        j->part_used[a] = !all;
    }
    status = FDHT_OK;
out:
    fdht_free(col);
    fdht_free(row);
    fdht_free(seen);
    return status;
}

/* The right frame does not change from slab to slab if no slab cuts its modes. */
static bool right_is_whole(const fdht_slab *s, const fdht_op_spec *spec, const frame *R)
{
    for (int m = 0; m < R->n_modes; m++)
        if (s->ni[R->mode[m]] != spec->out[R->mode[m]] || s->nj[R->mode[m]] != spec->in[R->mode[m]])
            return false;
    return R->n > 0;
}

static int diff_blocks(diff_job *j, fdht_team *team, double *error2, fdht_error *err)
{
    int status = FDHT_ENOMEM;
    size_t items;
    j->block_r = FDHT_MAX(BLOCK_R / j->pr.run, (size_t)1) * j->pr.run;
    j->blocks_r = (j->R->n + j->block_r - 1) / j->block_r;
    items = j->blocks_r * ((j->L.n + BLOCK_L - 1) / BLOCK_L);
    j->work =
        fdht_calloc_err((size_t)fdht_team_size(team) * BLOCK_L, j->block_r * sizeof(double), "blocks", err);
    j->sum = fdht_calloc_err(items, sizeof(double), "blocks", err);
    j->status = fdht_calloc_err(items, sizeof(int), "blocks", err);
    if (!j->work || !j->sum || !j->status)
        return status;
    fdht_team_for(team, items, diff_item, j);
    status = FDHT_OK;
    for (size_t i = 0; i < items; i++) {
        status = status ? status : j->status[i];
        *error2 += j->sum[i];
    }
    return status;
}

static int measure_slab(fdht_pass *s, const fdht_factored *f, frame *right, double *error2, fdht_error *err)
{
    diff_job j = {.slab = &s->slab, .R = right};
    char *row = NULL, *col = NULL;
    int status, d = s->in->spec.d;
    if (!right_is_whole(&s->slab, &f->spec, right))
        frame_free(right);
    if ((status = fdht_has_tree(&f->spec)     ? ht_sides(&s->slab, f, &j.L, right, err)
                  : fdht_has_blocks(&f->spec) ? block_sides(&s->slab, f, &j.L, right, err)
                                              : train_sides(&s->slab, f, &j.L, right, err)) ||
        (status = place_of(&s->slab, &j.L, d, &j.pl, err)) ||
        (status = place_of(&s->slab, right, d, &j.pr, err)))
        goto out;
    if (!s->slab.whole) {
        if ((status = used_of(s->in, &s->slab, &row, &col, err)))
            goto out;
        j.row_used = row;
        j.col_used = col;
        if ((status = find_parts(&j, err)))
            goto out;
    }
    status = diff_blocks(&j, s->team, error2, err);
out:
    fdht_free(j.status);
    fdht_free(j.sum);
    fdht_free(j.work);
    fdht_free(j.part_used);
    fdht_free(row);
    fdht_free(col);
    place_free(&j.pl);
    place_free(&j.pr);
    frame_free(&j.L);
    return status;
}

int fdht_pass_measure(fdht_pass *s, const fdht_factored *f, double *error2, fdht_error *err)
{
    int status = FDHT_OK;
    frame right = {.n = 0};
    *error2 = 0;
    for (size_t i = 0; !status && i < s->cut.slabs; i++)
        if (!(status = fdht_pass_load(s, i, err)) && !(status = measure_slab(s, f, &right, error2, err)))
            status = fdht_pass_progress(s, 1.0 / (double)s->cut.slabs, err);
    frame_free(&right);
    return status;
}
