/* model/chain.c - the links of a model file of version 1.1: groups chain/K with what each link is. */
#include <stdio.h>
#include <string.h>

#include "hdf5/h5.h"
#include "model/attr.h"

enum { MOST_LINKS = 4096, MOST_STEPS = 1 << 20 };
#define MOST_NUMBERS ((int64_t)1 << 40)

static int get_name(hid_t loc, fdht_link *l, fdht_error *err)
{
    return fdht_h5_has_attr(loc, "name") ? fdht_attr_word(loc, "name", l->name, sizeof l->name, err)
                                         : FDHT_OK;
}

static int get_lstm(hid_t loc, fdht_link *l, fdht_error *err)
{
    static const char *const merges[FDHT_MERGES] = {"concat", "sum", "average", "mul"};
    int64_t cell, directions, reversed;
    int status, merge;
    if ((status = fdht_attr_count(loc, "cell", 0, 2 * MOST_LINKS, &cell, err)) ||
        (status = fdht_attr_count(loc, "directions", 1, 2, &directions, err)) ||
        (status = fdht_attr_count(loc, "reversed", 0, 1, &reversed, err)) ||
        (status = fdht_attr_choice(loc, "merge", merges, FDHT_MERGES, &merge, err)))
        return status;
    l->cell = (int)cell;
    l->directions = (int)directions;
    l->reversed = reversed;
    l->merge = (fdht_merge)merge;
    return FDHT_OK;
}

static int get_by_kind(hid_t loc, fdht_link *l, fdht_error *err)
{
    static const char *const pools[FDHT_POOLS] = {"last", "mean", "max", "each"};
    int64_t n = 0;
    int status, pool;
    switch (l->kind) {
    case FDHT_LINK_LSTM:
        return get_lstm(loc, l, err);
    case FDHT_LINK_LAYER_NORM:
        return fdht_attr_number(loc, "epsilon", &l->epsilon, err);
    case FDHT_LINK_DENSE:
        if ((status = fdht_attr_count(loc, "bias", 0, 1, &n, err)))
            return status;
        l->bias = n;
        return fdht_attr_activation(loc, "activation", false, &l->activation, err);
    case FDHT_LINK_ACTIVATION:
        return fdht_attr_activation(loc, "activation", false, &l->activation, err);
    case FDHT_LINK_POOL:
        if ((status = fdht_attr_choice(loc, "pool", pools, FDHT_POOLS, &pool, err)))
            return status;
        l->pool = (fdht_pool)pool;
        return FDHT_OK;
    case FDHT_LINK_REPEAT:
        status = fdht_attr_count(loc, "steps", 1, MOST_STEPS, &n, err);
        l->steps = (size_t)n;
        return status;
    default:
        return FDHT_OK;
    }
}

static int get_link(hid_t loc, fdht_link *l, fdht_error *err)
{
    const char *word[FDHT_LINKS];
    int64_t inputs, outputs;
    int status, kind;
    for (int k = 0; k < FDHT_LINKS; k++)
        word[k] = fdht_link_name((fdht_link_kind)k);
    if ((status = fdht_attr_choice(loc, "kind", word, FDHT_LINKS, &kind, err)) ||
        (status = get_name(loc, l, err)) ||
        (status = fdht_attr_count(loc, "inputs", 1, MOST_NUMBERS, &inputs, err)) ||
        (status = fdht_attr_count(loc, "outputs", 1, MOST_NUMBERS, &outputs, err)))
        return status;
    l->kind = (fdht_link_kind)kind;
    l->inputs = (size_t)inputs;
    l->outputs = (size_t)outputs;
    return get_by_kind(loc, l, err);
}

/* chain/K; -1: not there. */
static hid_t open_link(hid_t file, int k, char *path, size_t size)
{
    hid_t group = -1;
    snprintf(path, size, "chain/%d", k);
    FDHT_H5_TRY
    {
        if (fdht_h5_is_group(file, path))
            group = H5Gopen2(file, path, H5P_DEFAULT);
    }
    FDHT_H5_END
    return group;
}

int fdht_modelfile_get_links(hid_t file, fdht_model_spec *spec, fdht_error *err)
{
    static const char *const outputs[FDHT_OUTPUTS] = {"softmax", "sigmoid", "linear"};
    int64_t links;
    int output, status, cells = 0;
    if ((status = fdht_attr_count(file, "links", 1, MOST_LINKS, &links, err)) ||
        (status = fdht_attr_choice(file, "output", outputs, FDHT_OUTPUTS, &output, err)))
        return status;
    spec->output = (fdht_output_kind)output;
    spec->link = fdht_calloc_err((size_t)links, sizeof *spec->link, "links", err);
    if (!spec->link)
        return FDHT_ENOMEM;
    spec->links = (int)links;
    for (int k = 0; k < spec->links; k++) {
        char path[32];
        hid_t group = open_link(file, k, path, sizeof path);
        if (group < 0)
            return fdht_fail(err, FDHT_EFORMAT, "/%s: missing or damaged", path);
        status = get_link(group, &spec->link[k], err);
        H5Gclose(group);
        if (!status && spec->link[k].kind == FDHT_LINK_LSTM && spec->link[k].cell != cells)
            status =
                fdht_fail(err, FDHT_EFORMAT, "attribute cell: %d, expected %d", spec->link[k].cell, cells);
        if (status)
            return fdht_fail_prefix(err, status, "/%s", path);
        if (spec->link[k].kind == FDHT_LINK_LSTM)
            cells += spec->link[k].directions;
    }
    spec->cells = cells;
    return cells ? FDHT_OK : fdht_fail(err, FDHT_EFORMAT, "/chain: no lstm link");
}

static int put_by_kind(hid_t loc, const fdht_link *l, fdht_error *err)
{
    int status;
    switch (l->kind) {
    case FDHT_LINK_LSTM:
        if ((status = fdht_h5_put_int(loc, "cell", l->cell, err)) ||
            (status = fdht_h5_put_int(loc, "directions", l->directions, err)) ||
            (status = fdht_h5_put_int(loc, "reversed", l->reversed, err)))
            return status;
        return fdht_h5_put_string(loc, "merge", fdht_merge_name(l->merge), err);
    case FDHT_LINK_LAYER_NORM:
        return fdht_h5_put_double(loc, "epsilon", l->epsilon, err);
    case FDHT_LINK_DENSE:
        if ((status = fdht_h5_put_int(loc, "bias", l->bias, err)))
            return status;
        return fdht_h5_put_string(loc, "activation", fdht_activation_name(l->activation), err);
    case FDHT_LINK_ACTIVATION:
        return fdht_h5_put_string(loc, "activation", fdht_activation_name(l->activation), err);
    case FDHT_LINK_POOL:
        return fdht_h5_put_string(loc, "pool", fdht_pool_name(l->pool), err);
    case FDHT_LINK_REPEAT:
        return fdht_h5_put_int(loc, "steps", (int64_t)l->steps, err);
    default:
        return FDHT_OK;
    }
}

static int put_link(hid_t loc, const fdht_link *l, fdht_error *err)
{
    int status;
    if ((status = fdht_h5_put_string(loc, "kind", fdht_link_name(l->kind), err)) ||
        (l->name[0] && (status = fdht_h5_put_string(loc, "name", l->name, err))) ||
        (status = fdht_h5_put_int(loc, "inputs", (int64_t)l->inputs, err)) ||
        (status = fdht_h5_put_int(loc, "outputs", (int64_t)l->outputs, err)))
        return status;
    return put_by_kind(loc, l, err);
}

int fdht_modelfile_put_links(hid_t file, const fdht_model_spec *spec, fdht_error *err)
{
    int status;
    if ((status = fdht_h5_put_int(file, "links", spec->links, err)) ||
        (status = fdht_h5_put_string(file, "output", fdht_output_name(spec->output), err)))
        return status;
    for (int k = 0; k < spec->links && !status; k++) {
        char path[32];
        hid_t group;
        snprintf(path, sizeof path, "chain/%d", k);
        if ((status = fdht_h5_group(file, path, &group, err)))
            return status;
        status = put_link(group, &spec->link[k], err);
        H5Gclose(group);
    }
    return status;
}
