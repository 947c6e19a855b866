/* fdht/fixed.h - the 16-bit arithmetic of the accelerator: models made fixed-point by calibration, and the
 * reference evaluation that the simulator is checked against (it shares no code with it). The arithmetic and why:
 * lib/README.md section 8.
 *
 * Numbers. A word with f fraction bits is the number word / 2^f. Weights of a stage share one f, so does each
 * tensor between stages; both are the largest that hold what calibration saw, tensors with half a bit to
 * spare. h has 15 fraction bits, gate pre-activations 12 (range -8..8), c what calibration allows.
 *
 * Rounding. round(v, s) = floor(v / 2^s + 1/2); sat16 limits to -32768..32767; sat to acc_bits.
 *
 * Stage, over the inner index in order:
 *
 *     acc  = sat(acc + round(w x, acc_shift))
 *     word = sat16(round(acc, out_shift))
 *
 * LSTM unit, all words 16 bit, g one of the gates i, f, g, o:
 *
 *     a_g     = sat16((z_x + z_h + bias) 2^(12 - z_frac))
 *     i, f, o = sigmoid table of a;  g = tanh table of a
 *     c       = sat16(round(f c + round(i g, 15 - c_frac), 15))
 *     h       = sat16(round(o tanh(c'), 15)), c' = c with 12 fraction bits (rounded half up, saturated)
 *
 * A table has 257 words t over [-8, 8] and is interpolated: t[n] + floor(((t[n+1] - t[n]) r + 128) / 256), n and r the
 * upper and lower byte of a + 2^15. The classifier runs on h in floating point.
 *
 * Threads. Functions that take a const fdht_fixed or fdht_fixed_model may run at the same time on one object; the
 * others need it alone. */
#ifndef FDHT_FIXED_H
#define FDHT_FIXED_H

#include "fdht/program.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fdht_fixed fdht_fixed;

/* Pseudo-random weights and calibration inputs from seed: inputs of variance 1, pre-activations of variance
 * about 1. hw gives the accumulators' width and what an order search minimises. *out is freed with fdht_fixed_free.
 * FDHT_ENOSUP: bt operators, projections; FDHT_EINVAL: an order list that is no order; FDHT_ELIMIT: a tensor of more than
 * 2^28 words; FDHT_ENOMEM. */
FDHT_API int fdht_fixed_from_workload(const fdht_workload *w, const fdht_order_choice *choice,
                                      const fdht_sim_hw *hw, uint64_t seed, fdht_fixed **out,
                                      fdht_error *err);
FDHT_API void fdht_fixed_free(fdht_fixed *f); /* NULL allowed */

/* What it was made from; owned by f. */
FDHT_API const fdht_workload *fdht_fixed_workload(const fdht_fixed *f);
/* The program with its weights, to be mapped to a machine and run; owned by f. */
FDHT_API fdht_sim_program *fdht_fixed_program(fdht_fixed *f);

/* Positions of an input vector (the x box), and words of an output vector: units with an LSTM, else outputs. */
FDHT_API size_t fdht_fixed_inputs(const fdht_fixed *f);
FDHT_API size_t fdht_fixed_outputs(const fdht_fixed *f);
/* Fraction bits of input and output words. */
FDHT_API int fdht_fixed_input_frac(const fdht_fixed *f);
FDHT_API int fdht_fixed_output_frac(const fdht_fixed *f);

/* A pseudo-random clip for a workload: x (steps, inputs). */
FDHT_API void fdht_fixed_random_input(const fdht_fixed *f, uint64_t seed, size_t steps, float *x);
/* Round half up and saturate n numbers to words; returns how many saturated. */
FDHT_API size_t fdht_fixed_quantise(const fdht_fixed *f, size_t n, const float *x, int16_t *words);

/* The reference in integers: x (steps, inputs), y (steps, outputs), c (units) or NULL. FDHT_ENOMEM. */
FDHT_API int fdht_fixed_run(const fdht_fixed *f, size_t steps, const int16_t *x, int16_t *y, int16_t *c,
                            fdht_error *err);
/* Compare the words y (steps, outputs) of a machine with those of fdht_fixed_run: FDHT_EINTERNAL names the first that
 * differs; FDHT_ENOMEM. */
FDHT_API int fdht_fixed_check(const fdht_fixed *f, size_t steps, const int16_t *x, const int16_t *y,
                              fdht_error *err);
/* The same stages in floating point, weights before rounding: x (steps, inputs), y (steps, outputs). FDHT_ENOMEM. */
FDHT_API int fdht_fixed_float(const fdht_fixed *f, size_t steps, const float *x, float *y, fdht_error *err);
/* A workload in floating point, by the planner and executor of fdht/operator.h: x (steps, inputs), y (steps, outputs). It
 * shares no code with the stages, so that it judges the machine and the reference both. FDHT_EINVAL: made from a model
 * (fdht_runner_states is its judge); FDHT_ENOMEM. */
FDHT_API int fdht_fixed_exact(const fdht_fixed *f, size_t steps, const float *x, float *y, fdht_error *err);
/* 10 log10 of signal over noise power, n words against n floats, in dB. */
FDHT_API double fdht_fixed_snr_db(const fdht_fixed *f, size_t n, const int16_t *words, const float *exact);

/* ---- trained models ---- */

/* What a model's cell is to the simulator: a whole LSTM of `steps` steps. FDHT_ENOSUP: more than one layer or direction,
 * a projection, a bt cell, activations other than sigmoid, hard sigmoids and tanh. */
FDHT_API int fdht_model_workload(const fdht_model *m, size_t steps, fdht_workload *out, fdht_error *err);

typedef struct fdht_fixed_model fdht_fixed_model;

/* The model must outlive it; its values are taken as they are now. Calibrate before anything runs. *out is freed with
 * fdht_fixed_model_free. Errors as fdht_model_workload and fdht_fixed_from_workload. */
FDHT_API int fdht_fixed_model_new(const fdht_model *m, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                                  fdht_fixed_model **out, fdht_error *err);
FDHT_API void fdht_fixed_model_free(fdht_fixed_model *q); /* NULL allowed */
/* Set the ranges by running n clips in floating point. FDHT_ENAN: a value that is not finite; FDHT_ELIMIT:
 * pre-activations that the accumulators do not hold; FDHT_ENOMEM; FDHT_EINVAL as fdht_model_check_clip. */
FDHT_API int fdht_fixed_model_calibrate(fdht_fixed_model *q, const fdht_clip *clip, size_t n,
                                        fdht_error *err);
/* scores as fdht_runner_run gives them, with the recurrent layer in 16-bit arithmetic and the links after it in floating
 * point. *saturated (NULL allowed) grows by the input words that did not fit. FDHT_EINVAL: not calibrated, or
 * as fdht_model_check_clip; FDHT_ENOMEM. One thread at a time may use q. */
FDHT_API int fdht_fixed_model_run(fdht_fixed_model *q, const fdht_clip *clip, float *scores,
                                  size_t *saturated, fdht_error *err);
/* x (length, inputs of the cell): the numbers the cell sees. FDHT_EINVAL as fdht_model_check_clip. */
FDHT_API int fdht_fixed_model_inputs(const fdht_fixed_model *q, const fdht_clip *clip, float *x,
                                     fdht_error *err);
/* scores of a clip from its states y (length, hidden). FDHT_ENOMEM. */
FDHT_API int fdht_fixed_model_scores(fdht_fixed_model *q, size_t length, const float *y, float *scores,
                                     fdht_error *err);
/* The cell, owned by q. */
FDHT_API fdht_fixed *fdht_fixed_model_cell(fdht_fixed_model *q);

#ifdef __cplusplus
}
#endif
#endif
