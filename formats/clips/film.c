/* clips/film.c - frames of a video file from the child process that decodes it; what it says is checked here. */
#include "clips/film.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"
#include "fdht/image.h"
#include "files/child.h"

enum { WAKE_MS = 100, SILENCE = 300 }; /* seconds without a word after which a child is given up */

struct fdht_film {
    fdht_libav *here; /* decoded in this process; NULL: by a worker */
    int fd;           /* of the file; -1: it is `here` */
    fdht_libav_options opt;
    fdht_decoders *decoders;
    fdht_decoder_request ask;
    fdht_worker worker;
    fdht_decoder_news news;
    size_t at;        /* the next frame of the news */
    size_t back;      /* slots to give back */
    bool held, ended; /* a slot is with the caller; the file has come to its end */
    size_t claimed, frames;
};

size_t fdht_film_keeps(const fdht_clips_options *opt)
{
    return opt->clip_frames || opt->fps > 0 ? 0 : opt->frames;
}

/* Ask a worker from the start of the file. */
static int begin(fdht_film *f, bool fresh, fdht_error *err)
{
    if (lseek(f->fd, 0, SEEK_SET) < 0) /* the worker shares its place */
        return fdht_fail_errno(err, NULL);
    f->news.frames = f->at = f->back = f->frames = 0;
    f->held = false;
    int status = fdht_decoders_take(f->decoders, fresh, &f->worker, err);
    return status ? status : fdht_decoder_ask(&f->worker, &f->ask, f->fd, err);
}

int fdht_film_start(fdht_decoders *d, const char *path, fdht_file_kind kind, const fdht_clips_options *opt,
                    size_t total, const volatile sig_atomic_t *cancel, fdht_film **out, fdht_error *err)
{
    *out = NULL;
    int status = fdht_libav_check(kind, err);
    if (status)
        return status;
    fdht_film *f = fdht_calloc_err(1, sizeof *f, "video", err);
    if (!f)
        return FDHT_ENOMEM;
    f->opt = (fdht_libav_options){kind, opt->matrix, opt->range, opt->stop, cancel};
    f->decoders = d;
    f->ask = (fdht_decoder_request){kind, (int)opt->matrix, (int)opt->range, fdht_film_keeps(opt), total};
    f->worker = (fdht_worker){.socket = -1, .fate = -1, .ring = -1};
    f->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (f->fd < 0)
        status = fdht_fail_errno(err, NULL);
    else if (d)
        status = begin(f, false, err);
    if (status)
        fdht_film_close(f);
    else
        *out = f;
    return status;
}

void fdht_film_close(fdht_film *f)
{
    if (!f)
        return;
    fdht_libav_close(f->here);
    if (f->fd >= 0)
        close(f->fd);
    if (f->worker.socket >= 0 && f->ended)
        fdht_decoders_back(f->decoders, &f->worker);
    else if (f->worker.socket >= 0)
        fdht_decoders_drop(f->decoders, &f->worker);
    fdht_free(f);
}

/* ---- news ---- */

/* Slots that are free again; the worker waits when it has none. */
static void give_back(fdht_film *f)
{
    if (f->back)
        send(f->worker.socket, &f->back, sizeof f->back, MSG_NOSIGNAL);
    f->back = 0;
}

static bool stopped(const fdht_film *f)
{
    return (f->opt.stop && *f->opt.stop) || (f->opt.cancel && *f->opt.cancel);
}

static int how_it_died(const fdht_film *f, fdht_error *err)
{
    char title[80];
    int state = 0;
    if (recv(f->worker.fate, &state, sizeof state, 0) != (ssize_t)sizeof state)
        return fdht_fail(err, FDHT_EIO, "frame %zu: there is no decoder", f->frames);
    snprintf(title, sizeof title, "frame %zu: damaged", f->frames);
    return fdht_child_died(state, title, "libav", err);
}

/* The next news; what was sent before the worker died comes first. */
static int listen_for(fdht_film *f, fdht_error *err)
{
    double start = fdht_seconds();
    bool silent = false; /* its end is closed */
    for (;;) {
        struct pollfd p[2] = {{.fd = silent ? -1 : f->worker.socket, .events = POLLIN},
                              {.fd = f->worker.fate, .events = POLLIN}};
        if (stopped(f))
            return fdht_fail(err, FDHT_EINTR, "interrupted");
        int ready = poll(p, 2, WAKE_MS);
        if (ready == 0 && fdht_seconds() - start > SILENCE)
            return fdht_fail(err, FDHT_EFORMAT, "frame %zu: no word from its decoder for %d seconds",
                             f->frames, (int)SILENCE);
        if (ready <= 0)
            continue;
        ssize_t n = silent ? 0 : recv(f->worker.socket, &f->news, sizeof f->news, MSG_DONTWAIT);
        if (n == (ssize_t)sizeof f->news && f->news.frames <= FDHT_DECODER_BATCH)
            return FDHT_OK;
        if (n > 0)
            return fdht_fail(err, FDHT_EFORMAT, "frame %zu: damaged (its decoder speaks in riddles)",
                             f->frames);
        silent = n == 0;
        if (n < 0 && errno == ECONNRESET) /* it left slots unread; its news are there */
            continue;
        if (p[1].revents && (silent || (n < 0 && errno == EAGAIN)))
            return how_it_died(f, err);
    }
}

/* What went wrong, as the child says it: a file that needs too much memory there is a bad file. */
static int as_it_says(const fdht_film *f, fdht_error *err)
{
    int status = f->news.status;
    char text[sizeof f->news.text];
    snprintf(text, sizeof text, "%.*s", (int)sizeof f->news.text - 1, f->news.text);
    for (char *s = text; *s; s++)
        *s = (unsigned char)*s < ' ' ? '?' : *s;
    bool known =
        status == FDHT_EFORMAT || status == FDHT_EIO || status == FDHT_ENOSUP || status == FDHT_ELIMIT;
    return fdht_fail(err, known ? status : FDHT_EFORMAT, "%s", *text ? text : "damaged");
}

static int next_news(fdht_film *f, fdht_error *err)
{
    give_back(f);
    f->at = f->news.frames = 0;
    int status = listen_for(f, err);
    if (status) {
        f->news.frames = 0;
        return status;
    }
    return f->news.word == FDHT_DECODER_FAILED ? as_it_says(f, err) : FDHT_OK;
}

static int opened(fdht_film *f, fdht_error *err)
{
    int status = next_news(f, err);
    if (!status && f->news.word != FDHT_DECODER_OPENED)
        status = fdht_fail(err, FDHT_EFORMAT, "its decoder speaks out of turn");
    f->claimed = status ? 0 : f->news.claimed;
    f->news.frames = 0;
    return status;
}

/* A worker that had files before this one has failed: it may be their doing. A fresh one decides, from the start; it goes
 * on with frame `frames`. */
static int once_more(fdht_film *f, int status, size_t frames, fdht_error *err)
{
    fdht_libav_frame passed;
    bool end = false;
    if (status == FDHT_EINTR || status == FDHT_ENOMEM || f->worker.files < 2)
        return status;
    fdht_decoders_drop(f->decoders, &f->worker);
    if ((status = begin(f, true, err)) || (status = opened(f, err)))
        return status;
    while (!status && !end && f->frames < frames)
        status = fdht_film_next(f, true, &passed, &end, err);
    f->back += f->held;
    f->held = false;
    return status;
}

int fdht_film_ready(fdht_film *f, fdht_error *err)
{
    if (!f->decoders) {
        int fd = f->fd;
        f->fd = -1;
        int status = fdht_libav_open(fd, &f->opt, &f->here, err);
        f->claimed = status ? 0 : fdht_libav_claimed(f->here);
        return status;
    }
    int status = opened(f, err);
    return status ? once_more(f, status, 0, err) : FDHT_OK;
}

size_t fdht_film_claimed(const fdht_film *f)
{
    return f->claimed;
}

/* ---- frames ---- */

/* So much of the ring in this process. */
static int map_ring(fdht_film *f, size_t bytes, fdht_error *err)
{
    fdht_worker *r = &f->worker;
    if (bytes <= r->mapped)
        return FDHT_OK;
    size_t size = FDHT_DECODER_RING;
    while (size < bytes)
        size *= 2;
    size = FDHT_MIN(size, FDHT_DECODER_LARGEST);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, r->ring, 0);
    if (map == MAP_FAILED)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: frames of a video");
    if (r->map)
        munmap((void *)(uintptr_t)r->map, r->mapped);
    r->map = map;
    r->mapped = size;
    return FDHT_OK;
}

static int take(fdht_film *f, fdht_libav_frame *out, fdht_error *err)
{
    const fdht_decoder_frame *n = &f->news.frame[f->at++];
    bool good = n->width && n->height && n->width <= FDHT_IMAGE_MAX_PIXELS / n->height &&
                (n->channels == 1 || n->channels == 3);
    size_t bytes = good ? n->width * n->height * n->channels : 0;
    good = good && (!n->pixels || (n->at <= FDHT_DECODER_LARGEST && bytes <= FDHT_DECODER_LARGEST - n->at));
    if (!good)
        return fdht_fail(err, FDHT_EFORMAT, "frame %zu: damaged (%zux%zux%zu)", f->frames, n->width,
                         n->height, n->channels);
    int status = n->pixels ? map_ring(f, n->at + bytes, err) : FDHT_OK;
    if (status)
        return status;
    f->held = n->pixels;
    *out = (fdht_libav_frame){.width = n->width,
                              .height = n->height,
                              .channels = n->channels,
                              .pixel = n->pixels ? f->worker.map + n->at : NULL,
                              .time = isfinite(n->time) ? n->time : 0,
                              .duration = isfinite(n->duration) ? n->duration : 0};
    f->frames++;
    return FDHT_OK;
}

int fdht_film_next(fdht_film *f, bool want, fdht_libav_frame *out, bool *end, fdht_error *err)
{
    *end = false;
    if (f->here)
        return fdht_libav_next(f->here, want, out, end, err);
    f->back += f->held;
    f->held = false;
    while (f->at == f->news.frames && !f->ended) {
        size_t frames = f->frames;
        int status = next_news(f, err);
        if (status && (status = once_more(f, status, frames, err)))
            return status;
        f->ended = f->news.word == FDHT_DECODER_END;
    }
    if (f->at < f->news.frames)
        return take(f, out, err);
    *end = true;
    out->time = isfinite(f->news.time) ? f->news.time : 0;
    out->duration = isfinite(f->news.duration) ? f->news.duration : 0;
    return FDHT_OK;
}
