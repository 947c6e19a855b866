/* export/rawfile.c - writing files of plain numbers: opening and finishing them, and dense maps a slab of columns at a time. */
#include "export/rawfile.h"

#include <errno.h>
#include <string.h>

enum { SLAB = 1 << 22 }; /* numbers of a slab in double */

int fdht_rawfile_put(fdht_rawfile *r, const void *p, size_t n)
{
    if (n && fwrite(p, 1, n, r->f) != n)
        return fdht_fail(r->err, FDHT_EIO, "cannot be written: %s", strerror(errno));
    return FDHT_OK;
}

const fdht_param *fdht_export_cell_param(const fdht_model *m, int cell, const char *leaf)
{
    char name[112];
    snprintf(name, sizeof name, "cells/%d/%s", cell, leaf);
    return fdht_model_find(m, name);
}

size_t fdht_export_state(const fdht_cell_spec *c)
{
    return c->proj ? c->proj : c->hidden;
}

size_t fdht_export_rows(const fdht_cell_spec *c)
{
    return (size_t)fdht_recurrent_gates(c->recurrent) * c->hidden;
}

/* Rows of n numbers to their places in the matrix (rows, cols) that starts at `base`. */
static int put_slab(fdht_rawfile *r, const double *slab, float *line, off_t base, const fdht_cell_spec *c,
                    size_t cols, size_t col, size_t n, const int *order)
{
    int gates = fdht_recurrent_gates(c->recurrent), status = FDHT_OK;
    for (size_t row = 0; row < (size_t)gates * c->hidden && !status; row++) {
        size_t gate = row / c->hidden,
               from = (order ? (size_t)order[gate] : gate) * c->hidden + row % c->hidden;
        for (size_t j = 0; j < n; j++)
            line[j] = (float)slab[from * n + j];
        if (fseeko(r->f, base + (off_t)((row * cols + col) * sizeof(float)), SEEK_SET))
            return fdht_fail(r->err, FDHT_EIO, "cannot be written: %s", strerror(errno));
        status = fdht_rawfile_put(r, line, n * sizeof *line);
    }
    return status;
}

int fdht_rawfile_map(fdht_rawfile *r, int cell, bool hidden, const int *order)
{
    const fdht_cell_spec *c = &fdht_model_spec_of(r->m)->cell[cell];
    size_t rows = fdht_export_rows(c), cols = hidden ? fdht_export_state(c) : c->inputs;
    size_t step = FDHT_MIN(FDHT_MAX(SLAB / rows, (size_t)1), cols);
    off_t base = ftello(r->f);
    double *slab = fdht_calloc_err(rows, step * sizeof *slab, "slab", r->err);
    float *line = slab ? fdht_calloc_err(step, sizeof *line, "slab", r->err) : NULL;
    int status = line ? FDHT_OK : FDHT_ENOMEM;
    for (size_t col = 0; col < cols && !status; col += step) {
        size_t n = FDHT_MIN(step, cols - col);
        status = fdht_model_expand(r->m, cell, hidden, col, n, slab, n, r->err);
        if (!status)
            status = put_slab(r, slab, line, base, c, cols, col, n, order);
        r->done += (double)n;
        if (!status && r->progress && r->progress(r->arg, FDHT_MIN(r->done / r->total, 1.0)))
            status = fdht_fail(r->err, FDHT_EINTR, "interrupted");
    }
    fdht_free(slab);
    fdht_free(line);
    return status;
}
