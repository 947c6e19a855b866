/* dataset/keep.c - a data set being written that outlives its process: what is kept of its clips, and how it is gone on with. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dataset/writer.h"

enum { DUE = 64 << 20, NUMBERS = 6, ENTRY = 13 };

/* ---- texts of the log: little-endian numbers of 4 or 8 bytes, then characters ---- */

static void put(uint8_t *p, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t v = 0;
    for (int i = bytes; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* FILE.partial.log */
static char *log_name(const fdht_dataset_writer *w)
{
    const char *partial = fdht_out_temp(w->out);
    char *name = fdht_calloc(strlen(partial) + sizeof ".log", 1);
    if (name)
        sprintf(name, "%s.log", partial);
    return name;
}

int fdht_writer_begin(fdht_dataset_writer *w, const fdht_dataset_spec *spec, fdht_error *err)
{
    const fdht_clip_shape *s = &spec->shape;
    const size_t number[NUMBERS] = {s->length,   s->width,    s->height,
                                    s->channels, s->features, (size_t)spec->gzip};
    size_t n = strlen(spec->made_of), bytes = NUMBERS * 8 + n;
    char *log = log_name(w);
    uint8_t *text = fdht_calloc_err(bytes, 1, "log", err);
    int status = log && text ? FDHT_OK : fdht_fail(err, FDHT_ENOMEM, "out of memory: log");
    for (int i = 0; i < NUMBERS && !status; i++)
        put(text + 8 * i, number[i], 8);
    if (!status) {
        memcpy(text + NUMBERS * 8, spec->made_of, n);
        status = fdht_h5_journal_new(w->out, log, text, bytes, &w->journal, err);
    }
    if (!status)
        status = fdht_h5_journal_create(w->journal, &w->file, err);
    fdht_free(log);
    fdht_free(text);
    return status;
}

/* An entry: length, label, split, bytes of the name or all ones, the name. */
static uint8_t *put_entry(uint8_t *p, const fdht_entry *e)
{
    size_t n = e->name ? strlen(e->name) : 0;
    put(p, (uint32_t)e->length, 4);
    put(p + 4, (uint32_t)e->label, 4);
    p[8] = (uint8_t)e->split;
    put(p + 9, e->name ? n : UINT32_MAX, 4);
    if (n)
        memcpy(p + ENTRY, e->name, n);
    return p + ENTRY + n;
}

static int get_entry(fdht_dataset_writer *w, const uint8_t **p, const uint8_t *end, fdht_error *err)
{
    size_t n = end - *p < ENTRY ? 0 : (size_t)get(*p + 9, 4);
    bool named = n != UINT32_MAX;
    n = named ? n : 0;
    if (end - *p < ENTRY || n > (size_t)(end - *p) - ENTRY)
        return fdht_fail(err, FDHT_EFORMAT, "the log is damaged");
    int status = fdht_writer_grow(w, err);
    if (status)
        return status;
    fdht_entry *e = &w->entry[w->n];
    *e = (fdht_entry){(int)(int32_t)get(*p + 4, 4), (int)get(*p, 4), (int8_t)(*p)[8], NULL};
    if (e->length < 1 || e->label < -1 || e->split < FDHT_SPLIT_NONE || e->split >= FDHT_SPLITS)
        return fdht_fail(err, FDHT_EFORMAT, "the log is damaged");
    if (named && !(e->name = fdht_calloc(n + 1, 1)))
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: clip name");
    if (n)
        memcpy(e->name, *p + ENTRY, n);
    w->n++;
    w->longest = FDHT_MAX(w->longest, (size_t)e->length);
    *p += ENTRY + n;
    return FDHT_OK;
}

bool fdht_dataset_keep_due(const fdht_dataset_writer *w)
{
    return w->journal && w->fresh >= DUE;
}

static int open_frames(fdht_dataset_writer *w, fdht_error *err)
{
    int status = fdht_h5_journal_open(w->journal, &w->file, err);
    if (status)
        return status;
    hsize_t dim[5];
    bool same = false;
    FDHT_H5_TRY
    {
        w->frames = H5Dopen2(w->file, "frames", H5P_DEFAULT);
        hid_t space = w->frames < 0 ? -1 : H5Dget_space(w->frames);
        same = space >= 0 && H5Sget_simple_extent_ndims(space) == w->rank &&
               H5Sget_simple_extent_dims(space, dim, NULL) == w->rank &&
               !memcmp(dim, w->dim, (size_t)w->rank * sizeof *dim);
        if (space >= 0)
            H5Sclose(space);
    }
    FDHT_H5_END
    if (w->frames < 0)
        return fdht_fail(err, FDHT_EFORMAT, "/frames: cannot be opened again");
    return same ? FDHT_OK : fdht_fail(err, FDHT_EFORMAT, "/frames are not those of the log");
}

/* Every time closed and opened again, so that the file has the same bytes whether or not the process died in between. */
static int keep(fdht_dataset_writer *w, const char *text, fdht_error *err)
{
    size_t n = 8 + strlen(text);
    for (size_t i = w->kept; i < w->n; i++)
        n += ENTRY + (w->entry[i].name ? strlen(w->entry[i].name) : 0);
    uint8_t *record = fdht_calloc_err(n, 1, "log", err), *p;
    if (!record)
        return FDHT_ENOMEM;
    p = record + 8;
    put(record, w->n - w->kept, 8);
    for (size_t i = w->kept; i < w->n; i++)
        p = put_entry(p, &w->entry[i]);
    memcpy(p, text, strlen(text));
    int status = fdht_writer_close(w) ? fdht_h5_journal_commit(w->journal, record, n, err)
                                      : fdht_fail(err, FDHT_EIO, "cannot be written to the end");
    fdht_free(record);
    if (status || (status = open_frames(w, err)))
        return status;
    w->kept = w->n;
    w->fresh = 0;
    w->commits++;
    return FDHT_OK;
}

int fdht_dataset_keep(fdht_dataset_writer *w, const char *text, fdht_error *err)
{
    if (!w->journal)
        return fdht_fail(err, FDHT_EINVAL, "%s: was not created to be gone on with", w->path);
    if (w->whole)
        return FDHT_OK;
    fdht_h5_begin();
    int status = fdht_h5_end(keep(w, text, err), err);
    return status ? fdht_fail_prefix(err, status, "%s", w->path) : FDHT_OK;
}

int fdht_writer_end(fdht_dataset_writer *w, fdht_error *err)
{
    int status = fdht_h5_journal_commit(w->journal, NULL, 0, err);
    w->commits += !status;
    return status;
}

void fdht_writer_discard(fdht_dataset_writer *w)
{
    bool keep = w->commits && w->out; /* not yet renamed */
    if (w->journal && !keep && w->out && !fdht_written_cut(fdht_out_written(w->out), 0))
        keep = true;
    fdht_h5_journal_close(w->journal, keep);
    w->journal = NULL;
}

/* ---- going on ---- */

typedef struct reading {
    fdht_dataset_writer *w;
    fdht_dataset_spec *spec;
    char *made_of, *text;
    size_t records, bytes, room; /* of text */
} reading;

static int add_text(reading *r, const uint8_t *text, size_t n, fdht_error *err)
{
    if (r->bytes + n + 1 > r->room) {
        size_t room = 2 * (r->bytes + n) + 64;
        char *more = fdht_calloc_err(room, 1, "log", err);
        if (!more)
            return FDHT_ENOMEM;
        if (r->bytes)
            memcpy(more, r->text, r->bytes);
        fdht_free(r->text);
        r->text = more;
        r->room = room;
    }
    memcpy(r->text + r->bytes, text, n);
    r->bytes += n;
    return FDHT_OK;
}

static int take_head(reading *r, const uint8_t *text, size_t bytes, fdht_error *err)
{
    if (bytes < NUMBERS * 8)
        return fdht_fail(err, FDHT_EFORMAT, "the log is damaged");
    size_t number[NUMBERS];
    for (int i = 0; i < NUMBERS; i++)
        number[i] = (size_t)get(text + 8 * i, 8);
    r->spec->shape = (fdht_clip_shape){number[0], number[1], number[2], number[3], number[4]};
    if (number[5] > 9)
        return fdht_fail(err, FDHT_EFORMAT, "the log is damaged");
    r->spec->gzip = (int)number[5];
    r->made_of = fdht_calloc_err(bytes - NUMBERS * 8 + 1, 1, "log", err);
    if (!r->made_of)
        return FDHT_ENOMEM;
    memcpy(r->made_of, text + NUMBERS * 8, bytes - NUMBERS * 8);
    return FDHT_OK;
}

static int take_record(void *arg, const uint8_t *text, size_t bytes, fdht_error *err)
{
    reading *r = arg;
    const uint8_t *end = text + bytes;
    if (!r->records++)
        return take_head(r, text, bytes, err);
    r->w->whole = !bytes; /* of fdht_writer_end */
    if (!bytes)
        return FDHT_OK;
    if (bytes < 8)
        return fdht_fail(err, FDHT_EFORMAT, "the log is damaged");
    uint64_t n = get(text, 8);
    int status = FDHT_OK;
    text += 8;
    for (uint64_t i = 0; i < n && !status; i++)
        status = get_entry(r->w, &text, end, err);
    return status ? status : add_text(r, text, (size_t)(end - text), err);
}

static int go_on(fdht_dataset_writer *w, reading *r, fdht_error *err)
{
    char *log = log_name(w);
    int status = log ? fdht_h5_journal_resume(w->out, log, take_record, r, &w->commits, &w->journal, err)
                     : fdht_fail(err, FDHT_ENOMEM, "out of memory: log");
    fdht_free(log);
    if (!status && !w->commits)
        status = fdht_fail(err, FDHT_ENOENT, "nothing was kept");
    if (!status)
        status = add_text(r, (const uint8_t *)"", 0, err);
    if (status)
        return status;
    fdht_writer_shape(w, &r->spec->shape);
    w->kept = w->n;
    w->dim[0] = w->n;
    w->dim[1] = FDHT_MAX(w->dim[1], w->longest);
    return w->whole ? FDHT_OK : open_frames(w, err);
}

int fdht_dataset_resume(const char *path, const fdht_out_options *opt, fdht_dataset_spec *spec,
                        char **made_of, char **text, fdht_dataset_writer **out, fdht_error *err)
{
    fdht_dataset_writer *w = fdht_calloc_err(1, sizeof *w, "data set", err);
    reading r = {.w = w, .spec = spec};
    *out = NULL;
    *made_of = *text = NULL;
    *spec = (fdht_dataset_spec){.gzip = 0};
    if (!w)
        return FDHT_ENOMEM;
    w->file = w->frames = -1;
    int status = (w->path = fdht_strdup(path)) ? fdht_out_open(path, true, opt, &w->out, err)
                                               : fdht_fail(err, FDHT_ENOMEM, "out of memory: data set");
    if (!status && (status = fdht_h5_end(go_on(w, &r, err), err)) && status != FDHT_ENOENT)
        fdht_fail_prefix(err, status, "%s", path);
    if (status) {
        w->commits += status != FDHT_ENOENT; /* what is there is not touched */
        fdht_free(r.made_of);
        fdht_free(r.text);
        fdht_dataset_discard(w);
        return status;
    }
    *out = w;
    *made_of = r.made_of;
    *text = r.text;
    return FDHT_OK;
}

void fdht_dataset_text_free(char *text)
{
    fdht_free(text);
}
