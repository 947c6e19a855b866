/* calibrate.c - from numbers to words: merged weights, ranges seen in calibration, fraction bits and shifts. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fdht/basics.h"
#include "accel/fixed.h"
#include "nn/activation.h"

/* Room left above what calibration saw. */
static const double HEADROOM = 1.5;

static int open_chain(fdht_fixed *f, const fdht_op *op, const fdht_box *box, const fdht_order_choice *choice,
                      const fdht_sim_hw *hw, const float *params, double scale, bool h, fdht_error *err)
{
    fdht_sim_chain *c = h ? &f->p.h : &f->p.x;
    size_t words = 0;
    fdht_order o;
    fdht_legs l;
    int gates = h ? 4 : f->w.gates, status = FDHT_OK;
    if (h)
        words = fdht_h_budget(&f->w, &f->p.x, hw);
    else
        status = fdht_x_budget(&f->w, op, hw, &words, err);
    if (status || (status = fdht_chain_choose(op, box, gates, h, choice, hw, words, &o, c, err)) ||
        (status = fdht_legs_of(op, box, gates, &l, err)))
        return status;
    fdht_fixed_stage *s = fdht_calloc_err((size_t)c->n_stages, sizeof *s, "stages", err);
    *(h ? &f->h : &f->x) = s;
    if (!s)
        return FDHT_ENOMEM;
    for (int i = 0; i < c->n_stages; i++) {
        const fdht_sim_stage *st = &c->stage[i];
        size_t n = fdht_sim_rows(st) * fdht_sim_inner(st);
        f->most_in = FDHT_MAX(f->most_in, fdht_sim_inner(st) * fdht_sim_cols(st));
        f->most_out = FDHT_MAX(f->most_out, fdht_sim_rows(st) * fdht_sim_cols(st));
        s[i].real = fdht_calloc_err(n, sizeof *s[i].real, "weights", err);
        s[i].word = fdht_calloc_err(n, sizeof *s[i].word, "weights", err);
        if (!s[i].real || !s[i].word)
            return FDHT_ENOMEM;
        if ((status = fdht_merge_group(&l, box, params, o.group[i], st, i == 0 ? scale : 1, s[i].real, err)))
            return status;
    }
    return FDHT_OK;
}

/* The dense hidden matrix (4H, P) with the gates' blocks moved gate_stride apart. */
static int open_hidden(fdht_fixed *f, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                       const float *hidden, fdht_error *err)
{
    fdht_op *op = NULL;
    size_t H = f->w.cell.hidden;
    int status = fdht_hidden_op(&f->w, &op, err);
    if (status)
        return status;
    float *padded = fdht_calloc_err(fdht_op_parameters(op), sizeof *padded, "hidden matrix", err);
    status = FDHT_ENOMEM;
    if (padded) {
        for (size_t g = 0; g < 4; g++)
            memcpy(padded + g * f->gate_stride * H, hidden + g * H * H, H * H * sizeof *padded);
        status = open_chain(f, op, NULL, choice, hw, padded, 1, true, err);
    }
    fdht_free(padded);
    fdht_op_free(op);
    return status;
}

static int open_cell(fdht_fixed *f, const fdht_op *op, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                     const fdht_fixed_values *v, fdht_error *err)
{
    const fdht_cell_spec *c = &f->w.cell;
    int status = open_chain(f, op, &c->x, choice, hw, v->core, v->x_scale, false, err);
    if (status || !f->w.lstm)
        return status;
    f->bias = fdht_calloc_err(4 * f->gate_stride, sizeof *f->bias, "bias", err);
    f->bias_word = fdht_calloc_err(4 * f->gate_stride, sizeof *f->bias_word, "bias", err);
    if (!f->bias || !f->bias_word)
        return FDHT_ENOMEM;
    for (size_t i = 0; v->bias && i < 4 * c->hidden; i++)
        f->bias[i / c->hidden * f->gate_stride + i % c->hidden] = v->bias[i];
    if (c->kind == FDHT_CELL_FDHT)
        return open_chain(f, op, &c->h, choice, hw, v->core, 1, true, err);
    return open_hidden(f, choice, hw, v->hidden, err);
}

int fdht_fixed_open(const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                    const fdht_fixed_values *v, fdht_fixed **out, fdht_error *err)
{
    fdht_op *op = NULL;
    fdht_fixed *f = fdht_calloc_err(1, sizeof *f, "fixed-point model", err);
    if (!f)
        return FDHT_ENOMEM;
    f->w = *w;
    f->acc_bits = (int)hw->acc_bits;
    int status = fdht_op_new(&w->cell.op, &op, err);
    if (status)
        goto out;
    if ((status = fdht_workload_check(w, err)))
        goto out;
    snprintf(f->p.name, sizeof f->p.name, "%s", w->name);
    f->inputs = 1;
    for (int k = 0; k < w->cell.op.d; k++)
        f->inputs *= w->cell.x.size[k];
    f->gate_stride = fdht_op_outputs(op) / (w->lstm ? 4 : 1);
    f->outputs = w->lstm ? w->cell.hidden : fdht_op_outputs(op);
    status = open_cell(f, op, choice, hw, v, err);
    f->p.lstm = w->lstm;
    f->p.units = w->lstm ? w->cell.hidden : 0;
    f->p.gate_stride = w->lstm ? f->gate_stride : 0;
    if (!status) {
        *out = f;
        f = NULL;
    }
out:
    fdht_op_free(op);
    fdht_fixed_free(f);
    return status;
}

static void free_stages(fdht_fixed_stage *s, int n)
{
    for (int i = 0; s && i < n; i++) {
        fdht_free(s[i].real);
        fdht_free(s[i].word);
    }
    fdht_free(s);
}

void fdht_fixed_free(fdht_fixed *f)
{
    if (!f)
        return;
    free_stages(f->x, f->p.x.n_stages);
    free_stages(f->h, f->p.h.n_stages);
    fdht_free(f->bias);
    fdht_free(f->core);
    fdht_free(f->hidden);
    fdht_free(f->bias_word);
    fdht_program_free(&f->p);
    fdht_free(f);
}

int fdht_fixed_calibrate(fdht_fixed *f, size_t steps, const float *x, fdht_error *err)
{
    return fdht_fixed_real(f, true, steps, x, NULL, err);
}

/* Most fraction bits with which numbers up to peak, which may be infinite, fit `bits` signed bits. */
static int frac_of(double peak, int bits)
{
    if (!(peak > 0))
        return bits - 1;
    peak = fmin(fmax(peak, 1e-9), 1e300);
    return (int)floor(log2((ldexp(1, bits - 1) - 1) / peak));
}

static int16_t to_word(double v, int frac)
{
    double r = floor(ldexp(v, frac) + .5);
    return (int16_t)fmin(fmax(r, -32768), 32767);
}

/* The largest output that weights (rows, inner) allow for inputs up to peak_in. */
static double peak_allowed(const float *weight, size_t rows, size_t inner, double peak_in)
{
    double most = 0;
    for (size_t r = 0; r < rows; r++) {
        double sum = 0;
        for (size_t k = 0; k < inner; k++)
            sum += fabsf(weight[r * inner + k]);
        most = fmax(most, sum);
    }
    return most * peak_in;
}

/* No shift is larger: a product of two words has 31 bits. */
enum { MOST_SHIFT = 30 };

/* Fraction bits, shifts and words of a chain whose inputs are up to peak_in with frac_in fraction bits. A stage that
 * calibration saw only zeros in, as the h chain in a single step, gets the range that its weights allow. */
static void close_chain(fdht_sim_chain *c, fdht_fixed_stage *s, double peak_in, int frac_in, int frac_last,
                        int acc_bits)
{
    for (int i = 0; i < c->n_stages; i++) {
        fdht_sim_stage *st = &c->stage[i];
        size_t n = fdht_sim_rows(st) * fdht_sim_inner(st);
        double peak = 0, out = s[i].peak;
        if (!(out > 0))
            out = peak_allowed(s[i].real, fdht_sim_rows(st), fdht_sim_inner(st), peak_in);
        for (size_t k = 0; k < n; k++)
            peak = fmax(peak, fabsf(s[i].real[k]));
        s[i].frac_w = frac_of(peak, 16);
        bool last = i + 1 == c->n_stages;
        int product = s[i].frac_w + frac_in;
        s[i].frac_out = last && frac_last >= 0 ? frac_last : FDHT_MIN(frac_of(out * HEADROOM, 16), product);
        /* partial sums may pass the result: one bit more */
        int acc = FDHT_MIN(product, frac_of(2 * HEADROOM * out, acc_bits));
        acc = FDHT_MAX(acc, s[i].frac_out);
        acc = FDHT_MIN(acc, product);
        s[i].frac_out = FDHT_MIN(s[i].frac_out, acc);
        acc = FDHT_MIN(acc, s[i].frac_out + MOST_SHIFT);
        int excess =
            FDHT_MAX(product - acc - MOST_SHIFT, 0); /* bits of weights that no accumulator would see */
        s[i].frac_w -= excess;
        product -= excess;
        for (size_t k = 0; k < n; k++)
            s[i].word[k] = to_word(s[i].real[k], s[i].frac_w);
        st->weight = s[i].word;
        st->acc_shift = product - acc;
        st->out_shift = acc - s[i].frac_out;
        frac_in = s[i].frac_out;
        peak_in = out;
    }
}

int fdht_fixed_close_ranges(fdht_fixed *f, fdht_error *err)
{
    f->x_frac = frac_of(f->x_peak * HEADROOM, 16);
    if (!f->w.lstm) {
        close_chain(&f->p.x, f->x, f->x_peak, f->x_frac, -1, f->acc_bits);
        return FDHT_OK;
    }
    const fdht_fixed_stage *last[] = {&f->x[f->p.x.n_stages - 1], &f->h[f->p.h.n_stages - 1]};
    double peak = fmax(last[0]->peak, last[1]->peak);
    for (size_t i = 0; i < 4 * f->gate_stride; i++)
        peak = fmax(peak, fabsf(f->bias[i]));
    f->p.z_frac = FDHT_MAX(0, FDHT_MIN(FDHT_Z_FRAC, frac_of(peak * HEADROOM, 16)));
    close_chain(&f->p.x, f->x, f->x_peak, f->x_frac, f->p.z_frac, f->acc_bits);
    close_chain(&f->p.h, f->h, 1, FDHT_H_FRAC, f->p.z_frac, f->acc_bits);
    if (last[0]->frac_out != f->p.z_frac || last[1]->frac_out != f->p.z_frac)
        return fdht_fail(err, FDHT_ELIMIT, "pre-activations as large as %g do not fit %d-bit accumulators",
                         peak, f->acc_bits);
    for (size_t i = 0; i < 4 * f->gate_stride; i++)
        f->bias_word[i] = to_word(f->bias[i], f->p.z_frac);
    for (int i = 0; i < FDHT_SIM_TABLE; i++) {
        double a = (i - 128) / 16.;
        f->sigmoid[i] = to_word(fdht_activation_value_f64(f->w.cell.activation, a), 15);
        f->tanh[i] = to_word(tanh(a), 15);
    }
    f->p.bias = f->bias_word;
    f->p.sigmoid = f->sigmoid;
    f->p.tanh = f->tanh;
    f->p.c_frac = FDHT_MAX(0, FDHT_MIN(15, frac_of(f->c_peak * HEADROOM, 16)));
    return FDHT_OK;
}

/* The part of the cores that only h meets is scaled so that its pre-activations have a variance of about
 * 1, too. */
static void scale_hidden(const fdht_op *op, const fdht_cell_spec *c, float *core)
{
    int d = c->op.d;
    for (int k = 0; k < d; k++) {
        if (c->h.corner[k] < c->x.corner[k] + c->x.size[k])
            continue;
        float by = (float)sqrt((double)c->inputs / (double)c->hidden);
        for (int i = 0; i < op->n_cores; i++) {
            const fdht_core_desc *n = &op->core[i];
            size_t inner = n->info.size;
            for (int leg = 0; leg < n->info.order; leg++) {
                inner /= n->info.dim[leg];
                for (size_t at = 0; n->leg[leg] == k && at < n->info.size; at++)
                    if (at / inner % n->info.dim[leg] >= c->h.corner[k])
                        core[n->info.offset + at] *= by;
            }
        }
        return;
    }
}

int fdht_fixed_from_workload(const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                             uint64_t seed, fdht_fixed **out, fdht_error *err)
{
    fdht_op *op = NULL;
    fdht_fixed *f = NULL;
    float *core = NULL, *hidden = NULL, *bias = NULL, *x = NULL;
    size_t H = w->cell.hidden;
    fdht_rng rng;
    int status = fdht_op_new(&w->cell.op, &op, err);
    if (status)
        return status;
    core = fdht_calloc_err(fdht_op_parameters(op), sizeof *core, "parameters", err);
    hidden = fdht_calloc_err(w->lstm ? 4 * H * H : 1, sizeof *hidden, "hidden matrix", err);
    bias = fdht_calloc_err(w->lstm ? 4 * H : 1, sizeof *bias, "bias", err);
    status = FDHT_ENOMEM;
    if (!core || !hidden || !bias ||
        (status = fdht_op_init(op, 1 / sqrt((double)w->cell.inputs), seed, core, err)))
        goto out;
    fdht_rng_seed(&rng, seed, 2);
    for (size_t i = 0; w->lstm && i < 4 * H; i++)
        bias[i] = (float)(.25 * fdht_rng_normal(&rng));
    for (size_t i = 0; w->lstm && i < 4 * H * H; i++)
        hidden[i] = (float)(fdht_rng_normal(&rng) / sqrt((double)H));
    if (w->lstm && w->cell.kind == FDHT_CELL_FDHT)
        scale_hidden(op, &w->cell, core);
    fdht_fixed_values v = {.core = core, .hidden = hidden, .bias = bias, .x_scale = 1};
    if ((status = fdht_fixed_open(w, choice, hw, &v, &f, err)))
        goto out;
    size_t steps = FDHT_MAX((size_t)1, FDHT_MIN(w->steps, (size_t)64));
    x = fdht_calloc_err(steps * f->inputs, sizeof *x, "calibration input", err);
    status = FDHT_ENOMEM;
    if (!x)
        goto out;
    fdht_fixed_random_input(f, seed + 1, steps, x);
    if ((status = fdht_fixed_calibrate(f, steps, x, err)) || (status = fdht_fixed_close_ranges(f, err)))
        goto out;
    f->core = core;
    f->hidden = hidden;
    core = hidden = NULL;
    *out = f;
    f = NULL;
out:
    fdht_op_free(op);
    fdht_fixed_free(f);
    fdht_free(core);
    fdht_free(hidden);
    fdht_free(bias);
    fdht_free(x);
    return status;
}

const fdht_workload *fdht_fixed_workload(const fdht_fixed *f)
{
    return &f->w;
}

fdht_sim_program *fdht_fixed_program(fdht_fixed *f)
{
    return &f->p;
}

size_t fdht_fixed_inputs(const fdht_fixed *f)
{
    return f->inputs;
}

size_t fdht_fixed_outputs(const fdht_fixed *f)
{
    return f->outputs;
}

int fdht_fixed_input_frac(const fdht_fixed *f)
{
    return f->x_frac;
}

int fdht_fixed_output_frac(const fdht_fixed *f)
{
    return f->w.lstm ? FDHT_H_FRAC : f->x[f->p.x.n_stages - 1].frac_out;
}

void fdht_fixed_random_input(const fdht_fixed *f, uint64_t seed, size_t steps, float *x)
{
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, 3);
    for (size_t i = 0; i < steps * f->inputs; i++)
        x[i] = i % f->inputs < f->w.cell.inputs ? (float)fdht_rng_normal(&rng) : 0;
}

size_t fdht_fixed_quantise(const fdht_fixed *f, size_t n, const float *x, int16_t *words)
{
    size_t saturated = 0;
    for (size_t i = 0; i < n; i++) {
        double r = floor(ldexp(x[i], f->x_frac) + .5);
        saturated += r > 32767 || r < -32768;
        words[i] = to_word(x[i], f->x_frac);
    }
    return saturated;
}

double fdht_fixed_snr_db(const fdht_fixed *f, size_t n, const int16_t *words, const float *exact)
{
    double signal = 0, noise = 0;
    int frac = fdht_fixed_output_frac(f);
    for (size_t i = 0; i < n; i++) {
        double e = ldexp(words[i], -frac) - exact[i];
        signal += (double)exact[i] * exact[i];
        noise += e * e;
    }
    return noise > 0 ? 10 * log10(signal / noise) : INFINITY;
}
