/* arrays/onnx.c - ONNX models: initializers as named arrays, wherever their numbers stand, and the graph as plain structures. */
#include "arrays/onnx.h"

#include "arrays/file.h"

#include <string.h>

const fdht_onnx_attr *fdht_onnx_attr_find(const fdht_onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attr; i++)
        if (!strcmp(node->attr[i].name, name))
            return &node->attr[i];
    return NULL;
}

const fdht_onnx_node *fdht_onnx_maker(const fdht_onnx_graph *g, const char *value)
{
    for (size_t i = 0; i < g->n_nodes && *value; i++)
        for (size_t k = 0; k < g->node[i].n_out; k++)
            if (!strcmp(g->node[i].out[k], value))
                return &g->node[i];
    return NULL;
}

#ifdef FDHT_HAVE_PROTOBUF_C

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "onnx.pb-c.h"

enum { MAX_OUTSIDE = 500, SPREAD = 4, SLACK = 1 << 26 };

/* A file beside the model that numbers stand in. */
typedef struct outside {
    char *location;
    int source;
} outside;

struct fdht_onnx {
    FdhtPb__ModelProto *model;
    fdht_onnx_graph graph;
    ProtobufCAllocator allocator;
    bool no_memory;
    size_t budget; /* bytes that unpacking may still take: a few times the file */
    outside *outside;
    int n_outside;
};

static void *take(void *data, size_t size)
{
    fdht_onnx *o = data;
    if (size > o->budget)
        return NULL;
    o->budget -= size;
    void *p = malloc(size ? size : 1);
    o->no_memory |= !p;
    return p;
}

static void give(void *data, void *p)
{
    (void)data;
    free(p);
}

static const char *text(const char *s)
{
    return s ? s : "";
}

/* --- where a tensor's numbers stand */

static const char *type_name(int32_t t)
{
    static const char *const name[] = {"",       "float32", "uint8",     "int8",       "uint16",  "int16",
                                       "int32",  "int64",   "",          "bool",       "float16", "float64",
                                       "uint32", "uint64",  "complex64", "complex128", "bfloat16"};
    return t > 0 && t < (int32_t)FDHT_COUNT(name) ? name[t] : "";
}

static int whole(const char *s, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(s, &end, 10);
    return *s >= '0' && *s <= '9' && !*end && !errno ? 0 : -1;
}

/* Open LOCATION, which must stay in the model's folder through all links. A FIFO there is not waited for. */
static int open_outside(const fdht_arrays *f, const char *location, fdht_error *err)
{
    const char *slash = strrchr(f->path, '/');
    size_t n = slash ? (size_t)(slash - f->path) + 1 : 0, size = n + strlen(location) + 3;
    char *folder = fdht_calloc_err(size, 1, "path", err), *real_folder = NULL, *real = NULL;
    if (!folder)
        return FDHT_ENOMEM;
    snprintf(folder, size, "%.*s", n ? (int)n : 2, n ? f->path : "./");
    real_folder = realpath(folder, NULL);
    snprintf(folder, size, "%.*s%s", n ? (int)n : 2, n ? f->path : "./", location);
    real = realpath(folder, NULL);
    size_t len = real_folder ? strlen(real_folder) : 0;
    while (len && real_folder[len - 1] == '/')
        len--;
    int fd = -1, rc;
    if (location[0] == '/' ||
        (real && (!real_folder || strncmp(real, real_folder, len) != 0 || real[len] != '/')))
        rc = fdht_fail(err, FDHT_EFORMAT, "numbers in %.100s, outside the model's folder, are not read",
                       location);
    else if (!real || (fd = open(real, O_RDONLY | O_NONBLOCK | O_CLOEXEC)) < 0)
        rc = fdht_fail(err, errno == ENOENT ? FDHT_ENOENT : FDHT_EIO,
                       "%.100s, which holds numbers of the model: %s", location, strerror(errno));
    else
        rc = fd;
    free(real);
    free(real_folder);
    fdht_free(folder);
    return rc;
}

static int find_outside(fdht_arrays *f, const char *location, fdht_error *err)
{
    fdht_onnx *o = f->onnx;
    struct stat st;
    for (int i = 0; i < o->n_outside; i++)
        if (!strcmp(o->outside[i].location, location))
            return o->outside[i].source;
    if (o->n_outside == MAX_OUTSIDE)
        return fdht_fail(err, FDHT_EFORMAT, "numbers in more than %d files", MAX_OUTSIDE);
    if (!o->outside && !(o->outside = fdht_calloc_err(MAX_OUTSIDE, sizeof *o->outside, "catalogue", err)))
        return FDHT_ENOMEM;
    int fd = open_outside(f, location, err);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return fdht_fail(err, FDHT_EFORMAT, "%.100s, which holds numbers of the model, is no file", location);
    }
    int source =
        fdht_source_add(f, (fdht_source_bytes){.fd = fd, .member = -1, .size = (uint64_t)st.st_size}, err);
    if (source < 0)
        return source;
    outside *x = &o->outside[o->n_outside];
    x->source = source;
    x->location = fdht_strdup(location);
    if (!x->location)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: catalogue");
    o->n_outside++;
    return source;
}

static int place_outside(fdht_arrays *f, const FdhtPb__TensorProto *t, fdht_array *a, uint64_t *limit,
                         fdht_error *err)
{
    const char *location = NULL;
    uint64_t offset = 0, length = UINT64_MAX;
    for (size_t i = 0; i < t->n_external_data; i++) {
        const char *key = text(t->external_data[i]->key), *value = text(t->external_data[i]->value);
        if (!strcmp(key, "location"))
            location = value;
        else if ((!strcmp(key, "offset") && whole(value, &offset)) ||
                 (!strcmp(key, "length") && whole(value, &length)))
            return fdht_fail(err, FDHT_EFORMAT, "%.100s: %s %.20s of external data", a->name, key, value);
    }
    if (!location || !*location)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: external data without a location", a->name);
    a->source = find_outside(f, location, err);
    if (a->source < 0)
        return a->source;
    uint64_t size = f->source[a->source].size;
    if (offset > size || (length != UINT64_MAX && length > size - offset))
        return fdht_fail(err, FDHT_EFORMAT, "%.60s: %.60s ends before its numbers do", a->name, location);
    a->offset = offset;
    *limit = length == UINT64_MAX ? size : offset + length;
    return FDHT_OK;
}

/* Lists of numbers, as the message has them in memory. */
static const void *list_of(const FdhtPb__TensorProto *t, fdht_array *a, size_t *n)
{
    switch (a->type) {
    case FDHT_ARRAY_F32:
        *n = t->n_float_data;
        return t->float_data;
    case FDHT_ARRAY_F64:
        *n = t->n_double_data;
        return t->double_data;
    case FDHT_ARRAY_I64:
        *n = t->n_int64_data;
        return t->int64_data;
    case FDHT_ARRAY_U32:
    case FDHT_ARRAY_U64:
        a->type = FDHT_ARRAY_U64;
        a->size = 8;
        *n = t->n_uint64_data;
        return t->uint64_data;
    case FDHT_ARRAY_F16:
    case FDHT_ARRAY_BF16:
        *n = t->n_int32_data;
        return t->int32_data;
    case FDHT_ARRAY_OTHER:
        *n = 0;
        return NULL;
    default:
        a->type = FDHT_ARRAY_I32;
        a->size = 4;
        *n = t->n_int32_data;
        return t->int32_data;
    }
}

static int add_list(fdht_arrays *f, const FdhtPb__TensorProto *t, fdht_array *a, fdht_error *err)
{
    size_t n, count, wide = 1, step;
    const void *data = list_of(t, a, &n);
    const uint16_t one = 1;
    bool host_big = !*(const uint8_t *)&one;
    if (a->type == FDHT_ARRAY_OTHER) { /* strings, complex numbers: known by name only */
        a->size = 0;
        a->source = 0;
        return fdht_arrays_add(f, a, FDHT_ORDER_C, 0, err);
    }
    if (!fdht_product(a->dim, (size_t)a->rank, &count) || count != n)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: %zu numbers are not those of its extents", a->name, n);
    if (a->size == 2) { /* the lower halves of int32 */
        wide = 2;
        a->offset = host_big ? 2 : 0;
    }
    step = wide;
    for (int k = a->rank - 1; k >= 0; k--) {
        a->stride[k] = step;
        step *= FDHT_MAX(a->dim[k], (size_t)1);
    }
    uint64_t bytes = (uint64_t)n * wide * a->size;
    a->source = fdht_source_add(
        f, (fdht_source_bytes){.fd = -1, .member = -1, .data = data ? data : (const void *)"", .size = bytes},
        err);
    if (a->source < 0)
        return a->source;
    int rc = fdht_arrays_add(f, a, FDHT_ORDER_STRIDED, bytes, err);
    if (!rc)
        f->array[f->n - 1].big = host_big;
    return rc;
}

static int add_tensor(fdht_arrays *f, const FdhtPb__TensorProto *t, const char *name, fdht_error *err)
{
    fdht_array a = {.name = (char *)name};
    uint64_t limit = 0;
    if (t->n_dims > FDHT_ARRAY_MAX_RANK)
        return fdht_fail(err, FDHT_EFORMAT, "%.100s: %zu axes, at most %d are read", name, t->n_dims,
                         FDHT_ARRAY_MAX_RANK);
    a.rank = (int)t->n_dims;
    for (size_t k = 0; k < t->n_dims; k++) {
        if (t->dims[k] < 0)
            return fdht_fail(err, FDHT_EFORMAT, "%.100s: an extent below 0", name);
        a.dim[k] = (size_t)t->dims[k];
    }
    if (!fdht_array_set_type(&a, type_name(t->data_type)))
        snprintf(a.dtype, sizeof a.dtype, t->data_type == 8 ? "string" : "ONNX' number %d", t->data_type);
    if (t->data_location == 1) {
        int rc = place_outside(f, t, &a, &limit, err);
        return rc ? rc : fdht_arrays_add(f, &a, FDHT_ORDER_C, limit, err);
    }
    if (!t->has_raw_data)
        return add_list(f, t, &a, err);
    a.source =
        fdht_source_add(f,
                        (fdht_source_bytes){.fd = -1,
                                            .member = -1,
                                            .data = t->raw_data.data ? t->raw_data.data : (const uint8_t *)"",
                                            .size = t->raw_data.len},
                        err);
    return a.source < 0 ? a.source : fdht_arrays_add(f, &a, FDHT_ORDER_C, t->raw_data.len, err);
}

/* --- the graph */

static char *copy_bytes(const ProtobufCBinaryData *b)
{
    char *s = fdht_calloc(b->len + 1, 1);
    if (s && b->len)
        memcpy(s, b->data, b->len);
    return s;
}

static int set_attr(fdht_onnx_attr *a, const FdhtPb__AttributeProto *p)
{
    *a = (fdht_onnx_attr){
        .name = text(p->name), .type = p->type, .f = p->f, .i = p->i, .s = copy_bytes(&p->s)};
    if (!a->s)
        return FDHT_ENOMEM;
    switch (p->type) {
    case FDHT_ONNX_FLOATS:
        a->n = p->n_floats;
        a->floats = p->floats;
        break;
    case FDHT_ONNX_INTS:
        a->n = p->n_ints;
        a->ints = p->ints;
        break;
    case FDHT_ONNX_STRINGS:
        if (!(a->strings = fdht_calloc(p->n_strings, sizeof *a->strings)))
            return FDHT_ENOMEM;
        for (a->n = 0; a->n < p->n_strings; a->n++)
            if (!(a->strings[a->n] = copy_bytes(&p->strings[a->n])))
                return FDHT_ENOMEM;
        break;
    default:
        break;
    }
    return FDHT_OK;
}

static int set_node(fdht_onnx_node *n, const FdhtPb__NodeProto *p)
{
    *n = (fdht_onnx_node){.op = text(p->op_type),
                          .domain = text(p->domain),
                          .name = text(p->name),
                          .n_in = p->n_input,
                          .n_out = p->n_output,
                          .in = p->input,
                          .out = p->output};
    int rc = FDHT_OK;
    n->attr = fdht_calloc(p->n_attribute, sizeof *n->attr);
    for (; n->attr && n->n_attr < p->n_attribute && !rc; n->n_attr++)
        rc = set_attr(&n->attr[n->n_attr], p->attribute[n->n_attr]);
    return n->attr ? rc : FDHT_ENOMEM;
}

static int set_values(fdht_onnx_value **out, size_t *n, FdhtPb__ValueInfoProto *const *p, size_t count)
{
    if (!(*out = fdht_calloc(count, sizeof **out)))
        return FDHT_ENOMEM;
    for (*n = 0; *n < count; ++*n) {
        const FdhtPb__TypeProto *type = p[*n]->type;
        const FdhtPb__TensorShapeProto *shape = type && type->tensor_type ? type->tensor_type->shape : NULL;
        fdht_onnx_value *v = &(*out)[*n];
        *v = (fdht_onnx_value){.name = text(p[*n]->name), .rank = -1};
        if (!shape || shape->n_dim > FDHT_ARRAY_MAX_RANK)
            continue;
        v->rank = (int)shape->n_dim;
        for (size_t k = 0; k < shape->n_dim; k++) {
            v->dim[k] =
                shape->dim[k]->has_dim_value && shape->dim[k]->dim_value >= 0 ? shape->dim[k]->dim_value : -1;
            v->param[k] = text(shape->dim[k]->dim_param);
        }
    }
    return FDHT_OK;
}

static int set_graph(fdht_onnx *o, fdht_error *err)
{
    const FdhtPb__ModelProto *m = o->model;
    const FdhtPb__GraphProto *p = m->graph;
    fdht_onnx_graph *g = &o->graph;
    *g = (fdht_onnx_graph){
        .name = text(p->name), .producer = text(m->producer_name), .ir_version = m->ir_version};
    for (size_t i = 0; i < m->n_opset_import; i++)
        if (!*text(m->opset_import[i]->domain) || !strcmp(m->opset_import[i]->domain, "ai.onnx"))
            g->opset = m->opset_import[i]->version;
    int rc = (g->node = fdht_calloc(p->n_node, sizeof *g->node)) ? FDHT_OK : FDHT_ENOMEM;
    for (; !rc && g->n_nodes < p->n_node; g->n_nodes++)
        rc = set_node(&g->node[g->n_nodes], p->node[g->n_nodes]);
    if (!rc)
        rc = set_values(&g->in, &g->n_in, p->input, p->n_input);
    if (!rc)
        rc = set_values(&g->out, &g->n_out, p->output, p->n_output);
    return rc ? fdht_fail(err, rc, "out of memory: graph") : FDHT_OK;
}

/* Initializers, and the values of Constant nodes. */
static int add_tensors(fdht_arrays *f, fdht_error *err)
{
    const FdhtPb__GraphProto *g = f->onnx->model->graph;
    int rc = FDHT_OK;
    for (size_t i = 0; i < g->n_initializer && !rc; i++)
        rc = add_tensor(f, g->initializer[i], text(g->initializer[i]->name), err);
    for (size_t i = 0; i < g->n_node && !rc; i++) {
        const FdhtPb__NodeProto *n = g->node[i];
        for (size_t k = 0; k < n->n_attribute && n->n_output && !strcmp(text(n->op_type), "Constant") && !rc;
             k++)
            if (n->attribute[k]->t)
                rc = add_tensor(f, n->attribute[k]->t, n->output[0], err);
    }
    return rc;
}

static int unpack(fdht_arrays *f, fdht_onnx *o, fdht_error *err)
{
    uint64_t size = f->source[0].size;
    if (size > INT32_MAX)
        return fdht_fail(
            err, FDHT_EFORMAT,
            "an ONNX model of %llu bytes (at most %d; larger ones keep their numbers in a file beside them)",
            (unsigned long long)size, INT32_MAX);
    uint8_t *data = fdht_calloc_err((size_t)size, 1, "model", err);
    if (!data)
        return FDHT_ENOMEM;
    int rc = fdht_source_read(f, 0, 0, (size_t)size, data, err);
    o->allocator = (ProtobufCAllocator){take, give, o};
    o->budget = SPREAD * (size_t)size + SLACK;
    if (!rc)
        o->model = fdht_pb__model_proto__unpack(&o->allocator, (size_t)size, data);
    fdht_free(data);
    if (!rc && o->no_memory)
        rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: ONNX model");
    if (!rc && (!o->model || !o->model->graph))
        rc = fdht_fail(err, FDHT_EFORMAT, "a damaged ONNX model: %s",
                       o->model ? "no graph" : "it cannot be unpacked");
    return rc;
}

int fdht_onnx_scan(fdht_arrays *f, fdht_error *err)
{
    fdht_onnx *o = f->onnx = fdht_calloc_err(1, sizeof *o, "model", err);
    int rc = o ? unpack(f, o, err) : FDHT_ENOMEM;
    if (!rc)
        rc = set_graph(o, err);
    return rc ? rc : add_tensors(f, err);
}

void fdht_onnx_free(fdht_onnx *o)
{
    if (!o)
        return;
    for (size_t i = 0; i < o->graph.n_nodes; i++) {
        fdht_onnx_node *n = &o->graph.node[i];
        for (size_t k = 0; k < n->n_attr; k++) {
            for (size_t s = 0; s < n->attr[k].n && n->attr[k].strings; s++)
                fdht_free(n->attr[k].strings[s]);
            fdht_free(n->attr[k].strings);
            fdht_free(n->attr[k].s);
        }
        fdht_free(n->attr);
    }
    fdht_free(o->graph.node);
    fdht_free(o->graph.in);
    fdht_free(o->graph.out);
    for (int i = 0; i < o->n_outside; i++)
        fdht_free(o->outside[i].location);
    fdht_free(o->outside);
    if (o->model)
        fdht_pb__model_proto__free_unpacked(o->model, &o->allocator);
    fdht_free(o);
}

const fdht_onnx_graph *fdht_onnx_graph_of(const fdht_onnx *o)
{
    return &o->graph;
}

#else /* without protobuf-c */

int fdht_onnx_scan(fdht_arrays *f, fdht_error *err)
{
    (void)f;
    return fdht_fail(err, FDHT_ENOSUP, "an ONNX model, and this fdht is built without protobuf-c");
}

void fdht_onnx_free(fdht_onnx *o)
{
    (void)o;
}

const fdht_onnx_graph *fdht_onnx_graph_of(const fdht_onnx *o)
{
    (void)o;
    return NULL;
}

#endif
