/* accel/fixed.h - the inside of a fixed-point model. Internal. */
#ifndef FDHT_ACCEL_FIXED_H
#define FDHT_ACCEL_FIXED_H

#include "fdht/fixed.h"
#include "accel/legs.h"

enum { FDHT_H_FRAC = 15, FDHT_Z_FRAC = 12 };

/* Weights and ranges of one stage. */
typedef struct fdht_fixed_stage {
    float *real;   /* (rows, inner) */
    int16_t *word; /* the same, rounded */
    double peak;   /* largest output seen */
    int frac_w, frac_out;
} fdht_fixed_stage;

struct fdht_fixed {
    fdht_workload w;
    fdht_sim_program p;
    fdht_fixed_stage *x, *h; /* of the chains' stages */
    size_t inputs, outputs, gate_stride;
    double x_peak, c_peak;
    int x_frac, acc_bits;
    float *bias; /* (4 gate_stride), or NULL */
    float *core,
        *hidden; /* of a workload: its pseudo-random values, the hidden matrix (4H, H); of a model NULL */
    int16_t *bias_word;
    int16_t sigmoid[FDHT_SIM_TABLE], tanh[FDHT_SIM_TABLE];
    /* words of the largest tensors */
    size_t most_in, most_out;
};

/* Values a cell is made of. core: the operator's parameters; hidden: (4H, P) or NULL; bias: (4H) or NULL. */
typedef struct fdht_fixed_values {
    const float *core, *hidden, *bias;
    double x_scale; /* inputs are multiplied by it before they reach the operator */
} fdht_fixed_values;

/* Chains and weights, nothing rounded yet; then ranges by calibrating over clips (called once a clip),
 * then words. */
int fdht_fixed_open(const fdht_workload *w, const fdht_order_choice *choice, const fdht_sim_hw *hw,
                    const fdht_fixed_values *v, fdht_fixed **out, fdht_error *err);
int fdht_fixed_calibrate(fdht_fixed *f, size_t steps, const float *x, fdht_error *err);
int fdht_fixed_close_ranges(fdht_fixed *f, fdht_error *err);

/* Floating-point run that also notes peaks; f is written only if note. y may be NULL. */
int fdht_fixed_real(fdht_fixed *f, bool note, size_t steps, const float *x, float *y, fdht_error *err);

/* Offsets of every index of the legs `want` in a row-major tensor with the legs `have`. */
void fdht_leg_offsets(const fdht_sim_leg *want, int n_want, const fdht_sim_leg *have, int n_have,
                      uint32_t *out);

/* stage_weights.c: the product of a group of cores as (row legs, inner legs) of a stage; box slices the input legs. */
int fdht_merge_group(const fdht_legs *l, const fdht_box *box, const float *params, uint32_t group,
                     const fdht_sim_stage *s, double scale, float *out, fdht_error *err);

#endif
