/* fdht export MODEL.h5 -o WEIGHTS.h5 --layout keras|pytorch|hdf5 - any model as dense weights again. */
#include "frame/cli.h"
#include "frame/output.h"
#include "frame/progress.h"

#include "fdht/modelfile.h"
#include "fdht/weights.h"

typedef struct args {
    const char *model;
    int layout; /* index into layouts */
} args;

static const fdht_layout layouts[] = {FDHT_LAYOUT_KERAS2, FDHT_LAYOUT_PYTORCH, FDHT_LAYOUT_PLAIN};

static const cli_option options[] = {
    CLI_CHOICE(args, layout, 0, "layout", "keras|pytorch|hdf5", "whose layout to write"),
    CLI_END,
};

static int parse(cli *c, void *p)
{
    args *a = p;
    if (c->argc != 1)
        return cli_usage(c, "expected one MODEL.h5, got %d", c->argc);
    if (!cli_given(c, "layout"))
        return cli_usage(c, "--layout is missing: keras, pytorch or hdf5");
    a->model = c->argv[0];
    int status = cli_check_hdf5_input(c, a->model);
    return status ? status : cli_check_hdf5_output(c, &a->model, 1);
}

static int progress(void *arg, double fraction)
{
    return cli_bar_update(arg, fraction, 1, NULL);
}

/* What a framework must be given that a weights file cannot say. */
static void note_inputs(cli *c, const fdht_model_spec *s)
{
    const fdht_frame_spec *f = &s->frame;
    if (f->width && f->by_channel)
        cli_note(
            c, "inputs are frames of %zux%zux%zu, each channel with a mean and std of its own (fdht info)%s",
            f->width, f->height, f->channels, f->diff ? ", then differences of frames" : "");
    else if (f->width)
        cli_note(c, "inputs are frames of %zux%zux%zu, (pixel - %g) / %g%s", f->width, f->height, f->channels,
                 f->mean, f->std, f->diff ? ", then differences of frames" : "");
    if (s->pool == FDHT_POOL_MEAN)
        cli_note(c, "the head takes the mean over time of the last layer's outputs");
}

static int run(cli *c, void *p)
{
    const args *a = p;
    fdht_model *m = NULL;
    cli_bar bar;
    int status = fdht_modelfile_read(a->model, &m, NULL, NULL, &c->err);
    if (status)
        return status;
    const fdht_model_spec *s = fdht_model_spec_of(m);
    if (layouts[a->layout] == FDHT_LAYOUT_PYTORCH && s->cell[0].activation != FDHT_SIGMOID)
        cli_warn(c, "the gates use %s, which PyTorch's LSTM does not have",
                 fdht_activation_name(s->cell[0].activation));
    note_inputs(c, s);
    cli_bar_start(c, &bar, "export");
    status = fdht_weights_write(m, layouts[a->layout], c->output, &c->out, progress, &bar, &c->err);
    cli_bar_end(&bar);
    fdht_model_free(m);
    return status;
}

const cli_command cmd_export = {
    .name = "export",
    .summary = "a model as dense weights of Keras, PyTorch or plain HDF5",
    .usage = "MODEL.h5 -o WEIGHTS.h5 --layout keras|pytorch|hdf5 [options]",
    .common = CLI_WITH_OUTPUT | CLI_WITH_PROGRESS | CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(args),
    .parse = parse,
    .run = run,
};
