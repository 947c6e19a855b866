/* fdht/fixed.h - the 16-bit arithmetic of the accelerator: models made fixed-point by calibration, and the
 * reference evaluation that the simulator is checked against (it shares no code with it).
 *
 * Formats. A word with f fraction bits stands for word / 2^f. Weights of a stage share one f, so does each
 * tensor between stages; both are the largest that hold what calibration saw, tensors with half a bit to
 * spare. h has 15 fraction bits, gate pre-activations 12 (range -8..8), c what calibration allows.
 *
 * Stage. acc = sat(acc + round(w x, acc_shift)) over the inner index in order, acc_bits wide; word =
 * sat16(round(acc, out_shift)); round(v, s) = floor(v / 2^s + 1/2).
 *
 * LSTM unit, all words 16 bit: a_g = sat(z_x + z_h + b); i, f, o = S(a), g = T(a), where a table of 257 words
 * over
 * [-8, 8] is interpolated: t[n] + floor(((t[n+1] - t[n]) r + 128) / 256), n and r the upper and lower byte of
 * a + 2^15; c = sat(round(f c + round(i g, 15 - c_frac), 15)); h = sat(round(o T(c), 15)), c turned to 12
 * fraction bits first (rounded half up, saturated). The classifier runs on h in floating point. */
#ifndef FDHT_FIXED_H
#define FDHT_FIXED_H

#include "fdht/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fdht_fixed fdht_fixed;

/* Pseudo-random weights and calibration inputs from seed: inputs of variance 1, pre-activations of variance
 * about 1. hw gives the accumulators' width and what an order search minimises. FDHT_ENOSUP: bt operators,
 * projections. */
FDHT_API int fdht_fixed_from_workload(const fdht_workload *w, const fdht_order_choice *choice,
                                      const fdht_sim_hw *hw, uint64_t seed, fdht_fixed **out,
                                      fdht_error *err);
FDHT_API void fdht_fixed_free(fdht_fixed *f);

FDHT_API const fdht_workload *fdht_fixed_workload(const fdht_fixed *f);
/* The program with its weights, to be mapped to a machine and run; owned by f. */
FDHT_API fdht_sim_program *fdht_fixed_program(fdht_fixed *f);
/* The order that was chosen: x chain and h chain, as fdht_order_spell. */
FDHT_API const char *fdht_fixed_order(const fdht_fixed *f);

/* Positions of an input vector (the x box), and words of an output vector: units with an LSTM, else outputs.
 */
FDHT_API size_t fdht_fixed_inputs(const fdht_fixed *f);
FDHT_API size_t fdht_fixed_outputs(const fdht_fixed *f);
/* Fraction bits of input and output words. */
FDHT_API int fdht_fixed_input_frac(const fdht_fixed *f);
FDHT_API int fdht_fixed_output_frac(const fdht_fixed *f);

/* A pseudo-random clip for a workload: x (steps, inputs). */
FDHT_API void fdht_fixed_random_input(const fdht_fixed *f, uint64_t seed, size_t steps, float *x);
/* Round half up and saturate n numbers to words; returns how many saturated. */
FDHT_API size_t fdht_fixed_quantise(const fdht_fixed *f, size_t n, const float *x, int16_t *words);

/* The reference in integers: y (steps, outputs), c (units) or NULL. */
FDHT_API int fdht_fixed_run(const fdht_fixed *f, size_t steps, const int16_t *x, int16_t *y, int16_t *c,
                            fdht_error *err);
/* The same stages in floating point, weights before rounding: y (steps, outputs). */
FDHT_API int fdht_fixed_float(const fdht_fixed *f, size_t steps, const float *x, float *y, fdht_error *err);
/* 10 log10 of signal over noise power, words against floats. */
FDHT_API double fdht_fixed_snr_db(const fdht_fixed *f, size_t n, const int16_t *words, const float *exact);

#ifdef __cplusplus
}
#endif
#endif
