/* nn/links_tmpl.c - the forward pass of links that are no lstm: norms, dense, activation, pool, repeat
 * (lib/README.md section 6.6). Each row is computed by itself in one order. Template (base/real.h). */

enum { ROW_BLOCK = 16, OUTPUTS = 8 };

void R(fdht_dense_rows)(const R(fdht_net) *net, int link, size_t n, const REAL *x, size_t ldx, REAL *y,
                        size_t ldy)
{
    const fdht_link *l = &net->model->spec.link[link];
    const fdht_chain_link *c = &net->model->chain[link];
    const REAL *w = net->values + c->weight, *b = l->bias ? net->values + c->bias : NULL;
    /* Each sum runs in one order; several at a time hide its latency, the last with some that are there already. */
    for (size_t next = 0; next < l->outputs; next += OUTPUTS) {
        size_t m = FDHT_MIN((size_t)OUTPUTS, l->outputs), k = FDHT_MIN(next, l->outputs - m);
        for (size_t i = 0; i < n; i++) {
            REAL sum[OUTPUTS] = {0};
            for (size_t o = 0; o < m && b; o++)
                sum[o] = b[k + o];
            for (size_t j = 0; m == OUTPUTS && j < l->inputs; j++)
                for (size_t o = 0; o < OUTPUTS; o++)
                    sum[o] += w[(k + o) * l->inputs + j] * x[i * ldx + j];
            for (size_t o = 0; m < OUTPUTS && o < m; o++)
                for (size_t j = 0; j < l->inputs; j++)
                    sum[o] += w[(k + o) * l->inputs + j] * x[i * ldx + j];
            memcpy(y + i * ldy + k, sum, m * sizeof *sum);
        }
    }
}

static void layer_norm_row(const fdht_link *l, const REAL *scale, const REAL *shift, const REAL *x, REAL *y)
{
    size_t n = l->inputs;
    REAL mean = 0, square = 0;
    for (size_t j = 0; j < n; j++)
        mean += x[j];
    mean /= (REAL)n;
    for (size_t j = 0; j < n; j++)
        square += (x[j] - mean) * (x[j] - mean);
    REAL factor = 1 / MATH(sqrt)(square / (REAL)n + (REAL)l->epsilon);
    for (size_t j = 0; j < n; j++)
        y[j] = (x[j] - mean) * factor * scale[j] + shift[j];
}

typedef struct rows_job {
    R(fdht_tape) *tape;
    int link;
    size_t rows;
} rows_job;

/* Rows ROW_BLOCK item on of a link that computes each row by itself. */
static void run_rows(void *arg, size_t item, int worker)
{
    const rows_job *job = arg;
    R(fdht_tape) *t = job->tape;
    const fdht_link *l = &t->net->model->spec.link[job->link];
    const fdht_chain_link *c = &t->net->model->chain[job->link];
    const REAL *scale = t->net->values + c->weight, *shift = t->net->values + c->bias;
    size_t first = item * ROW_BLOCK, n = FDHT_MIN((size_t)ROW_BLOCK, job->rows - first), ldx,
           ldy = t->net->ldy[job->link];
    const REAL *x = R(fdht_tape_input)(t, job->link, &ldx) + first * ldx;
    REAL *y = t->y[job->link] + first * ldy;
    (void)worker;
    if (l->kind == FDHT_LINK_DENSE)
        R(fdht_dense_rows)(t->net, job->link, n, x, ldx, y, ldy);
    for (size_t i = 0; i < n; i++, x += ldx, y += ldy)
        switch (l->kind) {
        case FDHT_LINK_NORM:
            for (size_t j = 0; j < l->inputs; j++)
                y[j] = scale[j] * x[j] + shift[j];
            break;
        case FDHT_LINK_LAYER_NORM:
            layer_norm_row(l, scale, shift, x, y);
            break;
        case FDHT_LINK_DENSE:
            R(fdht_activation_run)(l->activation, l->outputs, y, y);
            break;
        case FDHT_LINK_ACTIVATION:
            R(fdht_activation_run)(l->activation, l->outputs, x, y);
            break;
        default: /* pool each */
            memcpy(y, x, l->inputs * sizeof *y);
        }
}

/* One clip: the vector of its last step, the mean over its steps, or of each number the largest; NaN stays NaN. */
static void pool_clip(void *arg, size_t p, int worker)
{
    const rows_job *job = arg;
    R(fdht_tape) *t = job->tape;
    const fdht_link *l = &t->net->model->spec.link[job->link];
    const fdht_rows *rows = &t->rows[t->net->model->chain[job->link].segment];
    size_t n = l->inputs, length = rows->length[p], ldx;
    const REAL *x = R(fdht_tape_input)(t, job->link, &ldx);
    REAL *y = t->y[job->link] + p * t->net->ldy[job->link];
    (void)worker;
    memcpy(y, x + (rows->off[l->pool == FDHT_POOL_LAST ? length - 1 : 0] + p) * ldx, n * sizeof *y);
    for (size_t s = 1; l->pool != FDHT_POOL_LAST && s < length; s++) {
        const REAL *row = x + (rows->off[s] + p) * ldx;
        for (size_t j = 0; j < n; j++)
            if (l->pool == FDHT_POOL_MEAN)
                y[j] += row[j];
            else if (row[j] > y[j] || row[j] != row[j])
                y[j] = row[j];
    }
    for (size_t j = 0; l->pool == FDHT_POOL_MEAN && j < n; j++)
        y[j] /= (REAL)length;
}

static void repeat_clip(void *arg, size_t p, int worker)
{
    const rows_job *job = arg;
    R(fdht_tape) *t = job->tape;
    const fdht_link *l = &t->net->model->spec.link[job->link];
    const fdht_rows *rows = &t->rows[t->net->model->chain[job->link].segment];
    size_t ldx, ldy = t->net->ldy[job->link];
    const REAL *x = R(fdht_tape_input)(t, job->link, &ldx) + p * ldx;
    (void)worker;
    for (size_t s = 0; s < l->steps; s++)
        memcpy(t->y[job->link] + (rows->off[s] + p) * ldy, x, l->inputs * sizeof *x);
}

void R(fdht_link_forward)(R(fdht_tape) *t, int link, fdht_team *team, int worker)
{
    const fdht_link *l = &t->net->model->spec.link[link];
    rows_job job = {t, link, R(fdht_tape_rows)(t, link)};
    size_t items = t->rows[0].clips;
    void (*run)(void *, size_t, int) = run_rows;
    if (l->kind == FDHT_LINK_REPEAT)
        run = repeat_clip;
    else if (l->kind == FDHT_LINK_POOL && l->pool != FDHT_POOL_EACH)
        run = pool_clip;
    else
        items = (job.rows + ROW_BLOCK - 1) / ROW_BLOCK;
    if (team)
        fdht_team_for(team, items, run, &job);
    else
        for (size_t i = 0; i < items; i++)
            run(&job, i, worker);
}
