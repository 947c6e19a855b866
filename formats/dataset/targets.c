/* dataset/targets.c - /targets: the numbers that a clip, or each of its steps, should give. */
#include "dataset/dataset.h"

int fdht_dataset_load_targets(fdht_dataset *ds, fdht_error *err)
{
    fdht_h5_array a;
    fdht_dataset_info *info = &ds->info;
    if (!fdht_h5_has(ds->file, "targets"))
        return FDHT_OK;
    int status = fdht_h5_open_array(ds->file, "targets", &a, err);
    if (status)
        return status;
    if ((a.class != H5T_FLOAT && a.class != H5T_INTEGER) || a.rank < 1 || a.rank > 3 ||
        a.dim[0] != info->clips || !a.count)
        status = fdht_fail(err, FDHT_EFORMAT,
                           "/targets: expected numbers (%zu), (%zu,K) or (%zu,T,K), file has %d modes",
                           info->clips, info->clips, info->clips, a.rank);
    else if (!(ds->target = fdht_calloc_err(a.count, sizeof *ds->target, "targets", err)))
        status = FDHT_ENOMEM;
    else
        status = fdht_h5_read(&a, H5T_NATIVE_FLOAT, ds->target, err);
    if (!status) {
        info->target_width = a.rank == 1 ? 1 : a.dim[a.rank - 1];
        info->target_steps = a.rank == 3 ? a.dim[1] : 0;
    }
    fdht_h5_close_array(&a);
    return status;
}

const float *fdht_dataset_target(const fdht_dataset *ds, size_t i)
{
    ds = fdht_dataset_part(ds, &i);
    size_t rows = ds->info.target_steps ? ds->info.target_steps : 1;
    return ds->target ? ds->target + i * rows * ds->info.target_width : NULL;
}
