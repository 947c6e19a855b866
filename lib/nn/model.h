/* nn/model.h - the inside of a model. Internal to lib/nn and lib/train. */
#ifndef FDHT_NN_MODEL_H
#define FDHT_NN_MODEL_H

#include "base/base.h"
#include "fdht/model.h"

typedef struct fdht_cell_rule fdht_cell_rule; /* nn/cells.h */

typedef struct fdht_cell {
    fdht_cell_spec spec;
    const fdht_cell_rule *rule;
    size_t state;       /* P: what h has */
    size_t gates;       /* of the rule: 4 in an LSTM */
    size_t gate;        /* H' = prod(op.out) / gates: rows of one gate in op */
    size_t hidden_gate; /* rows of one gate in the hidden map: H, in an fdht cell H' */
    size_t biases;      /* numbers of the bias, whether there is one or not */
    bool apart;         /* pre-activations of the hidden map are not added to those of the input map */
    fdht_op *op;        /* input map, or the map of [x;h] */
    fdht_op *hidden;    /* dense (gates H, P); NULL in an fdht cell */
    fdht_op *proj;      /* dense (P, H); NULL without projection */
    size_t core_offset; /* of op's parameters in the model's values, and so on */
    size_t bias_offset, hidden_offset, proj_offset;
} fdht_cell;

struct fdht_model {
    fdht_model_spec spec;
    int n_cells, n_params;
    fdht_cell *cell;
    fdht_param *param;
    size_t outputs, size, weight_offset, bias_offset; /* of the classifier */
    float *values;
};

#endif
