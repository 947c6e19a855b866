/* dataset/dataset.h - shared by dataset/dataset.c (native, flat) and dataset/members.c (groups, features).
 * Internal. */
#ifndef FDHT_DATASET_DATASET_H
#define FDHT_DATASET_DATASET_H

#include "fdht/dataset.h"
#include "hdf5/h5.h"

enum { FDHT_DATASET_MAJOR = 1, FDHT_DATASET_MINOR = 0 };

struct fdht_dataset {
    char *path;
    hid_t file;
    fdht_h5_array frames; /* native and flat */
    fdht_dataset_info info;
    char **class_name, **name;
    size_t n_class;
    fdht_clip_shape *shape; /* of each clip */
    size_t *first;          /* flat: its first frame */
    int *label;
    int8_t *split;
    float *target; /* (clips, target_width) or (clips, target_steps, target_width), or NULL */
};

/* One object a clip: groups with `frames`, else root 2-D float data sets. */
int fdht_dataset_open_members(fdht_dataset *ds, fdht_error *err);
/* Their own labels and splits, after those of the whole file. */
int fdht_dataset_member_labels(fdht_dataset *ds, fdht_error *err);
/* /targets, where the file has it. */
int fdht_dataset_load_targets(fdht_dataset *ds, fdht_error *err);
int fdht_dataset_read_member(fdht_dataset *ds, size_t i, void *data, fdht_error *err);

#endif
