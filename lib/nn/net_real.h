/* nn/net_real.h - the body of nn/net.h for one type. The includer defines REAL, NAME(stem, verb) and the
 * functions EXP and TANH. */
#include <string.h>

typedef NAME(fdht_input, ) input_t;
typedef NAME(fdht_net, ) net_t;
typedef NAME(fdht_net_cell, ) net_cell_t;
typedef NAME(fdht_tape, ) tape_t;
typedef NAME(fdht_tape_cell, ) tape_cell_t;
typedef NAME(fdht_row_source, ) row_source_t;
typedef NAME(fdht_vectors, ) vectors_t;
typedef NAME(fdht_exec, ) exec_t;
#define exec_new         NAME(fdht_exec, _new)
#define exec_free        NAME(fdht_exec, _free)
#define exec_bytes       NAME(fdht_exec, _bytes)
#define exec_inputs      NAME(fdht_exec, _inputs)
#define exec_pack        NAME(fdht_exec, _pack)
#define exec_forward     NAME(fdht_exec, _forward)
#define exec_forward_all NAME(fdht_exec, _forward_all)

static double input_scale(const fdht_model *m)
{
    return m->spec.frame.width ? 1 / m->spec.frame.std : 1;
}

static int new_cell(const fdht_cell *c, int workers, net_cell_t *out, fdht_error *err)
{
    bool shared = c->spec.kind == FDHT_CELL_FDHT;
    int status = exec_new(c->op, &c->spec.x, workers, &out->x, err);
    if (status == FDHT_OK)
        status = exec_new(shared ? c->op : c->hidden, shared ? &c->spec.h : NULL, workers, &out->h, err);
    if (status == FDHT_OK && c->proj)
        status = exec_new(c->proj, NULL, workers, &out->p, err);
    if (status != FDHT_OK)
        return status;
    out->inputs = c->spec.inputs;
    out->x_size = exec_inputs(out->x);
    out->ldh = FDHT_MAX(c->state, exec_inputs(out->h));
    return FDHT_OK;
}

/* Rows must be wide enough for the box of the layer above. */
static void set_widths(net_t *n)
{
    const fdht_model_spec *s = &n->model->spec;
    int dirs = s->directions;
    for (int l = 0; l < s->layers; l++) {
        net_cell_t *c = &n->cell[l * dirs];
        size_t above = 0, outputs = n->model->cell[l * dirs].state * (size_t)dirs;
        for (int d = 0; d < dirs && l + 1 < s->layers; d++)
            above = FDHT_MAX(above, c[dirs + d].x_size);
        n->ldy[l] = FDHT_MAX(outputs, above);
        if (dirs == 1)
            n->ldy[l] = c->ldh = FDHT_MAX(n->ldy[l], c->ldh);
    }
}

static int new_scratch(net_t *n, fdht_error *err)
{
    const fdht_model *m = n->model;
    n->widest = 1;
    for (int i = 0; i < m->n_cells; i++)
        n->widest = FDHT_MAX(n->widest, FDHT_MAX(n->cell[i].ldh, m->cell[i].spec.hidden));
    n->state = fdht_calloc_err((size_t)n->workers, sizeof *n->state, "network", err);
    for (int w = 0; n->state && w < n->workers; w++) {
        n->state[w] = fdht_calloc_err(2 * FDHT_CHUNK * n->widest, sizeof **n->state, "network", err);
        if (!n->state[w])
            return FDHT_ENOMEM;
    }
    if (!n->state)
        return FDHT_ENOMEM;
    const fdht_frame_spec *f = &m->spec.frame;
    if (!f->width || f->diff || f->mean == 0)
        return FDHT_OK;
    n->shift = fdht_calloc_err(FDHT_GATES * m->cell[0].gate, sizeof *n->shift, "network", err);
    return n->shift ? FDHT_OK : FDHT_ENOMEM;
}

int NAME(fdht_net, _new)(const fdht_model *m, int workers, net_t **out, fdht_error *err)
{
    net_t *n = fdht_calloc_err(1, sizeof *n, "network", err);
    int status = FDHT_ENOMEM;
    *out = NULL;
    if (!n)
        return FDHT_ENOMEM;
    n->model = m;
    n->workers = workers;
    n->cell = fdht_calloc_err((size_t)m->n_cells, sizeof *n->cell, "network", err);
    n->ldy = fdht_calloc_err((size_t)m->spec.layers, sizeof *n->ldy, "network", err);
    if (!n->cell || !n->ldy)
        goto out;
    for (int i = 0; i < m->n_cells; i++)
        if ((status = new_cell(&m->cell[i], workers, &n->cell[i], err)) != FDHT_OK)
            goto out;
    set_widths(n);
    if ((status = new_scratch(n, err)) != FDHT_OK)
        goto out;
    *out = n;
    n = NULL;
out:
    NAME(fdht_net, _free)(n);
    return status;
}

void NAME(fdht_net, _free)(net_t *n)
{
    if (!n)
        return;
    for (int i = 0; n->cell && i < n->model->n_cells; i++) {
        exec_free(n->cell[i].x);
        exec_free(n->cell[i].h);
        exec_free(n->cell[i].p);
    }
    for (int w = 0; n->state && w < n->workers; w++)
        fdht_free(n->state[w]);
    fdht_free(n->state);
    fdht_free(n->shift);
    fdht_free(n->ldy);
    fdht_free(n->cell);
    fdht_free(n);
}

static void load_ones(void *arg, size_t i, int worker, REAL *dst)
{
    const net_cell_t *c = arg;
    (void)i;
    (void)worker;
    memset(dst, 0, c->x_size * sizeof *dst);
    for (size_t j = 0; j < c->inputs; j++)
        dst[j] = 1;
}

void NAME(fdht_net, _pack)(net_t *n, const REAL *values)
{
    const fdht_model *m = n->model;
    for (int i = 0; i < m->n_cells; i++) {
        const fdht_cell *c = &m->cell[i];
        net_cell_t *r = &n->cell[i];
        exec_pack(r->x, values + c->core_offset, i < m->spec.directions ? input_scale(m) : 1);
        exec_pack(r->h, values + (c->hidden ? c->hidden_offset : c->core_offset), 1);
        if (r->p)
            exec_pack(r->p, values + c->proj_offset, 1);
        r->bias = c->spec.bias ? values + c->bias_offset : NULL;
    }
    n->values = values;
    n->weight = m->spec.classes ? values + m->weight_offset : NULL;
    n->classifier_bias = m->spec.classes ? values + m->bias_offset : NULL;
    if (n->shift) {
        size_t gates = FDHT_GATES * m->cell[0].gate;
        vectors_t ones = {.load = load_ones, .arg = &n->cell[0]};
        exec_forward(n->cell[0].x, 0, 1, &ones, n->shift, gates, false);
        for (size_t j = 0; j < gates; j++)
            n->shift[j] *= (REAL)m->spec.frame.mean;
    }
}

size_t NAME(fdht_net, _bytes)(const net_t *n)
{
    size_t sum = (size_t)n->workers * 2 * FDHT_CHUNK * n->widest * sizeof(REAL);
    if (n->shift)
        sum += FDHT_GATES * n->model->cell[0].gate * sizeof(REAL);
    for (int i = 0; i < n->model->n_cells; i++) {
        sum += exec_bytes(n->cell[i].x) + exec_bytes(n->cell[i].h);
        if (n->cell[i].p)
            sum += exec_bytes(n->cell[i].p);
    }
    return sum;
}

int NAME(fdht_tape, _new)(const net_t *net, bool keeps, tape_t **out, fdht_error *err)
{
    tape_t *t = fdht_calloc_err(1, sizeof *t, "activations", err);
    *out = NULL;
    if (!t)
        return FDHT_ENOMEM;
    t->net = net;
    t->keeps = keeps;
    t->cell = fdht_calloc_err((size_t)net->model->n_cells, sizeof *t->cell, "activations", err);
    t->y = fdht_calloc_err((size_t)net->model->spec.layers, sizeof *t->y, "activations", err);
    if (!t->cell || !t->y) {
        NAME(fdht_tape, _free)(t);
        return FDHT_ENOMEM;
    }
    *out = t;
    return FDHT_OK;
}

static void free_rows(tape_t *t)
{
    const fdht_model_spec *s = &t->net->model->spec;
    for (int i = 0; t->cell && i < t->net->model->n_cells; i++) {
        tape_cell_t *c = &t->cell[i];
        fdht_free(c->a);
        fdht_free(c->ah);
        fdht_free(c->c);
        fdht_free(c->tc);
        fdht_free(c->hf);
        fdht_free(c->h);
        fdht_free(c->keep);
        *c = (tape_cell_t){.h0 = c->h0, .c0 = c->c0};
    }
    for (int l = 0; t->y && l < s->layers; l++) {
        if (s->directions == 2)
            fdht_free(t->y[l]);
        t->y[l] = NULL;
    }
    t->cap_rows = t->cap_clips = 0;
}

void NAME(fdht_tape, _free)(tape_t *t)
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

static int reserve_cell(tape_t *t, int i, size_t rows, size_t clips, fdht_error *err)
{
    const fdht_cell *c = &t->net->model->cell[i];
    const net_cell_t *r = &t->net->cell[i];
    tape_cell_t *b = &t->cell[i];
    size_t hidden = c->spec.hidden;
    bool ok = reserve(&b->a, rows, FDHT_GATES * c->gate, err) && reserve(&b->c, rows, hidden, err) &&
              reserve(&b->tc, rows, hidden, err) && reserve(&b->h, rows, r->ldh, err) &&
              (!c->proj || reserve(&b->hf, rows, hidden, err)) &&
              (!c->hidden || c->gate == hidden || reserve(&b->ah, rows, FDHT_GATES * hidden, err)) &&
              (!t->keeps || reserve(&b->keep, clips, r->ldh, err));
    return ok ? FDHT_OK : FDHT_ENOMEM;
}

int NAME(fdht_tape, _set)(tape_t *t, size_t clips, const size_t *length, fdht_error *err)
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

size_t NAME(fdht_tape, _bytes)(const net_t *net, bool keeps, size_t clips, size_t length)
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

static void load_x(void *arg, size_t i, int worker, REAL *dst)
{
    const row_source_t *s = arg;
    const tape_t *t = s->tape;
    const net_cell_t *r = &t->net->cell[s->cell];
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
    const row_source_t *s = arg;
    const tape_t *t = s->tape;
    size_t row = s->first + i, at = s->cell ? fdht_rows_mirror(&t->rows, row) : row;
    return t->input.peek(t->input.arg, t->rows.order[t->rows.pos[at]], t->rows.step[at]);
}

static bool reads_bytes(const tape_t *t, int cell)
{
    const net_cell_t *r = &t->net->cell[cell];
    return cell == 0 && t->input.u8 && r->x_size == r->inputs;
}

vectors_t NAME(fdht_net, _x_rows)(row_source_t *s)
{
    const tape_t *t = s->tape;
    int dirs = t->net->model->spec.directions, layer = s->cell / dirs;
    if (layer > 0 && s->cell % dirs == 0) {
        size_t ld = t->net->ldy[layer - 1];
        return (vectors_t){.real = t->y[layer - 1] + s->first * ld, .ld = ld};
    }
    if (reads_bytes(t, s->cell)) {
        size_t ld = t->net->cell[s->cell].inputs;
        return (vectors_t){.u8 = t->input.u8 + s->first * ld, .ld = ld};
    }
    bool ahead = layer == 0 && t->input.peek && t->net->cell[s->cell].x_size == t->net->cell[s->cell].inputs;
    return (vectors_t){.load = load_x, .peek = ahead ? peek_x : NULL, .arg = s};
}

static void load_h(void *arg, size_t i, int worker, REAL *dst)
{
    const row_source_t *s = arg;
    const tape_t *t = s->tape;
    const tape_cell_t *c = &t->cell[s->cell];
    const net_cell_t *r = &t->net->cell[s->cell];
    size_t row = s->first + i, size = exec_inputs(r->h);
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

vectors_t NAME(fdht_net, _h_rows)(row_source_t *s)
{
    return (vectors_t){.load = load_h, .arg = s};
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
static void hidden_part(tape_t *t, int cell, int worker, size_t s, size_t p, size_t n)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const net_cell_t *r = &t->net->cell[cell];
    tape_cell_t *b = &t->cell[cell];
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
    vectors_t v = {.real = h, .ld = ldh};
    if (b->ah)
        exec_forward(r->h, worker, n, &v, b->ah + row * FDHT_GATES * m->spec.hidden,
                     FDHT_GATES * m->spec.hidden, false);
    else
        exec_forward(r->h, worker, n, &v, b->a + row * ldg, ldg, true);
}

/* The recurrence of one cell over the clips at positions p0 .. p1 - 1. */
static void run_steps(tape_t *t, int cell, int worker, size_t p0, size_t p1)
{
    const fdht_cell *m = &t->net->model->cell[cell];
    const net_cell_t *r = &t->net->cell[cell];
    tape_cell_t *b = &t->cell[cell];
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
            vectors_t v = {.real = b->hf + row * hidden, .ld = hidden};
            exec_forward(r->p, worker, n, &v, b->h + row * r->ldh, r->ldh, false);
        }
    }
}

typedef struct step_job {
    tape_t *tape;
    int cell;
} step_job;

static void step_chunk(void *arg, size_t item, int worker)
{
    step_job *j = arg;
    size_t p = item * FDHT_CHUNK;
    run_steps(j->tape, j->cell, worker, p, FDHT_MIN(p + FDHT_CHUNK, j->tape->rows.clips));
}

/* W x of all rows of a cell, at one go. */
static void input_part(tape_t *t, int cell, fdht_team *team, int worker)
{
    const net_cell_t *r = &t->net->cell[cell];
    size_t ldg = FDHT_GATES * t->net->model->cell[cell].gate, first = 0;
    REAL *a = t->cell[cell].a;
    if (cell == 0 && t->input.zero_first) {
        first = t->rows.off[1];
        memset(a, 0, first * ldg * sizeof *a);
    }
    row_source_t source = {t, cell, first};
    vectors_t v = NAME(fdht_net, _x_rows)(&source);
    size_t n = t->rows.rows - first;
    if (n && team)
        exec_forward_all(r->x, team, n, &v, a + first * ldg, ldg, false);
    else if (n)
        exec_forward(r->x, worker, n, &v, a + first * ldg, ldg, false);
    for (size_t i = first; v.u8 && t->net->shift && i < t->rows.rows; i++)
        for (size_t j = 0; j < ldg; j++)
            a[i * ldg + j] -= t->net->shift[j];
}

/* Both directions side by side, in time order. */
static void join_directions(tape_t *t, int layer)
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

void NAME(fdht_net, _forward)(tape_t *t, const input_t *input, fdht_team *team, int worker)
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

void NAME(fdht_net, _pool)(const tape_t *t, size_t position, REAL *last)
{
    const fdht_model *m = t->net->model;
    int dirs = m->spec.directions, first = m->n_cells - dirs;
    for (int d = 0; d < dirs; d++) {
        size_t n = m->cell[first + d].state, ldh = t->net->cell[first + d].ldh,
               length = t->rows.length[position];
        const REAL *h = t->cell[first + d].h;
        REAL *out = last + (size_t)d * n;
        if (m->spec.pool == FDHT_POOL_LAST) {
            memcpy(out, h + (t->rows.off[length - 1] + position) * ldh, n * sizeof *out);
            continue;
        }
        memset(out, 0, n * sizeof *out);
        for (size_t s = 0; s < length; s++)
            for (size_t j = 0; j < n; j++)
                out[j] += h[(t->rows.off[s] + position) * ldh + j];
        for (size_t j = 0; j < n; j++)
            out[j] /= (REAL)length;
    }
}

void NAME(fdht_net, _scores)(const net_t *n, const REAL *last, REAL *scores)
{
    size_t outputs = n->model->outputs;
    if (!n->model->spec.classes)
        memcpy(scores, last, outputs * sizeof *scores);
    for (size_t k = 0; k < n->model->spec.classes; k++) {
        REAL sum = n->classifier_bias[k];
        for (size_t j = 0; j < outputs; j++)
            sum += n->weight[k * outputs + j] * last[j];
        scores[k] = sum;
    }
}
