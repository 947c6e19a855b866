/* What the tests of weight files share: the golden files' list and small readers of expected.h5. */
#ifndef FDHT_SUPPORT_WEIGHTS_TEST_H
#define FDHT_SUPPORT_WEIGHTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hdf5.h>

#include "base/base.h"
#include "fdht/weights.h"

#define DATA "tests/data/lstm/"

static inline long attr_int(hid_t group, const char *name)
{
    long long v = -1;
    hid_t a = H5Aopen(group, name, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Aread(a, H5T_NATIVE_LLONG, &v) >= 0);
    H5Aclose(a);
    return (long)v;
}

/* A string attribute as h5py writes it: of variable length. Free with free(). */
static inline char *attr_text(hid_t group, const char *name)
{
    hid_t a = H5Aopen(group, name, H5P_DEFAULT), type = H5Aget_type(a);
    char *text = NULL;
    assert_true(H5Tis_variable_str(type) > 0);
    assert_true(H5Aread(a, type, &text) >= 0);
    H5Tclose(type);
    H5Aclose(a);
    return text;
}

/* All numbers of a data set as double, its extents in dim (3). NULL if it is not there. */
static inline double *numbers(hid_t loc, const char *path, hsize_t dim[3])
{
    if (H5Lexists(loc, path, H5P_DEFAULT) <= 0)
        return NULL;
    hid_t d = H5Dopen2(loc, path, H5P_DEFAULT), space = H5Dget_space(d);
    dim[0] = dim[1] = dim[2] = 1;
    H5Sget_simple_extent_dims(space, dim, NULL);
    double *v = calloc((size_t)(dim[0] * dim[1] * dim[2]) + 1, sizeof *v);
    assert_true(H5Dread(d, H5T_NATIVE_DOUBLE, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    H5Sclose(space);
    H5Dclose(d);
    return v;
}

/* Call body(name, group) for each group of expected.h5. */
static inline void each_golden(void (*body)(const char *name, hid_t group))
{
    hid_t f = H5Fopen(DATA "expected.h5", H5F_ACC_RDONLY, H5P_DEFAULT);
    H5G_info_t info;
    assert_true(f >= 0);
    H5Gget_info(f, &info);
    assert_int_equal(info.nlinks, 27);
    for (hsize_t i = 0; i < info.nlinks; i++) {
        char name[128];
        H5Lget_name_by_idx(f, ".", H5_INDEX_NAME, H5_ITER_INC, i, name, sizeof name, H5P_DEFAULT);
        hid_t g = H5Gopen2(f, name, H5P_DEFAULT);
        body(name, g);
        H5Gclose(g);
    }
    H5Fclose(f);
}

static inline fdht_weights *open_golden(hid_t group, const fdht_weights_options *opt)
{
    char *file = attr_text(group, "file"), path[256];
    fdht_weights *w = NULL;
    fdht_error err = {0};
    snprintf(path, sizeof path, DATA "%s", file);
    if (fdht_weights_open(path, opt, &w, &err))
        fail_msg("%s: %s", path, err.msg);
    free(file);
    return w;
}

#endif
