/* export/rawfile.h - a file of plain float32 numbers under way, and the writers that make one. Internal. */
#ifndef FDHT_EXPORT_RAWFILE_H
#define FDHT_EXPORT_RAWFILE_H

#include <stdio.h>

#include "base/base.h"
#include "fdht/export.h"

typedef struct fdht_rawfile {
    FILE *f;
    const fdht_model *m;
    int (*progress)(void *, double);
    void *arg;
    double total, done; /* columns of dense maps; total = 0: none */
    fdht_error *err;
} fdht_rawfile;

/* n bytes at the end. FDHT_EIO. */
int fdht_rawfile_put(fdht_rawfile *r, const void *p, size_t n);
/* A cell's W_ih or W_hh, dense and row-major, at the end, a slab of columns at a time. order: block g holds gate order[g]; NULL: as in the
 * model. FDHT_EIO, FDHT_ENOMEM, FDHT_EINTR. */
int fdht_rawfile_map(fdht_rawfile *r, int cell, bool hidden, const int *order);
/* A parameter "cells/CELL/LEAF"; NULL: there is none. */
const fdht_param *fdht_export_cell_param(const fdht_model *m, int cell, const char *leaf);
/* Numbers of a cell's state h, and rows of its maps. */
size_t fdht_export_state(const fdht_cell_spec *c);
size_t fdht_export_rows(const fdht_cell_spec *c);

int fdht_export_safetensors(fdht_rawfile *r);
int fdht_export_onnx(fdht_rawfile *r, bool compressed);

#endif
