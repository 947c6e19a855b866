/* train/order.h - the order of an epoch's clips: all shuffled, or shuffled in a window that runs over shuffled blocks. Internal. */
#ifndef FDHT_TRAIN_ORDER_H
#define FDHT_TRAIN_ORDER_H

#include "fdht/train.h"

/* Clips are read block by block, those of a block in their order, and used in an order in which none is used before it can have
 * been read into a window of so many clips. */
typedef struct fdht_order_plan {
    size_t clips, window,
        block;       /* window 0, or no smaller than clips: all are shuffled, nothing is read ahead */
    size_t *stream;  /* (clips) in the order of reading; NULL: all are shuffled */
    size_t *held;    /* (window) */
    uint8_t *wanted; /* (clips) */
} fdht_order_plan;

/* FDHT_ENOMEM. Free also what failed. */
int fdht_order_new(fdht_order_plan *p, size_t clips, size_t window, size_t block, fdht_error *err);
void fdht_order_free(fdht_order_plan *p);
/* The order of use of all clips, a function of the key alone; p->stream is that of reading. */
void fdht_order_deal(fdht_order_plan *p, uint64_t key, size_t *order);
/* Leave of p->stream those that are among the n clips `mine`, in its order. */
void fdht_order_keep(fdht_order_plan *p, const size_t *mine, size_t n);

#endif
