/* fdht compress WEIGHTS.h5 -o MODEL.h5 - dense LSTM weights to a compressed model with a measured error. */
#include "fdht/basics.h"
#include "compress/compress.h"
#include "frame/chain.h"
#include "frame/origin.h"
#include "frame/output.h"
#include "frame/plot.h"
#include "frame/parse.h"
#include "frame/progress.h"

#include <string.h>

#include "fdht/modelfile.h"

static const cli_option options[] = {
    CLI_STRING(compress_args, layer, 0, "layer", "NAME",
               "compress this layer (default: all, if they are a stack)"),
    CLI_STRING(compress_args, head, 0, "head", "NAME|none",
               "end with this layer of the file, or with the LSTM (default: the file's output)"),
    CLI_CHOICE(compress_args, layout, 0, "layout", "auto|keras|pytorch|onnx|plain",
               "how the file is written"),
    CLI_STRING(compress_args, gate_order, 0, "gate-order", "ORDER",
               "gates as stored, letters i f g o, each once"),
    CLI_CHOICE(compress_args, format, 0, "format", "fdht|ht|tt|tr|bt|all",
               "fdht: one tensor over input and hidden state; others: the input map, hidden dense"),
    CLI_INT(compress_args, blocks, 0, "blocks", "N", 1, 1024,
            "bt: Tucker blocks that are summed (default 2)"),
    CLI_STRING(compress_args, in_modes, 0, "in-modes", "LIST|auto",
               "input modes; their product is the input size"),
    CLI_STRING(compress_args, out_modes, 0, "out-modes", "LIST|auto",
               "output modes; their product is 4 x hidden, the gates in the first"),
    CLI_STRING(compress_args, tree, 0, "tree", "TREE", "balanced, linear, or spelled as ((1,2),(3,4))"),
    CLI_DOUBLE(compress_args, tol, 0, "tol", "X", 1e-9, 1, "largest relative error of all maps"),
    CLI_SIZE(compress_args, rank, 0, "rank", "R", 1, 1e6, "every rank"),
    CLI_SIZES(compress_args, ranks, 0, "ranks", "LIST", 1, 1e6,
              "ranks one by one: tree nodes in post-order, or bonds"),
    CLI_SIZE(compress_args, max_rank, 0, "max-rank", "R", 1, 1e6, "no rank above this"),
    CLI_SIZE(compress_args, max_params, 0, "max-params", "N", 1, 1e15,
             "at most this many numbers in the cores"),
    CLI_DOUBLE(compress_args, ratio, 0, "ratio", "X", 1, 1e12, "at most 1/X of the dense numbers"),
    CLI_CHOICE(compress_args, svd, 0, "svd", "gram|qr", "gram is fast, qr sees errors below 1e-7"),
    CLI_BYTES(compress_args, max_memory, 0, "max-memory",
              "peak memory of the whole program; streams the file"),
    CLI_CHOICE(compress_args, activation, 0, "recurrent-activation",
               "unknown|sigmoid|hard_sigmoid|hard_sigmoid3", "of the gates, where the file does not say"),
    CLI_SIZE(compress_args, enlarge_mode, 0, "enlarge-mode", "K", 1, FDHT_MAX_MODES,
             "fdht: the mode whose extra slices hold the hidden state (default 1)"),
    CLI_SIZES(compress_args, enlarge, 0, "enlarge", "LIST", 0, 1e6, "fdht: slices added to each mode"),
    CLI_SIZES(compress_args, hidden_box, 0, "hidden-box", "LIST", 1, 1e6,
              "fdht: sides of the hidden state's box"),
    CLI_FLAG(compress_args, best_effort, 0, "best-effort",
             "write the model even if a limit is missed (status 4)"),
    CLI_FILE(compress_args, eval, 0, "eval", "DATA.h5",
             "accuracy of the original and the compressed model on these clips"),
    CLI_FILE(compress_args, csv, 0, "csv", "FILE", "with --dry-run: the curve as CSV"),
    CLI_FILE(compress_args, plot, 0, "plot", "FILE",
             "with --dry-run: the curve as .png, .svg or .pdf (gnuplot)"),
    CLI_PIXELS(compress_args, pixels),
    CLI_FLAG(compress_args, gray, 0, "gray", "the frames of --frame are grey"),
    CLI_FLAG(compress_args, diff, 0, "diff", "inputs are differences of frames"),
    CLI_END,
};

static const compress_args defaults = {.in_modes = "auto", .out_modes = "auto", .tree = "balanced"};

/* As --format counts them. */
enum { FDHT, HT, TT, TR, BT, ALL };

/* ---- parse ---- */

/* How many modes the lists speak of; 0: none do. */
static size_t list_length(const compress_args *a)
{
    size_t n[] = {a->in.n, a->out.n, a->enlarge.n, a->hidden_box.n};
    for (size_t i = 0; i < sizeof n / sizeof *n; i++)
        if (n[i])
            return n[i];
    return 0;
}

static int parse_modes(cli *c, const char *option, const char *text, cli_sizes *out)
{
    *out = (cli_sizes){.n = 0};
    if (!strcmp(text, "auto"))
        return FDHT_OK;
    if (!cli_parse_sizes(text, 1, 1e9, out) || out->n > FDHT_MAX_MODES)
        return cli_usage(c, "--%s: expected auto or up to %d sizes like 8,20,20,18, got '%s'", option,
                         FDHT_MAX_MODES, text);
    return FDHT_OK;
}

static int parse_outputs(cli *c, const compress_args *a)
{
    const char *in[] = {a->path, a->eval};
    size_t n_in = a->eval ? 2 : 1;
    if (!c->dry_run && (a->csv || a->plot))
        return cli_usage(c, "--csv and --plot belong to --dry-run");
    if (!c->dry_run)
        return cli_check_hdf5_output(c, in, n_in);
    int status = a->csv ? cli_check_output(c, a->csv, false, in, n_in) : FDHT_OK;
    if (!status && a->plot)
        status = cli_check_plot(c, a->plot, in, n_in);
    return status;
}

/* What the model was trained on. */
static int parse_frame(cli *c, compress_args *a)
{
    fdht_frame_spec *f = &a->frame;
    *f = (fdht_frame_spec){.std = 1, .diff = a->diff, .gray = a->gray};
    if (!a->pixels.frame && (a->gray || cli_pixels_norm(&a->pixels)))
        return cli_usage(c, "--gray, --scale, --mean and --std need --frame");
    int status = cli_pixels_size(c, &a->pixels, a->gray, &f->width, &f->height, &f->channels);
    return status || !f->width ? status : cli_pixels_take(c, &a->pixels, f);
}

static int parse(cli *c, void *p)
{
    compress_args *a = p;
    int status;
    if (c->argc != 1)
        return cli_usage(c, "expected one WEIGHTS.h5, got %d", c->argc);
    a->path = c->argv[0];
    if ((status = cli_check_hdf5_input(c, a->path)) ||
        (status = parse_modes(c, "in-modes", a->in_modes, &a->in)) ||
        (status = parse_modes(c, "out-modes", a->out_modes, &a->out)) || (status = parse_frame(c, a)) ||
        (a->eval && (status = cli_check_hdf5_input(c, a->eval))))
        return status;
    if (a->in.n && a->out.n && a->in.n != a->out.n)
        return cli_usage(c, "%zu input modes and %zu output modes: expected as many", a->in.n, a->out.n);
    if (a->format != 0 &&
        (cli_given(c, "enlarge") || cli_given(c, "enlarge-mode") || cli_given(c, "hidden-box")))
        return cli_usage(c, "--enlarge, --enlarge-mode and --hidden-box belong to --format fdht");
    if (cli_given(c, "enlarge") && cli_given(c, "enlarge-mode"))
        return cli_usage(c, "--enlarge and --enlarge-mode exclude each other");
    if ((a->enlarge.n && a->enlarge.n != list_length(a)) ||
        (a->hidden_box.n && a->hidden_box.n != list_length(a)))
        return cli_usage(c, "--%s: expected %zu sizes, one a mode",
                         a->enlarge.n && a->enlarge.n != list_length(a) ? "enlarge" : "hidden-box",
                         list_length(a));
    if (a->format > HT && a->format != ALL && cli_given(c, "tree"))
        return cli_usage(c, "--tree belongs to --format fdht and ht");
    if (a->blocks && a->format < BT)
        return cli_usage(c, "--blocks belongs to --format bt");
    if (a->format == ALL && !c->dry_run)
        return cli_usage(c, "--format all belongs to --dry-run: a model has one format");
    if (a->rank && a->ranks.n)
        return cli_usage(c, "--rank and --ranks exclude each other");
    if (cli_given(c, "recurrent-activation") && a->activation == 0)
        return cli_usage(c, "--recurrent-activation: expected sigmoid, hard_sigmoid or hard_sigmoid3");
    if (!c->dry_run && !(a->tol > 0) && !a->rank && !a->ranks.n && !a->max_rank && !a->max_params &&
        !(a->ratio > 0))
        return cli_usage(
            c, "give --tol, --rank, --ranks, --max-rank, --max-params or --ratio; --dry-run shows what "
               "errors they cost");
    return parse_outputs(c, a);
}

/* ---- run ---- */

static void copy_list(const cli_sizes *list, size_t *out)
{
    memcpy(out, list->v, list->n * sizeof *out);
}

/* What the options say, as the library takes it. */
static void fill_options(const cli *c, const compress_args *a, int format, fdht_compress_options *o)
{
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT, FDHT_CELL_TR,
                                           FDHT_CELL_BT};
    fdht_compress_options_default(o);
    o->layer = a->layer;
    o->activation = a->activation ? a->activation - 1 : FDHT_ACTIVATION_UNKNOWN;
    o->ratio = a->ratio;
    fdht_cell_options *shape = &o->shape;
    shape->kind = kinds[format];
    shape->d = (int)list_length(a);
    copy_list(&a->in, shape->in);
    copy_list(&a->out, shape->out);
    copy_list(&a->enlarge, shape->enlarge);
    copy_list(&a->hidden_box, shape->hidden_box);
    shape->enlarge_mode = a->enlarge_mode ? (int)a->enlarge_mode - 1 : 0;
    shape->tree = format > HT ? NULL : a->tree;
    shape->blocks = format == BT ? a->blocks : 0;
    fdht_decomp_options *rules = &o->rules;
    rules->tol = a->tol;
    rules->rank = a->rank;
    rules->ranks = a->ranks.v;
    rules->n_ranks = a->ranks.n;
    rules->max_rank = a->max_rank;
    rules->max_params = a->max_params;
    rules->max_memory = a->max_memory;
    rules->svd = a->svd ? FDHT_SVD_QR : FDHT_SVD_GRAM;
    rules->best_effort = a->best_effort;
    rules->threads = c->threads;
}

/* What the user must know before: where the file does not say the gates' activation the option must, and where it does the
 * option is ignored; what of the file's network the model will not have. */
static int check_weights(cli *c, const compress_args *a, const fdht_weights *w)
{
    int first = 0, count = 0, status = fdht_weights_select(w, a->layer, &first, &count, &c->err);
    for (int i = first; !status && i < first + count; i++) {
        const fdht_weights_lstm *l = &fdht_weights_info_of(w)->lstm[i];
        if (l->activation == FDHT_ACTIVATION_UNKNOWN && !a->activation)
            return cli_usage(
                c, "%s: the file does not say the recurrent activation: give --recurrent-activation",
                l->name);
        if (l->activation != FDHT_ACTIVATION_UNKNOWN && a->activation && a->activation - 1 != l->activation)
            cli_warn(c, "%s: the file says %s; --recurrent-activation ignored", l->name,
                     fdht_activation_name((fdht_activation)l->activation));
    }
    fdht_weights_chain *chain = NULL;
    if (!status)
        status = fdht_weights_chain_of(w, first, count, &chain, &c->err);
    if (!status)
        cli_warn_chain(c, chain);
    fdht_weights_chain_free(chain);
    return status;
}

static int show_progress(void *arg, double fraction)
{
    return cli_bar_update(arg, fraction, 1, NULL);
}

/* The model was made as one of features; from here on it says what they are. */
static int set_frame(const compress_run *r, fdht_model *m)
{
    const fdht_frame_spec *f = &r->a->frame;
    if (!f->width && !f->diff)
        return FDHT_OK;
    if (f->width && f->width * f->height * f->channels != fdht_model_inputs(m))
        return cli_fail(r->c, FDHT_EINVAL, "--frame: %zux%zux%zu are %zu numbers, %s takes %zu", f->width,
                        f->height, f->channels, f->width * f->height * f->channels, r->a->path,
                        fdht_model_inputs(m));
    return fdht_model_set_frame(m, f, &r->c->err);
}

/* The original on the clips of --eval. */
static int open_eval(compress_run *r, const fdht_weights *w)
{
    const compress_args *a = r->a;
    fdht_model *m = NULL;
    int first, count, status = fdht_weights_select(w, a->layer, &first, &count, &r->c->err);
    if (!status)
        status = fdht_weights_model(
            w, first, count, a->activation ? a->activation - 1 : FDHT_ACTIVATION_UNKNOWN, &m, &r->c->err);
    if (!status && !(status = set_frame(r, m)))
        status = compress_eval_open(r->c, a->eval, m, &r->eval);
    fdht_model_free(m);
    return status;
}

/* A model for every point of the first cell's curve, all cells at its ratio, on the clips of --eval. */
static int eval_curve(compress_run *r, const fdht_weights *w, int f)
{
    const fdht_compress_cell *x = &r->curve[f].cell[0];
    int status = FDHT_OK;
    for (int k = 0; !status && k < x->n_points; k++) {
        fdht_compress_options o;
        fdht_compress_report report;
        fdht_model *m = NULL;
        fill_options(r->c, r->a, r->format[f], &o);
        o.rules.tol = 0;
        o.rules.rank = o.rules.n_ranks = o.rules.max_params = 0;
        o.rules.best_effort = true;
        o.ratio = (double)x->dense / (double)x->curve[k].parameters * (1 - 1e-12);
        status = fdht_compress(w, &o, &m, &report, &r->c->err);
        if (!status && !(status = set_frame(r, m)))
            status = compress_eval_model(r->c, &r->eval, m, &r->at[f][k]);
        fdht_compress_report_free(&report);
        fdht_model_free(m);
    }
    return status;
}

/* The curve of one format, or of every one that holds the input map alone: their errors are of the same matrices. */
static int curves(compress_run *r, const fdht_weights *w, cli_bar *bar)
{
    int first = r->a->format == ALL ? HT : r->a->format, last = r->a->format == ALL ? BT : r->a->format;
    int status = FDHT_OK;
    for (int format = first; !status && format <= last; format++) {
        fdht_compress_options o;
        fill_options(r->c, r->a, format, &o);
        o.rules.progress = show_progress;
        o.rules.progress_arg = bar;
        r->format[r->n_curves] = format;
        status = fdht_compress_curve(w, &o, COMPRESS_POINTS, &r->curve[r->n_curves++], &r->c->err);
        if (!status && r->a->eval)
            status = eval_curve(r, w, r->n_curves - 1);
        fdht_error before = r->c->err;
        if (status && r->a->format == ALL)
            status = cli_fail(r->c, status, "%s: %s", compress_format_name(format), before.msg);
    }
    return status;
}

static int compress(compress_run *r, const fdht_weights *w, fdht_model **m)
{
    cli *c = r->c;
    fdht_compress_options o;
    cli_bar bar;
    double start = fdht_seconds();
    int status = check_weights(c, r->a, w);
    if (status)
        return status;
    if (r->a->eval && (status = open_eval(r, w)))
        return status;
    cli_bar_start(c, &bar, "compress");
    if (c->dry_run)
        status = curves(r, w, &bar);
    else {
        fill_options(c, r->a, r->a->format, &o);
        o.rules.progress = show_progress;
        o.rules.progress_arg = &bar;
        status = fdht_compress(w, &o, m, &r->report, &c->err);
        if (!status && !(status = set_frame(r, *m)) && r->a->eval)
            status = compress_eval_model(c, &r->eval, *m, &r->score);
    }
    cli_bar_end(&bar);
    r->seconds = fdht_seconds() - start;
    return cli_see_help(c, status);
}

/* How the model was made. */
static int set_origin(const compress_run *r, fdht_model *m)
{
    cli_origin_command(r->c, m, false);
    return cli_origin_file(r->c, m, FDHT_ORIGIN_WEIGHTS, FDHT_ORIGIN_WEIGHTS_DIGEST, r->a->path);
}

static int run(cli *c, void *p)
{
    static const fdht_layout layouts[] = {FDHT_LAYOUT_AUTO, FDHT_LAYOUT_KERAS2, FDHT_LAYOUT_PYTORCH,
                                          FDHT_LAYOUT_ONNX, FDHT_LAYOUT_PLAIN};
    const compress_args *a = p;
    compress_run r = {.c = c, .a = a};
    fdht_weights_options opt = {layouts[a->layout], a->gate_order, a->head};
    fdht_weights *w = NULL;
    fdht_model *m = NULL;
    int status = fdht_weights_open(a->path, &opt, &w, &c->err);
    if (!status)
        status = compress(&r, w, &m);
    if (!status && c->dry_run)
        status = compress_print_curve(&r);
    else if (!status && !(status = set_origin(&r, m)) &&
             !(status = fdht_modelfile_write(c->output, m, NULL, &c->out, &c->err))) {
        compress_print(&r);
        if (!r.report.met) {
            c->status = cli_exit_status(FDHT_ELIMIT);
            cli_warn(c, "a limit is not met: %s", r.report.cell[0].decomp.note);
        }
    }
    fdht_compress_report_free(&r.report);
    compress_eval_close(&r.eval);
    for (int i = 0; i < r.n_curves; i++)
        fdht_compress_report_free(&r.curve[i]);
    fdht_model_free(m);
    fdht_weights_close(w);
    return status;
}

const cli_command cmd_compress = {
    .name = "compress",
    .summary = "dense LSTM weights of any kind of file to a compressed model",
    .usage = "WEIGHTS.h5 -o MODEL.h5 [options]",
    .common = CLI_WITH_OUTPUT | CLI_WITH_THREADS | CLI_WITH_JSON | CLI_WITH_PROGRESS | CLI_WITH_DRY_RUN |
              CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(compress_args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
