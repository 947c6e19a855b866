/* decomp/pass.c - opening a source, loading slabs, the pass that finds the leaves' spectra. */
#include "decomp/pass.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

enum {
    PANEL = 512, /* columns of one Gram product: long enough for BLAS, short enough for float sums */
    CHUNKS = 4,  /* sums kept apart so that threads do not change the result */
    SLAB_NUMBERS = 1 << 19, /* 2 MiB of floats: packed from cache, not from memory */
    READ_NUMBERS = 1 << 22,
    LINE = 16,         /* floats in a cache line */
    SHORT_PIECES = 512 /* what they cost, in rows of a Gram: measured, between 500 and 2500 */
};

size_t fdht_pass_memory(const fdht_pass *s)
{
    return s->opt->max_memory ? s->opt->max_memory : (size_t)1 << 34;
}

int fdht_pass_progress(fdht_pass *s, double passes, fdht_error *err)
{
    s->work_done += passes;
    double f = s->work_total > 0 ? FDHT_MIN(s->work_done / s->work_total, 1.0) : 0;
    if (s->opt->progress && s->opt->progress(s->opt->progress_arg, f))
        return fdht_fail(err, FDHT_EINTR, "interrupted");
    return FDHT_OK;
}

/* The mode to cut: the largest, which leaves the smallest Grams to the slabs; but not one whose single columns are
 * short pieces of a row in memory, for every slab would then touch all of the rows. A source that is read is cut in
 * the first mode that gives slabs which fit. */
static int choose_cut(const fdht_pass *s, bool reading, size_t total, size_t room)
{
    const fdht_op_spec *spec = &s->in->spec;
    size_t piece = 1, best = 0; /* piece: numbers from one index of mode k to the next */
    int p = 0;
    for (int k = spec->d - 1; k >= 0; k--) {
        size_t leaf = fdht_leaf_size(spec, k), worth = leaf;
        if (!reading && !s->opt->max_memory && (piece >= LINE || !k))
            worth += SHORT_PIECES;
        if (worth >= best) {
            best = worth;
            p = k;
        }
        piece *= spec->in[k];
    }
    for (int k = spec->d - 1; k >= 0 && reading; k--)
        if (total / fdht_leaf_size(spec, k) <= room)
            p = k;
    return p;
}

static int plan(fdht_pass *s, fdht_error *err)
{
    const fdht_op_spec *spec = &s->in->spec;
    size_t each = fdht_input_wide(s->in) ? sizeof(double) : sizeof(float);
    size_t numbers = SLAB_NUMBERS, grams = 0, total = 1;
    bool reading = false;
    for (int k = 0; k < spec->d; k++)
        total *= fdht_leaf_size(spec, k);
    bool by_column = s->in->part[0].source.by_column;
    for (int i = 0; i < s->in->parts; i++)
        reading |= s->in->part[i].source.read != NULL;
    if (reading)
        numbers = READ_NUMBERS;
    if (s->opt->max_memory)
        numbers = FDHT_MIN(numbers, s->opt->max_memory / 8 / each);
    size_t room = s->opt->max_memory ? s->opt->max_memory / (3 * each) : 4 * (size_t)READ_NUMBERS;
    s->split = spec->d > 1 && total > numbers ? choose_cut(s, reading, total, room) : -1;
    fdht_cut_plan(spec, s->split, numbers, by_column, &s->cut);
    for (int k = 0; k < spec->d; k++)
        if (k != s->split)
            grams += fdht_leaf_size(spec, k) * fdht_leaf_size(spec, k) * sizeof(double) *
                     (fdht_leaf_size(spec, k) > 1024 ? 2 : CHUNKS + 2);
    size_t need =
        s->cut.numbers * (each + each / 2) + grams; /* a slab, and what its first projection leaves */
    if (s->opt->max_memory && need > s->opt->max_memory)
        return fdht_fail(err, FDHT_ELIMIT,
                         "these modes need at least %zu MiB to work in, %zu MiB are allowed",
                         (need >> 20) + 1, s->opt->max_memory >> 20);
    return FDHT_OK;
}

int fdht_pass_open(const fdht_decomp_input *in, const fdht_decomp_options *opt, fdht_pass *s, fdht_error *err)
{
    *s = (fdht_pass){.in = in, .opt = opt, .loaded = -1, .work_total = 3};
    int status = fdht_input_check(in, err);
    if (!status)
        status = plan(s, err);
    if (!status)
        status = fdht_team_new(opt->threads, &s->team, err);
    if (!status)
        status = fdht_slab_alloc(in, &s->cut, &s->slab, err);
    if (status)
        fdht_pass_close(s);
    return status;
}

void fdht_pass_close(fdht_pass *s)
{
    for (int k = 0; k < FDHT_MAX_MODES; k++)
        fdht_spectrum_free(&s->leaf[k]);
    fdht_slab_free(&s->slab);
    fdht_team_free(s->team);
    fdht_free(s->core);
    s->core = NULL;
    s->team = NULL;
}

int fdht_pass_load(fdht_pass *s, size_t index, fdht_error *err)
{
    if (s->loaded == (long)index)
        return FDHT_OK;
    s->loaded = -1;
    int status = fdht_slab_read(s->in, &s->cut, index, &s->slab, err);
    if (!status)
        s->loaded = (long)index;
    return status;
}

/* ---- Gram matrices (or R factors) of the leaves ----
 * Items are (leaf, chunk); a chunk has every CHUNKS-th panel. The first leaf's panels, which hold every number once,
 * give the norm, too. */

typedef struct gram_job {
    fdht_pass *s;
    int n_leaves, leaf[FDHT_MAX_MODES];
    fdht_view view[FDHT_MAX_MODES];
    double *sum[FDHT_MAX_MODES]; /* chunks x s x s: Grams, or R factors; NULL: only the norm is wanted */
    double norm2[CHUNKS];        /* of this slab */
    int chunks[FDHT_MAX_MODES];
    size_t panel[FDHT_MAX_MODES];
    size_t scratch; /* bytes a worker */
    char *work;
    int *status;
    fdht_error *err;
} gram_job;

static double squares(size_t n, const float *x)
{
    double a[8] = {0};
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t k = 0; k < 8; k++)
            a[k] += (double)x[i + k] * (double)x[i + k];
    for (; i < n; i++)
        a[0] += (double)x[i] * (double)x[i];
    return ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]));
}

/* Columns [k0, k0 + n) of leaf l into its sum and, unless it is NULL, the sum of their squares. */
static int gram_panel(gram_job *j, int l, size_t k0, size_t n, char *work, double *sum, double *norm2,
                      fdht_error *err)
{
    const fdht_view *v = &j->view[l];
    const fdht_slab *slab = &j->s->slab;
    bool by_k = v->pair_run > 1; /* P (n, s) */
    size_t s = v->s;
    if (j->s->single) {
        float *P = (float *)(void *)work, *G = P + s * j->panel[l];
        fdht_pack_ff(v, slab->f32, k0, n, P);
        if (norm2)
            *norm2 += squares(s * n, P);
        if (!sum)
            return FDHT_OK;
        int status = fdht_ssyrk(by_k, s, n, P, by_k ? s : n, 0, G, s, err);
        for (size_t a = 0; a < s; a++)
            for (size_t b = a; b < s; b++)
                sum[a * s + b] += (double)G[a * s + b];
        return status;
    }
    double *P = (double *)(void *)work;
    if (slab->f64)
        fdht_pack_dd(v, slab->f64, k0, n, P);
    else
        fdht_pack_fd(v, slab->f32, k0, n, P);
    if (norm2)
        *norm2 += fdht_sum_squares(s * n, P);
    if (!sum)
        return FDHT_OK;
    if (!j->s->qr)
        return fdht_dsyrk(by_k, s, n, P, by_k ? s : n, 1, sum, s, err);
    double *stack = P + s * j->panel[l]; /* [R; panel'] -> R */
    memcpy(stack, sum, s * s * sizeof *stack);
    if (by_k)
        memcpy(stack + s * s, P, n * s * sizeof *stack);
    else
        fdht_transpose(s, n, P, stack + s * s);
    return fdht_qr(s + n, s, stack, false, sum, err);
}

static void gram_item(void *arg, size_t item, int worker)
{
    gram_job *j = arg;
    int l = 0, c = (int)item;
    while (c >= j->chunks[l])
        c -= j->chunks[l++];
    const fdht_view *v = &j->view[l];
    double *sum = j->sum[l] ? j->sum[l] + (size_t)c * v->s * v->s : NULL;
    fdht_error err = {0};
    if (l == 0)
        j->norm2[c] = 0;
    for (size_t k = (size_t)c * j->panel[l]; k < v->k && !j->status[item];
         k += (size_t)j->chunks[l] * j->panel[l])
        j->status[item] =
            gram_panel(j, l, k, FDHT_MIN(j->panel[l], v->k - k), j->work + (size_t)worker * j->scratch, sum,
                       l == 0 ? &j->norm2[c] : NULL, &err);
    if (j->status[item] && j->err && worker == 0)
        *j->err = err;
}

/* The loaded slab into all sums and into the pass's norm2. */
static int gram_slab(gram_job *j, fdht_error *err)
{
    fdht_pass *s = j->s;
    size_t items = 0;
    int status = FDHT_OK, d = s->in->spec.d;
    for (int l = 0; l < j->n_leaves; l++) {
        fdht_view_free(&j->view[l]);
        if ((status = fdht_view_leaf(&s->slab, d, j->leaf[l], &j->view[l], err)))
            return status;
        items += (size_t)j->chunks[l];
    }
    if (!(j->status = fdht_calloc_err(items, sizeof(int), "Gram matrix", err)))
        return FDHT_ENOMEM;
    j->err = err;
    fdht_team_for(s->team, items, gram_item, j);
    for (int c = 0; c < j->chunks[0]; c++)
        s->norm2 += j->norm2[c];
    if (!isfinite(s->norm2)) /* before what BLAS and LAPACK say to such numbers */
        status = fdht_fail(err, FDHT_ENAN,
                           "the weights hold a number that is not finite (rows from %zu, columns from %zu)",
                           s->slab.i0[0], s->slab.j0[0]);
    for (size_t i = 0; i < items && !status; i++)
        status = j->status[i];
    fdht_free(j->status);
    j->status = NULL;
    return status;
}

static void gram_free(gram_job *j)
{
    for (int l = 0; l < j->n_leaves; l++) {
        fdht_view_free(&j->view[l]);
        fdht_free(j->sum[l]);
    }
    fdht_free(j->work);
}

/* Of all leaves but the split one; or, for the norm alone, of one leaf and without sums. */
static int gram_setup(fdht_pass *s, bool norm_only, gram_job *j, fdht_error *err)
{
    *j = (gram_job){.s = s};
    for (int k = 0; k < s->in->spec.d; k++) {
        if (k == s->split || (norm_only && j->n_leaves))
            continue;
        size_t n = fdht_leaf_size(&s->in->spec, k), l = (size_t)j->n_leaves++, bytes;
        j->leaf[l] = k;
        j->chunks[l] = n > 1024 ? 1 : CHUNKS;
        j->panel[l] = s->qr ? FDHT_MAX((size_t)PANEL, 2 * n) : PANEL;
        if (s->cut.numbers / n < j->panel[l])
            j->panel[l] = FDHT_MAX(s->cut.numbers / n, (size_t)1);
        if (s->single)
            bytes = (n * j->panel[l] + n * n) * sizeof(float);
        else
            bytes = (n * j->panel[l] + (s->qr ? n * (n + j->panel[l]) : 0)) * sizeof(double);
        j->scratch = FDHT_MAX(j->scratch, (bytes + 63) & ~(size_t)63);
        if (!norm_only && !(j->sum[l] = fdht_calloc_err((size_t)j->chunks[l] * n * n, sizeof(double),
                                                        "Gram matrices", err)))
            return FDHT_ENOMEM;
    }
    j->work = fdht_calloc_err((size_t)fdht_team_size(s->team), j->scratch, "panels", err);
    return j->work ? FDHT_OK : FDHT_ENOMEM;
}

/* Join the chunks of a leaf in their order and factor. */
static int gram_finish(gram_job *j, int l, fdht_error *err)
{
    size_t n = j->view[l].s;
    fdht_spectrum *out = &j->s->leaf[j->leaf[l]];
    fdht_spectrum_free(out);
    if (j->s->qr) {
        size_t rows = (size_t)j->chunks[l] * n;
        double *R = fdht_calloc_err(n * n, sizeof *R, "R factor", err), *T;
        if (!R)
            return FDHT_ENOMEM;
        int status = fdht_qr(rows, n, j->sum[l], false, R, err);
        T = j->sum[l];
        if (!status) {
            fdht_transpose(n, n, R, T);
            status = fdht_spectrum_of(n, n, T, false, out, err);
        }
        fdht_free(R);
        return status;
    }
    for (int c = 1; c < j->chunks[l]; c++)
        for (size_t i = 0; i < n * n; i++)
            j->sum[l][i] += j->sum[l][(size_t)c * n * n + i];
    return fdht_spectrum_of_gram(n, j->sum[l], out, err);
}

/* One pass over all slabs. */
static int gram_pass(gram_job *j, fdht_error *err)
{
    fdht_pass *s = j->s;
    int status = FDHT_OK;
    s->norm2 = 0;
    for (size_t i = 0; !status && i < s->cut.slabs; i++)
        if (!(status = fdht_pass_load(s, i, err)) && !(status = gram_slab(j, err)))
            status = fdht_pass_progress(s, 1.0 / (double)s->cut.slabs, err);
    return status;
}

int fdht_pass_leaves(fdht_pass *s, fdht_error *err)
{
    gram_job j;
    int status = gram_setup(s, false, &j, err);
    if (!status)
        status = gram_pass(&j, err);
    for (int l = 0; !status && l < j.n_leaves; l++)
        status = gram_finish(&j, l, err);
    gram_free(&j);
    return status;
}

int fdht_pass_norm(fdht_pass *s, fdht_error *err)
{
    gram_job j;
    int status = gram_setup(s, true, &j, err);
    if (!status)
        status = gram_pass(&j, err);
    gram_free(&j);
    return status;
}
