/* weights/write.c - any model as dense weights: Keras 2, PyTorch or plain. Matrices are written a slab of
 * columns at a time, so that memory does not grow with them. */
#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "weights/weights.h"

enum { SLAB = 1 << 22, NAME = 160 }; /* numbers of a slab in double; longest path */

typedef struct writer {
    const fdht_model *m;
    const fdht_model_spec *spec;
    fdht_layout layout;
    hid_t file;
    int (*progress)(void *, double);
    void *arg;
    double total, done; /* columns */
    fdht_error *err;
} writer;

/* --- HDF5
 * ------------------------------------------------------------------------------------------------------ */

static int failed(writer *o, const char *path)
{
    return fdht_fail(o->err, FDHT_EIO, "%s: cannot be written", path);
}

/* Strings of one length, as h5py writes a list of bytes; none: an empty float64 array, as Keras leaves it.
 * scalar: one string. */
static int put_strings(writer *o, const char *path, const char *name, const char *const *s, size_t n,
                       bool scalar)
{
    size_t size = 1;
    hsize_t count = n;
    for (size_t i = 0; i < n; i++)
        size = FDHT_MAX(size, strlen(s[i]));
    char *raw = fdht_calloc_err(n ? n : 1, size, "attribute", o->err);
    if (!raw)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n; i++)
        memcpy(raw + i * size, s[i], strlen(s[i]));
    hid_t type = H5Tcopy(n ? H5T_C_S1 : H5T_IEEE_F64LE);
    hid_t space = scalar ? H5Screate(H5S_SCALAR) : H5Screate_simple(1, &count, NULL);
    if (n) {
        H5Tset_size(type, size);
        H5Tset_strpad(type, H5T_STR_NULLPAD);
    }
    hid_t attr = H5Acreate_by_name(o->file, path, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool ok = attr >= 0 && (!n || H5Awrite(attr, type, raw) >= 0);
    if (attr >= 0)
        ok &= H5Aclose(attr) >= 0;
    H5Tclose(type);
    H5Sclose(space);
    fdht_free(raw);
    return ok ? FDHT_OK : failed(o, path);
}

static int put_text(writer *o, const char *path, const char *name, const char *text)
{
    return put_strings(o, path, name, &text, 1, true);
}

static int make_group(writer *o, const char *path)
{
    hid_t g = H5Gcreate2(o->file, path, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    return g >= 0 && H5Gclose(g) >= 0 ? FDHT_OK : failed(o, path);
}

/* cols = 0: one-dimensional. Parents are made. */
static hid_t make_set(writer *o, const char *path, size_t rows, size_t cols)
{
    hsize_t dim[2] = {rows, cols};
    hid_t lcpl = H5Pcreate(H5P_LINK_CREATE), space = H5Screate_simple(cols ? 2 : 1, dim, NULL);
    H5Pset_create_intermediate_group(lcpl, 1);
    hid_t d = H5Dcreate2(o->file, path, H5T_IEEE_F32LE, space, lcpl, H5P_DEFAULT, H5P_DEFAULT);
    H5Sclose(space);
    H5Pclose(lcpl);
    return d;
}

static int put_vector(writer *o, const char *path, const float *v, size_t n)
{
    hid_t d = make_set(o, path, n, 0);
    bool ok = d >= 0 && H5Dwrite(d, H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, v) >= 0;
    if (d >= 0)
        ok &= H5Dclose(d) >= 0;
    return ok ? FDHT_OK : failed(o, path);
}

/* Write slab (rows, n columns) of doubles at column `col`, transposed or not. */
static int put_slab(hid_t set, const double *slab, size_t rows, size_t col, size_t n, bool transposed,
                    float *buffer)
{
    hsize_t start[2] = {0, col}, count[2] = {rows, n};
    if (transposed)
        start[0] = col, start[1] = 0, count[0] = n, count[1] = rows;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < n; c++)
            buffer[transposed ? c * rows + r : r * n + c] = (float)slab[r * n + c];
    hid_t space = H5Dget_space(set), memory = H5Screate_simple(2, count, NULL);
    bool ok = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0 &&
              H5Dwrite(set, H5T_NATIVE_FLOAT, memory, space, H5P_DEFAULT, buffer) >= 0;
    H5Sclose(space);
    H5Sclose(memory);
    return ok ? 0 : -1;
}

/* --- parts of cells
 * -------------------------------------------------------------------------------------------- */

/* r, z, n <-> z, r, n: the first two of three blocks of n numbers change places. */
static void swap_gates(double *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double kept = v[i];
        v[i] = v[n + i];
        v[n + i] = kept;
    }
}

/* Transposed, as Keras has it, with its order of a GRU's gates. */
static int put_map(writer *o, const char *path, int cell, bool hidden, bool transposed)
{
    const fdht_cell_spec *c = &o->spec->cell[cell];
    size_t rows = (size_t)fdht_recurrent_gates(c->recurrent) * c->hidden,
           cols = hidden ? (c->proj ? c->proj : c->hidden) : c->inputs;
    size_t step = FDHT_MIN(FDHT_MAX(SLAB / rows, (size_t)1), cols);
    double *slab = fdht_calloc_err(rows, step * sizeof *slab, path, o->err);
    float *buffer = slab ? fdht_calloc_err(rows, step * sizeof *buffer, path, o->err) : NULL;
    hid_t set = buffer ? make_set(o, path, transposed ? cols : rows, transposed ? rows : cols) : -1;
    int rc = !buffer ? FDHT_ENOMEM : set < 0 ? failed(o, path) : FDHT_OK;
    for (size_t c0 = 0; c0 < cols && !rc; c0 += step) {
        size_t n = FDHT_MIN(step, cols - c0);
        rc = fdht_model_expand(o->m, cell, hidden, c0, n, slab, n, o->err);
        if (transposed && c->recurrent == FDHT_GRU)
            swap_gates(slab, c->hidden * n);
        if (!rc && put_slab(set, slab, rows, c0, n, transposed, buffer))
            rc = failed(o, path);
        o->done += (double)n;
        if (!rc && o->progress && o->progress(o->arg, o->done / o->total))
            rc = fdht_fail(o->err, FDHT_EINTR, "interrupted");
    }
    if (set >= 0 && H5Dclose(set) < 0 && !rc)
        rc = failed(o, path);
    fdht_free(slab);
    fdht_free(buffer);
    return rc;
}

static const float *param(const writer *o, int cell, const char *leaf)
{
    char name[64];
    snprintf(name, sizeof name, "cells/%d/%s", cell, leaf);
    const fdht_param *p = fdht_model_find(o->m, name);
    return p ? fdht_model_values_const(o->m) + p->offset : NULL;
}

/* The bias, or zeros: where one cell of a model has a bias, layouts want one for all. */
static int put_bias(writer *o, const char *path, int cell, bool zeros)
{
    size_t n = 4 * o->spec->cell[cell].hidden;
    const float *bias = zeros ? NULL : param(o, cell, "bias");
    float *none = bias ? NULL : fdht_calloc_err(n, sizeof *none, path, o->err);
    if (!bias && !none)
        return FDHT_ENOMEM;
    int rc = put_vector(o, path, bias ? bias : none, n);
    fdht_free(none);
    return rc;
}

/* A small dense matrix from memory. */
static int put_matrix(writer *o, const char *path, const float *v, size_t rows, size_t cols, bool transposed)
{
    double *slab = fdht_calloc_err(rows, cols * sizeof *slab, path, o->err);
    float *buffer = slab ? fdht_calloc_err(rows, cols * sizeof *buffer, path, o->err) : NULL;
    hid_t set = buffer ? make_set(o, path, transposed ? cols : rows, transposed ? rows : cols) : -1;
    int rc = !buffer ? FDHT_ENOMEM : set < 0 ? failed(o, path) : FDHT_OK;
    for (size_t i = 0; i < rows * cols && !rc; i++)
        slab[i] = v[i];
    if (!rc && put_slab(set, slab, rows, 0, cols, transposed, buffer))
        rc = failed(o, path);
    if (set >= 0 && H5Dclose(set) < 0 && !rc)
        rc = failed(o, path);
    fdht_free(slab);
    fdht_free(buffer);
    return rc;
}

/* The blocks b_r, b_z, b_n, b_q of a GRU as the two biases (3H) of PyTorch, input first, or as Keras' (2,3H), z first. */
static int put_gru_bias(writer *o, const char *path, int cell, int which, bool keras)
{
    size_t n = o->spec->cell[cell].hidden;
    const float *bias = param(o, cell, "bias");
    double *two = fdht_calloc_err(6 * n, sizeof *two, path, o->err);
    float *part = two ? fdht_calloc_err(6 * n, sizeof *part, path, o->err) : NULL;
    int rc = part ? FDHT_OK : FDHT_ENOMEM;
    for (size_t j = 0; bias && j < 3 * n && !rc; j++)
        two[j] = bias[j];
    for (size_t j = 0; bias && j < n && !rc; j++)
        two[5 * n + j] = bias[3 * n + j];
    if (keras && !rc)
        swap_gates(two, n);
    for (size_t j = 0; j < 6 * n && !rc; j++)
        part[j] = (float)two[j];
    if (!rc)
        rc = keras ? put_matrix(o, path, part, 2, 3 * n, false)
                   : put_vector(o, path, part + (size_t)which * 3 * n, 3 * n);
    fdht_free(two);
    fdht_free(part);
    return rc;
}

static int put_head(writer *o, const char *weight_path, const char *bias_path, bool transposed)
{
    const fdht_param *w = fdht_model_find(o->m, "classifier/weight"),
                     *b = fdht_model_find(o->m, "classifier/bias");
    const float *v = fdht_model_values_const(o->m);
    if (!w || !b)
        return FDHT_OK;
    int rc = put_matrix(o, weight_path, v + w->offset, w->dim[0], w->dim[1], transposed);
    return rc ? rc : put_vector(o, bias_path, v + b->offset, b->size);
}

static bool any_bias(const fdht_model_spec *s)
{
    bool any = false;
    for (int i = 0; i < s->layers * s->directions; i++)
        any |= s->cell[i].bias;
    return any;
}

/* --- PyTorch
 * --------------------------------------------------------------------------------------------------- */

/* Whether a layout holds the cells. `activation`: it says what g and h pass through, one function for both. */
static int check_cells(writer *o, const char *program, bool activation)
{
    const fdht_cell_spec *a = &o->spec->cell[0];
    for (int i = 0; i < o->spec->layers * o->spec->directions; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        if (c->recurrent != a->recurrent)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "LSTM and GRU layers in one model: %s weights of it are not written", program);
        bool plain = c->candidate == FDHT_TANH && c->output == FDHT_TANH;
        if (!plain && (!activation || (c->recurrent == FDHT_LSTM && c->candidate != c->output)))
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "%s weights cannot say that a cell has %s and %s in place of tanh", program,
                             fdht_activation_name(c->candidate), fdht_activation_name(c->output));
    }
    return FDHT_OK;
}

static int check_pytorch(writer *o)
{
    const fdht_cell_spec *a = &o->spec->cell[0];
    for (int i = 0; i < o->spec->layers * o->spec->directions; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        if (c->hidden != a->hidden || c->proj != a->proj)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "PyTorch's LSTM has one size for all layers: export --layout hdf5");
    }
    return FDHT_OK;
}

static int write_pytorch(writer *o)
{
    int rc = check_cells(o, "PyTorch", false), dirs = o->spec->directions;
    bool bias = any_bias(o->spec), gru = o->spec->cell[0].recurrent == FDHT_GRU;
    const char *module = fdht_recurrent_name(o->spec->cell[0].recurrent);
    if (!rc)
        rc = check_pytorch(o);
    for (int i = 0; i < o->spec->layers * dirs && !rc; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        char tail[32], path[NAME];
        snprintf(tail, sizeof tail, "_l%d%s", i / dirs, i % dirs ? "_reverse" : "");
        snprintf(path, sizeof path, "%s.weight_ih%s", module, tail);
        rc = put_map(o, path, i, false, false);
        snprintf(path, sizeof path, "%s.weight_hh%s", module, tail);
        if (!rc)
            rc = put_map(o, path, i, true, false);
        for (int b = 0; b < 2 && bias && !rc; b++) { /* the sum, then zeros */
            snprintf(path, sizeof path, "%s.bias_%s%s", module, b ? "hh" : "ih", tail);
            rc = gru ? put_gru_bias(o, path, i, b, false) : put_bias(o, path, i, b);
        }
        snprintf(path, sizeof path, "%s.weight_hr%s", module, tail);
        if (!rc && c->proj)
            rc = put_matrix(o, path, param(o, i, "projection"), c->proj, c->hidden, false);
    }
    return rc ? rc : put_head(o, "fc.weight", "fc.bias", false);
}

/* --- plain
 * ----------------------------------------------------------------------------------------------------- */

static int write_plain(writer *o)
{
    int rc = check_cells(o, "plain", false), dirs = o->spec->directions;
    if (!rc && o->spec->cell[0].recurrent != FDHT_LSTM)
        rc = fdht_fail(o->err, FDHT_ENOSUP,
                       "plain weights hold LSTM layers alone: export as keras or pytorch");
    if (!rc)
        rc = put_text(o, "/", "format", "fdht-dense");
    if (!rc)
        rc = put_text(o, "/", "gates", "ifgo");
    if (!rc)
        rc = put_text(o, "/", "creator", fdht_version());
    for (int i = 0; i < o->spec->layers * dirs && !rc; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        char group[64], path[NAME];
        snprintf(group, sizeof group, "/lstm/l%d%s", i / dirs, i % dirs ? "_reverse" : "");
        snprintf(path, sizeof path, "%s/W_ih", group);
        rc = put_map(o, path, i, false, false);
        snprintf(path, sizeof path, "%s/W_hh", group);
        if (!rc)
            rc = put_map(o, path, i, true, false);
        snprintf(path, sizeof path, "%s/bias", group);
        if (!rc && c->bias)
            rc = put_bias(o, path, i, false);
        snprintf(path, sizeof path, "%s/W_hr", group);
        if (!rc && c->proj)
            rc = put_matrix(o, path, param(o, i, "projection"), c->proj, c->hidden, false);
        if (!rc)
            rc = put_text(o, group, "recurrent_activation", fdht_activation_name(c->activation));
    }
    return rc ? rc : put_head(o, "/head/weight", "/head/bias", false);
}

/* --- Keras 2
 * --------------------------------------------------------------------------------------------------- */

/* "lstm", "lstm_1", .. or "gru", ..: Keras' own numbering. */
static void keras_name(const writer *o, int layer, char name[64])
{
    const char *stem =
        o->spec->directions == 2 ? "bidirectional" : fdht_recurrent_name(o->spec->cell[0].recurrent);
    if (layer)
        snprintf(name, 64, "%s_%d", stem, layer);
    else
        snprintf(name, 64, "%s", stem);
}

static cJSON *add_layer(cJSON *layers, const char *class, const char *name)
{
    cJSON *layer = cJSON_CreateObject(), *config;
    cJSON_AddItemToArray(layers, layer);
    cJSON_AddStringToObject(layer, "class_name", class);
    config = cJSON_AddObjectToObject(layer, "config");
    cJSON_AddStringToObject(config, "name", name);
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

static void add_lstm_config(const writer *o, cJSON *layers, int i)
{
    const fdht_model_spec *s = o->spec;
    const fdht_cell_spec *c = &s->cell[i * s->directions];
    /* tf.keras' hard_sigmoid is clip(0.2x + 0.5); Keras 3, by its version, reads the same name as clip(x/6 +
     * 0.5) */
    const char *sigma =
        c->activation == FDHT_HARD_SIGMOID3 ? "hard_sigmoid" : fdht_activation_name(c->activation);
    bool gru = c->recurrent == FDHT_GRU;
    const char *class = gru ? "GRU" : "LSTM";
    bool sequences = i + 1 < s->layers || s->pool == FDHT_POOL_MEAN;
    char name[64];
    keras_name(o, i, name);
    cJSON *config = add_layer(layers, s->directions == 2 ? "Bidirectional" : class, name), *outer = config;
    if (!i)
        add_shape(outer, c->inputs);
    if (s->directions == 2) {
        cJSON_AddStringToObject(outer, "merge_mode", "concat");
        cJSON *layer = cJSON_AddObjectToObject(outer, "layer");
        cJSON_AddStringToObject(layer, "class_name", class);
        config = cJSON_AddObjectToObject(layer, "config");
        cJSON_AddStringToObject(config, "name", fdht_recurrent_name(c->recurrent));
    }
    cJSON_AddNumberToObject(config, "units", (double)c->hidden);
    cJSON_AddStringToObject(config, "activation", fdht_activation_name(c->candidate));
    cJSON_AddStringToObject(config, "recurrent_activation", sigma);
    cJSON_AddBoolToObject(config, "use_bias", any_bias(s));
    cJSON_AddBoolToObject(config, "return_sequences", sequences);
    cJSON_AddBoolToObject(config, "go_backwards", false);
    if (gru)
        cJSON_AddBoolToObject(config, "reset_after", true);
    cJSON_AddNumberToObject(config, "implementation", 2);
}

static int put_config(writer *o, const char *version)
{
    const fdht_model_spec *s = o->spec;
    cJSON *root = cJSON_CreateObject(), *config, *layers;
    cJSON_AddStringToObject(root, "class_name", "Sequential");
    config = cJSON_AddObjectToObject(root, "config");
    cJSON_AddStringToObject(config, "name", "sequential");
    layers = cJSON_AddArrayToObject(config, "layers");
    for (int i = 0; i < s->layers; i++)
        add_lstm_config(o, layers, i);
    if (s->pool == FDHT_POOL_MEAN)
        add_layer(layers, "GlobalAveragePooling1D", "global_average_pooling1d");
    if (s->classes) {
        cJSON *dense = add_layer(layers, "Dense", "dense");
        cJSON_AddNumberToObject(dense, "units", (double)s->classes);
        cJSON_AddStringToObject(dense, "activation", "softmax");
        cJSON_AddBoolToObject(dense, "use_bias", true);
    }
    char *text = cJSON_PrintUnformatted(root);
    cJSON_Delete(root);
    int rc = text ? put_text(o, "/", "model_config", text)
                  : fdht_fail(o->err, FDHT_ENOMEM, "out of memory: model_config");
    cJSON_free(text);
    if (!rc)
        rc = put_text(o, "/", "keras_version", version);
    return rc ? rc : put_text(o, "/", "backend", "tensorflow");
}

static int put_keras_layer(writer *o, int layer, const char *name)
{
    int dirs = o->spec->directions, rc = FDHT_OK;
    bool bias = any_bias(o->spec), gru = o->spec->cell[0].recurrent == FDHT_GRU;
    const char *cell = fdht_recurrent_name(o->spec->cell[0].recurrent);
    char names[6][NAME], path[2 * NAME], group[NAME];
    const char *list[6];
    size_t n = 0;
    snprintf(group, sizeof group, "/model_weights/%s", name);
    for (int d = 0; d < dirs && !rc; d++) {
        static const char *const leaf[] = {"kernel:0", "recurrent_kernel:0", "bias:0"};
        char side[32] = "";
        if (dirs == 2)
            snprintf(side, sizeof side, "%s_%s/", d ? "backward" : "forward", cell);
        for (int k = 0; k < 2 + bias && !rc; k++) {
            snprintf(names[n], NAME, "%s/%s%s_cell/%s", name, side, cell, leaf[k]);
            snprintf(path, sizeof path, "%s/%s", group, names[n]);
            list[n] = names[n];
            n++;
            rc = k == 2 ? gru ? put_gru_bias(o, path, layer * dirs + d, 0, true)
                              : put_bias(o, path, layer * dirs + d, false)
                        : put_map(o, path, layer * dirs + d, k == 1, true);
        }
    }
    return rc ? rc : put_strings(o, group, "weight_names", list, n, false);
}

static int put_keras_head(writer *o)
{
    static const char *const names[] = {"dense/kernel:0", "dense/bias:0"};
    int rc = put_head(o, "/model_weights/dense/dense/kernel:0", "/model_weights/dense/dense/bias:0", true);
    return rc ? rc : put_strings(o, "/model_weights/dense", "weight_names", names, 2, false);
}

static int write_keras(writer *o)
{
    const fdht_model_spec *s = o->spec;
    fdht_activation a = s->cell[0].activation;
    for (int i = 0; i < s->layers * s->directions; i++)
        if (s->cell[i].proj || s->cell[i].hidden != s->cell[i - i % s->directions].hidden)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "Keras' LSTM has no projection: export --layout pytorch or hdf5");
        else if (s->cell[i].activation != a)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "layers of different recurrent activations: export --layout hdf5");
    int rc = check_cells(o, "Keras", true);
    if (rc)
        return rc;
    size_t n = (size_t)s->layers, most = n + 2;
    char(*names)[64] = fdht_calloc_err(most, sizeof *names, "layer names", o->err);
    const char **list = names ? fdht_calloc_err(most, sizeof *list, "layer names", o->err) : NULL;
    rc = list ? put_config(o, a == FDHT_HARD_SIGMOID3 ? "3.0.0" : "2.11.0") : FDHT_ENOMEM;
    if (!rc)
        rc = make_group(o, "/model_weights");
    for (int i = 0; i < s->layers && !rc; i++) {
        keras_name(o, i, names[i]);
        rc = put_keras_layer(o, i, names[i]);
    }
    if (!rc && s->pool == FDHT_POOL_MEAN) {
        snprintf(names[n++], sizeof *names, "global_average_pooling1d");
        rc = make_group(o, "/model_weights/global_average_pooling1d");
        if (!rc)
            rc = put_strings(o, "/model_weights/global_average_pooling1d", "weight_names", NULL, 0, false);
    }
    if (!rc && s->classes) {
        snprintf(names[n++], sizeof *names, "dense");
        rc = put_keras_head(o);
    }
    for (size_t i = 0; i < n && !rc; i++)
        list[i] = names[i];
    if (!rc)
        rc = put_strings(o, "/model_weights", "layer_names", list, n, false);
    fdht_free(list);
    fdht_free(names);
    return rc;
}

/* ---------------------------------------------------------------------------------------------------------------
 */

static int write_file(writer *o, const char *temp)
{
    int rc;
    H5E_BEGIN_TRY
    {
        o->file = H5Fcreate(temp, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
        if (o->file < 0)
            rc = fdht_fail(o->err, FDHT_EIO, "cannot be created");
        else
            rc = o->layout == FDHT_LAYOUT_KERAS2    ? write_keras(o)
                 : o->layout == FDHT_LAYOUT_PYTORCH ? write_pytorch(o)
                                                    : write_plain(o);
        if (o->file >= 0 && H5Fclose(o->file) < 0 && !rc)
            rc = fdht_fail(o->err, FDHT_EIO, "cannot be written to the end");
    }
    H5E_END_TRY
    return rc;
}

int fdht_weights_write(const fdht_model *m, fdht_layout layout, const char *path, const fdht_out_options *opt,
                       int (*progress)(void *arg, double fraction), void *arg, fdht_error *err)
{
    if (layout != FDHT_LAYOUT_KERAS2 && layout != FDHT_LAYOUT_PYTORCH && layout != FDHT_LAYOUT_PLAIN)
        return fdht_fail(err, FDHT_EINVAL, "layout %s cannot be written: expected keras, pytorch or hdf5",
                         fdht_layout_name(layout));
    fdht_out *out = NULL;
    int rc = fdht_out_open(path, true, opt, &out, err);
    if (rc)
        return rc;
    writer o = {.m = m,
                .spec = fdht_model_spec_of(m),
                .layout = layout,
                .file = -1,
                .progress = progress,
                .arg = arg,
                .err = err};
    for (int i = 0; i < o.spec->layers * o.spec->directions; i++) {
        const fdht_cell_spec *c = &o.spec->cell[i];
        o.total += (double)c->inputs + (double)(c->proj ? c->proj : c->hidden);
    }
    rc = write_file(&o, fdht_out_temp(out));
    if (rc) {
        fdht_out_discard(out);
        return rc == FDHT_EINTR ? rc : fdht_fail_prefix(err, rc, "%s", path);
    }
    return fdht_out_commit(out, err);
}
