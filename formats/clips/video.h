/* clips/video.h - frames of a y4m or raw stream as grey or RGB bytes. Internal. */
#ifndef FDHT_CLIPS_VIDEO_H
#define FDHT_CLIPS_VIDEO_H

#include "fdht/clips.h"
#include "clips/bytes.h"

typedef enum fdht_chroma { FDHT_MONO, FDHT_420, FDHT_422, FDHT_444, FDHT_RGB24 } fdht_chroma;

/* One stream. The pixels of `frame` are (height, width, channels), channels 1 for mono and gray, 3 otherwise. */
typedef struct fdht_video {
    fdht_bytes *bytes;
    bool y4m;
    fdht_chroma chroma;
    size_t width, height, channels;
    int32_t luma[256], r_v[256], g_u[256], g_v[256], b_u[256]; /* 24-bit fixed point */
    uint8_t *packed, *frame;
    size_t packed_bytes, frames; /* frames read so far */
} fdht_video;

/* Read the header (y4m), or take size and format from opt->raw. FDHT_EFORMAT: neither, or a header that
 * cannot be. The bytes stay the caller's. */
int fdht_video_open(fdht_bytes *bytes, const fdht_clips_options *opt, fdht_video *v, fdht_error *err);
/* The next frame into v->frame; *end at the end of the stream. FDHT_EFORMAT "frame 7: truncated (read 120 of
 * 57600 bytes)". */
int fdht_video_next(fdht_video *v, bool *end, fdht_error *err);
void fdht_video_close(fdht_video *v);

#endif
