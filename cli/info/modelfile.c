/* info/modelfile.c - model files. */
#include "info/info.h"

#include <stdio.h>

#include "fdht/modelfile.h"
#include "frame/json.h"

static void add_frame(cJSON *json, const fdht_frame_spec *f)
{
    cJSON *frame = cli_json_object(json, "frame");
    cli_json_size(frame, "width", f->width);
    cli_json_size(frame, "height", f->height);
    cli_json_size(frame, "channels", f->channels);
    cli_json_number(frame, "mean", f->mean);
    cli_json_number(frame, "std", f->std);
    if (f->by_channel) {
        cli_json_numbers(frame, "channel_mean", f->channel_mean, f->channels);
        cli_json_numbers(frame, "channel_std", f->channel_std, f->channels);
    }
    cli_json_bool(frame, "diff", f->diff);
    cli_json_bool(frame, "gray", f->gray);
    cli_json_size(frame, "frames", f->frames);
    cli_json_bool(frame, "resize", f->resize);
    cli_json_string(frame, "sample", f->sample == FDHT_SAMPLE_RANDOM ? "random" : "even");
}

/* What a link is beyond its kind and widths. */
void info_link(const fdht_link *l, cJSON *link)
{
    cli_json_string(link, "kind", fdht_link_name(l->kind));
    if (l->name[0])
        cli_json_string(link, "name", l->name);
    cli_json_size(link, "inputs", l->inputs);
    cli_json_size(link, "outputs", l->outputs);
    if (l->kind == FDHT_LINK_LSTM) {
        cli_json_int(link, "directions", l->directions);
        if (l->directions == 2)
            cli_json_string(link, "merge", fdht_merge_name(l->merge));
        if (l->reversed)
            cli_json_bool(link, "reversed", true);
    }
    if (l->kind == FDHT_LINK_DENSE || l->kind == FDHT_LINK_ACTIVATION)
        cli_json_string(link, "activation", fdht_activation_name(l->activation));
    if (l->kind == FDHT_LINK_DENSE)
        cli_json_bool(link, "bias", l->bias);
    if (l->kind == FDHT_LINK_POOL)
        cli_json_string(link, "pool", fdht_pool_name(l->pool));
    if (l->kind == FDHT_LINK_REPEAT)
        cli_json_size(link, "steps", l->steps);
    if (l->kind == FDHT_LINK_LAYER_NORM)
        cli_json_number(link, "epsilon", l->epsilon);
}

/* The whole computation, link by link, and what comes out. */
static void add_chain(const fdht_model *m, cJSON *json)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    cJSON *chain = cli_json_array(json, "chain");
    for (int k = 0; k < s->links; k++)
        info_link(&s->link[k], cli_json_object(chain, NULL));
    cli_json_string(json, "output", s->classes ? fdht_output_name(s->output) : "states");
    cli_json_bool(json, "output_each_step", fdht_model_each(m));
}

/* The layer of cell i and its direction. */
static const fdht_link *layer_of(const fdht_model_spec *s, int i, int *layer)
{
    *layer = 0;
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k];
        if (l->kind != FDHT_LINK_LSTM)
            continue;
        if (i < l->cell + l->directions)
            return l;
        ++*layer;
    }
    return NULL;
}

static int add_layers(cli *c, const fdht_model_spec *s, cJSON *json)
{
    cJSON *layers = cli_json_array(json, "layers");
    int status = FDHT_OK;
    for (int i = 0; i < s->cells && !status; i++) {
        cJSON *layer = cli_json_object(layers, NULL);
        char name[32];
        int number;
        const fdht_link *l = layer_of(s, i, &number);
        snprintf(name, sizeof name, "l%d%s", number, i > l->cell ? "_reverse" : "");
        cli_json_string(layer, "name", name);
        cli_json_int(layer, "directions", l->directions);
        cli_json_string(layer, "gate_order", fdht_recurrent_order(s->cell[i].recurrent));
        status = info_cell(c, &s->cell[i], layer);
    }
    return status;
}

/* How it was made; nothing where nothing is said. */
static void add_origin(cJSON *json, const fdht_model *m)
{
    cJSON *origin = NULL;
    for (int k = 0; k < FDHT_ORIGINS; k++) {
        const char *text =
            k == FDHT_ORIGIN_OPTIONS ? "" : fdht_model_origin(m, (fdht_origin)k); /* --config */
        if (*text && !origin)
            origin = cli_json_object(json, "origin");
        if (*text)
            cli_json_string(origin, fdht_origin_name((fdht_origin)k), text);
    }
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
    add_origin(json, m);
    cli_json_size(json, "parameters", fdht_model_core_size(m));
    cli_json_size(json, "parameters_lstm", fdht_model_lstm_size(m));
    cli_json_size(json, "parameters_total", fdht_model_size(m));
    cli_json_string(json, "recurrent", fdht_recurrent_name(s->cell[0].recurrent));
    cli_json_string(json, "gates", fdht_recurrent_order(s->cell[0].recurrent));
    cli_json_string(json, "pool", fdht_pool_name(s->pool));
    int status = info_cell(c, &s->cell[0], json);
    add_frame(json, &s->frame);
    cli_json_size(json, "n_classes", s->classes);
    cJSON *classes = cli_json_array(json, "classes");
    for (size_t k = 0; s->class_name && k < s->classes; k++)
        cli_json_string(classes, NULL, s->class_name[k]);
    add_chain(m, json);
    if (!status)
        status = add_layers(c, s, json);
    return !status && a->plan ? info_plan(c, s->cell, s->cells, json) : status;
}

int info_config(cli *c, const info_args *a)
{
    fdht_model *m = NULL;
    int status = fdht_modelfile_read(a->path, &m, NULL, NULL, &c->err);
    if (status)
        return status;
    cJSON *json = cli_json_parse(fdht_model_origin(m, FDHT_ORIGIN_OPTIONS));
    fdht_model_free(m);
    if (!cJSON_IsObject(json)) {
        cJSON_Delete(json);
        return cli_fail(c, FDHT_EFORMAT, "%s: does not say which options made it", a->path);
    }
    cli_json_print(stdout, json);
    return FDHT_OK;
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
