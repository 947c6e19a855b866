/* train/links_tmpl.c - the backward pass of links that are no lstm (lib/README.md section 7.2). Template (base/real.h).
 *
 * First every row by itself: the gradient of its input. Then the parameters: each one's sum runs over all rows in order,
 * whatever the number of threads. */

enum { ROW_BLOCK = 16, PARAM_BLOCK = 16 };

void R(fdht_bptt_for)(R(fdht_bptt) *b, size_t n, fdht_team_body *body, void *arg)
{
    if (b->team)
        fdht_team_for(b->team, n, body, arg);
    else
        for (size_t i = 0; i < n; i++)
            body(arg, i, b->worker);
}

typedef struct link_job {
    R(fdht_bptt) *bptt;
    int link;
    size_t rows;
    const REAL *x, *y; /* what the link took and gave */
    REAL *dx, *dy;     /* dx: NULL for the first link */
    size_t ldx, ldy;
    const REAL *weight;
    REAL *gweight, *gbias; /* or scale and shift */
} link_job;

/* dy becomes the gradient of W x + b; dx = W' of it. */
static void dense_block(const link_job *j, size_t first, size_t n, int worker)
{
    const R(fdht_net) *net = j->bptt->net;
    const fdht_link *l = &net->model->spec.link[j->link];
    REAL *z = j->bptt->scratch[worker];
    for (size_t i = first; i < first + n; i++) {
        if (l->activation == FDHT_GELU)
            R(fdht_dense_rows)(net, j->link, 1, j->x + i * j->ldx, j->ldx, z, l->outputs);
        R(fdht_activation_back)(l->activation, l->outputs, z, j->y + i * j->ldy, j->dy + i * j->ldy);
        if (j->dx)
            memset(j->dx + i * j->ldx, 0, l->inputs * sizeof *j->dx);
    }
    for (size_t k = 0; j->dx && k < l->outputs; k++)
        for (size_t i = first; i < first + n; i++) {
            const REAL *w = j->weight + k * l->inputs;
            REAL d = j->dy[i * j->ldy + k], *dx = j->dx + i * j->ldx;
            for (size_t m = 0; m < l->inputs; m++)
                dx[m] += d * w[m];
        }
}

/* Mean and 1 / sqrt(variance + epsilon) of a row. */
static void row_moments(const fdht_link *l, const REAL *x, REAL *mean, REAL *factor)
{
    REAL sum = 0, square = 0;
    for (size_t j = 0; j < l->inputs; j++)
        sum += x[j];
    *mean = sum / (REAL)l->inputs;
    for (size_t j = 0; j < l->inputs; j++)
        square += (x[j] - *mean) * (x[j] - *mean);
    *factor = 1 / MATH(sqrt)(square / (REAL)l->inputs + (REAL)l->epsilon);
}

static void layer_norm_row(const fdht_link *l, const REAL *scale, const REAL *x, const REAL *dy, REAL *dx)
{
    size_t n = l->inputs;
    REAL mean, factor, sum = 0, dot = 0;
    row_moments(l, x, &mean, &factor);
    for (size_t j = 0; j < n; j++) {
        sum += dy[j] * scale[j];
        dot += dy[j] * scale[j] * (x[j] - mean) * factor;
    }
    for (size_t j = 0; j < n; j++)
        dx[j] = factor * (dy[j] * scale[j] - sum / (REAL)n - (x[j] - mean) * factor * dot / (REAL)n);
}

static void back_rows(void *arg, size_t item, int worker)
{
    const link_job *j = arg;
    const fdht_link *l = &j->bptt->net->model->spec.link[j->link];
    size_t first = item * ROW_BLOCK, n = FDHT_MIN((size_t)ROW_BLOCK, j->rows - first);
    if (l->kind == FDHT_LINK_DENSE) {
        dense_block(j, first, n, worker);
        return;
    }
    for (size_t i = first; j->dx && i < first + n; i++) {
        const REAL *x = j->x + i * j->ldx, *dy = j->dy + i * j->ldy;
        REAL *dx = j->dx + i * j->ldx;
        if (l->kind == FDHT_LINK_NORM)
            for (size_t k = 0; k < l->inputs; k++)
                dx[k] = dy[k] * j->weight[k];
        else if (l->kind == FDHT_LINK_LAYER_NORM)
            layer_norm_row(l, j->weight, x, dy, dx);
        else { /* activation, pool each */
            memcpy(dx, dy, l->inputs * sizeof *dx);
            if (l->kind == FDHT_LINK_ACTIVATION)
                R(fdht_activation_back)(l->activation, l->inputs, x, j->y + i * j->ldy, dx);
        }
    }
}

/* Parameters of the outputs PARAM_BLOCK item on. */
static void back_params(void *arg, size_t item, int worker)
{
    const link_job *j = arg;
    const fdht_link *l = &j->bptt->net->model->spec.link[j->link];
    size_t first = item * PARAM_BLOCK, end = FDHT_MIN(first + PARAM_BLOCK, l->outputs);
    (void)worker;
    for (size_t i = 0; i < j->rows; i++) {
        const REAL *x = j->x + i * j->ldx, *dy = j->dy + i * j->ldy;
        REAL mean = 0, factor = 1;
        if (l->kind == FDHT_LINK_LAYER_NORM)
            row_moments(l, x, &mean, &factor);
        for (size_t k = first; k < end; k++) {
            REAL *w = j->gweight + k * l->inputs;
            if (l->kind == FDHT_LINK_DENSE)
                for (size_t m = 0; m < l->inputs; m++)
                    w[m] += dy[k] * x[m];
            else
                j->gweight[k] += dy[k] * (x[k] - mean) * factor;
            if (j->gbias)
                j->gbias[k] += dy[k];
        }
    }
}

/* A clip's share of dy to the steps from which the pooled vector came; of equal maxima the first. */
static void pool_clip(void *arg, size_t p, int worker)
{
    const link_job *j = arg;
    const fdht_model *m = j->bptt->net->model;
    const fdht_link *l = &m->spec.link[j->link];
    const fdht_rows *rows = &j->bptt->tape->rows[m->chain[j->link].segment];
    const REAL *dy = j->dy + p * j->ldy, *y = j->y + p * j->ldy;
    size_t length = rows->length[p];
    (void)worker;
    for (size_t s = 0; s < length; s++) {
        REAL *dx = j->dx + (rows->off[s] + p) * j->ldx;
        for (size_t k = 0; k < l->inputs; k++)
            dx[k] = l->pool == FDHT_POOL_MEAN                      ? dy[k] / (REAL)length
                    : l->pool == FDHT_POOL_LAST && s == length - 1 ? dy[k]
                                                                   : 0;
    }
    for (size_t k = 0; l->pool == FDHT_POOL_MAX && k < l->inputs; k++)
        for (size_t s = 0; s < length; s++) {
            size_t at = (rows->off[s] + p) * j->ldx + k;
            if (j->x[at] == y[k]) {
                j->dx[at] = dy[k];
                break;
            }
        }
}

static void repeat_clip(void *arg, size_t p, int worker)
{
    const link_job *j = arg;
    const fdht_model *m = j->bptt->net->model;
    const fdht_link *l = &m->spec.link[j->link];
    const fdht_rows *rows = &j->bptt->tape->rows[m->chain[j->link].segment];
    REAL *dx = j->dx + p * j->ldx;
    (void)worker;
    memset(dx, 0, l->inputs * sizeof *dx);
    for (size_t s = 0; s < l->steps; s++)
        for (size_t k = 0; k < l->inputs; k++)
            dx[k] += j->dy[(rows->off[s] + p) * j->ldy + k];
}

void R(fdht_link_backward)(R(fdht_bptt) *b, int link, REAL *grad)
{
    const fdht_model *m = b->net->model;
    const fdht_link *l = &m->spec.link[link];
    const fdht_chain_link *c = &m->chain[link];
    bool params = l->kind == FDHT_LINK_DENSE || l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM;
    link_job j = {.bptt = b,
                  .link = link,
                  .rows = R(fdht_tape_rows)(b->tape, link),
                  .y = b->tape->y[link],
                  .dx = link ? b->dy[link - 1] : NULL,
                  .dy = b->dy[link],
                  .ldy = b->net->ldy[link]};
    j.x = R(fdht_tape_input)(b->tape, link, &j.ldx);
    if (params) {
        j.weight = b->net->values + c->weight;
        j.gweight = grad + c->weight;
        j.gbias = l->kind == FDHT_LINK_DENSE && !l->bias ? NULL : grad + c->bias;
    }
    if (l->kind == FDHT_LINK_REPEAT || (l->kind == FDHT_LINK_POOL && l->pool != FDHT_POOL_EACH)) {
        if (j.dx)
            R(fdht_bptt_for)(b, b->tape->rows[0].clips, l->kind == FDHT_LINK_REPEAT ? repeat_clip : pool_clip,
                             &j);
        return;
    }
    R(fdht_bptt_for)(b, (j.rows + ROW_BLOCK - 1) / ROW_BLOCK, back_rows, &j);
    if (params)
        R(fdht_bptt_for)(b, (l->outputs + PARAM_BLOCK - 1) / PARAM_BLOCK, back_params, &j);
}
