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
    int link;       /* the lstm link it belongs to */
    bool backwards; /* runs from the last step to the first: its step s is time length - 1 - s */
} fdht_cell;

/* What a link gives, and where its parameters are. */
typedef struct fdht_chain_link {
    bool sequence; /* else a vector */
    int segment; /* of the sequence that it gives or, for a vector, that was pooled: the number of repeat links so far */
    size_t weight, bias; /* offsets: of a dense link; scale and shift of a norm */
} fdht_chain_link;

struct fdht_model {
    fdht_model_spec spec;
    int n_cells, n_params, segments;
    fdht_cell *cell;
    fdht_chain_link *chain; /* (links) */
    fdht_param *param;
    size_t inputs, outputs, width; /* of a step; of the last lstm link; of a row of scores */
    size_t size, lstm_size;        /* numbers; those of cells, which come first */
    float *values;
    char origin[FDHT_ORIGINS][FDHT_ORIGIN_TEXT];
};

/* What a loaded input is multiplied by: pixels are loaded as whole numbers, less the mean. */
static inline double fdht_input_scale(const fdht_model *m)
{
    return m->spec.frame.width ? 1 / m->spec.frame.std : 1;
}

/* Whether link k is a pool link `last` right after an lstm link of two directions. */
static inline bool fdht_chain_last_of_two(const fdht_model *m, int k)
{
    const fdht_link *l = &m->spec.link[k];
    return k && l->kind == FDHT_LINK_POOL && l->pool == FDHT_POOL_LAST && l[-1].kind == FDHT_LINK_LSTM &&
           l[-1].directions == 2;
}

/* Append a parameter of the model; d1 = 0: one extent. Returns its offset. */
size_t fdht_model_add_param(fdht_model *m, size_t d0, size_t d1);

/* to->link is allocated and copied, or made of layers, pool and classes; cells, layers, directions are counted. */
int fdht_chain_copy(const fdht_model_spec *from, fdht_model_spec *to, fdht_error *err);
/* Widths and order of the links, whose cells are made; fills widths, chain, inputs, outputs, width, segments. */
int fdht_chain_check(fdht_model *m, fdht_error *err);
/* Parameters of the links, after those of the cells. */
void fdht_chain_lay_out(fdht_model *m);
/* Rows of so many clips after a link, where the input has `rows`; link -1: the input's. SIZE_MAX: too many. */
size_t fdht_chain_rows(const fdht_model *m, int link, size_t rows, size_t clips);
/* "link 3 (dense_1)" by name or, where it has none, by kind; into buf, which is returned. */
const char *fdht_chain_label(const fdht_model_spec *s, int k, char *buf, size_t size);

#endif
