/* export/onnx.c - a model's chain as an ONNX graph: the frame specification, its links one after the other, the output. */
#include <string.h>

#include "export/graph.h"

/* What the links so far give: a sequence (batch, steps, n), or a vector (batch, n). */
typedef struct chain {
    fdht_graph g;
    bool compressed, sequence;
    fdht_value x, lead,
        scale;         /* lead: batch and steps; scale: what x must still be multiplied by, 0 for nothing */
    fdht_value two[2]; /* both directions of the layer just before, joined by merge */
    fdht_merge merge;
    const char *steps; /* what the steps are called, or .. */
    int64_t n_steps;   /* .. how many; -1 */
} chain;

/* ---- the input ---- */

/* Each channel by its own mean and deviation, while the channels are still an axis; differences have no mean. */
static fdht_value by_channel(fdht_graph *g, const fdht_frame_spec *f, fdht_value in)
{
    float mean[FDHT_MAX_CHANNELS], factor[FDHT_MAX_CHANNELS];
    int64_t n = (int64_t)f->channels;
    for (size_t k = 0; k < f->channels; k++) {
        mean[k] = (float)f->channel_mean[k];
        factor[k] = (float)(1 / f->channel_std[k]);
    }
    if (!f->diff)
        in = fdht_graph_two(g, "Sub", in, fdht_graph_floats(g, mean, 1, &n));
    return fdht_graph_two(g, "Mul", in, fdht_graph_floats(g, factor, 1, &n));
}

static void make_input(chain *c)
{
    fdht_graph *g = &c->g;
    const fdht_frame_spec *f = &g->spec->frame;
    static const char *const names[] = {"batch", "frames"};
    int64_t n = (int64_t)fdht_model_inputs(g->m);
    fdht_value in = fdht_graph_value(g, f->width ? "frames" : "features");
    if (f->width) {
        fdht_graph_io(g, &g->io, 11, in, 5,
                      (int64_t[]){-1, -1, (int64_t)f->height, (int64_t)f->width, (int64_t)f->channels},
                      names);
        if (f->by_channel)
            in = by_channel(g, f, in);
        c->x = fdht_graph_reshape(g, in, 3, (int64_t[]){0, 0, n});
    } else {
        fdht_graph_io(g, &g->io, 11, in, 3, (int64_t[]){-1, -1, n}, names);
        c->x = in;
    }
    c->sequence = true;
    c->steps = "frames";
    c->n_steps = -1;
    c->lead = fdht_graph_slice(g, fdht_graph_one(g, "Shape", in), 0, 0, 2, 1);
    if (f->diff) { /* the first frame less itself */
        fdht_value first = fdht_graph_slice(g, c->x, 1, 0, 1, 1),
                   rest = fdht_graph_slice(g, c->x, 1, 0, -1, 1);
        c->x = fdht_graph_two(g, "Sub", c->x, fdht_graph_int(g, "Concat", "axis", 1, FDHT_IN(first, rest)));
    } else if (f->width && !f->by_channel && (float)f->mean != 0)
        c->x = fdht_graph_two(g, "Sub", c->x, fdht_graph_number(g, f->mean));
    if (f->width && !f->by_channel && (float)f->std != 1)
        c->scale = fdht_graph_number(g, 1 / f->std);
}

/* Multiply by what is still due. */
static void settle(chain *c)
{
    if (c->scale)
        c->x = fdht_graph_two(&c->g, "Mul", c->x, c->scale);
    c->scale = 0;
}

/* ---- links ---- */

static fdht_value join(fdht_graph *g, fdht_merge merge, fdht_value a, fdht_value b)
{
    if (merge == FDHT_MERGE_CONCAT)
        return fdht_graph_int(g, "Concat", "axis", -1, FDHT_IN(a, b));
    fdht_value y = fdht_graph_two(g, merge == FDHT_MERGE_MUL ? "Mul" : "Add", a, b);
    return merge == FDHT_MERGE_AVERAGE ? fdht_graph_two(g, "Mul", y, fdht_graph_number(g, 0.5)) : y;
}

/* Is link k, a layer, followed by a pool link `last`, which takes its last states? */
static bool takes_last(const chain *c, int k)
{
    const fdht_model_spec *s = c->g.spec;
    return k + 1 < s->links && s->link[k + 1].kind == FDHT_LINK_POOL && s->link[k + 1].pool == FDHT_POOL_LAST;
}

static void add_layer(chain *c, int k)
{
    const fdht_link *l = &c->g.spec->link[k];
    if (!c->compressed)
        settle(c);
    fdht_layer layer = {.link = l, .x = c->x, .lead = c->lead, .scale = c->scale, .last = takes_last(c, k)};
    c->scale = 0;
    if (c->compressed)
        fdht_graph_scan(&c->g, &layer);
    else
        fdht_graph_lstm(&c->g, &layer, k);
    c->x = layer.joined         ? layer.joined
           : l->directions == 2 ? join(&c->g, l->merge, layer.out[0], layer.out[1])
                                : layer.out[0];
    c->sequence = !layer.last;
}

static void add_pool(chain *c, const fdht_link *l)
{
    fdht_graph *g = &c->g;
    if (l->pool == FDHT_POOL_EACH || !c->sequence) /* a vector: the layer has given its last states */
        return;
    if (l->pool == FDHT_POOL_LAST)
        c->x = fdht_graph_int(g, "Gather", "axis", 1, FDHT_IN(c->x, fdht_graph_index(g, -1)));
    else {
        const int64_t axis[1] = {1};
        const fdht_attr a[] = {{.name = "axes", .type = FDHT_ATTR_INTS, .n = 1, .ints = axis},
                               {.name = "keepdims", .type = FDHT_ATTR_INT, .i = 0},
                               {.type = FDHT_ATTR_END}};
        c->x = fdht_graph_node(g, l->pool == FDHT_POOL_MEAN ? "ReduceMean" : "ReduceMax", a, 1, &c->x);
    }
    c->sequence = false;
}

static void add_norm(chain *c, const fdht_link *l, int k)
{
    fdht_graph *g = &c->g;
    if (l->kind == FDHT_LINK_LAYER_NORM) {
        fdht_value mean = fdht_graph_ints(g, "ReduceMean", "axes", 1, (int64_t[]){-1}, c->x);
        fdht_value d = fdht_graph_two(g, "Sub", c->x, mean);
        fdht_value v =
            fdht_graph_ints(g, "ReduceMean", "axes", 1, (int64_t[]){-1}, fdht_graph_two(g, "Mul", d, d));
        v = fdht_graph_one(g, "Sqrt", fdht_graph_two(g, "Add", v, fdht_graph_number(g, l->epsilon)));
        c->x = fdht_graph_two(g, "Div", d, v);
    }
    c->x = fdht_graph_two(g, "Mul", c->x, fdht_graph_param(g, fdht_model_link_param(g->m, k, "scale")));
    c->x = fdht_graph_two(g, "Add", c->x, fdht_graph_param(g, fdht_model_link_param(g->m, k, "shift")));
}

/* The name of the first output, which is what the last link gives. */
static const char *output_name(const fdht_model_spec *s)
{
    return s->classes && s->output != FDHT_OUTPUT_LINEAR ? "logits" : "values";
}

static void add_dense(chain *c, const fdht_link *l, int k)
{
    fdht_graph *g = &c->g;
    const fdht_attr by_row[] = {{.name = "transB", .type = FDHT_ATTR_INT, .i = 1}, {.type = FDHT_ATTR_END}};
    const fdht_param *bias = fdht_model_link_param(g->m, k, "bias"),
                     *weight = fdht_model_link_param(g->m, k, "weight");
    bool end = k == g->spec->links - 1 && l->activation == FDHT_LINEAR;
    fdht_value b = bias ? fdht_graph_param(g, bias) : 0,
               y = fdht_graph_value(g, end ? output_name(g->spec) : NULL);
    if (!c->sequence) {
        const fdht_value in[] = {c->x, fdht_graph_param(g, weight), b};
        fdht_graph_nodes(g, "Gemm", fdht_graph_link_name(g, k), by_row, bias ? 3 : 2, in, 1, &y);
    } else {
        fdht_value w = c->compressed ? fdht_graph_ints(g, "Transpose", "perm", 2, (int64_t[]){1, 0},
                                                       fdht_graph_param(g, weight))
                                     : fdht_graph_transposed(g, weight);
        fdht_value product = bias ? fdht_graph_value(g, NULL) : y;
        fdht_graph_nodes(g, "MatMul", fdht_graph_link_name(g, k), NULL, FDHT_IN(c->x, w), 1, &product);
        if (bias)
            fdht_graph_nodes(g, "Add", NULL, NULL, FDHT_IN(product, b), 1, &y);
    }
    c->x = fdht_graph_activation(g, l->activation, y);
}

static void add_repeat(chain *c, const fdht_link *l)
{
    fdht_graph *g = &c->g;
    const int64_t steps = (int64_t)l->steps, n = (int64_t)l->inputs, one = 1;
    fdht_value batch = fdht_graph_slice(g, c->lead, 0, 0, 1, 1);
    c->lead = fdht_graph_int(g, "Concat", "axis", 0, FDHT_IN(batch, fdht_graph_whole(g, 1, &steps)));
    fdht_value shape = fdht_graph_int(g, "Concat", "axis", 0, FDHT_IN(c->lead, fdht_graph_whole(g, 1, &n)));
    fdht_value x = fdht_graph_two(g, "Unsqueeze", c->x, fdht_graph_whole(g, 1, &one));
    c->x = fdht_graph_two(g, "Expand", x, shape);
    c->n_steps = steps;
    c->sequence = true;
}

static void add_link(chain *c, int k)
{
    const fdht_link *l = &c->g.spec->link[k];
    if (l->kind != FDHT_LINK_LSTM)
        settle(c);
    switch (l->kind) {
    case FDHT_LINK_LSTM:
        add_layer(c, k);
        break;
    case FDHT_LINK_NORM:
    case FDHT_LINK_LAYER_NORM:
        add_norm(c, l, k);
        break;
    case FDHT_LINK_DENSE:
        add_dense(c, l, k);
        break;
    case FDHT_LINK_ACTIVATION:
        c->x = fdht_graph_activation(&c->g, l->activation, c->x);
        break;
    case FDHT_LINK_POOL:
        add_pool(c, l);
        break;
    default:
        add_repeat(c, l);
    }
}

/* ---- the output ---- */

static void add_output(chain *c, const char *name, fdht_value v)
{
    fdht_graph *g = &c->g;
    static const char *const names[] = {"batch", "frames"};
    fdht_value out = fdht_graph_find(g, name);
    int64_t n = (int64_t)fdht_model_width(g->m);
    if (!out) { /* unless the last link has made it under this name */
        out = fdht_graph_value(g, name);
        fdht_graph_nodes(g, "Identity", NULL, NULL, 1, &v, 1, &out);
    }
    if (c->sequence)
        fdht_graph_io(g, &g->io, 12, out, 3, (int64_t[]){-1, c->n_steps, n}, names);
    else
        fdht_graph_io(g, &g->io, 12, out, 2, (int64_t[]){-1, n}, names);
}

static void make_output(chain *c)
{
    fdht_graph *g = &c->g;
    const fdht_model_spec *s = g->spec;
    settle(c);
    add_output(c, output_name(s), c->x);
    if (s->classes && s->output != FDHT_OUTPUT_LINEAR)
        add_output(
            c, "probabilities",
            fdht_graph_activation(g, s->output == FDHT_OUTPUT_SOFTMAX ? FDHT_SOFTMAX : FDHT_SIGMOID, c->x));
}

static void add_metadata(fdht_graph *g)
{
    const fdht_model_spec *s = g->spec;
    fdht_bytes text = {0};
    fdht_graph_meta(g, "output", fdht_output_name(s->classes ? s->output : FDHT_OUTPUT_LINEAR));
    if (!s->class_name || !s->classes)
        return;
    for (size_t i = 0; i < s->classes; i++) {
        fdht_graph_append(g, &text, s->class_name[i], strlen(s->class_name[i]));
        fdht_graph_append(g, &text, "\n", i + 1 < s->classes);
    }
    fdht_graph_append(g, &text, "", 1);
    if (!g->status)
        fdht_graph_meta(g, "classes", (const char *)text.p);
    fdht_free(text.p);
}

int fdht_export_onnx(fdht_rawfile *r, bool compressed)
{
    chain c = {.compressed = compressed};
    fdht_graph *g = &c.g;
    g->m = r->m;
    g->spec = fdht_model_spec_of(r->m);
    g->err = r->err;
    g->here = &g->nodes;
    make_input(&c);
    for (int k = 0; k < g->spec->links; k++)
        add_link(&c, k);
    make_output(&c);
    add_metadata(g);
    int status = g->status ? g->status : fdht_graph_write(g, r);
    fdht_graph_free(g);
    return status;
}
