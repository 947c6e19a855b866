/* nn/forward_tmpl.c - the forward pass: inputs, the recurrence of each cell, both directions joined.
 * Template (base/real.h); the includer defines apply_sigmoid, apply_tanh and next_cell. */
#include <string.h>

static void load_x(void *arg, size_t i, int worker, REAL *dst)
{
    const R(fdht_row_source) *s = arg;
    const R(fdht_tape) *t = s->tape;
    const R(fdht_net_cell) *r = &t->net->cell[s->cell];
    int dirs = t->net->model->spec.directions, layer = s->cell / dirs;
    size_t row = s->first + i, at = s->cell % dirs ? fdht_rows_mirror(&t->rows, row) : row;
    if (layer == 0)
        t->input.load(t->input.arg, t->rows.order[t->rows.pos[at]], t->rows.step[at], worker, dst);
    else
        memcpy(dst, t->y[layer - 1] + at * t->net->ldy[layer - 1], r->inputs * sizeof *dst);
    memset(dst + r->inputs, 0, (r->x_size - r->inputs) * sizeof *dst);
}

static const uint8_t *peek_x(void *arg, size_t i)
{
    const R(fdht_row_source) *s = arg;
    const R(fdht_tape) *t = s->tape;
    size_t row = s->first + i, at = s->cell ? fdht_rows_mirror(&t->rows, row) : row;
    return t->input.peek(t->input.arg, t->rows.order[t->rows.pos[at]], t->rows.step[at]);
}

static bool reads_bytes(const R(fdht_tape) *t, int cell)
{
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    return cell == 0 && t->input.u8 && r->x_size == r->inputs;
}

R(fdht_vectors) R(fdht_net_x_rows)(R(fdht_row_source) *s)
{
    const R(fdht_tape) *t = s->tape;
    int dirs = t->net->model->spec.directions, layer = s->cell / dirs;
    if (layer > 0 && s->cell % dirs == 0) {
        size_t ld = t->net->ldy[layer - 1];
        return (R(fdht_vectors)){.real = t->y[layer - 1] + s->first * ld, .ld = ld};
    }
    if (reads_bytes(t, s->cell)) {
        size_t ld = t->net->cell[s->cell].inputs;
        return (R(fdht_vectors)){.u8 = t->input.u8 + s->first * ld, .ld = ld};
    }
    bool ahead = layer == 0 && t->input.peek && t->net->cell[s->cell].x_size == t->net->cell[s->cell].inputs;
    return (R(fdht_vectors)){.load = load_x, .peek = ahead ? peek_x : NULL, .arg = s};
}

static void load_h(void *arg, size_t i, int worker, REAL *dst)
{
    const R(fdht_row_source) *s = arg;
    const R(fdht_tape) *t = s->tape;
    const R(fdht_tape_cell) *c = &t->cell[s->cell];
    const R(fdht_net_cell) *r = &t->net->cell[s->cell];
    size_t row = s->first + i, size = R(fdht_exec_inputs)(r->h);
    const REAL *h = c->h + fdht_rows_previous(&t->rows, row) * r->ldh;
    (void)worker;
    if (!c->keep) {
        memcpy(dst, h, size * sizeof *dst);
        return;
    }
    const REAL *keep = c->keep + t->rows.pos[row] * r->ldh;
    for (size_t j = 0; j < size; j++)
        dst[j] = keep[j] * h[j];
}

R(fdht_vectors) R(fdht_net_h_rows)(R(fdht_row_source) *s)
{
    return (R(fdht_vectors)){.load = load_h, .arg = s};
}

static void apply_gate(fdht_activation kind, size_t n, REAL *v)
{
    if (kind == FDHT_SIGMOID) {
        apply_sigmoid(n, v);
        return;
    }
    for (size_t j = 0; j < n; j++) {
        REAL y = kind == FDHT_HARD_SIGMOID ? (REAL)0.2 * v[j] + (REAL)0.5 : v[j] / 6 + (REAL)0.5;
        v[j] = y < 0 ? 0 : y > 1 ? 1 : y;
    }
}

/* One row: pre-activations in a (and ah) become gates; c, tc, h follow. Sources: engine.md section 4. */
static void step_row(const fdht_cell *cell, const REAL *bias, REAL *a, const REAL *ah, const REAL *c_prev,
                     REAL *c, REAL *tc, REAL *h)
{
    size_t n = cell->spec.hidden, gates = cell->gate;
    for (size_t g = 0; g < FDHT_GATES; g++) {
        REAL *v = a + g * gates;
        for (size_t j = 0; ah && j < n; j++)
            v[j] += ah[g * n + j];
        for (size_t j = 0; bias && j < n; j++)
            v[j] += bias[g * n + j];
        if (g == 2)
            apply_tanh(n, v, v);
        else
            apply_gate(cell->spec.activation, n, v);
        memset(v + n, 0, (gates - n) * sizeof *v);
    }
    next_cell(n, a, a + gates, a + 2 * gates, c_prev, c);
    apply_tanh(n, c, tc);
    for (size_t j = 0; j < n; j++)
        h[j] = a[3 * gates + j] * tc[j];
}

/* Add the hidden part of step s for n clips from position p on; s > 0, or a start state is given. */
static void hidden_part(R(fdht_tape) *t, int cell, int worker, size_t s, size_t p, size_t n)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    R(fdht_tape_cell) *b = &t->cell[cell];
    size_t row = t->rows.off[s] + p, ldh = r->ldh, ldg = FDHT_GATES * m->gate;
    const REAL *h = s ? b->h + (t->rows.off[s - 1] + p) * ldh : b->h0;
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
        R(fdht_exec_forward)(r->h, worker, n, &v, b->ah + row * FDHT_GATES * m->spec.hidden,
                             FDHT_GATES * m->spec.hidden, false);
    else
        R(fdht_exec_forward)(r->h, worker, n, &v, b->a + row * ldg, ldg, true);
}

/* The recurrence of one cell over the clips at positions p0 .. p1 - 1. */
static void run_steps(R(fdht_tape) *t, int cell, int worker, size_t p0, size_t p1)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    R(fdht_tape_cell) *b = &t->cell[cell];
    size_t hidden = m->spec.hidden, ldg = FDHT_GATES * m->gate;
    for (size_t s = 0; s < t->rows.steps; s++) {
        size_t width = FDHT_MIN(fdht_rows_width(&t->rows, s), p1);
        if (width <= p0)
            break;
        size_t n = width - p0, row = t->rows.off[s] + p0;
        bool starts = s == 0 && !b->h0;
        if (!starts)
            hidden_part(t, cell, worker, s, p0, n);
        for (size_t i = row; i < row + n; i++) {
            const REAL *c_prev = s ? b->c + (t->rows.off[s - 1] + p0 + i - row) * hidden : b->c0;
            REAL *h = b->h + i * r->ldh;
            step_row(m, r->bias, b->a + i * ldg, b->ah && !starts ? b->ah + i * FDHT_GATES * hidden : NULL,
                     c_prev, b->c + i * hidden, b->tc + i * hidden, b->hf ? b->hf + i * hidden : h);
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
    run_steps(j->tape, j->cell, worker, p, FDHT_MIN(p + FDHT_CHUNK, j->tape->rows.clips));
}

/* W x of all rows of a cell, at one go. */
static void input_part(R(fdht_tape) *t, int cell, fdht_team *team, int worker)
{
    const R(fdht_net_cell) *r = &t->net->cell[cell];
    size_t ldg = FDHT_GATES * t->net->model->cell[cell].gate, first = 0;
    REAL *a = t->cell[cell].a;
    if (cell == 0 && t->input.zero_first) {
        first = t->rows.off[1];
        memset(a, 0, first * ldg * sizeof *a);
    }
    R(fdht_row_source) source = {t, cell, first};
    R(fdht_vectors) v = R(fdht_net_x_rows)(&source);
    size_t n = t->rows.rows - first;
    if (n && team)
        R(fdht_exec_forward_all)(r->x, team, n, &v, a + first * ldg, ldg, false);
    else if (n)
        R(fdht_exec_forward)(r->x, worker, n, &v, a + first * ldg, ldg, false);
    for (size_t i = first; v.u8 && t->net->shift && i < t->rows.rows; i++)
        for (size_t j = 0; j < ldg; j++)
            a[i * ldg + j] -= t->net->shift[j];
}

/* Both directions side by side, in time order. */
static void join_directions(R(fdht_tape) *t, int layer)
{
    size_t ldy = t->net->ldy[layer], state = t->net->model->cell[2 * layer].state;
    const REAL *h0 = t->cell[2 * layer].h, *h1 = t->cell[2 * layer + 1].h;
    size_t ld0 = t->net->cell[2 * layer].ldh, ld1 = t->net->cell[2 * layer + 1].ldh;
    for (size_t row = 0; row < t->rows.rows; row++) {
        REAL *y = t->y[layer] + row * ldy;
        memcpy(y, h0 + row * ld0, state * sizeof *y);
        memcpy(y + state, h1 + fdht_rows_mirror(&t->rows, row) * ld1, state * sizeof *y);
    }
}

void R(fdht_net_forward)(R(fdht_tape) *t, const R(fdht_input) *input, fdht_team *team, int worker)
{
    const fdht_model_spec *s = &t->net->model->spec;
    t->input = *input;
    for (int i = 0; i < t->net->model->n_cells; i++) {
        input_part(t, i, team, worker);
        step_job job = {t, i};
        if (team)
            fdht_team_for(team, (t->rows.clips + FDHT_CHUNK - 1) / FDHT_CHUNK, step_chunk, &job);
        else
            for (size_t p = 0; p < t->rows.clips; p += FDHT_CHUNK)
                step_chunk(&job, p / FDHT_CHUNK, worker);
        if (s->directions == 2 && i % 2)
            join_directions(t, i / 2);
    }
}
