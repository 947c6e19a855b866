/* fdht compress WEIGHTS.h5 -o MODEL.h5 - dense LSTM weights to a compressed model with a measured error. */
#include "compress/compress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "fdht/basics.h"

enum { FIXED_STEPS = 4, KEEP_FREE = 32 << 20 };

static const cli_option options[] = {
    CLI_STRING(compress_args, layer, 0, "layer", "NAME",
               "compress this layer (default: all, if they are a stack)"),
    CLI_CHOICE(compress_args, layout, 0, "layout", "auto|keras|pytorch|onnx|plain",
               "how the file is written"),
    CLI_STRING(compress_args, gate_order, 0, "gate-order", "ORDER",
               "gates as stored, letters i f g o, each once"),
    CLI_CHOICE(compress_args, format, 0, "format", "fdht|ht|tt|tr",
               "fdht: one tensor over input and hidden state; others: the input map, hidden dense"),
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
    CLI_FILE(compress_args, csv, 0, "csv", "FILE", "with --dry-run: the curve as CSV"),
    CLI_FILE(compress_args, plot, 0, "plot", "FILE", "with --dry-run: the curve as .png or .svg"),
    CLI_END,
};

static const compress_args defaults = {.in_modes = "auto", .out_modes = "auto", .tree = "balanced"};

/* ---- parse ---- */

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
    const char *in[] = {a->path};
    if (!c->dry_run && (a->csv || a->plot))
        return cli_usage(c, "--csv and --plot belong to --dry-run");
    if (!c->dry_run)
        return cli_check_hdf5_output(c, in, 1);
    int st = a->csv ? cli_check_output(c, a->csv, false, in, 1) : FDHT_OK;
    if (!st && a->plot) {
        const char *dot = strrchr(a->plot, '.');
        if (!dot || (strcmp(dot, ".png") && strcmp(dot, ".svg")))
            return cli_usage(c, "--plot: expected a name ending in .png or .svg, got '%s'", a->plot);
        if (strpbrk(a->plot, "'\n\\"))
            return cli_usage(c, "--plot: the name holds a character that gnuplot cannot take");
        st = cli_check_output(c, a->plot, true, in, 1);
    }
    return st;
}

static int parse(cli *c, void *p)
{
    compress_args *a = p;
    int st;
    if (c->argc != 1)
        return cli_usage(c, "expected one WEIGHTS.h5, got %d", c->argc);
    a->path = c->argv[0];
    if ((st = cli_check_hdf5_input(c, a->path)) || (st = parse_modes(c, "in-modes", a->in_modes, &a->in)) ||
        (st = parse_modes(c, "out-modes", a->out_modes, &a->out)))
        return st;
    if (a->in.n && a->out.n && a->in.n != a->out.n)
        return cli_usage(c, "%zu input modes and %zu output modes: expected as many", a->in.n, a->out.n);
    if (a->format != 0 &&
        (cli_given(c, "enlarge") || cli_given(c, "enlarge-mode") || cli_given(c, "hidden-box")))
        return cli_usage(c, "--enlarge, --enlarge-mode and --hidden-box belong to --format fdht");
    if (cli_given(c, "enlarge") && cli_given(c, "enlarge-mode"))
        return cli_usage(c, "--enlarge and --enlarge-mode exclude each other");
    if (a->format > 1 && cli_given(c, "tree"))
        return cli_usage(c, "--tree belongs to --format fdht and ht");
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

/* ---- the shape of a cell ---- */

static size_t product(const size_t *v, size_t n)
{
    size_t p;
    (void)fdht_product(v, n, &p); /* SIZE_MAX where it overflows */
    return p;
}

static bool fits(const cli_sizes *given, size_t size)
{
    return !given->n || product(given->v, given->n) == size;
}

/* A streamed file is cut in its first mode: with many small modes even the smallest slab is large. */
static bool slabs_too_large(const compress_args *a, const fdht_op_spec *op)
{
    double numbers = 1;
    for (int k = 1; k < op->d; k++)
        numbers *= (double)op->in[k] * (double)op->out[k];
    return a->max_memory && numbers * 2 * sizeof(float) > (double)a->max_memory / 2;
}

/* Modes as given where they fit; a stack's later layers have other sizes and choose their own. */
static int choose_modes(compress_run *r, compress_cell *x, bool first)
{
    const compress_args *a = r->a;
    fdht_op_spec *op = &x->spec.op;
    size_t H = x->spec.hidden, D = x->spec.inputs;
    bool in_fits = fits(&a->in, D), out_fits = fits(&a->out, 4 * H) && (!a->out.n || a->out.v[0] % 4 == 0);
    if (first && !in_fits)
        return cli_usage(r->c, "--in-modes %s: product %zu, %s has %zu inputs", a->in_modes,
                         product(a->in.v, a->in.n), x->lstm->name, D);
    if (first && !out_fits)
        return cli_usage(
            r->c, "--out-modes %s: product %zu, %s has 4 x %zu = %zu outputs, the first divisible by 4",
            a->out_modes, product(a->out.v, a->out.n), x->lstm->name, H, 4 * H);
    if (in_fits && a->in.n) {
        op->d = (int)a->in.n;
        memcpy(op->in, a->in.v, a->in.n * sizeof *op->in);
    }
    if (out_fits && a->out.n && (!op->d || op->d == (int)a->out.n)) {
        op->d = (int)a->out.n;
        memcpy(op->out, a->out.v, a->out.n * sizeof *op->out);
    }
    size_t rank = a->rank ? a->rank : a->max_rank ? a->max_rank : 8;
    bool automatic = !op->d;
    int st = fdht_choose_modes(D, 4 * H, 4, rank, false, op, x->reason, &r->c->err);
    while (!st && automatic && op->d > 2 && slabs_too_large(a, op)) {
        *op = (fdht_op_spec){.format = op->format, .d = op->d - 1};
        st = fdht_choose_modes(D, 4 * H, 4, rank, false, op, x->reason, &r->c->err);
    }
    if (!st && fdht_format_traits_of(op->format)->tree)
        st = fdht_tree_parse(a->tree, op->d, &op->tree, &r->c->err);
    return st;
}

static int place(compress_run *r, compress_cell *x)
{
    const compress_args *a = r->a;
    fdht_op_spec *op = &x->spec.op;
    size_t d = (size_t)op->d;
    if ((a->enlarge.n && a->enlarge.n != d) || (a->hidden_box.n && a->hidden_box.n != d))
        return cli_usage(r->c, "--%s: expected %zu sizes, one a mode",
                         a->enlarge.n && a->enlarge.n != d ? "enlarge" : "hidden-box", d);
    if (x->spec.kind == FDHT_CELL_FDHT)
        return fdht_cell_place(&x->spec, a->enlarge_mode ? (int)a->enlarge_mode - 1 : 0,
                               a->enlarge.n ? a->enlarge.v : NULL, a->hidden_box.n ? a->hidden_box.v : NULL,
                               &r->c->err);
    memcpy(x->spec.x.size, op->in, sizeof op->in);
    return FDHT_OK;
}

static int cell_activation(compress_run *r, const fdht_weights_lstm *l, fdht_activation *out)
{
    if (l->activation != FDHT_ACTIVATION_UNKNOWN) {
        *out = (fdht_activation)l->activation;
        if (r->a->activation && r->a->activation - 1 != l->activation)
            cli_warn(r->c, "%s: the file says %s; --recurrent-activation ignored", l->name,
                     fdht_activation_name(*out));
        return FDHT_OK;
    }
    if (!r->a->activation)
        return cli_usage(
            r->c, "%s: the file does not say the recurrent activation: give --recurrent-activation", l->name);
    *out = (fdht_activation)(r->a->activation - 1);
    return FDHT_OK;
}

static int shape_cell(compress_run *r, compress_cell *x, bool first)
{
    static const fdht_cell_kind kinds[] = {FDHT_CELL_FDHT, FDHT_CELL_HT, FDHT_CELL_TT, FDHT_CELL_TR};
    const fdht_weights_lstm *l = x->lstm;
    x->spec = (fdht_cell_spec){.kind = kinds[r->a->format],
                               .inputs = l->input_size,
                               .hidden = l->hidden_size,
                               .proj = l->proj_size,
                               .bias = l->bias,
                               .op = {.format = fdht_cell_format(kinds[r->a->format])}};
    int st = cell_activation(r, l, &x->spec.activation);
    if (!st)
        st = choose_modes(r, x, first);
    if (!st)
        st = place(r, x);
    if (!st && fdht_format_traits_of(x->spec.op.format)->tree)
        fdht_tree_spell(&x->spec.op.tree, x->tree, sizeof x->tree);
    size_t P = l->proj_size ? l->proj_size : l->hidden_size;
    x->dense = 4 * l->hidden_size * (l->input_size + (x->spec.kind == FDHT_CELL_FDHT ? P : 0));
    return st;
}

/* ---- decomposition ---- */

typedef struct slab_source {
    const fdht_weights *w;
    int lstm, direction;
} slab_source;

static int read_slab(void *arg, size_t row, size_t rows, size_t col, size_t cols, float *dst, size_t ld,
                     fdht_error *err)
{
    const slab_source *s = arg;
    return fdht_weights_read(s->w, s->lstm, s->direction, FDHT_W_IH, row, rows, col, cols, dst, ld, err);
}

typedef struct bar_arg {
    cli_bar bar;
    int cell, cells;
} bar_arg;

static int show_progress(void *arg, double fraction)
{
    bar_arg *b = arg;
    return cli_bar_update(&b->bar, b->cell + fraction, b->cells, NULL);
}

/* What --max-memory leaves to the decomposition: this program, the file's buffers and BLAS' are there already or
 * soon. */
static int memory_left(const compress_run *r, size_t beside, size_t *out)
{
    struct rusage u;
    *out = 0;
    if (!r->a->max_memory)
        return FDHT_OK;
    size_t taken = (getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024) + beside + KEEP_FREE;
    if (r->a->max_memory <= taken)
        return cli_fail(r->c, FDHT_ELIMIT, "--max-memory %zu: the program alone takes %zu", r->a->max_memory,
                        taken);
    *out = r->a->max_memory - taken;
    return FDHT_OK;
}

static void fill_options(const compress_run *r, const compress_cell *x, fdht_decomp_options *o)
{
    const compress_args *a = r->a;
    fdht_decomp_options_default(o);
    o->tol = a->tol;
    o->rank = a->rank;
    o->ranks = a->ranks.v;
    o->n_ranks = a->ranks.n;
    o->max_rank = a->max_rank;
    if (a->max_params) /* shared among the cells by size */
        o->max_params = (size_t)((double)a->max_params * (double)x->dense / (double)r->dense);
    if (a->ratio > 0) {
        size_t most = (size_t)((double)x->dense / a->ratio);
        o->max_params = o->max_params ? (o->max_params < most ? o->max_params : most) : most;
    }
    if ((a->max_params || a->ratio > 0) && !o->max_params)
        o->max_params = 1;
    o->svd = a->svd ? FDHT_SVD_QR : FDHT_SVD_GRAM;
    o->best_effort = a->best_effort;
    o->threads = r->c->threads;
}

static double norm_of(const float *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)x[i] * (double)x[i];
    return sqrt(s);
}

/* The matrix [W_ih W_hh], or W_ih beside W_hh. W_hh is small and read whole. */
static int decompose_cell(compress_run *r, const fdht_weights *w, compress_cell *x, bar_arg *bar,
                          const float *dense)
{
    const fdht_weights_lstm *l = x->lstm;
    size_t P = l->proj_size ? l->proj_size : l->hidden_size, rows = 4 * l->hidden_size;
    float *whh = cli_calloc(rows * P, sizeof *whh);
    slab_source slabs = {w, x->index, x->direction};
    fdht_decomp_options o;
    fdht_decomp_input in = {.spec = x->spec.op, .blocks = 4, .parts = 1};
    in.part[0].source = (fdht_dense_source){
        .rows = rows, .cols = l->input_size, .by_column = l->layout < FDHT_LAYOUT_PYTORCH};
    if (dense)
        in.part[0].source.f32 = dense;
    else {
        in.part[0].source.read = read_slab;
        in.part[0].source.arg = &slabs;
    }
    in.part[0].box = x->spec.x;
    fill_options(r, x, &o);
    int st = fdht_weights_read(w, x->index, x->direction, FDHT_W_HH, 0, rows, 0, P, whh, P, &r->c->err);
    if (st || (st = memory_left(r, rows * P * sizeof *whh, &o.max_memory)))
        goto out;
    if (x->spec.kind == FDHT_CELL_FDHT) {
        in.parts = 2;
        in.part[1] = (fdht_part){{.rows = rows, .cols = P, .f32 = whh}, x->spec.h};
    } else
        o.norm_beside = norm_of(whh, rows * P);
    if (!isfinite(o.norm_beside)) {
        st = cli_fail(r->c, FDHT_ENAN, "%s: the weights hold a number that is not finite", l->name);
        goto out;
    }
    o.progress = show_progress;
    o.progress_arg = bar;
    if (r->c->dry_run) {
        st = fdht_decomp_curve(&in, &o, COMPRESS_POINTS, x->curve, &x->points, &r->c->err);
        goto out;
    }
    st = fdht_decompose(&in, &o, &x->cores, &x->report, &r->c->err);
    x->norm = hypot(x->report.norm, o.norm_beside);
    if (!st)
        x->spec.op = x->cores.spec;
    if (!st && !x->report.met)
        r->c->status = cli_exit_status(FDHT_ELIMIT);
out:
    free(whh);
    return st;
}

/* ---- the model ---- */

static int put_values(compress_run *r, fdht_model *m, const char *name, const double *f64, const float *f32,
                      size_t n)
{
    const fdht_param *p = fdht_model_find(m, name);
    if (!p || p->size != n)
        return cli_fail(r->c, FDHT_EINTERNAL, "%s: expected %zu numbers, model has %zu", name, n,
                        p ? p->size : 0);
    for (size_t i = 0; i < n; i++)
        fdht_model_values(m)[p->offset + i] = f64 ? (float)f64[i] : f32[i];
    return FDHT_OK;
}

static int put_cores(compress_run *r, fdht_model *m, int cell, const compress_cell *x)
{
    fdht_op *op = NULL;
    int st = fdht_op_new(&x->cores.spec, &op, &r->c->err);
    for (int i = 0; !st && i < fdht_op_cores(op); i++) {
        const fdht_core *core = fdht_op_core(op, i);
        char name[96];
        snprintf(name, sizeof name, "cells/%d/cores/%s", cell, core->name);
        st = put_values(r, m, name, x->cores.values + core->offset, NULL, core->size);
    }
    fdht_op_free(op);
    return st;
}

/* A part of the file's cell that goes into the model as it is. */
static int put_part(compress_run *r, const fdht_weights *w, fdht_model *m, int cell, const compress_cell *x,
                    fdht_weights_part part, const char *what)
{
    size_t rows, cols;
    char name[96];
    fdht_weights_shape(w, x->index, part, &rows, &cols);
    float *v = cli_calloc(rows * cols, sizeof *v);
    snprintf(name, sizeof name, "cells/%d/%s", cell, what);
    int st = fdht_weights_read(w, x->index, x->direction, part, 0, rows, 0, cols, v, cols, &r->c->err);
    if (!st)
        st = put_values(r, m, name, NULL, v, rows * cols);
    free(v);
    return st;
}

static int put_head(compress_run *r, const fdht_weights *w, fdht_model *m, size_t classes)
{
    size_t outputs = fdht_model_outputs(m);
    float *weight = cli_calloc(classes * outputs, sizeof *weight), *bias = cli_calloc(classes, sizeof *bias);
    int st = fdht_weights_read_head(w, weight, bias, &r->c->err);
    if (!st)
        st = put_values(r, m, "classifier/weight", NULL, weight, classes * outputs);
    if (!st)
        st = put_values(r, m, "classifier/bias", NULL, bias, classes);
    free(weight);
    free(bias);
    return st;
}

static int build_model(compress_run *r, const fdht_weights *w, int first, int count, fdht_model **out)
{
    const fdht_weights_info *info = fdht_weights_info_of(w);
    int directions = r->cell[0].lstm->directions, st;
    fdht_cell_spec *cells = cli_calloc((size_t)r->n_cells, sizeof *cells);
    fdht_model_spec spec = {.layers = count, .directions = directions, .cell = cells};
    fdht_model *m = NULL;
    for (int i = 0; i < r->n_cells; i++)
        cells[i] = r->cell[i].spec;
    r->classifier = info->classes && first + count == info->n_lstm;
    spec.classes = r->classifier ? info->classes : 0;
    if ((st = fdht_model_new(&spec, &m, &r->c->err)))
        goto out;
    for (int i = 0; !st && i < r->n_cells; i++) {
        const compress_cell *x = &r->cell[i];
        st = put_cores(r, m, i, x);
        if (!st && x->spec.bias)
            st = put_part(r, w, m, i, x, FDHT_W_BIAS, "bias");
        if (!st && x->spec.kind != FDHT_CELL_FDHT)
            st = put_part(r, w, m, i, x, FDHT_W_HH, "hidden");
        if (!st && x->spec.proj)
            st = put_part(r, w, m, i, x, FDHT_W_HR, "projection");
    }
    if (!st && r->classifier)
        st = put_head(r, w, m, info->classes);
    if (st)
        goto out;
    *out = m;
    m = NULL;
out:
    fdht_model_free(m);
    free(cells);
    return st;
}

/* ---- self-check: the outputs of a few fixed steps ---- */

typedef struct check {
    size_t length, outputs;
    float *x, *got;
    double *want; /* from the file, in double */
} check;

static void check_free(check *k)
{
    free(k->x);
    free(k->got);
    free(k->want);
}

static int check_start(compress_run *r, const fdht_weights *w, int first, int count, check *k)
{
    const fdht_weights_lstm *l = r->cell[0].lstm, *last = r->cell[r->n_cells - 1].lstm;
    size_t D = l->input_size;
    uint32_t seed = 1;
    k->length = FIXED_STEPS;
    k->outputs = (size_t)last->directions * (last->proj_size ? last->proj_size : last->hidden_size);
    k->x = cli_calloc(k->length * D, sizeof *k->x);
    k->got = cli_calloc(k->length * k->outputs, sizeof *k->got);
    k->want = cli_calloc(k->length * k->outputs, sizeof *k->want);
    for (size_t i = 0; i < k->length * D; i++) {
        seed = seed * 1664525u + 1013904223u;
        k->x[i] = (float)((double)(seed >> 8) / (1 << 23) - 1);
    }
    return fdht_weights_run(w, first, count,
                            r->a->activation ? r->a->activation - 1 : FDHT_ACTIVATION_UNKNOWN, k->length,
                            k->x, k->want, NULL, NULL, NULL, &r->c->err);
}

/* The largest difference, and that of the norms' ratio. */
static int check_model(compress_run *r, const fdht_model *m, check *k, double *largest, double *relative)
{
    fdht_runner *run = NULL;
    fdht_clip clip = {.f32 = k->x, .length = k->length};
    int st = fdht_runner_new(m, 1, &run, &r->c->err);
    if (!st)
        st = fdht_runner_states(run, &clip, k->got, NULL, NULL, &r->c->err);
    fdht_runner_free(run);
    double sum = 0, norm = 0;
    *largest = 0;
    for (size_t i = 0; !st && i < k->length * k->outputs; i++) {
        double d = (double)k->got[i] - k->want[i];
        *largest = fmax(*largest, fabs(d));
        sum += d * d;
        norm += k->want[i] * k->want[i];
    }
    *relative = norm > 0 ? sqrt(sum / norm) : 0;
    return st;
}

/* ---- run ---- */

static void add_up(compress_run *r)
{
    double error = 0, bound = 0, norm = 0;
    for (int i = 0; i < r->n_cells; i++) {
        const compress_cell *x = &r->cell[i];
        error += x->report.error * x->norm * x->report.error * x->norm;
        bound += x->report.bound * x->norm * x->report.bound * x->norm;
        norm += x->norm * x->norm;
        r->parameters += x->report.parameters;
    }
    r->error = norm > 0 ? sqrt(error / norm) : 0;
    r->bound = norm > 0 ? sqrt(bound / norm) : 0;
}

/* All cells in turn. Without a memory limit the file is read once, as the dense model that the import check needs. */
static int compress_cells(compress_run *r, const fdht_weights *w, int first, int count, check *k)
{
    fdht_model *dense = NULL;
    bar_arg bar = {.cells = r->n_cells};
    double ignored;
    int st = FDHT_OK, activation = r->a->activation ? r->a->activation - 1 : FDHT_ACTIVATION_UNKNOWN;
    if (!r->a->max_memory) {
        st = fdht_weights_model(w, first, count, activation, &dense, &r->c->err);
        if (!st && !r->c->dry_run && !(st = check_start(r, w, first, count, k)))
            st = check_model(r, dense, k, &r->import_difference, &ignored);
    }
    if (st)
        goto out;
    cli_bar_start(r->c, &bar.bar, "compress");
    for (int i = 0; !st && i < r->n_cells; i++) {
        char name[64];
        snprintf(name, sizeof name, "cells/%d/cores/weight", i);
        const fdht_param *p = dense ? fdht_model_find(dense, name) : NULL;
        bar.cell = i;
        st = decompose_cell(r, w, &r->cell[i], &bar, p ? fdht_model_values_const(dense) + p->offset : NULL);
    }
    cli_bar_end(&bar.bar);
out:
    fdht_model_free(dense);
    return st;
}

static int make_cells(compress_run *r, const fdht_weights *w, int first, int count)
{
    const fdht_weights_info *info = fdht_weights_info_of(w);
    int directions = info->lstm[first].directions, st = FDHT_OK;
    for (int i = first; i < first + count; i++)
        if (info->lstm[i].directions != directions)
            return cli_fail(r->c, FDHT_ENOSUP, "%s has %d directions, %s %d: give --layer",
                            info->lstm[first].name, directions, info->lstm[i].name, info->lstm[i].directions);
    r->n_cells = count * directions;
    r->cell = cli_calloc((size_t)r->n_cells, sizeof *r->cell);
    for (int i = 0; !st && i < r->n_cells; i++) {
        compress_cell *x = &r->cell[i];
        x->index = first + i / directions;
        x->direction = i % directions;
        x->lstm = &info->lstm[x->index];
        st = shape_cell(r, x, i == 0);
        r->dense += x->dense;
    }
    return st;
}

static int run(cli *c, void *p)
{
    static const fdht_layout layouts[] = {FDHT_LAYOUT_AUTO, FDHT_LAYOUT_KERAS2, FDHT_LAYOUT_PYTORCH,
                                          FDHT_LAYOUT_ONNX, FDHT_LAYOUT_PLAIN};
    const compress_args *a = p;
    compress_run r = {
        .c = c, .a = a, .import_difference = NAN, .output_difference = NAN, .output_relative = NAN};
    fdht_weights_options opt = {layouts[a->layout], a->gate_order};
    fdht_weights *w = NULL;
    fdht_model *m = NULL;
    check k = {.length = 0};
    double start = fdht_seconds();
    int first = 0, count = 0, st;
    fdht_blas_threads(1); /* the team's threads call BLAS side by side */
    if ((st = fdht_weights_open(a->path, &opt, &w, &c->err)) ||
        (st = fdht_weights_select(w, a->layer, &first, &count, &c->err)) ||
        (st = make_cells(&r, w, first, count)) || (st = compress_cells(&r, w, first, count, &k)))
        goto out;
    r.seconds = fdht_seconds() - start;
    if (c->dry_run) {
        st = compress_print_curve(&r);
        goto out;
    }
    add_up(&r);
    if ((st = build_model(&r, w, first, count, &m)) ||
        (!k.x && (st = check_start(&r, w, first, count, &k))) ||
        (st = check_model(&r, m, &k, &r.output_difference, &r.output_relative)))
        goto out;
    if ((st = fdht_modelfile_write(c->output, m, NULL, &c->out, &c->err)))
        goto out;
    r.seconds = fdht_seconds() - start;
    compress_print(&r);
    if (c->status)
        cli_warn(c, "a limit is not met: %s", r.cell[0].report.note);
out:
    check_free(&k);
    for (int i = 0; i < r.n_cells; i++) {
        fdht_factored_free(&r.cell[i].cores);
        fdht_decomp_report_free(&r.cell[i].report);
    }
    free(r.cell);
    fdht_model_free(m);
    fdht_weights_close(w);
    return st;
}

const cli_command cmd_compress = {
    .name = "compress",
    .summary = "dense LSTM weights (HDF5) to a compressed model (HDF5)",
    .usage = "WEIGHTS.h5 -o MODEL.h5 [options]",
    .common = CLI_WITH_OUTPUT | CLI_WITH_THREADS | CLI_WITH_JSON | CLI_WITH_PROGRESS | CLI_WITH_DRY_RUN,
    .options = options,
    .args_size = sizeof(compress_args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
