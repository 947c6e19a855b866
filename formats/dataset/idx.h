/* dataset/idx.h - IDX files (MNIST and its kin), gzipped or plain. Internal. */
#ifndef FDHT_DATASET_IDX_H
#define FDHT_DATASET_IDX_H

#include "base/base.h"

enum { FDHT_IDX_COLUMNS = 16 };

/* Pictures (n, height, width) of unsigned bytes and, where a file of labels lies next to them, their labels. */
typedef struct fdht_idx {
    void *images, *labels; /* gzFile; labels NULL: none */
    size_t n, height, width, next;
    size_t label_size,
        label_columns; /* bytes of a number; numbers a picture, of which the first is the class */
    int split;         /* by the name: train-* 0, t10k-* and test-* 2, else -1 */
} fdht_idx;

/* Do four bytes begin an IDX file of integers? */
bool fdht_idx_is_head(const uint8_t *head);
/* Open pictures; the labels are looked for under the same name with "labels" for "images" and "idx1" or "idx2-int" (QMNIST) for "idx3",
 * gzipped or not. FDHT_EFORMAT for headers that cannot be or do not fit together. Messages are without the path. */
int fdht_idx_open(const char *path, fdht_idx *idx, fdht_error *err);
/* The next picture into pixel (height * width bytes), and its label or -1. */
int fdht_idx_next(fdht_idx *idx, uint8_t *pixel, int *label, fdht_error *err);
void fdht_idx_close(fdht_idx *idx);
/* Is this file one of IDX labels? They are read together with their pictures, never alone. */
bool fdht_idx_is_labels(const char *path);

#endif
