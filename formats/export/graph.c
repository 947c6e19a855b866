/* export/graph.c - ONNX' messages as protocol buffers: names, nodes, initializers, the file. Field numbers are those of ONNX'
 * onnx.proto; numbers are written as this machine has them, which must be little-endian. */
#include "export/graph.h"

#include <string.h>

enum { OPSET = 13, IR_VERSION = 7, FLOAT = 1, INT64 = 7 };

void fdht_graph_free(fdht_graph *g)
{
    for (int i = 0; i < g->n_tensors; i++)
        fdht_free(g->tensor[i].owned);
    fdht_free(g->tensor);
    fdht_free(g->name);
    fdht_free(g->nodes.p);
    fdht_free(g->body.p);
    fdht_free(g->io.p);
    fdht_free(g->meta.p);
}

/* ---- protocol buffers ---- */

/* Twice the room for an array of *cap items of this size. */
static bool grow(fdht_graph *g, void **array, size_t used, size_t more, size_t *cap, size_t size)
{
    if (g->status)
        return false;
    if (used + more <= *cap)
        return true;
    size_t wanted = FDHT_MAX(2 * *cap, used + more + 64);
    void *grown = fdht_calloc_err(wanted, size, "graph", g->err);
    if (!grown) {
        g->status = FDHT_ENOMEM;
        return false;
    }
    if (used)
        memcpy(grown, *array, used * size);
    fdht_free(*array);
    *array = grown;
    *cap = wanted;
    return true;
}

void fdht_graph_append(fdht_graph *g, fdht_bytes *b, const void *p, size_t n)
{
    void *array = b->p;
    if (!grow(g, &array, b->n, n, &b->cap, 1))
        return;
    b->p = array;
    if (n)
        memcpy(b->p + b->n, p, n);
    b->n += n;
}

static size_t encode(uint64_t v, unsigned char out[10])
{
    size_t n = 0;
    for (; v > 127; v >>= 7)
        out[n++] = (unsigned char)(v & 127) | 128;
    out[n++] = (unsigned char)v;
    return n;
}

static void put_varint(fdht_graph *g, fdht_bytes *b, uint64_t v)
{
    unsigned char raw[10];
    fdht_graph_append(g, b, raw, encode(v, raw));
}

void fdht_graph_varint(fdht_graph *g, fdht_bytes *b, int field, uint64_t v)
{
    put_varint(g, b, (uint64_t)field << 3);
    put_varint(g, b, v);
}

void fdht_graph_field(fdht_graph *g, fdht_bytes *b, int field, const void *p, size_t n)
{
    put_varint(g, b, (uint64_t)field << 3 | 2);
    put_varint(g, b, n);
    fdht_graph_append(g, b, p, n);
}

static void put_text(fdht_graph *g, fdht_bytes *b, int field, const char *s)
{
    fdht_graph_field(g, b, field, s, strlen(s));
}

static void put_float(fdht_graph *g, fdht_bytes *b, int field, float f)
{
    put_varint(g, b, (uint64_t)field << 3 | 5);
    fdht_graph_append(g, b, &f, sizeof f);
}

static void put_message(fdht_graph *g, fdht_bytes *b, int field, fdht_bytes *message)
{
    fdht_graph_field(g, b, field, message->p, message->n);
    fdht_free(message->p);
    *message = (fdht_bytes){0};
}

/* ---- names and nodes ---- */

fdht_value fdht_graph_find(const fdht_graph *g, const char *name)
{
    for (int i = 1; i < g->n_names; i++)
        if (!strcmp(g->name[i], name))
            return i;
    return 0;
}

fdht_value fdht_graph_value(fdht_graph *g, const char *name)
{
    size_t cap = (size_t)g->cap_names;
    void *array = g->name;
    if (!grow(g, &array, (size_t)g->n_names, 2, &cap, sizeof *g->name))
        return 0;
    g->name = array;
    g->cap_names = (int)cap;
    if (!g->n_names)
        g->n_names = 1; /* 0 is "" */
    if (name)
        snprintf(g->name[g->n_names], sizeof *g->name, "%s", name);
    else
        snprintf(g->name[g->n_names], sizeof *g->name, "v%d", g->n_names);
    return g->n_names++;
}

static void put_attr(fdht_graph *g, fdht_bytes *node, const fdht_attr *a)
{
    fdht_bytes b = {0};
    put_text(g, &b, 1, a->name);
    if (a->type == FDHT_ATTR_FLOAT)
        put_float(g, &b, 2, a->f);
    if (a->type == FDHT_ATTR_INT)
        fdht_graph_varint(g, &b, 3, (uint64_t)a->i);
    if (a->type == FDHT_ATTR_STRING)
        put_text(g, &b, 4, a->s);
    if (a->type == FDHT_ATTR_GRAPH)
        fdht_graph_field(g, &b, 6, a->graph->p, a->graph->n);
    for (size_t i = 0; i < a->n; i++) {
        if (a->type == FDHT_ATTR_FLOATS)
            put_float(g, &b, 7, a->floats[i]);
        if (a->type == FDHT_ATTR_INTS)
            fdht_graph_varint(g, &b, 8, (uint64_t)a->ints[i]);
        if (a->type == FDHT_ATTR_STRINGS)
            put_text(g, &b, 9, a->strings[i]);
    }
    fdht_graph_varint(g, &b, 20, (uint64_t)a->type);
    put_message(g, node, 5, &b);
}

void fdht_graph_nodes(fdht_graph *g, const char *op, const char *name, const fdht_attr *attr, size_t n_in,
                      const fdht_value *in, size_t n_out, const fdht_value *out)
{
    fdht_bytes b = {0};
    if (g->status)
        return;
    for (size_t i = 0; i < n_in; i++)
        put_text(g, &b, 1, in[i] ? g->name[in[i]] : "");
    for (size_t i = 0; i < n_out; i++)
        put_text(g, &b, 2, out[i] ? g->name[out[i]] : "");
    if (name)
        put_text(g, &b, 3, name);
    put_text(g, &b, 4, op);
    for (; attr && attr->type != FDHT_ATTR_END; attr++)
        put_attr(g, &b, attr);
    put_message(g, g->here, 1, &b);
}

fdht_value fdht_graph_node(fdht_graph *g, const char *op, const fdht_attr *attr, size_t n_in,
                           const fdht_value *in)
{
    fdht_value out = fdht_graph_value(g, NULL);
    fdht_graph_nodes(g, op, NULL, attr, n_in, in, 1, &out);
    return out;
}

fdht_value fdht_graph_one(fdht_graph *g, const char *op, fdht_value x)
{
    return fdht_graph_node(g, op, NULL, 1, &x);
}

fdht_value fdht_graph_two(fdht_graph *g, const char *op, fdht_value x, fdht_value y)
{
    return fdht_graph_node(g, op, NULL, FDHT_IN(x, y));
}

fdht_value fdht_graph_int(fdht_graph *g, const char *op, const char *attr, int64_t i, size_t n_in,
                          const fdht_value *in)
{
    const fdht_attr a[] = {{.name = attr, .type = FDHT_ATTR_INT, .i = i}, {.type = FDHT_ATTR_END}};
    return fdht_graph_node(g, op, a, n_in, in);
}

fdht_value fdht_graph_ints(fdht_graph *g, const char *op, const char *attr, size_t n, const int64_t *ints,
                           fdht_value x)
{
    const fdht_attr a[] = {{.name = attr, .type = FDHT_ATTR_INTS, .n = n, .ints = ints},
                           {.type = FDHT_ATTR_END}};
    return fdht_graph_node(g, op, a, 1, &x);
}

fdht_value fdht_graph_reshape(fdht_graph *g, fdht_value x, size_t n, const int64_t *dim)
{
    return fdht_graph_two(g, "Reshape", x, fdht_graph_whole(g, n, dim));
}

fdht_value fdht_graph_slice(fdht_graph *g, fdht_value x, int64_t axis, int64_t start, int64_t end,
                            int64_t step)
{
    fdht_value s = fdht_graph_whole(g, 1, &start), e = fdht_graph_whole(g, 1, &end),
               a = fdht_graph_whole(g, 1, &axis);
    return fdht_graph_node(g, "Slice", NULL, FDHT_IN(x, s, e, a, fdht_graph_whole(g, 1, &step)));
}

/* ---- initializers ---- */

static fdht_tensor *add_tensor(fdht_graph *g, const char *name, int type, int rank, const int64_t *dim)
{
    size_t cap = (size_t)g->cap_tensors, count = 1;
    void *array = g->tensor;
    if (!grow(g, &array, (size_t)g->n_tensors, 1, &cap, sizeof *g->tensor))
        return NULL;
    g->tensor = array;
    g->cap_tensors = (int)cap;
    fdht_tensor *t = &g->tensor[g->n_tensors];
    *t = (fdht_tensor){.name = fdht_graph_value(g, name), .type = type, .rank = rank};
    if (g->status)
        return NULL;
    for (int k = 0; k < rank; k++) {
        t->dim[k] = dim[k];
        count *= (size_t)dim[k];
    }
    t->bytes = count * (type == INT64 ? sizeof(int64_t) : sizeof(float));
    g->n_tensors++;
    return t;
}

static fdht_value add_copy(fdht_graph *g, int type, const void *v, int rank, const int64_t *dim)
{
    for (int i = 0; i < g->n_tensors; i++) { /* the same small constant once */
        const fdht_tensor *t = &g->tensor[i];
        if (t->owned && t->type == type && t->rank == rank &&
            !memcmp(t->dim, dim, (size_t)rank * sizeof *dim) && !memcmp(t->data, v, t->bytes))
            return t->name;
    }
    fdht_tensor *t = add_tensor(g, NULL, type, rank, dim);
    if (!t)
        return 0;
    t->owned = fdht_calloc_err(t->bytes ? t->bytes : 1, 1, "constant", g->err);
    if (!t->owned) {
        g->status = FDHT_ENOMEM;
        return 0;
    }
    memcpy(t->owned, v, t->bytes);
    t->data = t->owned;
    return t->name;
}

fdht_value fdht_graph_whole(fdht_graph *g, size_t n, const int64_t *v)
{
    return add_copy(g, INT64, v, 1, &(int64_t){(int64_t)n});
}

fdht_value fdht_graph_floats(fdht_graph *g, const float *v, int rank, const int64_t *dim)
{
    return add_copy(g, FLOAT, v, rank, dim);
}

fdht_value fdht_graph_number(fdht_graph *g, double v)
{
    float f = (float)v;
    return add_copy(g, FLOAT, &f, 0, &(int64_t){0});
}

fdht_value fdht_graph_index(fdht_graph *g, int64_t i)
{
    return add_copy(g, INT64, &i, 0, &(int64_t){0});
}

fdht_value fdht_graph_param(fdht_graph *g, const fdht_param *p)
{
    int64_t dim[FDHT_GRAPH_RANK];
    fdht_value known = fdht_graph_find(g, p->name);
    if (known)
        return known;
    for (int k = 0; k < p->order; k++)
        dim[k] = (int64_t)p->dim[k];
    fdht_tensor *t = add_tensor(g, p->name, FLOAT, p->order, dim);
    if (!t)
        return 0;
    t->data = fdht_model_values_const(g->m) + p->offset;
    return t->name;
}

fdht_value fdht_graph_transposed(fdht_graph *g, const fdht_param *p)
{
    const int64_t dim[2] = {(int64_t)p->dim[1], (int64_t)p->dim[0]};
    const float *from = fdht_model_values_const(g->m) + p->offset;
    fdht_tensor *t = add_tensor(g, p->name, FLOAT, 2, dim);
    float *to = t ? fdht_calloc_err(p->size, sizeof *to, p->name, g->err) : NULL;
    if (!to) {
        g->status = g->status ? g->status : FDHT_ENOMEM;
        return 0;
    }
    for (size_t i = 0; i < p->dim[0]; i++)
        for (size_t j = 0; j < p->dim[1]; j++)
            to[j * p->dim[0] + i] = from[i * p->dim[1] + j];
    t->data = t->owned = to;
    return t->name;
}

fdht_value fdht_graph_map(fdht_graph *g, const char *name, int cell, int cells, bool hidden, const int *order)
{
    const fdht_cell_spec *c = &g->spec->cell[cell];
    const int64_t dim[3] = {cells, (int64_t)fdht_export_rows(c),
                            (int64_t)(hidden ? fdht_export_state(c) : c->inputs)};
    fdht_tensor *t = add_tensor(g, name, FLOAT, 3, dim);
    if (!t)
        return 0;
    t->cell = cell;
    t->cells = cells;
    t->hidden = hidden;
    t->order = order;
    return t->name;
}

/* ---- the file ---- */

void fdht_graph_io(fdht_graph *g, fdht_bytes *b, int field, fdht_value v, int rank, const int64_t *dim,
                   const char *const *param)
{
    fdht_bytes shape = {0}, type = {0}, any = {0}, info = {0};
    if (g->status)
        return;
    for (int k = 0; k < rank; k++) {
        fdht_bytes one = {0};
        if (dim[k] >= 0)
            fdht_graph_varint(g, &one, 1, (uint64_t)dim[k]);
        else
            put_text(g, &one, 2, *param++);
        put_message(g, &shape, 1, &one);
    }
    fdht_graph_varint(g, &type, 1, FLOAT);
    put_message(g, &type, 2, &shape);
    put_message(g, &any, 1, &type);
    put_text(g, &info, 1, g->name[v]);
    put_message(g, &info, 2, &any);
    put_message(g, b, field, &info);
}

void fdht_graph_meta(fdht_graph *g, const char *key, const char *text)
{
    fdht_bytes entry = {0};
    put_text(g, &entry, 1, key);
    put_text(g, &entry, 2, text);
    put_message(g, &g->meta, 14, &entry);
}

/* All of a tensor's message but the numbers themselves, and the message's length. */
static size_t put_tensor_head(fdht_graph *g, fdht_bytes *head, const fdht_tensor *t)
{
    fdht_bytes b = {0};
    for (int k = 0; k < t->rank; k++)
        fdht_graph_varint(g, &b, 1, (uint64_t)t->dim[k]);
    fdht_graph_varint(g, &b, 2, (uint64_t)t->type);
    put_text(g, &b, 8, g->name[t->name]);
    put_varint(g, &b, 9 << 3 | 2);
    put_varint(g, &b, t->bytes);
    put_varint(g, head, 5 << 3 | 2);
    put_varint(g, head, b.n + t->bytes);
    fdht_graph_append(g, head, b.p, b.n);
    fdht_free(b.p);
    return head->n + t->bytes;
}

static int put_tensor(fdht_graph *g, fdht_rawfile *r, const fdht_tensor *t)
{
    fdht_bytes head = {0};
    put_tensor_head(g, &head, t);
    int status = g->status ? g->status : fdht_rawfile_put(r, head.p, head.n);
    fdht_free(head.p);
    if (!status && t->data)
        status = fdht_rawfile_put(r, t->data, t->bytes);
    for (int i = 0; i < t->cells && !status; i++)
        status = fdht_rawfile_map(r, t->cell + i, t->hidden, t->order);
    return status;
}

/* Fields of the model before the graph, and the graph's own tag and length. */
static void put_start(fdht_graph *g, fdht_bytes *b, size_t length)
{
    fdht_bytes opset = {0};
    fdht_graph_varint(g, b, 1, IR_VERSION);
    put_text(g, b, 2, "fdht");
    put_text(g, b, 3, fdht_version());
    put_text(g, &opset, 1, "");
    fdht_graph_varint(g, &opset, 2, OPSET);
    put_message(g, b, 8, &opset);
    fdht_graph_append(g, b, g->meta.p, g->meta.n);
    put_varint(g, b, 7 << 3 | 2);
    put_varint(g, b, length);
}

int fdht_graph_write(fdht_graph *g, fdht_rawfile *r)
{
    fdht_bytes start = {0};
    put_text(g, &g->nodes, 2, "fdht");
    size_t length = g->nodes.n + g->io.n;
    for (int i = 0; i < g->n_tensors; i++) {
        fdht_bytes head = {0};
        length += put_tensor_head(g, &head, &g->tensor[i]);
        fdht_free(head.p);
    }
    put_start(g, &start, length);
    int status = g->status;
    if (!status && length + start.n >= (size_t)1 << 31)
        status =
            fdht_fail(r->err, FDHT_ELIMIT, "%zu bytes: an ONNX file holds less than 2 GiB", length + start.n);
    if (!status)
        status = fdht_rawfile_put(r, start.p, start.n);
    if (!status)
        status = fdht_rawfile_put(r, g->nodes.p, g->nodes.n);
    for (int i = 0; i < g->n_tensors && !status; i++)
        status = put_tensor(g, r, &g->tensor[i]);
    if (!status)
        status = fdht_rawfile_put(r, g->io.p, g->io.n);
    fdht_free(start.p);
    return status;
}
