/* nn/rows.h - in what order the time steps of a set of clips lie in memory. Internal.
 *
 * Rows are step-major: all clips' step 0, then all clips' step 1, ..; clips are sorted by length, longest
 * first, so the clips still running at a step are a prefix and the rows of a step are contiguous. The row of
 * position p at step s is off[s] + p. */
#ifndef FDHT_NN_ROWS_H
#define FDHT_NN_ROWS_H

#include "base/base.h"

typedef struct fdht_rows {
    size_t clips, steps, rows;
    size_t *order;  /* (clips) position -> clip */
    size_t *length; /* (clips) by position, falling */
    size_t *off;    /* (steps + 1) */
    size_t *pos;    /* (rows) row -> position */
    size_t *step;   /* (rows) row -> step */
    size_t cap_clips, cap_steps, cap_rows;
} fdht_rows;

/* Lay out `clips` clips of these lengths (each >= 1). The caller zeroes r before the first call; later calls use its
 * memory again. FDHT_EINVAL: a length of 0; FDHT_ENOMEM. */
int fdht_rows_set(fdht_rows *r, size_t clips, const size_t *length, fdht_error *err);
void fdht_rows_free(fdht_rows *r);

/* Bytes of the layout of so many clips of `length` steps each. */
static inline size_t fdht_rows_bytes(size_t clips, size_t length)
{
    return sizeof(size_t) * (2 * clips + length + 1 + 2 * clips * length);
}

/* Clips still running at step s. */
static inline size_t fdht_rows_width(const fdht_rows *r, size_t s)
{
    return r->off[s + 1] - r->off[s];
}

/* The row of the same clip one step earlier; step must be > 0. */
static inline size_t fdht_rows_previous(const fdht_rows *r, size_t row)
{
    return r->off[r->step[row] - 1] + r->pos[row];
}

/* A reversed cell's step s is time length - 1 - s: the row that holds that time. */
static inline size_t fdht_rows_mirror(const fdht_rows *r, size_t row)
{
    size_t p = r->pos[row];
    return r->off[r->length[p] - 1 - r->step[row]] + p;
}

#endif
