/* nn/model.h - the inside of a model. Internal to lib/nn and lib/train. */
#ifndef FDHT_NN_MODEL_H
#define FDHT_NN_MODEL_H

#include "base/base.h"
#include "fdht/model.h"

#define FDHT_GATES 4

typedef struct fdht_cell {
    fdht_cell_spec spec;
    size_t state;       /* P: what h has */
    size_t gate;        /* H' = prod(op.out) / 4: rows of one gate in op */
    fdht_op *op;        /* input map, or the map of [x;h] */
    fdht_op *hidden;    /* dense (4H, P); NULL in an fdht cell */
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
