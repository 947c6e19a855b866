/* model/write.c - writing model files and checkpoints. */
#include <stdio.h>
#include <string.h>

#include "fdht/modelfile.h"
#include "hdf5/h5.h"
#include "model/attr.h"

size_t fdht_blob_size(fdht_blob_type type)
{
    return type == FDHT_BLOB_U8 ? 1 : type == FDHT_BLOB_F32 ? 4 : 8;
}

/* A mean and a std for each channel: with frame_std = 0, which readers of older versions refuse. */
static int put_channels(hid_t root, const fdht_frame_spec *f, fdht_error *err)
{
    int rc = fdht_h5_put_doubles(root, "frame_channel_mean", f->channel_mean, f->channels, err);
    return rc ? rc : fdht_h5_put_doubles(root, "frame_channel_std", f->channel_std, f->channels, err);
}

static int put_frame(hid_t root, const fdht_frame_spec *f, fdht_error *err)
{
    const size_t size[2] = {f->width, f->height};
    int rc;
    if ((rc = fdht_h5_put_sizes(root, "frame_size", size, 2, err)) ||
        (rc = fdht_h5_put_int(root, "frame_channels", (int64_t)f->channels, err)) ||
        (rc = fdht_h5_put_double(root, "frame_mean", f->mean, err)) ||
        (rc = fdht_h5_put_double(root, "frame_std", f->by_channel ? 0 : f->std, err)) ||
        (f->by_channel && (rc = put_channels(root, f, err))) ||
        (rc = fdht_h5_put_int(root, "frame_diff", f->diff, err)) ||
        (rc = fdht_h5_put_int(root, "frame_gray", f->gray, err)) ||
        (rc = fdht_h5_put_int(root, "frame_resize", f->resize, err)) ||
        (rc = fdht_h5_put_int(root, "frame_frames", (int64_t)f->frames, err)))
        return rc;
    return fdht_h5_put_string(root, "frame_sample", f->sample == FDHT_SAMPLE_RANDOM ? "random" : "even", err);
}

/* Modes and tree: the same on the root (of the first cell) and on every cell. */
static int put_shape(hid_t loc, const fdht_cell_spec *c, fdht_error *err)
{
    char tree[512] = "";
    int rc;
    if (fdht_format_traits_of(c->op.format)->tree &&
        fdht_tree_spell(&c->op.tree, tree, sizeof tree) >= sizeof tree)
        return fdht_fail(err, FDHT_EINTERNAL, "tree: longer than %zu characters", sizeof tree);
    if ((rc = fdht_h5_put_string(loc, "cell", fdht_cell_name(c->kind), err)) ||
        (rc = fdht_h5_put_sizes(loc, "in_modes", c->op.in, (size_t)c->op.d, err)) ||
        (rc = fdht_h5_put_sizes(loc, "out_modes", c->op.out, (size_t)c->op.d, err)))
        return rc;
    return fdht_h5_put_string(loc, "tree", tree, err);
}

static int put_box(hid_t loc, const char *corner, const char *size, const fdht_box *b, int d, fdht_error *err)
{
    int rc = fdht_h5_put_sizes(loc, corner, b->corner, (size_t)d, err);
    return rc ? rc : fdht_h5_put_sizes(loc, size, b->size, (size_t)d, err);
}

static int put_cell(hid_t loc, const fdht_cell_spec *c, int layer, int direction, fdht_error *err)
{
    int rc;
    if ((rc = put_shape(loc, c, err)) ||
        (rc = fdht_h5_put_string(loc, "format", fdht_format_name(c->op.format), err)) ||
        (rc = fdht_h5_put_int(loc, "layer", layer, err)) ||
        (rc = fdht_h5_put_string(loc, "direction", direction ? "reverse" : "forward", err)) ||
        (rc = fdht_h5_put_int(loc, "inputs", (int64_t)c->inputs, err)) ||
        (rc = fdht_h5_put_int(loc, "hidden_size", (int64_t)c->hidden, err)) ||
        (rc = fdht_h5_put_int(loc, "proj_size", (int64_t)c->proj, err)) ||
        (rc = fdht_h5_put_int(loc, "bias", c->bias, err)) ||
        (rc = fdht_h5_put_string(loc, "activation", fdht_activation_name(c->activation), err)) ||
        (c->recurrent != FDHT_LSTM &&
         (rc = fdht_h5_put_string(loc, "recurrent", fdht_recurrent_name(c->recurrent), err))) ||
        (c->candidate != FDHT_TANH &&
         (rc = fdht_h5_put_string(loc, "candidate", fdht_activation_name(c->candidate), err))) ||
        (c->output != FDHT_TANH &&
         (rc = fdht_h5_put_string(loc, "output", fdht_activation_name(c->output), err))) ||
        (rc = fdht_h5_put_sizes(loc, "ranks", c->op.rank, fdht_op_spec_ranks(&c->op), err)) ||
        (rc = fdht_h5_put_int(loc, "blocks", fdht_format_traits_of(c->op.format)->blocks ? c->op.blocks : 1,
                              err)))
        return rc;
    if (c->kind != FDHT_CELL_FDHT)
        return FDHT_OK;
    if ((rc = put_box(loc, "x_corner", "x_size", &c->x, c->op.d, err)))
        return rc;
    return put_box(loc, "h_corner", "h_size", &c->h, c->op.d, err);
}

/* Whether a reader of version 1.0 computes the same of it. */
static bool is_plain(const fdht_model *m)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    for (int i = 0; i < s->cells; i++)
        if (s->cell[i].candidate != FDHT_TANH || s->cell[i].output != FDHT_TANH ||
            s->cell[i].activation > FDHT_HARD_SIGMOID3 || s->cell[i].recurrent != FDHT_LSTM)
            return false;
    return fdht_model_classic(m);
}

static int put_root(hid_t root, const fdht_model *m, fdht_error *err)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    bool plain = is_plain(m);
    char version[32], creator[64];
    int rc;
    snprintf(version, sizeof version, "%d.%d", FDHT_MODELFILE_MAJOR,
             s->frame.by_channel ? FDHT_MODELFILE_MINOR
             : plain             ? 0
                                 : 1);
    snprintf(creator, sizeof creator, "fdht %s", fdht_version());
    if ((rc = fdht_h5_put_string(root, "format", "fdht-model", err)) ||
        (rc = fdht_h5_put_string(root, "version", version, err)) ||
        (rc = fdht_h5_put_string(root, "creator", creator, err)) ||
        (rc = put_shape(root, &s->cell[0], err)) ||
        (rc = fdht_h5_put_string(root, "gates", fdht_recurrent_order(s->cell[0].recurrent), err)) ||
        (rc = fdht_h5_put_int(root, "layers", s->layers, err)) ||
        (rc = fdht_h5_put_int(root, "directions", s->directions, err)) ||
        (rc = fdht_h5_put_string(root, "pool", plain ? fdht_pool_name(s->pool) : "chain", err)) ||
        (rc = fdht_h5_put_int(root, "n_classes", (int64_t)s->classes, err)) ||
        (rc = put_frame(root, &s->frame, err)))
        return rc;
    if (!s->class_name || !s->classes)
        return FDHT_OK;
    return fdht_h5_put_strings(root, "classes", (const char *const *)s->class_name, s->classes, err);
}

static int put_layer(hid_t file, const fdht_model_spec *s, const fdht_link *l, int layer, fdht_error *err)
{
    int rc = FDHT_OK;
    for (int d = 0; d < l->directions && !rc; d++) {
        char path[32];
        hid_t group;
        snprintf(path, sizeof path, "cells/%d", l->cell + d);
        FDHT_H5_TRY
        {
            group = H5Gopen2(file, path, H5P_DEFAULT); /* its parameters have made it */
        }
        FDHT_H5_END
        if (group < 0)
            return fdht_fail(err, FDHT_EINTERNAL, "%s: no parameters", path);
        rc = put_cell(group, &s->cell[l->cell + d], layer, d, err);
        H5Gclose(group);
    }
    return rc;
}

static int put_cells(hid_t file, const fdht_model_spec *s, fdht_error *err)
{
    int rc = FDHT_OK, layer = 0;
    for (int k = 0; k < s->links && !rc; k++)
        if (s->link[k].kind == FDHT_LINK_LSTM)
            rc = put_layer(file, s, &s->link[k], layer++, err);
    return rc;
}

static hid_t file_type(fdht_blob_type type, hid_t *mem)
{
    switch (type) {
    case FDHT_BLOB_U8:
        *mem = H5T_NATIVE_UINT8;
        return H5T_STD_U8LE;
    case FDHT_BLOB_I64:
        *mem = H5T_NATIVE_INT64;
        return H5T_STD_I64LE;
    case FDHT_BLOB_U64:
        *mem = H5T_NATIVE_UINT64;
        return H5T_STD_U64LE;
    case FDHT_BLOB_F32:
        *mem = H5T_NATIVE_FLOAT;
        return H5T_IEEE_F32LE;
    case FDHT_BLOB_F64:
        *mem = H5T_NATIVE_DOUBLE;
        return H5T_IEEE_F64LE;
    }
    return -1;
}

static int put_training(hid_t file, const fdht_blobs *t, fdht_error *err)
{
    int rc = FDHT_OK;
    for (size_t i = 0; i < t->n && !rc; i++) {
        const fdht_blob *b = &t->blob[i];
        char path[96];
        hid_t mem = -1, type = file_type(b->type, &mem);
        if (type < 0 || !b->name[0] || strchr(b->name, '/') || b->name[0] == '.')
            return fdht_fail(err, FDHT_EINVAL, "training state '%.60s': name or type", b->name);
        snprintf(path, sizeof path, "training/%.63s", b->name);
        rc = fdht_h5_write(file, path, 1, &b->count, type, mem, b->data, err);
    }
    return rc;
}

/* How it was made, on a group of its own. */
static int put_origin(hid_t file, const fdht_model *m, fdht_error *err)
{
    hid_t group = -1;
    int rc = FDHT_OK;
    for (int k = 0; k < FDHT_ORIGINS && !rc; k++) {
        const char *text = fdht_model_origin(m, (fdht_origin)k);
        if (*text && group < 0)
            rc = fdht_h5_group(file, "origin", &group, err);
        if (*text && !rc)
            rc = fdht_h5_put_string(group, fdht_origin_name((fdht_origin)k), text, err);
    }
    if (group >= 0)
        H5Gclose(group);
    return rc;
}

static int write_all(hid_t file, const fdht_model *m, const fdht_blobs *training, fdht_error *err)
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    const float *values = fdht_model_values_const(m);
    int rc = put_root(file, m, err);
    for (int i = 0; i < fdht_model_params(m) && !rc; i++) {
        const fdht_param *p = fdht_model_param(m, i);
        rc = fdht_h5_write(file, p->name, p->order, p->dim, H5T_IEEE_F32LE, H5T_NATIVE_FLOAT,
                           values + p->offset, err);
    }
    if (!rc)
        rc = put_cells(file, s, err);
    if (!rc && !is_plain(m))
        rc = fdht_modelfile_put_links(file, s, err);
    if (!rc)
        rc = put_origin(file, m, err);
    if (!rc && training)
        rc = put_training(file, training, err);
    return rc;
}

int fdht_modelfile_write(const char *path, const fdht_model *m, const fdht_blobs *training,
                         const fdht_out_options *opt, fdht_error *err)
{
    fdht_out *out = NULL;
    hid_t file = -1;
    int rc = fdht_out_open(path, true, opt, &out, err);
    if (rc)
        return rc;
    if (!(rc = fdht_h5_create(out, false, &file, err)))
        rc = write_all(file, m, training, err);
    int closed = fdht_h5_close(&file, rc ? NULL : err);
    rc = fdht_h5_end(rc ? rc : closed, err);
    if (rc)
        fdht_fail_prefix(err, rc, "%s", path);
    else {
        rc = fdht_out_commit(out, err);
        out = NULL;
    }
    fdht_out_discard(out);
    return rc;
}
