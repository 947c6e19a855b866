/* train/reader.c - batches of clips read ahead by a thread. */
#include "train/reader.h"

#include <pthread.h>
#include <string.h>

#include "base/base.h"
#include "fdht/basics.h"
#include "nn/frames.h"

typedef struct slot {
    fdht_batch batch;
    size_t *id;
    unsigned char *data;
    size_t bytes;
    int status;
    bool full;
} slot;

/* Two slots: one is being used while the other is being filled. */
struct fdht_reader {
    const fdht_train_data *source;
    const fdht_frame_spec *frame;
    fdht_reading how;
    size_t inputs, next, number; /* number: of inputs' bytes */
    size_t done;                 /* batches */
    /* with how.stream: clips read before their use, and room of one that was used */
    unsigned char **held, *spare; /* held (source->clips) */
    size_t read, spare_bytes;
    slot slot[2];
    int use; /* the slot handed out next */
    fdht_error err;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool started, stop, handed;
};

/* Keep `keep` of a clip's frames, in place. Evenly: frame i comes from at or after i when frames are dropped,
 * from at or before i when they are repeated. */
static void sample(const fdht_reader *r, unsigned char *data, size_t id, size_t length, size_t keep)
{
    size_t bytes = r->inputs * r->number;
    if (keep < length && r->how.random) {
        fdht_rng rng;
        fdht_rng_seed(&rng, fdht_rng_mix(r->how.seed, id, 3), 0);
        for (size_t i = 0, taken = 0; taken < keep; i++)
            if (fdht_rng_below(&rng, length - i) < keep - taken)
                memmove(data + taken++ * bytes, data + i * bytes, bytes);
    } else if (keep < length)
        for (size_t i = 0; i < keep; i++)
            memmove(data + i * bytes, data + fdht_frames_even(length, keep, i) * bytes, bytes);
    else
        for (size_t i = keep; i-- > 0;)
            memmove(data + i * bytes, data + fdht_frames_even(length, keep, i) * bytes, bytes);
}

static int room(slot *s, size_t bytes, fdht_error *err)
{
    if (bytes <= s->bytes)
        return FDHT_OK;
    fdht_free(s->data);
    s->bytes = 0;
    s->data = fdht_calloc_err(bytes, 1, "batch of clips", err);
    if (!s->data)
        return FDHT_ENOMEM;
    s->bytes = bytes;
    return FDHT_OK;
}

/* Read on in the order of reading until clip `id` is there. */
static int read_until(fdht_reader *r, size_t id, fdht_error *err)
{
    while (!r->held[id]) {
        size_t next = r->how.stream[r->read++], bytes = r->source->length[next] * r->inputs * r->number;
        unsigned char *data = r->spare;
        if (!data || r->spare_bytes != bytes) {
            fdht_free(r->spare);
            data = fdht_calloc_err(bytes, 1, "clips read ahead", err);
        }
        r->spare = NULL;
        if (!(r->held[next] = data))
            return FDHT_ENOMEM;
        int status = r->source->read(r->source->arg, next, data, bytes, err);
        if (status)
            return status;
    }
    return FDHT_OK;
}

/* Clip `id`, now or from what was read before. */
static int take(fdht_reader *r, size_t id, unsigned char *data, size_t bytes, fdht_error *err)
{
    if (!r->held)
        return r->source->read(r->source->arg, id, data, bytes, err);
    int status = read_until(r, id, err);
    if (status)
        return status;
    memcpy(data, r->held[id], bytes);
    fdht_free(r->spare);
    r->spare = r->held[id];
    r->spare_bytes = bytes;
    r->held[id] = NULL;
    return FDHT_OK;
}

static int fill(fdht_reader *r, slot *s, fdht_error *err)
{
    size_t keep = r->frame->frames, bytes = 0, clips;
    if (r->how.cut)
        clips = r->done < r->how.n ? r->how.cut[r->done + 1] - r->how.cut[r->done] : 0;
    else
        clips = FDHT_MIN(r->how.batch, r->how.n - r->next);
    s->batch.end = r->how.cut ? r->done == r->how.n : clips == 0;
    r->done++;
    s->batch.clips = clips;
    for (size_t i = 0; i < clips; i++) {
        size_t id = s->id[i] = r->how.order ? r->how.order[r->next + i] : r->next + i, frames;
        s->batch.length[i] = keep ? keep : r->source->length[id];
        frames = FDHT_MAX(s->batch.length[i], r->source->length[id]);
        if (!fdht_mul(frames, r->inputs * r->number, &frames) || frames > SIZE_MAX / 2 - bytes)
            return fdht_fail(err, FDHT_ENOMEM, "clip %zu: too large", id);
        bytes += frames;
    }
    int status = room(s, bytes, err);
    unsigned char *at = s->data;
    for (size_t i = 0; i < clips && !status; i++) {
        size_t id = s->id[i], length = r->source->length[id];
        status = take(r, id, at, length * r->inputs * r->number, err);
        if (!status && keep && keep != length)
            sample(r, at, id, length, keep);
        bool pixels = r->number == 1;
        s->batch.clip[i] = (fdht_clip){.u8 = pixels ? at : NULL,
                                       .f32 = pixels ? NULL : (const float *)(void *)at,
                                       .length = s->batch.length[i],
                                       .width = r->source->width,
                                       .height = r->source->height,
                                       .channels = r->source->channels,
                                       .features = r->source->features};
        at += FDHT_MAX(length, s->batch.length[i]) * r->inputs * r->number;
    }
    r->next += clips;
    return status;
}

static void *reader_main(void *arg)
{
    fdht_reader *r = arg;
    for (int i = 0;; i ^= 1) {
        slot *s = &r->slot[i];
        pthread_mutex_lock(&r->lock);
        while (s->full && !r->stop)
            pthread_cond_wait(&r->moved, &r->lock);
        bool stop = r->stop;
        pthread_mutex_unlock(&r->lock);
        if (stop)
            return NULL;
        int status = fill(r, s, &r->err);
        pthread_mutex_lock(&r->lock);
        s->status = status;
        s->full = true;
        pthread_cond_signal(&r->moved);
        pthread_mutex_unlock(&r->lock);
        if (status || s->batch.end)
            return NULL;
    }
}

int fdht_reader_new(const fdht_train_data *source, const fdht_frame_spec *frame, size_t inputs,
                    const fdht_reading *how, fdht_reader **out, fdht_error *err)
{
    size_t batch = how->batch;
    fdht_reader *r = fdht_calloc_err(1, sizeof *r, "clip reader", err);
    *out = NULL;
    if (!r)
        return FDHT_ENOMEM;
    r->source = source;
    r->frame = frame;
    r->inputs = inputs;
    r->how = *how;
    r->number = frame->width ? 1 : sizeof(float);
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->moved, NULL);
    for (int i = 0; i < 2; i++) {
        slot *s = &r->slot[i];
        s->batch.id = s->id = fdht_calloc(batch, sizeof *s->id);
        s->batch.length = fdht_calloc(batch, sizeof *s->batch.length);
        s->batch.clip = fdht_calloc(batch, sizeof *s->batch.clip);
        if (!s->id || !s->batch.length || !s->batch.clip) {
            fdht_reader_free(r);
            return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip reader");
        }
    }
    if (how->stream && !(r->held = fdht_calloc(source->clips, sizeof *r->held))) {
        fdht_reader_free(r);
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip reader");
    }
    if (pthread_create(&r->thread, NULL, reader_main, r) != 0) {
        fdht_reader_free(r);
        return fdht_fail(err, FDHT_ENOMEM, "cannot start the clip reader's thread");
    }
    r->started = true;
    *out = r;
    return FDHT_OK;
}

int fdht_reader_next(fdht_reader *r, fdht_batch *out, fdht_error *err)
{
    pthread_mutex_lock(&r->lock);
    if (r->handed) { /* give the last one back */
        r->slot[r->use].full = false;
        r->use ^= 1;
        pthread_cond_signal(&r->moved);
    }
    slot *s = &r->slot[r->use];
    while (!s->full)
        pthread_cond_wait(&r->moved, &r->lock);
    pthread_mutex_unlock(&r->lock);
    r->handed = !s->status && !s->batch.end;
    *out = s->batch;
    if (s->status && err)
        *err = r->err;
    return s->status;
}

void fdht_reader_free(fdht_reader *r)
{
    if (!r)
        return;
    if (r->started) {
        pthread_mutex_lock(&r->lock);
        r->stop = true;
        pthread_cond_signal(&r->moved);
        pthread_mutex_unlock(&r->lock);
        pthread_join(r->thread, NULL);
    }
    pthread_cond_destroy(&r->moved);
    pthread_mutex_destroy(&r->lock);
    for (int i = 0; i < 2; i++) {
        fdht_free(r->slot[i].id);
        fdht_free(r->slot[i].batch.length);
        fdht_free(r->slot[i].batch.clip);
        fdht_free(r->slot[i].data);
    }
    for (size_t i = 0; r->held && i < r->source->clips; i++)
        fdht_free(r->held[i]);
    fdht_free(r->held);
    fdht_free(r->spare);
    fdht_free(r);
}
