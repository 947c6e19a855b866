/* fdht/design.h - a cell from a few wishes: what is not said is chosen. */
#ifndef FDHT_DESIGN_H
#define FDHT_DESIGN_H

#include "fdht/model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Plain data. Zero means "choose" wherever a size may be chosen; lists that are given have d entries. */
typedef struct fdht_cell_options {
    fdht_cell_kind kind;
    fdht_recurrent recurrent;
    size_t inputs, hidden, proj; /* proj: 0 = no projection */
    bool bias;
    fdht_activation activation, candidate, output;
    int d;                        /* modes; 0: chosen. Needed where a list of modes is given */
    size_t in[FDHT_MAX_MODES];    /* of x alone; their product is at least inputs; in[0] = 0: chosen */
    size_t out[FDHT_MAX_MODES];   /* their product is 4 times (GRU: 3) at least hidden; out[0] = 0: chosen */
    const char *tree;             /* ht, fdht: "balanced", "linear" or like "((1,2),3)"; NULL: balanced */
    size_t rank;                  /* every rank; 0: 8 with a tree, else 4 */
    size_t n_ranks;               /* 0: all are `rank` */
    size_t ranks[FDHT_MAX_NODES]; /* tree nodes in post-order without the root; tt and tr r_0..r_d; bt one */
    bool feasible;                /* ranks are lowered to what a decomposition can have */
    int blocks;                   /* bt; 0: 2 */
    /* fdht: where h is placed, as fdht_cell_place takes it. */
    int enlarge_mode; /* 0-based; used if enlarge is all 0 */
    size_t enlarge[FDHT_MAX_MODES];
    size_t hidden_box[FDHT_MAX_MODES]; /* hidden_box[0] = 0: chosen */
} fdht_cell_options;

/* An fdht LSTM cell with a bias, sigmoid gates and tanh; sizes are 0. */
FDHT_API void fdht_cell_options_default(fdht_cell_options *o);

/* The cell that the options describe, its modes, tree, ranks and boxes filled in. Modes that are chosen are those of
 * the fewest numbers in all cores at `rank` (the default's, if ranks are given one by one), slices for h and the root
 * included; x may get more positions than it has elements. It takes less than a second for any size. reason (NULL
 * allowed) gets one sentence with that number, "as given" where nothing was chosen.
 * FDHT_EINVAL: sizes, modes, tree, ranks or places that do not fit, and lists that the kind does not have. */
FDHT_API int fdht_cell_design(const fdht_cell_options *o, fdht_cell_spec *out, char reason[256],
                              fdht_error *err);

/* The options that design this cell again; tree_text keeps the spelled tree and must live as long as they do. */
FDHT_API void fdht_cell_options_of(const fdht_cell_spec *cell, fdht_cell_options *o,
                                   char tree_text[8 * FDHT_MAX_NODES]);

#ifdef __cplusplus
}
#endif
#endif
