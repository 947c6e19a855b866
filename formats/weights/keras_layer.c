/* weights/keras_layer.c - what a layer of Keras' description computes, by its class: a link, nothing at all, or
 * something that is not read. */
#include "weights/keras_layer.h"

#include <stdio.h>
#include <string.h>

enum { MOST = 1000000000 }; /* of a size that a description gives */

/* One layer being read: its own class and config, without wrappers. */
typedef struct layer {
    fdht_wkeras *s;
    const fdht_wplace *place;
    const char *class;
    const cJSON *config;
    bool each; /* inside TimeDistributed: applied to every step */
    int at;
} layer;

static int other(layer *l, const char *fmt, const char *word)
{
    fdht_wnode *n = &l->s->g->node[l->at];
    n->kind = FDHT_WNODE_OTHER;
    n->why = fdht_w_text(l->s->w, l->s->err, fmt, word);
    return n->why ? FDHT_OK : FDHT_ENOMEM;
}

static int is_link(layer *l, fdht_wlink use)
{
    fdht_wnode *n = &l->s->g->node[l->at];
    n->kind = FDHT_WNODE_LINK;
    n->use = use;
    snprintf(n->use.link.name, sizeof n->use.link.name, "%s", n->name);
    return FDHT_OK;
}

static int is_skip(layer *l)
{
    l->s->g->node[l->at].kind = FDHT_WNODE_SKIP;
    return FDHT_OK;
}

int fdht_w_keras_assume(fdht_wkeras *s, const char *name, const char *what)
{
    if (!s->assumed)
        s->assumed = fdht_w_text(s->w, s->err, "%s: %s", name, what);
    return s->assumed ? FDHT_OK : FDHT_ENOMEM;
}

/* --- finding weights --- */

/* `part` is a component of the path `key`. */
static bool has_component(const char *key, const char *part)
{
    size_t n = strlen(part);
    for (const char *p = key; p && *p; p = strchr(p, '/'), p = p ? p + 1 : NULL)
        if (!strncmp(p, part, n) && (p[n] == '/' || !p[n]))
            return true;
    return false;
}

static bool is_here(const layer *l, const char *name, const char *of, const char *key)
{
    const fdht_wplace *p = l->place;
    if (l->s->by_path)
        return !strcmp(name, p->path);
    if (!of || strcmp(of, p->outer ? p->outer : p->name) != 0)
        return false;
    return !p->outer || has_component(key, p->name);
}

static int find_lstm(const layer *l)
{
    const fdht_weights *w = l->s->w;
    for (int i = 0; i < w->n_lstm; i++)
        if (is_here(l, w->lstm[i].name, w->bound[i].layer, w->bound[i].key))
            return i;
    return -1;
}

static int find_dense(const layer *l)
{
    const fdht_weights *w = l->s->w;
    for (int i = 0; i < w->n_dense; i++)
        if (is_here(l, w->dense[i].name, w->dense[i].layer, w->dense[i].key))
            return i;
    return -1;
}

static int find_norm(const layer *l)
{
    const fdht_weights *w = l->s->w;
    for (int i = 0; i < w->n_norm; i++)
        if (is_here(l, w->norm[i].name, w->norm[i].layer, w->norm[i].key))
            return i;
    return -1;
}

/* --- layers without weights --- */

static int skip(layer *l)
{
    return is_skip(l);
}

static int input(layer *l)
{
    l->s->g->node[l->at].kind = FDHT_WNODE_INPUT;
    return FDHT_OK;
}

static int masking(layer *l)
{
    is_skip(l);
    return fdht_w_keras_assume(l->s, l->s->g->node[l->at].name, "no step of a clip is masked");
}

static int flatten(layer *l)
{
    is_skip(l);
    l->s->g->node[l->at].use.flat = !l->each;
    return FDHT_OK;
}

static int reshape(layer *l)
{
    const cJSON *shape = fdht_w_json_get(l->config, "target_shape");
    int rank = cJSON_GetArraySize(shape);
    const cJSON *last = rank ? cJSON_GetArrayItem(shape, rank - 1) : NULL;
    const cJSON *first = rank ? cJSON_GetArrayItem(shape, 0) : NULL;
    if (l->each || !last || !first || !cJSON_IsNumber(last) || !cJSON_IsNumber(first) || rank > 2 ||
        last->valuedouble > MOST)
        return other(l, "%s is not read", l->class);
    is_skip(l);
    fdht_wnode *n = &l->s->g->node[l->at];
    n->use.flat = rank == 1;
    n->use.link.outputs = last->valuedouble >= 1 ? (size_t)last->valuedouble : 0;
    n->use.link.steps = rank == 2 && first->valuedouble == 1;
    if (rank == 2 && !n->use.link.outputs)
        return other(l, "%s is not read", l->class);
    return FDHT_OK;
}

static int activate(layer *l, const char *name)
{
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_ACTIVATION}};
    if (!fdht_w_keras_activation(name, l->s->major, &use.link.activation))
        return other(l, "activation \"%.40s\" is not read", name);
    return use.link.activation == FDHT_LINEAR ? is_skip(l) : is_link(l, use);
}

static int activation(layer *l)
{
    return activate(l, fdht_w_json_activation(l->config, "activation", "linear"));
}

static int relu(layer *l)
{
    const cJSON *most = fdht_w_json_get(l->config, "max_value");
    if (cJSON_IsNumber(most) || fdht_w_json_number(l->config, "negative_slope", 0) != 0 ||
        fdht_w_json_number(l->config, "threshold", 0) != 0)
        return other(l, "%s with a limit or a slope is not read", l->class);
    return activate(l, "relu");
}

static int softmax(layer *l)
{
    if (fdht_w_json_number(l->config, "axis", -1) != -1)
        return other(l, "%s over another axis than the last is not read", l->class);
    return activate(l, "softmax");
}

static int elu(layer *l)
{
    if (fdht_w_json_number(l->config, "alpha", 1) != 1)
        return other(l, "%s with another alpha than 1 is not read", l->class);
    return activate(l, "elu");
}

static int pool(layer *l)
{
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_MEAN}};
    if (strstr(l->class, "Max"))
        use.link.pool = FDHT_POOL_MAX;
    if (!strcmp(fdht_w_json_text(l->config, "data_format", ""), "channels_first"))
        return other(l, "%s over the features is not read", l->class);
    if (fdht_w_json_bool(l->config, "keepdims", false))
        return other(l, "%s with keepdims is not read", l->class);
    return l->each ? other(l, "%s in TimeDistributed is not read", l->class) : is_link(l, use);
}

static int repeat(layer *l)
{
    double n = fdht_w_json_number(l->config, "n", 0);
    fdht_wlink use = {.lstm = -1, .link = {.kind = FDHT_LINK_REPEAT}};
    if (!(n >= 1 && n <= MOST) || l->each)
        return other(l, "%s without a number is not read", l->class);
    use.link.steps = (size_t)n;
    return is_link(l, use);
}

/* --- layers with weights --- */

static int dense(layer *l)
{
    int d = find_dense(l);
    const char *name = fdht_w_json_activation(l->config, "activation", "linear");
    if (d < 0)
        return other(l, "%s without weights in the file", l->class);
    fdht_wlink use = fdht_w_dense_link(l->s->w, d);
    if (!fdht_w_keras_activation(name, l->s->major, &use.link.activation))
        return other(l, "activation \"%.40s\" is not read", name);
    double units = fdht_w_json_number(l->config, "units", fdht_w_json_number(l->config, "output_dim", 0));
    if (units != 0 && units != (double)use.link.outputs)
        return fdht_fail(l->s->err, FDHT_EFORMAT, "%s: %g units, but its weights have %zu",
                         l->s->g->node[l->at].name, units, use.link.outputs);
    return is_link(l, use);
}

/* The axis of a normalization, -1 for the features: the number, or Keras 2's list of one. */
static int axis_of(const layer *l)
{
    const cJSON *axis = fdht_w_json_get(l->config, "axis");
    if (cJSON_IsArray(axis))
        axis = cJSON_GetArraySize(axis) == 1 ? cJSON_GetArrayItem(axis, 0) : NULL;
    else if (!axis)
        return -1;
    return axis && cJSON_IsNumber(axis) ? axis->valueint : 0;
}

static int norm(layer *l)
{
    bool moving = !strcmp(l->class, "BatchNormalization");
    int at = find_norm(l);
    fdht_wlink use = {.lstm = -1};
    if (fdht_w_json_number(l->config, "mode", 0) != 0 || fdht_w_json_bool(l->config, "rms_scaling", false))
        return other(l, "%s in another mode is not read", l->class);
    bool scale = fdht_w_json_bool(l->config, "scale", true),
         center = fdht_w_json_bool(l->config, "center", true);
    if (at >= 0 ? !fdht_w_norm_link(l->s->w, at, scale, center, moving, &use) : moving || scale || center)
        return other(l, "%s without its weights in the file", l->class);
    use.link.kind = moving ? FDHT_LINK_NORM : FDHT_LINK_LAYER_NORM;
    use.link.epsilon = fdht_w_json_number(l->config, "epsilon", 1e-3);
    use.axis = axis_of(l);
    if (l->each)
        use.axis = use.axis == -1 || use.axis == 1 || use.axis == 2 ? -1 : 0;
    return use.axis ? is_link(l, use) : other(l, "%s over another axis is not read", l->class);
}

/* What a cell of this config uses; false and the reason: something that is not read. */
static bool cell_activations(const layer *l, const cJSON *config, fdht_weights_lstm *to, char *why,
                             size_t size)
{
    const char *gate = fdht_w_json_activation(config, "recurrent_activation", NULL);
    const char *state = fdht_w_json_activation(config, "activation", "tanh");
    fdht_activation a = FDHT_SIGMOID;
    gate = gate ? gate : fdht_w_json_activation(config, "inner_activation", NULL); /* Keras 1 */
    if (gate && (!fdht_w_keras_activation(gate, l->s->major, &a) || a > FDHT_LINEAR)) {
        snprintf(why, size, "recurrent_activation \"%.40s\" is not supported", gate);
        return false;
    }
    to->activation = gate ? (int)a : FDHT_ACTIVATION_UNKNOWN;
    if (!fdht_w_keras_activation(state, l->s->major, &a) || a > FDHT_LINEAR) {
        snprintf(why, size, "activation \"%.40s\" is not supported", state);
        return false;
    }
    to->candidate = to->output = a;
    return true;
}

/* The config of the cell in LSTM's, GRU's or RNN's, NULL: a cell that is not read. */
static const cJSON *cell_of(const char *class, const cJSON *config, bool *gru)
{
    const cJSON *cell = fdht_w_json_get(config, "cell");
    const char *inner = fdht_w_json_text(cell, "class_name", "");
    *gru = !strcmp(class, "GRU") || !strcmp(inner, "GRUCell");
    if (!strcmp(class, "LSTM") || !strcmp(class, "CuDNNLSTM") || !strcmp(class, "GRU"))
        return config;
    if (!strcmp(class, "RNN") && (!strcmp(inner, "LSTMCell") || *gru))
        return fdht_w_json_get(cell, "config");
    return NULL;
}

static int refuse(layer *l, int lstm, const char *why)
{
    if (lstm >= 0) {
        l->s->w->bound[lstm].unsupported = fdht_w_text(l->s->w, l->s->err, "%s", why);
        if (!l->s->w->bound[lstm].unsupported)
            return FDHT_ENOMEM;
    }
    return other(l, "%s", why);
}

/* A recurrent layer; `sides`: its directions' classes and configs, one or two. */
static int lstm_of(layer *l, const char *const class[2], const cJSON *const config[2], int sides)
{
    fdht_weights *w = l->s->w;
    int at = find_lstm(l);
    char why[160];
    fdht_weights_lstm seen[2];
    bool gru[2] = {false, false};
    for (int d = 0; d < sides; d++) {
        const cJSON *cell = cell_of(class[d], config[d], &gru[d]);
        if (!cell) {
            const char *inner = fdht_w_json_text(fdht_w_json_get(config[d], "cell"), "class_name", NULL);
            snprintf(why, sizeof why, "%.60s%s%.60s%s is not supported, only LSTM and GRU", class[d],
                     inner ? " of " : "", inner ? inner : "", "");
            return refuse(l, at, why);
        }
        if (!cell_activations(l, cell, &seen[d], why, sizeof why))
            return refuse(l, at, why);
    }
    if (at < 0)
        return other(l, "%s without weights in the file", l->class);
    fdht_weights_lstm *to = &w->lstm[at];
    if (w->bound[at].unsupported)
        return refuse(l, at, w->bound[at].unsupported);
    if (gru[0] != (to->recurrent == FDHT_GRU) || (sides == 2 && gru[1] != gru[0]))
        return refuse(l, at,
                      sides == 2 ? "its directions are different cells"
                                 : "its weights are those of another cell");
    if (sides != to->directions)
        return refuse(l, at, "its weights have another number of directions");
    if (sides == 2 && (seen[0].activation != seen[1].activation || seen[0].candidate != seen[1].candidate))
        return refuse(l, at, "its directions have different activations");
    if (to->layout != FDHT_LAYOUT_CUDNN) {
        to->activation = seen[0].activation;
        to->candidate = seen[0].candidate;
        to->output = gru[0] ? FDHT_TANH : seen[0].output;
    }
    double units =
        fdht_w_json_number(cell_of(class[0], config[0], &gru[0]), "units", (double)to->hidden_size);
    if (units != (double)to->hidden_size)
        return fdht_fail(l->s->err, FDHT_EFORMAT, "%s: %g units, but its weights have %zu", to->path, units,
                         to->hidden_size);
    fdht_wlink use = fdht_w_lstm_link(w, at);
    l->s->g->node[l->at].last_only = !fdht_w_json_bool(config[0], "return_sequences", false);
    use.link.reversed = sides == 1 && fdht_w_json_bool(config[0], "go_backwards", false);
    if (sides == 2 && fdht_w_json_bool(config[0], "go_backwards", false))
        return refuse(l, at, "go_backwards inside Bidirectional is not supported");
    if (sides == 2) {
        static const struct {
            const char *name;
            fdht_merge merge;
        } modes[] = {{"concat", FDHT_MERGE_CONCAT},
                     {"sum", FDHT_MERGE_SUM},
                     {"ave", FDHT_MERGE_AVERAGE},
                     {"mul", FDHT_MERGE_MUL}};
        const char *mode = fdht_w_json_get(l->config, "merge_mode")
                               ? fdht_w_json_text(l->config, "merge_mode", "null")
                               : "concat";
        size_t k = 0;
        while (k < FDHT_COUNT(modes) && strcmp(modes[k].name, mode) != 0)
            k++;
        if (k == FDHT_COUNT(modes)) {
            snprintf(why, sizeof why, "merge_mode \"%.40s\" is not supported", mode);
            return refuse(l, at, why);
        }
        use.link.merge = modes[k].merge;
        if (k)
            use.link.outputs /= 2;
    }
    if (fdht_w_json_bool(config[0], "stateful", false) &&
        fdht_w_keras_assume(l->s, l->s->g->node[l->at].name, "stateful, but every clip starts from zeros"))
        return FDHT_ENOMEM;
    return is_link(l, use);
}

static int lstm(layer *l)
{
    const char *const class[2] = {l->class, NULL};
    const cJSON *const config[2] = {l->config, NULL};
    return lstm_of(l, class, config, 1);
}

static int bidirectional(layer *l)
{
    const cJSON *inner[2] = {fdht_w_json_get(l->config, "layer"),
                             fdht_w_json_get(l->config, "backward_layer")};
    const char *class[2];
    const cJSON *config[2];
    if (!cJSON_IsObject(inner[1]))
        inner[1] = inner[0];
    for (int d = 0; d < 2; d++) {
        class[d] = fdht_w_json_text(inner[d], "class_name", "?");
        config[d] = fdht_w_json_get(inner[d], "config");
    }
    if (fdht_w_json_bool(config[0], "return_sequences", false) !=
        fdht_w_json_bool(config[1], "return_sequences", false))
        return refuse(l, find_lstm(l), "its directions return different things");
    return lstm_of(l, class, config, 2);
}

/* --- the table --- */

enum { ONLY_WHOLE, EACH_TOO };

static const struct {
    const char *class;
    int (*read)(layer *l);
    int where; /* whether TimeDistributed may hold it */
} table[] = {
    {"InputLayer", input, ONLY_WHOLE},
    {"Dropout", skip, EACH_TOO},
    {"SpatialDropout1D", skip, EACH_TOO},
    {"GaussianNoise", skip, EACH_TOO},
    {"GaussianDropout", skip, EACH_TOO},
    {"AlphaDropout", skip, EACH_TOO},
    {"ActivityRegularization", skip, EACH_TOO},
    {"Identity", skip, EACH_TOO},
    {"Masking", masking, ONLY_WHOLE},
    {"Flatten", flatten, EACH_TOO},
    {"Reshape", reshape, ONLY_WHOLE},
    {"Activation", activation, EACH_TOO},
    {"ReLU", relu, EACH_TOO},
    {"Softmax", softmax, EACH_TOO},
    {"ELU", elu, EACH_TOO},
    {"GlobalAveragePooling1D", pool, ONLY_WHOLE},
    {"GlobalMaxPooling1D", pool, ONLY_WHOLE},
    {"GlobalAvgPool1D", pool, ONLY_WHOLE},
    {"GlobalMaxPool1D", pool, ONLY_WHOLE},
    {"RepeatVector", repeat, ONLY_WHOLE},
    {"Dense", dense, EACH_TOO},
    {"TimeDistributedDense", dense, ONLY_WHOLE},
    {"BatchNormalization", norm, EACH_TOO},
    {"LayerNormalization", norm, EACH_TOO},
    {"LSTM", lstm, ONLY_WHOLE},
    {"CuDNNLSTM", lstm, ONLY_WHOLE},
    {"GRU", lstm, ONLY_WHOLE},
    {"RNN", lstm, ONLY_WHOLE},
    {"Bidirectional", bidirectional, ONLY_WHOLE},
};

int fdht_w_keras_layer(fdht_wkeras *s, const cJSON *description, const fdht_wplace *place, int at)
{
    layer l = {.s = s,
               .place = place,
               .class = fdht_w_json_text(description, "class_name", "?"),
               .config = fdht_w_json_get(description, "config"),
               .at = at};
    if (!strcmp(l.class, "TimeDistributed")) {
        const cJSON *inner = fdht_w_json_get(l.config, "layer");
        l.each = true;
        l.class = fdht_w_json_text(inner, "class_name", "?");
        l.config = fdht_w_json_get(inner, "config");
    }
    for (size_t i = 0; i < FDHT_COUNT(table); i++)
        if (!strcmp(l.class, table[i].class) && (!l.each || table[i].where == EACH_TOO))
            return table[i].read(&l);
    return other(&l, l.each ? "%.60s in TimeDistributed is not read" : "%.60s is not read", l.class);
}
