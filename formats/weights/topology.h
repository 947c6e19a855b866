/* weights/topology.h - what a file says about the network around its LSTMs: a graph of layers, whatever source it
 * comes from, and the chain of links that is read out of it.
 *
 * A source (keras_graph.c with a model's description, guess.c where the file has none) fills the graph: one node a
 * layer, with the nodes it reads. chain.c follows it from the first LSTM to the output. What is not a chain stops it:
 * the chain then says what is left out. Internal: not installed. */
#ifndef FDHT_WEIGHTS_TOPOLOGY_H
#define FDHT_WEIGHTS_TOPOLOGY_H

#include "weights/weights.h"

enum { FDHT_WNODE_INPUTS = 8 };

typedef enum fdht_wnode_kind {
    FDHT_WNODE_INPUT, /* what the model is given */
    FDHT_WNODE_SKIP,  /* passes its input on: Dropout, Masking, Reshape that changes nothing */
    FDHT_WNODE_LINK,
    FDHT_WNODE_OTHER /* not read */
} fdht_wnode_kind;

/* A link and where its numbers stand; a part with gates = 0 is not there. */
typedef struct fdht_wlink {
    fdht_link link;
    int lstm;                               /* index of the LSTM, else -1 */
    fdht_wpart weight, bias;                /* DENSE */
    fdht_wpart gamma, beta, mean, variance; /* NORM: scale = gamma / sqrt(variance + epsilon); LAYER_NORM */
    bool flat;                              /* SKIP: gives a vector: Flatten, which passes on vectors only */
    int axis;                               /* NORM, LAYER_NORM: the axis of the features, -1 the last */
} fdht_wlink;

typedef struct fdht_wnode {
    const char *name, *type; /* as the file names them: "dense_1", "Dense" */
    fdht_wnode_kind kind;
    fdht_wlink use;
    bool last_only;  /* LSTM: gives its last state, not the sequence */
    const char *why; /* OTHER: why it is not read */
    int n_in;        /* may be more than `in` has room for */
    int in[FDHT_WNODE_INPUTS];
    bool state_in;       /* an LSTM that starts from given states */
    bool is_output;      /* of the whole model */
    int readers, reader; /* how many nodes read it, and one of them */
} fdht_wnode;

typedef struct fdht_wgraph {
    fdht_wnode *node;
    int n, cap;
    const char *assumed;     /* what the file does not say and was taken as usual; NULL: nothing */
    const char *no_head;     /* why no head is read behind the last LSTM, NULL if the graph itself says */
    fdht_output_kind output; /* of a final dense layer whose activation is linear */
} fdht_wgraph;

struct fdht_wtopology {
    fdht_wgraph graph;
};

/* Append a node (OTHER, no inputs) and return its index, or a (negative) status. Names are not copied. */
int fdht_w_add_node(fdht_wgraph *g, const char *name, const char *type, fdht_error *err);
void fdht_w_add_edge(fdht_wgraph *g, int to, int from);
/* Fill `readers`, when all edges are there. */
void fdht_w_count_readers(fdht_wgraph *g);
void fdht_w_graph_free(fdht_wgraph *g);
/* Links of what a layout's scan has found. */
fdht_wlink fdht_w_lstm_link(const fdht_weights *w, int lstm);
fdht_wlink fdht_w_dense_link(const fdht_weights *w, int dense);
/* The roles of a norm's arrays: as named, or in the order gamma, beta, mean, variance without those it lacks. False
 * if they are not as many. */
bool fdht_w_norm_link(const fdht_weights *w, int norm, bool scale, bool center, bool moving, fdht_wlink *out);

/* The sources. Nothing is added where there is no description; the graph is empty then. */
int fdht_w_graph_keras(fdht_weights *w, fdht_wgraph *g, fdht_error *err);
int fdht_w_graph_onnx(fdht_weights *w, fdht_wgraph *g, fdht_error *err);
int fdht_w_graph_guess(fdht_weights *w, fdht_wgraph *g, fdht_error *err);

/* The chain of one selection: what fdht_weights_chain_of gives, with the places of the numbers. */
typedef struct fdht_wchain {
    fdht_weights_chain seen; /* first member: a fdht_weights_chain pointer is one of these */
    fdht_link *link;
    fdht_wlink *use;
    int n, cap;
} fdht_wchain;

/* Index of the node of an LSTM, -1 if there is none. */
int fdht_w_lstm_node(const fdht_wgraph *g, int lstm);
/* The LSTMs that the graph runs one after the other, as indices in order; returns how many, from the first on, or a
 * (negative) status. */
int fdht_w_chain_order(const fdht_weights *w, int *order, int most, fdht_error *err);
/* Whether they run one after the other, whatever is behind them. */
int fdht_w_is_stack(const fdht_weights *w, int first, int count, bool *yes, fdht_error *err);
/* All numbers of a part. */
int fdht_w_read_whole(const fdht_weights *w, const fdht_wpart *p, float *out, fdht_error *err);
/* Scale and shift (outputs) of a NORM, gamma and beta of a LAYER_NORM, in double. */
int fdht_w_read_norm(const fdht_weights *w, const fdht_wlink *l, double *scale, double *shift,
                     fdht_error *err);

#endif
