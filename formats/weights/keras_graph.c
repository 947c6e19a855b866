/* weights/keras_graph.c - Keras' description of a model (model_config, config.json) as a graph: Sequential, Functional,
 * models inside models, of Keras 1 to 3. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weights/keras_layer.h"

enum { MAX_DEPTH = 16, MAX_CONFIG = 1 << 26 };

/* A layer of one model: where its inputs go and where its output is. */
typedef struct entry {
    const char *name, *type;
    const cJSON *layer;
    int in, out; /* nodes */
} entry;

typedef struct model {
    fdht_wkeras *s;
    entry *entry;
    int n;
    const char *outer; /* the layer of the whole model that this one is, NULL: it is the whole */
    const char *path;
    int depth;
} model;

static int build(fdht_wkeras *s, const cJSON *description, const char *outer, const char *path, int depth,
                 int *in, int *out);

static bool is_model(const char *class)
{
    return !strcmp(class, "Sequential") || !strcmp(class, "Functional") || !strcmp(class, "Model");
}

static int add(model *m, const char *name, const char *type)
{
    const char *a = fdht_w_text(m->s->w, m->s->err, "%.200s", name),
               *b = fdht_w_text(m->s->w, m->s->err, "%.80s", type);
    return a && b ? fdht_w_add_node(m->s->g, a, b, m->s->err) : FDHT_ENOMEM;
}

static int why(model *m, int node, const char *text)
{
    m->s->g->node[node].kind = FDHT_WNODE_OTHER;
    m->s->g->node[node].why = text;
    return FDHT_OK;
}

/* The class' name in a path of Keras 3: "BatchNormalization" -> "batch_normalization", "LSTM" -> "lstm". */
static void snake(const char *class, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; class[i] && n + 2 < size; i++) {
        bool up = isupper((unsigned char)class[i]);
        if (i && up && (islower((unsigned char)class[i + 1]) || islower((unsigned char)class[i - 1])))
            out[n++] = '_';
        out[n++] = (char)tolower((unsigned char)class[i]);
    }
    out[n] = 0;
}

/* Path of layer i in the file: its class, with the number of equal classes before it. */
static void path_of(const model *m, int i, char *out, size_t size)
{
    char name[80], one[80];
    int same = 0;
    const char *class = fdht_w_json_text(m->entry[i].layer, "class_name", "?");
    snake(class, name, sizeof name);
    for (int k = 0; k < i; k++) {
        snake(fdht_w_json_text(m->entry[k].layer, "class_name", "?"), one, sizeof one);
        same += !strcmp(one, name);
    }
    const char *tail = !strcmp(class, "TimeDistributed") ? "/layer" : "";
    if (same)
        snprintf(out, size, "%.120s%s_%d%s", m->path, name, same, tail);
    else
        snprintf(out, size, "%.120s%s%s", m->path, name, tail);
}

static int add_layer(model *m, int i)
{
    entry *e = &m->entry[i];
    const char *class = fdht_w_json_text(e->layer, "class_name", "?");
    fdht_wplace place = {.outer = m->outer, .name = e->name};
    path_of(m, i, place.path, sizeof place.path);
    if (is_model(class)) {
        char path[256];
        snprintf(path, sizeof path, "%.240s/layers/", place.path);
        return build(m->s, e->layer, m->outer ? m->outer : e->name, path, m->depth + 1, &e->in, &e->out);
    }
    const cJSON *inner = fdht_w_json_get(fdht_w_json_get(e->layer, "config"), "layer");
    char type[80];
    snprintf(type, sizeof type, inner ? "%.36s(%.36s)" : "%.36s", class,
             fdht_w_json_text(inner, "class_name", "?"));
    e->in = e->out = add(m, e->name, type);
    return e->in < 0 ? e->in : fdht_w_keras_layer(m->s, e->layer, &place, e->in);
}

static const entry *find(const model *m, const char *name)
{
    for (int i = 0; i < m->n; i++)
        if (!strcmp(m->entry[i].name, name))
            return &m->entry[i];
    return NULL;
}

/* --- references to tensors --- */

typedef struct reference {
    const char *name;
    int tensor;
} reference;

/* ["lstm", 0, 1] of Keras 1 and 2. */
static bool is_reference(const cJSON *v, reference *out)
{
    const cJSON *name = cJSON_GetArrayItem(v, 0), *tensor = cJSON_GetArrayItem(v, 2);
    if (!cJSON_IsArray(v) || !cJSON_IsString(name) || !cJSON_IsNumber(cJSON_GetArrayItem(v, 1)) ||
        !cJSON_IsNumber(tensor))
        return false;
    *out = (reference){name->valuestring, tensor->valueint};
    return true;
}

typedef int (*on_reference)(model *m, const reference *r, int node);

/* All references in a value, in order. Masks are no inputs of their own. */
static int each_reference(model *m, const cJSON *v, on_reference take, int node)
{
    reference r;
    const cJSON *child, *history = fdht_w_json_get(v, "keras_history");
    if (v && v->string && !strcmp(v->string, "mask"))
        return FDHT_OK;
    int rc = FDHT_OK;
    if (is_reference(v, &r)) {
        rc = take(m, &r, node);
        const cJSON *keywords = cJSON_GetArrayItem(v, 3);
        return rc || !cJSON_IsObject(keywords) ? rc : each_reference(m, keywords, take, node);
    }
    if (cJSON_IsObject(v) && is_reference(history, &r))
        return take(m, &r, node);
    if (!cJSON_IsObject(v) && !cJSON_IsArray(v))
        return FDHT_OK;
    cJSON_ArrayForEach(child, v)
    {
        rc = each_reference(m, child, take, node);
        if (rc)
            return rc;
    }
    return FDHT_OK;
}

/* The node of a reference: the layer's output, or a state of an LSTM. Negative: a status. */
static int resolve(model *m, const reference *r)
{
    const entry *e = find(m, r->name);
    if (!e)
        return fdht_fail(m->s->err, FDHT_EFORMAT,
                         "the description of the model reads \"%.80s\", which it does not have", r->name);
    const fdht_wnode *n = &m->s->g->node[e->out];
    if (r->tensor < 1 || n->kind != FDHT_WNODE_LINK || n->use.link.kind != FDHT_LINK_LSTM)
        return e->out;
    bool h = r->tensor == 1 && n->use.link.directions == 1, last = n->last_only;
    if (h && last)
        return e->out;
    int at = add(m, e->name, h ? "last state" : "state");
    if (at < 0)
        return at;
    fdht_w_add_edge(m->s->g, at, e->out);
    if (!h)
        return why(m, at, "a state of an LSTM is not read") ? FDHT_ENOMEM : at;
    m->s->g->node[at].kind = FDHT_WNODE_LINK;
    m->s->g->node[at].use.link = (fdht_link){.kind = FDHT_LINK_POOL, .pool = FDHT_POOL_LAST};
    return at;
}

static int add_input(model *m, const reference *r, int node)
{
    int from = resolve(m, r);
    if (from < 0)
        return from;
    fdht_w_add_edge(m->s->g, node, from);
    return FDHT_OK;
}

/* --- models --- */

static int build_sequential(model *m, int *in, int *out)
{
    int prev = add(m, "input", "InputLayer");
    if (prev < 0)
        return prev;
    m->s->g->node[prev].kind = m->depth ? FDHT_WNODE_SKIP : FDHT_WNODE_INPUT;
    *in = prev;
    for (int i = 0; i < m->n; i++) {
        int rc = add_layer(m, i);
        if (rc)
            return rc;
        fdht_wnode *n = &m->s->g->node[m->entry[i].in];
        if (n->kind == FDHT_WNODE_INPUT)
            n->kind = FDHT_WNODE_SKIP;
        fdht_w_add_edge(m->s->g, m->entry[i].in, prev);
        prev = m->entry[i].out;
    }
    *out = prev;
    return FDHT_OK;
}

static int count_only(model *m, const reference *r, int node)
{
    const entry *e = find(m, r->name);
    if (e && node >= 0)
        fdht_w_add_edge(m->s->g, node, e->out);
    return FDHT_OK;
}

/* One end of a model inside another: the node of its only input or output, or one that is not read. */
static int end_of(model *m, const cJSON *config, const char *member, const char *name, int *at)
{
    int n = add(m, name, member);
    if (n < 0)
        return n;
    fdht_wnode *node = &m->s->g->node[n];
    node->kind = FDHT_WNODE_SKIP;
    int rc = each_reference(m, fdht_w_json_get(config, member), count_only, n);
    node = &m->s->g->node[n];
    *at = n;
    if (!rc && node->n_in != 1)
        rc = why(m, n, "a model of several inputs or outputs inside another is not read");
    return rc;
}

static int mark_output(model *m, const reference *r, int node)
{
    int at = resolve(m, r);
    (void)node;
    if (at >= 0)
        m->s->g->node[at].is_output = true;
    return at < 0 ? at : FDHT_OK;
}

static int build_functional(model *m, const cJSON *config, int *in, int *out)
{
    int rc = FDHT_OK;
    for (int i = 0; i < m->n && !rc; i++)
        rc = add_layer(m, i);
    for (int i = 0; i < m->n && !rc; i++) {
        const cJSON *calls = fdht_w_json_get(m->entry[i].layer, "inbound_nodes");
        rc = each_reference(m, calls, add_input, m->entry[i].in);
        if (rc)
            break;
        fdht_wnode *n = &m->s->g->node[m->entry[i].in];
        if (cJSON_GetArraySize(calls) > 1)
            rc = why(m, m->entry[i].in, "a layer that is called more than once is not read");
        else if (n->kind == FDHT_WNODE_LINK && n->use.link.kind == FDHT_LINK_LSTM)
            n->state_in = n->n_in > 1;
    }
    if (rc)
        return rc;
    if (!m->depth)
        return each_reference(m, fdht_w_json_get(config, "output_layers"), mark_output, -1);
    const char *name = fdht_w_json_text(config, "name", "model");
    rc = end_of(m, config, "output_layers", name, out);
    if (!rc)
        rc = end_of(m, config, "input_layers", name, in);
    if (rc)
        return rc;
    /* the outer model's tensor goes into the inner model's input layer, not the other way round */
    fdht_wgraph *g = m->s->g;
    int inner = g->node[*in].n_in == 1 ? g->node[*in].in[0] : -1;
    g->node[*in].n_in = 0;
    if (inner >= 0 && g->node[inner].kind == FDHT_WNODE_INPUT) {
        g->node[inner].kind = FDHT_WNODE_SKIP;
        fdht_w_add_edge(g, inner, *in);
    }
    return FDHT_OK;
}

/* A model: {"class_name", "config": {"name", "layers": [..]}}, or Keras 1's config that is the list itself. */
static int build(fdht_wkeras *s, const cJSON *description, const char *outer, const char *path, int depth,
                 int *in, int *out)
{
    const cJSON *config = fdht_w_json_get(description, "config"), *layer;
    const cJSON *layers = cJSON_IsArray(config) ? config : fdht_w_json_get(config, "layers");
    model m = {.s = s, .outer = outer, .path = path, .depth = depth, .n = cJSON_GetArraySize(layers)};
    *in = *out = -1;
    if (depth > MAX_DEPTH)
        return fdht_fail(s->err, FDHT_EFORMAT, "the description of the model nests models deeper than %d",
                         MAX_DEPTH);
    m.entry = fdht_calloc_err((size_t)m.n + 1, sizeof *m.entry, "description of the model", s->err);
    if (!m.entry)
        return FDHT_ENOMEM;
    int i = 0;
    cJSON_ArrayForEach(layer, layers)
    {
        const char *name = fdht_w_json_text(fdht_w_json_get(layer, "config"), "name", "?");
        m.entry[i++] =
            (entry){.name = fdht_w_json_text(layer, "name", name), .layer = layer, .in = -1, .out = -1};
    }
    bool sequential = !strcmp(fdht_w_json_text(description, "class_name", ""), "Sequential");
    int rc = sequential ? build_sequential(&m, in, out) : build_functional(&m, config, in, out);
    if (!rc && sequential && !depth)
        s->g->node[*out].is_output = true;
    fdht_free(m.entry);
    return rc;
}

/* --- where the description is --- */

/* A small text file next to the weights; NULL if there is none. */
static char *read_beside(const fdht_weights *w, const char *name)
{
    const char *slash = strrchr(w->file, '/');
    size_t dir = slash ? (size_t)(slash - w->file) + 1 : 0, size = dir + strlen(name) + 1;
    char *path = fdht_calloc(size, 1), *text = NULL;
    if (!path)
        return NULL;
    snprintf(path, size, "%.*s%s", (int)dir, w->file, name);
    FILE *f = fopen(path, "rb");
    fdht_free(path);
    if (!f)
        return NULL;
    if (!fseek(f, 0, SEEK_END)) {
        long n = ftell(f);
        if (n > 0 && n < MAX_CONFIG && !fseek(f, 0, SEEK_SET) && (text = fdht_calloc((size_t)n + 1, 1)) &&
            fread(text, 1, (size_t)n, f) != (size_t)n) {
            fdht_free(text);
            text = NULL;
        }
    }
    fclose(f);
    return text;
}

/* config.json of an unpacked .keras, with the version in metadata.json. */
static void load_beside(fdht_weights *w)
{
    const char *slash = strrchr(w->file, '/');
    if (w->config || strcmp(slash ? slash + 1 : w->file, "model.weights.h5") != 0)
        return;
    w->config = read_beside(w, "config.json");
    char *meta = w->config ? read_beside(w, "metadata.json") : NULL;
    cJSON *json = fdht_w_json_parse(meta);
    w->config_version = fdht_strdup(fdht_w_json_text(json, "keras_version", "3"));
    cJSON_Delete(json);
    fdht_free(meta);
}

/* What a loss over a linear output makes of it. */
static void read_loss(fdht_weights *w, fdht_wgraph *g)
{
    char *text = fdht_w_attr_string(w, "/", "training_config");
    if (!text)
        return;
    const char *loss = strstr(text, "\"loss\"");
    if (loss && (strstr(loss, "ategorical_crossentropy") || strstr(loss, "ategoricalCrossentropy")))
        g->output = FDHT_OUTPUT_SOFTMAX;
    else if (loss && (strstr(loss, "inary_crossentropy") || strstr(loss, "inaryCrossentropy")))
        g->output = FDHT_OUTPUT_SIGMOID;
    fdht_free(text);
}

int fdht_w_graph_keras(fdht_weights *w, fdht_wgraph *g, fdht_error *err)
{
    bool by_path = w->n_lstm && w->lstm[0].layout == FDHT_LAYOUT_KERAS3;
    int in, out;
    if (by_path)
        load_beside(w);
    cJSON *root = fdht_w_json_parse(w->config);
    if (!root)
        return FDHT_OK;
    fdht_wkeras s = {.w = w, .g = g, .by_path = by_path, .err = err};
    s.major = w->config_version ? (int)strtol(w->config_version, NULL, 10) : 0;
    g->output = FDHT_OUTPUT_LINEAR;
    int rc = build(&s, root, NULL, "", 0, &in, &out);
    cJSON_Delete(root);
    g->assumed = s.assumed;
    if (!rc)
        read_loss(w, g);
    return rc;
}
