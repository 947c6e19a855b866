/* infer/run.c - clips through the model: in batches, or frame by frame for --stream. */
#include "fdht/basics.h"
#include "infer/infer.h"

#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"
#include "frame/clips.h"

static size_t frame_bytes(const infer_job *j)
{
    return fdht_model_inputs(j->model) * (j->spec->frame.width ? 1 : sizeof(float));
}

/* The item as a clip. message: empty if the model can take it, else why not, without the clip's name. */
static void take_item(const infer_job *j, const fdht_clip_item *item, fdht_clip *clip, char *message,
                      size_t size)
{
    fdht_error err = {0};
    char prefix[sizeof err.msg];
    *message = 0;
    if (!fdht_clip_of_item(item, j->model, clip, &err))
        return;
    int n = snprintf(prefix, sizeof prefix, "clip %.160s: ", item->name);
    const char *why = item->status                               ? item->error.msg
                      : strncmp(err.msg, prefix, (size_t)n) == 0 ? err.msg + n
                                                                 : err.msg;
    snprintf(message, size, "%s%s", why, item->status ? cli_clip_hint(item) : cli_size_hint(item, j->spec));
}

/* The controls of an accuracy: is it the motion, and the order of the frames, that is recognised? */
static void apply_control(const infer_job *j, fdht_clip_item *item)
{
    size_t bytes = frame_bytes(j), n = item->shape.length;
    unsigned char *data = item->u8 ? (unsigned char *)item->u8 : (unsigned char *)item->f32;
    if (j->a->control == INFER_SINGLE)
        for (size_t t = 0; t < n; t++)
            memmove(data + t * bytes, data + n / 2 * bytes, bytes);
    if (j->a->control != INFER_SHUFFLE)
        return;
    fdht_rng random;
    fdht_rng_seed(&random, j->c->seed, item->number);
    unsigned char *kept = cli_calloc(bytes, 1);
    for (size_t t = n; t > 1; t--) {
        size_t other = fdht_rng_below(&random, t);
        memcpy(kept, data + (t - 1) * bytes, bytes);
        memmove(data + (t - 1) * bytes, data + other * bytes, bytes);
        memcpy(data + other * bytes, kept, bytes);
    }
    free(kept);
}

/* Numbers of the scores of a clip of `length` frames. */
static size_t count_scores(const infer_job *j, size_t length)
{
    return fdht_model_rows(j->model, length) * fdht_model_width(j->model);
}

static void make_room(infer_job *j, size_t n)
{
    size_t need = 0;
    for (size_t i = 0; i < n; i++)
        need += count_scores(j, j->clip[i].length);
    if (need <= j->room)
        return;
    free(j->scores);
    j->scores = cli_calloc(need, sizeof *j->scores);
    j->room = need;
}

/* scores of n clips; in 16-bit arithmetic after its ranges have been set by the first ones. */
static int run_scores(infer_job *j, size_t n)
{
    int status = FDHT_OK;
    if (n == 0)
        return FDHT_OK;
    make_room(j, n);
    if (!j->fixed)
        return fdht_runner_run(j->runner, j->clip, n, j->scores, &j->c->err);
    if (!j->calibrated)
        status = fdht_fixed_model_calibrate(j->fixed, j->clip, n, &j->c->err);
    j->calibrated = true;
    float *scores = j->scores;
    for (size_t i = 0; !status && i < n; i++) {
        status = fdht_fixed_model_run(j->fixed, &j->clip[i], scores, NULL, &j->c->err);
        scores += count_scores(j, j->clip[i].length);
    }
    return status;
}

/* What the record of an item calls it: standard input by --name. Free with free(). */
static char *name_of(const infer_job *j, const char *clip, const char *source)
{
    bool pipe = j->a->name && !strcmp(source, "-");
    const char *rest = pipe ? clip + 1 : clip; /* "#0" behind the "-" */
    char *name = cli_calloc(strlen(rest) + (pipe ? strlen(j->a->name) : 0) + 1, 1);
    sprintf(name, "%s%s", pipe ? j->a->name : "", rest);
    return name;
}

bool infer_skip(void *arg, const char *name, size_t number)
{
    infer_job *j = arg;
    bool pipe = name[0] == '-' && (!name[1] || name[1] == '#'); /* as the source "-" calls its clips */
    char *record = name_of(j, name, pipe ? "-" : "");
    bool known = infer_journal_known(&j->journal, record) == INFER_KNOWN;
    (void)number;
    free(record);
    return known;
}

/* message: why the clip cannot be run; empty: its scores. */
static void write_record(infer_job *j, const fdht_clip_item *item, const char *message, const float *scores)
{
    char *name = name_of(j, item->name, item->source);
    if (*message)
        infer_print_error(&j->records, name, message);
    else
        infer_print_record(&j->records, item, name, scores, fdht_model_rows(j->model, item->shape.length));
    free(name);
}

/* The record that an earlier run wrote last, written again: it must be the same. */
static int check_record(infer_job *j, const fdht_clip_item *item, const char *message, const float *scores)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return cli_fail(j->c, FDHT_ENOMEM, "out of memory: record");
    j->records.out = f;
    write_record(j, item, message, scores);
    j->records.out = j->journal.out;
    int status = fclose(f) ? cli_fail(j->c, FDHT_ENOMEM, "out of memory: record")
                           : infer_journal_compare(&j->journal, text);
    free(text);
    return status;
}

/* Run n items and write their records in order. */
static int run_batch(infer_job *j, size_t n)
{
    char message[512];
    size_t good = 0;
    fdht_clip unused;
    for (size_t i = 0; i < n; i++) {
        fdht_clip_item *item = j->item[i];
        take_item(j, item, &j->clip[good], message, sizeof message);
        if (*message)
            continue;
        apply_control(j, item);
        good++;
    }
    int status = run_scores(j, good);
    if (status)
        return status;
    const float *scores = j->scores;
    for (size_t i = 0; !status && i < n; i++) {
        const fdht_clip_item *item = j->item[i];
        take_item(j, item, &unused, message, sizeof message);
        if (j->known[i] == INFER_NEW)
            write_record(j, item, message, scores);
        else if (j->known[i] == INFER_LAST)
            status = check_record(j, item, message, scores);
        scores += *message ? 0 : count_scores(j, item->shape.length);
        if (j->end) { /* of the record */
            fflush(j->records.out);
            j->end[i] = j->text_size;
        }
    }
    return status || j->c->ranks ? status : infer_journal_flush(&j->journal);
}

/* Whether the item need not be run: it has its record, and the ranges of --fixed16, which the first clips set, do not wait
 * for it. */
static bool is_done(infer_job *j, size_t i)
{
    char *name = name_of(j, j->item[i]->name, j->item[i]->source);
    if (j->c->ranks) /* their readers left out what has a record */
        j->known[i] = INFER_NEW;
    else if (!j->skips)
        j->known[i] = infer_journal_known(&j->journal, name);
    else { /* of those that have a record only the last one comes here */
        bool last = !j->compared && infer_journal_is_last(&j->journal, name);
        j->known[i] = last ? INFER_LAST : INFER_NEW;
        j->compared |= last;
    }
    free(name);
    return j->known[i] == INFER_KNOWN && (!j->fixed || j->calibrated);
}

/* The next item of the clips that are asked for (--split), or NULL. */
static int next_item(infer_job *j, fdht_clip_item **item)
{
    static const char *const name[FDHT_SPLITS] = {"train", "val", "test"};
    int want = j->a->split, status = FDHT_OK;
    for (*item = NULL; !(status = fdht_clips_next(j->clips, item, &j->c->err)) && *item; *item = NULL) {
        if (want < 0 || (*item)->split == want)
            break;
        fdht_clip_item_free(*item);
        j->passed_over = true;
    }
    j->found |= *item != NULL;
    if (!status && !*item && j->passed_over && !j->found)
        return cli_fail(j->c, FDHT_EFORMAT, "no clip is marked %s (fdht pack --split)", name[want]);
    return status;
}

/* The next batch of items that need a record; *end: there is no further one. */
static int next_batch(infer_job *j, size_t *n, bool *end)
{
    *n = 0;
    while (*n < j->batch && !*end) {
        int status = next_item(j, &j->item[*n]);
        if (status)
            return status;
        *end = !j->item[*n];
        if (!*end && j->item[*n]->number < j->known_n)
            status = cli_fail(
                j->c, FDHT_EINVAL,
                "--resume: record %zu is of another clip than %.100s; ranks go on with the records of "
                "the same inputs in the same order",
                j->item[*n]->number + 1, j->item[*n]->name);
        if (status) {
            fdht_clip_item_free(j->item[*n]);
            return status;
        }
        if (!*end && is_done(j, *n)) {
            fdht_clip_item_free(j->item[*n]);
            j->done++;
            continue;
        }
        *n += !*end;
    }
    return FDHT_OK;
}

int infer_calibrate(infer_job *j)
{
    fdht_clips *clips = NULL;
    char message[512];
    bool end = false;
    int status = infer_open_clips(j, true, NULL, &clips);
    while (!status && !j->calibrated && !end) {
        size_t n = 0, good = 0;
        for (; n < j->batch && !end; n += !end) {
            if ((status = fdht_clips_next(clips, &j->item[n], &j->c->err)))
                break;
            if ((end = !j->item[n]))
                continue;
            take_item(j, j->item[n], &j->clip[good], message, sizeof message);
            if (*message)
                continue;
            apply_control(j, j->item[n]);
            good++;
        }
        if (!status && good) {
            status = fdht_fixed_model_calibrate(j->fixed, j->clip, good, &j->c->err);
            j->calibrated = true;
        }
        for (size_t i = 0; i < n; i++)
            fdht_clip_item_free(j->item[i]);
    }
    fdht_clips_close(clips);
    return status;
}

/* All clips but the last one that has a record. */
static bool skip_others(void *arg, const char *name, size_t number)
{
    const infer_job *j = arg;
    (void)name;
    return number + 1 != j->known_n;
}

int infer_check_last(infer_job *j)
{
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    char message[512] = "";
    int status = infer_open_clips(j, true, skip_others, &clips);
    if (!status && !(status = fdht_clips_next(clips, &item, &j->c->err)) && item) {
        take_item(j, item, &j->clip[0], message, sizeof message);
        status = run_scores(j, !*message);
        if (!status)
            status = check_record(j, item, message, j->scores);
    }
    fdht_clip_item_free(item);
    fdht_clips_close(clips);
    return status;
}

int infer_run_clips(infer_job *j)
{
    int status = FDHT_OK;
    bool end = false, all_end = false;
    while (!status && !all_end) {
        size_t n;
        status = next_batch(j, &n, &end);
        if (!status && n)
            status = run_batch(j, n);
        j->done += n;
        if (!status)
            status = cli_bar_update(&j->bar, (double)j->done, (double)j->expected, "clips");
        all_end = end;
        status = infer_ranks_round(j, n, status, &all_end);
        for (size_t i = 0; i < n; i++)
            fdht_clip_item_free(j->item[i]);
    }
    return status;
}

/* --stream: items of one frame each, or whole clips, frame by frame; the state starts anew with each source, and every
 * --clip-frames frames. */
static int stream_item(infer_job *j, const fdht_clip_item *item)
{
    char message[512], *name;
    bool fresh = !j->stream_source || strcmp(j->stream_source, item->source) != 0;
    fdht_clip clip;
    take_item(j, item, &clip, message, sizeof message);
    if (*message) {
        write_record(j, item, message, NULL);
        return FDHT_OK;
    }
    if (fresh) {
        free(j->stream_source);
        j->stream_source = cli_calloc(strlen(item->source) + 1, 1);
        strcpy(j->stream_source, item->source);
    }
    for (size_t t = 0; t < item->shape.length; t++) {
        fdht_clip frame = clip;
        frame.u8 = clip.u8 ? clip.u8 + t * frame_bytes(j) : NULL;
        frame.f32 = clip.f32 ? clip.f32 + t * clip.features : NULL;
        frame.length = 1;
        if ((fresh && t == 0) || (t == 0 && item->shape.length > 1) ||
            (j->a->clip_frames && j->frames_done % j->a->clip_frames == 0)) {
            fdht_stream_reset(j->stream);
            j->frames_done = 0;
        }
        int status = fdht_stream_frame(j->stream, &frame, j->scores, &j->c->err);
        if (status)
            return status;
        j->frames_done++;
        name = name_of(j, item->name, item->source);
        if (item->shape.length > 1)
            snprintf(message, sizeof message, "%.480s#%zu", name, t);
        infer_print_record(&j->records, item, item->shape.length > 1 ? message : name, j->scores, 1);
        free(name);
    }
    return infer_journal_flush(&j->journal);
}

int infer_run_stream(infer_job *j)
{
    fdht_clip_item *item = NULL;
    int status = fdht_stream_new(j->runner, &j->stream, &j->c->err);
    while (!status && !(status = next_item(j, &item)) && item) {
        status = stream_item(j, item);
        fdht_clip_item_free(item);
    }
    return status;
}
