/* clips/clips.c - the iterator over clips: options, the thread that reads ahead, and the number of clips to
 * expect. */
#include "fdht/clips.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <hdf5.h>

#include "clips/clips.h"
#include "files/read.h"

enum { WAKE_MS = 100 }; /* how often a waiting consumer looks at the stop flag */

struct fdht_clips {
    fdht_source source;
    bool threaded, joined;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t filled, emptied;
    fdht_clip_item **queue; /* ring of `room` */
    size_t room, head, count;
    bool done, closing;
    int status; /* how the reader ended */
    fdht_error error;
};

int fdht_raw_parse(const char *name, fdht_raw *out, fdht_error *err)
{
    if (!strcmp(name, "rgb24"))
        *out = FDHT_RAW_RGB24;
    else if (!strcmp(name, "gray"))
        *out = FDHT_RAW_GRAY;
    else if (!strcmp(name, "f32"))
        *out = FDHT_RAW_F32;
    else
        return fdht_fail(err, FDHT_EINVAL, "%.40s: unknown raw format; rgb24, gray and f32 are known", name);
    return FDHT_OK;
}

void fdht_clips_options_default(fdht_clips_options *opt)
{
    memset(opt, 0, sizeof *opt);
    opt->prefetch = 4;
    opt->max_clip_bytes = (size_t)2 << 30;
    opt->idx_steps = 7;
}

void fdht_clips_options_for_model(const fdht_model_spec *spec, fdht_clips_options *opt)
{
    const fdht_frame_spec *f = &spec->frame;
    fdht_clips_options_default(opt);
    opt->frames = f->frames;
    opt->channels = f->channels;
    opt->width = f->resize ? f->width : 0;
    opt->height = f->resize ? f->height : 0;
}

int fdht_clip_of_item(const fdht_clip_item *item, const fdht_model *m, fdht_clip *out, fdht_error *err)
{
    *out = (fdht_clip){0};
    if (!item)
        return fdht_fail(err, FDHT_EINVAL, "there is no clip");
    const fdht_clip_shape *s = &item->shape;
    if (item->status) {
        fdht_fail(err, item->status, "%s", item->error.msg);
        return fdht_fail_prefix(err, item->status, "clip %.160s", item->name);
    }
    fdht_clip clip = {item->u8, item->f32, s->length, s->width, s->height, s->channels, s->features};
    int status = fdht_model_check_clip(m, &clip, err);
    if (status)
        return fdht_fail_prefix(err, status, "clip %.160s", item->name);
    *out = clip;
    return FDHT_OK;
}

static void *reader(void *arg)
{
    fdht_clips *c = arg;
    for (;;) {
        fdht_clip_item *item = NULL;
        fdht_error error = {0};
        int status = fdht_source_next(&c->source, &item, &error);
        pthread_mutex_lock(&c->lock);
        while (!c->closing && c->count == c->room)
            pthread_cond_wait(&c->emptied, &c->lock);
        bool stop = c->closing || status || !item;
        if (stop) {
            c->done = true;
            c->status = status;
            c->error = error;
        } else {
            c->queue[(c->head + c->count++) % c->room] = item;
            item = NULL;
        }
        pthread_cond_signal(&c->filled);
        pthread_mutex_unlock(&c->lock);
        fdht_clip_item_free(item);
        if (stop)
            return NULL;
    }
}

/* Signals are for the thread that asks for clips. */
static int start_thread(fdht_clips *c, fdht_error *err)
{
    sigset_t all, old;
    hbool_t safe = 0;
    H5is_library_threadsafe(&safe);
    if (!c->source.opt.prefetch || !safe)
        return FDHT_OK;
    c->room = c->source.opt.prefetch;
    if (!(c->queue = fdht_calloc_err(c->room, sizeof *c->queue, "clips read ahead", err)))
        return FDHT_ENOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    int failed = pthread_create(&c->thread, NULL, reader, c);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed)
        return fdht_fail(err, FDHT_ENOMEM, "cannot start the reader thread: %s", strerror(failed));
    c->threaded = true;
    return FDHT_OK;
}

static int new_clips(const fdht_clips_options *opt, fdht_clips **out, fdht_error *err)
{
    fdht_clips *c = fdht_calloc_err(1, sizeof *c, "clips", err);
    pthread_condattr_t attr;
    if (!c)
        return FDHT_ENOMEM;
    c->source.opt = *opt;
    c->source.list.fd = c->source.bytes.fd = -1;
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->filled, &attr);
    pthread_cond_init(&c->emptied, NULL);
    pthread_condattr_destroy(&attr);
    *out = c;
    return FDHT_OK;
}

static int check_options(const fdht_clips_options *opt, fdht_error *err)
{
    if (opt->raw != FDHT_RAW_NONE && (!opt->raw_width || !opt->raw_height))
        return fdht_fail(err, FDHT_EINVAL, "raw frames need a size");
    if (opt->channels != 0 && opt->channels != 1 && opt->channels != 3)
        return fdht_fail(err, FDHT_EINVAL, "%zu channels; 1 and 3 are known", opt->channels);
    if (opt->shards && opt->shard >= opt->shards)
        return fdht_fail(err, FDHT_EINVAL, "shard %zu of %zu; they count from 0", opt->shard, opt->shards);
    if (!(opt->fps >= 0 && opt->fps <= 1e6))
        return fdht_fail(err, FDHT_EINVAL, "%g frames a second", opt->fps);
    if (opt->width > 65536 || opt->height > 65536)
        return fdht_fail(err, FDHT_EINVAL, "frames of %zux%zu", opt->width, opt->height);
    return FDHT_OK;
}

/* Could one of the inputs be a video file? Their decoders are forked before any thread is started. */
static bool may_be_film(const char *path)
{
    struct stat st;
    uint8_t head[512];
    if (stat(path, &st))
        return false;
    if (!S_ISREG(st.st_mode))
        return S_ISDIR(st.st_mode);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : fdht_read_at(fd, head, sizeof head, 0);
    if (fd >= 0)
        close(fd);
    return n > 0 && fdht_file_is_video(fdht_file_identify_bytes(head, (size_t)n));
}

static int start_decoders(fdht_source *s, fdht_error *err)
{
    bool may = s->list_path != NULL;
    for (size_t i = 0; i < s->n_input && !may; i++)
        may = may_be_film(s->input[i]);
    s->most_ahead = fdht_ahead_most();
    return may ? fdht_decoders_start(&s->decoders, err) : FDHT_OK;
}

int fdht_clips_open(const char *const *input, size_t n, const fdht_clips_options *opt, fdht_clips **out,
                    fdht_error *err)
{
    fdht_clips *c = NULL;
    size_t pipes = opt->list && !strcmp(opt->list, "-");
    *out = NULL;
    int status = check_options(opt, err);
    for (size_t i = 0; i < n; i++)
        pipes += !strcmp(input[i], "-");
    if (!status && pipes > 1)
        status = fdht_fail(err, FDHT_EINVAL, "standard input is asked for %zu times", pipes);
    if (status || (status = new_clips(opt, &c, err)))
        return status;
    fdht_source *s = &c->source;
    s->opt.list = NULL;
    s->input = fdht_calloc(n, sizeof *s->input);
    for (size_t i = 0; s->input && i < n; i++, s->n_input++)
        if (!(s->input[i] = fdht_strdup(input[i])))
            break;
    if (opt->list)
        s->list_path = fdht_strdup(opt->list);
    if (!s->input || s->n_input < n || (opt->list && !s->list_path))
        status = fdht_fail(err, FDHT_ENOMEM, "out of memory: inputs");
    else if (!(status = start_decoders(s, err)))
        status = start_thread(c, err);
    if (status)
        fdht_clips_close(c);
    else
        *out = c;
    return status;
}

int fdht_clips_open_dataset(fdht_dataset *ds, const size_t *order, size_t n, const fdht_clips_options *opt,
                            fdht_clips **out, fdht_error *err)
{
    fdht_clips *c = NULL;
    size_t clips = fdht_dataset_info_of(ds)->clips;
    *out = NULL;
    int status = check_options(opt, err);
    for (size_t i = 0; !status && order && i < n; i++)
        if (order[i] >= clips)
            status = fdht_fail(err, FDHT_EINVAL, "clip %zu asked for, file has %zu", order[i], clips);
    if (status || (status = new_clips(opt, &c, err)))
        return status;
    fdht_source *s = &c->source;
    s->opt.list = NULL;
    s->ds = ds;
    s->n = order ? n : clips;
    s->active = FDHT_ACTIVE_DATASET;
    s->now.path = fdht_strdup("data set");
    if (order && (s->order = fdht_calloc(n, sizeof *order)))
        memcpy(s->order, order, n * sizeof *order);
    if (!s->now.path || (order && !s->order))
        status = fdht_fail(err, FDHT_ENOMEM, "out of memory: order of clips");
    else
        status = start_thread(c, err);
    if (status)
        fdht_clips_close(c);
    else
        *out = c;
    return status;
}

static int take(fdht_clips *c, fdht_clip_item **out, fdht_error *err)
{
    const volatile sig_atomic_t *stop = c->source.opt.stop;
    int status = FDHT_OK;
    pthread_mutex_lock(&c->lock);
    while (!c->count && !c->done && !fdht_flag(stop)) {
        double wake = fdht_seconds() + WAKE_MS * 1e-3;
        struct timespec until = {.tv_sec = (time_t)wake};
        until.tv_nsec = (long)((wake - (double)until.tv_sec) * 1e9);
        pthread_cond_timedwait(&c->filled, &c->lock, &until);
    }
    if (fdht_flag(stop))
        status = fdht_fail(err, FDHT_EINTR, "interrupted");
    else if (c->count) {
        *out = c->queue[c->head];
        c->head = (c->head + 1) % c->room;
        c->count--;
        pthread_cond_signal(&c->emptied);
    } else if (c->status)
        status = fdht_fail(err, c->status, "%s", c->error.msg);
    pthread_mutex_unlock(&c->lock);
    return status;
}

int fdht_clips_next(fdht_clips *c, fdht_clip_item **out, fdht_error *err)
{
    *out = NULL;
    return c->threaded ? take(c, out, err) : fdht_source_next(&c->source, out, err);
}

void fdht_clips_close(fdht_clips *c)
{
    if (!c)
        return;
    if (c->threaded) {
        fdht_flag_set(&c->source.cancel, 1);
        pthread_mutex_lock(&c->lock);
        c->closing = true;
        pthread_cond_signal(&c->emptied);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
    for (size_t i = 0; i < c->count; i++)
        fdht_clip_item_free(c->queue[(c->head + i) % c->room]);
    fdht_free(c->queue);
    fdht_source_clear(&c->source);
    pthread_cond_destroy(&c->filled);
    pthread_cond_destroy(&c->emptied);
    pthread_mutex_destroy(&c->lock);
    fdht_free(c);
}

/* ---- how many there will be ---- */

static size_t count_path(const char *path, bool raw, int depth)
{
    fdht_file_kind kind;
    fdht_folder f;
    size_t n = 0;
    if (fdht_file_identify(path, &kind, NULL))
        return 1; /* an error record */
    if (kind == FDHT_FILE_DATASET) {
        fdht_dataset *ds;
        if (fdht_dataset_open(path, &ds, NULL))
            return 1;
        n = fdht_dataset_info_of(ds)->clips;
        fdht_dataset_close(ds);
        return n;
    }
    if (kind == FDHT_FILE_IDX) {
        fdht_idx idx;
        if (fdht_idx_open(path, &idx, NULL))
            return 0;
        n = idx.n;
        fdht_idx_close(&idx);
        return n;
    }
    if (kind != FDHT_FILE_DIRECTORY || depth > FDHT_FOLDER_DEPTH || fdht_folder_open(path, raw, &f, NULL))
        return 1;
    n = f.pictures > 0 || !f.children;
    for (size_t i = 0; i < f.children; i++) {
        char *child = fdht_path_join(path, f.child[i]);
        if (child)
            n += count_path(child, raw, depth + 1);
        fdht_free(child);
    }
    fdht_folder_close(&f);
    return n;
}

size_t fdht_clips_expected(fdht_clips *c)
{
    const fdht_source *s = &c->source;
    size_t n = 0;
    if (s->list_path || s->opt.clip_frames)
        return 0;
    if (!s->n_input)
        n = s->n;
    for (size_t i = 0; i < s->n_input; i++)
        n += count_path(s->input[i], s->opt.raw != FDHT_RAW_NONE, 0);
    return s->opt.shards ? (n + s->opt.shards - 1 - s->opt.shard) / s->opt.shards : n;
}
