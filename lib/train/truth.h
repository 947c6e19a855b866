/* train/truth.h - what each row of scores should have been: labels or targets of a source. Internal. */
#ifndef FDHT_TRAIN_TRUTH_H
#define FDHT_TRAIN_TRUTH_H

#include "base/base.h"
#include "fdht/train.h"

typedef struct fdht_truth {
    const fdht_train_data *data;
    fdht_output_kind output;
    size_t width, *first; /* (clips + 1) the row of data's labels or targets at which a clip begins */
    size_t most;          /* rows of the clip that has the most */
} fdht_truth;

/* Free with fdht_truth_free, also after a failure. FDHT_EINVAL: what (the name of the data in messages) does not fit the
 * model: a label that is no class, no targets where the output needs them, targets that are not finite or, of sigmoid
 * outputs, not from 0 to 1; FDHT_ENOMEM. */
int fdht_truth_new(const fdht_train_data *s, const fdht_model *m, const char *what, fdht_truth *out,
                   fdht_error *err);
void fdht_truth_free(fdht_truth *t);

/* The clip's row-th answer: of a softmax output label, of the others target (width); the other is not touched. */
void fdht_truth_row(const fdht_truth *t, size_t clip, size_t row, int *label, float *target);

#endif
