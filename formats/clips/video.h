/* clips/video.h - frames of a y4m or raw stream, or of a video file, as grey or RGB bytes. Internal. */
#ifndef FDHT_CLIPS_VIDEO_H
#define FDHT_CLIPS_VIDEO_H

#include "fdht/clips.h"
#include "clips/bytes.h"
#include "clips/film.h"
#include "clips/yuv.h"

enum { FDHT_VIDEO_MAX_FRAMES = 10000000 }; /* of one stream */

/* fdht_clips_options.fps: which frame is shown when. Ticks are 1 / fps seconds. */
typedef struct fdht_pace {
    double fps; /* 0: every frame once */
    int64_t tick, until;
    bool started, over;
    uint8_t *held; /* the frame before the one read last: shown until that one's tick */
    const uint8_t *latest;
} fdht_pace;

/* One stream. */
typedef struct fdht_video {
    fdht_film *film; /* a video file; NULL: a stream */
    fdht_bytes *bytes;
    bool y4m, planar; /* planar: YUV, else bytes as they come */
    bool more;        /* another y4m header follows: fdht_video_open reads on */
    unsigned dx, dy;  /* chroma is coarser by 2^dx, 2^dy */
    int depth;        /* bits */
    double rate;      /* frames a second; 0: unknown */
    fdht_yuv yuv;
    size_t width, height, channels;
    uint8_t *packed, *frame;
    int32_t *scratch;
    size_t packed_bytes, frames; /* frames read so far */
    double time;                 /* of the frame read last, seconds */
    fdht_pace pace;
    const uint8_t *pixel; /* what fdht_video_next gave: (height, width, channels) */
} fdht_video;

/* Read the header (y4m), or take size and format from opt->raw. FDHT_EFORMAT: neither, or a header that
 * cannot be. The bytes stay the caller's. */
int fdht_video_open(fdht_bytes *bytes, const fdht_clips_options *opt, fdht_video *v, fdht_error *err);
/* A video file that was started, and is the video's from now on; width and height are known with the first frame. FDHT_EFORMAT,
 * FDHT_EIO. */
int fdht_video_open_film(fdht_film *film, const fdht_clips_options *opt, fdht_video *v, fdht_error *err);
/* The next frame into v->pixel; *end at the end of the stream. want false: the pixels are not needed. FDHT_EFORMAT
 * "frame 7: truncated (read 120 of 57600 bytes)", FDHT_ELIMIT. */
int fdht_video_next(fdht_video *v, bool want, bool *end, fdht_error *err);
void fdht_video_close(fdht_video *v);

#endif
