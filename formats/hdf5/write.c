/* hdf5/write.c - creating HDF5 files: data sets with checksums, strings and attributes. */
#include "hdf5/h5.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 64 << 20 };

int fdht_h5_close(hid_t *file, fdht_error *err)
{
    herr_t flushed = 0, closed = 0;
    if (*file < 0)
        return FDHT_OK;
    FDHT_H5_TRY
    {
        flushed = H5Fflush(*file, H5F_SCOPE_LOCAL);
        closed = H5Fclose(*file);
    }
    FDHT_H5_END
    *file = -1;
    if (flushed < 0 || closed < 0)
        return fdht_fail(err, FDHT_EIO, "cannot be written to the end");
    return FDHT_OK;
}

/* The groups on the way to `path`, as far as they are missing; silent, the caller is in FDHT_H5_TRY. */
static bool make_parents(hid_t loc, const char *path)
{
    char part[256];
    bool ok = strlen(path) < sizeof part;
    hid_t gcpl = H5Pcreate(H5P_GROUP_CREATE);
    ok = ok && gcpl >= 0 && H5Pset_obj_track_times(gcpl, 0) >= 0;
    for (const char *slash = strchr(path + 1, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = 0;
        if (H5Lexists(loc, part, H5P_DEFAULT) > 0)
            continue;
        hid_t group = H5Gcreate2(loc, part, H5P_DEFAULT, gcpl, H5P_DEFAULT);
        ok = group >= 0 && H5Gclose(group) >= 0;
    }
    if (gcpl >= 0)
        H5Pclose(gcpl);
    return ok;
}

int fdht_h5_group(hid_t loc, const char *path, hid_t *out, fdht_error *err)
{
    char whole[256];
    *out = -1;
    snprintf(whole, sizeof whole, "%s/", path);
    FDHT_H5_TRY
    {
        if (make_parents(loc, whole))
            *out = H5Gopen2(loc, path, H5P_DEFAULT);
    }
    FDHT_H5_END
    return *out < 0 ? fdht_fail(err, FDHT_EIO, "/%s: cannot make the group", path) : FDHT_OK;
}

/* Make a data set of `type` and fill it. */
static int write_array(hid_t loc, const char *path, int rank, const size_t *dim, hid_t file_type, hid_t mem,
                       const void *data, fdht_error *err)
{
    hsize_t extent[FDHT_H5_MAX_RANK], chunk[FDHT_H5_MAX_RANK];
    size_t row = H5Tget_size(file_type), count = 1;
    bool ok = false;
    for (int i = 0; i < rank; i++) {
        extent[i] = chunk[i] = dim[i];
        count *= dim[i];
        if (i)
            row *= dim[i];
    }
    FDHT_H5_TRY
    {
        hid_t dcpl = H5Pcreate(H5P_DATASET_CREATE), id = -1;
        hid_t space = rank ? H5Screate_simple(rank, extent, NULL) : H5Screate(H5S_SCALAR);
        ok = make_parents(loc, path) && dcpl >= 0 && space >= 0 && H5Pset_obj_track_times(dcpl, 0) >= 0;
        if (ok && rank && count) { /* filters need chunks; scalars and empty arrays have none */
            chunk[0] = FDHT_MAX(1, FDHT_MIN(dim[0], CHUNK_BYTES / FDHT_MAX(row, 1)));
            ok = H5Pset_chunk(dcpl, rank, chunk) >= 0 && H5Pset_fletcher32(dcpl) >= 0;
        }
        ok = ok && (id = H5Dcreate2(loc, path, file_type, space, H5P_DEFAULT, dcpl, H5P_DEFAULT)) >= 0;
        if (ok && count)
            ok = H5Dwrite(id, mem, H5S_ALL, H5S_ALL, H5P_DEFAULT, data) >= 0;
        if (id >= 0)
            ok = H5Dclose(id) >= 0 && ok;
        if (space >= 0)
            H5Sclose(space);
        if (dcpl >= 0)
            H5Pclose(dcpl);
    }
    FDHT_H5_END
    return ok ? FDHT_OK : fdht_fail(err, FDHT_EIO, "%s: cannot be written", path);
}

int fdht_h5_write(hid_t loc, const char *path, int rank, const size_t *dim, hid_t file_type, hid_t mem,
                  const void *data, fdht_error *err)
{
    if (rank < 0 || rank > FDHT_H5_MAX_RANK)
        return fdht_fail(err, FDHT_EINVAL, "%s: %d modes", path, rank);
    return write_array(loc, path, rank, dim, file_type, mem, data, err);
}

/* Strings go out with one fixed width, UTF-8, NUL-padded: the reader can check their size before it
 * allocates. */
static hid_t text_type(const char *const *s, size_t n, size_t *width)
{
    *width = 1;
    for (size_t i = 0; i < n; i++)
        *width = FDHT_MAX(*width, strlen(s[i]) + 1);
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, *width) < 0 || H5Tset_strpad(type, H5T_STR_NULLPAD) < 0 ||
                      H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        H5Tclose(type);
        type = -1;
    }
    return type;
}

static char *pack_strings(const char *const *s, size_t n, size_t width)
{
    char *buf = fdht_calloc(FDHT_MAX(n, 1), width);
    for (size_t i = 0; buf && i < n; i++)
        strcpy(buf + i * width, s[i]);
    return buf;
}

int fdht_h5_write_strings(hid_t loc, const char *path, const char *const *s, size_t n, fdht_error *err)
{
    size_t width;
    int rc;
    hid_t type = text_type(s, n, &width);
    char *buf = pack_strings(s, n, width);
    if (type < 0 || !buf)
        rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: %s (%zu strings of %zu bytes)", path, n, width);
    else
        rc = write_array(loc, path, 1, &n, type, type, buf, err);
    if (type >= 0)
        H5Tclose(type);
    fdht_free(buf);
    return rc;
}

/* An attribute of n values, scalar if n == SIZE_MAX. */
static int put(hid_t loc, const char *name, hid_t file_type, hid_t mem, const void *data, size_t n,
               fdht_error *err)
{
    bool ok = false;
    hsize_t dim = n;
    FDHT_H5_TRY
    {
        hid_t space = n == SIZE_MAX ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &dim, NULL), id = -1;
        ok = space >= 0 && (id = H5Acreate2(loc, name, file_type, space, H5P_DEFAULT, H5P_DEFAULT)) >= 0 &&
             (n == 0 || H5Awrite(id, mem, data) >= 0);
        if (id >= 0)
            ok = H5Aclose(id) >= 0 && ok;
        if (space >= 0)
            H5Sclose(space);
    }
    FDHT_H5_END
    return ok ? FDHT_OK : fdht_fail(err, FDHT_EIO, "attribute %s: cannot be written", name);
}

int fdht_h5_put_strings(hid_t loc, const char *name, const char *const *s, size_t n, fdht_error *err)
{
    size_t width;
    int rc;
    hid_t type = text_type(s, n, &width);
    char *buf = pack_strings(s, n, width);
    if (type < 0 || !buf)
        rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: attribute %s (%zu strings of %zu bytes)", name, n,
                       width);
    else
        rc = put(loc, name, type, type, buf, n, err);
    if (type >= 0)
        H5Tclose(type);
    fdht_free(buf);
    return rc;
}

int fdht_h5_put_string(hid_t loc, const char *name, const char *s, fdht_error *err)
{
    size_t width;
    hid_t type = text_type(&s, 1, &width);
    if (type < 0)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: attribute %s", name);
    int rc = put(loc, name, type, type, s, SIZE_MAX, err);
    H5Tclose(type);
    return rc;
}

int fdht_h5_put_int(hid_t loc, const char *name, int64_t v, fdht_error *err)
{
    return put(loc, name, H5T_STD_I64LE, H5T_NATIVE_INT64, &v, SIZE_MAX, err);
}

int fdht_h5_put_double(hid_t loc, const char *name, double v, fdht_error *err)
{
    return put(loc, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, &v, SIZE_MAX, err);
}

int fdht_h5_put_doubles(hid_t loc, const char *name, const double *v, size_t n, fdht_error *err)
{
    return put(loc, name, H5T_IEEE_F64LE, H5T_NATIVE_DOUBLE, v, n, err);
}

int fdht_h5_put_sizes(hid_t loc, const char *name, const size_t *v, size_t n, fdht_error *err)
{
    static_assert(sizeof(size_t) == 8, "sizes are written as 64-bit numbers");
    return put(loc, name, H5T_STD_U64LE, H5T_NATIVE_UINT64, v, n, err);
}
