/* dataset/protect.c - whether changed bytes of a data set file would be seen: checksums of its arrays. */
#include "dataset/dataset.h"

typedef struct tally {
    size_t with, without;
} tally;

/* One object of the file: arrays of numbers count, text and empty ones do not. */
static herr_t look(hid_t file, const char *name, const H5O_info_t *info, void *arg)
{
    tally *t = arg;
    unsigned flags, config;
    size_t none = 0;
    if (info->type != H5O_TYPE_DATASET)
        return 0;
    hid_t set = H5Dopen2(file, name, H5P_DEFAULT);
    if (set < 0)
        return 0;
    hid_t type = H5Dget_type(set), dcpl = H5Dget_create_plist(set), space = H5Dget_space(set);
    H5T_class_t kind = type >= 0 ? H5Tget_class(type) : H5T_NO_CLASS;
    if ((kind == H5T_INTEGER || kind == H5T_FLOAT) && space >= 0 && H5Sget_simple_extent_npoints(space) > 0) {
        bool has = dcpl >= 0 && H5Pget_filter_by_id2(dcpl, H5Z_FILTER_FLETCHER32, &flags, &none, NULL, 0,
                                                     NULL, &config) >= 0;
        t->with += has;
        t->without += !has;
    }
    if (space >= 0)
        H5Sclose(space);
    if (dcpl >= 0)
        H5Pclose(dcpl);
    if (type >= 0)
        H5Tclose(type);
    H5Dclose(set);
    return 0;
}

int fdht_dataset_protected(const char *path, bool *out, fdht_error *err)
{
    tally t = {0};
    hid_t file = -1;
    herr_t seen;
    *out = false;
    int status = fdht_h5_open(path, &file, err);
    if (status)
        return status;
    FDHT_H5_TRY
    {
        seen = H5Ovisit2(file, H5_INDEX_NAME, H5_ITER_NATIVE, look, &t, H5O_INFO_BASIC);
    }
    FDHT_H5_END
    fdht_h5_close(&file, NULL);
    status = seen < 0 ? fdht_fail(err, FDHT_EFORMAT, "damaged HDF5 file") : FDHT_OK;
    if ((status = fdht_h5_end(status, err)))
        return fdht_fail_prefix(err, status, "%s", path);
    *out = t.with && !t.without;
    return FDHT_OK;
}
