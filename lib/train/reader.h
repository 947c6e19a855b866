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

/* Batches of up to `batch` clips of source in the given order (n; NULL: 0, 1, ..), each clip cut to frame->frames frames
 * if that is set: at random (a function of seed and the clip's number) if `random`, else evenly. source, frame and order
 * must outlive the reader. cut: NULL, or (n + 1) places in order, of batches of unequal size: batch b has the clips from cut[b]
 * on to before cut[b + 1], maybe none; n is then the number of batches. One thread calls the reader; another, its own, calls source->read. */
int fdht_reader_new(const fdht_train_data *source, const fdht_frame_spec *frame, size_t inputs,
                    const size_t *order, size_t n, size_t batch, const size_t *cut, bool random,
                    uint64_t seed, fdht_reader **out, fdht_error *err);
/* The next batch, valid until the next call. Returns the status of source->read or FDHT_ENOMEM. */
int fdht_reader_next(fdht_reader *r, fdht_batch *out, fdht_error *err);
void fdht_reader_free(fdht_reader *r);

#endif
