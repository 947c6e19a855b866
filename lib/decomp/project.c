/* project.c - the pass that multiplies the leaves' bases into the source and keeps the small core. */
#include "decomp/pass.h"

#include <string.h>

#include "linalg/linalg.h"

/* Columns of one product: at most PANEL, and at least LEAST where fewer make more than one item. */
enum { PANEL = 1024, LEAST = 64, ITEMS = 16 };

/* A tensor on its way from slab to core: axes, the first slowest; key = k: rank axis of mode k, d + k: i_k, 2
 * d + k: j_k. */
typedef struct work {
    const double *data; /* NULL: the slab itself */
    int n, key[3 * FDHT_MAX_MODES];
    fdht_axis axis[3 * FDHT_MAX_MODES];
} work;

/* Memory that serves slab after slab; it grows where a slab needs more. */
typedef struct room {
    double *at;
    size_t n; /* numbers */
} room;

typedef struct project_job {
    const fdht_pass *s;
    const size_t *rank;
    double *Y; /* rows: the pairs of the split mode; columns: the other rank axes in mode order */
    size_t cols;
    room result[2], panels; /* a result while the one before it is read; one panel a worker */
} project_job;

typedef struct contract_job {
    const fdht_slab *slab;
    const double *from; /* NULL: the slab */
    const fdht_view *view;
    const double *Ut; /* (r, s) */
    size_t r, width;  /* width: columns of an item */
    double *out;      /* (r, view->k) */
    double *panel;
    int *status;
} contract_job;

static int room_for(room *m, size_t a, size_t b, const char *what, fdht_error *err)
{
    if (a * b <= m->n)
        return FDHT_OK;
    fdht_free(m->at);
    m->at = fdht_calloc_err(a * b, sizeof *m->at, what, err);
    m->n = m->at ? a * b : 0;
    return m->at ? FDHT_OK : FDHT_ENOMEM;
}

static void contract_item(void *arg, size_t item, int worker)
{
    contract_job *j = arg;
    const fdht_view *v = j->view;
    size_t k0 = item * j->width, n = FDHT_MIN(j->width, v->k - k0);
    double *P = j->panel + (size_t)worker * v->s * j->width;
    if (j->from)
        fdht_pack_dd(v, j->from, k0, n, P);
    else if (j->slab->f64)
        fdht_pack_dd(v, j->slab->f64, k0, n, P);
    else
        fdht_pack_fd(v, j->slab->f32, k0, n, P);
    bool by_k = v->pair_run > 1;
    j->status[item] = fdht_dgemm(false, by_k, j->r, n, v->s, 1, j->Ut, v->s, P, by_k ? v->s : n, 0,
                                 j->out + k0, v->k, NULL);
}

/* Replace the pair (i_k, j_k) of w by a rank axis, which comes first; the result is in `to`. */
static int contract(project_job *p, work *w, int k, room *to, fdht_error *err)
{
    const fdht_pass *s = p->s;
    int d = s->in->spec.d, nc = 0, status;
    size_t r = p->rank[k], stride = 1;
    fdht_axis row[2] = {{0}}, col[3 * FDHT_MAX_MODES];
    work next = {.n = 1, .key = {k}};
    for (int a = 0; a < w->n; a++) {
        if (w->key[a] == d + k || w->key[a] == 2 * d + k) {
            row[w->key[a] == 2 * d + k] = w->axis[a];
            continue;
        }
        col[nc++] = w->axis[a];
        next.key[next.n] = w->key[a];
        next.axis[next.n++].dim = w->axis[a].dim;
    }
    next.axis[0].dim = r;
    for (int a = next.n - 1; a >= 0; a--) {
        next.axis[a].stride = stride;
        stride *= next.axis[a].dim;
    }
    fdht_view v = {.s = 0};
    contract_job j = {.slab = &s->slab, .from = w->data, .view = &v, .Ut = s->leaf[k].Ut, .r = r};
    if ((status = fdht_view_new(row, 2, col, nc, &v, err)))
        return status;
    j.width = FDHT_MIN(FDHT_MAX((v.k + ITEMS - 1) / ITEMS, (size_t)LEAST), (size_t)PANEL);
    size_t items = (v.k + j.width - 1) / j.width;
    if ((status = room_for(to, r, v.k, "projected slab", err)) ||
        (status = room_for(&p->panels, (size_t)fdht_team_size(s->team) * v.s, j.width, "panels", err)))
        goto out;
    j.out = to->at;
    j.panel = p->panels.at;
    if (!(j.status = fdht_calloc_err(items, sizeof(int), "panels", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    fdht_team_for(s->team, items, contract_item, &j);
    for (size_t i = 0; i < items && !status; i++)
        status = j.status[i];
    if (status) {
        fdht_fail(err, status, "projection of mode %d: matrix product failed", k + 1);
        goto out;
    }
    next.data = j.out;
    *w = next;
out:
    fdht_free(j.status);
    fdht_view_free(&v);
    return status;
}

/* The loaded slab with all modes but the split one projected, smallest rank first; laid into Y. */
static int project_slab(project_job *job, fdht_error *err)
{
    const fdht_pass *s = job->s;
    const size_t *rank = job->rank;
    int d = s->in->spec.d, status = FDHT_OK, p = s->split;
    work w = {.n = 2 * d};
    for (int k = 0; k < d; k++) {
        w.key[k] = d + k;
        w.axis[k] = (fdht_axis){s->slab.ni[k], s->slab.si[k]};
        w.key[d + k] = 2 * d + k;
        w.axis[d + k] = (fdht_axis){s->slab.nj[k], s->slab.sj[k]};
    }
    bool done[FDHT_MAX_MODES] = {false};
    for (int i = 0; !status && i < d - (p >= 0); i++) {
        int best = -1;
        for (int k = 0; k < d; k++)
            if (k != p && !done[k] && (best < 0 || rank[k] < rank[best]))
                best = k;
        done[best] = true;
        status = contract(job, &w, best, &job->result[i & 1], err);
    }
    fdht_axis axis[FDHT_MAX_MODES];
    int n = 0;
    for (int k = 0; !status && k < d; k++)
        for (int a = 0; a < w.n; a++)
            if (w.key[a] == k)
                axis[n++] = w.axis[a];
    size_t ni = p >= 0 ? s->slab.ni[p] : 1, nj = p >= 0 ? s->slab.nj[p] : 1;
    for (size_t i = 0; !status && i < ni; i++)
        for (size_t c = 0; c < nj; c++) { /* what is left of the pair is last: (.., i_p, j_p) */
            size_t row = p < 0 ? 0 : (s->slab.i0[p] + i) * s->in->spec.in[p] + s->slab.j0[p] + c;
            fdht_permute(axis, n, w.data + i * nj + c, job->Y + row * job->cols);
        }
    return status;
}

/* Y (s_p, others) -> spectrum of the split leaf, its rank, and the core with its axis in place. */
static int project_split(fdht_pass *s, size_t *rank, double *Y, size_t cols, fdht_choose_rank *choose,
                         void *arg, fdht_error *err)
{
    int d = s->in->spec.d, p = s->split;
    size_t rows = fdht_leaf_size(&s->in->spec, p), before = 1;
    double *C = NULL, *copy = fdht_calloc_err(rows * cols, sizeof *copy, "projected core", err);
    if (!copy)
        return FDHT_ENOMEM;
    memcpy(copy, Y, rows * cols * sizeof *copy);
    fdht_spectrum_free(&s->leaf[p]);
    int status = fdht_spectrum_of(rows, cols, copy, !s->qr, &s->leaf[p], err);
    fdht_free(copy);
    if (status)
        return status;
    size_t r = rank[p] = FDHT_MIN(choose(arg, p, &s->leaf[p]), s->leaf[p].n);
    C = fdht_calloc_err(r * cols, sizeof *C, "projected core", err);
    s->core = fdht_calloc_err(r * cols, sizeof *C, "projected core", err);
    if (!C || !s->core) {
        fdht_free(C);
        return FDHT_ENOMEM;
    }
    status = fdht_dgemm(false, false, r, cols, rows, 1, s->leaf[p].Ut, rows, Y, cols, 0, C, cols, err);
    for (int k = 0; k < d; k++)
        s->core_dim[k] = rank[k];
    for (int k = 0; k < p; k++)
        before *= rank[k];
    size_t after = cols / before;
    fdht_axis axis[3] = {{before, after}, {r, cols}, {after, 1}};
    fdht_permute(axis, 3, C, s->core);
    fdht_free(C);
    return status;
}

int fdht_pass_project(fdht_pass *s, size_t *rank, fdht_choose_rank *choose, void *arg, fdht_error *err)
{
    int d = s->in->spec.d, p = s->split;
    size_t cols = 1, rows = p >= 0 ? fdht_leaf_size(&s->in->spec, p) : 1;
    bool fits = true;
    for (int k = 0; k < d; k++)
        fits = fits && (k == p || fdht_mul(cols, rank[k], &cols));
    size_t numbers;
    if (!fits || !fdht_mul(cols, 3 * rows, &numbers) ||
        numbers > fdht_pass_memory(s) / 4 * 3 / sizeof(double))
        return fdht_fail(
            err, FDHT_ELIMIT,
            "the projected core of %zu x %zu numbers does not fit in memory: lower the ranks, raise the "
            "tolerance or the memory limit",
            rows, cols);
    double *Y = fdht_calloc_err(rows * cols, sizeof *Y, "projected core", err);
    if (!Y)
        return FDHT_ENOMEM;
    int status = FDHT_OK;
    project_job job = {.s = s, .rank = rank, .Y = Y, .cols = cols};
    for (size_t i = 0; !status && i < s->cut.slabs; i++)
        if (!(status = fdht_pass_load(s, i, err)) && !(status = project_slab(&job, err)))
            status = fdht_pass_progress(s, 1.0 / (double)s->cut.slabs, err);
    fdht_free(job.result[0].at);
    fdht_free(job.result[1].at);
    fdht_free(job.panels.at);
    fdht_free(s->core);
    s->core = NULL;
    if (!status && p >= 0)
        status = project_split(s, rank, Y, cols, choose, arg, err);
    else if (!status) {
        s->core = Y;
        Y = NULL;
        for (int k = 0; k < d; k++)
            s->core_dim[k] = rank[k];
    }
    fdht_free(Y);
    return status;
}
