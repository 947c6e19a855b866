/* What the tests of cells, models and training share: the golden FDHT cells as models, and random models. */
#ifndef FDHT_SUPPORT_NN_TEST_H
#define FDHT_SUPPORT_NN_TEST_H

#include <math.h>

#include "fdht/basics.h"
#include "fdht/train.h"
#include "support/weights_test.h"

#define CELLS "tests/data/fdht_cell.h5"

static const char *const golden_cell[] = {"first_mode_1slice", "first_mode_2slices", "second_mode"};

static inline int attr_sizes(hid_t loc, const char *name, size_t out[FDHT_MAX_MODES])
{
    hid_t a = H5Aopen(loc, name, H5P_DEFAULT), space = H5Aget_space(a);
    long long v[FDHT_MAX_MODES];
    int n = (int)H5Sget_simple_extent_npoints(space);
    assert_true(n > 0 && n <= FDHT_MAX_MODES);
    assert_true(H5Aread(a, H5T_NATIVE_LLONG, v) >= 0);
    for (int i = 0; i < n; i++)
        out[i] = (size_t)v[i];
    H5Sclose(space);
    H5Aclose(a);
    return n;
}

/* The model a group of fdht_cell.h5 describes, without its values; x_modes is returned, too. */
static inline fdht_model *golden_model(hid_t g, size_t x_modes[FDHT_MAX_MODES])
{
    fdht_cell_spec cell;
    fdht_model_spec spec = {.layers = 1, .directions = 1, .cell = &cell, .frame.std = 1};
    fdht_model *m = NULL;
    fdht_error err = {0};
    char *tree = attr_text(g, "tree");
    fdht_cell_spec_default(&cell);
    cell.kind = FDHT_CELL_FDHT;
    cell.inputs = (size_t)attr_int(g, "input_size");
    cell.hidden = (size_t)attr_int(g, "hidden_size");
    spec.classes = (size_t)attr_int(g, "classes");
    cell.op.format = FDHT_HT;
    cell.op.d = attr_sizes(g, "in_modes", cell.op.in);
    attr_sizes(g, "out_modes", cell.op.out);
    attr_sizes(g, "x_modes", cell.x.size);
    memcpy(x_modes, cell.x.size, sizeof cell.x.size);
    attr_sizes(g, "h_box", cell.h.size);
    attr_sizes(g, "h_corner", cell.h.corner);
    assert_int_equal(fdht_tree_parse(tree, cell.op.d, &cell.op.tree, &err), FDHT_OK);
    free(tree);
    fdht_op_spec_set_rank(&cell.op, 1);
    fdht_op *op = NULL; /* rank 1 names the cores; their files say the ranks */
    assert_int_equal(fdht_op_new(&cell.op, &op, &err), FDHT_OK);
    for (int i = 0; i < cell.op.tree.n_nodes - 1; i++) {
        char path[128];
        hsize_t dim[3];
        snprintf(path, sizeof path, "params/cores/%s", fdht_op_core(op, i)->name);
        double *v = numbers(g, path, dim);
        assert_non_null(v);
        cell.op.rank[i] = dim[0];
        free(v);
    }
    fdht_op_free(op);
    if (fdht_model_new(&spec, &m, &err) != FDHT_OK)
        fail_msg("%s", err.msg);
    return m;
}

/* Where a model's array is in the golden file. */
static inline double *golden_param(hid_t g, const char *what, const fdht_param *p)
{
    char path[160];
    hsize_t dim[3];
    const char *name = strncmp(p->name, "cells/0/", 8) == 0 ? p->name + 8 : p->name;
    snprintf(path, sizeof path, "%s/%s", what, name);
    double *v = numbers(g, path, dim);
    if (!v)
        fail_msg("%s is not in the file", path);
    assert_int_equal(dim[0] * dim[1] * dim[2], p->size);
    return v;
}

/* A cell of each kind over `inputs` = 24 and hidden = 6 (op: 24 -> 24); out modes hold H' >= 6. */
static inline fdht_cell_spec small_cell(fdht_cell_kind kind, size_t inputs, size_t hidden)
{
    fdht_cell_spec c;
    fdht_error err = {0};
    fdht_cell_spec_default(&c);
    c.kind = kind;
    c.inputs = inputs;
    c.hidden = hidden;
    c.op = (fdht_op_spec){.format = fdht_cell_format(kind),
                          .d = 3,
                          .in = {2, 3, (inputs + 5) / 6},
                          .out = {4, 2, (hidden + 1) / 2},
                          .blocks = 2};
    if (kind == FDHT_CELL_DENSE)
        c.op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {inputs}, .out = {4 * hidden}};
    assert_int_equal(fdht_tree_balanced(c.op.d, &c.op.tree, &err), FDHT_OK);
    fdht_op_spec_set_rank(&c.op, 2);
    if (kind == FDHT_CELL_FDHT && fdht_cell_place(&c, 0, NULL, NULL, &err) != FDHT_OK)
        fail_msg("%s", err.msg);
    return c;
}

/* The same as a GRU: 24 -> 18 rows. */
static inline fdht_cell_spec small_gru(fdht_cell_kind kind, size_t inputs, size_t hidden)
{
    fdht_cell_spec c = small_cell(kind, inputs, hidden);
    c.recurrent = FDHT_GRU;
    c.op.out[0] = kind == FDHT_CELL_DENSE ? 3 * hidden : 3;
    return c;
}

static inline fdht_model *random_model(const fdht_model_spec *spec, uint64_t seed)
{
    fdht_model *m = NULL;
    fdht_error err = {0};
    if (fdht_model_new(spec, &m, &err) != FDHT_OK ||
        fdht_model_init(m, seed, 1, FDHT_START_NORMAL, &err) != FDHT_OK)
        fail_msg("%s", err.msg);
    return m;
}

static inline double *random_numbers(size_t n, uint64_t seed)
{
    double *v = calloc(n + 1, sizeof *v);
    fdht_rng rng;
    fdht_rng_seed(&rng, seed, 9);
    for (size_t i = 0; i < n; i++)
        v[i] = fdht_rng_normal(&rng);
    return v;
}

#endif
