/* weights/onnx_graph.h - what the readers of an ONNX graph share: values with the meaning of their axes, and the nodes
 * that are made of them. Internal: not installed. */
#ifndef FDHT_WEIGHTS_ONNX_GRAPH_H
#define FDHT_WEIGHTS_ONNX_GRAPH_H

#include "arrays/arrays.h"
#include "arrays/onnx.h"
#include "weights/topology.h"

enum { FDHT_WONNX_AXES = 8 };

/* A value between nodes. axes: T steps, B clips, D directions, F features, 1 an axis of one, S the final states of several layers;
 * "?" before the first LSTM. */
typedef struct fdht_wonnx_value {
    const char *name;
    int node; /* of the graph that is made, -1: none */
    char axes[FDHT_WONNX_AXES];
    size_t width;
    int half; /* of an LSTM's two final states: 1 forward, 2 backward; `node` is both; 0: neither */
    const fdht_onnx_node *joined; /* axis S: the Concat of their final states; `node` is the last of them */
} fdht_wonnx_value;

typedef struct fdht_wonnx_reader {
    fdht_weights *w;
    fdht_wgraph *g;
    const fdht_onnx_graph *onnx;
    fdht_wonnx_value *value;
    int n;
    int *slot; /* hash table of names: 1 + index of a value, 0 = free; room for twice as many */
    size_t slots;
    const char **read; /* the names that nodes read, sorted */
    size_t n_read;
    int lstms; /* met */
    fdht_error *err;
} fdht_wonnx_reader;

/* One node being read: its first input that is a value. */
typedef struct fdht_wonnx_op {
    fdht_wonnx_reader *r;
    const fdht_onnx_node *node;
    const fdht_wonnx_value *x;
} fdht_wonnx_op;

/* --- onnx_values.c */

bool fdht_w_onnx_is(const fdht_onnx_node *n, const char *name);
/* Whether it is an LSTM or a GRU. */
bool fdht_w_onnx_is_cell(const fdht_onnx_node *n);
const char *fdht_w_onnx_input(const fdht_onnx_node *n, size_t i);
int64_t fdht_w_onnx_int_attr(const fdht_onnx_node *n, const char *name, int64_t otherwise);
double fdht_w_onnx_float_attr(const fdht_onnx_node *n, const char *name, double otherwise);
const fdht_wonnx_value *fdht_w_onnx_find_value(const fdht_wonnx_reader *r, const char *name);
/* A data set of the catalogue by its name, -1 if there is none. */
int fdht_w_onnx_set_of(const fdht_weights *w, const char *name);
/* Up to `most` numbers of a small constant; -1 if it is not one. */
int fdht_w_onnx_constant(const fdht_wonnx_reader *r, const char *name, float *out, int most);
int fdht_w_onnx_add_value(fdht_wonnx_reader *r, const char *name, int node, const char *axes, size_t width);
/* Axis `k` of x as a letter, counted from the end where negative; 0: there is none. */
char fdht_w_onnx_letter(const fdht_wonnx_value *x, int64_t k);
void fdht_w_onnx_drop(char axes[FDHT_WONNX_AXES], char which);

int fdht_w_onnx_make_node(fdht_wonnx_op *o, const char *name, fdht_wnode_kind kind, const char *why);
int fdht_w_onnx_other(fdht_wonnx_op *o, const char *why);
int fdht_w_onnx_skip(fdht_wonnx_op *o, const char *axes);
int fdht_w_onnx_put(fdht_wonnx_op *o, const char *name, fdht_wlink use, const char *axes);

/* Read a node other than an LSTM: onnx_links.c. */
int fdht_w_onnx_link(fdht_wonnx_op *o);

#endif
