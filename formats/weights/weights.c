/* weights/weights.c - opening a weights file: the table of layouts, what was found, which layers chain, which are
 * meant. */
#include <stdio.h>
#include <string.h>

#include "arrays/onnx.h"
#include "weights/topology.h"

static const char *const layout_name[FDHT_LAYOUTS] = {
    [FDHT_LAYOUT_AUTO] = "auto",   [FDHT_LAYOUT_KERAS1] = "keras1", [FDHT_LAYOUT_KERAS2] = "keras2",
    [FDHT_LAYOUT_CUDNN] = "cudnn", [FDHT_LAYOUT_KERAS3] = "keras3", [FDHT_LAYOUT_PYTORCH] = "pytorch",
    [FDHT_LAYOUT_ONNX] = "onnx",   [FDHT_LAYOUT_PLAIN] = "plain",
};

/* One row a reader; `only` are the layouts that ask for it. */
static const struct {
    unsigned only;
    int (*scan)(fdht_weights *w, fdht_error *err);
} reader[] = {
#define ONLY(l) (1u << FDHT_LAYOUT_##l)
    {ONLY(KERAS1) | ONLY(KERAS2) | ONLY(CUDNN), fdht_w_scan_keras2},
    {ONLY(KERAS2) | ONLY(KERAS3), fdht_w_scan_keras3},
    {ONLY(PYTORCH), fdht_w_scan_pytorch},
    {ONLY(ONNX), fdht_w_scan_onnx},
    {ONLY(PLAIN), fdht_w_scan_plain},
#undef ONLY
};

const char *fdht_layout_name(fdht_layout layout)
{
    return (unsigned)layout < FDHT_LAYOUTS ? layout_name[layout] : "unknown";
}

int fdht_layout_parse(const char *name, fdht_layout *out, fdht_error *err)
{
    for (int l = 0; l < FDHT_LAYOUTS; l++)
        if (!strcmp(name, layout_name[l])) {
            *out = (fdht_layout)l;
            return FDHT_OK;
        }
    if (!strcmp(name, "keras"))
        *out = FDHT_LAYOUT_KERAS2;
    else if (!strcmp(name, "hdf5"))
        *out = FDHT_LAYOUT_PLAIN;
    else
        return fdht_fail(
            err, FDHT_EINVAL,
            "layout \"%s\": expected auto, keras, keras1, keras2, cudnn, keras3, pytorch, onnx, plain or "
            "hdf5",
            name);
    return FDHT_OK;
}

/* --- the network --- */

/* LSTMs in the order they run, where one chain has them all. */
static int order_lstms(fdht_weights *w, const int *order, fdht_error *err)
{
    size_t n = (size_t)w->n_lstm;
    fdht_weights_lstm *lstm = fdht_calloc_err(n, sizeof *lstm, "weights", err);
    fdht_wlstm *bound = lstm ? fdht_calloc_err(n, sizeof *bound, "weights", err) : NULL;
    if (bound) {
        for (size_t i = 0; i < n; i++)
            lstm[i] = w->lstm[order[i]], bound[i] = w->bound[order[i]];
        memcpy(w->lstm, lstm, n * sizeof *lstm);
        memcpy(w->bound, bound, n * sizeof *bound);
        for (int k = 0; k < w->graph->n; k++)
            for (int i = 0; i < w->n_lstm; i++)
                if (w->graph->node[k].use.lstm == order[i]) {
                    w->graph->node[k].use.lstm = i;
                    break;
                }
    }
    fdht_free(lstm);
    fdht_free(bound);
    return bound ? FDHT_OK : FDHT_ENOMEM;
}

static int find_topology(fdht_weights *w, fdht_error *err)
{
    fdht_weights_chain *c = NULL;
    w->graph = fdht_calloc_err(1, sizeof *w->graph, "weights", err);
    int rc = w->graph ? fdht_w_graph_keras(w, w->graph, err) : FDHT_ENOMEM;
    if (!rc && !w->graph->n)
        rc = fdht_w_graph_onnx(w, w->graph, err);
    w->described = !rc && w->graph->n > 0;
    if (!rc && !w->described)
        rc = fdht_w_graph_guess(w, w->graph, err);
    if (!rc)
        fdht_w_count_readers(w->graph);
    for (int i = 0; !rc && w->described && !w->arrays && i < w->graph->n;
         i++) /* what nothing reads is an output */
        w->graph->node[i].is_output |=
            !w->graph->node[i].readers && w->graph->node[i].kind != FDHT_WNODE_INPUT;
    int *order = rc ? NULL : fdht_calloc_err((size_t)w->n_lstm, sizeof *order, "weights", err);
    if (!rc && !order)
        rc = FDHT_ENOMEM;
    if (!rc) {
        int n = fdht_w_chain_order(w, order, w->n_lstm, err);
        w->info.stack = n == w->n_lstm;
        rc = n < 0 ? n : w->info.stack ? order_lstms(w, order, err) : FDHT_OK;
    }
    fdht_free(order);
    if (rc || !w->info.stack)
        return rc;
    /* a head that is not there is the selection's error, not the file's */
    rc = fdht_weights_chain_of(w, 0, w->n_lstm, &c, NULL);
    if (rc)
        return rc == FDHT_ENOMEM ? fdht_fail(err, rc, "out of memory: chain") : FDHT_OK;
    w->info.classes = c->classes;
    for (int i = 0; i < c->n_links; i++)
        if (c->head == c->link[i].name) {
            w->info.head = fdht_w_text(w, err, "%s", c->head);
            w->info.head_bias = ((fdht_wchain *)c)->use[i].bias.gates > 0;
            rc = w->info.head ? FDHT_OK : FDHT_ENOMEM;
        }
    fdht_weights_chain_free(c);
    return rc;
}

/* Where the activation of a Keras layer comes from. */
static int explain_activations(fdht_weights *w, fdht_error *err)
{
    for (int i = 0; i < w->n_lstm; i++) {
        fdht_weights_lstm *l = &w->lstm[i];
        if (l->layout > FDHT_LAYOUT_KERAS3)
            continue;
        bool known = l->activation != FDHT_ACTIVATION_UNKNOWN;
        const char *word =
            l->layout == FDHT_LAYOUT_CUDNN ? "CuDNN's gates are sigmoid"
            : known                        ? "recurrent activation from model_config"
            : l->layout == FDHT_LAYOUT_KERAS1
                ? "no model_config: recurrent activation not recorded (Keras 1's default was hard_sigmoid)"
                : "no model_config: recurrent activation not recorded";
        l->why = fdht_w_text(w, err, "%s; %s", l->why, word);
        if (!l->why)
            return FDHT_ENOMEM;
    }
    return FDHT_OK;
}

/* --- opening
 * --------------------------------------------------------------------------------------------------- */

static int parse_order(fdht_weights *w, const char *text, fdht_error *err)
{
    unsigned seen = 0;
    for (int i = 0; text[i]; i++) {
        const char *at = strchr("ifgo", text[i] == 'c' ? 'g' : text[i]);
        if (i == 4 || !at || seen & 1u << (at - "ifgo"))
            seen = 0xff;
        else
            seen |= 1u << (at - "ifgo"), w->order[i] = *at;
        if (seen == 0xff)
            break;
    }
    if (seen != 0xf)
        return fdht_fail(err, FDHT_EINVAL, "gate order \"%s\": expected each of i, f, o and g (or c) once",
                         text);
    return FDHT_OK;
}

/* The other recurrent layers, by what their names or classes are called in files. */
static const char *other_recurrent(fdht_weights *w)
{
    static const struct {
        const char *word, *class, *is;
    } kinds[] = {{"conv_lstm", "\"ConvLSTM", "a convolutional LSTM (ConvLSTM)"},
                 {"convlstm", "\"ConvLSTM", "a convolutional LSTM (ConvLSTM)"},
                 {"gru", "GRU\"", "a GRU"},
                 {"simple_rnn", "\"SimpleRNN\"", "a simple RNN"},
                 {"simplernn", "\"SimpleRNN\"", "a simple RNN"}};
    for (size_t k = 0; k < FDHT_COUNT(kinds); k++) {
        if (w->config && strstr(w->config, kinds[k].class))
            return fdht_w_text(w, NULL, "the model has %s", kinds[k].is);
        for (int i = 0; i < w->n_sets; i++)
            if (strcasestr(w->set[i].path, kinds[k].word))
                return fdht_w_text(w, NULL, "%s belongs to %s", w->set[i].path, kinds[k].is);
    }
    const fdht_onnx_graph *g = w->arrays ? fdht_arrays_graph(w->arrays) : NULL;
    for (size_t i = 0; g && i < g->n_nodes; i++)
        if (!strcmp(g->node[i].op, "RNN"))
            return fdht_w_text(w, NULL, "node %.80s is a simple RNN", g->node[i].name);
    for (int i = 0; i < w->n_sets; i++) { /* PyTorch's names */
        const fdht_wset *s = &w->set[i];
        size_t n = s->rank == 2 && s->dim[1] && strstr(s->path, "weight_hh") ? s->dim[0] / s->dim[1] : 0;
        if ((n == 1 || n == 3) && s->dim[0] % s->dim[1] == 0)
            return fdht_w_text(w, NULL, "%s belongs to %s", s->path, n == 3 ? "a GRU" : "a simple RNN");
    }
    return NULL;
}

static int scan_all(fdht_weights *w, fdht_error *err)
{
    fdht_layout only = w->opt.layout;
    bool described = w->arrays && fdht_arrays_graph(w->arrays);
    for (size_t r = 0; r < FDHT_COUNT(reader); r++) {
        if (only != FDHT_LAYOUT_AUTO && !(reader[r].only & 1u << only))
            continue;
        if (described && !(reader[r].only & 1u << FDHT_LAYOUT_ONNX))
            continue;
        w->n_dense = w->n_norm = w->n_layer = 0;
        int rc = reader[r].scan(w, err);
        if (rc)
            return rc;
        if (w->n_lstm)
            return FDHT_OK;
    }
    char *format = fdht_w_attr_string(w, "/", "format");
    bool model = format && !strcmp(format, "fdht-model");
    fdht_free(format);
    if (model)
        return fdht_fail(err, FDHT_EFORMAT,
                         "an fdht model, not dense weights: fdht export makes weights of it");
    const char *other = only == FDHT_LAYOUT_AUTO ? other_recurrent(w) : NULL;
    if (other)
        return fdht_fail(err, FDHT_EFORMAT, "no LSTM: %s, which is not read", other);
    if (w->arrays && fdht_arrays_kind(w->arrays) == FDHT_FILE_NPZ && fdht_w_find(w, "/arr_0") >= 0)
        return fdht_fail(err, FDHT_EFORMAT,
                         "arrays that have numbers and no names, as of Keras' get_weights(): "
                         "model.save('model.keras') keeps what they are");
    if (only != FDHT_LAYOUT_AUTO)
        return fdht_fail(err, FDHT_EFORMAT, "no LSTM in layout %s among its %d data sets",
                         fdht_layout_name(only), w->n_sets);
    return fdht_fail(err, FDHT_EFORMAT,
                     "no LSTM in the layout of Keras, PyTorch or ONNX among its %d data sets", w->n_sets);
}

int fdht_weights_open(const char *path, const fdht_weights_options *opt, fdht_weights **out, fdht_error *err)
{
    int rc;
    fdht_weights *w = fdht_calloc_err(1, sizeof *w, "weights", err);
    if (!w)
        return FDHT_ENOMEM;
    w->id = -1;
    if (opt)
        w->opt = *opt;
    w->file = fdht_strdup(path);
    if (!w->file) {
        rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: weights");
        goto out;
    }
    rc = w->opt.gate_order ? parse_order(w, w->opt.gate_order, err) : FDHT_OK;
    if (rc)
        goto out;
    rc = fdht_w_file_open(w, path, err);
    if (!rc)
        rc = scan_all(w, err);
    if ((rc = fdht_h5_end(rc, err))) {
        fdht_fail_prefix(err, rc, "%s", path);
        goto out;
    }
    for (int i = 0; i < w->n_lstm; i++) { /* Keras and ONNX call g c, and n h */
        char *g = strchr(w->lstm[i].gate_order, 'g');
        if (!g)
            g = strchr(w->lstm[i].gate_order, 'n');
        if (g && w->lstm[i].layout != FDHT_LAYOUT_PYTORCH && w->lstm[i].layout != FDHT_LAYOUT_PLAIN)
            *g = *g == 'g' ? 'c' : 'h';
    }
    rc = find_topology(w, err);
    if (!rc)
        rc = explain_activations(w, err);
    if ((rc = fdht_h5_end(rc, err))) {
        fdht_fail_prefix(err, rc, "%s", path);
        goto out;
    }
    w->info.n_lstm = w->n_lstm;
    w->info.lstm = w->lstm;
    *out = w;
    w = NULL;
out:
    fdht_weights_close(w);
    return rc;
}

void fdht_weights_close(fdht_weights *w)
{
    if (!w)
        return;
    for (int i = 0; i < w->n_sets; i++) {
        if (w->set[i].numbers)
            fdht_h5_close_array(w->set[i].numbers);
        fdht_free(w->set[i].numbers);
        fdht_free(w->set[i].path);
    }
    if (w->id >= 0)
        H5Fclose(w->id);
    for (int i = 0; i < w->n_strings; i++)
        fdht_free(w->string[i]);
    fdht_free(w->string);
    fdht_free(w->set);
    fdht_free(w->lstm);
    fdht_free(w->bound);
    fdht_free(w->dense);
    fdht_free(w->norm);
    fdht_free(w->layer);
    fdht_free(w->config);
    fdht_free(w->config_version);
    fdht_arrays_close(w->arrays);
    fdht_w_graph_free(w->graph);
    fdht_free(w->file);
    fdht_free(w);
}

const fdht_weights_info *fdht_weights_info_of(const fdht_weights *w)
{
    return &w->info;
}

/* --- choosing
 * -------------------------------------------------------------------------------------------------- */

static int fail_names(const fdht_weights *w, const char *what, fdht_error *err)
{
    char names[192];
    size_t at = 0;
    names[0] = 0;
    for (int i = 0; i < w->n_lstm && at < sizeof names; i++)
        at += (size_t)snprintf(names + at, sizeof names - at, "%s%s", i ? ", " : "", w->lstm[i].name);
    if (at >= sizeof names)
        memcpy(names + sizeof names - 5, ", ..", 5);
    return fdht_fail(err, FDHT_EINVAL, "%s; the file has: %s", what, names);
}

/* `name` is all of `full` or what stands after a '/' or '.' in it. */
static bool ends_with(const char *full, const char *name)
{
    size_t n = strlen(full), m = strlen(name);
    return m && m <= n && !strcmp(full + n - m, name) &&
           (m == n || full[n - m - 1] == '/' || full[n - m - 1] == '.');
}

int fdht_weights_select(const fdht_weights *w, const char *layer, int *first, int *count, fdht_error *err)
{
    int a = -1, b = -1, matches = 0;
    if (!layer) {
        for (int i = 0; i < w->n_lstm; i++) /* before it is called no stack */
            if (w->bound[i].unsupported)
                return fdht_fail(err, FDHT_EFORMAT, "%s: %s: %s", w->file, w->lstm[i].path,
                                 w->bound[i].unsupported);
        if (!w->info.stack)
            return fail_names(w, "several LSTMs that do not chain: choose one with --layer", err);
        a = 0, b = matches = w->n_lstm;
    }
    /* whole names first, then modules, then ends of names */
    for (int how = 0; how < 3 && !matches; how++)
        for (int i = 0; i < w->n_lstm; i++) {
            const char *module = w->bound[i].module;
            bool hit = how == 0   ? !strcmp(w->lstm[i].name, layer) || !strcmp(w->lstm[i].path, layer)
                       : how == 1 ? *module && (!strcmp(module, layer) || ends_with(module, layer))
                                  : ends_with(w->lstm[i].name, layer);
            if (!hit)
                continue;
            a = matches ? a : i;
            b = i + 1;
            matches++;
        }
    char what[200];
    if (!matches) {
        snprintf(what, sizeof what, "no LSTM named \"%.80s\"", layer);
        return fail_names(w, what, err);
    }
    for (int i = a; i < b; i++)
        if (w->bound[i].unsupported)
            return fdht_fail(err, FDHT_EFORMAT, "%s: %s: %s", w->file, w->lstm[i].path,
                             w->bound[i].unsupported);
    bool stack = false;
    int rc = matches == b - a ? fdht_w_is_stack(w, a, b - a, &stack, err) : FDHT_OK;
    if (rc)
        return rc;
    if (!stack) {
        snprintf(what, sizeof what, "\"%.80s\" names %d LSTMs that do not chain", layer, matches);
        return fail_names(w, what, err);
    }
    *first = a;
    *count = b - a;
    return FDHT_OK;
}
