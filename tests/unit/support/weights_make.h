/* Small weight files made on the fly: data sets of counted numbers, attributes of strings. */
#ifndef FDHT_SUPPORT_WEIGHTS_MAKE_H
#define FDHT_SUPPORT_WEIGHTS_MAKE_H

#include <unistd.h>

#include "support/weights_test.h"

static char temp_path[256];

static inline hid_t make_file(void)
{
    const char *dir = getenv("TMPDIR");
    snprintf(temp_path, sizeof temp_path, "%s/fdht-weights-%ld.h5", dir ? dir : "/tmp", (long)getpid());
    hid_t f = H5Fcreate(temp_path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(f >= 0);
    return f;
}

/* Number i of any made data set; float16 and bfloat16 hold it exactly. */
static inline float made(size_t i)
{
    return (float)(i % 127) / 64 - 1;
}

/* A data set of made numbers, parents created. d1, d2 = 0: lower rank. dcpl may be H5P_DEFAULT. */
static inline void make_set_as(hid_t f, const char *path, hsize_t d0, hsize_t d1, hsize_t d2, hid_t type,
                               hid_t dcpl)
{
    hsize_t dim[3] = {d0, d1, d2};
    int rank = d2 ? 3 : d1 ? 2 : 1;
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(rank, dim, NULL);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t d = H5Dcreate2(f, path, type, space, lcpl, dcpl, H5P_DEFAULT);
    assert_true(d >= 0);
    size_t n = (size_t)H5Sget_simple_extent_npoints(space);
    float *v = calloc(n + 1, sizeof *v);
    for (size_t i = 0; i < n; i++)
        v[i] = made(i);
    assert_true(H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0);
    free(v);
    H5Dclose(d);
    H5Sclose(space);
    H5Pclose(lcpl);
}

static inline void make_set(hid_t f, const char *path, hsize_t d0, hsize_t d1, hsize_t d2)
{
    make_set_as(f, path, d0, d1, d2, H5T_IEEE_F32LE, H5P_DEFAULT);
}

/* Strings separated by spaces become an attribute: a fixed or a variable-length list; one: a scalar. */
static inline void make_attr(hid_t f, const char *path, const char *name, const char *words, bool variable,
                             bool one)
{
    char buffer[4096], fixed[64][64] = {{0}}, *list[64];
    hsize_t n = 0;
    snprintf(buffer, sizeof buffer, "%s", words);
    if (one)
        list[n++] = buffer;
    else
        for (char *p = strtok(buffer, " "); p; p = strtok(NULL, " "))
            snprintf(fixed[n], sizeof *fixed, "%s", p), list[n++] = p;
    hid_t type = H5Tcopy(H5T_C_S1), space = one ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &n, NULL);
    H5Tset_size(type, variable || one ? H5T_VARIABLE : sizeof *fixed);
    hid_t a = H5Acreate_by_name(f, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    assert_true(a >= 0);
    assert_true(H5Awrite(a, type, variable || one ? (void *)list : (void *)fixed) >= 0);
    H5Aclose(a);
    H5Sclose(space);
    H5Tclose(type);
}

static inline void make_group(hid_t f, const char *path)
{
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE);
    H5Pset_create_intermediate_group(lcpl, 1);
    H5Gclose(H5Gcreate2(f, path, lcpl, H5P_DEFAULT, H5P_DEFAULT));
    H5Pclose(lcpl);
}

/* A PyTorch layer at prefix ("lstm."), without biases. */
static inline void make_torch(hid_t f, const char *prefix, int layer, hsize_t D, hsize_t H)
{
    char path[128];
    snprintf(path, sizeof path, "%sweight_ih_l%d", prefix, layer);
    make_set(f, path, 4 * H, D, 0);
    snprintf(path, sizeof path, "%sweight_hh_l%d", prefix, layer);
    make_set(f, path, 4 * H, H, 0);
}

/* Close f and open it as weights. */
static inline int open_made(hid_t f, fdht_weights **w, fdht_error *err)
{
    H5Fclose(f);
    *w = NULL;
    err->msg[0] = 0;
    return fdht_weights_open(temp_path, NULL, w, err);
}

static inline fdht_weights *must_open(hid_t f)
{
    fdht_weights *w;
    fdht_error err = {0};
    if (open_made(f, &w, &err))
        fail_msg("%s", err.msg);
    return w;
}

/* It must be refused as damaged, with this in the message. */
static inline void must_refuse(hid_t f, const char *part)
{
    fdht_weights *w;
    fdht_error err = {0};
    int rc = open_made(f, &w, &err);
    fdht_weights_close(w);
    if (rc != FDHT_EFORMAT || !strstr(err.msg, part))
        fail_msg("status %d, \"%s\": expected %d and \"%s\"", rc, err.msg, FDHT_EFORMAT, part);
}

static inline int remove_made(void **state)
{
    (void)state;
    unlink(temp_path);
    return 0;
}

#endif
