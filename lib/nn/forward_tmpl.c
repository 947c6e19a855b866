/* nn/forward_tmpl.c - the forward pass: inputs, the recurrence of each cell, both directions joined.
 * Template (base/real.h). */
#include <string.h>

/* The clip and time of row i of a source. */
static void input_of(const R(fdht_row_source) *s, size_t i, size_t *clip, size_t *time)
{
    const fdht_rows *rows = R(fdht_tape_cell_rows)(s->tape, s->cell);
    size_t row = s->first + i;
    if (s->tape->net->model->cell[s->cell].backwards)
        row = fdht_rows_mirror(rows, row);
    *clip = rows->order[rows->pos[row]];
    *time = rows->step[row];
}

static void load_x(void *arg, size_t i, int worker, size_t first, size_t n, REAL *dst)
{
    const R(fdht_row_source) *s = arg;
    const R(fdht_tape) *t = s->tape;
    const R(fdht_net_cell) *r = &t->net->cell[s->cell];
    const fdht_cell *m = &t->net->model->cell[s->cell];
    size_t some = first < r->inputs ? FDHT_MIN(n, r->inputs - first) : 0, clip, time;
    if (some && m->link == 0) {
        input_of(s, i, &clip, &time);
        t->input.load(t->input.arg, clip, time, worker, first, some, dst);
    } else if (some) { /* forwards, its rows are read where they are */
        size_t row = fdht_rows_mirror(R(fdht_tape_cell_rows)(t, s->cell), s->first + i);
        memcpy(dst, t->y[m->link - 1] + row * t->net->ldy[m->link - 1] + first, some * sizeof *dst);
    }
    memset(dst + some, 0, (n - some) * sizeof *dst);
}

static bool bytes_of_x(void *arg, size_t i, fdht_bytes *out)
{
    const R(fdht_row_source) *s = arg;
    size_t clip, time;
    input_of(s, i, &clip, &time);
    return s->tape->input.bytes(s->tape->input.arg, clip, time, out);
}

R(fdht_vectors) R(fdht_net_x_rows)(R(fdht_row_source) *s)
{
    const R(fdht_tape) *t = s->tape;
    const fdht_cell *m = &t->net->model->cell[s->cell];
    const R(fdht_net_cell) *r = &t->net->cell[s->cell];
    if (m->link > 0 && !m->backwards) {
        size_t ld = t->net->ldy[m->link - 1];
        return (R(fdht_vectors)){.real = t->y[m->link - 1] + s->first * ld, .ld = ld};
    }
    bool bytes = m->link == 0 && t->input.bytes && r->x_size == r->inputs;
    return (R(fdht_vectors)){.load = load_x, .bytes = bytes ? bytes_of_x : NULL, .arg = s};
}

static void load_h(void *arg, size_t i, int worker, size_t first, size_t n, REAL *dst)
{
    const R(fdht_row_source) *s = arg;
    const R(fdht_tape) *t = s->tape;
    const R(fdht_tape_cell) *c = &t->cell[s->cell];
    const R(fdht_net_cell) *r = &t->net->cell[s->cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, s->cell);
    size_t row = s->first + i;
    const REAL *h = c->h + fdht_rows_previous(rows, row) * r->ldh + first;
    (void)worker;
    if (!c->keep) {
        memcpy(dst, h, n * sizeof *dst);
        return;
    }
    const REAL *keep = c->keep + rows->pos[row] * r->ldh + first;
    for (size_t j = 0; j < n; j++)
        dst[j] = keep[j] * h[j];
}

R(fdht_vectors) R(fdht_net_h_rows)(R(fdht_row_source) *s)
{
    return (R(fdht_vectors)){.load = load_h, .arg = s};
}

R(fdht_cell_row) R(fdht_tape_row)(const R(fdht_tape) *t, int cell, size_t row)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const R(fdht_tape_cell) *b = &t->cell[cell];
    size_t hidden = m->spec.hidden, ldh = t->net->cell[cell].ldh;
    R(fdht_cell_row) now = {.a = b->a + row * m->gates * m->gate};
    now.ah = b->ah ? b->ah + row * m->gates * m->hidden_gate : NULL;
    now.h = b->hf ? b->hf + row * hidden : b->h + row * ldh;
    if (b->c) {
        now.c = b->c + row * hidden;
        now.tc = b->tc + row * hidden;
    }
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, cell);
    if (rows->step[row]) {
        size_t before = fdht_rows_previous(rows, row);
        now.h_prev = b->h + before * ldh;
        now.c_prev = b->c ? b->c + before * hidden : NULL;
    }
    return now;
}

/* Add the hidden part of step s for n clips from position p on; s > 0, or a start state is given. */
static void hidden_part(R(fdht_tape) *t, int cell, int worker, size_t s, size_t p, size_t n)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    R(fdht_tape_cell) *b = &t->cell[cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, cell);
    size_t row = rows->off[s] + p, ldh = r->ldh, ldg = m->gates * m->gate, ldu = m->gates * m->hidden_gate;
    const REAL *h = s ? b->h + (rows->off[s - 1] + p) * ldh : b->h0;
    if (b->keep || s == 0) {
        REAL *masked = t->net->state[worker];
        memset(masked, 0, n * ldh * sizeof *masked);
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < m->state; j++)
                masked[i * ldh + j] = h[i * ldh + j] * (b->keep ? b->keep[(p + i) * ldh + j] : 1);
        h = masked;
    }
    R(fdht_vectors) v = {.real = h, .ld = ldh};
    if (b->ah)
        R(fdht_exec_forward)(r->h, worker, n, &v, b->ah + row * ldu, ldu, false);
    else
        R(fdht_exec_forward)(r->h, worker, n, &v, b->a + row * ldg, ldg, true);
}

/* The recurrence of one cell over the clips at positions p0 .. p1 - 1. */
static void run_steps(R(fdht_tape) *t, int cell, int worker, size_t p0, size_t p1)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    R(fdht_tape_cell) *b = &t->cell[cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, cell);
    size_t hidden = m->spec.hidden;
    for (size_t s = 0; s < rows->steps; s++) {
        size_t width = FDHT_MIN(fdht_rows_width(rows, s), p1);
        if (width <= p0)
            break;
        size_t n = width - p0, row = rows->off[s] + p0;
        bool starts = s == 0 && !b->h0;
        if (!starts)
            hidden_part(t, cell, worker, s, p0, n);
        for (size_t i = row; i < row + n; i++) {
            R(fdht_cell_row) now = R(fdht_tape_row)(t, cell, i);
            if (s == 0) {
                now.c_prev = b->c0;
                now.h_prev = b->h0;
            }
            m->rule->R(step)(m, r->bias, &now);
        }
        if (b->hf) {
            R(fdht_vectors) v = {.real = b->hf + row * hidden, .ld = hidden};
            R(fdht_exec_forward)(r->p, worker, n, &v, b->h + row * r->ldh, r->ldh, false);
        }
    }
}

typedef struct step_job {
    R(fdht_tape) *tape;
    int cell;
} step_job;

static void step_chunk(void *arg, size_t item, int worker)
{
    step_job *j = arg;
    size_t p = item * FDHT_CHUNK;
    run_steps(j->tape, j->cell, worker, p, FDHT_MIN(p + FDHT_CHUNK, j->tape->rows[0].clips));
}

/* W x of all rows of a cell, in one product. */
static void input_part(R(fdht_tape) *t, int cell, fdht_team *team, int worker)
{
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, cell);
    size_t first = 0;
    size_t ldg = t->net->model->cell[cell].gates * t->net->model->cell[cell].gate;
    REAL *a = t->cell[cell].a;
    if (R(fdht_tape_zero_first)(t, cell)) {
        first = rows->off[1];
        memset(a, 0, first * ldg * sizeof *a);
    }
    R(fdht_row_source) source = {t, cell, first};
    R(fdht_vectors) v = R(fdht_net_x_rows)(&source);
    size_t n = rows->rows - first;
    if (n && team)
        R(fdht_exec_forward_all)(r->x, team, n, &v, a + first * ldg, ldg, false);
    else if (n)
        R(fdht_exec_forward)(r->x, worker, n, &v, a + first * ldg, ldg, false);
    for (size_t i = first; cell == 0 && t->input.raw && t->net->shift && i < rows->rows; i++)
        R(fdht_add_row)(ldg, t->net->shift, a + i * ldg);
}

/* Both directions of a row, in the same order of steps, become one. */
static void merge_row(fdht_merge merge, size_t n, const REAL *h0, const REAL *h1, REAL *y)
{
    switch (merge) {
    case FDHT_MERGE_SUM:
        for (size_t j = 0; j < n; j++)
            y[j] = h0[j] + h1[j];
        break;
    case FDHT_MERGE_AVERAGE:
        for (size_t j = 0; j < n; j++)
            y[j] = (h0[j] + h1[j]) / 2;
        break;
    case FDHT_MERGE_MUL:
        for (size_t j = 0; j < n; j++)
            y[j] = h0[j] * h1[j];
        break;
    default:
        memcpy(y, h0, n * sizeof *y);
        memcpy(y + n, h1, n * sizeof *y);
    }
}

/* The states of both directions joined, in time order. */
static void join_directions(R(fdht_tape) *t, int link)
{
    const fdht_link *l = &t->net->model->spec.link[link];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, l->cell);
    size_t ldy = t->net->ldy[link], state = t->net->model->cell[l->cell].state;
    const REAL *h0 = t->cell[l->cell].h, *h1 = t->cell[l->cell + 1].h;
    size_t ld0 = t->net->cell[l->cell].ldh, ld1 = t->net->cell[l->cell + 1].ldh;
    for (size_t row = 0; row < rows->rows; row++)
        merge_row(l->merge, state, h0 + row * ld0, h1 + fdht_rows_mirror(rows, row) * ld1,
                  t->y[link] + row * ldy);
}

/* The final state of each direction of an lstm link, joined: what pool last takes of two directions. */
static void join_last(R(fdht_tape) *t, int link)
{
    const fdht_link *l = &t->net->model->spec.link[link];
    const fdht_rows *rows = R(fdht_tape_cell_rows)(t, l->cell);
    size_t state = t->net->model->cell[l->cell].state, ld0 = t->net->cell[l->cell].ldh,
           ld1 = t->net->cell[l->cell + 1].ldh;
    for (size_t p = 0; p < rows->clips; p++) {
        size_t row = rows->off[rows->length[p] - 1] + p;
        merge_row(l->merge, state, t->cell[l->cell].h + row * ld0, t->cell[l->cell + 1].h + row * ld1,
                  t->y[link + 1] + p * t->net->ldy[link + 1]);
    }
}

static void run_cell(R(fdht_tape) *t, int cell, fdht_team *team, int worker)
{
    size_t clips = t->rows[0].clips;
    step_job job = {t, cell};
    input_part(t, cell, team, worker);
    if (team)
        fdht_team_for(team, (clips + FDHT_CHUNK - 1) / FDHT_CHUNK, step_chunk, &job);
    else
        for (size_t p = 0; p < clips; p += FDHT_CHUNK)
            step_chunk(&job, p / FDHT_CHUNK, worker);
}

void R(fdht_net_links)(R(fdht_tape) *t, int from, int to, fdht_team *team, int worker)
{
    const fdht_model *m = t->net->model;
    for (int k = from; k < to; k++) {
        const fdht_link *l = &m->spec.link[k];
        if (l->kind == FDHT_LINK_LSTM) {
            for (int d = 0; d < l->directions; d++)
                run_cell(t, l->cell + d, team, worker);
            if (l->directions == 2)
                join_directions(t, k);
        } else if (fdht_chain_last_of_two(m, k))
            join_last(t, k - 1);
        else
            R(fdht_link_forward)(t, k, team, worker);
    }
}

static void load_row(void *arg, size_t row, int worker)
{
    R(fdht_tape) *t = arg;
    const fdht_model *m = t->net->model;
    const fdht_rows *rows = &t->rows[0];
    REAL *x = t->x + row * m->inputs, scale = (REAL)fdht_input_scale(m);
    if (t->input.zero_first && rows->step[row] == 0) {
        memset(x, 0, m->inputs * sizeof *x);
        return;
    }
    t->input.load(t->input.arg, rows->order[rows->pos[row]], rows->step[row], worker, 0, m->inputs, x);
    for (size_t j = 0; m->spec.frame.width && j < m->inputs; j++)
        x[j] *= scale;
}

void R(fdht_net_load)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker)
{
    t->input = *input;
    if (t->x && team)
        fdht_team_for(team, t->rows[0].rows, load_row, t);
    else if (t->x)
        for (size_t row = 0; row < t->rows[0].rows; row++)
            load_row(t, row, worker);
}

void R(fdht_net_forward)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker)
{
    R(fdht_net_load)(t, input, team, worker);
    R(fdht_net_links)(t, 0, t->net->model->spec.links, team, worker);
}

void R(fdht_net_scores)(const R(fdht_tape) *t, size_t position, REAL *scores)
{
    const fdht_model *m = t->net->model;
    int last = m->spec.links - 1;
    size_t n = m->chain[last].sequence ? t->rows[m->chain[last].segment].length[position] : 1;
    for (size_t s = 0; s < n; s++)
        memcpy(scores + s * m->width, t->y[last] + R(fdht_tape_score_row)(t, position, s) * t->net->ldy[last],
               m->width * sizeof *scores);
}
