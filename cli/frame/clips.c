/* frame/clips.c - hints for clips that failed: the library's messages name no options. */
#include "frame/clips.h"

#include <string.h>

void cli_clip_options(const cli_clip_args *a, fdht_clips_options *opt)
{
    opt->fps = a->fps;
    opt->matrix = (fdht_yuv_matrix)a->matrix;
    opt->range = (fdht_yuv_range)a->range;
    opt->class_level = a->class_level;
}

const char *cli_clip_hint(const fdht_clip_item *item)
{
    if (item->status == FDHT_ELIMIT)
        return " (--clip-frames cuts streams)";
    if (item->status == FDHT_EFORMAT && strncmp(item->error.msg, "no y4m header", 13) == 0)
        return " (for headerless frames give --raw rgb24|gray and --size WxH)";
    return "";
}

const char *cli_size_hint(const fdht_clip_item *item, const fdht_model_spec *spec)
{
    const fdht_frame_spec *f = &spec->frame;
    return !item->status && item->u8 && f->width && item->shape.channels == f->channels ? " (--resize)" : "";
}
