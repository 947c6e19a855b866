/* weights/write.c - any model as dense weights: the layouts PyTorch and plain, and the file around each layout. */
#include <stdio.h>
#include <string.h>

#include "weights/writer.h"

/* ---- PyTorch ---- */

/* A state dict has names and numbers: layers of one lstm, then at most one linear map. */
static int check_pytorch(fdht_writer *o)
{
    const fdht_model_spec *s = o->spec;
    const fdht_cell_spec *a = &s->cell[0];
    for (int i = 0; i < s->cells; i++)
        if (s->cell[i].hidden != a->hidden || s->cell[i].proj != a->proj)
            return fdht_fail(o->err, FDHT_ENOSUP,
                             "PyTorch's LSTM has one size for all layers: export --layout hdf5");
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k];
        bool lstm = k < s->layers && l->kind == FDHT_LINK_LSTM && l->directions == s->directions &&
                    !l->reversed && (l->directions == 1 || l->merge == FDHT_MERGE_CONCAT);
        bool pool = k == s->layers && l->kind == FDHT_LINK_POOL && l->pool != FDHT_POOL_MAX;
        bool head = k == s->layers + 1 && l->kind == FDHT_LINK_DENSE && l->activation == FDHT_LINEAR;
        if (!lstm && !pool && !head)
            return fdht_fail(
                o->err, FDHT_ENOSUP,
                "link %d (%s): a state dict has no name that says what it does: another layout can", k,
                l->name[0] ? l->name : fdht_link_name(l->kind));
    }
    return FDHT_OK;
}

static int write_pytorch(fdht_writer *o)
{
    int rc = fdht_writer_check_cells(o, "PyTorch", false), dirs = o->spec->directions;
    bool bias = fdht_writer_any_bias(o->spec), gru = o->spec->cell[0].recurrent == FDHT_GRU;
    const char *module = fdht_recurrent_name(o->spec->cell[0].recurrent);
    if (!rc)
        rc = check_pytorch(o);
    for (int i = 0; i < o->spec->cells && !rc; i++) {
        const fdht_cell_spec *c = &o->spec->cell[i];
        char tail[32], path[FDHT_WRITER_NAME];
        snprintf(tail, sizeof tail, "_l%d%s", i / dirs, i % dirs ? "_reverse" : "");
        snprintf(path, sizeof path, "%s.weight_ih%s", module, tail);
        rc = fdht_writer_map(o, path, i, false, false);
        snprintf(path, sizeof path, "%s.weight_hh%s", module, tail);
        if (!rc)
            rc = fdht_writer_map(o, path, i, true, false);
        for (int b = 0; b < 2 && bias && !rc; b++) { /* the sum, then zeros */
            snprintf(path, sizeof path, "%s.bias_%s%s", module, b ? "hh" : "ih", tail);
            rc = gru ? fdht_writer_gru_bias(o, path, i, b, false) : fdht_writer_bias(o, path, i, b);
        }
        snprintf(path, sizeof path, "%s.weight_hr%s", module, tail);
        if (!rc && c->proj)
            rc =
                fdht_writer_matrix(o, path, fdht_writer_param(o, i, "projection"), c->proj, c->hidden, false);
    }
    int head = o->spec->layers + 1;
    if (!rc && head < o->spec->links)
        rc = fdht_writer_link(o, "fc.weight", head, "weight", false);
    return rc || head >= o->spec->links ? rc : fdht_writer_link(o, "fc.bias", head, "bias", false);
}

/* ---- plain ---- */

/* Where a cell's layer is, and which of its directions it is. */
static void layer_of(const fdht_model_spec *s, int cell, int *layer, int *direction)
{
    *layer = 0;
    for (int k = 0; k < s->links; k++) {
        const fdht_link *l = &s->link[k];
        if (l->kind != FDHT_LINK_LSTM)
            continue;
        *direction = cell - l->cell;
        if (*direction < l->directions)
            return;
        ++*layer;
    }
}

static int write_plain_cell(fdht_writer *o, int i)
{
    const fdht_cell_spec *c = &o->spec->cell[i];
    char group[64], path[FDHT_WRITER_NAME];
    int layer, direction = 0;
    layer_of(o->spec, i, &layer, &direction);
    snprintf(group, sizeof group, "/lstm/l%d%s", layer, direction ? "_reverse" : "");
    snprintf(path, sizeof path, "%s/W_ih", group);
    int rc = fdht_writer_map(o, path, i, false, false);
    snprintf(path, sizeof path, "%s/W_hh", group);
    if (!rc)
        rc = fdht_writer_map(o, path, i, true, false);
    snprintf(path, sizeof path, "%s/bias", group);
    if (!rc && c->bias)
        rc = fdht_writer_bias(o, path, i, false);
    snprintf(path, sizeof path, "%s/W_hr", group);
    if (!rc && c->proj)
        rc = fdht_writer_matrix(o, path, fdht_writer_param(o, i, "projection"), c->proj, c->hidden, false);
    if (!rc)
        rc = fdht_writer_text(o, group, "recurrent_activation", fdht_activation_name(c->activation));
    return rc;
}

static int put_word(fdht_writer *o, const char *group, const char *name, const char *word)
{
    return word ? fdht_writer_text(o, group, name, word) : FDHT_OK;
}

/* /chain/K: what the link is, in words, and its numbers. */
static int write_plain_link(fdht_writer *o, int k)
{
    static const char *const numbers[] = {"weight", "bias", "scale", "shift"};
    const fdht_link *l = &o->spec->link[k];
    char group[64], path[FDHT_WRITER_NAME], text[32];
    snprintf(group, sizeof group, "/chain/%d", k);
    int rc = fdht_writer_group(o, group);
    bool acts = l->kind == FDHT_LINK_DENSE || l->kind == FDHT_LINK_ACTIVATION;
    bool two = l->kind == FDHT_LINK_LSTM && l->directions == 2;
    for (size_t i = 0; i < FDHT_COUNT(numbers) && !rc; i++) {
        snprintf(path, sizeof path, "%s/%s", group, numbers[i]);
        rc = fdht_writer_link(o, path, k, numbers[i], false);
    }
    if (rc || (rc = put_word(o, group, "kind", fdht_link_name(l->kind))) ||
        (rc = put_word(o, group, "name", l->name[0] ? l->name : NULL)) ||
        (rc = put_word(o, group, "activation", acts ? fdht_activation_name(l->activation) : NULL)) ||
        (rc = put_word(o, group, "pool", l->kind == FDHT_LINK_POOL ? fdht_pool_name(l->pool) : NULL)) ||
        (rc = put_word(o, group, "merge", two ? fdht_merge_name(l->merge) : NULL)) ||
        (rc = put_word(o, group, "direction", l->kind == FDHT_LINK_LSTM && l->reversed ? "reverse" : NULL)))
        return rc;
    snprintf(text, sizeof text, "%zu", l->steps);
    if ((rc = put_word(o, group, "steps", l->kind == FDHT_LINK_REPEAT ? text : NULL)))
        return rc;
    fdht_number_text(l->epsilon, text, sizeof text);
    return put_word(o, group, "epsilon", l->kind == FDHT_LINK_LAYER_NORM ? text : NULL);
}

static int write_plain(fdht_writer *o)
{
    int rc = fdht_writer_check_cells(o, "plain", false), head = o->spec->layers + 1;
    if (!rc && o->spec->cell[0].recurrent != FDHT_LSTM)
        rc = fdht_fail(o->err, FDHT_ENOSUP,
                       "plain weights hold LSTM layers alone: export as keras or pytorch");
    if (!rc)
        rc = fdht_writer_text(o, "/", "format", "fdht-dense");
    if (!rc)
        rc = fdht_writer_text(o, "/", "gates", "ifgo");
    if (!rc)
        rc = fdht_writer_text(o, "/", "creator", fdht_version());
    for (int i = 0; i < o->spec->cells && !rc; i++)
        rc = write_plain_cell(o, i);
    if (fdht_model_classic(o->m) && head < o->spec->links) {
        if (!rc)
            rc = fdht_writer_link(o, "/head/weight", head, "weight", false);
        return rc ? rc : fdht_writer_link(o, "/head/bias", head, "bias", false);
    }
    if (rc || fdht_model_classic(o->m))
        return rc;
    rc = fdht_writer_group(o, "/chain");
    if (!rc)
        rc = fdht_writer_text(o, "/chain", "output", fdht_output_name(o->spec->output));
    for (int k = 0; k < o->spec->links && !rc; k++)
        rc = write_plain_link(o, k);
    return rc;
}

/* ---- the file ---- */

static int write_file(fdht_writer *o, fdht_out *out)
{
    int rc = fdht_h5_create(out, true, &o->file, o->err);
    if (rc)
        return rc;
    FDHT_H5_TRY
    {
        rc = o->layout == FDHT_LAYOUT_KERAS2    ? fdht_write_keras(o)
             : o->layout == FDHT_LAYOUT_PYTORCH ? write_pytorch(o)
                                                : write_plain(o);
    }
    FDHT_H5_END
    int closed = fdht_h5_close(&o->file, rc ? NULL : o->err);
    return fdht_h5_end(rc ? rc : closed, o->err);
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
    fdht_writer o = {.m = m,
                     .spec = fdht_model_spec_of(m),
                     .layout = layout,
                     .file = -1,
                     .progress = progress,
                     .arg = arg,
                     .err = err};
    for (int i = 0; i < o.spec->cells; i++) {
        const fdht_cell_spec *c = &o.spec->cell[i];
        o.total += (double)c->inputs + (double)(c->proj ? c->proj : c->hidden);
    }
    rc = write_file(&o, out);
    if (rc) {
        fdht_out_discard(out);
        return rc == FDHT_EINTR ? rc : fdht_fail_prefix(err, rc, "%s", path);
    }
    return fdht_out_commit(out, err);
}
