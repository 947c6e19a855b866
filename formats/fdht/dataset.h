/* fdht/dataset.h - data set files (HDF5): clips of frames or of features, with labels, classes, names and
 * splits.
 *
 * The forms that are read (man page fdht-data(5)):
 *
 *   native     /frames   uint8 (clips, frames, height, width, channels), or float32 (clips, frames, features)
 *              /labels   int32 (clips); -1 unknown
 *              /lengths  int32 (clips), frames of each; absent: all have as many as /frames
 *              /classes  strings
 *              /names    strings (clips)
 *              /split    int8 (clips); 0 train, 1 val, 2 test, -1 none
 *   groups     one group a clip: /NAME/frames uint8 (frames, height, width, channels) or (frames, height, width),
 *              or float (frames, features); attributes or scalar data sets `label` (integer or class string), `split`
 *   flat       /frames   uint8 (all frames of all clips, 3, height, width)
 *              /index    integers (clips, 2) of [first, length], or (clips + 1) of offsets
 *   features   every 2-D float data set (frames, features) of the root is a clip; attributes `label`, `split`;
 *              /classes as above
 *
 * The file is opened read-only with file locking off, so NFS and read-only mounts work. Sizes are checked before
 * memory is allocated; external and virtual storage is refused.
 *
 * Threads: one open data set or writer is used by one thread at a time. Different ones may be used by different threads
 * where libhdf5 is built thread-safe (Debian's is); otherwise all HDF5 calls of a process come from one thread at a
 * time. */
#ifndef FDHT_DATASET_H
#define FDHT_DATASET_H

#include <stdint.h>

#include "fdht/io.h"
#include "fdht/train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fdht_dataset_form {
    FDHT_DATASET_NATIVE,
    FDHT_DATASET_GROUPS,
    FDHT_DATASET_FLAT,
    FDHT_DATASET_FEATURES
} fdht_dataset_form;

enum { FDHT_SPLIT_NONE = -1, FDHT_SPLIT_TRAIN = 0, FDHT_SPLIT_VAL = 1, FDHT_SPLIT_TEST = 2, FDHT_SPLITS = 3 };
/* "train", "val", "test"; "none" otherwise. Static storage. */
FDHT_API const char *fdht_split_name(int split);

/* What one clip is. Frames: width, height, channels set, features = 0. Features: features set, the others 0. */
typedef struct fdht_clip_shape {
    size_t length; /* frames in time */
    size_t width, height, channels;
    size_t features;
} fdht_clip_shape;

/* Bytes of a clip in memory: length * width * height * channels, or length * features * 4. */
FDHT_API size_t fdht_clip_bytes(const fdht_clip_shape *shape);

/* What a data set holds; belongs to the data set. In the forms `groups` and `features` clips may differ in
 * shape: shape is the first clip's, and `uniform` says whether all agree apart from their lengths. */
typedef struct fdht_dataset_info {
    fdht_dataset_form form;
    size_t clips;
    size_t classes;        /* 0: the file names none; labels may still be there */
    fdht_clip_shape shape; /* length: the longest */
    bool uniform;
    size_t min_length, max_length;
    bool has_labels, has_names, has_split;
    size_t target_width; /* numbers of a row of /targets; 0: there are none */
    size_t target_steps; /* rows of a clip in /targets, those past its length unused; 0: one row a clip */
    size_t split[FDHT_SPLITS]; /* clips in each */
    uint64_t frame_bytes;      /* of all frames or features when unpacked */
} fdht_dataset_info;

typedef struct fdht_dataset fdht_dataset;

/* FDHT_ENOENT, FDHT_EIO, FDHT_EFORMAT (message "FILE: /path/inside: ..."), FDHT_ENOMEM. Reads everything but
 * the frames. Labels are checked: -1 or below the number of classes when classes are named. */
FDHT_API int fdht_dataset_open(const char *path, fdht_dataset **out, fdht_error *err);
/* Several files as one data set, the clips of path[0] first: n >= 1 of any forms. They must agree: frames or features, classes
 * and their order, whether there are labels and splits, the shape of /targets; else FDHT_EFORMAT "B.h5: 3 classes, A.h5
 * has 4". At most 64 of them are open at a time; what clip is read from where costs no memory but lists. Errors of
 * fdht_dataset_open; FDHT_EINVAL: n is 0. */
FDHT_API int fdht_dataset_open_all(const char *const *path, size_t n, fdht_dataset **out, fdht_error *err);
/* Whether every array of numbers in an HDF5 file carries a Fletcher-32 checksum, so that changed bytes are seen when they are
 * read; what fdht writes does. Any thread. FDHT_ENOENT, FDHT_EIO, FDHT_EFORMAT as fdht_dataset_open. */
FDHT_API int fdht_dataset_protected(const char *path, bool *out, fdht_error *err);
FDHT_API void fdht_dataset_close(fdht_dataset *ds);
FDHT_API const fdht_dataset_info *fdht_dataset_info_of(const fdht_dataset *ds);

/* Clip i < clips: its shape, name, label and split. Strings belong to the data set. The name is the file's, or the
 * clip's number. Label -1: unknown. These do not fail. */
FDHT_API void fdht_dataset_shape(const fdht_dataset *ds, size_t i, fdht_clip_shape *out);
FDHT_API const char *fdht_dataset_name(const fdht_dataset *ds, size_t i);
/* The path of the file that it is in, as it was given. */
FDHT_API const char *fdht_dataset_path(const fdht_dataset *ds, size_t i);
FDHT_API int fdht_dataset_label(const fdht_dataset *ds, size_t i);
FDHT_API int fdht_dataset_split(const fdht_dataset *ds, size_t i);
/* What clip i should give: target_width numbers, or target_steps rows of them, which belong to the data set; NULL: the
 * file has no /targets. */
FDHT_API const float *fdht_dataset_target(const fdht_dataset *ds, size_t i);
/* Name of class k < classes. */
FDHT_API const char *fdht_dataset_class(const fdht_dataset *ds, size_t k);
/* All of them, for fdht_model_spec.class_name, which copies them; NULL where the file names no classes. */
FDHT_API char **fdht_dataset_class_names(const fdht_dataset *ds);

/* Read clip i (its length, without padding) with one hyperslab into `data`, fdht_clip_bytes of its shape:
 * uint8 (frames, height, width, channels) or float32 (frames, features). FDHT_EINVAL: i >= clips; FDHT_EFORMAT,
 * FDHT_EIO with the clip's name, FDHT_ENOMEM: the data set stays usable. May be called from any one thread at a
 * time. */
FDHT_API int fdht_dataset_read(fdht_dataset *ds, size_t i, void *data, fdht_error *err);

/* The labelled clips of one split (FDHT_SPLIT_NONE: of all) as a source for fdht_trainer_new and fdht_evaluate; *out is
 * the caller's (fdht_train_data_free). ds must outlive it and is used by its reader alone meanwhile. FDHT_EFORMAT: there
 * are none, or clips differ in size; FDHT_ENOMEM. */
FDHT_API int fdht_train_data_of_dataset(fdht_dataset *ds, int split, fdht_train_data **out, fdht_error *err);
FDHT_API void fdht_train_data_free(fdht_train_data *data); /* only of the function above; NULL allowed */

/* ---- writing, native form ---- */

typedef struct fdht_dataset_spec {
    fdht_clip_shape shape; /* of every clip; length: frames in a chunk, the usual length of a clip (>= 1) */
    int gzip;              /* 0..9; 0 stores as is. With gzip features go through the shuffle filter first */
    /* Not NULL: the file is FILE.partial until it is finished (fdht_out_options.keep), with a log beside it, and what
     * fdht_dataset_keep has seen outlives the process. The text says what the file is made of, and how. */
    const char *made_of;
} fdht_dataset_spec;

typedef struct fdht_dataset_writer fdht_dataset_writer;

/* Start a file at `path` (fdht_out_open with seek). Frames go to disk clip by clip; only names, labels and
 * splits are kept in memory until the end. FDHT_EINVAL: a shape that cannot be stored; FDHT_EEXIST, FDHT_EIO,
 * FDHT_ENOMEM. */
FDHT_API int fdht_dataset_create(const char *path, const fdht_dataset_spec *spec, const fdht_out_options *opt,
                                 fdht_dataset_writer **out, fdht_error *err);
/* Append one clip of `length` >= 1 frames (lengths may differ, also beyond the spec's). label -1 unknown.
 * name is copied; NULL: none. split: FDHT_SPLIT_*. FDHT_EINVAL, FDHT_EIO, FDHT_ENOMEM. */
FDHT_API int fdht_dataset_append(fdht_dataset_writer *w, const void *data, size_t length, int label,
                                 const char *name, int split, fdht_error *err);
/* With made_of: are there so many bytes of frames that have not been kept (64 MiB) that it is time for fdht_dataset_keep? */
FDHT_API bool fdht_dataset_keep_due(const fdht_dataset_writer *w);
/* All clips so far, with this text, are safe on the disk: fdht_dataset_resume goes on behind them. The bytes of the file depend on
 * when it is called, so call it where it is due, and before fdht_dataset_finish: a process that dies between the end of the file and its
 * new name leaves one that can be gone on with only if all of it was kept. FDHT_EINVAL without made_of; FDHT_EIO, FDHT_ENOMEM. */
FDHT_API int fdht_dataset_keep(fdht_dataset_writer *w, const char *text, fdht_error *err);
/* Go on with a file that a killed process left. *spec, *made_of and *text, all of them joined, are of its last
 * fdht_dataset_keep, the strings the caller's (fdht_dataset_text_free). FDHT_ENOENT: nothing was kept: create it anew. FDHT_EFORMAT: what is there does not fit together; FDHT_EEXIST,
 * FDHT_EIO, FDHT_ENOMEM. */
FDHT_API int fdht_dataset_resume(const char *path, const fdht_out_options *opt, fdht_dataset_spec *spec,
                                 char **made_of, char **text, fdht_dataset_writer **out, fdht_error *err);
FDHT_API void fdht_dataset_text_free(char *text);
/* Clips appended so far. */
FDHT_API size_t fdht_dataset_count(const fdht_dataset_writer *w);
/* Change the label or the split of clip i, appended before. */
FDHT_API void fdht_dataset_set_label(fdht_dataset_writer *w, size_t i, int label);
FDHT_API void fdht_dataset_set_split(fdht_dataset_writer *w, size_t i, int split);
/* Write labels, lengths, names, splits (where any is known) and the classes (n strings, n = 0: none), commit,
 * free. On failure nothing is left behind. FDHT_EINVAL for a label >= n > 0, or no clips. */
FDHT_API int fdht_dataset_finish(fdht_dataset_writer *w, const char *const *classes, size_t n,
                                 fdht_error *err);
/* Drop what was written and free; what fdht_dataset_keep has seen stays. NULL allowed. */
FDHT_API void fdht_dataset_discard(fdht_dataset_writer *w);

/* ---- splitting ---- */

/* Choose a split for each of n clips such that all clips of one key get the same: key[i] names the subject of clip i
 * (key or key[i] NULL: it is its own subject). Split s is meant to get fraction[s] of the clips of every label (label NULL:
 * of all clips); the fractions add up to 1. The subjects are taken by falling number of clips, those of equal number in
 * a random order of `seed`, and each goes to the split that lacks its labels most. The result depends on keys, labels
 * and seed; where there are keys, not on the order of the clips. FDHT_EINVAL, FDHT_ENOMEM. */
FDHT_API int fdht_split_assign(const char *const *key, const int *label, size_t n,
                               const double fraction[FDHT_SPLITS], uint64_t seed, int8_t *split,
                               fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
