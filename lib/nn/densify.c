/* nn/densify.c - a cell's maps as dense matrices, some columns at a time: the operator applied to unit vectors,
 * in double.
 *
 * A range of columns lies in few sub-boxes of the input box that fix the leading modes; applied to those, an
 * operator costs little more than writing its columns. */
#include <string.h>

#include "nn/model.h"
#include "tensor/exec.h"

enum { BOX_LIMIT = 4096, BATCH = 64 }; /* columns of a sub-box; vectors at once */

static void load_unit(void *arg, size_t i, int worker, size_t first, size_t n, double *dst)
{
    const size_t one = *(const size_t *)arg + i;
    (void)worker;
    for (size_t j = 0; j < n; j++)
        dst[j] = first + j == one;
}

/* Columns [from, to) of the operator on `box`, to out (4H, to - from). */
static int expand_box(const fdht_cell *c, const fdht_box *box, const double *params, size_t from, size_t to,
                      double *out, size_t ld, fdht_error *err)
{
    fdht_exec_f64 *e = NULL;
    size_t rows = fdht_op_outputs(c->op), H = c->spec.hidden;
    int status = fdht_exec_new_f64(c->op, box, 1, false, &e, err);
    double *y = status ? NULL : fdht_calloc_err((size_t)BATCH * rows, sizeof *y, "dense columns", err);
    if (!status && !y)
        status = FDHT_ENOMEM;
    if (!status)
        fdht_exec_pack_f64(e, params, 1);
    for (size_t at = from; at < to && !status; at += BATCH) {
        size_t n = FDHT_MIN((size_t)BATCH, to - at);
        fdht_vectors_f64 x = {.load = load_unit, .arg = &at};
        fdht_exec_forward_f64(e, 0, n, &x, y, rows, false);
        for (size_t r = 0; r < c->gates * H; r++)
            for (size_t i = 0; i < n; i++)
                out[r * ld + at - from + i] = y[i * rows + r / H * c->gate + r % H];
    }
    fdht_exec_free_f64(e);
    fdht_free(y);
    return status;
}

static int expand_op(const fdht_model *m, const fdht_cell *c, const fdht_box *box, size_t col, size_t cols,
                     double *out, size_t ld, fdht_error *err)
{
    int d = c->spec.op.d, fixed = 0, status = FDHT_OK;
    size_t width = 1, n = fdht_op_parameters(c->op);
    for (int k = d; k-- > 0;)
        if (width <= BOX_LIMIT / box->size[k] && fixed == 0)
            width *= box->size[k];
        else
            fixed = FDHT_MAX(fixed, k + 1);
    if (fixed == d) /* one mode wider than the limit: it is taken whole */
        width = box->size[--fixed];
    double *params = fdht_calloc_err(n, sizeof *params, "cores in double", err);
    if (!params)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        params[i] = m->values[c->core_offset + i];
    for (size_t done = 0; done < cols && !status;) {
        size_t at = col + done, rest = at / width, from = at % width,
               part = FDHT_MIN(cols - done, width - from);
        fdht_box sub = *box;
        for (int k = fixed; k-- > 0; rest /= box->size[k]) {
            sub.corner[k] += rest % box->size[k];
            sub.size[k] = 1;
        }
        status = expand_box(c, &sub, params, from, from + part, out + done, ld, err);
        done += part;
    }
    fdht_free(params);
    return status;
}

int fdht_model_expand(const fdht_model *m, int cell, bool hidden, size_t col, size_t cols, double *out,
                      size_t ld, fdht_error *err)
{
    if (cell < 0 || cell >= m->n_cells)
        return fdht_fail(err, FDHT_EINVAL, "cells/%d: the model has %d", cell, m->n_cells);
    const fdht_cell *c = &m->cell[cell];
    size_t H = c->spec.hidden, wide = hidden ? c->state : c->spec.inputs;
    if (col > wide || cols > wide - col || ld < cols)
        return fdht_fail(err, FDHT_EINVAL, "cells/%d: columns %zu+%zu of %zu", cell, col, cols, wide);
    bool plain = hidden ? c->hidden != NULL : c->spec.kind == FDHT_CELL_DENSE;
    if (!plain)
        return expand_op(m, c, hidden ? &c->spec.h : &c->spec.x, col, cols, out, ld, err);
    size_t stored = hidden ? wide : fdht_op_inputs(c->op), gate = hidden ? H : c->gate;
    const float *v = m->values + (hidden ? c->hidden_offset : c->core_offset);
    for (size_t r = 0; r < c->gates * H; r++)
        for (size_t j = 0; j < cols; j++)
            out[r * ld + j] = v[(r / H * gate + r % H) * stored + col + j];
    return FDHT_OK;
}
