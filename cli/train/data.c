/* train/data.c - the clips of a data set as the trainer takes them: classes, splits, conversion, memory. */
#include "train/train.h"
#include "frame/resources.h"
#include "frame/signals.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdht/basics.h"

enum {
    SPLIT_STREAM = 7,         /* of the seed: which clips --val-split keeps back */
    DEFAULT_WINDOW = 1 << 30, /* of several files */
};

int train_classes_of(cli *c, const char *path, const fdht_dataset *file, train_classes *out)
{
    *out = (train_classes){0};
    const fdht_dataset_info *info = fdht_dataset_info_of(file);
    out->n = info->classes;
    for (size_t i = 0; i < info->clips; i++) {
        int label = fdht_dataset_label(file, i);
        if (label >= 0 && (size_t)label >= out->n)
            out->n = (size_t)label + 1;
    }
    if (info->classes) {
        out->name = cli_calloc(out->n, sizeof *out->name);
        for (size_t k = 0; k < out->n; k++) {
            const char *name = k < info->classes ? fdht_dataset_class(file, k) : "";
            out->name[k] = cli_calloc(strlen(name) + 1, 1);
            strcpy(out->name[k], name);
        }
    }
    if (out->n < 2 && !info->target_width)
        return cli_fail(c, FDHT_EFORMAT, "%s: expected labels of at least 2 classes, found %zu", path,
                        out->n);
    return FDHT_OK;
}

void train_classes_free(train_classes *k)
{
    for (size_t i = 0; k->name && i < k->n; i++)
        free(k->name[i]);
    free(k->name);
    *k = (train_classes){0};
}

/* The training file's number of a label of this file; -1 if the label is unknown there. */
static int map_label(const fdht_dataset *file, int label, const train_classes *k)
{
    if (label < 0 || !k->name || (size_t)label >= fdht_dataset_info_of(file)->classes)
        return label >= 0 && (size_t)label < k->n ? label : -1;
    for (size_t i = 0; i < k->n; i++)
        if (strcmp(k->name[i], fdht_dataset_class(file, (size_t)label)) == 0)
            return (int)i;
    return -1;
}

static int clip_error(fdht_error *err, int status, const char *clip, const char *message)
{
    if (err) {
        err->code = status;
        snprintf(err->msg, sizeof err->msg, "%.100s: %.120s", clip, message);
    }
    return status;
}

/* One clip through the reader that infer uses, so that both see the same pixels. */
static int read_clip(void *arg, size_t i, void *data, size_t room, fdht_error *err)
{
    train_set *s = arg;
    size_t bytes = s->offset[i + 1] - s->offset[i];
    if (bytes != room)
        return clip_error(err, FDHT_EFORMAT, fdht_dataset_name(s->file, s->id[i]), "not of the model's size");
    if (s->kept && s->kept[i]) {
        memcpy(data, s->memory + s->offset[i], bytes);
        return FDHT_OK;
    }
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    int status = fdht_clips_open_dataset(s->file, &s->id[i], 1, &s->opt, &clips, err);
    if (!status)
        status = fdht_clips_next(clips, &item, err);
    if (!status && item->status)
        status = clip_error(err, item->status, item->name, item->error.msg);
    if (!status && fdht_clip_bytes(&item->shape) != room)
        status = clip_error(err, FDHT_EFORMAT, item->name, "not of the model's size");
    if (!status) {
        memcpy(data, item->u8 ? (const void *)item->u8 : (const void *)item->f32, bytes);
        if (s->kept) {
            memcpy(s->memory + s->offset[i], data, bytes);
            s->kept[i] = 1;
        }
    }
    fdht_clip_item_free(item);
    fdht_clips_close(clips);
    return status;
}

/* Half of the memory that is free now, here and in the control group, of which each rank has its part, unless --memory says. */
static size_t memory_limit(const train_args *a)
{
    return a->memory ? a->memory : cli_resources_half_memory() / a->processes;
}

size_t train_set_window(cli *c, const train_args *a, const train_set *s)
{
    size_t bytes = a->window, clips;
    if (!bytes && a->files[0].n > 1) /* nothing of the machine, for all to give the same model */
        bytes = a->memory && a->memory < DEFAULT_WINDOW ? a->memory : DEFAULT_WINDOW;
    clips = bytes / s->longest ? bytes / s->longest : 1;
    if (!bytes || clips >= s->data.clips) {
        if (!s->kept)
            cli_note(c, "%.1f MB of clips are read again each epoch, at random (--window: in order)",
                     (double)s->bytes * 1e-6);
        return 0;
    }
    cli_note(c, "%zu clips are read in order, used out of a window of %zu (%.1f MB)", s->data.clips, clips,
             (double)clips * (double)s->longest * 1e-6);
    return clips;
}

static int check_shape(cli *c, const train_set *s, size_t clip, const fdht_clip_shape *shape)
{
    if (shape->features ? shape->features == s->shape.features : !s->shape.features)
        if (s->opt.width || shape->features ||
            (shape->width == s->shape.width && shape->height == s->shape.height))
            if (s->opt.channels || shape->channels == s->shape.channels)
                return FDHT_OK;
    return cli_fail(c, FDHT_EFORMAT,
                    "%s: clip %s is %zux%zux%zu, the first is %zux%zux%zu (--resize makes them equal)",
                    fdht_dataset_path(s->file, clip), fdht_dataset_name(s->file, clip), shape->width,
                    shape->height, shape->channels, s->shape.width, s->shape.height, s->shape.channels);
}

/* Shape and arrays for up to n clips. */
static int prepare(cli *c, const train_args *a, train_set *s, size_t n)
{
    const fdht_dataset_info *info = fdht_dataset_info_of(s->file);
    fdht_clips_options_default(&s->opt);
    s->opt.prefetch = 0;
    s->opt.width = a->resize.width;
    s->opt.height = a->resize.height;
    s->opt.channels = a->gray ? 1 : 0;
    s->opt.stop = cli_stop_flag();
    s->shape = info->shape;
    if (s->shape.features && (a->resize.width || a->gray))
        return cli_usage(c, "--resize and --gray are for frames; %s holds features", s->path);
    if (!s->shape.features) {
        s->shape.width = s->opt.width ? s->opt.width : s->shape.width;
        s->shape.height = s->opt.height ? s->opt.height : s->shape.height;
        s->shape.channels = s->opt.channels ? s->opt.channels : s->shape.channels;
    }
    s->id = cli_calloc(n + 1, sizeof *s->id);
    s->length = cli_calloc(n + 1, sizeof *s->length);
    s->offset = cli_calloc(n + 1, sizeof *s->offset);
    s->label = cli_calloc(n + 1, sizeof *s->label);
    return FDHT_OK;
}

/* Places in memory, once the clips are known. */
static void lay_out(const train_args *a, train_set *s)
{
    for (size_t i = 0; i < s->data.clips; i++) {
        fdht_clip_shape one = s->shape;
        one.length = s->length[i];
        size_t bytes = fdht_clip_bytes(&one);
        s->offset[i + 1] = s->offset[i] + bytes;
        s->longest = bytes > s->longest ? bytes : s->longest;
    }
    s->bytes = s->offset[s->data.clips];
    free(s->memory);
    free(s->kept);
    s->memory = s->kept = NULL;
    if (s->bytes <= memory_limit(a) && (s->memory = malloc(s->bytes + 1)))
        s->kept = cli_calloc(s->data.clips + 1, 1);
    s->data.label = s->label; /* until train_set_answers knows the model */
    s->data.length = s->length;
    s->data.width = s->shape.width;
    s->data.height = s->shape.height;
    s->data.channels = s->shape.channels;
    s->data.features = s->shape.features;
    s->data.read = read_clip;
    s->data.arg = s;
}

int train_set_open(cli *c, const train_args *a, const char *path, fdht_dataset *file, int want,
                   const train_classes *k, train_set *out)
{
    train_set *s = out;
    *s = (train_set){.path = path, .file = file};
    int status = file ? FDHT_OK : train_inputs_open(c, a, path, &s->file);
    if (status)
        return status;
    const fdht_dataset_info *info = fdht_dataset_info_of(s->file);
    if ((status = prepare(c, a, s, info->clips)))
        return status;
    size_t unlabelled = 0, n = 0;
    bool all = want == FDHT_SPLIT_NONE || !info->has_split || info->split[want] == 0;
    for (size_t i = 0; i < info->clips; i++) {
        int split = fdht_dataset_split(s->file, i),
            label = map_label(s->file, fdht_dataset_label(s->file, i), k);
        fdht_clip_shape shape;
        if (!all && split != want)
            continue;
        bool unknown = label < 0 && !info->target_width;
        unlabelled += unknown;
        if (unknown)
            continue;
        fdht_dataset_shape(s->file, i, &shape);
        if ((status = check_shape(c, s, i, &shape)))
            return status;
        s->id[n] = i;
        s->label[n] = label;
        s->length[n++] = shape.length;
    }
    if (unlabelled)
        cli_warn(c, "%s: %zu clips without a label that the training clips have are left out", path,
                 unlabelled);
    if (!n)
        return cli_fail(c, FDHT_EFORMAT, "%s: no labelled clips", path);
    s->data.clips = n;
    lay_out(a, s);
    return FDHT_OK;
}

int train_set_split(cli *c, const train_args *a, train_set *from, train_set *to)
{
    size_t n = from->data.clips, take = (size_t)((double)n * a->val_split + 0.5), kept = 0;
    fdht_rng random;
    if (take < 1 || take >= n)
        return cli_usage(c, "--val-split %g: of %zu clips that leaves %zu for validation", a->val_split, n,
                         take);
    fdht_rng_seed(&random, c->seed, SPLIT_STREAM);
    *to = (train_set){.path = from->path};
    int status = train_inputs_open(c, a, from->path, &to->file);
    if (status || (status = prepare(c, a, to, n)))
        return status;
    for (size_t i = 0, taken = 0; i < n; i++) {
        if (fdht_rng_below(&random, n - i) < take - taken) {
            to->id[taken] = from->id[i];
            to->label[taken] = from->label[i];
            to->length[taken++] = from->length[i];
            continue;
        }
        from->id[kept] = from->id[i];
        from->label[kept] = from->label[i];
        from->length[kept++] = from->length[i];
    }
    to->data.clips = take;
    from->data.clips = kept;
    lay_out(a, from);
    lay_out(a, to);
    return FDHT_OK;
}

/* A label as a value: its class's name where that is a number. */
static float value_of(const train_classes *k, int label)
{
    char *end = NULL;
    const char *name = k->name && label >= 0 && (size_t)label < k->n ? k->name[label] : "";
    double v = strtod(name, &end);
    return (float)(*name && !*end ? v : label);
}

/* The row of targets of clip i, step `step`; NULL: the file has none. */
static const float *target_row(const train_set *s, size_t i, size_t step)
{
    const fdht_dataset_info *info = fdht_dataset_info_of(s->file);
    const float *all = fdht_dataset_target(s->file, s->id[i]);
    return all ? all + (info->target_steps ? step : 0) * info->target_width : NULL;
}

/* Do the file's targets have the shape of the model's scores? */
static int check_targets(cli *c, const train_set *s, const fdht_model *m)
{
    const fdht_dataset_info *info = fdht_dataset_info_of(s->file);
    size_t width = fdht_model_width(m);
    if (info->target_width != width)
        return cli_fail(c, FDHT_EFORMAT, "%s: /targets has %zu numbers a row, the model gives %zu", s->path,
                        info->target_width, width);
    for (size_t i = 0; info->target_steps && i < s->data.clips; i++)
        if (fdht_model_rows(m, s->length[i]) > info->target_steps || !fdht_model_each(m))
            return cli_fail(c, FDHT_EFORMAT, "%s: /targets has %zu rows a clip, the model gives %zu", s->path,
                            info->target_steps, fdht_model_rows(m, s->length[i]));
    return FDHT_OK;
}

int train_set_answers(cli *c, train_set *s, const train_classes *k, const fdht_model *m)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    size_t rows = 0, width = fdht_model_width(m), at = 0;
    bool softmax = spec->output == FDHT_OUTPUT_SOFTMAX, values = spec->output == FDHT_OUTPUT_LINEAR;
    bool targets = !softmax && fdht_dataset_info_of(s->file)->target_width;
    int status = targets ? check_targets(c, s, m) : FDHT_OK;
    for (size_t i = 0; i < s->data.clips; i++) {
        rows += fdht_model_rows(m, s->length[i]);
        if (!targets && s->label[i] < 0)
            return cli_fail(c, FDHT_EFORMAT, "%s: clip %s has no label", fdht_dataset_path(s->file, s->id[i]),
                            fdht_dataset_name(s->file, s->id[i]));
    }
    if (status || (!targets && values && width > 1))
        return status ? status
                      : cli_fail(c, FDHT_EFORMAT, "%s: no /targets, which a model of %zu values needs",
                                 s->path, width);
    s->answer = cli_calloc(rows + 1, sizeof *s->answer);
    if (targets || values)
        s->target = cli_calloc(rows * width + 1, sizeof *s->target);
    for (size_t i = 0; i < s->data.clips; i++)
        for (size_t step = 0, n = fdht_model_rows(m, s->length[i]); step < n; step++, at++) {
            s->answer[at] = s->label[i];
            if (targets)
                memcpy(s->target + at * width, target_row(s, i, step), width * sizeof *s->target);
            else if (values)
                s->target[at] = value_of(k, s->label[i]);
        }
    s->data.label = s->answer;
    s->data.target = s->target;
    return FDHT_OK;
}

bool train_set_has_val(const train_set *s)
{
    return fdht_dataset_info_of(s->file)->has_split &&
           fdht_dataset_info_of(s->file)->split[FDHT_SPLIT_VAL] > 0;
}

void train_set_close(train_set *s)
{
    fdht_dataset_close(s->file);
    free(s->id);
    free(s->length);
    free(s->offset);
    free(s->label);
    free(s->answer);
    free(s->target);
    free(s->memory);
    free(s->kept);
    *s = (train_set){0};
}
