/* train/bptt_tmpl.c - back-propagation through time. Template (base/real.h). */
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
    if ((status = R(fdht_tape_new)(net, recurrent_dropout, &b->tape, err)))
        goto out;
    b->scratch = fdht_calloc_err((size_t)net->workers, sizeof *b->scratch, "training", err);
    b->dy = fdht_calloc_err((size_t)m->spec.links, sizeof *b->dy, "training", err);
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
    for (int k = 0; b->dy && k < b->net->model->spec.links; k++) {
        fdht_free(b->dy[k]);
        b->dy[k] = NULL;
    }
    b->scores = b->dscores = NULL;
    REAL **all[] = {&b->partial, &b->gx, &b->dp};
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

/* What a batch needs in addition to its tape, in numbers. */
typedef struct batch_size {
    size_t partial, gx, dp, dy;
} batch_size;

static batch_size size_batch(const R(fdht_net) *net, size_t rows, size_t clips)
{
    const fdht_model *m = net->model;
    batch_size n = {.gx = 1};
    for (int i = 0; i < m->n_cells; i++) {
        const fdht_cell *c = &m->cell[i];
        size_t own = fdht_chain_rows(m, c->link, rows, clips);
        n.partial = FDHT_MAX(n.partial, (clips + FDHT_CHUNK - 1) / FDHT_CHUNK * c->biases);
        n.dp = FDHT_MAX(n.dp, own * c->spec.proj);
        if (c->backwards && c->link)
            n.gx = FDHT_MAX(n.gx, own * net->cell[i].x_size);
    }
    for (int k = 0; k < m->spec.links; k++)
        n.dy += fdht_chain_rows(m, k, rows, clips) * net->ldy[k];
    return n;
}

static bool reserve(REAL **array, size_t n, fdht_error *err)
{
    return (*array = fdht_calloc_err(n, sizeof **array, "training", err)) != NULL;
}

int R(fdht_bptt_set)(R(fdht_bptt) *b, size_t clips, const size_t *length, fdht_error *err)
{
    const fdht_model *m = b->net->model;
    int status = R(fdht_tape_set)(b->tape, clips, length, err), last = m->spec.links - 1;
    size_t rows = b->tape->rows[0].rows;
    if (status)
        return status;
    if (rows > b->cap_rows || clips > b->cap_clips) {
        rows = FDHT_MAX(rows, b->cap_rows);
        clips = FDHT_MAX(clips, b->cap_clips);
        batch_size n = size_batch(b->net, rows, clips);
        free_batch(b);
        bool ok = reserve(&b->partial, n.partial, err) && reserve(&b->gx, n.gx, err) &&
                  (!n.dp || reserve(&b->dp, n.dp, err));
        for (int k = 0; ok && k < m->spec.links; k++)
            ok = reserve(&b->dy[k], fdht_chain_rows(m, k, rows, clips) * b->net->ldy[k], err);
        if (!ok)
            return FDHT_ENOMEM;
        b->cap_rows = rows;
        b->cap_clips = clips;
    }
    b->scores = b->tape->y[last];
    b->dscores = b->dy[last];
    return FDHT_OK;
}

/* The largest buffers of one cell's gradients, which are computed one map after the other. */
static size_t cell_grad_bytes(const R(fdht_bptt) *b, int cell, size_t clips, size_t rows)
{
    const R(fdht_net) *net = b->net;
    const R(fdht_net_cell) *r = &net->cell[cell];
    const fdht_cell *m = &net->model->cell[cell];
    bool alone = !b->team;
    size_t first =
        cell == 0 && m->link == 0 && net->model->spec.frame.diff ? clips : 0; /* input 0 of each clip */
    rows = fdht_chain_rows(net->model, m->link, rows, clips);
    size_t x = R(fdht_exec_grad_bytes)(r->x, rows - first, m->link && !m->backwards, alone),
           h = R(fdht_exec_grad_bytes)(r->h, rows - clips, false, alone);
    return FDHT_MAX(FDHT_MAX(x, h), r->p ? R(fdht_exec_grad_bytes)(r->p, rows, true, alone) : 0);
}

void R(fdht_bptt_bytes)(const R(fdht_bptt) *b, size_t clips, size_t length, size_t *rows, size_t *scratch,
                        size_t *passing)
{
    const R(fdht_net) *net = b->net;
    batch_size n = size_batch(net, clips * length, clips);
    size_t buffers = 0;
    for (int i = 0; i < net->model->n_cells; i++)
        buffers = FDHT_MAX(buffers, cell_grad_bytes(b, i, clips, clips * length));
    *rows = R(fdht_tape_bytes)(net, b->tape->keeps, clips, length) + (n.gx + n.dp + n.dy) * sizeof(REAL);
    *scratch = sizeof(REAL) * ((size_t)net->workers * 3 * FDHT_CHUNK * net->widest + n.partial);
    *passing = buffers;
}

void R(fdht_bptt_forward)(R(fdht_bptt) *b, const R(fdht_input) *input)
{
    R(fdht_net_forward)(b->tape, input, b->team, b->worker);
}

/* Where the gradient of the hidden map's output is, and its width. */
static REAL *hidden_gradient(const R(fdht_bptt) *b, int cell, size_t row, size_t *ld)
{
    const fdht_cell *m = &b->net->model->cell[cell];
    const R(fdht_tape_cell) *t = &b->tape->cell[cell];
    *ld = m->gates * (t->ah ? m->hidden_gate : m->gate);
    return (t->ah ? t->ah : t->a) + row * *ld;
}

/* dh (n, ldh) of step s - 1 through the hidden map, from the gradients of step s. */
static void hidden_backward(R(fdht_bptt) *b, int cell, int worker, size_t s, size_t p, size_t n, REAL *dh)
{
    const R(fdht_net_cell) *r = &b->net->cell[cell];
    const R(fdht_tape_cell) *t = &b->tape->cell[cell];
    size_t ld;
    const REAL *g = hidden_gradient(b, cell, R(fdht_tape_cell_rows)(b->tape, cell)->off[s] + p, &ld);
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
    REAL *dh, *carry,
        *dhf; /* (FDHT_CHUNK, ldh); (FDHT_CHUNK, H) see nn/cells_tmpl.h; of h before the projection */
} chunk;

static size_t chunk_width(const chunk *k, size_t s)
{
    size_t width = FDHT_MIN(fdht_rows_width(R(fdht_tape_cell_rows)(k->bptt->tape, k->cell), s), k->p1);
    return width > k->p0 ? width - k->p0 : 0;
}

/* Add to dh (n) what the output of a row, given with gradient dy, sends to this direction; other: the state of the other
 * direction that was merged with it. */
static void merge_back(fdht_merge merge, size_t n, const REAL *dy, const REAL *other, REAL *dh)
{
    for (size_t j = 0; j < n; j++)
        dh[j] += merge == FDHT_MERGE_MUL ? dy[j] * other[j] : merge == FDHT_MERGE_AVERAGE ? dy[j] / 2 : dy[j];
}

/* Add what the output of row `row` of clip p at step s gets from the links after it. */
static void output_gradient(const R(fdht_bptt) *b, int cell, size_t row, size_t s, size_t p, REAL *dh)
{
    const fdht_model *m = b->net->model;
    const fdht_cell *c = &m->cell[cell];
    const fdht_link *l = &m->spec.link[c->link];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(b->tape, cell);
    int d = cell - l->cell, k = c->link;
    bool last = k + 1 < m->spec.links && fdht_chain_last_of_two(m, k + 1);
    if (last && s != rows->length[p] - 1)
        return;
    /* rows of the two directions that are merged: the same step for pool last, else the same time */
    size_t mirror = l->directions == 2 && !last ? fdht_rows_mirror(rows, row) : row;
    const REAL *dy =
        last ? b->dy[k + 1] + p * b->net->ldy[k + 1] : b->dy[k] + (d ? mirror : row) * b->net->ldy[k];
    const REAL *other = NULL;
    if (l->directions == 2)
        other = b->tape->cell[l->cell + !d].h + mirror * b->net->cell[l->cell + !d].ldh;
    if (l->directions == 2 && l->merge == FDHT_MERGE_CONCAT)
        dy += (size_t)d * c->state;
    merge_back(l->directions == 2 ? l->merge : FDHT_MERGE_CONCAT, c->state, dy, other, dh);
}

/* dh of step s: what comes through the hidden map from step s + 1, and what the outputs get from above. */
static void state_gradient(chunk *k, size_t s, size_t later)
{
    R(fdht_bptt) *b = k->bptt;
    const fdht_rows *rows = R(fdht_tape_cell_rows)(b->tape, k->cell);
    size_t n = chunk_width(k, s), ldh = b->net->cell[k->cell].ldh;
    size_t state = b->net->model->cell[k->cell].state;
    if (later)
        hidden_backward(b, k->cell, k->worker, s + 1, k->p0, later, k->dh);
    memset(k->dh + later * ldh, 0, (n - later) * ldh * sizeof *k->dh);
    for (size_t i = 0; i < n; i++) {
        size_t row = rows->off[s] + k->p0 + i;
        output_gradient(b, k->cell, row, s, k->p0 + i, k->dh + i * ldh);
        if (b->net->cell[k->cell].p)
            memcpy(b->dp + row * state, k->dh + i * ldh, state * sizeof *k->dh);
    }
}

static void step_backward(chunk *k, size_t s)
{
    R(fdht_bptt) *b = k->bptt;
    const fdht_rows *rows = R(fdht_tape_cell_rows)(b->tape, k->cell);
    const fdht_cell *m = &b->net->model->cell[k->cell];
    const R(fdht_net_cell) *r = &b->net->cell[k->cell];
    size_t n = chunk_width(k, s), hidden = m->spec.hidden, ld = r->p ? hidden : r->ldh;
    if (r->p)
        R(fdht_exec_transpose)(r->p, k->worker, n, k->dh, r->ldh, k->dhf, hidden, false);
    for (size_t i = 0; i < n; i++) {
        R(fdht_cell_row) now = R(fdht_tape_row)(b->tape, k->cell, rows->off[s] + k->p0 + i);
        m->rule->R(back)(m, &now, (r->p ? k->dhf : k->dh) + i * ld, k->carry + i * hidden);
    }
}

/* The chunk's share of the bias gradient: of the gates, and where the bias has one block more, of what the hidden map gives
 * to the last gate. */
static void sum_gates(const chunk *k, REAL *sum)
{
    const R(fdht_tape) *t = k->bptt->tape;
    const R(fdht_tape_cell) *b = &t->cell[k->cell];
    const fdht_cell *m = &k->bptt->net->model->cell[k->cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, k->cell);
    size_t hidden = m->spec.hidden, ldg = m->gates * m->gate, ldu = m->gates * m->hidden_gate;
    memset(sum, 0, m->biases * sizeof *sum);
    for (size_t s = 0; s < rows->length[k->p0]; s++)
        for (size_t i = 0, n = chunk_width(k, s); i < n; i++) {
            size_t row = rows->off[s] + k->p0 + i;
            const REAL *a = b->a + row * ldg;
            for (size_t g = 0; g < m->gates; g++)
                for (size_t j = 0; j < hidden; j++)
                    sum[g * hidden + j] += a[g * m->gate + j];
            if (m->biases == m->gates * hidden)
                continue;
            const REAL *u = b->ah + row * ldu + ldu - m->hidden_gate;
            for (size_t j = 0; j < hidden; j++)
                sum[m->gates * hidden + j] += u[j];
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
    const fdht_rows *rows = R(fdht_tape_cell_rows)(b->tape, job->cell);
    size_t hidden = b->net->model->cell[job->cell].spec.hidden;
    chunk k = {.bptt = b, .cell = job->cell, .worker = worker, .p0 = item * FDHT_CHUNK};
    k.p1 = FDHT_MIN(k.p0 + FDHT_CHUNK, rows->clips);
    k.dh = b->scratch[worker];
    k.carry = k.dh + FDHT_CHUNK * b->net->cell[job->cell].ldh;
    k.dhf = k.carry + FDHT_CHUNK * hidden;
    memset(k.carry, 0, FDHT_CHUNK * hidden * sizeof *k.carry);
    size_t later = 0; /* clips of the chunk that run at the step after */
    for (size_t s = rows->length[k.p0]; s-- > 0;) {
        state_gradient(&k, s, later);
        step_backward(&k, s);
        later = chunk_width(&k, s);
    }
    sum_gates(&k, b->partial + item * b->net->model->cell[job->cell].biases);
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
    size_t row = item * ROW_BLOCK,
           n = FDHT_MIN((size_t)ROW_BLOCK, R(fdht_tape_cell_rows)(b->tape, j->cell)->rows - row);
    size_t ldg = b->net->model->cell[j->cell].gates * b->net->model->cell[j->cell].gate;
    R(fdht_exec_transpose)(b->net->cell[j->cell].x, worker, n, b->tape->cell[j->cell].a + row * ldg, ldg,
                           j->gx + row * j->ldx, j->ldx, false);
}

static void input_rows(R(fdht_bptt) *b, int cell, REAL *gx, size_t ldx)
{
    input_job job = {b, cell, gx, ldx};
    size_t rows = R(fdht_tape_cell_rows)(b->tape, cell)->rows;
    R(fdht_bptt_for)(b, (rows + ROW_BLOCK - 1) / ROW_BLOCK, input_block, &job);
}

void R(fdht_bptt_input_gradient)(R(fdht_bptt) *b, REAL *gx)
{
    input_rows(b, 0, gx, b->net->cell[0].x_size);
}

/* Into dy of the link before: the first cell of a link writes, the second adds. */
static void below_backward(R(fdht_bptt) *b, int cell)
{
    const fdht_cell *m = &b->net->model->cell[cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(b->tape, cell);
    int below = m->link - 1;
    size_t ldy = b->net->ldy[below], n = b->net->cell[cell].x_size;
    if (!m->backwards) {
        input_rows(b, cell, b->dy[below], ldy);
        return;
    }
    input_rows(b, cell, b->gx, n);
    if (b->net->model->spec.link[m->link].cell == cell)
        memset(b->dy[below], 0, rows->rows * ldy * sizeof **b->dy);
    for (size_t row = 0; row < rows->rows; row++) {
        REAL *dy = b->dy[below] + fdht_rows_mirror(rows, row) * ldy;
        for (size_t j = 0; j < n; j++)
            dy[j] += b->gx[row * n + j];
    }
}

static int cell_backward(R(fdht_bptt) *b, int cell, REAL *grad, fdht_error *err)
{
    const fdht_cell *m = &b->net->model->cell[cell];
    const R(fdht_net_cell) *r = &b->net->cell[cell];
    const R(fdht_tape) *t = b->tape;
    const fdht_rows *all = R(fdht_tape_cell_rows)(t, cell);
    size_t chunks = (all->clips + FDHT_CHUNK - 1) / FDHT_CHUNK, ldg = m->gates * m->gate, ld;
    size_t rows = all->rows, first = R(fdht_tape_zero_first)(t, cell) ? all->off[1] : 0;
    int status = FDHT_OK;
    cell_job job = {b, cell};
    R(fdht_bptt_for)(b, chunks, chunk_backward, &job);
    for (size_t c = 0; m->spec.bias && c < chunks; c++)
        for (size_t j = 0; j < m->biases; j++)
            grad[m->bias_offset + j] += b->partial[c * m->biases + j];
    R(fdht_row_source) source = {t, cell, first};
    R(fdht_vectors) v = R(fdht_net_x_rows)(&source);
    const REAL *g = t->cell[cell].a + first * ldg;
    const REAL *w = b->net->values;
    size_t hidden = m->hidden ? m->hidden_offset : m->core_offset;
    if (first < rows)
        status = R(fdht_exec_grad_all)(r->x, b->team, b->worker, rows - first, &v, w + m->core_offset, g, ldg,
                                       grad + m->core_offset, err);
    source.first = all->off[1];
    v = R(fdht_net_h_rows)(&source);
    g = hidden_gradient(b, cell, source.first, &ld);
    if (!status && source.first < rows)
        status = R(fdht_exec_grad_all)(r->h, b->team, b->worker, rows - source.first, &v, w + hidden, g, ld,
                                       grad + hidden, err);
    v = (R(fdht_vectors)){.real = t->cell[cell].hf, .ld = m->spec.hidden};
    if (!status && r->p)
        status = R(fdht_exec_grad_all)(r->p, b->team, b->worker, rows, &v, w + m->proj_offset, b->dp,
                                       m->state, grad + m->proj_offset, err);
    return status;
}

static int lstm_backward(R(fdht_bptt) *b, int link, REAL *grad, fdht_error *err)
{
    const fdht_link *l = &b->net->model->spec.link[link];
    for (int i = l->cell; i < l->cell + l->directions; i++) {
        int status = cell_backward(b, i, grad, err);
        if (status)
            return status;
        if (link)
            below_backward(b, i);
    }
    return FDHT_OK;
}

int R(fdht_bptt_backward)(R(fdht_bptt) *b, REAL *grad, fdht_error *err)
{
    const fdht_model *m = b->net->model;
    int status = FDHT_OK;
    for (int k = m->spec.links - 1; k >= 0 && !status; k--)
        if (m->spec.link[k].kind == FDHT_LINK_LSTM)
            status = lstm_backward(b, k, grad, err);
        else if (!fdht_chain_last_of_two(m, k)) /* else the lstm reads its gradient */
            R(fdht_link_backward)(b, k, grad);
    return status;
}
