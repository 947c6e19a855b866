/* clips/stream.c - clips of y4m and raw streams and of video files. */
#include <stdio.h>
#include <string.h>

#include "clips/clips.h"

int fdht_source_open_stream(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    const uint8_t *head;
    size_t have;
    int status = fdht_bytes_open(s->now.path, &s->bytes, &why);
    if (status)
        return fdht_source_record(s, out, status, &why, err);
    s->bytes.stop = s->opt.stop;
    s->bytes.stop_too = &s->cancel;
    /* no more than needed: what a pipe has not sent yet is waited for */
    bool known = s->opt.raw != FDHT_RAW_NONE;
    status = fdht_bytes_peek(&s->bytes, 10, &head, &have, &why);
    if (!status && have >= 10 && memcmp(head, "YUV4MPEG2 ", 10) != 0)
        status = fdht_bytes_peek(&s->bytes, known ? 16 : 4096, &head, &have, &why);
    fdht_file_kind kind = status ? FDHT_FILE_OTHER : fdht_file_identify_bytes(head, have);
    if (kind == FDHT_FILE_HDF5)
        status = fdht_fail(&why, FDHT_EFORMAT,
                           "HDF5 cannot come through a pipe (it needs seek); give the file's name");
    else if (fdht_file_is_video(kind))
        status = fdht_fail(
            &why, FDHT_EFORMAT,
            "%s cannot come through a pipe; give the file's name, or decode it on the way: ffmpeg -i - -f "
            "yuv4mpegpipe -",
            fdht_file_kind_advice(kind));
    bool csv = !status && s->opt.raw == FDHT_RAW_NONE && kind == FDHT_FILE_OTHER && fdht_is_csv(head, have);
    if (!status && (csv || (s->opt.raw == FDHT_RAW_F32 && kind != FDHT_FILE_Y4M))) {
        fdht_source_open_features(s, csv);
        return FDHT_OK;
    }
    if (!status)
        status = fdht_video_open(&s->bytes, &s->opt, &s->video, &why);
    if (!status) {
        s->active = FDHT_ACTIVE_VIDEO;
        return FDHT_OK;
    }
    fdht_bytes_close(&s->bytes);
    return fdht_source_record(s, out, status, &why, err);
}

/* total: what it has been found to have; 0: not known. Those after it are started before it is waited for. */
static int start_film(fdht_source *s, size_t total, fdht_error *err)
{
    fdht_film *film = total ? NULL : fdht_ahead_take(s, s->now.path);
    int status = FDHT_OK;
    if (!film)
        status = fdht_film_start(s->decoders, s->now.path, s->kind, &s->opt, total, &s->cancel, &film, err);
    fdht_ahead_start(s);
    return status ? status : fdht_video_open_film(film, &s->opt, &s->video, err);
}

int fdht_source_open_film(fdht_source *s, fdht_file_kind kind, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    if (!s->opt.clip_frames &&
        !fdht_source_wanted(s, s->now.path)) { /* one clip, of another shard or left out */
        s->number++;
        return FDHT_OK;
    }
    s->kind = kind;
    int status = start_film(s, 0, &why);
    if (status)
        return fdht_source_record(s, out, status, &why, err);
    s->active = FDHT_ACTIVE_VIDEO;
    return FDHT_OK;
}

static int add(fdht_source *s, size_t t, fdht_error *err)
{
    char what[32];
    snprintf(what, sizeof what, "frame %zu", t);
    return fdht_builder_add(&s->build, s->video.pixel, s->video.width, s->video.height, s->video.channels,
                            what, err);
}

/* Read the frames of one clip; *end: the stream is at its end. Frames are read also for a clip of another
 * shard. */
static int read_frames(fdht_source *s, bool keep, size_t *n, bool *end, fdht_error *err)
{
    int status = FDHT_OK;
    *n = 0;
    *end = false;
    while (!s->opt.clip_frames || *n < s->opt.clip_frames) {
        if ((status = fdht_video_next(&s->video, keep, end, err)) || *end ||
            (keep && (status = add(s, *n, err))))
            break;
        ++*n;
    }
    return status;
}

/* Of a file that says how many frames it has, only the chosen ones are converted and kept; *n is how many there were. */
static int read_chosen(fdht_source *s, size_t claimed, size_t *n, fdht_error *err)
{
    size_t i = 0, keep = s->opt.frames;
    bool end = false;
    int status = FDHT_OK;
    for (*n = 0; !status; ++*n) {
        bool want = i < keep && fdht_sample_even(claimed, keep, i) == *n;
        if ((status = fdht_video_next(&s->video, want, &end, err)) || end)
            break;
        for (; !status && i < keep && fdht_sample_even(claimed, keep, i) == *n; i++)
            status = add(s, *n, err);
    }
    return status;
}

/* The clip of a video file of which some frames are kept. */
static int read_film(fdht_source *s, const fdht_clips_options *all, size_t *n, fdht_error *err)
{
    size_t claimed = fdht_film_claimed(s->video.film);
    int status = read_chosen(s, claimed, n, err);
    if (status || *n == claimed || !*n)
        return status;
    claimed = *n; /* it said another number than it has: once more with the right one */
    fdht_video_close(&s->video);
    fdht_builder_start(&s->build, all);
    status = start_film(s, claimed, err);
    return status ? status : read_chosen(s, claimed, n, err);
}

/* The y4m stream that is joined to the one before. */
static int reopen(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    fdht_video_close(&s->video);
    int status = fdht_video_open(&s->bytes, &s->opt, &s->video, &why);
    if (!status)
        return FDHT_OK;
    status = fdht_source_record(s, out, status, &why, err);
    fdht_source_close(s);
    return status;
}

/* Is the part that was read wanted? Asked now that it is there, and that its name is known: the first one of a y4m stream has no
 * number unless another stream follows. */
static bool is_wanted(fdht_source *s)
{
    char *name = s->opt.skip ? fdht_source_part_name(s, s->next) : NULL;
    bool wanted = fdht_source_wanted(s, name);
    fdht_free(name);
    return wanted;
}

int fdht_source_next_video(fdht_source *s, fdht_clip_item **out, fdht_error *err)
{
    fdht_error why = {0};
    fdht_clips_options all = s->opt;
    bool end = true;
    size_t n = 0;
    if (s->video.more)
        return reopen(s, out, err);
    bool keep = fdht_source_wanted(s, NULL);
    bool chosen = keep && s->video.film && fdht_film_keeps(&s->opt) && fdht_film_claimed(s->video.film);
    all.frames = chosen ? 0 : all.frames;
    fdht_builder_start(&s->build, &all);
    int status = chosen ? read_film(s, &all, &n, &why) : read_frames(s, keep, &n, &end, &why);
    bool more = !status && s->video.more, over = status || (end && !more);
    if (!status && !n && (s->next || more)) { /* the last clip was a whole one, or a stream without frames */
        fdht_builder_clear(&s->build);
        if (over)
            fdht_source_close(s);
        return FDHT_OK;
    }
    if (!(keep && is_wanted(s)) && !fdht_source_fatal(status)) {
        s->number++;
        s->next++;
        if (over)
            fdht_source_close(s);
        return FDHT_OK;
    }
    int made = fdht_source_part(s, s->next++, out, err);
    if (made)
        return made;
    if (!status)
        status = fdht_builder_finish(&s->build, *out, &why);
    if (!status)
        (*out)->total = n;
    fdht_builder_clear(&s->build);
    if (status)
        status = fdht_source_record(s, out, status, &why, err);
    if (over)
        fdht_source_close(s);
    return status;
}
