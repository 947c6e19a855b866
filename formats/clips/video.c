/* clips/video.c - frames of y4m and raw streams and of video files, at the pace that is asked for. */
#include "clips/video.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "fdht/image.h"

enum { MAX_LINE = 1024 };

/* The chroma formats that are read, of 8 bits or with p9 .. p16 behind them; what a 420 header says of chroma's
 * place is accepted and not used (clips/yuv.h). */
static bool parse_chroma(fdht_video *v, const char *c)
{
    static const struct {
        const char *name;
        unsigned dx, dy;
        bool grey;
    } known[] = {{"420jpeg", 1, 1, false}, {"420mpeg2", 1, 1, false}, {"420paldv", 1, 1, false},
                 {"420", 1, 1, false},     {"422", 1, 0, false},      {"411", 2, 0, false},
                 {"444", 0, 0, false},     {"mono", 0, 0, true}};
    for (size_t i = 0; i < FDHT_COUNT(known); i++) {
        size_t n = strlen(known[i].name);
        const char *rest = c + n;
        long depth = 8;
        if (strncasecmp(c, known[i].name, n))
            continue;
        if (*rest) { /* 420p10, mono12 */
            char *end;
            rest += *rest == 'p';
            depth = isdigit((unsigned char)*rest) ? strtol(rest, &end, 10) : 0;
            if (depth < 9 || depth > 16 || *end)
                continue;
        }
        v->dx = known[i].dx;
        v->dy = known[i].dy;
        v->channels = known[i].grey ? 1 : 3;
        v->depth = (int)depth;
        return true;
    }
    return false;
}

static bool parse_side(const char *s, size_t *out)
{
    char *end;
    if (!isdigit((unsigned char)*s))
        return false;
    unsigned long v = strtoul(s, &end, 10);
    *out = (size_t)v;
    return !*end && v >= 1 && v <= 65536;
}

static double parse_rate(const char *s)
{
    char *end;
    double n = fdht_text_number(s, &end), d = *end == ':' ? fdht_text_number(end + 1, &end) : 0;
    return n > 0 && d > 0 && !*end ? n / d : 0;
}

static int parse_header(fdht_video *v, char *line, const fdht_clips_options *opt, fdht_error *err)
{
    bool full = opt->range == FDHT_YUV_FULL, plain = false;
    const char *old = NULL; /* mjpegtools' way to say it: XYSCSS=444 */
    char *save = NULL;
    parse_chroma(v, "420");
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if ((word[0] == 'W' && !parse_side(word + 1, &v->width)) ||
            (word[0] == 'H' && !parse_side(word + 1, &v->height)))
            return fdht_fail(err, FDHT_EFORMAT, "y4m: size %.20s", word);
        if (word[0] == 'F')
            v->rate = parse_rate(word + 1);
        if (word[0] == 'C') {
            plain = true;
            if (!parse_chroma(v, word + 1))
                return fdht_fail(err, FDHT_EFORMAT,
                                 "y4m: pixel format %.20s is not read (420, 422, 411, 444, mono are)", word);
        }
        if (!strncmp(word, "XYSCSS=", 7))
            old = word + 7;
        if (opt->range == FDHT_YUV_RANGE_AUTO && !strcmp(word, "XCOLORRANGE=FULL"))
            full = true;
    }
    if (!plain && old && !parse_chroma(v, old))
        return fdht_fail(err, FDHT_EFORMAT, "y4m: pixel format XYSCSS=%.20s is not read", old);
    if (!v->width || !v->height)
        return fdht_fail(err, FDHT_EFORMAT, "y4m: header without width or height");
    if (v->channels == 1 && opt->range == FDHT_YUV_RANGE_AUTO) /* grey stays as it is, as ffmpeg has it */
        full = true;
    double kr, kb;
    fdht_yuv_weights(opt->matrix, v->width, v->height, &kr, &kb);
    fdht_yuv_set(&v->yuv, kr, kb, full, v->depth);
    return FDHT_OK;
}

static int open_y4m(fdht_video *v, const fdht_clips_options *opt, fdht_error *err)
{
    char line[MAX_LINE];
    bool end;
    int status = fdht_bytes_line(v->bytes, line, sizeof line, &end, err);
    if (status == FDHT_EFORMAT)
        return fdht_fail(err, FDHT_EFORMAT, "y4m: header line is longer than %d bytes", MAX_LINE - 1);
    if (status)
        return status;
    v->y4m = v->planar = true;
    return parse_header(v, line + strlen("YUV4MPEG2"), opt, err);
}

static size_t chroma_width(const fdht_video *v)
{
    return (v->width + ((size_t)1 << v->dx) - 1) >> v->dx;
}

static size_t packed_size(const fdht_video *v)
{
    size_t luma = v->width * v->height, rows = (v->height + ((size_t)1 << v->dy) - 1) >> v->dy;
    if (!v->planar)
        return luma * v->channels;
    return (luma + (v->channels == 3 ? 2 * chroma_width(v) * rows : 0)) * (v->depth > 8 ? 2 : 1);
}

int fdht_video_open(fdht_bytes *bytes, const fdht_clips_options *opt, fdht_video *v, fdht_error *err)
{
    const uint8_t *head;
    size_t have;
    *v = (fdht_video){.bytes = bytes, .depth = 8, .pace.fps = opt->fps};
    int status = fdht_bytes_peek(bytes, 10, &head, &have, err);
    if (status)
        return status;
    if (have >= 10 && !memcmp(head, "YUV4MPEG2 ", 10))
        status = open_y4m(v, opt, err);
    else if (opt->raw == FDHT_RAW_RGB24 || opt->raw == FDHT_RAW_GRAY) {
        v->channels = opt->raw == FDHT_RAW_GRAY ? 1 : 3;
        v->width = opt->raw_width;
        v->height = opt->raw_height;
    } else if (!have)
        status = fdht_fail(err, FDHT_EFORMAT, "empty");
    else
        status =
            fdht_fail(err, FDHT_EFORMAT, "no y4m header, and no format and size of raw frames are given");
    if (!status && (!v->width || !v->height || v->width > FDHT_IMAGE_MAX_PIXELS / v->height))
        status = fdht_fail(err, FDHT_EFORMAT, "frames of %zux%zu, at most %zu pixels can be read", v->width,
                           v->height, FDHT_IMAGE_MAX_PIXELS);
    if (!status && opt->fps > 0 && !(v->rate > 0))
        status = fdht_fail(err, FDHT_EFORMAT, "the stream does not say its frames a second");
    if (status)
        return status;
    v->packed_bytes = packed_size(v);
    v->frame = fdht_calloc_err(v->width * v->height, v->channels, "frame", err);
    v->packed = fdht_calloc_err(v->packed_bytes, 1, "frame", err);
    v->scratch = fdht_calloc_err(4 * v->width + 8, sizeof *v->scratch, "frame", err);
    if (!v->frame || !v->packed || !v->scratch) {
        fdht_video_close(v);
        return FDHT_ENOMEM;
    }
    return FDHT_OK;
}

int fdht_video_open_film(fdht_film *film, const fdht_clips_options *opt, fdht_video *v, fdht_error *err)
{
    *v = (fdht_video){.film = film, .pace.fps = opt->fps};
    int status = fdht_film_ready(film, err);
    if (status)
        fdht_video_close(v);
    return status;
}

void fdht_video_close(fdht_video *v)
{
    fdht_film_close(v->film);
    fdht_free(v->frame);
    fdht_free(v->packed);
    fdht_free(v->scratch);
    fdht_free(v->pace.held);
    *v = (fdht_video){0};
}

/* A sample of 10 bits is stored in 16, and a file may have any of those. */
static void cut_words(uint16_t *sample, size_t n, uint16_t most)
{
    for (size_t i = 0; i < n; i++)
        sample[i] = FDHT_MIN(sample[i], most);
}

static void unpack(fdht_video *v)
{
    size_t sample = v->depth > 8 ? 2 : 1, luma = v->width * v->height * sample,
           row = chroma_width(v) * sample, rows = (v->height + ((size_t)1 << v->dy) - 1) >> v->dy;
    bool colour = v->channels == 3;
    if (!v->planar) {
        memcpy(v->frame, v->packed, v->packed_bytes);
        return;
    }
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    for (size_t i = 0; sample == 2 && i + 1 < v->packed_bytes; i += 2) {
        uint8_t low = v->packed[i];
        v->packed[i] = v->packed[i + 1];
        v->packed[i + 1] = low;
    }
#endif
    if (sample == 2)
        cut_words((uint16_t *)(void *)v->packed, v->packed_bytes / 2, (uint16_t)((1u << v->depth) - 1));
    fdht_yuv_planes p = {{v->packed, colour ? v->packed + luma : NULL, v->packed + luma + row * rows},
                         {v->width * sample, row, row},
                         v->dx,
                         v->dy,
                         sample == 2};
    fdht_yuv_frame(&v->yuv, &p, v->width, v->height, v->scratch, v->frame);
}

/* "FRAME" and its parameters, which change nothing here; or the header of a stream that was joined to this one. */
static int frame_line(fdht_video *v, bool *end, fdht_error *err)
{
    char line[MAX_LINE];
    const uint8_t *head;
    size_t have;
    int status = fdht_bytes_peek(v->bytes, 10, &head, &have, err);
    if (!status && have >= 10 && !memcmp(head, "YUV4MPEG2 ", 10)) {
        v->more = *end = true;
        return FDHT_OK;
    }
    if (!status)
        status = fdht_bytes_line(v->bytes, line, sizeof line, end, err);
    if (status == FDHT_EFORMAT ||
        (!status && !*end && (strncmp(line, "FRAME", 5) || (line[5] && line[5] != ' '))))
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: no FRAME marker", v->frames);
    return status;
}

static int next_of_stream(fdht_video *v, bool want, bool *end, fdht_error *err)
{
    size_t got;
    int status;
    if (v->y4m && ((status = frame_line(v, end, err)) || *end))
        return status;
    if ((status = fdht_bytes_read(v->bytes, v->packed, v->packed_bytes, &got, err)))
        return status;
    if (!got && !v->y4m) {
        *end = true;
        return FDHT_OK;
    }
    if (got < v->packed_bytes)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: truncated (read %zu of %zu bytes)", v->frames, got,
                         v->packed_bytes);
    if (want)
        unpack(v);
    v->pixel = v->frame;
    v->time = v->rate > 0 ? (double)v->frames / v->rate : 0;
    return FDHT_OK;
}

static int next_of_film(fdht_video *v, bool want, bool *end, fdht_error *err)
{
    fdht_libav_frame f = {0};
    int status = fdht_film_next(v->film, want, &f, end, err);
    if (status || *end) {
        v->time += f.duration;
        return status;
    }
    if (v->frames && (f.width != v->width || f.height != v->height || f.channels != v->channels))
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: %zux%zux%zu, the frames before it are %zux%zux%zu",
                         v->frames, f.width, f.height, f.channels, v->width, v->height, v->channels);
    if (want && !f.pixel)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: damaged (it has no pixels)", v->frames);
    v->width = f.width;
    v->height = f.height;
    v->channels = f.channels;
    v->pixel = f.pixel;
    v->time = f.time;
    return FDHT_OK;
}

/* Every frame once, as they come. */
static int next_frame(fdht_video *v, bool want, bool *end, fdht_error *err)
{
    *end = false;
    if (v->frames >= FDHT_VIDEO_MAX_FRAMES)
        return fdht_fail(err, FDHT_ELIMIT, "more than %d frames", FDHT_VIDEO_MAX_FRAMES);
    int status = v->film ? next_of_film(v, want, end, err) : next_of_stream(v, want, end, err);
    if (!status && *end && !v->film)
        v->time += v->rate > 0 ? 1 / v->rate : 0;
    v->frames += !status && !*end;
    return status;
}

static int64_t tick_of(const fdht_video *v)
{
    double t = v->time * v->pace.fps;
    return t > -1e15 && t < 1e15 ? llround(t) : 0;
}

/* Frame k of the result is the one whose time, rounded to ticks, is the last that is not after k: as ffmpeg's filter
 * fps does it. */
static int next_at_pace(fdht_video *v, bool *end, fdht_error *err)
{
    fdht_pace *p = &v->pace;
    while (p->tick >= p->until) {
        bool over = false;
        size_t bytes = v->width * v->height * v->channels;
        if (p->over) {
            *end = true;
            return FDHT_OK;
        }
        if (p->started) {
            if (!p->held && !(p->held = fdht_calloc_err(bytes, 1, "frame", err)))
                return FDHT_ENOMEM;
            memcpy(p->held, p->latest, bytes);
        }
        int status = next_frame(v, true, &over, err);
        if (status)
            return status;
        if (over && !p->started) {
            *end = true;
            return FDHT_OK;
        }
        p->latest = v->pixel;
        p->until = tick_of(v);
        if (!p->started)
            p->tick = p->until;
        p->started = true;
        p->over = over;
        if (p->until - p->tick > FDHT_VIDEO_MAX_FRAMES)
            return fdht_fail(err, FDHT_ELIMIT, "frame %zu: %g s after the one before it", v->frames,
                             (double)(p->until - p->tick) / p->fps);
    }
    p->tick++;
    v->pixel = p->held;
    return FDHT_OK;
}

int fdht_video_next(fdht_video *v, bool want, bool *end, fdht_error *err)
{
    *end = false;
    return v->pace.fps > 0 ? next_at_pace(v, end, err) : next_frame(v, want, end, err);
}
