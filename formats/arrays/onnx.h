/* arrays/onnx.h - the graph of an ONNX model as plain structures, for who reads its topology. Internal.
 *
 * Everything belongs to the fdht_arrays and lives as long. Strings are never NULL; absent ones are "". */
#ifndef FDHT_ARRAYS_ONNX_H
#define FDHT_ARRAYS_ONNX_H

#include "arrays/arrays.h"

/* ONNX' AttributeProto.AttributeType. Graphs (bodies of If, Loop, Scan) are not read: only that there is one. */
typedef enum fdht_onnx_type {
    FDHT_ONNX_UNDEFINED,
    FDHT_ONNX_FLOAT,
    FDHT_ONNX_INT,
    FDHT_ONNX_STRING,
    FDHT_ONNX_TENSOR,
    FDHT_ONNX_GRAPH,
    FDHT_ONNX_FLOATS,
    FDHT_ONNX_INTS,
    FDHT_ONNX_STRINGS
} fdht_onnx_type;

typedef struct fdht_onnx_attr {
    const char *name;
    int type; /* fdht_onnx_type, or a number that is none of these */
    float f;
    int64_t i;
    char *s;
    size_t n; /* of the list that `type` names */
    const float *floats;
    const int64_t *ints;
    char **strings;
} fdht_onnx_attr;

/* A node. Inputs that are left out are "". The tensor of a Constant is in the catalogue under its output's name. */
typedef struct fdht_onnx_node {
    const char *op, *domain, *name;
    size_t n_in, n_out, n_attr;
    char **in, **out;
    fdht_onnx_attr *attr;
} fdht_onnx_node;

/* What goes in or out. dim -1: not fixed, then named by param ("batch") or "". */
typedef struct fdht_onnx_value {
    const char *name;
    int rank; /* -1: shape not given */
    int64_t dim[FDHT_ARRAY_MAX_RANK];
    const char *param[FDHT_ARRAY_MAX_RANK];
} fdht_onnx_value;

struct fdht_onnx_graph {
    const char *name, *producer;
    int64_t ir_version, opset; /* of the default domain; 0: not given */
    size_t n_nodes, n_in, n_out;
    fdht_onnx_node *node;      /* as in the file: topological order */
    fdht_onnx_value *in, *out; /* old models list initializers among the inputs, too */
};

/* NULL if there is none of this name. */
const fdht_onnx_attr *fdht_onnx_attr_find(const fdht_onnx_node *node, const char *name);
/* The node that makes this value, NULL if none does (an input or an initializer). */
const fdht_onnx_node *fdht_onnx_maker(const fdht_onnx_graph *g, const char *value);

#endif
