/* weights/writer.c - what the writers of dense weights share: strings, matrices and biases in HDF5. Matrices are written
 * a slab of columns at a time, so that memory does not grow with them. */
#include <stdio.h>
#include <string.h>

#include "weights/writer.h"

enum { SLAB = 1 << 22 }; /* numbers of a slab in double */

/* ---- HDF5 ---- */

int fdht_writer_failed(fdht_writer *o, const char *path)
{
    return fdht_fail(o->err, FDHT_EIO, "%s: cannot be written", path);
}

/* Strings of one length, as h5py writes a list of bytes; none: an empty float64 array, as Keras leaves it.
 * scalar: one string. */
int fdht_writer_strings(fdht_writer *o, const char *path, const char *name, const char *const *s, size_t n,
                        bool scalar)
{
    size_t size = 1;
    hsize_t count = n;
    for (size_t i = 0; i < n; i++)
        size = FDHT_MAX(size, strlen(s[i]));
    char *raw = fdht_calloc_err(n ? n : 1, size, "attribute", o->err);
    if (!raw)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        memcpy(raw + i * size, s[i], strlen(s[i]));
    hid_t type = H5Tcopy(n ? H5T_C_S1 : H5T_IEEE_F64LE);
    hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
    if (n) {
        H5Tset_size(type, size);
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    }
    hid_t attr = H5Acreate_by_name(o->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && (!n || H5Awrite(attr, type, raw) >= 0);
    if (attr >= 0)
        ok &= H5Aclose(attr) >= 0;
    H5Tclose(type);
    H5Sclose(space);
    fdht_free(raw);
    return ok ? FDHT_OK : fdht_writer_failed(o, path);
}

int fdht_writer_text(fdht_writer *o, const char *path, const char *name, const char *text)
{
    return fdht_writer_strings(o, path, name, &text, 1, true);
}

int fdht_writer_group(fdht_writer *o, const char *path)
{
    hid_t g = H5Gcreate2(o->file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return g >= 0 && H5Gclose(g) >= 0 ? FDHT_OK : fdht_writer_failed(o, path);
}

/* cols = 0: one-dimensional. Parents are made. No times are kept: the same model gives the same bytes. */
static hid_t make_set(fdht_writer *o, const char *path, size_t rows, size_t cols)
{
    hsize_t dim[2] = {rows, cols};
    hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), lcpl = H5Pcreate(H5P_LINK_CREATE),
          space = H5Screate_simple(cols ? 2 : 1, dim, NULL);
    H5Pset_create_intermediate_group(lcpl, 1);
    H5Pset_obj_track_times(dcpl, 0);
    hid_t d = H5Dcreate2(o->file, path, H5T_IEEE_F32LE, space, lcpl, dcpl, H5P_DEFAULT);
    H5Sclose(space);
    H5Pclose(dcpl);
    H5Pclose(lcpl);
    return d;
}

int fdht_writer_vector(fdht_writer *o, const char *path, const float *v, size_t n)
{
    hid_t d = make_set(o, path, n, 0);
    bool ok = d >= 0 && H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0;
    if (d >= 0)
        ok &= H5Dclose(d) >= 0;
    return ok ? FDHT_OK : fdht_writer_failed(o, path);
}

/* Write slab (rows, n columns) of doubles at column `col`, transposed or not. */
static int put_slab(hid_t set, const double *slab, size_t rows, size_t col, size_t n, bool transposed,
                    float *buffer)
{
    hsize_t start[2] = {0, col}, count[2] = {rows, n};
    if (transposed)
        start[0] = col, start[1] = 0, count[0] = n, count[1] = rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < n; c++)
            buffer[transposed ? c * rows + r : r * n + c] = (float)slab[r * n + c];
    hid_t space = H5Dget_space(set), memory = H5Screate_simple(2, count, NULL);
    bool ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
              H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, buffer) >= 0;
    H5Sclose(space);
    H5Sclose(memory);
    return ok ? 0 : -1;
}

/* ---- parts of cells ---- */

/* r, z, n <-> z, r, n: the first two of three blocks of n numbers change places. */
static void swap_gates(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double kept = v[i];
        v[i] = v[n + i];
        v[n + i] = kept;
    }
}

/* Transposed, as Keras has it, with its order of a GRU's gates. */
int fdht_writer_map(fdht_writer *o, const char *path, int cell, bool hidden, bool transposed)
{
    const fdht_cell_spec *c = &o->spec->cell[cell];
    size_t rows = (size_t)fdht_recurrent_gates(c->recurrent) * c->hidden,
           cols = hidden ? (c->proj ? c->proj : c->hidden) : c->inputs;
    size_t step = FDHT_MIN(FDHT_MAX(SLAB / rows, (size_t)1), cols);
    double *slab = fdht_calloc_err(rows, step * sizeof *slab, path, o->err);
    float *buffer = slab ? fdht_calloc_err(rows, step * sizeof *buffer, path, o->err) : NULL;
    hid_t set = buffer ? make_set(o, path, transposed ? cols : rows, transposed ? rows : cols) : -1;
    int rc = !buffer ? FDHT_ENOMEM : set < 0 ? fdht_writer_failed(o, path) : FDHT_OK;
    for (size_t c0 = 0; c0 < cols && !rc; c0 += step) {
        size_t n = FDHT_MIN(step, cols - c0);
        rc = fdht_model_expand(o->m, cell, hidden, c0, n, slab, n, o->err);
        if (transposed && c->recurrent == FDHT_GRU)
            swap_gates(slab, c->hidden * n);
        if (!rc && put_slab(set, slab, rows, c0, n, transposed, buffer))
            rc = fdht_writer_failed(o, path);
        o->done += (double)n;
        if (!rc && o->progress && o->progress(o->arg, o->done / o->total))
            rc = fdht_fail(o->err, FDHT_EINTR, "interrupted");
    }
    if (set >= 0 && H5Dclose(set) < 0 && !rc)
        rc = fdht_writer_failed(o, path);
    fdht_free(slab);
    fdht_free(buffer);
    return rc;
}

const float *fdht_writer_param(const fdht_writer *o, int cell, const char *leaf)
{
    char name[64];
    snprintf(name, sizeof name, "cells/%d/%s", cell, leaf);
    const fdht_param *p = fdht_model_find(o->m, name);
    return p ? fdht_model_values_const(o->m) + p->offset : NULL;
}

/* The bias, or zeros: where one cell of a model has a bias, layouts want one for all. */
int fdht_writer_bias(fdht_writer *o, const char *path, int cell, bool zeros)
{
    size_t n = 4 * o->spec->cell[cell].hidden;
    const float *bias = zeros ? NULL : fdht_writer_param(o, cell, "bias");
    float *none = bias ? NULL : fdht_calloc_err(n, sizeof *none, path, o->err);
    if (!bias && !none)
        return FDHT_ENOMEM;
    int rc = fdht_writer_vector(o, path, bias ? bias : none, n);
    fdht_free(none);
    return rc;
}

/* A small dense matrix from memory. */
int fdht_writer_matrix(fdht_writer *o, const char *path, const float *v, size_t rows, size_t cols,
                       bool transposed)
{
    double *slab = fdht_calloc_err(rows, cols * sizeof *slab, path, o->err);
    float *buffer = slab ? fdht_calloc_err(rows, cols * sizeof *buffer, path, o->err) : NULL;
    hid_t set = buffer ? make_set(o, path, transposed ? cols : rows, transposed ? rows : cols) : -1;
    int rc = !buffer ? FDHT_ENOMEM : set < 0 ? fdht_writer_failed(o, path) : FDHT_OK;
    for (size_t i = 0; i < rows * cols && !rc; i++)
        slab[i] = v[i];
    if (!rc && put_slab(set, slab, rows, 0, cols, transposed, buffer))
        rc = fdht_writer_failed(o, path);
    if (set >= 0 && H5Dclose(set) < 0 && !rc)
        rc = fdht_writer_failed(o, path);
    fdht_free(slab);
    fdht_free(buffer);
    return rc;
}

/* The blocks b_r, b_z, b_n, b_q of a GRU as the two biases (3H) of PyTorch, input first, or as Keras' (2,3H), z first. */
int fdht_writer_gru_bias(fdht_writer *o, const char *path, int cell, int which, bool keras)
{
    size_t n = o->spec->cell[cell].hidden;
    const float *bias = fdht_writer_param(o, cell, "bias");
    double *two = fdht_calloc_err(6 * n, sizeof *two, path, o->err);
    float *part = two ? fdht_calloc_err(6 * n, sizeof *part, path, o->err) : NULL;
    int rc = part ? FDHT_OK : FDHT_ENOMEM;
    for (size_t j = 0; bias && j < 3 * n && !rc; j++)
        two[j] = bias[j];
    for (size_t j = 0; bias && j < n && !rc; j++)
        two[5 * n + j] = bias[3 * n + j];
    if (keras && !rc)
        swap_gates(two, n);
    for (size_t j = 0; j < 6 * n && !rc; j++)
        part[j] = (float)two[j];
    if (!rc)
        rc = keras ? fdht_writer_matrix(o, path, part, 2, 3 * n, false)
                   : fdht_writer_vector(o, path, part + (size_t)which * 3 * n, 3 * n);
    fdht_free(two);
    fdht_free(part);
    return rc;
}

/* One parameter of a link: a matrix (outputs, inputs) or a vector. */
int fdht_writer_link(fdht_writer *o, const char *path, int link, const char *what, bool transposed)
{
    const fdht_param *p = fdht_model_link_param(o->m, link, what);
    if (!p)
        return FDHT_OK;
    const float *v = fdht_model_values_const(o->m) + p->offset;
    return p->order == 2 ? fdht_writer_matrix(o, path, v, p->dim[0], p->dim[1], transposed)
                         : fdht_writer_vector(o, path, v, p->size);
}

bool fdht_writer_any_bias(const fdht_model_spec *s)
{
    bool any = false;
    for (int i = 0; i < s->cells; i++)
        any |= s->cell[i].bias;
    return any;
}

/* Whether a layout holds the cells. `activation`: it says what g and h pass through, one function for both. */
int fdht_writer_check_cells(fdht_writer *o, const char *program, bool activation)
{
    const fdht_cell_spec *a = &o->spec->cell[0];
    for (int i = 0; i < o->spec->cells; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        if (c->recurrent != a->recurrent)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "LSTM and GRU layers in one model: %s weights of it are not written", program);
        bool plain = c->candidate == FDHT_TANH && c->output == FDHT_TANH;
        if (!plain && (!activation || (c->recurrent == FDHT_LSTM && c->candidate != c->output)))
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "%s weights cannot say that a cell has %s and %s in place of tanh", program,
                             fdht_activation_name(c->candidate), fdht_activation_name(c->output));
    }
    return FDHT_OK;
}
