/* weights/model.c - a model of dense cells from weights: the same numbers, ready to run, to train and to be
 * judged. */
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"

static int fill_spec(const fdht_weights *w, int first, int count, int activation, fdht_model_spec *spec,
                     fdht_error *err)
{
    int dirs = w->lstm[first].directions;
    for (int i = 0; i < count * dirs; i++) {
        int at = first + i / dirs;
        const fdht_weights_lstm *l = &w->lstm[at];
        fdht_cell_spec *c = &spec->cell[i];
        fdht_cell_spec_default(c);
        c->recurrent = l->recurrent;
        c->inputs = l->input_size;
        c->hidden = l->hidden_size;
        c->proj = l->proj_size;
        c->bias = l->bias;
        size_t rows = (size_t)fdht_recurrent_gates(l->recurrent) * l->hidden_size;
        c->op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {l->input_size}, .out = {rows}};
        c->x.size[0] = l->input_size;
        int rc = fdht_w_activation(w, at, activation, &c->activation, err);
        if (rc)
            return rc;
    }
    spec->layers = count;
    spec->directions = dirs;
    spec->pool = FDHT_POOL_LAST;
    spec->classes = first + count == w->n_lstm ? w->info.classes : 0;
    spec->frame.std = 1;
    return FDHT_OK;
}

/* Which part of cell i a parameter's name means: "cells/3/hidden" -> i = 3, W_HH. */
static bool part_of_name(const char *name, int *cell, fdht_weights_part *part)
{
    static const struct {
        const char *leaf;
        fdht_weights_part part;
    } table[] = {
        {"cores/", FDHT_W_IH}, {"hidden", FDHT_W_HH}, {"bias", FDHT_W_BIAS}, {"projection", FDHT_W_HR}};
    int at = 0;
    if (sscanf(name, "cells/%d/%n", cell, &at) != 1 || !at)
        return false;
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (!strncmp(name + at, table[i].leaf, strlen(table[i].leaf))) {
            *part = table[i].part;
            return true;
        }
    return false;
}

static int fill_values(const fdht_weights *w, int first, fdht_model *m, fdht_error *err)
{
    float *v = fdht_model_values(m);
    int dirs = w->lstm[first].directions;
    for (int i = 0; i < fdht_model_params(m); i++) {
        const fdht_param *p = fdht_model_param(m, i);
        int cell;
        fdht_weights_part part;
        size_t rows, cols;
        if (!part_of_name(p->name, &cell, &part))
            continue;
        fdht_weights_shape(w, first + cell / dirs, part, &rows, &cols);
        if (p->size != rows * cols)
            return fdht_fail(err, FDHT_EINTERNAL, "%s: %zu numbers, expected %zu", p->name, p->size,
                             rows * cols);
        int rc = fdht_weights_read(w, first + cell / dirs, cell % dirs, part, 0, rows, 0, cols, v + p->offset,
                                   cols, err);
        if (rc)
            return rc;
    }
    const fdht_param *weight = fdht_model_find(m, "classifier/weight"),
                     *bias = fdht_model_find(m, "classifier/bias");
    return weight && bias ? fdht_weights_read_head(w, v + weight->offset, v + bias->offset, err) : FDHT_OK;
}

int fdht_weights_model(const fdht_weights *w, int first, int count, int activation, fdht_model **out,
                       fdht_error *err)
{
    if (first < 0 || count < 1 || count > w->n_lstm - first)
        return fdht_fail(err, FDHT_EINVAL, "%s: no LSTMs %d..%d", w->file, first, first + count - 1);
    fdht_model *m = NULL;
    fdht_model_spec spec = {0};
    size_t cells = (size_t)count * (size_t)w->lstm[first].directions;
    spec.cell = fdht_calloc_err(cells, sizeof *spec.cell, "model", err);
    int rc = spec.cell ? fill_spec(w, first, count, activation, &spec, err) : FDHT_ENOMEM;
    if (!rc)
        rc = fdht_model_new(&spec, &m, err);
    if (!rc)
        rc = fill_values(w, first, m, err);
    fdht_free(spec.cell);
    if (rc) {
        fdht_model_free(m);
        return rc;
    }
    *out = m;
    return FDHT_OK;
}
