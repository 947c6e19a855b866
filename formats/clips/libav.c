/* clips/libav.c - video files decoded by libavformat and libavcodec, their planes converted by clips/yuv.c: the same bytes as those of
 * the y4m stream that ffmpeg makes of the file. */
#include "clips/libav.h"
#include "clips/yuv.h"

#include <stdio.h>
#include <string.h>

#include "base/base.h"
#include "fdht/image.h"

#ifdef FDHT_HAVE_LIBAV

#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>
#include <libavutil/display.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>

/* Nothing else is tried, whatever the first bytes say: no playlists, no scripts, no pictures of documents. */
static const char containers[] =
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,gif,mpeg,mpegts,mpegvideo,flv,asf,ogg";
static const char codecs[] = "h264,hevc,vp8,vp9,libdav1d,libaom-av1,av1,mpeg1video,mpeg2video,mpeg4,"
                             "msmpeg4v1,msmpeg4v2,msmpeg4,h263,h263i,flv,wmv1,"
                             "wmv2,wmv3,vc1,theora,mjpeg,mjpegb,prores,dnxhd,ffv1,ffvhuff,huffyuv,utvideo,"
                             "magicyuv,rawvideo,gif,png,cinepak,svq1,"
                             "svq3,dvvideo,qtrle,rpza,cfhd,jpeg2000,msvideo1,indeo3,indeo5,v210,v410,r210";

enum { IO_BYTES = 1 << 15, MAX_STREAMS = 64, MAX_THREADS = 4, SMALL = 320 * 240 };

struct fdht_libav {
    int fd;
    const volatile sig_atomic_t *stop, *cancel;
    fdht_yuv_matrix matrix;
    fdht_yuv_range range;
    fdht_file_kind kind;
    AVIOContext *io;
    AVFormatContext *format;
    AVCodecContext *decoder;
    AVPacket *packet;
    AVFrame *frame;
    AVStream *stream;
    bool drained; /* no packet is left */
    double last;  /* end of the last packet of any stream, seconds; to tell a file that ends too early */
    double time, duration;
    size_t frames;
    int turn[4]; /* display matrix: x' = turn[0] x + turn[1] y, y' = turn[2] x + turn[3] y, each -1, 0 or 1 */
    bool turned;
    size_t room; /* pixels that the buffers have room for */
    uint8_t *pixel, *upright;
    uint16_t *planes;
    int32_t *scratch;
};

static bool stopped(const fdht_libav *f)
{
    return fdht_flag(f->stop) || fdht_flag(f->cancel);
}

static int fail_av(const fdht_libav *f, int code, const char *what, fdht_error *err)
{
    char why[AV_ERROR_MAX_STRING_SIZE] = "";
    if (stopped(f))
        return fdht_fail(err, FDHT_EINTR, "interrupted");
    if (code == AVERROR(ENOMEM))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: video");
    av_strerror(code, why, sizeof why);
    return fdht_fail(err, code == AVERROR(EIO) ? FDHT_EIO : FDHT_EFORMAT, "%s (%s)", what, why);
}

/* ---- the file: bytes from our descriptor, and nothing beside it ---- */

static int io_read(void *arg, uint8_t *to, int n)
{
    fdht_libav *f = arg;
    ssize_t got;
    if (stopped(f))
        return AVERROR_EXIT;
    do
        got = read(f->fd, to, (size_t)n);
    while (got < 0 && errno == EINTR);
    return got > 0 ? (int)got : got == 0 ? AVERROR_EOF : AVERROR(errno);
}

static int64_t io_seek(void *arg, int64_t offset, int whence)
{
    fdht_libav *f = arg;
    struct stat st;
    if (whence & AVSEEK_SIZE)
        return fstat(f->fd, &st) ? AVERROR(errno) : (int64_t)st.st_size;
    off_t at = lseek(f->fd, (off_t)offset, whence & ~AVSEEK_FORCE);
    return at < 0 ? AVERROR(errno) : (int64_t)at;
}

static int refuse_file(AVFormatContext *s, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)s;
    (void)url;
    (void)flags;
    (void)options;
    *io = NULL;
    return AVERROR(EPERM);
}

static int interrupted(void *arg)
{
    return stopped(arg);
}

/* libav's own messages name neither clip nor file. */
static void quiet(void)
{
    av_log_set_level(AV_LOG_QUIET);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int open_container(fdht_libav *f, fdht_error *err)
{
    pthread_once(&once, quiet);
    uint8_t *buffer = av_malloc(IO_BYTES);
    f->io = buffer ? avio_alloc_context(buffer, IO_BYTES, 0, f, io_read, NULL, io_seek) : NULL;
    f->format = avformat_alloc_context();
    if (!f->io)
        av_free(buffer);
    if (!f->io || !f->format)
        return fail_av(f, AVERROR(ENOMEM), "", err);
    f->format->pb = f->io;
    f->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    f->format->io_open = refuse_file;
    f->format->interrupt_callback = (AVIOInterruptCB){interrupted, f};
    f->format->max_streams = MAX_STREAMS;
    f->format->format_whitelist = av_strdup(containers);
    f->format->codec_whitelist = av_strdup(codecs);
    f->format->protocol_whitelist = av_strdup(""); /* not even files: ours is open */
    int code = avformat_open_input(&f->format, "", NULL, NULL);
    char what[96];
    snprintf(what, sizeof what, "%s that is damaged or of a kind that is not read",
             fdht_libav_title(f->kind));
    if (code >= 0)
        code = avformat_find_stream_info(f->format, NULL);
    return code < 0 ? fail_av(f, code, what, err) : FDHT_OK;
}

/* Nearest quarter turn, and mirrors, of the stream's display matrix. */
static void set_turn(fdht_libav *f)
{
    int32_t *m = (int32_t *)(void *)av_stream_get_side_data(f->stream, AV_PKT_DATA_DISPLAYMATRIX, NULL);
    static const int upright[4] = {1, 0, 0, 1};
    memcpy(f->turn, upright, sizeof f->turn);
    if (!m)
        return;
    int64_t a = m[0], b = m[1], c = m[3], d = m[4];
    if (llabs(a) + llabs(d) >= llabs(b) + llabs(c)) {
        f->turn[0] = a < 0 ? -1 : 1;
        f->turn[3] = d < 0 ? -1 : 1;
    } else {
        f->turn[0] = f->turn[3] = 0;
        f->turn[1] = c < 0 ? -1 : 1;
        f->turn[2] = b < 0 ? -1 : 1;
    }
    f->turned = memcmp(f->turn, upright, sizeof upright) != 0;
}

/* A decoder in threads of its own: as many as the process may use, at most four; small frames are faster without. */
static int threads_for(const AVCodecParameters *p)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
    return p->width <= 0 || (int64_t)p->width * p->height <= SMALL ? 1 : FDHT_MIN(n, (int)MAX_THREADS);
}

static int open_decoder(fdht_libav *f, fdht_error *err)
{
    const AVCodec *codec = NULL;
    int at = av_find_best_stream(f->format, AVMEDIA_TYPE_VIDEO, -1, -1, &codec, 0);
    if (at < 0 || !codec)
        return fdht_fail(err, FDHT_EFORMAT, "%s without a video stream that is read",
                         fdht_libav_title(f->kind));
    f->stream = f->format->streams[at];
    const AVCodecParameters *p = f->stream->codecpar;
    if (f->stream->disposition & AV_DISPOSITION_ATTACHED_PIC)
        return fdht_fail(err, FDHT_EFORMAT, "%s with a cover picture and no video",
                         fdht_libav_title(f->kind));
    if (p->width > 0 && p->height > 0 && (size_t)p->width > FDHT_IMAGE_MAX_PIXELS / (size_t)p->height)
        return fdht_fail(err, FDHT_EFORMAT, "frames of %dx%d, at most %zu pixels can be read", p->width,
                         p->height, FDHT_IMAGE_MAX_PIXELS);
    f->packet = av_packet_alloc();
    f->frame = av_frame_alloc();
    f->decoder = avcodec_alloc_context3(codec);
    if (!f->packet || !f->frame || !f->decoder || avcodec_parameters_to_context(f->decoder, p) < 0)
        return fail_av(f, AVERROR(ENOMEM), "", err);
    f->decoder->pkt_timebase = f->stream->time_base;
    f->decoder->max_pixels = (int64_t)FDHT_IMAGE_MAX_PIXELS;
    f->decoder->thread_count = threads_for(p);
    f->decoder->codec_whitelist = av_strdup(codecs);
    f->decoder->flags |=
        AV_CODEC_FLAG_OUTPUT_CORRUPT; /* a stream may begin between key frames; ffmpeg shows it, too */
    int code = avcodec_open2(f->decoder, codec, NULL);
    char what[96];
    snprintf(what, sizeof what, "%s in %s that cannot be decoded", codec->name, fdht_libav_title(f->kind));
    set_turn(f);
    return code < 0 ? fail_av(f, code, what, err) : FDHT_OK;
}

int fdht_libav_check(fdht_file_kind kind, fdht_error *err)
{
    (void)kind;
    (void)err;
    return FDHT_OK;
}

int fdht_libav_open(int fd, const fdht_libav_options *opt, fdht_libav **out, fdht_error *err)
{
    fdht_libav *f = fdht_calloc_err(1, sizeof *f, "video", err);
    struct stat st;
    *out = NULL;
    if (!f) {
        close(fd);
        return FDHT_ENOMEM;
    }
    f->kind = opt->kind;
    f->stop = opt->stop;
    f->cancel = opt->cancel;
    f->matrix = opt->matrix;
    f->range = opt->range;
    f->fd = fd;
    int status = fstat(fd, &st) ? fdht_fail_errno(err, NULL)
                                : fdht_whole_check(fd, f->kind, (uint64_t)st.st_size, err);
    if (status)
        fdht_fail_prefix(err, status, "%s", fdht_libav_title(f->kind));
    else
        status = open_container(f, err);
    if (!status)
        status = open_decoder(f, err);
    if (status)
        fdht_libav_close(f);
    else
        *out = f;
    return status;
}

void fdht_libav_close(fdht_libav *f)
{
    if (!f)
        return;
    avcodec_free_context(&f->decoder);
    avformat_close_input(&f->format);
    if (f->io)
        av_freep(&f->io->buffer);
    avio_context_free(&f->io);
    av_packet_free(&f->packet);
    av_frame_free(&f->frame);
    if (f->fd >= 0)
        close(f->fd);
    fdht_free(f->pixel);
    fdht_free(f->upright);
    fdht_free(f->planes);
    fdht_free(f->scratch);
    fdht_free(f);
}

size_t fdht_libav_claimed(const fdht_libav *f)
{
    return f->stream->nb_frames > 0 ? (size_t)f->stream->nb_frames : 0;
}

/* ---- packets and frames ---- */

/* Packets that end long before the container's duration: what clips/whole.c cannot see. The slack allows for what muxers round. */
static int check_end(const fdht_libav *f, fdht_error *err)
{
    double all = (double)f->format->duration / AV_TIME_BASE,
           first = f->format->start_time == AV_NOPTS_VALUE ? 0 : (double)f->format->start_time / AV_TIME_BASE,
           frame = f->stream->avg_frame_rate.num > 0 ? 1 / av_q2d(f->stream->avg_frame_rate) : 0,
           slack = frame + fmax(0.1, 0.02 * all);
    bool known =
        f->format->duration > 0 && f->format->duration_estimation_method != AVFMT_DURATION_FROM_BITRATE;
    if (known && f->last - first + slack < all)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: truncated (%.2f of %.2f s)", f->frames,
                         f->last - first, all);
    return FDHT_OK;
}

/* The next packet of the video to the decoder; at the end of the file it is told so. */
static int feed(fdht_libav *f, fdht_error *err)
{
    char what[64];
    snprintf(what, sizeof what, "frame %zu: cannot be read", f->frames);
    for (;;) {
        int code = av_read_frame(f->format, f->packet);
        if (code == AVERROR_EOF) {
            f->drained = true;
            if (check_end(f, err))
                return FDHT_EFORMAT;
            code = avcodec_send_packet(f->decoder, NULL);
            return code < 0 && code != AVERROR_EOF ? fail_av(f, code, what, err) : FDHT_OK;
        }
        if (code < 0)
            return fail_av(f, code, what, err);
        const AVStream *s = f->format->streams[f->packet->stream_index];
        int64_t at = f->packet->pts != AV_NOPTS_VALUE ? f->packet->pts : f->packet->dts;
        double lasts = (double)f->packet->duration * av_q2d(s->time_base);
        if (lasts <= 0 && s->avg_frame_rate.num > 0)
            lasts = 1 / av_q2d(s->avg_frame_rate);
        if (at != AV_NOPTS_VALUE)
            f->last = fmax(f->last, (double)at * av_q2d(s->time_base) + lasts);
        bool ours = s == f->stream, corrupt = f->packet->flags & AV_PKT_FLAG_CORRUPT;
        code = ours && !corrupt ? avcodec_send_packet(f->decoder, f->packet) : 0;
        av_packet_unref(f->packet);
        if (corrupt)
            return fdht_fail(err, FDHT_EFORMAT, "frame %zu: truncated", f->frames);
        snprintf(what, sizeof what, "frame %zu: damaged", f->frames);
        if (code < 0)
            return fail_av(f, code, what, err);
        if (ours)
            return FDHT_OK;
    }
}

static int decode(fdht_libav *f, bool *end, fdht_error *err)
{
    char what[64];
    snprintf(what, sizeof what, "frame %zu: damaged", f->frames);
    for (;;) {
        int code = avcodec_receive_frame(f->decoder, f->frame);
        *end = code == AVERROR_EOF;
        if (code >= 0 && f->frame->decode_error_flags)
            return fdht_fail(err, FDHT_EFORMAT, "%s", what);
        if (code >= 0 || *end)
            return FDHT_OK;
        if (code != AVERROR(EAGAIN) || f->drained)
            return fail_av(f, code, what, err);
        int status = feed(f, err);
        if (status)
            return status;
    }
}

/* ---- pixels ---- */

static int make_room(fdht_libav *f, size_t width, size_t height, fdht_error *err)
{
    size_t n = width * height;
    if (n <= f->room)
        return FDHT_OK;
    fdht_free(f->pixel);
    fdht_free(f->upright);
    fdht_free(f->planes);
    fdht_free(f->scratch);
    f->planes = NULL;
    f->pixel = fdht_calloc_err(n, 3, "frame", err);
    f->upright = f->turned ? fdht_calloc_err(n, 3, "frame", err) : NULL;
    f->scratch = fdht_calloc_err(4 * FDHT_MAX(width, n / FDHT_MAX(height, (size_t)1)) + 8, sizeof *f->scratch,
                                 "frame", err);
    f->room = n;
    return f->pixel && f->scratch && (f->upright || !f->turned) ? FDHT_OK : FDHT_ENOMEM;
}

/* Component c of a frame as 16-bit numbers, (rows, columns) of that component, from any layout in memory. */
static void read_component(const AVFrame *frame, const AVPixFmtDescriptor *d, int c, size_t columns,
                           size_t rows, uint16_t *to)
{
    const uint8_t *data[4] = {frame->data[0], frame->data[1], frame->data[2], frame->data[3]};
    for (size_t row = 0; row < rows; row++)
        av_read_image_line2(to + row * columns, data, frame->linesize, d, 0, (int)row, c, (int)columns, 0, 2);
}

static int get_planes(fdht_libav *f, fdht_error *err)
{
    if (!f->planes && !(f->planes = fdht_calloc_err(f->room, 3 * sizeof *f->planes, "frame", err)))
        return FDHT_ENOMEM;
    return FDHT_OK;
}

static int unread_format(const AVPixFmtDescriptor *d, fdht_error *err)
{
    return fdht_fail(err, FDHT_EFORMAT, "pixel format %s is not read", d ? d->name : "unknown");
}

/* RGB of any depth, or a palette. */
static int convert_rgb(fdht_libav *f, const AVPixFmtDescriptor *d, size_t n, size_t width, fdht_error *err)
{
    const AVFrame *frame = f->frame;
    bool palette = (d->flags & AV_PIX_FMT_FLAG_PAL) != 0;
    int status = get_planes(f, err);
    for (int c = 0; !status && c < (palette ? 1 : 3); c++)
        read_component(frame, d, c, width, n / width, f->planes + (size_t)c * n);
    for (size_t i = 0; !status && palette && i < n; i++) {
        uint32_t colour; /* 0xAARRGGBB in the order of the machine */
        memcpy(&colour, frame->data[1] + 4 * (f->planes[i] & 255), sizeof colour);
        for (int c = 0; c < 3; c++)
            f->pixel[3 * i + (size_t)c] = (uint8_t)(colour >> (16 - 8 * c));
    }
    for (size_t c = 0; !status && !palette && c < 3; c++) {
        uint32_t most = (1u << d->comp[c].depth) - 1;
        for (size_t i = 0; i < n; i++)
            f->pixel[3 * i + c] = (uint8_t)((f->planes[c * n + i] * 255u * 2 + most) / (2 * most));
    }
    return status;
}

/* Black and white. */
static int convert_bits(fdht_libav *f, const AVPixFmtDescriptor *d, size_t n, size_t width, fdht_error *err)
{
    bool white = f->frame->format == AV_PIX_FMT_MONOWHITE; /* is 0 */
    int status = get_planes(f, err);
    if (!status)
        read_component(f->frame, d, 0, width, n / width, f->planes);
    for (size_t i = 0; !status && i < n; i++)
        f->pixel[i] = (f->planes[i] != 0) != white ? 255 : 0;
    return status;
}

/* ITU-T H.273 table 4. */
static bool weights(const fdht_libav *f, double *kr, double *kb)
{
    const AVFrame *frame = f->frame;
    fdht_yuv_weights(f->matrix, (size_t)frame->width, (size_t)frame->height, kr, kb);
    if (f->matrix != FDHT_YUV_MATRIX_AUTO)
        return true;
    switch (frame->colorspace) {
    case AVCOL_SPC_BT709:
        fdht_yuv_weights(FDHT_YUV_BT709, 0, 0, kr, kb);
        return true;
    case AVCOL_SPC_BT470BG:
    case AVCOL_SPC_SMPTE170M:
        fdht_yuv_weights(FDHT_YUV_BT601, 0, 0, kr, kb);
        return true;
    case AVCOL_SPC_FCC:
        *kr = 0.30, *kb = 0.11;
        return true;
    case AVCOL_SPC_SMPTE240M:
        *kr = 0.212, *kb = 0.087;
        return true;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        *kr = 0.2627, *kb = 0.0593;
        return true;
    default:
        return frame->colorspace == AVCOL_SPC_UNSPECIFIED || frame->colorspace == AVCOL_SPC_RESERVED ||
               frame->colorspace == AVCOL_SPC_RGB;
    }
}

static bool full_range(const fdht_libav *f, const AVPixFmtDescriptor *d)
{
    if (f->range != FDHT_YUV_RANGE_AUTO)
        return f->range == FDHT_YUV_FULL;
    if (d->nb_components < 3) /* grey stays as it is, whatever the stream says: as ffmpeg has it */
        return true;
    if (f->frame->color_range != AVCOL_RANGE_UNSPECIFIED)
        return f->frame->color_range == AVCOL_RANGE_JPEG;
    return !strncmp(d->name, "yuvj", 4);
}

/* Planar YUV of 8 bits as it lies; all else is first brought into planes of 16-bit numbers. */
static int convert_yuv(fdht_libav *f, const AVPixFmtDescriptor *d, size_t width, size_t height,
                       fdht_error *err)
{
    const AVFrame *frame = f->frame;
    bool grey = d->nb_components < 3, plain = true;
    int depth = d->comp[0].depth;
    double kr, kb;
    fdht_yuv k;
    fdht_yuv_planes p = {.dx = d->log2_chroma_w, .dy = d->log2_chroma_h};
    if (depth < 8 || depth > 16)
        return unread_format(d, err);
    if (!weights(f, &kr, &kb))
        return fdht_fail(err, FDHT_EFORMAT, "colours of the matrix %s are not read",
                         av_color_space_name(frame->colorspace));
    fdht_yuv_set(&k, kr, kb, full_range(f, d), depth);
    for (int c = 0; c < (grey ? 1 : 3); c++)
        plain =
            plain && d->comp[c].plane == c && d->comp[c].step == 1 && depth == 8 && frame->linesize[c] > 0;
    int status = plain ? FDHT_OK : get_planes(f, err);
    uint16_t *to = f->planes;
    for (int c = 0; !status && c < (grey ? 1 : 3); c++) {
        size_t columns = c ? (width + ((size_t)1 << p.dx) - 1) >> p.dx : width,
               rows = c ? (height + ((size_t)1 << p.dy) - 1) >> p.dy : height;
        p.plane[c] = plain ? (const void *)frame->data[c] : to;
        p.stride[c] = plain ? (size_t)frame->linesize[c] : columns * sizeof *to;
        if (!plain)
            read_component(frame, d, c, columns, rows, to);
        to = plain ? to : to + columns * rows;
    }
    p.wide = !plain;
    if (!status)
        fdht_yuv_frame(&k, &p, width, height, f->scratch, f->pixel);
    return status;
}

/* f->pixel to f->upright. */
static void turn(fdht_libav *f, size_t width, size_t height, size_t channels)
{
    const int *t = f->turn;
    size_t out_width = t[0] ? width : height;
    for (size_t y = 0; y < height; y++)
        for (size_t x = 0; x < width; x++) {
            size_t to_x = t[0]       ? (t[0] > 0 ? x : width - 1 - x)
                          : t[1] > 0 ? y
                                     : height - 1 - y,
                   to_y = t[3]       ? (t[3] > 0 ? y : height - 1 - y)
                          : t[2] > 0 ? x
                                     : width - 1 - x;
            memcpy(f->upright + (to_y * out_width + to_x) * channels, f->pixel + (y * width + x) * channels,
                   channels);
        }
}

static int convert(fdht_libav *f, bool want, fdht_libav_frame *out, fdht_error *err)
{
    const AVFrame *frame = f->frame;
    const AVPixFmtDescriptor *d = av_pix_fmt_desc_get(frame->format);
    size_t width = (size_t)frame->width, height = (size_t)frame->height;
    const uint64_t strange = AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_BAYER | AV_PIX_FMT_FLAG_FLOAT;
    bool bits = frame->format == AV_PIX_FMT_MONOWHITE || frame->format == AV_PIX_FMT_MONOBLACK;
    if (frame->width <= 0 || frame->height <= 0 || width > FDHT_IMAGE_MAX_PIXELS / height)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: %dx%d, at most %zu pixels can be read", f->frames,
                         frame->width, frame->height, FDHT_IMAGE_MAX_PIXELS);
    if (!d || d->flags & strange || (!bits && d->flags & AV_PIX_FMT_FLAG_BITSTREAM) ||
        (frame->format >= AV_PIX_FMT_XYZ12LE && frame->format <= AV_PIX_FMT_XYZ12BE))
        return unread_format(d, err);
    bool rgb = (d->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL)) != 0;
    int status = want ? make_room(f, width, height, err) : FDHT_OK;
    if (!status && want)
        status = bits  ? convert_bits(f, d, width * height, width, err)
                 : rgb ? convert_rgb(f, d, width * height, width, err)
                       : convert_yuv(f, d, width, height, err);
    if (status)
        return status;
    out->channels = rgb || d->nb_components >= 3 ? 3 : 1;
    out->width = f->turn[0] ? width : height;
    out->height = f->turn[0] ? height : width;
    out->pixel = f->turned ? f->upright : f->pixel;
    if (f->turned && want)
        turn(f, width, height, out->channels);
    return FDHT_OK;
}

int fdht_libav_next(fdht_libav *f, bool want, fdht_libav_frame *out, bool *end, fdht_error *err)
{
    int status = decode(f, end, err);
    double unit = av_q2d(f->stream->time_base);
    if (!status && !*end) {
        const AVFrame *frame = f->frame;
        double rate = av_q2d(f->stream->avg_frame_rate);
        int64_t at = frame->best_effort_timestamp;
        f->time = at != AV_NOPTS_VALUE ? (double)at * unit : f->time + f->duration;
        f->duration = frame->pkt_duration > 0 ? (double)frame->pkt_duration * unit : rate > 0 ? 1 / rate : 0;
        status = convert(f, want, out, err);
        f->frames += !status;
    }
    out->time = f->time;
    out->duration = f->duration;
    return status;
}

#endif
