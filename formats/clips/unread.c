/* clips/unread.c - what a video file is called, and what is said of it in a build without libav. */
#include <unistd.h>

#include "base/base.h"
#include "clips/libav.h"

const char *fdht_libav_title(fdht_file_kind kind)
{
    switch (kind) {
    case FDHT_FILE_MP4:
        return "an MP4 or QuickTime file";
    case FDHT_FILE_MATROSKA:
        return "a Matroska or WebM file";
    case FDHT_FILE_AVI:
        return "an AVI file";
    case FDHT_FILE_GIF:
        return "a GIF file";
    case FDHT_FILE_MPEG:
        return "an MPEG file";
    default:
        return "a video file";
    }
}

#ifndef FDHT_HAVE_LIBAV

int fdht_libav_check(fdht_file_kind kind, fdht_error *err)
{
    return fdht_fail(
        err, FDHT_ENOSUP,
        "%s, and this program is built without libavformat; decode it on the way: ffmpeg -i FILE -f "
        "yuv4mpegpipe - | fdht infer MODEL.h5 -",
        fdht_libav_title(kind));
}

int fdht_libav_open(int fd, const fdht_libav_options *opt, fdht_libav **out, fdht_error *err)
{
    *out = NULL;
    close(fd);
    return fdht_libav_check(opt->kind, err);
}

void fdht_libav_close(fdht_libav *f)
{
    (void)f;
}

size_t fdht_libav_claimed(const fdht_libav *f)
{
    (void)f;
    return 0;
}

int fdht_libav_next(fdht_libav *f, bool want, fdht_libav_frame *out, bool *end, fdht_error *err)
{
    (void)f;
    (void)want;
    (void)out;
    *end = true;
    return fdht_fail(err, FDHT_ENOSUP, "built without libavformat");
}

#endif
