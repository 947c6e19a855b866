/* dataset/source.c - the labelled clips of a data set as a source of training clips. */
#include "dataset/dataset.h"

typedef struct source {
    fdht_train_data data; /* first: what the caller sees */
    fdht_dataset *ds;
    size_t *id, *length; /* (clips) */
    int *label;
} source;

static int read_clip(void *arg, size_t i, void *data, size_t bytes, fdht_error *err)
{
    const source *s = arg;
    fdht_clip_shape shape;
    fdht_dataset_shape(s->ds, s->id[i], &shape);
    size_t has = fdht_clip_bytes(&shape);
    if (has != bytes)
        return fdht_fail(err, FDHT_EINVAL, "clip %s: %zu bytes, expected %zu",
                         fdht_dataset_name(s->ds, s->id[i]), has, bytes);
    return fdht_dataset_read(s->ds, s->id[i], data, err);
}

/* Labels, lengths and sizes of the clips that are wanted. */
static int choose(source *s, int split, fdht_error *err)
{
    fdht_train_data *d = &s->data;
    const fdht_dataset *ds = s->ds;
    for (size_t i = 0; i < ds->info.clips; i++) {
        fdht_clip_shape shape, *c = &shape;
        int label = fdht_dataset_label(ds, i);
        if (label < 0 || (split != FDHT_SPLIT_NONE && fdht_dataset_split(ds, i) != split))
            continue;
        fdht_dataset_shape(ds, i, c);
        if (d->clips == 0) {
            d->width = c->width;
            d->height = c->height;
            d->channels = c->channels;
            d->features = c->features;
        } else if (c->width != d->width || c->height != d->height || c->channels != d->channels ||
                   c->features != d->features)
            return fdht_fail(err, FDHT_EFORMAT,
                             "%s: clip %s is %zux%zux%zu (%zu features), others %zux%zux%zu (%zu)",
                             fdht_dataset_path(ds, i), fdht_dataset_name(ds, i), c->width, c->height,
                             c->channels, c->features, d->width, d->height, d->channels, d->features);
        s->id[d->clips] = i;
        s->label[d->clips] = label;
        s->length[d->clips++] = c->length;
    }
    return d->clips ? FDHT_OK
                    : fdht_fail(err, FDHT_EFORMAT, "%s: no labelled clips%s%s", ds->path,
                                split < 0 ? "" : " in split ", split < 0 ? "" : fdht_split_name(split));
}

int fdht_train_data_of_dataset(fdht_dataset *ds, int split, fdht_train_data **out, fdht_error *err)
{
    source *s = fdht_calloc_err(1, sizeof *s, "training clips", err);
    size_t n = ds->info.clips;
    int status = FDHT_ENOMEM;
    *out = NULL;
    if (!s)
        return status;
    s->ds = ds;
    s->id = fdht_calloc_err(n, sizeof *s->id, "training clips", err);
    s->length = fdht_calloc_err(n, sizeof *s->length, "training clips", err);
    s->label = fdht_calloc_err(n, sizeof *s->label, "training clips", err);
    s->data = (fdht_train_data){.label = s->label, .length = s->length, .read = read_clip, .arg = s};
    if (s->id && s->length && s->label)
        status = choose(s, split, err);
    if (status)
        fdht_train_data_free(&s->data);
    else
        *out = &s->data;
    return status;
}

void fdht_train_data_free(fdht_train_data *data)
{
    source *s = data ? data->arg : NULL;
    if (!s)
        return;
    fdht_free(s->id);
    fdht_free(s->length);
    fdht_free(s->label);
    fdht_free(s);
}
