/* nn/cells.h - the recurrent cells: what a step computes from pre-activations, and the way back. Internal.
 *
 * One table, a row a cell (nn/cells.c). What the maps are (dense, tt, fdht, ..) is no concern of a row, nor what a row does
 * one of the rest of lib/nn and lib/train: those hand it one time step of one clip. */
#ifndef FDHT_NN_CELLS_H
#define FDHT_NN_CELLS_H

#include "nn/model.h"

#define FDHT_REAL 32
#include "base/real.h"
#include "nn/cells_tmpl.h"
#define FDHT_REAL 64
#include "base/real.h"
#include "nn/cells_tmpl.h"

struct fdht_cell_rule {
    const char *name, *order; /* order: a letter a gate */
    int gates;                /* blocks of H' rows in the operator, of H rows in the hidden map */
    int biases; /* blocks of H numbers in the bias: the gates', then one for the hidden part of the last gate */
    int start_one;   /* the bias block that starts as 1, or -1 */
    bool cell_state; /* keeps c next to h: the rows of c and tc exist */
    bool apart;      /* takes the hidden map's part by itself; else it may find it added to a */
    bool projects;   /* may have a projection */
    bool output;     /* the activation `output` of a spec is used; else it must be tanh */
    void (*step_f32)(const fdht_cell *cell, const float *bias, const fdht_cell_row_f32 *row);
    void (*step_f64)(const fdht_cell *cell, const double *bias, const fdht_cell_row_f64 *row);
    void (*back_f32)(const fdht_cell *cell, const fdht_cell_row_f32 *row, const float *dh, float *carry);
    void (*back_f64)(const fdht_cell *cell, const fdht_cell_row_f64 *row, const double *dh, double *carry);
};

/* The row of a recurrence, which is one of the list. */
const fdht_cell_rule *fdht_cell_rule_of(fdht_recurrent r);

#endif
