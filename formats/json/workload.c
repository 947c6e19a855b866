/* json/workload.c - workloads of the accelerator model: an operator or a whole LSTM, described without weights. */
#include <stdio.h>
#include <string.h>

#include "fdht/hardware.h"
#include "json/json.h"

static const char *const known[] = {"schema",     "name",        "comment",    "format", "in_modes",
                                    "out_modes",  "gates",       "steps",      "ranks",  "tree",
                                    "leaf_ranks", "inner_ranks", "hidden_box", "enlarge"};

static int check_keys(const cJSON *json, const char *path, fdht_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, json)
    {
        bool found = false;
        for (size_t i = 0; i < FDHT_COUNT(known); i++)
            found |= !strcmp(item->string, known[i]);
        if (!found)
            return fdht_fail(err, FDHT_EFORMAT, "%s: %.60s: no such key", path, item->string);
    }
    return FDHT_OK;
}

static int tt_ranks(const cJSON *json, const char *path, fdht_op_spec *s, fdht_error *err)
{
    size_t n;
    int status = fdht_json_sizes(json, path, "ranks", true, FDHT_MAX_MODES + 1, s->rank, &n, err);
    if (!status && n != (size_t)s->d + 1)
        status = fdht_fail(err, FDHT_EFORMAT, "%s: ranks: expected %d numbers, got %zu", path, s->d + 1, n);
    return status;
}

static int ht_ranks(const cJSON *json, const char *path, fdht_op_spec *s, fdht_error *err)
{
    size_t leaf[FDHT_MAX_MODES], inner[FDHT_MAX_NODES], n_leaf, n_inner, at = 0;
    const char *tree = fdht_json_string(json, "tree");
    fdht_error why = {0};
    if (fdht_tree_parse(tree ? tree : "balanced", s->d, &s->tree, &why))
        return fdht_fail(err, FDHT_EFORMAT, "%s: tree: %s", path, why.msg);
    int status = fdht_json_sizes(json, path, "leaf_ranks", true, FDHT_MAX_MODES, leaf, &n_leaf, err);
    if (status ||
        (status = fdht_json_sizes(json, path, "inner_ranks", s->d > 2, FDHT_MAX_NODES, inner, &n_inner, err)))
        return status;
    size_t want = s->d > 2 ? (size_t)s->d - 2 : 0;
    if (n_leaf != (size_t)s->d || n_inner != want)
        return fdht_fail(err, FDHT_EFORMAT, "%s: expected %d leaf_ranks and %zu inner_ranks, got %zu and %zu",
                         path, s->d, want, n_leaf, n_inner);
    for (int i = 0; i < s->tree.n_nodes; i++) {
        const fdht_tree_node *node = &s->tree.node[i];
        s->rank[i] = node->mode >= 0 ? leaf[node->mode] : i + 1 < s->tree.n_nodes ? inner[at++] : 1;
    }
    if (s->d == 1)
        s->rank[0] = 1;
    return FDHT_OK;
}

/* Boxes of an fdht cell; the whole LSTM if it has its four gates. */
/* Ranks and modes that cannot be are the file's fault, but that memory is short is not. */
static int blame(int status, const char *path, const fdht_error *why, fdht_error *err)
{
    return fdht_fail(err, status == FDHT_ENOMEM ? status : FDHT_EFORMAT, "%s: %s", path, why->msg);
}

static int place(const cJSON *json, const char *path, fdht_workload *w, fdht_error *err)
{
    fdht_cell_spec *c = &w->cell;
    size_t box[FDHT_MAX_MODES], enlarge[FDHT_MAX_MODES], n_box, n_enlarge;
    fdht_error why = {0};
    int status = fdht_json_sizes(json, path, "hidden_box", false, FDHT_MAX_MODES, box, &n_box, err);
    if (status ||
        (status = fdht_json_sizes(json, path, "enlarge", false, FDHT_MAX_MODES, enlarge, &n_enlarge, err)))
        return status;
    if ((n_box && n_box != (size_t)c->op.d) || (n_enlarge && n_enlarge != (size_t)c->op.d))
        return fdht_fail(err, FDHT_EFORMAT, "%s: hidden_box and enlarge: expected %d numbers", path, c->op.d);
    c->kind = FDHT_CELL_FDHT;
    (void)fdht_product(c->op.in, (size_t)c->op.d, &c->inputs); /* modes() has checked both */
    (void)fdht_product(c->op.out, (size_t)c->op.d, &c->hidden);
    c->hidden /= (size_t)w->gates;
    c->bias = true;
    if ((status = fdht_cell_place(c, 0, n_enlarge ? enlarge : NULL, n_box ? box : NULL, &why)))
        return blame(status, path, &why, err);
    w->lstm = w->gates == 4;
    if (!w->lstm) { /* one gate of [x;h]: the whole matrix */
        memset(&c->x, 0, sizeof c->x);
        memcpy(c->x.size, c->op.in, sizeof c->x.size);
        c->inputs += c->hidden;
    }
    return FDHT_OK;
}

static int modes(const cJSON *json, const char *path, fdht_op_spec *s, size_t gates, fdht_error *err)
{
    size_t n, m, inputs, outputs;
    int status = fdht_json_sizes(json, path, "in_modes", true, FDHT_MAX_MODES, s->in, &n, err);
    if (status || (status = fdht_json_sizes(json, path, "out_modes", true, FDHT_MAX_MODES, s->out, &m, err)))
        return status;
    if (n < 1 || n != m)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zu in_modes, %zu out_modes", path, n, m);
    if (gates == 4 && s->out[0] % 4)
        return fdht_fail(err, FDHT_EFORMAT, "%s: out_modes: the first, %zu, does not carry four gates", path,
                         s->out[0]);
    if (!fdht_product(s->in, n, &inputs) || !fdht_product(s->out, m, &outputs) || inputs > 1u << 26 ||
        outputs > 1u << 22)
        return fdht_fail(err, FDHT_EFORMAT, "%s: more than 2^26 inputs or 2^22 outputs", path);
    s->d = (int)n;
    return FDHT_OK;
}

static int fill(const cJSON *json, const char *path, fdht_workload *out, fdht_error *err)
{
    fdht_workload w = {.gates = 1};
    fdht_cell_spec_default(&w.cell);
    w.cell.bias = false;
    fdht_op_spec *s = &w.cell.op;
    fdht_error why = {0};
    const char *name = fdht_json_string(json, "name"), *format = fdht_json_string(json, "format");
    size_t gates;
    int status = check_keys(json, path, err);
    if (status || (status = fdht_json_size(json, path, "gates", 1, &gates, err)) ||
        (status = fdht_json_size(json, path, "steps", 1, &w.steps, err)))
        return status;
    if ((gates != 1 && gates != 4) || w.steps > 100000)
        return fdht_fail(err, FDHT_EFORMAT, "%s: gates must be 1 or 4, steps at most 100000", path);
    if (!format || (strcmp(format, "tt") && strcmp(format, "ht") && strcmp(format, "fdht")))
        return fdht_fail(err, FDHT_EFORMAT, "%s: format: expected tt, ht or fdht", path);
    s->format = strcmp(format, "tt") ? FDHT_HT : FDHT_TT;
    w.gates = (int)gates;
    if ((status = modes(json, path, s, gates, err)) ||
        (status = fdht_format_traits_of(s->format)->tree ? ht_ranks(json, path, s, err)
                                                         : tt_ranks(json, path, s, err)))
        return status;
    name = name ? name : "workload";
    if (!fdht_json_plain(name))
        return fdht_fail(err, FDHT_EFORMAT, "%s: name: holds a control character", path);
    if (!strcmp(format, "fdht")) {
        snprintf(w.name, sizeof w.name, "%s", name);
        status = place(json, path, &w, err);
    } else if ((status = fdht_workload_matrix(name, s, w.gates, w.steps, &w, &why)))
        status = blame(status, path, &why, err);
    if (status)
        return status;
    fdht_op *op = NULL;
    if ((status = fdht_op_new(&w.cell.op, &op, &why)))
        return blame(status, path, &why, err);
    size_t parameters = fdht_op_parameters(op);
    fdht_op_free(op);
    if (parameters > 1u << 26)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zu parameters, at most 2^26", path, parameters);
    *out = w;
    return FDHT_OK;
}

int fdht_workload_read(const char *path, fdht_workload *out, fdht_error *err)
{
    cJSON *json = NULL;
    int status = fdht_json_read(path, "fdht-workload-1", &json, err);
    if (!status)
        status = fill(json, path, out, err);
    cJSON_Delete(json);
    return status;
}
