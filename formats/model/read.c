/* model/read.c - reading model files: attributes first, then values, every size checked against the file. */
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fdht/modelfile.h"
#include "hdf5/h5.h"
#include "model/attr.h"

enum { MAX_LAYERS = 1024, MAX_BLOCKS = 4096, MAX_EXPANSION = 1100 };
#define MAX_SIDE ((int64_t)1 << 40)

/* What is read before the model can be made; the strings and cells are freed by clear_spec. */
struct reading {
    hid_t file;
    size_t bytes; /* of the file */
    fdht_model_spec spec;
    size_t n_names;
};

/* The library found an argument wrong; here that means the file is. */
static int blame_file(int rc, fdht_error *err)
{
    if (rc != FDHT_EINVAL)
        return rc;
    if (err)
        err->code = FDHT_EFORMAT;
    return FDHT_EFORMAT;
}

/* Exactly n sizes of at least low; n = SIZE_MAX: any number up to max, *got of them. */
static int get_sizes(hid_t loc, const char *name, size_t n, size_t max, int64_t low, size_t *out, size_t *got,
                     fdht_error *err)
{
    int64_t v[FDHT_MAX_NODES + 1];
    int rc = fdht_h5_attr_ints(loc, name, v, FDHT_MIN(max, FDHT_COUNT(v)), got, err);
    if (rc == FDHT_ENOENT)
        return fdht_fail(err, FDHT_EFORMAT, "attribute %s: missing", name);
    if (rc)
        return rc;
    if (n != SIZE_MAX && *got != n)
        return fdht_fail(err, FDHT_EFORMAT, "attribute %s: expected (%zu), file has (%zu)", name, n, *got);
    for (size_t i = 0; i < *got; i++) {
        if (v[i] < low || v[i] > MAX_SIDE)
            return fdht_fail(err, FDHT_EFORMAT, "attribute %s: %lld at position %zu", name, (long long)v[i],
                             i);
        out[i] = (size_t)v[i];
    }
    return FDHT_OK;
}

/* "MAJOR.MINOR", digits only. */
static bool parse_version(const char *s, int *major, int *minor)
{
    char *end;
    if (!isdigit((unsigned char)*s) || strlen(s) > 15)
        return false;
    *major = (int)strtol(s, &end, 10);
    if (*end != '.' || !isdigit((unsigned char)end[1]))
        return false;
    *minor = (int)strtol(end + 1, &end, 10);
    return !*end;
}

static int read_header(hid_t file, fdht_modelfile_info *info, fdht_error *err)
{
    char word[64];
    int rc;
    if (!fdht_h5_has_attr(file, "format"))
        return fdht_fail(err, FDHT_EFORMAT, "not an fdht model (no attribute format)");
    if ((rc = fdht_attr_word(file, "format", word, sizeof word, err)))
        return rc;
    if (strcmp(word, "fdht-model"))
        return fdht_fail(err, FDHT_EFORMAT, "not an fdht model (format is '%.40s')", word);
    if ((rc = fdht_attr_word(file, "creator", info->creator, sizeof info->creator, err)) ||
        (rc = fdht_attr_word(file, "version", word, sizeof word, err)))
        return rc;
    if (!parse_version(word, &info->major, &info->minor))
        return fdht_fail(err, FDHT_EFORMAT, "attribute version: '%.40s' is not MAJOR.MINOR", word);
    if (info->major != FDHT_MODELFILE_MAJOR)
        return fdht_fail(err, FDHT_EVERSION, "model of version %s (this program reads %d.x), written by %s",
                         word, FDHT_MODELFILE_MAJOR, info->creator);
    if ((rc = fdht_attr_word(file, "gates", word, sizeof word, err)))
        return rc;
    bool known = false; /* those of the first cell */
    for (int r = 0; r < FDHT_RECURRENTS; r++)
        known |= !strcmp(word, fdht_recurrent_order((fdht_recurrent)r));
    if (!known)
        return fdht_fail(err, FDHT_EFORMAT, "attribute gates: '%.40s', expected ifgo or rzn", word);
    info->training = fdht_h5_has(file, "training");
    return FDHT_OK;
}

/* A mean and a std for each channel; without them there is one for all. */
static int read_channels(hid_t file, fdht_frame_spec *f, fdht_error *err)
{
    size_t n = 0, n_std = 0;
    int rc;
    if (!fdht_h5_has_attr(file, "frame_channel_mean"))
        return FDHT_OK;
    if ((rc =
             fdht_h5_attr_doubles(file, "frame_channel_mean", f->channel_mean, FDHT_MAX_CHANNELS, &n, err)) ||
        (rc =
             fdht_h5_attr_doubles(file, "frame_channel_std", f->channel_std, FDHT_MAX_CHANNELS, &n_std, err)))
        return rc == FDHT_ENOENT ? fdht_fail(err, FDHT_EFORMAT, "attribute frame_channel_std: missing") : rc;
    if (n != f->channels || n_std != n)
        return fdht_fail(err, FDHT_EFORMAT,
                         "attribute frame_channel_mean: %zu and %zu numbers for %zu channels", n, n_std,
                         f->channels);
    f->by_channel = true;
    f->mean = 0;
    f->std = 1;
    return FDHT_OK;
}

static int read_frame(hid_t file, fdht_frame_spec *f, fdht_error *err)
{
    static const char *const samples[] = {"even", "random"};
    size_t size[2], n;
    int64_t channels, diff, gray, resize, frames;
    int rc, sample;
    if ((rc = get_sizes(file, "frame_size", 2, 2, 0, size, &n, err)) ||
        (rc = fdht_attr_count(file, "frame_channels", 0, 4096, &channels, err)) ||
        (rc = fdht_attr_number(file, "frame_mean", &f->mean, err)) ||
        (rc = fdht_attr_number(file, "frame_std", &f->std, err)) ||
        (rc = fdht_attr_count(file, "frame_diff", 0, 1, &diff, err)) ||
        (rc = fdht_attr_count(file, "frame_gray", 0, 1, &gray, err)) ||
        (rc = fdht_attr_count(file, "frame_resize", 0, 1, &resize, err)) ||
        (rc = fdht_attr_count(file, "frame_frames", 0, INT32_MAX, &frames, err)) ||
        (rc = fdht_attr_choice(file, "frame_sample", samples, 2, &sample, err)))
        return rc;
    f->width = size[0];
    f->height = size[1];
    f->channels = (size_t)channels;
    if ((rc = read_channels(file, f, err)))
        return rc;
    f->diff = diff;
    f->gray = gray;
    f->resize = resize;
    f->frames = (size_t)frames;
    f->sample = sample ? FDHT_SAMPLE_RANDOM : FDHT_SAMPLE_EVEN;
    return FDHT_OK;
}

static int read_root(struct reading *r, fdht_error *err)
{
    static const char *const pools[] = {"last", "mean", "chain"};
    fdht_model_spec *s = &r->spec;
    int64_t layers, directions, classes;
    int rc, pool;
    if ((rc = fdht_attr_count(r->file, "layers", 1, MAX_LAYERS, &layers, err)) ||
        (rc = fdht_attr_count(r->file, "directions", 1, 2, &directions, err)) ||
        (rc = fdht_attr_choice(r->file, "pool", pools, 3, &pool, err)) ||
        (rc = fdht_attr_count(r->file, "n_classes", 0, INT32_MAX, &classes, err)) ||
        (rc = read_frame(r->file, &s->frame, err)))
        return rc;
    s->layers = (int)layers;
    s->directions = (int)directions;
    s->pool = pool == 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST;
    s->classes = (size_t)classes;
    s->cells = s->layers * s->directions;
    if (pool == 2 && (rc = fdht_modelfile_get_links(r->file, s, err)))
        return rc;
    if (!fdht_h5_has_attr(r->file, "classes"))
        return FDHT_OK;
    if ((rc = fdht_h5_attr_strings(r->file, "classes", &s->class_name, &r->n_names, err)))
        return rc;
    if (r->n_names != s->classes)
        return fdht_fail(err, FDHT_EFORMAT, "attribute classes: %zu names for %zu classes", r->n_names,
                         s->classes);
    return FDHT_OK;
}

static int read_ranks(hid_t loc, fdht_op_spec *op, fdht_error *err)
{
    char tree[512];
    size_t n, got;
    int rc;
    if (fdht_format_traits_of(op->format)->tree) {
        if ((rc = fdht_attr_word(loc, "tree", tree, sizeof tree, err)))
            return rc;
        if ((rc = blame_file(fdht_tree_parse(tree, op->d, &op->tree, err), err)))
            return fdht_fail_prefix(err, rc, "attribute tree");
    }
    n = fdht_op_spec_ranks(op);
    return n ? get_sizes(loc, "ranks", n, n, 1, op->rank, &got, err) : FDHT_OK;
}

static int read_box(hid_t loc, const char *corner, const char *size, int d, fdht_box *b, fdht_error *err)
{
    size_t got;
    int rc = get_sizes(loc, corner, (size_t)d, (size_t)d, 0, b->corner, &got, err);
    return rc ? rc : get_sizes(loc, size, (size_t)d, (size_t)d, 1, b->size, &got, err);
}

/* Layer and direction of cell i; a reversed layer of one direction counts as forward. */
static void place_of_cell(const fdht_model_spec *s, int i, int *layer, int *direction)
{
    *layer = s->links ? 0 : i / s->directions;
    *direction = s->links ? 0 : i % s->directions;
    for (int k = 0; k < s->links; k++) {
        if (s->link[k].kind != FDHT_LINK_LSTM)
            continue;
        *direction = i - s->link[k].cell;
        if (*direction < s->link[k].directions)
            return;
        ++*layer;
    }
}

/* Without the attribute a cell is an LSTM. */
static int read_recurrent(hid_t loc, fdht_recurrent *out, fdht_error *err)
{
    const char *word[FDHT_RECURRENTS];
    int which;
    if (!fdht_h5_has_attr(loc, "recurrent"))
        return FDHT_OK;
    for (int i = 0; i < FDHT_RECURRENTS; i++)
        word[i] = fdht_recurrent_name((fdht_recurrent)i);
    int rc = fdht_attr_choice(loc, "recurrent", word, FDHT_RECURRENTS, &which, err);
    if (!rc)
        *out = (fdht_recurrent)which;
    return rc;
}

static int read_cell(hid_t loc, const struct reading *r, int i, fdht_cell_spec *c, fdht_error *err)
{
    static const char *const directions[] = {"forward", "reverse"};
    char kind[32], format[32];
    int64_t inputs, hidden, proj, bias, blocks, layer;
    size_t d, got;
    int rc, direction, want_layer, want_direction;
    if ((rc = fdht_attr_word(loc, "cell", kind, sizeof kind, err)) ||
        (rc = fdht_attr_word(loc, "format", format, sizeof format, err)) ||
        (rc = fdht_attr_count(loc, "layer", 0, MAX_LAYERS, &layer, err)) ||
        (rc = fdht_attr_choice(loc, "direction", directions, 2, &direction, err)) ||
        (rc = fdht_attr_count(loc, "inputs", 1, MAX_SIDE, &inputs, err)) ||
        (rc = fdht_attr_count(loc, "hidden_size", 1, MAX_SIDE, &hidden, err)) ||
        (rc = fdht_attr_count(loc, "proj_size", 0, MAX_SIDE, &proj, err)) ||
        (rc = fdht_attr_count(loc, "bias", 0, 1, &bias, err)) ||
        (rc = read_recurrent(loc, &c->recurrent, err)) ||
        (rc = fdht_attr_activation(loc, "activation", false, &c->activation, err)) ||
        (rc = fdht_attr_activation(loc, "candidate", true, &c->candidate, err)) ||
        (rc = fdht_attr_activation(loc, "output", true, &c->output, err)) ||
        (rc = fdht_attr_count(loc, "blocks", 1, MAX_BLOCKS, &blocks, err)) ||
        (rc = get_sizes(loc, "in_modes", SIZE_MAX, FDHT_MAX_MODES, 1, c->op.in, &d, err)) ||
        (rc = get_sizes(loc, "out_modes", d, FDHT_MAX_MODES, 1, c->op.out, &got, err)))
        return rc;
    if (!d)
        return fdht_fail(err, FDHT_EFORMAT, "attribute in_modes: empty");
    if (fdht_cell_parse(kind, &c->kind, err) || fdht_format_parse(format, &c->op.format, err))
        return fdht_fail(err, FDHT_EFORMAT, "unknown cell '%s' of format '%s'", kind, format);
    place_of_cell(&r->spec, i, &want_layer, &want_direction);
    if (layer != want_layer || direction != want_direction)
        return fdht_fail(err, FDHT_EFORMAT, "is of layer %lld, direction %s, expected layer %d, direction %s",
                         (long long)layer, directions[direction], want_layer, directions[want_direction]);
    c->inputs = (size_t)inputs;
    c->hidden = (size_t)hidden;
    c->proj = (size_t)proj;
    c->bias = bias;
    c->op.d = (int)d;
    c->op.blocks = fdht_format_traits_of(c->op.format)->blocks ? (int)blocks : 0;
    if ((rc = read_ranks(loc, &c->op, err)) || c->kind != FDHT_CELL_FDHT)
        return rc;
    if ((rc = read_box(loc, "x_corner", "x_size", c->op.d, &c->x, err)))
        return rc;
    return read_box(loc, "h_corner", "h_size", c->op.d, &c->h, err);
}

static int read_cells(struct reading *r, fdht_error *err)
{
    size_t n = (size_t)r->spec.cells;
    int rc = FDHT_OK;
    r->spec.cell = fdht_calloc_err(n, sizeof *r->spec.cell, "model cells", err);
    if (!r->spec.cell)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < n && !rc; i++) {
        char path[32];
        hid_t group = -1;
        snprintf(path, sizeof path, "/cells/%zu", i);
        FDHT_H5_TRY
        {
            if (fdht_h5_is_group(r->file, path))
                group = H5Gopen2(r->file, path, H5P_DEFAULT);
        }
        FDHT_H5_END
        if (group < 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: missing or damaged", path);
        fdht_cell_spec_default(&r->spec.cell[i]);
        if ((rc = read_cell(group, r, (int)i, &r->spec.cell[i], err)))
            fdht_fail_prefix(err, rc, "%s", path);
        H5Gclose(group);
    }
    return rc;
}

/* The numbers that cell i asks for; false on overflow. */
static bool cell_size(const fdht_cell_spec *c, size_t parameters, size_t *out)
{
    size_t state = c->proj ? c->proj : c->hidden, rows, bias, hidden = 0, proj = 0, n;
    if (!fdht_mul(c->hidden, (size_t)fdht_recurrent_gates(c->recurrent), &rows) ||
        !fdht_mul(c->hidden, (size_t)fdht_recurrent_biases(c->recurrent), &bias) ||
        (c->kind != FDHT_CELL_FDHT && !fdht_mul(rows, state, &hidden)) ||
        !fdht_mul(c->proj, c->hidden, &proj))
        return false;
    n = parameters;
    if ((n += bias) < bias || (n += hidden) < hidden || (n += proj) < proj)
        return false;
    *out = n;
    return true;
}

/* The numbers that a link asks for; false on overflow. */
static bool link_size(const fdht_link *l, size_t *out)
{
    *out = l->kind == FDHT_LINK_NORM || l->kind == FDHT_LINK_LAYER_NORM ? 2 * l->inputs : 0;
    return l->kind != FDHT_LINK_DENSE || fdht_mul(l->outputs, l->inputs + 1, out);
}

/* The attributes alone say how large the model is: they must not ask for more than the file can hold. */
static int check_size(const struct reading *r, fdht_error *err)
{
    const fdht_model_spec *s = &r->spec;
    size_t total = 0, allowed, n, cells = (size_t)s->cells;
    if (!fdht_mul(r->bytes, MAX_EXPANSION / sizeof(float), &allowed))
        allowed = SIZE_MAX;
    for (size_t i = 0; i < cells; i++) {
        fdht_op *op = NULL;
        int rc = blame_file(fdht_op_new(&s->cell[i].op, &op, err), err);
        if (rc)
            return fdht_fail_prefix(err, rc, "/cells/%zu", i);
        n = fdht_op_parameters(op);
        fdht_op_free(op);
        if (!cell_size(&s->cell[i], n, &n) || (total += n) < n || total > allowed)
            return fdht_fail(err, FDHT_EFORMAT, "/cells/%zu: describes more numbers than %zu bytes can hold",
                             i, r->bytes);
    }
    for (int k = 0; k < s->links; k++)
        if (!link_size(&s->link[k], &n) || (total += n) < n || total > allowed)
            return fdht_fail(err, FDHT_EFORMAT, "/chain/%d: describes more numbers than %zu bytes can hold",
                             k, r->bytes);
    const fdht_cell_spec *last = &s->cell[cells - 1];
    size_t outputs = (last->proj ? last->proj : last->hidden) * (size_t)s->directions;
    if (!s->links && (!fdht_mul(s->classes, outputs + 1, &n) || n > allowed - total))
        return fdht_fail(err, FDHT_EFORMAT, "/classifier: describes more numbers than %zu bytes can hold",
                         r->bytes);
    return FDHT_OK;
}

static int read_values(const struct reading *r, fdht_model *m, fdht_error *err)
{
    int rc = FDHT_OK;
    float *values = fdht_model_values(m);
    for (int i = 0; i < fdht_model_params(m) && !rc; i++) {
        const fdht_param *p = fdht_model_param(m, i);
        fdht_h5_array a;
        if ((rc = fdht_h5_open_array(r->file, p->name, &a, err))) {
            rc = rc == FDHT_ENOENT ? fdht_fail(err, FDHT_EFORMAT, "/%s: missing", p->name) : rc;
            break;
        }
        if (a.class != H5T_FLOAT || a.type_size != sizeof(float))
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: expected float32", a.path);
        else if (a.count && !a.stored)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: holds no data", a.path);
        else if (!(rc = fdht_h5_expect(&a, p->order, p->dim, err)))
            rc = fdht_h5_read(&a, H5T_NATIVE_FLOAT, values + p->offset, err);
        fdht_h5_close_array(&a);
    }
    return rc;
}

/* ---- training state ---- */

static int blob_type(const fdht_h5_array *a, fdht_blob_type *type, hid_t *mem)
{
    bool sign = a->class == H5T_INTEGER && H5Tget_sign(a->type) != H5T_SGN_NONE;
    if (a->class == H5T_INTEGER && a->type_size == 1 && !sign) {
        *type = FDHT_BLOB_U8;
        *mem = H5T_NATIVE_UINT8;
    } else if (a->class == H5T_INTEGER && a->type_size == 8) {
        *type = sign ? FDHT_BLOB_I64 : FDHT_BLOB_U64;
        *mem = sign ? H5T_NATIVE_INT64 : H5T_NATIVE_UINT64;
    } else if (a->class == H5T_FLOAT && (a->type_size == 4 || a->type_size == 8)) {
        *type = a->type_size == 4 ? FDHT_BLOB_F32 : FDHT_BLOB_F64;
        *mem = a->type_size == 4 ? H5T_NATIVE_FLOAT : H5T_NATIVE_DOUBLE;
    } else
        return FDHT_EFORMAT;
    return FDHT_OK;
}

static int read_blob(hid_t file, const char *name, fdht_blob *b, fdht_error *err)
{
    char path[96];
    fdht_h5_array a;
    hid_t mem;
    if (strlen(name) >= sizeof b->name)
        return fdht_fail(err, FDHT_EFORMAT, "/training/%.40s..: name is too long", name);
    snprintf(path, sizeof path, "training/%s", name);
    int rc = fdht_h5_open_array(file, path, &a, err);
    if (rc)
        return rc;
    strcpy(b->name, name);
    if (a.rank != 1 || blob_type(&a, &b->type, &mem))
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: unexpected kind of training state", a.path);
    else if (a.count && !a.stored)
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: holds no data", a.path);
    else if (!(b->data = fdht_calloc_err(a.count, a.type_size, a.path, err)))
        rc = FDHT_ENOMEM;
    else {
        b->count = a.count;
        rc = a.count ? fdht_h5_read(&a, mem, b->data, err) : FDHT_OK;
    }
    fdht_h5_close_array(&a);
    return rc;
}

static int read_training(hid_t file, fdht_blobs **out, fdht_error *err)
{
    char **name = NULL;
    size_t n = 0;
    int rc = fdht_h5_list(file, "training", &name, &n, err);
    if (rc)
        return rc == FDHT_ENOENT ? fdht_fail(err, FDHT_EFORMAT, "/training: damaged") : rc;
    fdht_blobs *b = fdht_calloc_err(1, sizeof *b, "training state", err);
    if (!b || !(b->blob = fdht_calloc_err(n, sizeof *b->blob, "training state", err)))
        rc = FDHT_ENOMEM;
    for (size_t i = 0; i < n && !rc; i++)
        rc = read_blob(file, name[i], &b->blob[b->n++], err);
    fdht_h5_free_strings(name, n);
    if (rc)
        fdht_blobs_free(b);
    else
        *out = b;
    return rc;
}

void fdht_blobs_free(fdht_blobs *b)
{
    if (!b)
        return;
    for (size_t i = 0; b->blob && i < b->n; i++)
        fdht_free(b->blob[i].data);
    fdht_free(b->blob);
    fdht_free(b);
}

int fdht_blobs_find(const fdht_blobs *b, const char *name, fdht_blob_type type, size_t count,
                    const fdht_blob **out, fdht_error *err)
{
    *out = NULL;
    for (size_t i = 0; i < b->n; i++) {
        const fdht_blob *x = &b->blob[i];
        if (strcmp(x->name, name))
            continue;
        if (x->type != type || (count != SIZE_MAX && x->count != count))
            return fdht_fail(err, FDHT_EFORMAT,
                             "/training/%s: expected %zu numbers of type %d, file has %zu of type %d", name,
                             count, type, x->count, x->type);
        *out = x;
        return FDHT_OK;
    }
    return fdht_fail(err, FDHT_EFORMAT, "/training/%s: missing", name);
}

/* ---- the whole ---- */

/* How it was made: what is said of it, if anything is. */
static int read_origin(hid_t file, fdht_model *m, fdht_error *err)
{
    char text[FDHT_ORIGIN_TEXT];
    hid_t group = -1;
    int rc = FDHT_OK;
    if (fdht_h5_has_attr(file, "config") && /* files of before: the options were an attribute of their own */
        !fdht_h5_attr_string(file, "config", text, sizeof text,
                             NULL)) /* a note, not the model: none if too long */
        fdht_model_set_origin(m, FDHT_ORIGIN_OPTIONS, text);
    if (!fdht_h5_has(file, "origin"))
        return FDHT_OK;
    FDHT_H5_TRY
    {
        group = fdht_h5_is_group(file, "origin") ? H5Gopen2(file, "origin", H5P_DEFAULT) : -1;
    }
    FDHT_H5_END
    if (group < 0)
        return fdht_fail(err, FDHT_EFORMAT, "/origin: damaged");
    for (int k = 0; k < FDHT_ORIGINS && !rc; k++) {
        const char *name = fdht_origin_name((fdht_origin)k);
        if (fdht_h5_has_attr(group, name) && !(rc = fdht_attr_word(group, name, text, sizeof text, err)))
            fdht_model_set_origin(m, (fdht_origin)k, text);
    }
    H5Gclose(group);
    return rc ? fdht_fail_prefix(err, rc, "/origin") : rc;
}

static int read_model(struct reading *r, fdht_modelfile_info *info, fdht_model **out, fdht_error *err)
{
    int rc;
    if ((rc = read_header(r->file, info, err)) || (rc = read_root(r, err)) || (rc = read_cells(r, err)) ||
        (rc = check_size(r, err)))
        return rc;
    rc = blame_file(fdht_model_new(&r->spec, out, err), err);
    if (!rc)
        rc = read_values(r, *out, err);
    return rc ? rc : read_origin(r->file, *out, err);
}

int fdht_modelfile_read(const char *path, fdht_model **out, fdht_blobs **training, fdht_modelfile_info *info,
                        fdht_error *err)
{
    struct reading r = {.file = -1};
    fdht_modelfile_info own = {0};
    fdht_model *m = NULL;
    struct stat st;
    *out = NULL;
    if (training)
        *training = NULL;
    int rc = fdht_h5_open(path, &r.file, err);
    if (!rc) {
        own.bytes = stat(path, &st) == 0 ? (uint64_t)st.st_size : 0;
        r.bytes = (size_t)own.bytes;
        rc = read_model(&r, &own, &m, err);
    }
    if (!rc && training && own.training)
        rc = read_training(r.file, training, err);
    rc = fdht_h5_end(rc, err);
    fdht_h5_close(&r.file, NULL);
    fdht_free(r.spec.cell);
    fdht_free(r.spec.link);
    fdht_h5_free_strings(r.spec.class_name, r.n_names);
    if (rc) {
        fdht_model_free(m);
        return fdht_fail_prefix(err, rc, "%s", path);
    }
    if (info)
        *info = own;
    *out = m;
    return FDHT_OK;
}
