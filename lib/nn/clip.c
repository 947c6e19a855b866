/* nn/clip.c - whether a model can take a clip: its kind and the size of its frames. */
#include <stdio.h>

#include "nn/clip.h"
#include "nn/model.h"

/* "160x120x3", or "48 features". */
static const char *describe(char text[static 96], size_t width, size_t height, size_t channels,
                            size_t features)
{
    if (features || !width)
        snprintf(text, 96, "%zu features", features);
    else
        snprintf(text, 96, "%zux%zux%zu", width, height, channels);
    return text;
}

int fdht_check_frame_size(const fdht_frame_spec *f, size_t inputs, size_t width, size_t height,
                          size_t channels, size_t features, fdht_error *err)
{
    char has[96], takes[96];
    if (f->width ? !features && width == f->width && height == f->height && channels == f->channels
                 : features == inputs && !width && !height && !channels)
        return FDHT_OK;
    return fdht_fail(err, FDHT_EINVAL, "%s, the model takes %s",
                     describe(has, width, height, channels, features),
                     describe(takes, f->width, f->height, f->channels, f->width ? 0 : inputs));
}

int fdht_model_check_clip(const fdht_model *m, const fdht_clip *clip, fdht_error *err)
{
    const fdht_frame_spec *f = &m->spec.frame;
    if (!clip->u8 == !clip->f32)
        return fdht_fail(err, FDHT_EINVAL, "expected either frames or features");
    if (clip->length == 0)
        return fdht_fail(err, FDHT_EINVAL, "expected at least 1 frame, got 0");
    int status =
        fdht_check_frame_size(f, m->inputs, clip->width, clip->height, clip->channels, clip->features, err);
    if (status)
        return status;
    if (!clip->u8 != !f->width)
        return fdht_fail(err, FDHT_EINVAL, "the numbers are %s, the model takes %s",
                         clip->u8 ? "bytes" : "floats", f->width ? "bytes" : "floats");
    return FDHT_OK;
}
