/* train/reader.h - batches of clips read ahead by a thread. Internal. */
#ifndef FDHT_TRAIN_READER_H
#define FDHT_TRAIN_READER_H

#include "fdht/train.h"

typedef struct fdht_batch {
    size_t clips;
    bool end;         /* there is no further batch; clips is 0 */
    const size_t *id; /* (clips) numbers in the source */
    size_t *length;   /* (clips) after sampling */
    fdht_clip *clip;  /* (clips) */
} fdht_batch;

typedef struct fdht_reader fdht_reader;

/* What is read when. */
typedef struct fdht_reading {
    const size_t *order; /* (n) clips in the order of use; NULL: 0, 1, .. */
    size_t n, batch;     /* clips, of a batch at most */
    const size_t *
        cut; /* NULL, or (n + 1) places in order, of batches of unequal size: batch b has the clips from cut[b] on to
                        * before cut[b + 1], maybe none; n is then the number of batches */
    const size_t *
        stream; /* NULL: clips are read when they are used; else all of them in the order of reading: those read
                           * before their use are kept meanwhile */
    bool random; /* frames are chosen at random, a function of seed and the clip's number; else evenly */
    uint64_t seed;
} fdht_reading;

/* Batches of clips of source, each clip cut to frame->frames frames if that is set. source, frame and the arrays of `how`
 * must outlive the reader. One thread calls the reader; another, its own, calls source->read. */
int fdht_reader_new(const fdht_train_data *source, const fdht_frame_spec *frame, size_t inputs,
                    const fdht_reading *how, fdht_reader **out, fdht_error *err);
/* The next batch, valid until the next call. Returns the status of source->read or FDHT_ENOMEM. */
int fdht_reader_next(fdht_reader *r, fdht_batch *out, fdht_error *err);
void fdht_reader_free(fdht_reader *r);

#endif
