/* assemble.c - a model from the cores of all cells and the parts of the file that are kept as they are. */
#include "compress/job.h"

#include <stdio.h>

static int find_place(fdht_model *m, const char *name, size_t n, float **out, fdht_error *err)
{
    const fdht_param *p = fdht_model_find(m, name);
    if (!p || p->size != n)
        return fdht_fail(err, FDHT_EINTERNAL, "%s: expected %zu numbers, model has %zu", name, n,
                         p ? p->size : 0);
    *out = fdht_model_values(m) + p->offset;
    return FDHT_OK;
}

static int put_cores(fdht_model *m, int cell, const fdht_factored *f, fdht_error *err)
{
    fdht_op *op = NULL;
    int status = fdht_op_new(&f->spec, &op, err);
    for (int i = 0; !status && i < fdht_op_cores(op); i++) {
        const fdht_core *core = fdht_op_core(op, i);
        char name[96];
        float *to = NULL;
        snprintf(name, sizeof name, "cells/%d/cores/%s", cell, core->name);
        status = find_place(m, name, core->size, &to, err);
        for (size_t k = 0; !status && k < core->size; k++)
            to[k] = (float)f->values[core->offset + k];
    }
    fdht_op_free(op);
    return status;
}

/* A part of the file's cell that goes into the model as it is. */
static int put_part(const fdht_compress_job *j, fdht_model *m, int cell, fdht_weights_part part,
                    const char *what, fdht_error *err)
{
    const fdht_compress_cell *x = &j->report->cell[cell];
    size_t rows, cols;
    char name[96];
    float *to;
    fdht_weights_shape(j->w, x->index, part, &rows, &cols);
    snprintf(name, sizeof name, "cells/%d/%s", cell, what);
    int status = find_place(m, name, rows * cols, &to, err);
    return status ? status
                  : fdht_weights_read(j->w, x->index, x->direction, part, 0, rows, 0, cols, to, cols, err);
}

int fdht_compress_assemble(fdht_compress_job *j, fdht_model **out, fdht_error *err)
{
    const fdht_weights_chain *chain = j->chain;
    fdht_compress_report *r = j->report;
    fdht_model_spec spec = {.cells = r->n_cells,
                            .links = chain->n_links,
                            .link = (fdht_link *)chain->link,
                            .output = chain->output,
                            .classes = chain->classes,
                            .frame.std = 1};
    fdht_model *m = NULL;
    int status = FDHT_OK;
    if (!(spec.cell = fdht_calloc_err((size_t)r->n_cells, sizeof *spec.cell, "cells", err)))
        return FDHT_ENOMEM;
    for (int i = 0; i < r->n_cells; i++)
        spec.cell[i] = r->cell[i].spec;
    r->classifier = chain->classes > 0;
    if ((status = fdht_model_new(&spec, &m, err)))
        goto out;
    for (int i = 0; !status && i < r->n_cells; i++) {
        const fdht_cell_spec *c = &r->cell[i].spec;
        status = put_cores(m, i, &j->cores[i], err);
        if (!status && c->bias)
            status = put_part(j, m, i, FDHT_W_BIAS, "bias", err);
        if (!status && c->kind != FDHT_CELL_FDHT)
            status = put_part(j, m, i, FDHT_W_HH, "hidden", err);
        if (!status && c->proj)
            status = put_part(j, m, i, FDHT_W_HR, "projection", err);
    }
    if (!status)
        status = fdht_weights_fill_chain(j->w, chain, m, err);
    if (status)
        goto out;
    *out = m;
    m = NULL;
out:
    fdht_model_free(m);
    fdht_free(spec.cell);
    return status;
}
