/* weights/onnx_graph.c - an ONNX model's graph, node by node: its inputs, LSTM and GRU nodes, and outputs. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/onnx_graph.h"

/* --- LSTM and GRU --- */

/* Zeros, or made of zeros alone: no state is given. */
static bool is_zero(const fdht_wonnx_reader *r, const char *name, int depth)
{
    static const char *const passed[] = {"Slice",  "Expand",  "Squeeze", "Unsqueeze", "Identity", "Cast",
                                         "Gather", "Reshape", "Tile",    "Transpose", "Concat"};
    if (!*name)
        return true;
    int at = fdht_arrays_find(r->w->arrays, name);
    const fdht_onnx_node *maker = fdht_onnx_maker(r->onnx, name);
    if (at >= 0) {
        const fdht_array *a = fdht_arrays_at(r->w->arrays, at);
        float v[64];
        size_t start[FDHT_ARRAY_MAX_RANK] = {0};
        float *all = a->count <= FDHT_COUNT(v) ? v : fdht_calloc(a->count, sizeof *all);
        fdht_array_box box = {start, a->dim, NULL};
        bool zero = all && !fdht_arrays_read(r->w->arrays, at, &box, all, NULL);
        for (size_t i = 0; i < a->count && zero; i++)
            zero = all[i] == 0;
        if (all != v)
            fdht_free(all);
        return zero;
    }
    if (!maker || depth > 16)
        return false;
    if (fdht_w_onnx_is(maker, "ConstantOfShape"))
        return true;
    for (size_t i = 0; i < FDHT_COUNT(passed); i++)
        if (fdht_w_onnx_is(maker, passed[i]))
            return is_zero(r, fdht_w_onnx_input(maker, 0), depth + 1);
    return false;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Whether a node reads this value. */
static bool is_read(const fdht_wonnx_reader *r, const char *name)
{
    return r->n_read && bsearch(&name, r->read, r->n_read, sizeof *r->read, by_name);
}

static int cell(fdht_wonnx_op *o)
{
    fdht_wonnx_reader *r = o->r;
    int index = r->lstms++;
    const fdht_onnx_attr *way = fdht_onnx_attr_find(o->node, "direction");
    bool reverse = way && way->s && !strcmp(way->s, "reverse"),
         by_clip = fdht_w_onnx_int_attr(o->node, "layout", 0) != 0;
    const char *want = by_clip ? "BTF" : "TBF";
    if (r->w->bound[index].unsupported)
        return fdht_w_onnx_other(o, r->w->bound[index].unsupported);
    if (strcmp(o->x->axes, "?") != 0 && strcmp(o->x->axes, want) != 0)
        return fdht_w_onnx_other(o, "its input has other axes than (steps, clips, features)");
    const fdht_wonnx_value *lengths = fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, 4));
    if (*fdht_w_onnx_input(o->node, 4) &&
        (!lengths || lengths->node < 0 || r->g->node[lengths->node].kind != FDHT_WNODE_INPUT))
        return fdht_w_onnx_other(o, "lengths of clips that the model computes are not read");
    if (lengths)
        r->g->assumed = "the lengths that the model is given are those of the clips";
    fdht_wlink use = fdht_w_lstm_link(r->w, index);
    use.link.reversed = reverse;
    int at = fdht_w_onnx_make_node(o, "", FDHT_WNODE_LINK, NULL);
    if (at < 0)
        return at;
    memcpy(use.link.name, r->g->node[at].use.link.name, sizeof use.link.name);
    r->g->node[at].use = use;
    r->g->node[at].type = o->node->op;
    for (size_t i = 5; i <= 6; i++)
        if (!is_zero(r, fdht_w_onnx_input(o->node, i), 0)) { /* a state that something gives */
            const fdht_wonnx_value *v = fdht_w_onnx_find_value(r, fdht_w_onnx_input(o->node, i));
            int from = v ? -1 : fdht_w_add_node(r->g, "initial state", "", r->err);
            if (!v && from < 0)
                return from;
            if (!v)
                fdht_w_add_edge(r->g, at, from);
            r->g->node[at].state_in = true;
        }
    fdht_wnode *n = &r->g->node[at];
    if (n->n_in > 1 && !n->state_in) /* the same value twice */
        n->n_in = 1;
    size_t width = use.link.outputs;
    if (o->node->n_out > 0 && *o->node->out[0] && !reverse)
        fdht_w_onnx_add_value(r, o->node->out[0], at, by_clip ? "BTDF" : "TDBF", width);
    else if (o->node->n_out > 0 && *o->node->out[0]) { /* in the order of time, which a chain does not have */
        int y = fdht_w_add_node(r->g, r->g->node[at].name, "reversed sequence", r->err);
        if (y < 0)
            return y;
        r->g->node[y].why = "the sequence of a reversed layer is not read";
        if (is_read(r, o->node->out[0]))
            fdht_w_add_edge(r->g, y, at);
        fdht_w_onnx_add_value(r, o->node->out[0], y, "", 0);
    }
    if (o->node->n_out > 1 && *o->node->out[1] && is_read(r, o->node->out[1])) {
        int h = fdht_w_add_node(r->g, r->g->node[at].name, "last state", r->err);
        if (h < 0)
            return h;
        r->g->node[h].kind = FDHT_WNODE_LINK;
        r->g->node[h].use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
        fdht_w_add_edge(r->g, h, at);
        fdht_w_onnx_add_value(r, o->node->out[1], h, by_clip ? "BDF" : "DBF", width);
    }
    return FDHT_OK;
}

static int read_node(fdht_wonnx_reader *r, const fdht_onnx_node *node)
{
    fdht_wonnx_op o = {.r = r, .node = node};
    for (size_t i = 0; i < node->n_in && !o.x; i++)
        o.x = fdht_w_onnx_find_value(r, node->in[i]);
    if (fdht_w_onnx_is_cell(node))
        o.x = fdht_w_onnx_find_value(r, fdht_w_onnx_input(node, 0));
    if (fdht_w_onnx_is(node, "Shape") || (!o.x && !fdht_w_onnx_is_cell(node)))
        return FDHT_OK; /* of constants, and of sizes alone */
    if (!o.x) {
        r->lstms++;
        return FDHT_OK;
    }
    if (fdht_w_onnx_is_cell(node))
        return cell(&o);
    if (!node->n_out)
        return FDHT_OK;
    return *node->out[0] ? fdht_w_onnx_link(&o) : fdht_w_onnx_other(&o, "its first output has no name");
}

/* Room for all values of the graph, and what its nodes read. */
static int make_tables(fdht_wonnx_reader *r)
{
    const fdht_onnx_graph *onnx = r->onnx;
    size_t values = onnx->n_in + 1, reads = 0;
    for (size_t i = 0; i < onnx->n_nodes; i++)
        values += onnx->node[i].n_out + 1, reads += onnx->node[i].n_in;
    for (r->slots = 16; r->slots < 2 * values;)
        r->slots *= 2;
    if (values > INT_MAX / 4)
        return fdht_fail(r->err, FDHT_EFORMAT, "a graph of %zu values", values);
    if (!(r->value = fdht_calloc_err(values, sizeof *r->value, "graph", r->err)) ||
        !(r->slot = fdht_calloc_err(r->slots, sizeof *r->slot, "graph", r->err)) ||
        !(r->read = fdht_calloc_err(reads + 1, sizeof *r->read, "graph", r->err)))
        return FDHT_ENOMEM;
    for (size_t i = 0; i < onnx->n_nodes; i++)
        for (size_t k = 0; k < onnx->node[i].n_in; k++)
            r->read[r->n_read++] = onnx->node[i].in[k];
    qsort(r->read, r->n_read, sizeof *r->read, by_name);
    return FDHT_OK;
}

/* A final state that goes out beside the output and that nothing reads. */
static bool is_final_state(const fdht_onnx_graph *onnx, const char *name)
{
    const fdht_onnx_node *maker = onnx->n_out > 1 ? fdht_onnx_maker(onnx, name) : NULL;
    return maker && fdht_w_onnx_is_cell(maker) && maker->n_out && strcmp(maker->out[0], name) != 0;
}

/* An output; a part of an LSTM's states is not what its node gives. */
static int add_output(fdht_wonnx_reader *r, const fdht_wonnx_value *v)
{
    int at = v->node;
    if (v->half || v->joined) {
        const char *name = fdht_w_text(r->w, r->err, "%.120s", v->name);
        at = name ? fdht_w_add_node(r->g, name, "", r->err) : FDHT_ENOMEM;
        if (at < 0)
            return at;
        r->g->node[at].why =
            v->half ? "the state of one direction is not read" : "the states of several layers are not read";
        fdht_w_add_edge(r->g, at, v->node);
    }
    r->g->node[at].is_output = true;
    return FDHT_OK;
}

/* Final states that nothing reads but a Concat of which another layer's is taken. */
static void drop_unread(fdht_wgraph *g)
{
    fdht_w_count_readers(g);
    for (int i = 0; i < g->n; i++)
        if (!strcmp(g->node[i].type, "last state") && !g->node[i].readers && !g->node[i].is_output)
            g->node[i].n_in = 0;
}

int fdht_w_graph_onnx(fdht_weights *w, fdht_wgraph *g, fdht_error *err)
{
    const fdht_onnx_graph *onnx = w->arrays ? fdht_arrays_graph(w->arrays) : NULL;
    if (!onnx)
        return FDHT_OK;
    fdht_wonnx_reader r = {.w = w, .g = g, .onnx = onnx, .err = err};
    g->output = FDHT_OUTPUT_LINEAR;
    int rc = make_tables(&r);
    for (size_t i = 0; i < onnx->n_in && !rc; i++) {
        if (fdht_w_onnx_set_of(w, onnx->in[i].name) >= 0)
            continue;
        int at = fdht_w_add_node(g, onnx->in[i].name, "input", err);
        rc = at < 0 ? at : fdht_w_onnx_add_value(&r, onnx->in[i].name, at, "?", 0);
        if (!rc)
            g->node[at].kind = FDHT_WNODE_INPUT;
    }
    for (size_t i = 0; i < onnx->n_nodes && !rc; i++)
        rc = read_node(&r, &onnx->node[i]);
    for (size_t i = 0; i < onnx->n_out && !rc; i++) {
        const fdht_wonnx_value *v = fdht_w_onnx_find_value(&r, onnx->out[i].name);
        if (v && v->node >= 0)
            rc = add_output(&r, v);
        else if (!v && !g->assumed && is_final_state(onnx, onnx->out[i].name))
            g->assumed = "the final states, which the model gives too, are left out";
    }
    if (!rc)
        drop_unread(g);
    fdht_free(r.value);
    fdht_free(r.slot);
    fdht_free(r.read);
    return rc;
}
