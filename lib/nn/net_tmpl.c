/* nn/net_tmpl.c - a model made ready to run: plans, packed weights and scratch of its cells.
 * Template (base/real.h). */
#include <string.h>

static int new_cell(const fdht_cell *c, int workers, bool back, R(fdht_net_cell) *out, fdht_error *err)
{
    bool shared = c->spec.kind == FDHT_CELL_FDHT;
    int status = R(fdht_exec_new)(c->op, &c->spec.x, workers, back, &out->x, err);
    if (!status)
        status = R(fdht_exec_new)(shared ? c->op : c->hidden, shared ? &c->spec.h : NULL, workers, back,
                                  &out->h, err);
    if (!status && c->proj)
        status = R(fdht_exec_new)(c->proj, NULL, workers, back, &out->p, err);
    if (status)
        return status;
    out->inputs = c->spec.inputs;
    out->x_size = R(fdht_exec_inputs)(out->x);
    out->ldh = FDHT_MAX(c->state, R(fdht_exec_inputs)(out->h));
    return FDHT_OK;
}

/* Rows must be wide enough for the boxes of the cells that take them. */
static void set_widths(R(fdht_net) *n)
{
    const fdht_model_spec *s = &n->model->spec;
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k], *next = k + 1 < s->links ? l + 1 : NULL;
        n->ldy[k] = l->outputs;
        for (int d = 0; next && next->kind == FDHT_LINK_LSTM && d < next->directions; d++)
            n->ldy[k] = FDHT_MAX(n->ldy[k], n->cell[next->cell + d].x_size);
        if (l->kind == FDHT_LINK_LSTM && l->directions == 1)
            n->ldy[k] = n->cell[l->cell].ldh = FDHT_MAX(n->ldy[k], n->cell[l->cell].ldh);
    }
}

static int new_scratch(R(fdht_net) *n, fdht_error *err)
{
    const fdht_model *m = n->model;
    n->widest = 1;
    for (int i = 0; i < m->n_cells; i++)
        n->widest = FDHT_MAX(n->widest, FDHT_MAX(n->cell[i].ldh, m->cell[i].spec.hidden));
    for (int k = 0; k < m->spec.links; k++)
        if (m->spec.link[k].kind == FDHT_LINK_DENSE && m->spec.link[k].activation == FDHT_GELU)
            n->widest = FDHT_MAX(n->widest, m->spec.link[k].outputs);
    n->state = fdht_calloc_err((size_t)n->workers, sizeof *n->state, "network", err);
    for (int w = 0; n->state && w < n->workers; w++) {
        n->state[w] = fdht_calloc_err(2 * FDHT_CHUNK * n->widest, sizeof **n->state, "network", err);
        if (!n->state[w])
            return FDHT_ENOMEM;
    }
    if (!n->state)
        return FDHT_ENOMEM;
    const fdht_frame_spec *f = &m->spec.frame;
    if (!f->width || f->diff || f->mean == 0 || m->spec.link[0].kind != FDHT_LINK_LSTM ||
        m->spec.link[0].directions == 2 || m->cell[0].backwards || n->cell[0].x_size != n->cell[0].inputs)
        return FDHT_OK;
    n->shift = fdht_calloc_err(m->cell[0].gates * m->cell[0].gate, sizeof *n->shift, "network", err);
    return n->shift ? FDHT_OK : FDHT_ENOMEM;
}

int R(fdht_net_new)(const fdht_model *m, int workers, bool back, R(fdht_net) **out, fdht_error *err)
{
    R(fdht_net) *n = fdht_calloc_err(1, sizeof *n, "network", err);
    int status = FDHT_ENOMEM;
    *out = NULL;
    if (!n)
        return FDHT_ENOMEM;
    n->model = m;
    n->workers = workers;
    n->cell = fdht_calloc_err((size_t)m->n_cells, sizeof *n->cell, "network", err);
    n->ldy = fdht_calloc_err((size_t)m->spec.links, sizeof *n->ldy, "network", err);
    if (!n->cell || !n->ldy)
        goto out;
    for (int i = 0; i < m->n_cells; i++)
        if ((status = new_cell(&m->cell[i], workers, back, &n->cell[i], err)))
            goto out;
    n->in_lanes = true;
    for (int i = 0; i < m->n_cells; i++) {
        const R(fdht_net_cell) *c = &n->cell[i];
        n->in_lanes = n->in_lanes && R(fdht_exec_by_vector)(c->x) && R(fdht_exec_by_vector)(c->h) &&
                      (!c->p || R(fdht_exec_by_vector)(c->p));
    }
    set_widths(n);
    if ((status = new_scratch(n, err)))
        goto out;
    *out = n;
    n = NULL;
out:
    R(fdht_net_free)(n);
    return status;
}

void R(fdht_net_free)(R(fdht_net) *n)
{
    if (!n)
        return;
    for (int i = 0; n->cell && i < n->model->n_cells; i++) {
        R(fdht_exec_free)(n->cell[i].x);
        R(fdht_exec_free)(n->cell[i].h);
        R(fdht_exec_free)(n->cell[i].p);
    }
    for (int w = 0; n->state && w < n->workers; w++)
        fdht_free(n->state[w]);
    fdht_free(n->state);
    fdht_free(n->shift);
    fdht_free(n->ldy);
    fdht_free(n->cell);
    fdht_free(n);
}

static void load_ones(void *arg, size_t i, int worker, size_t first, size_t n, REAL *dst)
{
    const R(fdht_net_cell) *c = arg;
    (void)i;
    (void)worker;
    for (size_t j = 0; j < n; j++)
        dst[j] = first + j < c->inputs;
}

void R(fdht_net_pack)(R(fdht_net) *n, const REAL *values)
{
    const fdht_model *m = n->model;
    for (int i = 0; i < m->n_cells; i++) {
        const fdht_cell *c = &m->cell[i];
        R(fdht_net_cell) *r = &n->cell[i];
        R(fdht_exec_pack)(r->x, values + c->core_offset, c->link == 0 ? fdht_input_scale(m) : 1);
        R(fdht_exec_pack)(r->h, values + (c->hidden ? c->hidden_offset : c->core_offset), 1);
        if (r->p)
            R(fdht_exec_pack)(r->p, values + c->proj_offset, 1);
        r->bias = c->spec.bias ? values + c->bias_offset : NULL;
    }
    n->values = values;
    n->shifts = false;
}

void R(fdht_net_find_shift)(R(fdht_net) *n)
{
    const fdht_model *m = n->model;
    const size_t gates = m->cell[0].gates * m->cell[0].gate;
    R(fdht_vectors) ones = {.load = load_ones, .arg = &n->cell[0]};
    if (!n->shift || n->shifts)
        return;
    R(fdht_exec_forward)(n->cell[0].x, 0, 1, &ones, n->shift, gates, false);
    for (size_t j = 0; j < gates; j++)
        n->shift[j] *= -(REAL)m->spec.frame.mean;
    n->shifts = true;
}

size_t R(fdht_net_bytes)(const R(fdht_net) *n)
{
    size_t sum = (size_t)n->workers * 2 * FDHT_CHUNK * n->widest * sizeof(REAL);
    if (n->shift)
        sum += n->model->cell[0].gates * n->model->cell[0].gate * sizeof(REAL);
    for (int i = 0; i < n->model->n_cells; i++) {
        sum += R(fdht_exec_bytes)(n->cell[i].x) + R(fdht_exec_bytes)(n->cell[i].h);
        if (n->cell[i].p)
            sum += R(fdht_exec_bytes)(n->cell[i].p);
    }
    return sum;
}
