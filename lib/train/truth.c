/* train/truth.c - labels and targets of a source, checked against the model, row by row. */
#include "train/truth.h"

#include <math.h>
#include <string.h>

#include "nn/clip.h"
#include "train/trainer.h"

static int check_labels(const fdht_train_data *s, size_t rows, size_t classes, const char *what,
                        fdht_error *err)
{
    if (!s->label)
        return fdht_fail(err, FDHT_EINVAL, "%s: the model's classes need labels", what);
    for (size_t i = 0; i < rows; i++)
        if (s->label[i] < 0 || (size_t)s->label[i] >= classes)
            return fdht_fail(err, FDHT_EINVAL, "%s: %s %zu has label %d, the model has classes 0 to %zu",
                             what, rows == s->clips ? "clip" : "step", i, s->label[i], classes - 1);
    return FDHT_OK;
}

static int check_targets(const fdht_train_data *s, const fdht_truth *t, size_t rows, const char *what,
                         fdht_error *err)
{
    if (!s->target && t->output == FDHT_OUTPUT_SIGMOID)
        return check_labels(s, rows, t->width == 1 ? 2 : t->width, what, err);
    if (!s->target)
        return fdht_fail(err, FDHT_EINVAL, "%s: the model gives %zu values: targets are needed, not labels",
                         what, t->width);
    for (size_t i = 0; i < rows * t->width; i++) {
        float v = s->target[i];
        if (!isfinite(v) || (t->output == FDHT_OUTPUT_SIGMOID && !(v >= 0 && v <= 1)))
            return fdht_fail(err, FDHT_EINVAL, "%s: target %zu of row %zu is %g, expected a number%s", what,
                             i % t->width, i / t->width, (double)v,
                             t->output == FDHT_OUTPUT_SIGMOID ? " from 0 to 1" : "");
    }
    return FDHT_OK;
}

int fdht_truth_new(const fdht_train_data *s, const fdht_model *m, const char *what, fdht_truth *out,
                   fdht_error *err)
{
    const fdht_model_spec *spec = fdht_model_spec_of(m);
    *out = (fdht_truth){.data = s, .output = spec->output, .width = fdht_model_width(m)};
    if (s->clips == 0)
        return fdht_fail(err, FDHT_EINVAL, "%s: expected at least 1 clip", what);
    int status = fdht_check_frame_size(&spec->frame, fdht_model_inputs(m), s->width, s->height, s->channels,
                                       s->features, err);
    if (status)
        return fdht_fail_prefix(err, status, "%s", what);
    for (size_t i = 0; i < s->clips; i++)
        if (s->length[i] == 0)
            return fdht_fail(err, FDHT_EINVAL, "%s: clip %zu has no frames", what, i);
    if (spec->frame.frames && fdht_model_rows(m, 1) != fdht_model_rows(m, 2))
        return fdht_fail(err, FDHT_EINVAL,
                         "%s: an output for every step needs all frames of a clip, the model takes %zu", what,
                         spec->frame.frames);
    out->first = fdht_calloc_err(s->clips + 1, sizeof *out->first, "labels", err);
    if (!out->first)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < s->clips; i++) {
        size_t rows = fdht_model_rows(m, s->length[i]);
        out->first[i + 1] = out->first[i] + rows;
        out->most = FDHT_MAX(out->most, rows);
    }
    size_t rows = out->first[s->clips];
    return spec->output == FDHT_OUTPUT_SOFTMAX ? check_labels(s, rows, out->width, what, err)
                                               : check_targets(s, out, rows, what, err);
}

void fdht_truth_free(fdht_truth *t)
{
    fdht_free(t->first);
    t->first = NULL;
}

void fdht_truth_row(const fdht_truth *t, size_t clip, size_t row, int *label, float *target)
{
    size_t at = t->first[clip] + row;
    if (t->output == FDHT_OUTPUT_SOFTMAX)
        *label = t->data->label[at];
    else if (t->data->target)
        memcpy(target, t->data->target + at * t->width, t->width * sizeof *target);
    else if (t->width == 1)
        *target = (float)t->data->label[at];
    else
        for (size_t j = 0; j < t->width; j++)
            target[j] = (size_t)t->data->label[at] == j;
}

int fdht_train_data_check(const fdht_train_data *s, const fdht_model *m, const char *what, fdht_error *err)
{
    fdht_truth t;
    int status = fdht_truth_new(s, m, what, &t, err);
    fdht_truth_free(&t);
    return status;
}
