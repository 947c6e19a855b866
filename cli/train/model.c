#include "train/train.h"

#include <string.h>

#include "fdht/basics.h"
#include "fdht/decomp.h"
#include "fdht/preset.h"
#include "fdht/weights.h"

/* The cell as it is being decided: modes of x alone, before h is placed. */
typedef struct design {
    fdht_cell_spec cell;
    bool have_enlarge;
    size_t enlarge[FDHT_MAX_MODES], hidden_box[FDHT_MAX_MODES]; /* hidden_box[0] = 0: to be chosen */
    bool diff;
} design;

/* h has to be placed anew: the modes or sizes have changed. */
static void forget_place(design *d)
{
    d->have_enlarge = false;
    d->hidden_box[0] = 0;
}

static size_t product(const size_t *v, int n)
{
    size_t p;
    (void)fdht_product(v, (size_t)n, &p); /* SIZE_MAX where it overflows */
    return p;
}

static int from_preset(cli *c, const char *name, design *d)
{
    fdht_preset p;
    int st = fdht_preset_get(name, &p, &c->err);
    if (st)
        return st;
    if (p.layer)
        return cli_usage(c, "--preset %s: a layer, no model to train", name);
    d->cell = p.cell;
    d->diff = p.frame.diff;
    if (p.cell.kind == FDHT_CELL_FDHT) {
        d->have_enlarge = true;
        for (int k = 0; k < p.cell.op.d; k++) {
            d->enlarge[k] = p.cell.op.in[k] - p.cell.x.size[k];
            d->hidden_box[k] = p.cell.h.size[k];
        }
        memcpy(d->cell.op.in, p.cell.x.size, sizeof d->cell.op.in);
    }
    return FDHT_OK;
}

static int take_list(cli *c, const char *option, const cli_sizes *list, int d, size_t *out)
{
    if (list->n != (size_t)d)
        return cli_usage(c, "--%s: expected %d numbers, one a mode, got %zu", option, d, list->n);
    memcpy(out, list->v, list->n * sizeof *out);
    return FDHT_OK;
}

/* Modes where none were given: those of fewest parameters. They may hold more than there is; the rest stays empty. */
static int choose_modes(cli *c, const train_args *a, size_t inputs, size_t hidden, design *d)
{
    fdht_op_spec *op = &d->cell.op;
    char reason[256];
    op->format = fdht_cell_format(d->cell.kind);
    size_t rank = a->rank ? a->rank : fdht_format_traits_of(op->format)->default_rank;
    if (fdht_format_traits_of(op->format)->blocks) /* counted as a train of that rank */
        op->format = FDHT_TT;
    int st = fdht_choose_modes(inputs, 4 * hidden, 4, rank, false, op, reason, &c->err);
    if (!st)
        cli_note(c, "%s", reason);
    return st;
}

static int take_modes(cli *c, const train_args *a, size_t inputs, size_t hidden, design *d)
{
    fdht_op_spec *op = &d->cell.op;
    int st = FDHT_OK;
    if (d->cell.kind == FDHT_CELL_DENSE) {
        if (a->in_modes.n || a->out_modes.n)
            return cli_usage(c, "--in-modes and --out-modes are not for a dense cell");
        *op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {inputs}, .out = {4 * hidden}};
        return FDHT_OK;
    }
    if (a->in_modes.n > FDHT_MAX_MODES || a->out_modes.n > FDHT_MAX_MODES)
        return cli_usage(c, "--in-modes, --out-modes: at most %d modes", FDHT_MAX_MODES);
    if (a->in_modes.n && a->out_modes.n && a->in_modes.n != a->out_modes.n)
        return cli_usage(c, "--in-modes has %zu numbers, --out-modes %zu: expected as many", a->in_modes.n,
                         a->out_modes.n);
    if (a->in_modes.n || a->out_modes.n) {
        size_t n = a->in_modes.n ? a->in_modes.n : a->out_modes.n;
        bool keep = op->d == (int)n;
        if (!keep && !(a->in_modes.n && a->out_modes.n))
            return cli_usage(c, "--%s is missing", a->in_modes.n ? "out-modes" : "in-modes");
        if (!keep)
            forget_place(d);
        op->d = (int)n;
        if (a->in_modes.n && !(st = take_list(c, "in-modes", &a->in_modes, op->d, op->in)))
            forget_place(d);
        if (!st && a->out_modes.n)
            st = take_list(c, "out-modes", &a->out_modes, op->d, op->out);
    }
    if (!st && !op->d)
        return choose_modes(c, a, inputs, hidden, d);
    if (!st && product(op->in, op->d) != inputs)
        return cli_usage(c, "input modes multiply up to %zu, the clips have %zu inputs (--in-modes)",
                         product(op->in, op->d), inputs);
    if (!st && product(op->out, op->d) != 4 * hidden)
        return cli_usage(
            c, "output modes multiply up to %zu, 4 gates of %zu hidden units need %zu (--out-modes)",
            product(op->out, op->d), hidden, 4 * hidden);
    return st;
}

static int take_ranks(cli *c, const train_args *a, bool fresh, design *d)
{
    fdht_op_spec *op = &d->cell.op;
    op->format = fdht_cell_format(d->cell.kind);
    const fdht_format_traits *format = fdht_format_traits_of(op->format);
    bool tree = format->tree;
    if (a->tree && !tree)
        return cli_usage(c, "--tree is for ht and fdht cells");
    if (format->dense)
        return FDHT_OK;
    if (a->tree || (tree && op->tree.d != op->d)) {
        int st = fdht_tree_parse(a->tree ? a->tree : "balanced", op->d, &op->tree, &c->err);
        if (st)
            return st;
        fresh = true;
    }
    if (format->blocks)
        op->blocks = a->blocks ? (int)a->blocks : op->blocks ? op->blocks : 2;
    if (a->rank || fresh)
        fdht_op_spec_set_rank(op, a->rank ? a->rank : format->default_rank);
    if (!a->ranks.n)
        return FDHT_OK;
    size_t n = fdht_op_spec_ranks(op) - (tree ? 1 : 0); /* the root has none */
    if (a->ranks.n != n)
        return cli_usage(c, "--ranks: expected %zu numbers (%s), got %zu", n, format->rank_names, a->ranks.n);
    memcpy(op->rank, a->ranks.v, n * sizeof *op->rank);
    return FDHT_OK;
}

static int place_hidden(cli *c, const train_args *a, design *d)
{
    bool own = a->enlarge.n || a->enlarge_mode || a->hidden_box.n;
    if (d->cell.kind != FDHT_CELL_FDHT)
        return own ? cli_usage(c, "--enlarge, --enlarge-mode and --hidden-box are for fdht cells") : FDHT_OK;
    if (a->enlarge.n && a->enlarge_mode)
        return cli_usage(c, "--enlarge and --enlarge-mode exclude each other");
    int st = FDHT_OK;
    if (own)
        d->hidden_box[0] = 0;
    if (a->enlarge_mode)
        d->have_enlarge = false;
    if (a->enlarge.n) {
        st = take_list(c, "enlarge", &a->enlarge, d->cell.op.d, d->enlarge);
        d->have_enlarge = true;
    }
    if (!st && a->hidden_box.n)
        st = take_list(c, "hidden-box", &a->hidden_box, d->cell.op.d, d->hidden_box);
    if (st)
        return st;
    return fdht_cell_place(&d->cell, a->enlarge_mode ? a->enlarge_mode - 1 : 0,
                           d->have_enlarge ? d->enlarge : NULL, d->hidden_box[0] ? d->hidden_box : NULL,
                           &c->err);
}

/* The cell that the options describe. */
static int make_cell(cli *c, const train_args *a, const train_set *s, design *d)
{
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT,
                                           FDHT_CELL_TR,   FDHT_CELL_BT, FDHT_CELL_DENSE};
    const fdht_clip_shape *h = &s->shape;
    size_t inputs = h->features ? h->features : h->width * h->height * h->channels;
    const char *preset = a->preset;
    *d = (design){.cell = {.bias = true}};
    bool picture = h->width == 160 && h->height == 120 && h->channels == 3;
    if (!preset && a->cell <= 0 && !a->in_modes.n && !a->out_modes.n && picture &&
        (!a->hidden || a->hidden == 256)) {
        preset = "clips-fdht";
        cli_note(c, "preset clips-fdht (%zux%zux%zu frames)", h->width, h->height, h->channels);
    }
    int st = preset ? from_preset(c, preset, d) : FDHT_OK;
    if (st)
        return st;
    fdht_cell_kind kind = a->cell >= 0 ? kinds[a->cell] : preset ? d->cell.kind : FDHT_CELL_FDHT;
    size_t hidden = a->hidden ? a->hidden : preset ? d->cell.hidden : 256;
    if (hidden > SIZE_MAX / 8 / FDHT_MAX_MODES)
        return cli_usage(c, "--hidden %zu is too large", hidden);
    bool fresh = !preset || kind != d->cell.kind;
    if (fresh || hidden != d->cell.hidden)
        forget_place(d);
    d->cell.kind = kind;
    d->cell.hidden = hidden;
    d->cell.inputs = inputs;
    int modes = d->cell.op.d;
    if ((st = take_modes(c, a, inputs, hidden, d)) ||
        (st = take_ranks(c, a, fresh || modes != d->cell.op.d, d)))
        return st;
    return place_hidden(c, a, d);
}

/* Frames as the data has them, normalised by what the training clips are like. */
static int set_frames(cli *c, const train_args *a, train_set *s, bool diff, fdht_frame_spec *f)
{
    const fdht_clip_shape *h = &s->shape;
    *f = (fdht_frame_spec){.width = h->width, .height = h->height, .channels = h->channels, .std = 1};
    f->diff = a->diff || (diff && !a->no_diff);
    f->gray = a->gray;
    f->resize = a->resize.width > 0;
    f->frames = a->frames;
    f->sample = a->sample == 1 ? FDHT_SAMPLE_RANDOM : FDHT_SAMPLE_EVEN;
    return h->features ? FDHT_OK : fdht_pixel_stats(&s->data, f, &f->mean, &f->std, &c->err);
}

static int new_model(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    design d;
    int st = make_cell(c, a, s, &d);
    if (st)
        return st;
    fdht_model_spec spec = {.layers = 1,
                            .directions = 1,
                            .cell = &d.cell,
                            .classes = k->n,
                            .class_name = k->name,
                            .pool = a->pool == 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST};
    if ((st = set_frames(c, a, s, d.diff, &spec.frame)) || (st = fdht_model_new(&spec, out, &c->err)))
        return st;
    return fdht_model_init(*out, c->seed, a->init_scale, &c->err);
}

/* --init: a model file, or dense weights of another program. */
static int read_init(cli *c, const train_args *a, fdht_model **out)
{
    fdht_file_kind kind;
    fdht_weights *w = NULL;
    int first, count, st = fdht_file_identify(a->init, &kind, &c->err);
    if (st)
        return st;
    if (kind == FDHT_FILE_MODEL)
        return fdht_modelfile_read(a->init, out, NULL, NULL, &c->err);
    st = fdht_weights_open(a->init, NULL, &w, &c->err);
    if (!st)
        st = fdht_weights_select(w, a->layer, &first, &count, &c->err);
    if (!st)
        st = fdht_weights_model(w, first, count, a->activation >= 0 ? a->activation : FDHT_ACTIVATION_UNKNOWN,
                                out, &c->err);
    fdht_weights_close(w);
    return st;
}

static bool same_names(const fdht_model_spec *s, const train_classes *k)
{
    if (s->classes != k->n)
        return false;
    for (size_t i = 0; i < k->n; i++)
        if (s->class_name && k->name && strcmp(s->class_name[i], k->name[i]) != 0)
            return false;
    return true;
}

static int check_init(cli *c, const train_args *a, const fdht_model_spec *s, const fdht_clip_shape *h)
{
    size_t inputs = h->features ? h->features : h->width * h->height * h->channels;
    if (s->cell[0].inputs != inputs)
        return cli_usage(c, "--init %s takes %zu inputs, the clips have %zu (--resize, --gray)", a->init,
                         s->cell[0].inputs, inputs);
    if (s->frame.width &&
        (s->frame.width != h->width || s->frame.height != h->height || s->frame.channels != h->channels))
        return cli_usage(
            c, "--init %s takes frames of %zux%zux%zu, the clips have %zux%zux%zu (--resize, --gray)",
            a->init, s->frame.width, s->frame.height, s->frame.channels, h->width, h->height, h->channels);
    return FDHT_OK;
}

/* The model of --init with the frames and classes of the data. */
static int fitted_model(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    fdht_model *init = NULL;
    fdht_frame_spec measured;
    int st = read_init(c, a, &init);
    if (st)
        goto out;
    fdht_model_spec spec = *fdht_model_spec_of(init);
    bool same = same_names(&spec, k);
    if ((st = check_init(c, a, &spec, &s->shape)))
        goto out;
    if (spec.classes && !same)
        cli_warn(c, "%s: its classes are not the data's: the classifier starts anew", a->init);
    spec.classes = k->n;
    spec.class_name = k->name;
    if (a->pool >= 0)
        spec.pool = a->pool == 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST;
    if ((st = set_frames(c, a, s, spec.frame.diff, &measured)))
        goto out;
    if (!spec.frame.width || measured.diff != spec.frame.diff)
        spec.frame = measured; /* how frames are normalised was not known, or changes */
    if (a->frames)
        spec.frame.frames = a->frames;
    if (a->sample >= 0)
        spec.frame.sample = measured.sample;
    if ((st = fdht_model_new(&spec, out, &c->err)) ||
        (st = fdht_model_init(*out, c->seed, a->init_scale, &c->err)))
        goto out;
    /* the LSTM stands first; the classifier is kept if its classes are the same */
    size_t n = same ? fdht_model_size(init) : fdht_model_lstm_size(init);
    memcpy(fdht_model_values(*out), fdht_model_values_const(init), n * sizeof(float));
out:
    fdht_model_free(init);
    return st;
}

int train_model_make(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    *out = NULL;
    int st = a->init ? fitted_model(c, a, s, k, out) : new_model(c, a, s, k, out);
    if (st) {
        fdht_model_free(*out);
        *out = NULL;
    }
    return st;
}
