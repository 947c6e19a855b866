/* fdht export MODEL.h5 -o FILE --layout LAYOUT - a model in files of other programs: dense weights, or as an ONNX graph. */
#include "frame/cli.h"
#include "frame/output.h"
#include "frame/progress.h"

#include "fdht/export.h"
#include "fdht/modelfile.h"
#include "fdht/weights.h"

typedef struct args {
    const char *model;
    int layout; /* one of those below */
} args;

enum { KERAS, PYTORCH, HDF5, SAFETENSORS, ONNX, ONNX_COMPRESSED };
#define LAYOUTS "keras|pytorch|hdf5|safetensors|onnx|onnx-compressed"

static const cli_option options[] = {
    CLI_CHOICE(args, layout, 0, "layout", LAYOUTS, "whose layout to write"),
    CLI_END,
};

static int parse(cli *c, void *p)
{
    args *a = p;
    if (c->argc != 1)
        return cli_usage(c, "expected one MODEL.h5, got %d", c->argc);
    if (!cli_given(c, "layout"))
        return cli_usage(c,
                         "--layout is missing: keras, pytorch, hdf5, safetensors, onnx or onnx-compressed");
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

static int write_model(cli *c, int layout, const fdht_model *m, cli_bar *bar)
{
    static const fdht_layout dense[] = {
        [KERAS] = FDHT_LAYOUT_KERAS2, [PYTORCH] = FDHT_LAYOUT_PYTORCH, [HDF5] = FDHT_LAYOUT_PLAIN};
    static const fdht_export_kind other[] = {[SAFETENSORS] = FDHT_EXPORT_SAFETENSORS,
                                             [ONNX] = FDHT_EXPORT_ONNX,
                                             [ONNX_COMPRESSED] = FDHT_EXPORT_ONNX_COMPRESSED};
    return layout <= HDF5 ? fdht_weights_write(m, dense[layout], c->output, &c->out, progress, bar, &c->err)
                          : fdht_export_write(m, other[layout], c->output, &c->out, progress, bar, &c->err);
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
    if ((a->layout == PYTORCH || a->layout == SAFETENSORS) && s->cell[0].activation != FDHT_SIGMOID)
        cli_warn(c, "the gates use %s, which PyTorch's LSTM does not have",
                 fdht_activation_name(s->cell[0].activation));
    if (a->layout < ONNX) /* a graph says it itself */
        note_inputs(c, s);
    cli_bar_start(c, &bar, "export");
    status = write_model(c, a->layout, m, &bar);
    cli_bar_end(&bar);
    fdht_model_free(m);
    return status;
}

const cli_command cmd_export = {
    .name = "export",
    .summary = "a model in files of Keras, PyTorch and ONNX",
    .usage = "MODEL.h5 -o FILE --layout LAYOUT [options]",
    .common = CLI_WITH_OUTPUT | CLI_WITH_PROGRESS | CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(args),
    .parse = parse,
    .run = run,
};
