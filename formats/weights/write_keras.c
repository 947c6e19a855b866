/* weights/write_keras.c - a model as a Sequential model of Keras: configuration and dense weights.
 *
 * A pool link `last` has no layer of its own: the recurrent layer before it gives its last state alone, and what is done to
 * each step in between is done to that state. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "weights/writer.h"

/* One layer as Keras will see it. */
typedef struct layer {
    const char *class;
    int link; /* -1: the activation of the output */
    char name[64];
} layer;

typedef struct sequence {
    fdht_writer *o;
    layer *layer;
    int n;
    bool keras3; /* hard_sigmoid is that of Keras 3 */
} sequence;

static int refuse(const sequence *q, int k, const char *why)
{
    const fdht_link *l = &q->o->spec->link[k];
    return fdht_fail(q->o->err, FDHT_ENOSUP, "link %d (%s): %s", k,
                     l->name[0] ? l->name : fdht_link_name(l->kind), why);
}

/* Does this recurrent layer give its last state alone? Then a pool link `last` follows, with nothing but links of single
 * steps in between; of two directions it must follow at once. */
static bool gives_last(const fdht_model_spec *s, int k)
{
    int next = k + 1;
    while (next < s->links && s->link[k].directions == 1 && s->link[next].kind != FDHT_LINK_LSTM &&
           s->link[next].kind != FDHT_LINK_POOL)
        next++;
    return next < s->links && s->link[next].kind == FDHT_LINK_POOL && s->link[next].pool == FDHT_POOL_LAST;
}

/* Is the pool link `last` what the recurrent layer before it does by itself? */
static bool is_taken(const fdht_model_spec *s, int k)
{
    int before = k - 1;
    while (before >= 0 && s->link[before].kind != FDHT_LINK_LSTM)
        before--;
    return before >= 0 && gives_last(s, before);
}

static const char *class_of(const fdht_model_spec *s, const fdht_link *l)
{
    bool gru = l->kind == FDHT_LINK_LSTM && s->cell[l->cell].recurrent == FDHT_GRU;
    switch (l->kind) {
    case FDHT_LINK_LSTM:
        return l->directions == 2 ? "Bidirectional" : gru ? "GRU" : "LSTM";
    case FDHT_LINK_NORM:
        return "BatchNormalization";
    case FDHT_LINK_LAYER_NORM:
        return "LayerNormalization";
    case FDHT_LINK_DENSE:
        return "Dense";
    case FDHT_LINK_ACTIVATION:
        return "Activation";
    case FDHT_LINK_REPEAT:
        return "RepeatVector";
    default:
        return l->pool == FDHT_POOL_MEAN ? "GlobalAveragePooling1D" : "GlobalMaxPooling1D";
    }
}

/* Keras' own numbering: "dense", "dense_1", ... */
static void add(sequence *q, const char *class, const char *stem, int link)
{
    layer *l = &q->layer[q->n];
    int same = 0;
    for (int i = 0; i < q->n; i++)
        same += !strcmp(q->layer[i].class, class);
    l->class = class;
    l->link = link;
    if (same)
        snprintf(l->name, sizeof l->name, "%s_%d", stem, same);
    else
        snprintf(l->name, sizeof l->name, "%s", stem);
    q->n++;
}

static const char *stem_of(const char *class)
{
    static const char *const stem[][2] = {{"Bidirectional", "bidirectional"},
                                          {"LSTM", "lstm"},
                                          {"GRU", "gru"},
                                          {"BatchNormalization", "batch_normalization"},
                                          {"LayerNormalization", "layer_normalization"},
                                          {"Dense", "dense"},
                                          {"Activation", "activation"},
                                          {"RepeatVector", "repeat_vector"},
                                          {"GlobalAveragePooling1D", "global_average_pooling1d"},
                                          {"GlobalMaxPooling1D", "global_max_pooling1d"}};
    size_t i = 0;
    while (strcmp(stem[i][0], class))
        i++;
    return stem[i][1];
}

/* The activation of a dense link in Keras: the last one holds logits, whose output kind is its activation. */
static fdht_activation dense_activation(const fdht_model_spec *s, int k)
{
    const fdht_link *l = &s->link[k];
    if (k < s->links - 1 || l->activation != FDHT_LINEAR || !s->classes || s->output == FDHT_OUTPUT_LINEAR)
        return l->activation;
    return s->output == FDHT_OUTPUT_SOFTMAX ? FDHT_SOFTMAX : FDHT_SIGMOID;
}

/* Keras' name; one file means one kind of hard_sigmoid. */
static int keras_activation(sequence *q, fdht_activation a, bool *used, const char **name)
{
    bool hard = a == FDHT_HARD_SIGMOID || a == FDHT_HARD_SIGMOID3;
    *name = hard ? "hard_sigmoid" : fdht_activation_name(a);
    if (!hard)
        return FDHT_OK;
    if (*used && q->keras3 != (a == FDHT_HARD_SIGMOID3))
        return fdht_fail(q->o->err, FDHT_ENOSUP,
                         "both forms of hard_sigmoid: one file of Keras has one; export --layout hdf5");
    q->keras3 = a == FDHT_HARD_SIGMOID3;
    *used = true;
    return FDHT_OK;
}

static int check_cells(sequence *q, const fdht_link *l, int k, bool *used)
{
    const fdht_cell_spec *c = &q->o->spec->cell[l->cell];
    const char *name;
    int status = FDHT_OK;
    for (int d = 0; d < l->directions && !status; d++) {
        if (c[d].proj)
            return refuse(q, k, "Keras' LSTM has no projection: export --layout pytorch or hdf5");
        if (c[d].activation != c[0].activation || c[d].candidate != c[0].candidate)
            return refuse(
                q, k,
                "both directions of Keras' Bidirectional have the same activations: export --layout hdf5");
        if (!(status = keras_activation(q, c[d].activation, used, &name)))
            status = keras_activation(q, c[d].candidate, used, &name);
    }
    return status;
}

/* The layers, and whether Keras has them. */
static int list_layers(sequence *q)
{
    const fdht_model_spec *s = q->o->spec;
    const char *name;
    bool used = false;
    int status = fdht_writer_check_cells(q->o, "Keras", true);
    for (int k = 0; k < s->links && !status; k++) {
        const fdht_link *l = &s->link[k];
        if (l->kind == FDHT_LINK_LSTM)
            status = check_cells(q, l, k, &used);
        else if (l->kind == FDHT_LINK_DENSE || l->kind == FDHT_LINK_ACTIVATION)
            status = keras_activation(q, l->activation, &used, &name);
        if (status)
            break;
        bool last = l->kind == FDHT_LINK_POOL && l->pool == FDHT_POOL_LAST;
        if (last && !is_taken(s, k))
            return refuse(
                q, k, "Keras' Sequential has no layer that takes the last step here: export --layout hdf5");
        if (!last && !(l->kind == FDHT_LINK_POOL && l->pool == FDHT_POOL_EACH))
            add(q, class_of(s, l), stem_of(class_of(s, l)), k);
    }
    const fdht_link *end = &s->link[s->links - 1];
    if (s->classes && s->output != FDHT_OUTPUT_LINEAR &&
        (end->kind != FDHT_LINK_DENSE || end->activation != FDHT_LINEAR))
        add(q, "Activation", "activation", -1);
    return status;
}

/* ---- configuration ---- */

static cJSON *add_config(cJSON *layers, const layer *l)
{
    cJSON *object = cJSON_CreateObject(), *config;
    cJSON_AddItemToArray(layers, object);
    cJSON_AddStringToObject(object, "class_name", l->class);
    config = cJSON_AddObjectToObject(object, "config");
    cJSON_AddStringToObject(config, "name", l->name);
    cJSON_AddBoolToObject(config, "trainable", true);
    cJSON_AddStringToObject(config, "dtype", "float32");
    return config;
}

static void add_shape(cJSON *config, size_t inputs)
{
    cJSON *shape = cJSON_AddArrayToObject(config, "batch_input_shape");
    cJSON_AddItemToArray(shape, cJSON_CreateNull());
    cJSON_AddItemToArray(shape, cJSON_CreateNull());
    cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)inputs));
}

static const char *word(fdht_activation a)
{
    return a == FDHT_HARD_SIGMOID3 ? "hard_sigmoid" : fdht_activation_name(a);
}

static void configure_lstm(const fdht_model_spec *s, int k, cJSON *config)
{
    static const char *const mode[FDHT_MERGES] = {"concat", "sum", "ave", "mul"};
    const fdht_link *l = &s->link[k];
    const fdht_cell_spec *c = &s->cell[l->cell];
    bool gru = c->recurrent == FDHT_GRU;
    if (l->directions == 2) {
        cJSON_AddStringToObject(config, "merge_mode", mode[l->merge]);
        cJSON *inner = cJSON_AddObjectToObject(config, "layer");
        cJSON_AddStringToObject(inner, "class_name", gru ? "GRU" : "LSTM");
        config = cJSON_AddObjectToObject(inner, "config");
        cJSON_AddStringToObject(config, "name", fdht_recurrent_name(c->recurrent));
    }
    cJSON_AddNumberToObject(config, "units", (double)c->hidden);
    cJSON_AddStringToObject(config, "activation", word(c->candidate));
    cJSON_AddStringToObject(config, "recurrent_activation", word(c->activation));
    cJSON_AddBoolToObject(config, "use_bias", fdht_writer_any_bias(s));
    cJSON_AddBoolToObject(config, "return_sequences", !gives_last(s, k));
    cJSON_AddBoolToObject(config, "go_backwards", l->reversed);
    if (gru)
        cJSON_AddBoolToObject(config, "reset_after", true);
    cJSON_AddNumberToObject(config, "implementation", 2);
}

static void configure_norm(const fdht_link *l, cJSON *config)
{
    bool batch = l->kind == FDHT_LINK_NORM;
    cJSON *axis = cJSON_AddArrayToObject(config, "axis");
    cJSON_AddItemToArray(axis, cJSON_CreateNumber(-1));
    cJSON_AddNumberToObject(config, "epsilon", batch ? 0 : l->epsilon);
    cJSON_AddBoolToObject(config, "center", true);
    cJSON_AddBoolToObject(config, "scale", true);
    if (batch)
        cJSON_AddNumberToObject(config, "momentum", 0.99);
}

static void configure(const fdht_model_spec *s, const layer *x, cJSON *config)
{
    if (x->link < 0) {
        cJSON_AddStringToObject(config, "activation",
                                s->output == FDHT_OUTPUT_SOFTMAX ? "softmax" : "sigmoid");
        return;
    }
    const fdht_link *l = &s->link[x->link];
    if (x->link == 0)
        add_shape(config, l->inputs);
    if (l->kind == FDHT_LINK_LSTM)
        configure_lstm(s, x->link, config);
    else if (l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM)
        configure_norm(l, config);
    else if (l->kind == FDHT_LINK_DENSE) {
        cJSON_AddNumberToObject(config, "units", (double)l->outputs);
        cJSON_AddStringToObject(config, "activation", word(dense_activation(s, x->link)));
        cJSON_AddBoolToObject(config, "use_bias", l->bias);
    } else if (l->kind == FDHT_LINK_ACTIVATION)
        cJSON_AddStringToObject(config, "activation", word(l->activation));
    else if (l->kind == FDHT_LINK_REPEAT)
        cJSON_AddNumberToObject(config, "n", (double)l->steps);
}

static int put_config(const sequence *q)
{
    fdht_writer *o = q->o;
    cJSON *root = cJSON_CreateObject(), *config, *layers;
    cJSON_AddStringToObject(root, "class_name", "Sequential");
    config = cJSON_AddObjectToObject(root, "config");
    cJSON_AddStringToObject(config, "name", "sequential");
    layers = cJSON_AddArrayToObject(config, "layers");
    for (int i = 0; i < q->n; i++)
        configure(o->spec, &q->layer[i], add_config(layers, &q->layer[i]));
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    int rc = text ? fdht_writer_text(o, "/", "model_config", text)
                  : fdht_fail(o->err, FDHT_ENOMEM, "out of memory: model_config");
    cJSON_free(text);
    if (!rc)
        rc = fdht_writer_text(o, "/", "keras_version", q->keras3 ? "3.0.0" : "2.11.0");
    return rc ? rc : fdht_writer_text(o, "/", "backend", "tensorflow");
}

/* ---- weights ---- */

/* The weights of a layer so far: names below its group, as Keras lists them. */
typedef struct names {
    char text[6][FDHT_WRITER_NAME], path[2 * FDHT_WRITER_NAME];
    const char *list[6];
    size_t n;
} names;

/* Add "LAYER/side/leaf:0"; returns its path in the file. */
static const char *add_name(names *w, const char *name, const char *side, const char *leaf)
{
    snprintf(w->text[w->n], sizeof *w->text, "%s/%s%s:0", name, side, leaf);
    snprintf(w->path, sizeof w->path, "/model_weights/%s/%s", name, w->text[w->n]);
    w->list[w->n] = w->text[w->n];
    w->n++;
    return w->path;
}

static int put_lstm(fdht_writer *o, const fdht_link *l, const char *name, names *w)
{
    bool gru = o->spec->cell[l->cell].recurrent == FDHT_GRU;
    const char *cell = fdht_recurrent_name(o->spec->cell[l->cell].recurrent);
    int rc = FDHT_OK;
    for (int d = 0; d < l->directions && !rc; d++) {
        char side[64];
        int i = l->cell + d;
        if (l->directions == 1)
            snprintf(side, sizeof side, "%s_cell/", cell);
        else
            snprintf(side, sizeof side, "%s_%s/%s_cell/", d ? "backward" : "forward", cell, cell);
        rc = fdht_writer_map(o, add_name(w, name, side, "kernel"), i, false, true);
        if (!rc)
            rc = fdht_writer_map(o, add_name(w, name, side, "recurrent_kernel"), i, true, true);
        if (rc || !fdht_writer_any_bias(o->spec))
            continue;
        const char *path = add_name(w, name, side, "bias");
        rc = gru ? fdht_writer_gru_bias(o, path, i, 0, true) : fdht_writer_bias(o, path, i, false);
    }
    return rc;
}

/* gamma and beta; of a batch normalisation also the mean 0 and the variance 1 that, with epsilon 0, change nothing. */
static int put_norm(fdht_writer *o, int k, const char *name, names *w)
{
    const fdht_link *l = &o->spec->link[k];
    int rc = fdht_writer_link(o, add_name(w, name, "", "gamma"), k, "scale", false);
    if (!rc)
        rc = fdht_writer_link(o, add_name(w, name, "", "beta"), k, "shift", false);
    if (rc || l->kind != FDHT_LINK_NORM)
        return rc;
    float *v = fdht_calloc_err(l->inputs, sizeof *v, name, o->err);
    if (!v)
        return FDHT_ENOMEM;
    rc = fdht_writer_vector(o, add_name(w, name, "", "moving_mean"), v, l->inputs);
    for (size_t j = 0; j < l->inputs; j++)
        v[j] = 1;
    if (!rc)
        rc = fdht_writer_vector(o, add_name(w, name, "", "moving_variance"), v, l->inputs);
    fdht_free(v);
    return rc;
}

static int put_layer(fdht_writer *o, const layer *x)
{
    names w = {.n = 0};
    char group[FDHT_WRITER_NAME];
    int rc = FDHT_OK;
    const fdht_link *l = x->link >= 0 ? &o->spec->link[x->link] : NULL;
    snprintf(group, sizeof group, "/model_weights/%s", x->name);
    if ((rc = fdht_writer_group(o, group)))
        return rc;
    if (l && l->kind == FDHT_LINK_LSTM)
        rc = put_lstm(o, l, x->name, &w);
    else if (l && (l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM))
        rc = put_norm(o, x->link, x->name, &w);
    else if (l && l->kind == FDHT_LINK_DENSE) {
        rc = fdht_writer_link(o, add_name(&w, x->name, "", "kernel"), x->link, "weight", true);
        if (!rc && l->bias)
            rc = fdht_writer_link(o, add_name(&w, x->name, "", "bias"), x->link, "bias", false);
    }
    return rc ? rc : fdht_writer_strings(o, group, "weight_names", w.list, w.n, false);
}

int fdht_write_keras(fdht_writer *o)
{
    size_t most = (size_t)o->spec->links + 1;
    sequence q = {.o = o, .layer = fdht_calloc_err(most, sizeof *q.layer, "layers", o->err)};
    const char **list = fdht_calloc_err(most, sizeof *list, "layer names", o->err);
    int rc = q.layer && list ? list_layers(&q) : FDHT_ENOMEM;
    if (!rc)
        rc = put_config(&q);
    if (!rc)
        rc = fdht_writer_group(o, "/model_weights");
    for (int i = 0; i < q.n && !rc; i++) {
        list[i] = q.layer[i].name;
        rc = put_layer(o, &q.layer[i]);
    }
    if (!rc)
        rc = fdht_writer_strings(o, "/model_weights", "layer_names", list, (size_t)q.n, false);
    fdht_free(list);
    fdht_free(q.layer);
    return rc;
}
