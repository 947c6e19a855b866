/* train/model.c - the model that `fdht train` starts from: designed from the options, or the one of --init. */
#include "train/train.h"
#include "frame/ranks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fdht/basics.h"
#include "fdht/design.h"
#include "fdht/preset.h"
#include "fdht/weights.h"
#include "frame/chain.h"

/* ---- a new model: the options of its cell, from a preset and the command line ---- */

/* h has to be placed anew: the modes or sizes have changed. */
static void forget_place(fdht_cell_options *o)
{
    memset(o->enlarge, 0, sizeof o->enlarge);
    memset(o->hidden_box, 0, sizeof o->hidden_box);
}

static size_t product(const size_t *v, int n)
{
    size_t p;
    (void)fdht_product(v, (size_t)n, &p); /* SIZE_MAX where it overflows */
    return p;
}

static int take_list(cli *c, const char *option, const cli_sizes *list, fdht_cell_options *o, size_t *out)
{
    o->d = o->d ? o->d : (int)list->n;
    if (list->n != (size_t)o->d || list->n > FDHT_MAX_MODES)
        return cli_usage(c, "--%s: expected %d numbers, one a mode, got %zu", option,
                         o->d < FDHT_MAX_MODES ? o->d : FDHT_MAX_MODES, list->n);
    memcpy(out, list->v, list->n * sizeof *out);
    return FDHT_OK;
}

/* The recurrence; the output modes of a preset, which are an LSTM's, get the gates of another in place of four. */
static void take_recurrent(const train_args *a, fdht_cell_options *o)
{
    int k = 0;
    if (a->recurrent < 0)
        return;
    o->recurrent = (fdht_recurrent)a->recurrent;
    while (k < o->d && o->out[k] % 4)
        k++;
    if (k < o->d)
        o->out[k] = o->out[k] / 4 * (size_t)fdht_recurrent_gates(o->recurrent);
}

static int take_modes(cli *c, const train_args *a, fdht_cell_options *o)
{
    size_t gates = (size_t)fdht_recurrent_gates(o->recurrent);
    size_t n = a->in_modes.n ? a->in_modes.n : a->out_modes.n;
    int status = FDHT_OK;
    if (o->kind == FDHT_CELL_DENSE && n)
        return cli_usage(c, "--in-modes and --out-modes are not for a dense cell");
    if (o->kind == FDHT_CELL_DENSE)
        o->d = 0, o->in[0] = 0, o->out[0] = 0;
    if (a->in_modes.n && a->out_modes.n && a->in_modes.n != a->out_modes.n)
        return cli_usage(c, "--in-modes has %zu numbers, --out-modes %zu: expected as many", a->in_modes.n,
                         a->out_modes.n);
    if (n && o->d != (int)n) {
        if (!a->in_modes.n || !a->out_modes.n)
            return cli_usage(c, "--%s is missing", a->in_modes.n ? "out-modes" : "in-modes");
        o->d = (int)n;
        o->n_ranks = 0;
        o->tree = NULL;
        forget_place(o);
    }
    if (a->in_modes.n && !(status = take_list(c, "in-modes", &a->in_modes, o, o->in)))
        forget_place(o);
    if (!status && a->out_modes.n)
        status = take_list(c, "out-modes", &a->out_modes, o, o->out);
    if (status || !o->d)
        return status;
    if (product(o->in, o->d) != o->inputs)
        return cli_usage(c, "input modes multiply up to %zu, the clips have %zu inputs (--in-modes)",
                         product(o->in, o->d), o->inputs);
    if (product(o->out, o->d) != gates * o->hidden)
        return cli_usage(
            c, "output modes multiply up to %zu, %zu gates of %zu hidden units need %zu (--out-modes)",
            product(o->out, o->d), gates, o->hidden, gates * o->hidden);
    return FDHT_OK;
}

static int take_ranks(cli *c, const train_args *a, fdht_cell_options *o)
{
    if (a->tree || a->rank)
        o->n_ranks = 0;
    o->tree = a->tree ? a->tree : o->tree;
    o->rank = a->rank;
    o->blocks = a->blocks ? (int)a->blocks : o->blocks;
    if (!a->ranks.n)
        return FDHT_OK;
    if (a->ranks.n > FDHT_MAX_NODES)
        return cli_usage(c, "--ranks: at most %d numbers, got %zu", FDHT_MAX_NODES, a->ranks.n);
    o->n_ranks = a->ranks.n;
    memcpy(o->ranks, a->ranks.v, a->ranks.n * sizeof *o->ranks);
    return FDHT_OK;
}

static int take_place(cli *c, const train_args *a, fdht_cell_options *o)
{
    int status = FDHT_OK;
    if (a->enlarge.n && a->enlarge_mode)
        return cli_usage(c, "--enlarge and --enlarge-mode exclude each other");
    if (a->enlarge.n || a->enlarge_mode)
        forget_place(o);
    if (a->enlarge_mode)
        o->enlarge_mode = a->enlarge_mode - 1;
    if (a->enlarge.n)
        status = take_list(c, "enlarge", &a->enlarge, o, o->enlarge);
    if (!status && a->hidden_box.n)
        status = take_list(c, "hidden-box", &a->hidden_box, o, o->hidden_box);
    return status;
}

/* A preset as options that the command line may change. */
static int from_preset(cli *c, const char *name, fdht_preset *p, fdht_cell_options *o, char *tree)
{
    int status = fdht_preset_get(name, p, &c->err);
    if (status)
        return status;
    if (p->layer)
        return cli_usage(c, "--preset %s: a layer, no model to train", name);
    fdht_cell_options_of(&p->cell, o, tree);
    return FDHT_OK;
}

/* Whether these frames and --hidden are those of the preset clips-fdht. */
static bool takes_clips(const train_args *a, const fdht_clip_shape *h)
{
    fdht_preset p;
    return fdht_preset_get("clips-fdht", &p, NULL) == FDHT_OK && h->width == p.frame.width &&
           h->height == p.frame.height && h->channels == p.frame.channels &&
           (!a->hidden || a->hidden == p.cell.hidden);
}

/* The preset of a new model: --preset, or clips-fdht where the frames are its own and no option gives another cell or modes; or NULL. */
static const char *preset_of(const train_args *a, const fdht_clip_shape *h)
{
    if (a->preset || a->init)
        return a->preset;
    return a->cell <= 0 && !a->in_modes.n && !a->out_modes.n && takes_clips(a, h) ? "clips-fdht" : NULL;
}

const char *train_cell_option(const cli *c, bool preset)
{
    static const char *const options[] = {"preset",    "cell",         "recurrent", "hidden", "in-modes",
                                          "out-modes", "rank",         "ranks",     "blocks", "tree",
                                          "enlarge",   "enlarge-mode", "hidden-box"};
    for (size_t i = preset ? 0 : 1; i < sizeof options / sizeof *options; i++)
        if (cli_given(c, options[i]))
            return options[i];
    return NULL;
}

void train_recipe(cli *c, const train_args *a, const train_set *s, const fdht_model *m, fdht_train_options *o)
{
    const char *name = train_cell_option(c, false) ? NULL : preset_of(a, &s->shape);
    bool dense = fdht_model_spec_of(m)->cell[0].kind == FDHT_CELL_DENSE;
    fdht_preset p = {.lr = 0};
    if (name && fdht_preset_get(name, &p, NULL) == FDHT_OK && p.epochs)
        cli_note(c, "preset %s: a rate of %g, %d epochs, unless --lr and --epochs say otherwise", name, p.lr,
                 p.epochs);
    o->lr = a->lr > 0 ? a->lr : p.lr > 0 ? p.lr : dense ? 3e-4 : 3e-3;
    o->epochs = cli_given(c, "epochs") || !p.epochs ? a->epochs : p.epochs;
}

/* The cell that the options describe; *diff: the preset wants difference frames. */
static int make_cell(cli *c, const train_args *a, const train_set *s, fdht_cell_spec *cell, bool *diff)
{
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT,
                                           FDHT_CELL_TR,   FDHT_CELL_BT, FDHT_CELL_DENSE};
    const fdht_clip_shape *h = &s->shape;
    const char *name = preset_of(a, h);
    char tree[8 * FDHT_MAX_NODES], reason[256];
    fdht_preset preset = {.name = NULL};
    fdht_cell_options o;
    int status = FDHT_OK;
    if (name && !a->preset)
        cli_note(c, "preset %s (%zux%zux%zu frames)", name, h->width, h->height, h->channels);
    fdht_cell_options_default(&o);
    o.hidden = 256;
    if (name && (status = from_preset(c, name, &preset, &o, tree)))
        return status;
    *diff = preset.frame.diff;
    fdht_cell_kind kind = a->cell >= 0 ? kinds[a->cell] : o.kind;
    if (kind != o.kind) { /* its modes may do, ranks and places do not */
        bool had_tree = o.kind == FDHT_CELL_HT || o.kind == FDHT_CELL_FDHT;
        o.tree = had_tree && (kind == FDHT_CELL_HT || kind == FDHT_CELL_FDHT) ? o.tree : NULL;
        o.n_ranks = 0;
        o.blocks = 0;
        forget_place(&o);
    }
    if (a->hidden && a->hidden != o.hidden)
        forget_place(&o);
    o.kind = kind;
    o.hidden = a->hidden ? a->hidden : o.hidden;
    o.inputs = h->features ? h->features : h->width * h->height * h->channels;
    take_recurrent(a, &o);
    if ((status = take_modes(c, a, &o)) || (status = take_ranks(c, a, &o)) || (status = take_place(c, a, &o)))
        return status;
    status = cli_see_help(c, fdht_cell_design(&o, cell, reason, &c->err));
    if (!status && !o.d && kind != FDHT_CELL_DENSE)
        cli_note(c, "%s", reason);
    return status;
}

/* Mean and deviation of the pixels, by rank 0 for all. The mean is a whole one, by which training keeps pixels as bytes. */
static int measure(cli *c, const train_set *s, fdht_frame_spec *f)
{
    double both[2] = {0, 1};
    int status = FDHT_OK;
    if (cli_first_rank(c))
        status = fdht_pixel_stats(&s->data, f, &both[0], &both[1], &c->err);
    if (c->ranks && !(status = cli_agree(c, status)))
        status = c->ranks->broadcast(c->ranks->arg, both, sizeof both, &c->err);
    f->mean = rint(both[0]);
    f->std = both[1];
    return status;
}

/* ---- frames, and the model ---- */

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
    size_t width, height, channels;
    int status = cli_pixels_size(c, &a->pixels, a->gray, &width, &height, &channels);
    if (!status && width && (width != h->width || height != h->height || channels != h->channels))
        status = h->features
                     ? cli_usage(c, "--frame %s: %s holds features", a->pixels.frame, a->data)
                     : cli_usage(c, "--frame %s: the clips have frames of %zux%zux%zu (--resize, --gray)",
                                 a->pixels.frame, h->width, h->height, h->channels);
    if (status)
        return status;
    if (cli_pixels_norm(&a->pixels))
        return cli_pixels_take(c, &a->pixels, f);
    return h->features ? FDHT_OK : measure(c, s, f);
}

static int new_model(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    fdht_cell_spec cell;
    bool diff;
    int status = make_cell(c, a, s, &cell, &diff);
    if (status)
        return status;
    fdht_model_spec spec = {.layers = 1,
                            .directions = 1,
                            .cell = &cell,
                            .classes = k->n,
                            .class_name = k->name,
                            .pool = a->pool == 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST};
    if ((status = set_frames(c, a, s, diff, &spec.frame)) || (status = fdht_model_new(&spec, out, &c->err)))
        return status;
    return fdht_model_init(*out, c->seed, a->init_scale, (fdht_start)a->start, &c->err);
}

/* --init: a model file, or dense weights of another program. */
static int read_init(cli *c, const train_args *a, fdht_model **out)
{
    fdht_file_kind kind;
    fdht_weights *w = NULL;
    fdht_weights_chain *chain = NULL;
    int first, count, status = fdht_file_identify(a->init, &kind, &c->err);
    if (status)
        return status;
    if (kind == FDHT_FILE_MODEL)
        return fdht_modelfile_read(a->init, out, NULL, NULL, &c->err);
    status = fdht_weights_open(a->init, NULL, &w, &c->err);
    if (!status)
        status = fdht_weights_select(w, a->layer, &first, &count, &c->err);
    if (!status)
        status = fdht_weights_chain_of(w, first, count, &chain, &c->err);
    if (!status)
        cli_warn_chain(c, chain);
    if (!status)
        status = fdht_weights_model(
            w, first, count, a->activation >= 0 ? a->activation : FDHT_ACTIVATION_UNKNOWN, out, &c->err);
    fdht_weights_chain_free(chain);
    fdht_weights_close(w);
    return status;
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

/* "frames of 16x16x1", or "features". */
static const char *describe(char text[static 96], size_t width, size_t height, size_t channels)
{
    if (width)
        snprintf(text, 96, "frames of %zux%zux%zu", width, height, channels);
    else
        snprintf(text, 96, "features");
    return text;
}

int train_check_model(cli *c, const char *option, const char *path, const fdht_model *m, bool any_kind,
                      const fdht_clip_shape *h)
{
    const fdht_frame_spec *f = &fdht_model_spec_of(m)->frame;
    size_t inputs = h->features ? h->features : h->width * h->height * h->channels;
    char takes[96], has[96];
    if (fdht_model_inputs(m) != inputs)
        return cli_usage(c, "--%s %s takes %zu inputs, the clips have %zu (--resize, --gray)", option, path,
                         fdht_model_inputs(m), inputs);
    if (any_kind && !f->width)
        return FDHT_OK;
    if (f->width != h->width || f->height != h->height || f->channels != h->channels)
        return cli_usage(c, "--%s %s takes %s, the clips have %s (--resize, --gray)", option, path,
                         describe(takes, f->width, f->height, f->channels),
                         describe(has, h->width, h->height, h->channels));
    return FDHT_OK;
}

/* The links of --init for so many classes: a classic chain as layers and pool, another one with its last dense link for the
 * new classes. link has room for one more. */
static int fit_links(cli *c, const train_args *a, const fdht_model *init, const train_classes *k, bool same,
                     fdht_model_spec *spec, fdht_link *link)
{
    const fdht_link *last = &spec->link[spec->links - 1];
    if (fdht_model_classic(init)) {
        if (k->n < 2)
            return cli_fail(c, FDHT_EFORMAT, "%s: expected labels of at least 2 classes, found %zu", a->data,
                            k->n);
        spec->links = 0;
        spec->link = NULL;
        spec->classes = k->n;
        if (a->pool >= 0)
            spec->pool = a->pool == 1 ? FDHT_POOL_MEAN : FDHT_POOL_LAST;
        return FDHT_OK;
    }
    if (a->pool >= 0)
        return cli_usage(c, "--pool: the model of --init has a chain of its own");
    memcpy(link, spec->link, (size_t)spec->links * sizeof *link);
    spec->link = link;
    if (spec->classes && same)
        return FDHT_OK;
    if (k->n < 2)
        return cli_fail(c, FDHT_EFORMAT, "%s: expected labels of at least 2 classes, found %zu", a->data,
                        k->n);
    if (!spec->classes)
        link[spec->links++] = (fdht_link){.kind = FDHT_LINK_DENSE, .bias = true, .activation = FDHT_LINEAR};
    else if (last->kind != FDHT_LINK_DENSE)
        return cli_fail(c, FDHT_EINVAL,
                        "%s: its last link is no dense link, so that its %zu outputs cannot become %zu",
                        a->init, spec->classes, k->n);
    if (!spec->classes)
        spec->output = FDHT_OUTPUT_SOFTMAX;
    link[spec->links - 1].outputs = k->n;
    spec->classes = k->n;
    return FDHT_OK;
}

/* Values of arrays that both models have in the same size; of the head only where its classes are the same. */
static void take_values(const fdht_model *from, fdht_model *to, bool head)
{
    int last = fdht_model_spec_of(to)->links - 1;
    for (int i = 0; i < fdht_model_params(to); i++) {
        const fdht_param *p = fdht_model_param(to, i), *q = fdht_model_find(from, p->name);
        bool of_head =
            p == fdht_model_link_param(to, last, "weight") || p == fdht_model_link_param(to, last, "bias");
        if (q && q->size == p->size && (head || !of_head))
            memcpy(fdht_model_values(to) + p->offset, fdht_model_values_const(from) + q->offset,
                   p->size * sizeof(float));
    }
}

/* What came before: the commands that made the model of --init, the last one first. */
static void take_origin(const fdht_model *from, fdht_model *to)
{
    char text[FDHT_ORIGIN_TEXT];
    const char *last = fdht_model_origin(from, FDHT_ORIGIN_COMMAND),
               *first = fdht_model_origin(from, FDHT_ORIGIN_BEFORE);
    snprintf(text, sizeof text, "%.500s%s%.500s", last, *first ? "; " : "", first);
    fdht_model_set_origin(to, FDHT_ORIGIN_BEFORE, text);
    for (int k = FDHT_ORIGIN_WEIGHTS; k <= FDHT_ORIGIN_WEIGHTS_DIGEST; k++)
        fdht_model_set_origin(to, (fdht_origin)k, fdht_model_origin(from, (fdht_origin)k));
}

/* The model of --init with the frames and classes of the data. */
static int fitted_model(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    fdht_model *init = NULL;
    fdht_link *link = NULL;
    fdht_frame_spec measured;
    int status = read_init(c, a, &init);
    if (status)
        goto out;
    fdht_model_spec spec = *fdht_model_spec_of(init);
    size_t classes = spec.classes;
    bool classless =
        spec.classes && (spec.output == FDHT_OUTPUT_LINEAR || /* values, one label, labels as targets */
                         (spec.output == FDHT_OUTPUT_SIGMOID &&
                          (spec.classes == 1 || fdht_dataset_info_of(s->file)->target_width)));
    bool same = classless || same_names(&spec, k);
    link = cli_calloc((size_t)spec.links + 1, sizeof *link);
    if ((status = train_check_model(c, "init", a->init, init, true, &s->shape)) ||
        (status = fit_links(c, a, init, k, same, &spec, link)))
        goto out;
    if (classes && !same)
        cli_warn(c, "%s: its classes are not the data's: the classifier starts anew", a->init);
    if (!classless && spec.classes == k->n)
        spec.class_name = k->name;
    if ((status = set_frames(c, a, s, spec.frame.diff, &measured)))
        goto out;
    if (!spec.frame.width || measured.diff != spec.frame.diff || cli_pixels_norm(&a->pixels))
        spec.frame = measured; /* how frames are normalised was not known, or changes */
    spec.frame.resize |= measured.resize;
    if (a->frames)
        spec.frame.frames = a->frames;
    if (a->sample >= 0)
        spec.frame.sample = measured.sample;
    if ((status = fdht_model_new(&spec, out, &c->err)) ||
        (status = fdht_model_init(*out, c->seed, a->init_scale, (fdht_start)a->start, &c->err)))
        goto out;
    take_values(init, *out, same);
    take_origin(init, *out);
out:
    free(link);
    fdht_model_free(init);
    return status;
}

int train_model_make(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out)
{
    *out = NULL;
    if (!a->init && k->n < 2)
        return cli_fail(c, FDHT_EFORMAT, "%s: expected labels of at least 2 classes, found %zu", a->data,
                        k->n);
    int status = a->init ? fitted_model(c, a, s, k, out) : new_model(c, a, s, k, out);
    if (status) {
        fdht_model_free(*out);
        *out = NULL;
    }
    return status;
}
