/* dataset/dataset.h - shared by dataset/dataset.c (native, flat), dataset/labels.c, dataset/members.c (groups, features) and
 * dataset/join.c (several files as one). * Internal. */
#ifndef FDHT_DATASET_DATASET_H
#define FDHT_DATASET_DATASET_H

#include "fdht/dataset.h"
#include "hdf5/h5.h"

enum { FDHT_DATASET_MAJOR = 1, FDHT_DATASET_MINOR = 0 };

struct fdht_dataset {
    char *path;
    hid_t file;           /* -1: closed until a clip of it is read (only the parts of a joined data set) */
    const char *rows;     /* native and flat: what holds the frames */
    fdht_h5_array frames; /* native and flat */
    int channels_at;      /* native: which mode is the channels, 4, 2 or 1; 0: none is */
    fdht_dataset_info info;
    char **class_name, **name;
    size_t n_class;
    fdht_clip_shape *shape; /* of each clip */
    size_t *first;          /* flat: its first frame */
    int *label;
    int8_t *split;
    float *target; /* (clips, target_width) or (clips, target_steps, target_width), or NULL */
    /* several files as one: all of the above but info is theirs */
    fdht_dataset **part;
    size_t parts, *start; /* (parts + 1) the first clip of each */
    size_t *used;         /* (parts) when it was last read from; a count of reads */
};

/* The file that clip *i is in; *i becomes its number there. */
const fdht_dataset *fdht_dataset_part(const fdht_dataset *ds, size_t *i);
/* Frees the parts. */
void fdht_dataset_close_parts(fdht_dataset *ds);
/* fdht_dataset_read of a joined data set. */
int fdht_dataset_read_part(fdht_dataset *ds, size_t i, void *data, fdht_error *err);

/* Root data sets X (x, data) and y (Y, label, labels), as machine-learning programs write them? */
bool fdht_dataset_find_pair(hid_t file, const char **x, const char **y);
/* n integers from a data set, each in the range of int; *out stays NULL where there is none. */
int fdht_dataset_load_ints(hid_t file, const char *path, size_t n, int **out, fdht_error *err);
/* Classes, names, splits and the labels in data set `labels`, all optional. */
int fdht_dataset_load_lists(fdht_dataset *ds, const char *labels, fdht_error *err);
/* The classes are the texts, one a clip or NULL, each once in natural order. The number of one of them; -1: none. */
int fdht_dataset_classes_of(fdht_dataset *ds, char *const *text, fdht_error *err);
int fdht_dataset_class_number(const fdht_dataset *ds, const char *text);

/* One object a clip: groups with `frames`, else root 2-D float data sets. */
int fdht_dataset_open_members(fdht_dataset *ds, fdht_error *err);
/* Their own labels and splits, after those of the whole file. */
int fdht_dataset_member_labels(fdht_dataset *ds, fdht_error *err);
/* /targets, where the file has it. */
int fdht_dataset_load_targets(fdht_dataset *ds, fdht_error *err);
int fdht_dataset_read_member(fdht_dataset *ds, size_t i, void *data, fdht_error *err);

#endif
