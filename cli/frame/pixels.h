/* frame/pixels.h - the options that say what a model was trained on: frame size, grey, differences, scale, mean, std. */
#ifndef CLI_FRAME_PIXELS_H
#define CLI_FRAME_PIXELS_H

#include "frame/cli.h"
#include "fdht/model.h"

/* Inputs are (scale pixel - mean) / std with pixels 0..255; mean and std are one number or one a channel. */
typedef struct cli_pixels {
    const char *frame, *mean, *std; /* "160x120x3", "0.485,0.456,0.406"; NULL: not given */
    double scale;                   /* 0: not given */
} cli_pixels;

// clang-format off
#define CLI_PIXELS(S, f) \
    CLI_STRING(S, f.frame, 0, "frame", "WxHxC", "inputs are frames of this size, row by row, channels last"), \
    CLI_DOUBLE(S, f.scale, 0, "scale", "X", 1e-9, 1e9, "inputs are (X pixel - mean) / std, pixels 0..255 (default 1)"), \
    CLI_STRING(S, f.mean, 0, "mean", "A[,B,C]", "of scaled pixels, one for all channels or one each (default 0)"), \
    CLI_STRING(S, f.std, 0, "std", "A[,B,C]", "of scaled pixels, one for all channels or one each (default 1)")
// clang-format on

/* Whether scale, mean or std is given. */
bool cli_pixels_norm(const cli_pixels *p);
/* --frame as a size: channels are 1 with `gray` and else 3 where it says none; 0 x 0 x 0 where it is not given. */
int cli_pixels_size(cli *c, const cli_pixels *p, bool gray, size_t *width, size_t *height, size_t *channels);
/* Scale, mean and std into f, whose size is set. */
int cli_pixels_take(cli *c, const cli_pixels *p, fdht_frame_spec *f);

#endif
