/* nn/tape_tmpl.c - the memory of a run: what each row of each cell leaves behind. Template (base/real.h). */
int R(fdht_tape_new)(const R(fdht_net) *net, bool keeps, R(fdht_tape) **out, fdht_error *err)
{
    R(fdht_tape) *t = fdht_calloc_err(1, sizeof *t, "activations", err);
    *out = NULL;
    if (!t)
        return FDHT_ENOMEM;
    t->net = net;
    t->keeps = keeps;
    t->cell = fdht_calloc_err((size_t)net->model->n_cells, sizeof *t->cell, "activations", err);
    t->y = fdht_calloc_err((size_t)net->model->spec.links, sizeof *t->y, "activations", err);
    t->rows = fdht_calloc_err((size_t)net->model->segments, sizeof *t->rows, "activations", err);
    if (!t->cell || !t->y || !t->rows) {
        R(fdht_tape_free)(t);
        return FDHT_ENOMEM;
    }
    *out = t;
    return FDHT_OK;
}

/* With one direction the states of the cell are what its link gives. */
static bool owns_output(const fdht_model *m, int link)
{
    return m->spec.link[link].kind != FDHT_LINK_LSTM || m->spec.link[link].directions == 2;
}

static void free_rows(R(fdht_tape) *t)
{
    const fdht_model *m = t->net->model;
    for (int i = 0; t->cell && i < m->n_cells; i++) {
        R(fdht_tape_cell) *c = &t->cell[i];
        fdht_free(c->a);
        fdht_free(c->ah);
        fdht_free(c->c);
        fdht_free(c->tc);
        fdht_free(c->hf);
        fdht_free(c->h);
        fdht_free(c->keep);
        *c = (R(fdht_tape_cell)){.h0 = c->h0, .c0 = c->c0};
    }
    for (int k = 0; t->y && k < m->spec.links; k++) {
        if (owns_output(m, k))
            fdht_free(t->y[k]);
        t->y[k] = NULL;
    }
    fdht_free(t->x);
    t->x = NULL;
    t->cap_rows = t->cap_clips = 0;
}

void R(fdht_tape_free)(R(fdht_tape) *t)
{
    if (!t)
        return;
    free_rows(t);
    for (int i = 0; t->rows && i < t->net->model->segments; i++)
        fdht_rows_free(&t->rows[i]);
    fdht_free(t->rows);
    fdht_free(t->steps);
    fdht_free(t->cell);
    fdht_free(t->y);
    fdht_free(t);
}

static bool reserve(REAL **array, size_t rows, size_t width, fdht_error *err)
{
    size_t n;
    if (!fdht_mul(rows, width, &n))
        n = SIZE_MAX;
    *array = fdht_calloc_err(n, sizeof **array, "activations", err);
    return *array != NULL;
}

static int reserve_cell(R(fdht_tape) *t, int i, size_t rows, size_t clips, fdht_error *err)
{
    const fdht_cell *c = &t->net->model->cell[i];
    const R(fdht_net_cell) *r = &t->net->cell[i];
    R(fdht_tape_cell) *b = &t->cell[i];
    size_t hidden = c->spec.hidden;
    bool ok =
        reserve(&b->a, rows, c->gates * c->gate, err) &&
        (!c->rule->cell_state || (reserve(&b->c, rows, hidden, err) && reserve(&b->tc, rows, hidden, err))) &&
        reserve(&b->h, rows, r->ldh, err) && (!c->proj || reserve(&b->hf, rows, hidden, err)) &&
        (!c->apart || reserve(&b->ah, rows, c->gates * c->hidden_gate, err)) &&
        (!t->keeps || reserve(&b->keep, clips, r->ldh, err));
    return ok ? FDHT_OK : FDHT_ENOMEM;
}

/* The rows of each segment: the clips' lengths, then the steps of each repeat link. */
static int set_rows(R(fdht_tape) *t, size_t clips, const size_t *length, fdht_error *err)
{
    const fdht_model *m = t->net->model;
    int status = fdht_rows_set(&t->rows[0], clips, length, err);
    if (m->segments > 1 && clips > t->cap_steps) {
        fdht_free(t->steps);
        t->steps = fdht_calloc_err(clips, sizeof *t->steps, "activations", err);
        t->cap_steps = t->steps ? clips : 0;
        status = t->steps ? status : FDHT_ENOMEM;
    }
    for (int k = 0; k < m->spec.links && !status; k++) {
        if (m->spec.link[k].kind != FDHT_LINK_REPEAT)
            continue;
        for (size_t i = 0; i < clips; i++)
            t->steps[i] = m->spec.link[k].steps;
        status = fdht_rows_set(&t->rows[m->chain[k].segment], clips, t->steps, err);
    }
    return status;
}

size_t R(fdht_tape_rows)(const R(fdht_tape) *t, int link)
{
    return fdht_chain_rows(t->net->model, link, t->rows[0].rows, t->rows[0].clips);
}

const REAL *R(fdht_tape_input)(const R(fdht_tape) *t, int link, size_t *ld)
{
    *ld = link ? t->net->ldy[link - 1] : t->net->model->inputs;
    return link ? t->y[link - 1] : t->x;
}

int R(fdht_tape_set)(R(fdht_tape) *t, size_t clips, const size_t *length, fdht_error *err)
{
    const fdht_model *m = t->net->model;
    int status = set_rows(t, clips, length, err);
    if (status)
        return status;
    size_t rows = t->rows[0].rows;
    if (rows <= t->cap_rows && clips <= t->cap_clips)
        return FDHT_OK;
    rows = FDHT_MAX(rows, t->cap_rows);
    clips = FDHT_MAX(clips, t->cap_clips);
    free_rows(t);
    for (int i = 0; i < m->n_cells; i++)
        if ((status = reserve_cell(t, i, fdht_chain_rows(m, m->cell[i].link, rows, clips), clips, err)))
            return status;
    for (int k = 0; k < m->spec.links; k++) {
        if (!owns_output(m, k))
            t->y[k] = t->cell[m->spec.link[k].cell].h;
        else if (!reserve(&t->y[k], fdht_chain_rows(m, k, rows, clips), t->net->ldy[k], err))
            return FDHT_ENOMEM;
    }
    if (m->spec.link[0].kind != FDHT_LINK_LSTM && !reserve(&t->x, rows, m->inputs, err))
        return FDHT_ENOMEM;
    t->cap_rows = rows;
    t->cap_clips = clips;
    return FDHT_OK;
}

size_t R(fdht_tape_bytes)(const R(fdht_net) *net, bool keeps, size_t clips, size_t length)
{
    const fdht_model *m = net->model;
    size_t rows = clips * length, sum = m->spec.link[0].kind == FDHT_LINK_LSTM ? 0 : rows * m->inputs,
           bytes = fdht_rows_bytes(clips, length);
    for (int i = 0; i < m->n_cells; i++) {
        const fdht_cell *c = &m->cell[i];
        size_t hidden = c->spec.hidden, ldh = net->cell[i].ldh;
        size_t row = c->gates * c->gate + (c->rule->cell_state ? 2 * hidden : 0) + ldh +
                     (c->proj ? hidden : 0) + (c->apart ? c->gates * c->hidden_gate : 0);
        sum += fdht_chain_rows(m, c->link, rows, clips) * row + (keeps ? clips * ldh : 0);
    }
    for (int k = 0; k < m->spec.links; k++) {
        if (owns_output(m, k))
            sum += fdht_chain_rows(m, k, rows, clips) * net->ldy[k];
        if (m->spec.link[k].kind == FDHT_LINK_REPEAT)
            bytes += fdht_rows_bytes(clips, m->spec.link[k].steps);
    }
    return sum * sizeof(REAL) + bytes + (m->segments > 1 ? clips * sizeof(size_t) : 0);
}
