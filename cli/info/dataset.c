/* info/dataset.c - what `fdht info` prints of data sets and pictures. */
#include "info/info.h"

#include "fdht/dataset.h"
#include "fdht/image.h"

static const char *form_name(fdht_dataset_form form)
{
    static const char *const name[] = {"native", "groups", "flat", "features"};
    return name[form];
}

int info_dataset(cli *c, const info_args *a, cJSON *json)
{
    fdht_dataset *ds = NULL;
    int status = fdht_dataset_open(a->path, &ds, &c->err);
    if (status)
        return status;
    const fdht_dataset_info *info = fdht_dataset_info_of(ds);
    bool protected = false;
    fdht_dataset_protected(a->path, &protected, NULL); /* it was opened a moment ago */
    cli_json_string(json, "form", form_name(info->form));
    cli_json_size(json, "clips", info->clips);
    cli_json_size(json, "min_frames", info->min_length);
    cli_json_size(json, "max_frames", info->max_length);
    if (info->shape.features)
        cli_json_size(json, "features", info->shape.features);
    else {
        cli_json_size(json, "width", info->shape.width);
        cli_json_size(json, "height", info->shape.height);
        cli_json_size(json, "channels", info->shape.channels);
    }
    cli_json_bool(json, "checksums", protected);
    cli_json_bool(json, "uniform", info->uniform);
    cli_json_size(json, "unpacked_bytes", info->frame_bytes);
    cli_json_bool(json, "labels", info->has_labels);
    cJSON *classes = cli_json_array(json, "classes");
    for (size_t k = 0; k < info->classes; k++)
        cli_json_string(classes, NULL, fdht_dataset_class(ds, k));
    if (info->has_split) {
        cJSON *split = cli_json_object(json, "split");
        for (int k = 0; k < FDHT_SPLITS; k++)
            cli_json_size(split, fdht_split_name(k), info->split[k]);
    }
    fdht_dataset_close(ds);
    return FDHT_OK;
}

int info_picture(cli *c, const info_args *a, cJSON *json)
{
    fdht_image image = {0};
    int status = fdht_image_read(a->path, 0, &image, &c->err);
    if (status)
        return status;
    cli_json_size(json, "width", image.width);
    cli_json_size(json, "height", image.height);
    cli_json_size(json, "channels", image.channels);
    fdht_image_free(&image);
    return FDHT_OK;
}
