/* clips/yuv.h - YUV frames to RGB, for y4m streams and decoded video files alike. Internal. */
#ifndef FDHT_CLIPS_YUV_H
#define FDHT_CLIPS_YUV_H

#include "fdht/clips.h"

#include "base/base.h"

/* Factors of one matrix, range and depth, in 20-bit fixed point: R = luma y + r_v (v - middle), and so on. */
typedef struct fdht_yuv {
    int32_t luma, black, r_v, g_u, g_v, b_u;
    int32_t middle; /* chroma of grey */
} fdht_yuv;

/* kr, kb: the weights of red and blue in the luma; full: levels 0..2^depth - 1 instead of video levels; depth 8..16. */
void fdht_yuv_set(fdht_yuv *k, double kr, double kb, bool full, int depth);

/* Three planes. Each chroma sample is used for all 2^dx by 2^dy pixels that it covers: neither its place between them
 * nor an interpolation is regarded. */
typedef struct fdht_yuv_planes {
    const void *plane[3]; /* uint8, or uint16 if wide; [1] NULL: grey */
    size_t stride[3];     /* bytes */
    unsigned dx, dy;
    bool wide;
} fdht_yuv_planes;

/* Convert to rgb (height, width, 3), or (height, width) if grey, each channel rounded and cut to 0..255. scratch has
 * 4 * width + 8 elements; the same input gives the same bytes on every processor. */
void fdht_yuv_frame(const fdht_yuv *k, const fdht_yuv_planes *p, size_t width, size_t height,
                    int32_t *scratch, uint8_t *rgb);

/* kr and kb of a matrix for frames of this size, as fdht_clips_options.matrix. */
void fdht_yuv_weights(fdht_yuv_matrix matrix, size_t width, size_t height, double *kr, double *kb);

#endif
