/* weights/run.c - the LSTM as the file defines it, in double, plain loops: what imports and compressions are
 * judged by. */
#include <string.h>

#include "weights/weights.h"

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
    fdht_activation sigma;
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
    fdht_activation_apply(FDHT_TANH, H, a + 2 * H);
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
    fdht_activation_apply(FDHT_TANH, H, a + 2 * H);
    fdht_activation_apply(k->sigma, H, a + 3 * H);
    for (size_t j = 0; j < H; j++)
        out[j] = k->c[j] = a[H + j] * k->c[j] + a[j] * a[2 * H + j];
    fdht_activation_apply(FDHT_TANH, H, out);
    for (size_t j = 0; j < H; j++)
        out[j] *= a[3 * H + j];
    for (size_t p = 0; p < P; p++) {
        double sum = k->hr ? 0 : out[p];
        for (size_t j = 0; j < H && k->hr; j++)
            sum += (double)k->hr[p * H + j] * out[j];
        k->h[p] = sum;
    }
}

/* One direction of one layer: x (length, D) -> columns [at, at + P) of y (length, ld). */
static int run_cell(const fdht_weights *w, int lstm, int dir, fdht_activation sigma, size_t length,
                    const double *x, double *y, size_t ld, double *h_n, double *c_n, fdht_error *err)
{
    cell k = {.sigma = sigma};
    int rc = cell_load(&k, w, lstm, dir, length, err);
    if (!rc)
        rc = apply(w, lstm, dir, FDHT_W_IH, length, x, k.a, err);
    for (size_t s = 0; s < length && !rc; s++) {
        size_t t = dir ? length - 1 - s : s;
        if (w->lstm[lstm].recurrent == FDHT_GRU)
            gru_step(&k, k.a + t * 3 * k.H);
        else
            cell_step(&k, k.a + t * 4 * k.H);
        memcpy(y + t * ld + (size_t)dir * k.P, k.h, k.P * sizeof *y);
    }
    if (!rc && h_n)
        memcpy(h_n, k.h, k.P * sizeof *h_n);
    if (!rc && c_n)
        memcpy(c_n, k.c, k.H * sizeof *c_n);
    cell_free(&k);
    return rc;
}

/* logits = head on the last states (forward, then reverse) of the last layer. */
static int run_head(const fdht_weights *w, const double *last, size_t width, double *logits, fdht_error *err)
{
    size_t classes = w->info.classes;
    float *weight = fdht_calloc_err(classes, width * sizeof *weight, "dense head", err);
    float *bias = weight ? fdht_calloc_err(classes, sizeof *bias, "dense head", err) : NULL;
    int rc = bias ? fdht_weights_read_head(w, weight, bias, err) : FDHT_ENOMEM;
    for (size_t k = 0; k < classes && !rc; k++) {
        logits[k] = bias[k];
        for (size_t j = 0; j < width; j++)
            logits[k] += (double)weight[k * width + j] * last[j];
    }
    fdht_free(weight);
    fdht_free(bias);
    return rc;
}

int fdht_weights_run(const fdht_weights *w, int first, int count, int activation, size_t length,
                     const float *x, double *y, double *h_n, double *c_n, double *logits, fdht_error *err)
{
    double *in = NULL, *out = NULL, *last = NULL;
    size_t width = 0, size;
    int rc = FDHT_OK;
    if (first < 0 || count < 1 || count > w->n_lstm - first || !length)
        return fdht_fail(err, FDHT_EINVAL, "%s: no LSTMs %d..%d, or no steps", w->file, first,
                         first + count - 1);
    if (!fdht_mul(length, w->lstm[first].input_size, &size))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: %zu steps", length);
    in = fdht_calloc_err(size, sizeof *in, "inputs", err);
    if (!in)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < size; i++)
        in[i] = x[i];
    for (int i = first; i < first + count && !rc; i++) {
        const fdht_weights_lstm *l = &w->lstm[i];
        size_t P = l->proj_size ? l->proj_size : l->hidden_size;
        fdht_activation sigma = FDHT_SIGMOID;
        width = (size_t)l->directions * P;
        rc = fdht_w_activation(w, i, activation, &sigma, err);
        fdht_free(last);
        out =
            !rc && fdht_mul(length, width, &size) ? fdht_calloc_err(size, sizeof *out, "states", err) : NULL;
        last = out ? fdht_calloc_err(width, sizeof *last, "states", err) : NULL;
        if (!rc && !last)
            rc = FDHT_ENOMEM;
        for (int d = 0; d < l->directions && !rc; d++) {
            rc = run_cell(w, i, d, sigma, length, in, out, width, last + (size_t)d * P, c_n, err);
            if (h_n) {
                memcpy(h_n, last + (size_t)d * P, P * sizeof *h_n);
                h_n += P;
            }
            c_n = c_n ? c_n + l->hidden_size : NULL;
        }
        fdht_free(in);
        in = out;
        out = NULL;
    }
    if (!rc && y)
        memcpy(y, in, length * width * sizeof *y);
    if (!rc && logits && w->head >= 0 && first + count == w->n_lstm)
        rc = run_head(w, last, width, logits, err);
    fdht_free(in);
    fdht_free(last);
    return rc;
}
