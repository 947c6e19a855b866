/* dataset/writer.h - a data set being written: write.c appends, keep.c makes it outlive the process. Internal. */
#ifndef FDHT_DATASET_WRITER_H
#define FDHT_DATASET_WRITER_H

#include "dataset/dataset.h"
#include "files/written.h"
#include "hdf5/journal.h"

/* What is kept of a clip until the end. */
typedef struct fdht_entry {
    int label, length;
    int8_t split;
    char *name;
} fdht_entry;

struct fdht_dataset_writer {
    char *path; /* as given, for messages */
    fdht_out *out;
    hid_t file, frames;
    fdht_clip_shape shape;
    int rank;
    hsize_t dim[5]; /* (clips, frames, height, width, channels) or (clips, frames, features), now */
    size_t longest;
    fdht_entry *entry;
    size_t n, size;
    fdht_h5_journal *journal; /* NULL: it cannot be gone on with */
    size_t kept, commits;     /* clips in the last commit, and commits */
    uint64_t fresh;           /* bytes of frames since then */
    bool whole;               /* a run that was killed had finished it */
};

/* Room for one entry more. */
int fdht_writer_grow(fdht_dataset_writer *w, fdht_error *err);
/* How /frames lies: rank and mode sizes of no clips. */
void fdht_writer_shape(fdht_dataset_writer *w, const fdht_clip_shape *s);
/* Close /frames and the file; false: something could not be written. */
bool fdht_writer_close(fdht_dataset_writer *w);

/* ---- dataset/keep.c ---- */

/* The journal of a writer whose output is open. */
int fdht_writer_begin(fdht_dataset_writer *w, const fdht_dataset_spec *spec, fdht_error *err);
/* The file is closed, and whole. */
int fdht_writer_end(fdht_dataset_writer *w, fdht_error *err);
/* Without a commit nothing is left behind. */
void fdht_writer_discard(fdht_dataset_writer *w);

#endif
