/* hdf5/driver.c - a file driver of libhdf5 over bytes that somebody else keeps. */
#include "hdf5/driver.h"

#include <errno.h>

typedef struct driver_file {
    H5FD_t pub; /* first */
    fdht_h5_bytes bytes;
    haddr_t eoa;
} driver_file;

static driver_file *of(const H5FD_t *f)
{
    return (driver_file *)f;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    const fdht_h5_bytes *bytes = H5Pget_driver_info(fapl);
    driver_file *f = bytes ? fdht_calloc(1, sizeof *f) : NULL;
    (void)name;
    (void)maxaddr;
    if (!f) {
        fdht_h5_no_memory();
        return NULL;
    }
    f->bytes = *bytes;
    if (flags & H5F_ACC_TRUNC && !bytes->cut(bytes->arg, 0)) {
        fdht_free(f);
        return NULL;
    }
    return &f->pub;
}

static herr_t driver_close(H5FD_t *f)
{
    fdht_free(f);
    return 0;
}

static int driver_compare(const H5FD_t *a, const H5FD_t *b)
{
    const char *x = of(a)->bytes.arg, *y = of(b)->bytes.arg;
    return x < y ? -1 : x > y;
}

static herr_t driver_query(const H5FD_t *f, unsigned long *flags)
{
    (void)f;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return of(f)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t at)
{
    (void)type;
    of(f)->eoa = at;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return of(f)->bytes.size(of(f)->bytes.arg);
}

static herr_t driver_read(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, void *to)
{
    (void)type;
    (void)dxpl;
    return of(f)->bytes.read(of(f)->bytes.arg, to, n, at) ? 0 : -1;
}

static herr_t driver_did(bool good)
{
    if (!good)
        fdht_h5_unwritten(errno);
    return good ? 0 : -1;
}

static herr_t driver_write(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, const void *from)
{
    (void)type;
    (void)dxpl;
    return driver_did(of(f)->bytes.write(of(f)->bytes.arg, from, n, at));
}

static herr_t driver_truncate(H5FD_t *f, hid_t dxpl, hbool_t closing)
{
    const fdht_h5_bytes *bytes = &of(f)->bytes;
    (void)dxpl;
    (void)closing;
    return driver_did(bytes->size(bytes->arg) == of(f)->eoa || bytes->cut(bytes->arg, of(f)->eoa));
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600,
#endif
    .name = "fdht",
    .maxaddr = ((haddr_t)1 << 62) - 1,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(fdht_h5_bytes),
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

int fdht_h5_reach(const fdht_h5_bytes *bytes, bool create, bool old, hid_t *file, fdht_error *err)
{
    *file = -1;
    fdht_h5_begin();
    FDHT_H5_TRY
    {
        hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), fcpl = H5Pcreate(H5P_FILE_CREATE);
        hid_t id = H5FDregister(&driver); /* the file keeps it for itself */
        if (fapl >= 0 && fcpl >= 0 && id >= 0 && H5Pset_driver(fapl, id, bytes) >= 0 &&
            (old || H5Pset_libver_bounds(fapl, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0) &&
            H5Pset_obj_track_times(fcpl, 0) >= 0)
            *file =
                create ? H5Fcreate("fdht", H5F_ACC_TRUNC, fcpl, fapl) : H5Fopen("fdht", H5F_ACC_RDWR, fapl);
        if (id >= 0)
            H5FDunregister(id);
        if (fcpl >= 0)
            H5Pclose(fcpl);
        if (fapl >= 0)
            H5Pclose(fapl);
    }
    FDHT_H5_END
    if (*file >= 0)
        return FDHT_OK;
    *file = -1;
    return fdht_h5_end(
        fdht_fail(err, FDHT_EIO, create ? "cannot create an HDF5 file" : "cannot be opened again"), err);
}

/* ---- an output as it is ---- */

static bool output_read(void *arg, void *data, size_t n, uint64_t at)
{
    return fdht_written_get(arg, data, n, at);
}

static bool output_write(void *arg, const void *data, size_t n, uint64_t at)
{
    return fdht_written_put(arg, data, n, at);
}

static bool output_cut(void *arg, uint64_t size)
{
    return fdht_written_cut(arg, size);
}

static uint64_t output_size(void *arg)
{
    return ((const fdht_written *)arg)->size;
}

int fdht_h5_create(fdht_out *out, bool old, hid_t *file, fdht_error *err)
{
    const fdht_h5_bytes bytes = {fdht_out_written(out), output_read, output_write, output_cut, output_size};
    return fdht_h5_reach(&bytes, true, old, file, err);
}
