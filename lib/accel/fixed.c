/* fixed.c - the reference: stages as plain loops over row-major tensors, in integers and in floating point. Nothing
 * here knows banks, strides of a program or tiles; lib/sim knows nothing of this. */
#include <math.h>
#include <string.h>

#include "accel/fixed.h"
#include "nn/activation.h"

void fdht_leg_offsets(const fdht_sim_leg *want, int n_want, const fdht_sim_leg *have, int n_have,
                      uint32_t *out)
{
    size_t total = 1, stride[FDHT_SIM_MAX_LEGS], index[FDHT_SIM_MAX_LEGS] = {0};
    for (int i = 0; i < n_want; i++) {
        size_t s = 1;
        int j = n_have - 1;
        for (; j >= 0 && have[j].id != want[i].id; j--)
            s *= have[j].extent;
        stride[i] = s;
        total *= want[i].extent;
    }
    for (size_t at = 0; at < total; at++) {
        out[at] = 0;
        for (int i = 0; i < n_want; i++)
            out[at] += (uint32_t)(index[i] * stride[i]);
        for (int i = n_want - 1; i >= 0 && ++index[i] == want[i].extent; i--)
            index[i] = 0;
    }
}

/* Memory of a run: two tensors, their gathered form, offsets. Of words or of floats. */
typedef struct scratch {
    void *a, *b, *gathered;
    uint32_t *inner, *col;
} scratch;

static size_t most(const fdht_fixed *f)
{
    return FDHT_MAX(FDHT_MAX(f->most_in, f->most_out), FDHT_MAX(f->inputs, f->outputs)) + 64;
}

static int scratch_open(const fdht_fixed *f, size_t word, scratch *s, fdht_error *err)
{
    size_t n = most(f);
    s->a = fdht_calloc_err(n, word, "tensor", err);
    s->b = fdht_calloc_err(n, word, "tensor", err);
    s->gathered = fdht_calloc_err(n, word, "tensor", err);
    s->inner = fdht_calloc_err(n, sizeof *s->inner, "offsets", err);
    s->col = fdht_calloc_err(n, sizeof *s->col, "offsets", err);
    return s->a && s->b && s->gathered && s->inner && s->col ? FDHT_OK : FDHT_ENOMEM;
}

static void scratch_free(scratch *s)
{
    fdht_free(s->a);
    fdht_free(s->b);
    fdht_free(s->gathered);
    fdht_free(s->inner);
    fdht_free(s->col);
}

static void swap(scratch *s)
{
    void *t = s->a;
    s->a = s->b;
    s->b = t;
}

/* Legs of the tensor at hand. */
typedef struct legs {
    int n;
    fdht_sim_leg leg[2 * FDHT_SIM_MAX_LEGS];
} legs;

static void after_stage(const fdht_sim_stage *s, legs *cur)
{
    memcpy(cur->leg, s->row, (size_t)s->n_row * sizeof *s->row);
    memcpy(cur->leg + s->n_row, s->col, (size_t)s->n_col * sizeof *s->col);
    cur->n = s->n_row + s->n_col;
}

enum { BLOCK = 256 };

static size_t count(const fdht_sim_leg *leg, int n)
{
    size_t p = 1;
    for (int i = 0; i < n; i++)
        p *= leg[i].extent;
    return p;
}

/* out (rows, columns) = weight (rows, inner) times gathered (inner, columns), 16-bit arithmetic. */
static void multiply_words(const fdht_sim_stage *s, const int16_t *weight, size_t rows, size_t inner,
                           size_t cols, int acc_bits, const int16_t *gathered, int16_t *out)
{
    const int32_t top = (1 << (acc_bits - 1)) - 1, bottom = -top - 1;
    const int32_t half = s->acc_shift ? 1 << (s->acc_shift - 1) : 0;
    const int64_t out_half = s->out_shift ? 1 << (s->out_shift - 1) : 0;
    const int shift = s->acc_shift;
    int32_t acc[BLOCK];
    for (size_t c0 = 0; c0 < cols; c0 += BLOCK) {
        size_t n = FDHT_MIN((size_t)BLOCK, cols - c0);
        for (size_t r = 0; r < rows; r++) {
            memset(acc, 0, sizeof acc);
            for (size_t k = 0; k < inner; k++) {
                const int16_t *x = gathered + k * cols + c0;
                const int16_t w = weight[r * inner + k];
                for (size_t c = 0; c < n; c++) {
                    int32_t v = acc[c] + ((w * x[c] + half) >> shift);
                    v = v > top ? top : v;
                    acc[c] = v < bottom ? bottom : v;
                }
            }
            for (size_t c = 0; c < n; c++) {
                int64_t v = (acc[c] + out_half) >> s->out_shift;
                out[r * cols + c0 + c] = (int16_t)(v > 32767 ? 32767 : v < -32768 ? -32768 : v);
            }
        }
    }
}

static void multiply_reals(const float *weight, size_t rows, size_t inner, size_t cols, const float *gathered,
                           float *out)
{
    memset(out, 0, rows * cols * sizeof *out);
    for (size_t c0 = 0; c0 < cols; c0 += BLOCK) {
        size_t n = FDHT_MIN((size_t)BLOCK, cols - c0);
        for (size_t r = 0; r < rows; r++)
            for (size_t k = 0; k < inner; k++) {
                const float w = weight[r * inner + k], *x = gathered + k * cols + c0;
                for (size_t c = 0; c < n; c++)
                    out[r * cols + c0 + c] += w * x[c];
            }
    }
}

/* s->a holds the input vector; afterwards the output vector, in the chain's order. */
static void chain_words(const fdht_sim_chain *chain, const fdht_fixed_stage *w, int acc_bits, scratch *s)
{
    legs cur = {.n = chain->n_in};
    memcpy(cur.leg, chain->in, sizeof chain->in);
    for (int i = 0; i < chain->n_stages; i++) {
        const fdht_sim_stage *st = &chain->stage[i];
        size_t rows = fdht_sim_rows(st), inner = fdht_sim_inner(st), cols = fdht_sim_cols(st);
        fdht_leg_offsets(st->inner, st->n_inner, cur.leg, cur.n, s->inner);
        fdht_leg_offsets(st->col, st->n_col, cur.leg, cur.n, s->col);
        const int16_t *a = s->a;
        int16_t *g = s->gathered;
        for (size_t k = 0; k < inner; k++)
            for (size_t c = 0; c < cols; c++)
                g[k * cols + c] = a[s->inner[k] + s->col[c]];
        multiply_words(st, w[i].word, rows, inner, cols, acc_bits, g, s->b);
        swap(s);
        after_stage(st, &cur);
    }
    size_t n = count(chain->out, chain->n_out);
    fdht_leg_offsets(chain->out, chain->n_out, cur.leg, cur.n, s->col);
    for (size_t i = 0; i < n; i++)
        ((int16_t *)s->b)[i] = ((const int16_t *)s->a)[s->col[i]];
    swap(s);
}

static double peak_of(const float *v, size_t n)
{
    double peak = 0;
    for (size_t i = 0; i < n; i++)
        peak = fmax(peak, fabsf(v[i]));
    return peak;
}

/* The same in floating point; with `note` each stage's peak is raised to what is seen. */
static void chain_reals(const fdht_sim_chain *chain, fdht_fixed_stage *w, bool note, scratch *s)
{
    legs cur = {.n = chain->n_in};
    memcpy(cur.leg, chain->in, sizeof chain->in);
    for (int i = 0; i < chain->n_stages; i++) {
        const fdht_sim_stage *st = &chain->stage[i];
        size_t rows = fdht_sim_rows(st), inner = fdht_sim_inner(st), cols = fdht_sim_cols(st);
        fdht_leg_offsets(st->inner, st->n_inner, cur.leg, cur.n, s->inner);
        fdht_leg_offsets(st->col, st->n_col, cur.leg, cur.n, s->col);
        const float *a = s->a;
        float *g = s->gathered;
        for (size_t k = 0; k < inner; k++)
            for (size_t c = 0; c < cols; c++)
                g[k * cols + c] = a[s->inner[k] + s->col[c]];
        multiply_reals(w[i].real, rows, inner, cols, g, s->b);
        swap(s);
        if (note)
            w[i].peak = fmax(w[i].peak, peak_of(s->a, rows * cols));
        after_stage(st, &cur);
    }
    size_t n = count(chain->out, chain->n_out);
    fdht_leg_offsets(chain->out, chain->n_out, cur.leg, cur.n, s->col);
    for (size_t i = 0; i < n; i++)
        ((float *)s->b)[i] = ((const float *)s->a)[s->col[i]];
    swap(s);
}

static int16_t saturate(int64_t v)
{
    return v > 32767 ? 32767 : v < -32768 ? -32768 : (int16_t)v;
}

/* floor(v / 2^shift + 1/2) */
static int64_t scale_down(int64_t v, int shift)
{
    return shift ? (v + (1LL << (shift - 1))) >> shift : v;
}

static int64_t interpolate(const int16_t *table, int16_t a)
{
    int u = (int)a + 32768, n = u / 256, r = u % 256;
    return (int64_t)floor((256. * table[n] + (double)(table[n + 1] - table[n]) * r + 128) / 256);
}

/* One time step: z = z_x + z_h + bias (4 blocks of gate_stride), c and h (units). */
static void unit_words(const fdht_fixed *f, const int16_t *zx, const int16_t *zh, int16_t *c, int16_t *h)
{
    int cf = f->p.c_frac;
    for (size_t j = 0; j < f->w.cell.hidden; j++) {
        int64_t v[4];
        for (size_t g = 0; g < 4; g++) {
            size_t at = g * f->gate_stride + j;
            int16_t a = saturate(((int64_t)zx[at] + zh[at] + f->bias_word[at]) * (1LL << (12 - f->p.z_frac)));
            v[g] = interpolate(g == 2 ? f->tanh : f->sigmoid, a);
        }
        c[j] = saturate(scale_down(v[1] * c[j] + scale_down(v[0] * v[2], 15 - cf), 15));
        int64_t c12 = cf > 12 ? scale_down(c[j], cf - 12) : c[j] * (1LL << (12 - cf));
        h[j] = saturate(scale_down(v[3] * interpolate(f->tanh, saturate(c12)), 15));
    }
}

static int recur_words(const fdht_fixed *f, size_t steps, const int16_t *z, scratch *s, int16_t *y,
                       int16_t *c_out, fdht_error *err)
{
    size_t H = f->w.cell.hidden, box = count(f->p.h.in, f->p.h.n_in), rows = 4 * f->gate_stride;
    int16_t *c = fdht_calloc_err(2 * FDHT_MAX(H, box), sizeof *c, "state", err);
    if (!c)
        return FDHT_ENOMEM;
    int16_t *h = c + FDHT_MAX(H, box);
    for (size_t t = 0; t < steps; t++) {
        memcpy(s->a, h, box * sizeof *h);
        chain_words(&f->p.h, f->h, f->acc_bits, s);
        unit_words(f, z + t * rows, s->a, c, h);
        memcpy(y + t * H, h, H * sizeof *h);
    }
    if (c_out)
        memcpy(c_out, c, H * sizeof *c);
    fdht_free(c);
    return FDHT_OK;
}

int fdht_fixed_run(const fdht_fixed *f, size_t steps, const int16_t *x, int16_t *y, int16_t *c,
                   fdht_error *err)
{
    scratch s = {0};
    size_t rows = f->w.lstm ? 4 * f->gate_stride : f->outputs;
    int16_t *z = fdht_calloc_err(steps * rows, sizeof *z, "pre-activations", err);
    int status = scratch_open(f, sizeof *x, &s, err);
    if (!z || status) {
        status = FDHT_ENOMEM;
        goto out;
    }
    for (size_t t = 0; t < steps; t++) {
        memcpy(s.a, x + t * f->inputs, f->inputs * sizeof *x);
        chain_words(&f->p.x, f->x, f->acc_bits, &s);
        memcpy(z + t * rows, s.a, rows * sizeof *z);
    }
    if (f->w.lstm)
        status = recur_words(f, steps, z, &s, y, c, err);
    else
        memcpy(y, z, steps * rows * sizeof *z);
out:
    scratch_free(&s);
    fdht_free(z);
    return status;
}

int fdht_fixed_check(const fdht_fixed *f, size_t steps, const int16_t *x, const int16_t *y, fdht_error *err)
{
    size_t n = steps * f->outputs;
    int16_t *want = fdht_calloc_err(n, sizeof *want, "reference", err);
    if (!want)
        return FDHT_ENOMEM;
    int status = fdht_fixed_run(f, steps, x, want, NULL, err);
    for (size_t i = 0; i < n && !status; i++)
        if (y[i] != want[i])
            status = fdht_fail(err, FDHT_EINTERNAL,
                               "%s: word %zu of step %zu is %d in the banks, %d in the reference", f->w.name,
                               i % f->outputs, i / f->outputs, y[i], want[i]);
    fdht_free(want);
    return status;
}

static int recur_reals(fdht_fixed *f, bool note, size_t steps, const float *z, scratch *s, float *y,
                       fdht_error *err)
{
    size_t H = f->w.cell.hidden, box = count(f->p.h.in, f->p.h.n_in), G = f->gate_stride;
    fdht_activation kind = f->w.cell.activation;
    float *c = fdht_calloc_err(2 * FDHT_MAX(H, box), sizeof *c, "state", err);
    if (!c)
        return FDHT_ENOMEM;
    float *h = c + FDHT_MAX(H, box);
    for (size_t t = 0; t < steps; t++) {
        memcpy(s->a, h, box * sizeof *h);
        chain_reals(&f->p.h, f->h, note, s);
        const float *zx = z + t * 4 * G, *zh = s->a;
        for (size_t j = 0; j < H; j++) {
            double a[4];
            for (size_t g = 0; g < 4; g++)
                a[g] = (double)zx[g * G + j] + zh[g * G + j] + f->bias[g * G + j];
            fdht_activation_run_f64(kind, 2, a, a);
            fdht_activation_run_f64(kind, 1, a + 3, a + 3);
            double cj = a[1] * c[j] + a[0] * tanh(a[2]);
            c[j] = (float)cj;
            h[j] = (float)(a[3] * tanh(cj));
        }
        if (note)
            f->c_peak = fmax(f->c_peak, peak_of(c, H));
        if (y)
            memcpy(y + t * H, h, H * sizeof *h);
    }
    fdht_free(c);
    return FDHT_OK;
}

int fdht_fixed_real(fdht_fixed *f, bool note, size_t steps, const float *x, float *y, fdht_error *err)
{
    scratch s = {0};
    size_t rows = f->w.lstm ? 4 * f->gate_stride : f->outputs;
    float *z = fdht_calloc_err(steps * rows, sizeof *z, "pre-activations", err);
    int status = scratch_open(f, sizeof *x, &s, err);
    if (!z || status) {
        status = FDHT_ENOMEM;
        goto out;
    }
    if (note)
        f->x_peak = fmax(f->x_peak, peak_of(x, steps * f->inputs));
    for (size_t t = 0; t < steps; t++) {
        memcpy(s.a, x + t * f->inputs, f->inputs * sizeof *x);
        chain_reals(&f->p.x, f->x, note, &s);
        memcpy(z + t * rows, s.a, rows * sizeof *z);
    }
    if (f->w.lstm)
        status = recur_reals(f, note, steps, z, &s, y, err);
    else if (y)
        memcpy(y, z, steps * rows * sizeof *z);
out:
    scratch_free(&s);
    fdht_free(z);
    return status;
}

int fdht_fixed_float(const fdht_fixed *f, size_t steps, const float *x, float *y, fdht_error *err)
{
    /* note = false: nothing of f is written */
    return fdht_fixed_real((fdht_fixed *)f, false, steps, x, y, err);
}
