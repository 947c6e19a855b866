/* export/graph.h - an ONNX model under way: nodes, initializers and what goes in and out, written as protocol buffers by a few lines of
 * our own, so that dense matrices are never in memory. Internal.
 *
 * A value is the number of a name. Functions that add something do nothing once g->status is set; look at it at the end. */
#ifndef FDHT_EXPORT_GRAPH_H
#define FDHT_EXPORT_GRAPH_H

#include <stdint.h>

#include "export/rawfile.h"

typedef struct fdht_bytes {
    unsigned char *p;
    size_t n, cap;
} fdht_bytes;

typedef int fdht_value; /* 0: an input that is left out */

enum { FDHT_VALUE_NAME = 112, FDHT_GRAPH_RANK = 2 * FDHT_MAX_MODES };

/* ONNX' AttributeProto.AttributeType. */
typedef enum fdht_attr_type {
    FDHT_ATTR_END = 0,
    FDHT_ATTR_FLOAT = 1,
    FDHT_ATTR_INT = 2,
    FDHT_ATTR_STRING = 3,
    FDHT_ATTR_GRAPH = 5,
    FDHT_ATTR_FLOATS = 6,
    FDHT_ATTR_INTS = 7,
    FDHT_ATTR_STRINGS = 8
} fdht_attr_type;

typedef struct fdht_attr {
    const char *name;
    fdht_attr_type type;
    int64_t i;
    float f;
    const char *s;
    size_t n; /* of the list that `type` names */
    const int64_t *ints;
    const float *floats;
    const char *const *strings;
    const fdht_bytes *graph;
} fdht_attr;

typedef struct fdht_tensor {
    fdht_value name;
    int rank;
    int64_t dim[FDHT_GRAPH_RANK];
    int type;         /* 1 float, 7 int64 */
    const void *data; /* NULL: dense maps */
    void *owned;      /* data, where it is the graph's to free */
    size_t bytes;
    int cell, cells; /* maps of cells cell .. cell + cells - 1, one after the other */
    bool hidden;
    const int *order; /* of gates */
} fdht_tensor;

typedef struct fdht_graph {
    const fdht_model *m;
    const fdht_model_spec *spec;
    fdht_bytes nodes, body, io, meta;
    fdht_bytes *here; /* where nodes go: nodes, or body while a Scan is written */
    char (*name)[FDHT_VALUE_NAME];
    int n_names, cap_names;
    fdht_tensor *tensor;
    int n_tensors, cap_tensors;
    int status;
    fdht_error *err;
} fdht_graph;

/* Inputs of a node: FDHT_IN(a, b). */
#define FDHT_IN(...)                                                                                         \
    sizeof((fdht_value[]){__VA_ARGS__}) / sizeof(fdht_value), (fdht_value[])                                 \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }

void fdht_graph_free(fdht_graph *g);
/* A name of its own ("v12"), or this one. */
fdht_value fdht_graph_value(fdht_graph *g, const char *name);
fdht_value fdht_graph_find(const fdht_graph *g, const char *name); /* 0: none */

/* A node of n_out outputs; name may be NULL. attr ends with FDHT_ATTR_END; NULL: none. */
void fdht_graph_nodes(fdht_graph *g, const char *op, const char *name, const fdht_attr *attr, size_t n_in,
                      const fdht_value *in, size_t n_out, const fdht_value *out);
/* A node of one output, which is returned. */
fdht_value fdht_graph_node(fdht_graph *g, const char *op, const fdht_attr *attr, size_t n_in,
                           const fdht_value *in);
fdht_value fdht_graph_one(fdht_graph *g, const char *op, fdht_value x);
fdht_value fdht_graph_two(fdht_graph *g, const char *op, fdht_value x, fdht_value y);
/* With one attribute, a whole number or a list of them. */
fdht_value fdht_graph_int(fdht_graph *g, const char *op, const char *attr, int64_t i, size_t n_in,
                          const fdht_value *in);
fdht_value fdht_graph_ints(fdht_graph *g, const char *op, const char *attr, size_t n, const int64_t *ints,
                           fdht_value x);
fdht_value fdht_graph_reshape(fdht_graph *g, fdht_value x, size_t n, const int64_t *dim);
fdht_value fdht_graph_slice(fdht_graph *g, fdht_value x, int64_t axis, int64_t start, int64_t end,
                            int64_t step);

/* Initializers: whole numbers and floats (copied), one number, a parameter of the model (kept by reference; once, however often it is
 * asked for), dense maps of cells as (cells, rows, columns). */
fdht_value fdht_graph_whole(fdht_graph *g, size_t n, const int64_t *v);
fdht_value fdht_graph_floats(fdht_graph *g, const float *v, int rank, const int64_t *dim);
fdht_value fdht_graph_number(fdht_graph *g, double v);
fdht_value fdht_graph_index(fdht_graph *g, int64_t i); /* a whole number without axes */
fdht_value fdht_graph_param(fdht_graph *g, const fdht_param *p);
fdht_value fdht_graph_map(fdht_graph *g, const char *name, int cell, int cells, bool hidden,
                          const int *order);

/* A matrix's transposed as an initializer of this name. */
fdht_value fdht_graph_transposed(fdht_graph *g, const fdht_param *p);

/* What goes into (field 11) or out of (field 12) a graph, of float32. A dim of -1 takes the next of the names in `param`. */
void fdht_graph_io(fdht_graph *g, fdht_bytes *b, int field, fdht_value v, int rank, const int64_t *dim,
                   const char *const *param);
void fdht_graph_meta(fdht_graph *g, const char *key, const char *text);
/* Protocol buffers: a field of bytes, a field that is a number. */
void fdht_graph_field(fdht_graph *g, fdht_bytes *b, int field, const void *p, size_t n);
void fdht_graph_append(fdht_graph *g, fdht_bytes *b, const void *p, size_t n); /* as it is */
void fdht_graph_varint(fdht_graph *g, fdht_bytes *b, int field, uint64_t v);
/* The whole file. FDHT_ELIMIT: 2 GiB or more. */
int fdht_graph_write(fdht_graph *g, fdht_rawfile *r);

/* ---- parts of a model (contract.c, recurrent.c, onnx.c) ---- */

/* W x of a cell's operator over a box of inputs: x (rows, n), n numbers of it, to (rows, gates x hidden). Weights are made outside a body. */
fdht_value fdht_graph_contract(fdht_graph *g, int cell, const fdht_box *box, fdht_value x, size_t n);
fdht_value fdht_graph_activation(fdht_graph *g, fdht_activation a, fdht_value x);
/* A link's name for its node; NULL where it has none, or another has it. */
const char *fdht_graph_link_name(const fdht_graph *g, int k);
/* What a layer's directions give: sequences (batch, steps, P), in time order but of a reversed link in its own, or with `last` the state
 * (batch, P) in which each ends. x (batch, steps, inputs); lead: the extents batch and steps; scale: of the input map's outputs, 0 for
 * none. joined: both directions end to end, where a graph has that by itself; else 0. */
typedef struct fdht_layer {
    const fdht_link *link;
    fdht_value x, lead, scale;
    bool last;
    fdht_value out[2], joined;
} fdht_layer;
void fdht_graph_scan(fdht_graph *g, fdht_layer *l);
void fdht_graph_lstm(fdht_graph *g, fdht_layer *l, int k);

#endif
