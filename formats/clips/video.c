/* clips/video.c - frames of y4m and raw streams, YUV converted to RGB. */
#include "clips/video.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/image.h"

enum { MAX_LINE = 1024, FRACTION = 20 };

/* ITU-R BT.601-7 2.5.1 and BT.709-6 3.2: Kr, Kb of the luma; quantisation 219 and 224 levels (limited) or 255
 * (full). */
static void make_tables(fdht_video *v, bool bt709, bool full)
{
    double kr = bt709 ? 0.2126 : 0.299, kb = bt709 ? 0.0722 : 0.114, kg = 1 - kr - kb;
    double luma = full ? 1 : 255.0 / 219, chroma = full ? 1 : 255.0 / 224, one = 1 << FRACTION;
    for (int i = 0; i < 256; i++) {
        double c = (i - 128) * chroma * one;
        v->luma[i] = (int32_t)lround((full ? i : i - 16) * luma * one);
        v->r_v[i] = (int32_t)lround(2 * (1 - kr) * c);
        v->b_u[i] = (int32_t)lround(2 * (1 - kb) * c);
        v->g_v[i] = (int32_t)lround(-2 * kr * (1 - kr) / kg * c);
        v->g_u[i] = (int32_t)lround(-2 * kb * (1 - kb) / kg * c);
    }
}

static uint8_t clip8(int32_t fixed)
{
    int32_t x =
        (fixed + (1 << (FRACTION - 1))) >> FRACTION; /* arithmetic shift: GCC and Clang define it so */
    return (uint8_t)(x < 0 ? 0 : x > 255 ? 255 : x);
}

/* The chroma formats that are read; what a 420 header says of chroma's place is accepted and not used: each
 * chroma sample is used for all of the 2x2 (420) or 2x1 (422) pixels it covers. */
static int parse_chroma(const char *c, fdht_chroma *out, fdht_error *err)
{
    static const struct {
        const char *name;
        fdht_chroma chroma;
    } known[] = {{"420jpeg", FDHT_420}, {"420mpeg2", FDHT_420}, {"420paldv", FDHT_420}, {"420", FDHT_420},
                 {"422", FDHT_422},     {"444", FDHT_444},      {"mono", FDHT_MONO}};
    for (size_t i = 0; i < FDHT_COUNT(known); i++)
        if (!strcmp(c, known[i].name)) {
            *out = known[i].chroma;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_EFORMAT,
                     "y4m: pixel format C%.20s is not read (8-bit 420, 422, 444, mono are)", c);
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

static int parse_header(fdht_video *v, char *line, const fdht_clips_options *opt, fdht_error *err)
{
    bool full = opt->range == FDHT_YUV_FULL;
    char *save = NULL;
    v->chroma = FDHT_420;
    for (char *word = strtok_r(line, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        if ((word[0] == 'W' && !parse_side(word + 1, &v->width)) ||
            (word[0] == 'H' && !parse_side(word + 1, &v->height)))
            return fdht_fail(err, FDHT_EFORMAT, "y4m: size %.20s", word);
        if (word[0] == 'C' && parse_chroma(word + 1, &v->chroma, err))
            return FDHT_EFORMAT;
        if (opt->range == FDHT_YUV_RANGE_AUTO && !strcmp(word, "XCOLORRANGE=FULL"))
            full = true;
    }
    if (!v->width || !v->height)
        return fdht_fail(err, FDHT_EFORMAT, "y4m: header without width or height");
    bool hd = v->width >= 1280 || v->height >= 720;
    make_tables(v, opt->matrix == FDHT_YUV_BT709 || (opt->matrix == FDHT_YUV_MATRIX_AUTO && hd), full);
    return FDHT_OK;
}

static int open_y4m(fdht_video *v, const fdht_clips_options *opt, fdht_error *err)
{
    char line[MAX_LINE];
    bool end;
    int rc = fdht_bytes_line(v->bytes, line, sizeof line, &end, err);
    if (rc == FDHT_EFORMAT)
        return fdht_fail(err, FDHT_EFORMAT, "y4m: header line is longer than %d bytes", MAX_LINE - 1);
    if (rc)
        return rc;
    v->y4m = true;
    return parse_header(v, line + strlen("YUV4MPEG2"), opt, err);
}

static size_t packed_size(const fdht_video *v)
{
    size_t luma = v->width * v->height, half = (v->width + 1) / 2;
    switch (v->chroma) {
    case FDHT_MONO:
        return luma;
    case FDHT_420:
        return luma + 2 * half * ((v->height + 1) / 2);
    case FDHT_422:
        return luma + 2 * half * v->height;
    default:
        return 3 * luma;
    }
}

int fdht_video_open(fdht_bytes *bytes, const fdht_clips_options *opt, fdht_video *v, fdht_error *err)
{
    const uint8_t *head;
    size_t have;
    memset(v, 0, sizeof *v);
    v->bytes = bytes;
    int rc = fdht_bytes_peek(bytes, 10, &head, &have, err);
    if (rc)
        return rc;
    if (have >= 10 && !memcmp(head, "YUV4MPEG2 ", 10))
        rc = open_y4m(v, opt, err);
    else if (opt->raw != FDHT_RAW_NONE) {
        v->chroma = opt->raw == FDHT_RAW_GRAY ? FDHT_MONO : FDHT_RGB24;
        v->width = opt->raw_width;
        v->height = opt->raw_height;
    } else if (!have)
        rc = fdht_fail(err, FDHT_EFORMAT, "empty");
    else
        rc = fdht_fail(err, FDHT_EFORMAT, "no y4m header, and no format and size of raw frames are given");
    if (!rc && (!v->width || !v->height || v->width > FDHT_IMAGE_MAX_PIXELS / v->height))
        rc = fdht_fail(err, FDHT_EFORMAT, "frames of %zux%zu, at most %zu pixels can be read", v->width,
                       v->height, FDHT_IMAGE_MAX_PIXELS);
    if (rc)
        return rc;
    v->channels = v->chroma == FDHT_MONO ? 1 : 3;
    v->packed_bytes = packed_size(v);
    v->frame = fdht_calloc_err(v->width * v->height, v->channels, "frame", err);
    v->packed = fdht_calloc_err(v->packed_bytes, 1, "frame", err);
    if (!v->frame || !v->packed) {
        fdht_video_close(v);
        return FDHT_ENOMEM;
    }
    return FDHT_OK;
}

void fdht_video_close(fdht_video *v)
{
    fdht_free(v->frame);
    fdht_free(v->packed);
    v->frame = v->packed = NULL;
}

static void unpack(fdht_video *v)
{
    size_t w = v->width, h = v->height, n = w * h;
    const uint8_t *y = v->packed;
    if (!v->y4m) {
        memcpy(v->frame, v->packed, v->packed_bytes);
        return;
    }
    if (v->chroma == FDHT_MONO) {
        for (size_t i = 0; i < n; i++)
            v->frame[i] = clip8(v->luma[y[i]]);
        return;
    }
    size_t dx = v->chroma != FDHT_444, dy = v->chroma == FDHT_420;
    size_t cw = (w + dx) >> dx, ch = (h + dy) >> dy;
    const uint8_t *u = y + n, *cv = u + cw * ch;
    for (size_t row = 0; row < h; row++)
        for (size_t col = 0; col < w; col++) {
            size_t c = (row >> dy) * cw + (col >> dx);
            int32_t l = v->luma[y[row * w + col]];
            uint8_t *p = v->frame + 3 * (row * w + col);
            p[0] = clip8(l + v->r_v[cv[c]]);
            p[1] = clip8(l + v->g_u[u[c]] + v->g_v[cv[c]]);
            p[2] = clip8(l + v->b_u[u[c]]);
        }
}

/* "FRAME" and its parameters, which change nothing here. */
static int frame_line(fdht_video *v, bool *end, fdht_error *err)
{
    char line[MAX_LINE];
    int rc = fdht_bytes_line(v->bytes, line, sizeof line, end, err);
    if (rc == FDHT_EFORMAT || (!rc && !*end && (strncmp(line, "FRAME", 5) || (line[5] && line[5] != ' '))))
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: no FRAME marker", v->frames);
    return rc;
}

int fdht_video_next(fdht_video *v, bool *end, fdht_error *err)
{
    size_t got;
    int rc;
    *end = false;
    if (v->y4m && ((rc = frame_line(v, end, err)) || *end))
        return rc;
    if ((rc = fdht_bytes_read(v->bytes, v->packed, v->packed_bytes, &got, err)))
        return rc;
    if (!got && !v->y4m) {
        *end = true;
        return FDHT_OK;
    }
    if (got < v->packed_bytes)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: truncated (read %zu of %zu bytes)", v->frames, got,
                         v->packed_bytes);
    unpack(v);
    v->frames++;
    return FDHT_OK;
}
