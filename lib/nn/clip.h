/* nn/clip.h - the one test of frame sizes, for clips and for sources of clips. Internal to lib/nn and lib/train. */
#ifndef FDHT_NN_CLIP_H
#define FDHT_NN_CLIP_H

#include "base/base.h"
#include "fdht/model.h"

/* FDHT_EINVAL "8x8x3, the model takes 160x120x3" unless frames of this size (or `features` numbers) are what a model
 * with these frames and inputs takes. */
int fdht_check_frame_size(const fdht_frame_spec *f, size_t inputs, size_t width, size_t height,
                          size_t channels, size_t features, fdht_error *err);

#endif
