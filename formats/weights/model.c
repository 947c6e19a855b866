/* weights/model.c - a model of dense cells from weights, with the chain around them: the same numbers, ready to run, to
 * train and to be judged. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/topology.h"

static const fdht_wchain *inside(const fdht_weights_chain *c)
{
    return (const fdht_wchain *)c;
}

static int fill_cells(const fdht_weights *w, const fdht_weights_chain *c, int activation,
                      fdht_cell_spec *cell, fdht_error *err)
{
    for (int k = 0; k < c->n_links; k++) {
        int lstm = inside(c)->use[k].lstm;
        for (int d = 0; c->link[k].kind == FDHT_LINK_LSTM && d < c->link[k].directions; d++) {
            const fdht_weights_lstm *l = &w->lstm[lstm];
            fdht_cell_spec *to = &cell[c->link[k].cell + d];
            fdht_cell_spec_default(to);
            to->inputs = l->input_size;
            to->hidden = l->hidden_size;
            to->proj = l->proj_size;
            to->bias = l->bias;
            to->candidate = l->candidate;
            to->output = l->output;
            to->recurrent = l->recurrent;
            size_t rows = (size_t)fdht_recurrent_gates(l->recurrent) * l->hidden_size;
            to->op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {l->input_size}, .out = {rows}};
            to->x.size[0] = l->input_size;
            int rc = fdht_w_activation(w, lstm, activation, &to->activation, err);
            if (rc)
                return rc;
        }
    }
    return FDHT_OK;
}

/* Which LSTM and direction cell i of the chain is. */
static bool cell_of(const fdht_weights_chain *c, int i, int *lstm, int *direction)
{
    for (int k = 0; k < c->n_links; k++) {
        const fdht_link *l = &c->link[k];
        if (l->kind == FDHT_LINK_LSTM && i >= l->cell && i < l->cell + l->directions) {
            *lstm = inside(c)->use[k].lstm;
            *direction = i - l->cell;
            return true;
        }
    }
    return false;
}

/* Which part of cell i a parameter's name means: "cells/3/hidden" -> i = 3, W_HH. */
static bool part_of_name(const char *name, int *cell, fdht_weights_part *part)
{
    static const struct {
        const char *leaf;
        fdht_weights_part part;
    } table[] = {
        {"cores/", FDHT_W_IH}, {"hidden", FDHT_W_HH}, {"bias", FDHT_W_BIAS}, {"projection", FDHT_W_HR}};
    static const char cells[] = "cells/";
    if (strncmp(name, cells, sizeof cells - 1) != 0 || !isdigit((unsigned char)name[sizeof cells - 1]))
        return false;
    char *at;
    *cell = (int)strtol(name + sizeof cells - 1, &at, 10);
    if (*at++ != '/')
        return false;
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (!strncmp(at, table[i].leaf, strlen(table[i].leaf))) {
            *part = table[i].part;
            return true;
        }
    return false;
}

static int fill_values(const fdht_weights *w, const fdht_weights_chain *c, fdht_model *m, fdht_error *err)
{
    float *v = fdht_model_values(m);
    for (int i = 0; i < fdht_model_params(m); i++) {
        const fdht_param *p = fdht_model_param(m, i);
        int cell, lstm, direction;
        fdht_weights_part part;
        size_t rows, cols;
        if (!part_of_name(p->name, &cell, &part) || !cell_of(c, cell, &lstm, &direction))
            continue;
        fdht_weights_shape(w, lstm, part, &rows, &cols);
        if (p->size != rows * cols)
            return fdht_fail(err, FDHT_EINTERNAL, "%s: %zu numbers, expected %zu", p->name, p->size,
                             rows * cols);
        int rc = fdht_weights_read(w, lstm, direction, part, 0, rows, 0, cols, v + p->offset, cols, err);
        if (rc)
            return rc;
    }
    return fdht_weights_fill_chain(w, c, m, err);
}

/* The parameter of a link: "chain/3/weight", or "classifier/weight" of the head. */
static float *link_param(fdht_model *m, int k, const char *leaf, size_t size)
{
    char name[64];
    snprintf(name, sizeof name, "chain/%d/%s", k, leaf);
    const fdht_param *p = fdht_model_find(m, name);
    if (!p) {
        snprintf(name, sizeof name, "classifier/%s", leaf);
        p = fdht_model_find(m, name);
    }
    return p && p->size == size ? fdht_model_values(m) + p->offset : NULL;
}

static int fill_norm(const fdht_weights *w, const fdht_wlink *use, float *scale, float *shift,
                     fdht_error *err)
{
    size_t n = use->link.outputs;
    double *v = fdht_calloc_err(2 * n, sizeof *v, "weights of a layer", err);
    int rc = v ? fdht_w_read_norm(w, use, v, v + n, err) : FDHT_ENOMEM;
    for (size_t i = 0; i < n && !rc; i++)
        scale[i] = (float)v[i], shift[i] = (float)v[n + i];
    fdht_free(v);
    return rc;
}

int fdht_weights_fill_chain(const fdht_weights *w, const fdht_weights_chain *c, fdht_model *m,
                            fdht_error *err)
{
    int rc = FDHT_OK;
    for (int k = 0; k < c->n_links && !rc; k++) {
        const fdht_wlink *use = &inside(c)->use[k];
        const fdht_link *l = &c->link[k];
        size_t in = l->inputs, out = l->outputs;
        bool dense = l->kind == FDHT_LINK_DENSE;
        if (!dense && l->kind != FDHT_LINK_NORM && l->kind != FDHT_LINK_LAYER_NORM)
            continue;
        float *a = link_param(m, k, dense ? "weight" : "scale", dense ? in * out : out);
        float *b = dense && !l->bias ? NULL : link_param(m, k, dense ? "bias" : "shift", out);
        if (!a || (!b && !(dense && !l->bias)))
            return fdht_fail(err, FDHT_EINTERNAL, "chain/%d: the model has not this link's numbers", k);
        if (!dense)
            rc = fill_norm(w, use, a, b, err);
        else
            rc = fdht_w_read_whole(w, &use->weight, a, err);
        if (dense && b && !rc) {
            memset(b, 0, out * sizeof *b);
            rc = use->bias.gates ? fdht_w_read_whole(w, &use->bias, b, err) : FDHT_OK;
        }
    }
    return rc;
}

int fdht_weights_model(const fdht_weights *w, int first, int count, int activation, fdht_model **out,
                       fdht_error *err)
{
    fdht_weights_chain *c = NULL;
    fdht_model *m = NULL;
    fdht_model_spec spec = {.frame.std = 1};
    int rc = fdht_weights_chain_of(w, first, count, &c, err);
    if (rc)
        return rc;
    for (int k = 0; k < c->n_links; k++)
        spec.cells += c->link[k].kind == FDHT_LINK_LSTM ? c->link[k].directions : 0;
    spec.cell = fdht_calloc_err((size_t)spec.cells, sizeof *spec.cell, "model", err);
    spec.links = c->n_links;
    spec.link = (fdht_link *)c->link;
    spec.output = c->output;
    spec.classes = c->classes;
    rc = spec.cell ? fill_cells(w, c, activation, spec.cell, err) : FDHT_ENOMEM;
    if (!rc)
        rc = fdht_model_new(&spec, &m, err);
    if (!rc)
        rc = fill_values(w, c, m, err);
    fdht_free(spec.cell);
    fdht_weights_chain_free(c);
    if (rc) {
        fdht_model_free(m);
        return rc;
    }
    *out = m;
    return FDHT_OK;
}
