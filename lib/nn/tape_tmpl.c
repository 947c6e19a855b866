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
    t->y = fdht_calloc_err((size_t)net->model->spec.layers, sizeof *t->y, "activations", err);
    if (!t->cell || !t->y) {
        R(fdht_tape_free)(t);
        return FDHT_ENOMEM;
    }
    *out = t;
    return FDHT_OK;
}

static void free_rows(R(fdht_tape) *t)
{
    const fdht_model_spec *s = &t->net->model->spec;
    for (int i = 0; t->cell && i < t->net->model->n_cells; i++) {
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
    for (int l = 0; t->y && l < s->layers; l++) {
        if (s->directions == 2)
            fdht_free(t->y[l]);
        t->y[l] = NULL;
    }
    t->cap_rows = t->cap_clips = 0;
}

void R(fdht_tape_free)(R(fdht_tape) *t)
{
    if (!t)
        return;
    free_rows(t);
    fdht_rows_free(&t->rows);
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
    bool ok = reserve(&b->a, rows, FDHT_GATES * c->gate, err) && reserve(&b->c, rows, hidden, err) &&
              reserve(&b->tc, rows, hidden, err) && reserve(&b->h, rows, r->ldh, err) &&
              (!c->proj || reserve(&b->hf, rows, hidden, err)) &&
              (!c->hidden || c->gate == hidden || reserve(&b->ah, rows, FDHT_GATES * hidden, err)) &&
              (!t->keeps || reserve(&b->keep, clips, r->ldh, err));
    return ok ? FDHT_OK : FDHT_ENOMEM;
}

int R(fdht_tape_set)(R(fdht_tape) *t, size_t clips, const size_t *length, fdht_error *err)
{
    const fdht_model *m = t->net->model;
    int dirs = m->spec.directions, status = fdht_rows_set(&t->rows, clips, length, err);
    if (status != FDHT_OK)
        return status;
    size_t rows = t->rows.rows;
    if (rows <= t->cap_rows && clips <= t->cap_clips)
        return FDHT_OK;
    rows = FDHT_MAX(rows, t->cap_rows);
    clips = FDHT_MAX(clips, t->cap_clips);
    free_rows(t);
    for (int i = 0; i < m->n_cells; i++)
        if ((status = reserve_cell(t, i, rows, clips, err)) != FDHT_OK)
            return status;
    for (int l = 0; l < m->spec.layers; l++) {
        if (dirs == 1)
            t->y[l] = t->cell[l].h;
        else if (!reserve(&t->y[l], rows, t->net->ldy[l], err))
            return FDHT_ENOMEM;
    }
    t->cap_rows = rows;
    t->cap_clips = clips;
    return FDHT_OK;
}

size_t R(fdht_tape_bytes)(const R(fdht_net) *net, bool keeps, size_t clips, size_t length)
{
    const fdht_model *m = net->model;
    size_t row = 0, clip = 0;
    for (int i = 0; i < m->n_cells; i++) {
        const fdht_cell *c = &m->cell[i];
        size_t hidden = c->spec.hidden, ldh = net->cell[i].ldh;
        row += FDHT_GATES * c->gate + 2 * hidden + ldh + (c->proj ? hidden : 0) +
               (c->hidden && c->gate != hidden ? FDHT_GATES * hidden : 0);
        clip += keeps ? ldh : 0;
    }
    for (int l = 0; m->spec.directions == 2 && l < m->spec.layers; l++)
        row += net->ldy[l];
    return clips * (length * row + clip) * sizeof(REAL) + fdht_rows_bytes(clips, length);
}
