/* weights/run.c - the chain as the file defines it, in double, plain loops: what imports and compressions are judged
 * by. */
#include <math.h>
#include <string.h>

#include "weights/topology.h"

enum { SLAB = 1 << 21 }; /* numbers */

int fdht_w_activation(const fdht_weights *w, int lstm, int given, fdht_activation *out, fdht_error *err)
{
    int a = w->lstm[lstm].activation;
    if (a == FDHT_ACTIVATION_UNKNOWN)
        a = given;
    if (a == FDHT_ACTIVATION_UNKNOWN)
        return fdht_fail(
            err, FDHT_EINVAL,
            "%s: %s: the file does not say its recurrent activation: give --recurrent-activation "
            "sigmoid, hard_sigmoid (Keras 1 and 2) or hard_sigmoid3 (Keras 3)",
            w->file, w->lstm[lstm].name);
    *out = (fdht_activation)a;
    return FDHT_OK;
}

/* y (n, rows) += x (n, cols) times the part's transpose, read in slabs: rows where they are rows of the file.
 */
static int apply(const fdht_weights *w, int lstm, int dir, fdht_weights_part part, size_t n, const double *x,
                 double *y, fdht_error *err)
{
    size_t rows, cols;
    fdht_weights_shape(w, lstm, part, &rows, &cols);
    bool by_row = w->bound[lstm].cell[dir].ih.block[0].map == FDHT_WEIGHT_ROWS;
    size_t nr = by_row ? FDHT_MAX(FDHT_MIN(SLAB / cols, rows), (size_t)1) : FDHT_MIN(rows, (size_t)SLAB);
    size_t nc = FDHT_MAX(FDHT_MIN(SLAB / nr, cols), (size_t)1);
    float *slab = fdht_calloc_err(nr * nc, sizeof *slab, "slab of weights", err);
    int rc = slab ? FDHT_OK : FDHT_ENOMEM;
    for (size_t r = 0; r < rows && !rc; r += nr)
        for (size_t c = 0; c < cols && !rc; c += nc) {
            size_t hr = FDHT_MIN(nr, rows - r), hc = FDHT_MIN(nc, cols - c);
            rc = fdht_weights_read(w, lstm, dir, part, r, hr, c, hc, slab, nc, err);
            for (size_t t = 0; t < n && !rc; t++)
                for (size_t i = 0; i < hr; i++) {
                    double sum = 0;
                    for (size_t j = 0; j < hc; j++)
                        sum += (double)slab[i * nc + j] * x[t * cols + c + j];
                    y[t * rows + r + i] += sum;
                }
        }
    fdht_free(slab);
    return rc;
}

typedef struct cell {
    size_t H, P, gates;
    fdht_activation sigma, candidate, output;
    float *hh, *hr, *bias; /* (gates H,P), (P,H) or NULL, (blocks H) */
    double *a, *h, *c, *state;
} cell;

static void cell_free(cell *k)
{
    fdht_free(k->hh);
    fdht_free(k->hr);
    fdht_free(k->bias);
    fdht_free(k->a);
    fdht_free(k->state);
}

static int cell_load(cell *k, const fdht_weights *w, int lstm, int dir, size_t length, fdht_error *err)
{
    const fdht_weights_lstm *l = &w->lstm[lstm];
    size_t a_size;
    k->H = l->hidden_size;
    k->P = l->proj_size ? l->proj_size : k->H;
    k->gates = (size_t)fdht_recurrent_gates(l->recurrent);
    size_t blocks = (size_t)fdht_recurrent_biases(l->recurrent);
    if (!fdht_mul(length, k->gates * k->H, &a_size))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: %zu steps", length);
    k->a = fdht_calloc_err(a_size, sizeof *k->a, "gates", err);
    k->state = k->a ? fdht_calloc_err(4 * k->H + k->P, sizeof *k->state, "states", err) : NULL;
    k->hh = k->state ? fdht_calloc_err(k->gates * k->H, k->P * sizeof *k->hh, "W_hh", err) : NULL;
    k->hr = k->hh && l->proj_size ? fdht_calloc_err(k->P, k->H * sizeof *k->hr, "W_hr", err) : NULL;
    if (!k->hh || (l->proj_size && !k->hr))
        return FDHT_ENOMEM;
    k->c = k->state, k->h = k->state + 4 * k->H; /* c, then 3H of a step */
    k->bias = fdht_calloc_err(blocks * k->H, sizeof *k->bias, "bias", err);
    if (!k->bias)
        return FDHT_ENOMEM;
    int rc = fdht_weights_read(w, lstm, dir, FDHT_W_HH, 0, k->gates * k->H, 0, k->P, k->hh, k->P, err);
    if (!rc)
        rc = fdht_weights_read(w, lstm, dir, FDHT_W_BIAS, 0, blocks * k->H, 0, 1, k->bias, 1, err);
    if (!rc && k->hr)
        rc = fdht_weights_read(w, lstm, dir, FDHT_W_HR, 0, k->P, 0, k->H, k->hr, k->H, err);
    for (size_t i = 0; i < a_size && !rc; i++)
        k->a[i] = k->bias[i % (k->gates * k->H)];
    return rc;
}

/* One step of a GRU from the input part of the gates: u = W_hh h; h is replaced. */
static void gru_step(cell *k, double *a)
{
    size_t H = k->H;
    double *u = k->state + H;
    for (size_t i = 0; i < 3 * H; i++) {
        u[i] = i < 2 * H ? 0 : k->bias[i + H];
        for (size_t j = 0; j < H; j++)
            u[i] += (double)k->hh[i * H + j] * k->h[j];
    }
    for (size_t i = 0; i < 2 * H; i++)
        a[i] += u[i];
    fdht_activation_apply(k->sigma, 2 * H, a);
    for (size_t j = 0; j < H; j++)
        a[2 * H + j] += a[j] * u[2 * H + j];
    fdht_activation_apply(k->candidate, H, a + 2 * H);
    for (size_t j = 0; j < H; j++)
        k->h[j] = (1 - a[H + j]) * a[2 * H + j] + a[H + j] * k->h[j];
}

/* One step from the input part of the gates; h and c are replaced. */
static void cell_step(cell *k, double *a)
{
    size_t H = k->H, P = k->P;
    double *out = k->c + H;
    for (size_t i = 0; i < 4 * H; i++)
        for (size_t j = 0; j < P; j++)
            a[i] += (double)k->hh[i * P + j] * k->h[j];
    fdht_activation_apply(k->sigma, 2 * H, a);
    fdht_activation_apply(k->candidate, H, a + 2 * H);
    fdht_activation_apply(k->sigma, H, a + 3 * H);
    for (size_t j = 0; j < H; j++)
        out[j] = k->c[j] = a[H + j] * k->c[j] + a[j] * a[2 * H + j];
    fdht_activation_apply(k->output, H, out);
    for (size_t j = 0; j < H; j++)
        out[j] *= a[3 * H + j];
    for (size_t p = 0; p < P; p++) {
        double sum = k->hr ? 0 : out[p];
        for (size_t j = 0; j < H && k->hr; j++)
            sum += (double)k->hr[p * H + j] * out[j];
        k->h[p] = sum;
    }
}

/* Steps of a sequence, or one vector: rows of `width` numbers. */
typedef struct value {
    double *v;
    size_t steps, width;
    double *last; /* right behind an LSTM: its final states, joined; else NULL */
} value;

static double *numbers(size_t rows, size_t cols, fdht_error *err)
{
    size_t n;
    if (!fdht_mul(rows, cols, &n)) {
        fdht_fail(err, FDHT_ENOMEM, "out of memory: %zu steps of %zu numbers", rows, cols);
        return NULL;
    }
    return fdht_calloc_err(n, sizeof(double), "values of a layer", err);
}

/* One direction of one layer: x (length, D) -> columns [at, at + P) of y (length, ld). */
static int run_cell(const fdht_weights *w, int lstm, int dir, bool reversed, const cell *kind, const value *x,
                    double *y, size_t ld, double *h_n, double *c_n, fdht_error *err)
{
    cell k = *kind;
    int rc = cell_load(&k, w, lstm, dir, x->steps, err);
    if (!rc)
        rc = apply(w, lstm, dir, FDHT_W_IH, x->steps, x->v, k.a, err);
    for (size_t s = 0; s < x->steps && !rc; s++) {
        size_t t = dir || reversed ? x->steps - 1 - s : s, to = reversed ? s : t;
        if (w->lstm[lstm].recurrent == FDHT_GRU)
            gru_step(&k, k.a + t * 3 * k.H);
        else
            cell_step(&k, k.a + t * 4 * k.H);
        memcpy(y + to * ld + (size_t)dir * k.P, k.h, k.P * sizeof *y);
    }
    if (!rc)
        memcpy(h_n, k.h, k.P * sizeof *h_n);
    if (!rc && c_n)
        memcpy(c_n, k.c, k.H * sizeof *c_n);
    cell_free(&k);
    return rc;
}

/* Rows (rows, 2 P) of two directions become (rows, P), in place. */
static void merge(fdht_merge how, double *v, size_t rows, size_t P)
{
    for (size_t r = 0; r < rows; r++)
        for (size_t j = 0; j < P; j++) {
            double a = v[r * 2 * P + j], b = v[r * 2 * P + P + j];
            v[r * P + j] = how == FDHT_MERGE_MUL ? a * b : how == FDHT_MERGE_SUM ? a + b : (a + b) / 2;
        }
}

typedef struct runner {
    const fdht_weights *w;
    int activation;
    double *h_n, *c_n; /* where the next cell's go, NULL: not wanted */
    fdht_error *err;
} runner;

static int run_lstm(runner *r, const fdht_wlink *use, const fdht_link *l, value *x)
{
    const fdht_weights_lstm *spec = &r->w->lstm[use->lstm];
    size_t P = spec->proj_size ? spec->proj_size : spec->hidden_size, width = (size_t)l->directions * P;
    cell kind = {.candidate = spec->candidate, .output = spec->output};
    int rc = fdht_w_activation(r->w, use->lstm, r->activation, &kind.sigma, r->err);
    double *y = rc ? NULL : numbers(x->steps, width, r->err), *last = y ? numbers(1, width, r->err) : NULL;
    if (!rc && !last)
        rc = FDHT_ENOMEM;
    for (int d = 0; d < l->directions && !rc; d++) {
        rc = run_cell(r->w, use->lstm, d, l->reversed, &kind, x, y, width, last + (size_t)d * P, r->c_n,
                      r->err);
        if (r->h_n && !rc) {
            memcpy(r->h_n, last + (size_t)d * P, P * sizeof *last);
            r->h_n += P;
        }
        r->c_n = r->c_n ? r->c_n + spec->hidden_size : NULL;
    }
    if (!rc && l->directions == 2 && l->merge != FDHT_MERGE_CONCAT) {
        merge(l->merge, y, x->steps, P);
        merge(l->merge, last, 1, P);
        width = P;
    }
    fdht_free(x->v);
    *x = (value){.v = y, .steps = x->steps, .width = width, .last = last};
    return rc;
}

static int run_dense(runner *r, const fdht_wlink *use, const fdht_link *l, value *x)
{
    float *weight = fdht_calloc_err(l->outputs, l->inputs * sizeof *weight, "dense layer", r->err);
    float *bias = weight ? fdht_calloc_err(l->outputs, sizeof *bias, "dense layer", r->err) : NULL;
    double *y = bias ? numbers(x->steps, l->outputs, r->err) : NULL;
    int rc = y ? fdht_w_read_whole(r->w, &use->weight, weight, r->err) : FDHT_ENOMEM;
    if (!rc && use->bias.gates)
        rc = fdht_w_read_whole(r->w, &use->bias, bias, r->err);
    for (size_t t = 0; t < x->steps && !rc; t++) {
        for (size_t i = 0; i < l->outputs; i++) {
            double sum = bias[i];
            for (size_t j = 0; j < l->inputs; j++)
                sum += (double)weight[i * l->inputs + j] * x->v[t * l->inputs + j];
            y[t * l->outputs + i] = sum;
        }
        fdht_activation_apply(l->activation, l->outputs, y + t * l->outputs);
    }
    fdht_free(weight);
    fdht_free(bias);
    if (rc) {
        fdht_free(y);
        return rc;
    }
    fdht_free(x->v);
    x->v = y;
    x->width = l->outputs;
    return FDHT_OK;
}

static int run_norm(runner *r, const fdht_wlink *use, const fdht_link *l, value *x)
{
    size_t n = x->width;
    double *scale = numbers(2, n, r->err), *shift = scale ? scale + n : NULL;
    int rc = scale ? fdht_w_read_norm(r->w, use, scale, shift, r->err) : FDHT_ENOMEM;
    for (size_t t = 0; t < x->steps && !rc; t++) {
        double *v = x->v + t * n, mean = 0, square = 0;
        for (size_t i = 0; i < n; i++)
            mean += v[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            square += (v[i] - mean) * (v[i] - mean) / (double)n;
        bool layer = l->kind == FDHT_LINK_LAYER_NORM;
        double by = layer ? 1 / sqrt(square + l->epsilon) : 1;
        for (size_t i = 0; i < n; i++)
            v[i] = (v[i] - (layer ? mean : 0)) * by * scale[i] + shift[i];
    }
    fdht_free(scale);
    return rc;
}

static void run_pool(const fdht_link *l, value *x)
{
    size_t n = x->width;
    if (l->pool == FDHT_POOL_EACH)
        return;
    for (size_t j = 0; j < n; j++) {
        double sum = 0, most = x->v[j];
        for (size_t t = 0; t < x->steps; t++) {
            sum += x->v[t * n + j];
            most = fmax(most, x->v[t * n + j]);
        }
        double end = x->last ? x->last[j] : x->v[(x->steps - 1) * n + j];
        x->v[j] = l->pool == FDHT_POOL_MEAN ? sum / (double)x->steps : l->pool == FDHT_POOL_MAX ? most : end;
    }
    x->steps = 1;
}

static int run_repeat(runner *r, const fdht_link *l, value *x)
{
    double *v = numbers(l->steps, x->width, r->err);
    if (!v)
        return FDHT_ENOMEM;
    for (size_t t = 0; t < l->steps; t++)
        memcpy(v + t * x->width, x->v, x->width * sizeof *v);
    fdht_free(x->v);
    x->v = v;
    x->steps = l->steps;
    return FDHT_OK;
}

static int run_link(runner *r, const fdht_wlink *use, const fdht_link *l, value *x)
{
    int rc = FDHT_OK;
    double *last = x->last;
    switch (l->kind) {
    case FDHT_LINK_LSTM:
        x->last = NULL;
        rc = run_lstm(r, use, l, x);
        fdht_free(last);
        return rc;
    case FDHT_LINK_DENSE:
        rc = run_dense(r, use, l, x);
        break;
    case FDHT_LINK_NORM:
    case FDHT_LINK_LAYER_NORM:
        rc = run_norm(r, use, l, x);
        break;
    case FDHT_LINK_ACTIVATION:
        for (size_t t = 0; t < x->steps; t++)
            fdht_activation_apply(l->activation, x->width, x->v + t * x->width);
        break;
    case FDHT_LINK_POOL:
        run_pool(l, x);
        break;
    case FDHT_LINK_REPEAT:
        rc = run_repeat(r, l, x);
        break;
    default:
        break;
    }
    x->last = NULL;
    fdht_free(last);
    return rc;
}

int fdht_weights_run(const fdht_weights *w, int first, int count, int activation, size_t length,
                     const float *x, double *y, double *h_n, double *c_n, double *scores, fdht_error *err)
{
    fdht_weights_chain *c = NULL;
    value v = {.steps = length};
    runner r = {.w = w, .activation = activation, .h_n = h_n, .c_n = c_n, .err = err};
    int rc = fdht_weights_chain_of(w, first, count, &c, err), lstm = -1;
    if (rc)
        return rc;
    if (!length) {
        rc = fdht_fail(err, FDHT_EINVAL, "%s: no steps", w->file);
        goto out;
    }
    for (int k = 0; k < c->n_links; k++)
        lstm = c->link[k].kind == FDHT_LINK_LSTM ? k : lstm;
    v.width = w->lstm[first].input_size;
    v.v = numbers(length, v.width, err);
    rc = v.v ? FDHT_OK : FDHT_ENOMEM;
    for (size_t i = 0; !rc && i < length * v.width; i++)
        v.v[i] = x[i];
    for (int k = 0; k < c->n_links && !rc; k++) {
        rc = run_link(&r, &((const fdht_wchain *)c)->use[k], &c->link[k], &v);
        if (!rc && y && k == lstm)
            memcpy(y, v.v, v.steps * v.width * sizeof *y);
    }
    if (!rc && scores)
        memcpy(scores, v.v, v.steps * v.width * sizeof *scores);
out:
    fdht_free(v.v);
    fdht_free(v.last);
    fdht_weights_chain_free(c);
    return rc;
}
