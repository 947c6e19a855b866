/* info/modelfile.c - model files. */
#include "info/info.h"

#include <stdio.h>

#include "fdht/modelfile.h"

static void add_frame(cJSON *json, const fdht_frame_spec *f)
{
    cJSON *frame = cli_json_object(json, "frame");
    cli_json_size(frame, "width", f->width);
    cli_json_size(frame, "height", f->height);
    cli_json_size(frame, "channels", f->channels);
    cli_json_number(frame, "mean", f->mean);
    cli_json_number(frame, "std", f->std);
    cli_json_bool(frame, "diff", f->diff);
    cli_json_bool(frame, "gray", f->gray);
    cli_json_size(frame, "frames", f->frames);
    cli_json_bool(frame, "resize", f->resize);
    cli_json_string(frame, "sample", f->sample == FDHT_SAMPLE_RANDOM ? "random" : "even");
}

static int add_layers(cli *c, const fdht_model_spec *s, cJSON *json)
{
    cJSON *layers = cli_json_array(json, "layers");
    int status = FDHT_OK;
    for (int i = 0; i < s->layers * s->directions && !status; i++) {
        cJSON *layer = cli_json_object(layers, NULL);
        char name[32];
        snprintf(name, sizeof name, "l%d%s", i / s->directions, i % s->directions ? "_reverse" : "");
        cli_json_string(layer, "name", name);
        cli_json_int(layer, "directions", s->directions);
        cli_json_string(layer, "gate_order", "ifgo");
        status = info_cell(c, &s->cell[i], layer);
    }
    return status;
}

static int describe(cli *c, const info_args *a, const fdht_model *m, const fdht_modelfile_info *info,
                    cJSON *json)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    char version[32];
    snprintf(version, sizeof version, "%d.%d", info->major, info->minor);
    cli_json_string(json, "version", version);
    cli_json_string(json, "creator", info->creator);
    cli_json_bool(json, "checkpoint", info->training);
    cli_json_size(json, "bytes", info->bytes);
    cli_json_size(json, "parameters", fdht_model_core_size(m));
    cli_json_size(json, "parameters_lstm", fdht_model_lstm_size(m));
    cli_json_size(json, "parameters_total", fdht_model_size(m));
    cli_json_string(json, "gates", "ifgo");
    cli_json_string(json, "pool", s->pool == FDHT_POOL_MEAN ? "mean" : "last");
    int status = info_cell(c, &s->cell[0], json);
    add_frame(json, &s->frame);
    cli_json_size(json, "n_classes", s->classes);
    cJSON *classes = cli_json_array(json, "classes");
    for (size_t k = 0; s->class_name && k < s->classes; k++)
        cli_json_string(classes, NULL, s->class_name[k]);
    if (!status)
        status = add_layers(c, s, json);
    return !status && a->plan ? info_plan(c, s->cell, s->layers * s->directions, json) : status;
}

int info_model(cli *c, const info_args *a, cJSON *json)
{
    fdht_model *m = NULL;
    fdht_modelfile_info info;
    int status = fdht_modelfile_read(a->path, &m, NULL, &info, &c->err);
    if (!status)
        status = describe(c, a, m, &info, json);
    fdht_model_free(m);
    return status;
}
