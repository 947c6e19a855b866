/* train/bptt_tmpl.c - back-propagation through time. Template (base/real.h); the includer defines sigmoid_back. */
#include <string.h>

int R(fdht_bptt_new)(R(fdht_net) *net, fdht_team *team, bool recurrent_dropout, R(fdht_bptt) **out,
                     fdht_error *err)
{
    R(fdht_bptt) *b = fdht_calloc_err(1, sizeof *b, "training", err);
    const fdht_model *m = net->model;
    int status = FDHT_ENOMEM;
    *out = NULL;
    if (!b)
        return FDHT_ENOMEM;
    b->net = net;
    b->team = team;
    if ((status = R(fdht_tape_new)(net, recurrent_dropout, &b->tape, err)) != FDHT_OK)
        goto out;
    b->scratch = fdht_calloc_err((size_t)net->workers, sizeof *b->scratch, "training", err);
    b->dy = fdht_calloc_err((size_t)m->spec.layers, sizeof *b->dy, "training", err);
    status = FDHT_ENOMEM;
    if (!b->scratch || !b->dy)
        goto out;
    for (int w = 0; w < net->workers; w++)
        if (!(b->scratch[w] =
                  fdht_calloc_err(3 * FDHT_CHUNK * net->widest, sizeof **b->scratch, "training", err)))
            goto out;
    *out = b;
    b = NULL;
    status = FDHT_OK;
out:
    R(fdht_bptt_free)(b);
    return status;
}

static void free_batch(R(fdht_bptt) *b)
{
    for (int l = 0; b->dy && l < b->net->model->spec.layers; l++) {
        fdht_free(b->dy[l]);
        b->dy[l] = NULL;
    }
    REAL **all[] = {&b->partial, &b->gx, &b->dp, &b->last, &b->dlast, &b->scores, &b->dscores};
    for (size_t i = 0; i < FDHT_COUNT(all); i++) {
        fdht_free(*all[i]);
        *all[i] = NULL;
    }
    b->cap_rows = b->cap_clips = 0;
}

void R(fdht_bptt_free)(R(fdht_bptt) *b)
{
    if (!b)
        return;
    free_batch(b);
    for (int w = 0; b->scratch && w < b->net->workers; w++)
        fdht_free(b->scratch[w]);
    fdht_free(b->scratch);
    fdht_free(b->dy);
    R(fdht_tape_free)(b->tape);
    fdht_free(b);
}

/* Widths of what a batch needs beside its tape. */
typedef struct widths {
    size_t hidden, reversed, projected;
} widths;

static widths batch_widths(const R(fdht_net) *net)
{
    const fdht_model *m = net->model;
    widths w = {0};
    for (int i = 0; i < m->n_cells; i++) {
        w.hidden = FDHT_MAX(w.hidden, m->cell[i].spec.hidden);
        w.projected = FDHT_MAX(w.projected, m->cell[i].spec.proj);
        if (m->spec.directions == 2 && i > 2)
            w.reversed = FDHT_MAX(w.reversed, net->cell[i].x_size);
    }
    return w;
}

static bool reserve(REAL **array, size_t rows, size_t width, fdht_error *err)
{
    return (*array = fdht_calloc_err(rows * FDHT_MAX(width, (size_t)1), sizeof **array, "training", err)) !=
           NULL;
}

int R(fdht_bptt_set)(R(fdht_bptt) *b, size_t clips, const size_t *length, fdht_error *err)
{
    const fdht_model *m = b->net->model;
    int status = R(fdht_tape_set)(b->tape, clips, length, err);
    size_t rows = b->tape->rows.rows;
    widths w = batch_widths(b->net);
    if (status != FDHT_OK || (rows <= b->cap_rows && clips <= b->cap_clips))
        return status;
    rows = FDHT_MAX(rows, b->cap_rows);
    clips = FDHT_MAX(clips, b->cap_clips);
    free_batch(b);
    bool ok =
        reserve(&b->partial, (clips + FDHT_CHUNK - 1) / FDHT_CHUNK, FDHT_GATES * w.hidden, err) &&
        reserve(&b->gx, rows, w.reversed, err) && (!w.projected || reserve(&b->dp, rows, w.projected, err)) &&
        reserve(&b->last, clips, m->outputs, err) && reserve(&b->dlast, clips, m->outputs, err) &&
        reserve(&b->scores, clips, m->spec.classes, err) && reserve(&b->dscores, clips, m->spec.classes, err);
    for (int l = 0; ok && l < m->spec.layers; l++)
        ok = reserve(&b->dy[l], rows, b->net->ldy[l], err);
    if (!ok)
        return FDHT_ENOMEM;
    b->cap_rows = rows;
    b->cap_clips = clips;
    return FDHT_OK;
}

/* The largest buffers of one cell's gradients, which are computed one map after the other. */
static size_t cell_grad_bytes(const R(fdht_net) *net, int cell, size_t clips, size_t rows)
{
    const R(fdht_net_cell) *r = &net->cell[cell];
    int dirs = net->model->spec.directions;
    size_t first = cell == 0 && net->model->spec.frame.diff ? clips : 0; /* input 0 of each clip */
    size_t x = R(fdht_exec_grad_bytes)(r->x, rows - first, cell >= dirs && cell % dirs == 0),
           h = R(fdht_exec_grad_bytes)(r->h, rows - clips, false);
    return FDHT_MAX(FDHT_MAX(x, h), r->p ? R(fdht_exec_grad_bytes)(r->p, rows, true) : 0);
}

void R(fdht_bptt_bytes)(const R(fdht_bptt) *b, size_t clips, size_t length, size_t *rows, size_t *scratch)
{
    const R(fdht_net) *net = b->net;
    const fdht_model *m = net->model;
    widths w = batch_widths(net);
    size_t row = FDHT_MAX(w.reversed, (size_t)1) + w.projected, buffers = 0;
    for (int l = 0; l < m->spec.layers; l++)
        row += net->ldy[l];
    for (int i = 0; i < m->n_cells; i++)
        buffers = FDHT_MAX(buffers, cell_grad_bytes(net, i, clips, clips * length));
    *rows = R(fdht_tape_bytes)(net, b->tape->keeps, clips, length) +
            clips * (length * row + 2 * m->outputs + 2 * m->spec.classes) * sizeof(REAL);
    *scratch = R(fdht_net_bytes)(net) + buffers +
               sizeof(REAL) * ((size_t)net->workers * 3 * FDHT_CHUNK * net->widest +
                               (clips + FDHT_CHUNK - 1) / FDHT_CHUNK * FDHT_GATES * w.hidden);
}

void R(fdht_bptt_forward)(R(fdht_bptt) *b, const R(fdht_input) *input)
{
    size_t outputs = b->net->model->outputs, classes = b->net->model->spec.classes;
    R(fdht_net_forward)(b->tape, input, b->team, 0);
    for (size_t p = 0; p < b->tape->rows.clips; p++) {
        R(fdht_net_pool)(b->tape, p, b->last + p * outputs);
        R(fdht_net_scores)(b->net, b->last + p * outputs, b->scores + p * classes);
    }
}

/* Gradients of the classifier; dlast. */
static void classifier_backward(R(fdht_bptt) *b, REAL *grad)
{
    const fdht_model *m = b->net->model;
    size_t outputs = m->outputs;
    for (size_t p = 0; p < b->tape->rows.clips; p++) {
        const REAL *last = b->last + p * outputs, *ds = b->dscores + p * m->spec.classes;
        REAL *dlast = b->dlast + p * outputs;
        memset(dlast, 0, outputs * sizeof *dlast);
        for (size_t k = 0; k < m->spec.classes; k++) {
            const REAL *w = b->net->weight + k * outputs;
            REAL *gw = grad + m->weight_offset + k * outputs;
            for (size_t j = 0; j < outputs; j++) {
                gw[j] += ds[k] * last[j];
                dlast[j] += ds[k] * w[j];
            }
            grad[m->bias_offset + k] += ds[k];
        }
    }
}

/* The adjoint of pooling: into dy of the last layer, whose rows are in time order. */
static void pool_backward(R(fdht_bptt) *b)
{
    const fdht_model *m = b->net->model;
    const fdht_rows *rows = &b->tape->rows;
    int dirs = m->spec.directions, layer = m->spec.layers - 1;
    size_t ldy = b->net->ldy[layer], n = m->outputs / (size_t)dirs;
    memset(b->dy[layer], 0, rows->rows * ldy * sizeof **b->dy);
    for (size_t p = 0; p < rows->clips; p++) {
        const REAL *dlast = b->dlast + p * m->outputs;
        size_t length = rows->length[p];
        for (size_t s = 0; s < length; s++) {
            REAL *dy = b->dy[layer] + (rows->off[s] + p) * ldy;
            for (int d = 0; d < dirs; d++)
                for (size_t j = d * n; j < (d + 1) * n; j++) {
                    if (m->spec.pool == FDHT_POOL_MEAN)
                        dy[j] += dlast[j] / (REAL)length;
                    else if (s == (d ? 0 : length - 1)) /* a reversed cell ends at time 0 */
                        dy[j] += dlast[j];
                }
        }
    }
}

/* Gates of one row backwards, whatever their activation; see the kernel cell_back. */
static void gates_back(fdht_activation act, size_t n, REAL *gi, REAL *gf, REAL *gg, REAL *go,
                       const REAL *c_prev, const REAL *tc, const REAL *dh, REAL *dc)
{
    REAL slope = act == FDHT_HARD_SIGMOID ? (REAL)0.2 : (REAL)1 / 6;
    for (size_t j = 0; j < n; j++) {
        REAL i = gi[j], f = gf[j], g = gg[j], o = go[j], e = dc[j] + dh[j] * o * (1 - tc[j] * tc[j]);
        bool soft = act == FDHT_SIGMOID;
        REAL si = soft ? i * (1 - i) : i > 0 && i < 1 ? slope : 0;
        REAL sf = soft ? f * (1 - f) : f > 0 && f < 1 ? slope : 0;
        REAL so = soft ? o * (1 - o) : o > 0 && o < 1 ? slope : 0;
        gi[j] = e * g * si;
        gf[j] = c_prev ? e * c_prev[j] * sf : 0;
        gg[j] = e * i * (1 - g * g);
        go[j] = dh[j] * tc[j] * so;
        dc[j] = e * f;
    }
}

/* One row of the recurrence backwards: dh and dc (gradients of h before the projection and of c) in, dc of
 * the step before out; the gates in a become gradients of the pre-activations. */
static void step_row_backward(const fdht_cell *cell, REAL *a, REAL *ah, const REAL *c_prev, const REAL *tc,
                              const REAL *dh, REAL *dc)
{
    size_t n = cell->spec.hidden, gates = cell->gate;
    fdht_activation act = cell->spec.activation;
    if (act != FDHT_SIGMOID ||
        !sigmoid_back(n, a, a + gates, a + 2 * gates, a + 3 * gates, c_prev, tc, dh, dc))
        gates_back(act, n, a, a + gates, a + 2 * gates, a + 3 * gates, c_prev, tc, dh, dc);
    for (size_t g = 0; ah && g < FDHT_GATES; g++)
        memcpy(ah + g * n, a + g * gates, n * sizeof *ah);
}

/* Where the gradient of the hidden map's output stands, and its width. */
static REAL *hidden_gradient(const R(fdht_bptt) *b, int cell, size_t row, size_t *ld)
{
    const fdht_cell *m = &b->net->model->cell[cell];
    const R(fdht_tape_cell) *t = &b->tape->cell[cell];
    *ld = FDHT_GATES * (t->ah ? m->spec.hidden : m->gate);
    return (t->ah ? t->ah : t->a) + row * *ld;
}

/* dh (n, ldh) of step s - 1 through the hidden map, from the gradients of step s. */
static void hidden_backward(R(fdht_bptt) *b, int cell, int worker, size_t s, size_t p, size_t n, REAL *dh)
{
    const R(fdht_net_cell) *r = &b->net->cell[cell];
    const R(fdht_tape_cell) *t = &b->tape->cell[cell];
    size_t ld;
    const REAL *g = hidden_gradient(b, cell, b->tape->rows.off[s] + p, &ld);
    R(fdht_exec_transpose)(r->h, worker, n, g, ld, dh, r->ldh, false);
    for (size_t i = 0; t->keep && i < n; i++)
        for (size_t j = 0; j < b->net->model->cell[cell].state; j++)
            dh[i * r->ldh + j] *= t->keep[(p + i) * r->ldh + j];
}

/* The recurrence of one chunk backwards: clips at positions p0 .. p1 - 1. */
typedef struct chunk {
    R(fdht_bptt) *bptt;
    int cell, worker;
    size_t p0, p1;
    REAL *dh, *dc, *dhf; /* (FDHT_CHUNK, ldh); (FDHT_CHUNK, H) of c; of h before the projection */
} chunk;

static size_t chunk_width(const chunk *k, size_t s)
{
    size_t width = FDHT_MIN(fdht_rows_width(&k->bptt->tape->rows, s), k->p1);
    return width > k->p0 ? width - k->p0 : 0;
}

/* dh of step s: what comes through the hidden map from step s + 1, and what the outputs get from above. */
static void state_gradient(chunk *k, size_t s, size_t later)
{
    R(fdht_bptt) *b = k->bptt;
    const fdht_rows *rows = &b->tape->rows;
    int dirs = b->net->model->spec.directions, layer = k->cell / dirs, d = k->cell % dirs;
    size_t n = chunk_width(k, s), ldh = b->net->cell[k->cell].ldh, ldy = b->net->ldy[layer];
    size_t state = b->net->model->cell[k->cell].state;
    if (later)
        hidden_backward(b, k->cell, k->worker, s + 1, k->p0, later, k->dh);
    memset(k->dh + later * ldh, 0, (n - later) * ldh * sizeof *k->dh);
    for (size_t i = 0; i < n; i++) {
        size_t row = rows->off[s] + k->p0 + i, time_row = d ? fdht_rows_mirror(rows, row) : row;
        const REAL *dy = b->dy[layer] + time_row * ldy + (size_t)d * state;
        for (size_t j = 0; j < state; j++)
            k->dh[i * ldh + j] += dy[j];
        if (b->net->cell[k->cell].p)
            memcpy(b->dp + row * state, k->dh + i * ldh, state * sizeof *dy);
    }
}

static void step_backward(chunk *k, size_t s)
{
    R(fdht_bptt) *b = k->bptt;
    const fdht_rows *rows = &b->tape->rows;
    const fdht_cell *m = &b->net->model->cell[k->cell];
    const R(fdht_net_cell) *r = &b->net->cell[k->cell];
    const R(fdht_tape_cell) *t = &b->tape->cell[k->cell];
    size_t n = chunk_width(k, s), hidden = m->spec.hidden, ld = r->p ? hidden : r->ldh;
    if (r->p)
        R(fdht_exec_transpose)(r->p, k->worker, n, k->dh, r->ldh, k->dhf, hidden, false);
    for (size_t i = 0; i < n; i++) {
        size_t row = rows->off[s] + k->p0 + i;
        const REAL *c_prev = s ? t->c + (rows->off[s - 1] + k->p0 + i) * hidden : NULL;
        step_row_backward(m, t->a + row * FDHT_GATES * m->gate,
                          t->ah ? t->ah + row * FDHT_GATES * hidden : NULL, c_prev, t->tc + row * hidden,
                          (r->p ? k->dhf : k->dh) + i * ld, k->dc + i * hidden);
    }
}

/* The chunk's share of the bias gradient. */
static void sum_gates(const chunk *k, REAL *sum)
{
    const R(fdht_tape) *t = k->bptt->tape;
    const fdht_cell *m = &k->bptt->net->model->cell[k->cell];
    size_t hidden = m->spec.hidden;
    memset(sum, 0, FDHT_GATES * hidden * sizeof *sum);
    for (size_t s = 0; s < t->rows.length[k->p0]; s++)
        for (size_t i = 0, n = chunk_width(k, s); i < n; i++) {
            const REAL *a = t->cell[k->cell].a + (t->rows.off[s] + k->p0 + i) * FDHT_GATES * m->gate;
            for (size_t g = 0; g < FDHT_GATES; g++)
                for (size_t j = 0; j < hidden; j++)
                    sum[g * hidden + j] += a[g * m->gate + j];
        }
}

typedef struct cell_job {
    R(fdht_bptt) *bptt;
    int cell;
} cell_job;

static void chunk_backward(void *arg, size_t item, int worker)
{
    const cell_job *job = arg;
    R(fdht_bptt) *b = job->bptt;
    const fdht_rows *rows = &b->tape->rows;
    size_t hidden = b->net->model->cell[job->cell].spec.hidden;
    chunk k = {.bptt = b, .cell = job->cell, .worker = worker, .p0 = item * FDHT_CHUNK};
    k.p1 = FDHT_MIN(k.p0 + FDHT_CHUNK, rows->clips);
    k.dh = b->scratch[worker];
    k.dc = k.dh + FDHT_CHUNK * b->net->cell[job->cell].ldh;
    k.dhf = k.dc + FDHT_CHUNK * hidden;
    memset(k.dc, 0, FDHT_CHUNK * hidden * sizeof *k.dc);
    size_t later = 0; /* clips of the chunk that run at the step after */
    for (size_t s = rows->length[k.p0]; s-- > 0;) {
        state_gradient(&k, s, later);
        step_backward(&k, s);
        later = chunk_width(&k, s);
    }
    sum_gates(&k, b->partial + item * FDHT_GATES * hidden);
}

enum { ROW_BLOCK = 16 };

/* Gradients of a cell's inputs: rows first + ROW_BLOCK item on. */
typedef struct input_job {
    R(fdht_bptt) *bptt;
    int cell;
    REAL *gx;
    size_t ldx;
} input_job;

static void input_block(void *arg, size_t item, int worker)
{
    const input_job *j = arg;
    const R(fdht_bptt) *b = j->bptt;
    size_t row = item * ROW_BLOCK, n = FDHT_MIN((size_t)ROW_BLOCK, b->tape->rows.rows - row);
    size_t ldg = FDHT_GATES * b->net->model->cell[j->cell].gate;
    R(fdht_exec_transpose)(b->net->cell[j->cell].x, worker, n, b->tape->cell[j->cell].a + row * ldg, ldg,
                           j->gx + row * j->ldx, j->ldx, false);
}

static void input_rows(R(fdht_bptt) *b, int cell, REAL *gx, size_t ldx)
{
    input_job job = {b, cell, gx, ldx};
    fdht_team_for(b->team, (b->tape->rows.rows + ROW_BLOCK - 1) / ROW_BLOCK, input_block, &job);
}

void R(fdht_bptt_input_gradient)(R(fdht_bptt) *b, REAL *gx)
{
    input_rows(b, 0, gx, b->net->cell[0].x_size);
}

/* Into dy of the layer below: the forward cell writes, the reversed one adds. */
static void below_backward(R(fdht_bptt) *b, int cell)
{
    int dirs = b->net->model->spec.directions, below = cell / dirs - 1;
    size_t ldy = b->net->ldy[below], n = b->net->cell[cell].x_size;
    if (cell % dirs == 0) {
        input_rows(b, cell, b->dy[below], ldy);
        return;
    }
    input_rows(b, cell, b->gx, n);
    for (size_t row = 0; row < b->tape->rows.rows; row++) {
        REAL *dy = b->dy[below] + fdht_rows_mirror(&b->tape->rows, row) * ldy;
        for (size_t j = 0; j < n; j++)
            dy[j] += b->gx[row * n + j];
    }
}

static int cell_backward(R(fdht_bptt) *b, int cell, REAL *grad, fdht_error *err)
{
    const fdht_cell *m = &b->net->model->cell[cell];
    const R(fdht_net_cell) *r = &b->net->cell[cell];
    const R(fdht_tape) *t = b->tape;
    size_t chunks = (t->rows.clips + FDHT_CHUNK - 1) / FDHT_CHUNK, n4 = FDHT_GATES * m->spec.hidden, ld;
    size_t first = cell == 0 && t->input.zero_first ? t->rows.off[1] : 0, rows = t->rows.rows;
    int status = FDHT_OK;
    cell_job job = {b, cell};
    fdht_team_for(b->team, chunks, chunk_backward, &job);
    for (size_t c = 0; m->spec.bias && c < chunks; c++)
        for (size_t j = 0; j < n4; j++)
            grad[m->bias_offset + j] += b->partial[c * n4 + j];
    R(fdht_row_source) source = {t, cell, first};
    R(fdht_vectors) v = R(fdht_net_x_rows)(&source);
    const REAL *g = t->cell[cell].a + first * FDHT_GATES * m->gate;
    const REAL *w = b->net->values;
    size_t hidden = m->hidden ? m->hidden_offset : m->core_offset;
    if (first < rows)
        status = R(fdht_exec_grad_all)(r->x, b->team, rows - first, &v, w + m->core_offset, g,
                                       FDHT_GATES * m->gate, grad + m->core_offset, err);
    source.first = t->rows.off[1];
    v = R(fdht_net_h_rows)(&source);
    g = hidden_gradient(b, cell, source.first, &ld);
    if (status == FDHT_OK && source.first < rows)
        status = R(fdht_exec_grad_all)(r->h, b->team, rows - source.first, &v, w + hidden, g, ld,
                                       grad + hidden, err);
    v = (R(fdht_vectors)){.real = t->cell[cell].hf, .ld = m->spec.hidden};
    if (status == FDHT_OK && r->p)
        status = R(fdht_exec_grad_all)(r->p, b->team, rows, &v, w + m->proj_offset, b->dp, m->state,
                                       grad + m->proj_offset, err);
    return status;
}

int R(fdht_bptt_backward)(R(fdht_bptt) *b, REAL *grad, fdht_error *err)
{
    int dirs = b->net->model->spec.directions;
    classifier_backward(b, grad);
    pool_backward(b);
    for (int l = b->net->model->spec.layers - 1; l >= 0; l--)
        for (int d = 0; d < dirs; d++) {
            int status = cell_backward(b, l * dirs + d, grad, err);
            if (status != FDHT_OK)
                return status;
            if (l)
                below_backward(b, l * dirs + d);
        }
    return FDHT_OK;
}
