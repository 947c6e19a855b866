/* nn/frames.h - from the frames of a clip to the float vector a cell takes. Internal to lib/nn and lib/train.
 *
 * The input at time t is pixel - mean, or with `diff` the difference to the frame before (0 at time 0),
 * exactly: whole numbers below 2^24. The division by std is part of the packed weights. Differences are taken of
 * frames and not, though the map is linear, of two products (lib/README.md section 6.5). */
#ifndef FDHT_NN_FRAMES_H
#define FDHT_NN_FRAMES_H

#include "base/base.h"
#include "fdht/model.h"
#include "tensor/exec.h"

typedef struct fdht_frames {
    const fdht_frame_spec *spec;
    size_t inputs;
    fdht_clip clip;
    int dx, dy;    /* the picture is moved right and down by so many pixels, its edge repeated */
    unsigned drop; /* so many of 256 numbers are set to 0, the others scaled to keep the mean */
    uint64_t key;  /* picks them: the same key, the same numbers */
    bool raw;      /* the mean is left where it is */
} fdht_frames;

/* Fill dst (n) with numbers first .. first + n - 1 of the input at time t. line: 2 inputs bytes of scratch, used when the
 * picture is moved. */
void fdht_frames_load(const fdht_frames *f, size_t t, size_t first, size_t n, uint8_t *line, float *dst);
/* The bytes that the input at time t is made of, where it is no more than their difference, or less the mean. */
bool fdht_frames_bytes(const fdht_frames *f, size_t t, fdht_bytes *out);

/* Which of `length` frames is the i-th of `frames` chosen evenly: the middle one of the i-th of equal parts,
 * as readers of clips choose them; frames > length repeats some. */
static inline size_t fdht_frames_even(size_t length, size_t frames, size_t i)
{
    return (2 * i + 1) * length / (2 * frames);
}

#endif
