/* weights/graph.c - the graph of a file's network: nodes, edges, and links made of what a layout's scan has found. */
#include <stdio.h>
#include <string.h>

#include "weights/topology.h"

enum { MAX_NODES = 10000 };

int fdht_w_add_node(fdht_wgraph *g, const char *name, const char *type, fdht_error *err)
{
    void *list = g->node;
    if (g->n == MAX_NODES)
        return fdht_fail(err, FDHT_EFORMAT, "more than %d layers", MAX_NODES);
    if (fdht_w_grow(&list, g->n, &g->cap, sizeof *g->node, err))
        return FDHT_ENOMEM;
    g->node = list;
    g->node[g->n] = (fdht_wnode){.name = name, .type = type, .kind = FDHT_WNODE_OTHER, .use.lstm = -1};
    return g->n++;
}

void fdht_w_add_edge(fdht_wgraph *g, int to, int from)
{
    fdht_wnode *n = &g->node[to];
    if (n->n_in < FDHT_WNODE_INPUTS)
        n->in[n->n_in] = from;
    n->n_in++;
}

void fdht_w_count_readers(fdht_wgraph *g)
{
    for (int i = 0; i < g->n; i++)
        g->node[i].readers = 0;
    for (int i = 0; i < g->n; i++)
        for (int k = 0; k < g->node[i].n_in && k < FDHT_WNODE_INPUTS; k++) {
            fdht_wnode *from = &g->node[g->node[i].in[k]];
            from->readers += !from->readers || from->reader != i; /* the inputs of a node follow each other */
            from->reader = i;
        }
}

void fdht_w_graph_free(fdht_wgraph *g)
{
    if (g)
        fdht_free(g->node);
    fdht_free(g);
}

int fdht_w_lstm_node(const fdht_wgraph *g, int lstm)
{
    for (int i = 0; i < g->n; i++)
        if (g->node[i].kind == FDHT_WNODE_LINK && g->node[i].use.lstm == lstm)
            return i;
    return -1;
}

fdht_wlink fdht_w_lstm_link(const fdht_weights *w, int lstm)
{
    const fdht_weights_lstm *l = &w->lstm[lstm];
    fdht_wlink out = {.lstm = lstm};
    out.link.kind = FDHT_LINK_LSTM;
    out.link.directions = l->directions;
    out.link.inputs = l->input_size;
    out.link.outputs = fdht_w_outputs(l);
    return out;
}

fdht_wlink fdht_w_dense_link(const fdht_weights *w, int dense)
{
    const fdht_wdense *d = &w->dense[dense];
    fdht_wlink out = {.lstm = -1, .weight = d->weight, .bias = d->bias};
    out.link.kind = FDHT_LINK_DENSE;
    out.link.activation = FDHT_LINEAR;
    out.link.bias = d->bias.gates > 0;
    out.link.inputs = d->weight.cols;
    out.link.outputs = d->weight.rows;
    return out;
}

static void put_role(const fdht_weights *w, int set, fdht_wpart *part)
{
    if (set >= 0)
        *part = fdht_w_whole(set, FDHT_WEIGHT_ROWS, w->set[set].dim[0], 1);
}

bool fdht_w_norm_link(const fdht_weights *w, int norm, bool scale, bool center, bool moving, fdht_wlink *out)
{
    const fdht_wnorm *n = &w->norm[norm];
    int role[4] = {n->gamma, n->beta, n->mean, n->variance};
    bool want[4] = {scale, center, moving, moving};
    int k = 0;
    for (int r = 0; r < 4 && n->n; r++)
        role[r] = want[r] && k < n->n ? n->set[k++] : -1;
    if (n->n && k != n->n)
        return false;
    size_t width = 0;
    for (int r = 0; r < 4; r++) {
        if (want[r] != (role[r] >= 0) || (role[r] >= 0 && width && w->set[role[r]].dim[0] != width))
            return false;
        width = role[r] >= 0 ? w->set[role[r]].dim[0] : width;
    }
    *out = (fdht_wlink){.lstm = -1};
    out->link.kind = moving ? FDHT_LINK_NORM : FDHT_LINK_LAYER_NORM;
    out->link.inputs = out->link.outputs = width;
    put_role(w, role[0], &out->gamma);
    put_role(w, role[1], &out->beta);
    put_role(w, role[2], &out->mean);
    put_role(w, role[3], &out->variance);
    return true;
}
