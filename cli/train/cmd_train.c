/* fdht train DATA.h5 -o MODEL.h5 - a data set becomes a model. train/train.h says what each file
 * holds. */
#include "frame/ranks.h"
#include "frame/signals.h"
#include "frame/config.h"
#include "train/train.h"
#include "frame/origin.h"
#include "frame/output.h"
#include "frame/plot.h"
#include "frame/progress.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fdht/basics.h"

#define T    train_args
#define MOST 1e9
static const cli_option options[] = {
    CLI_CHOICE(T, cell, 0, "cell", "fdht|ht|tt|tr|bt|dense", "kind of the LSTM's maps (default fdht)"),
    CLI_CHOICE(T, recurrent, 0, "recurrent", "lstm|gru", "the recurrence (default lstm)"),
    CLI_STRING(T, preset, 0, "preset", "NAME", "start from a named model (fdht info --presets)"),
    CLI_FILE(T, init, 0, "init", "FILE", "start from this model, or dense weights of another program"),
    CLI_STRING(T, layer, 0, "layer", "NAME", "--init with several LSTMs: which one"),
    CLI_CHOICE(T, activation, 0, "recurrent-activation", "sigmoid|hard_sigmoid|hard_sigmoid3",
               "--init where the file does not say it"),
    CLI_SIZE(T, hidden, 0, "hidden", "N", 1, MOST, "hidden units (default 256; of clips-fdht 512)"),
    CLI_SIZES(T, in_modes, 0, "in-modes", "N,N,..", 1, MOST, "input modes, slowest first"),
    CLI_SIZES(T, out_modes, 0, "out-modes", "N,N,..", 1, MOST,
              "output modes; their product is 4 x hidden (gru: 3)"),
    CLI_SIZE(T, rank, 0, "rank", "R", 1, 4096, "every rank (default 8; tt, tr, bt: 4)"),
    CLI_SIZES(T, ranks, 0, "ranks", "R,R,..", 1, 4096,
              "ranks one by one: tree nodes in post-order; tt and tr r_0..r_d"),
    CLI_SIZE(T, blocks, 0, "blocks", "N", 1, 64, "blocks of a bt cell (default 2)"),
    CLI_STRING(T, tree, 0, "tree", "TREE", "balanced, linear or like ((1,2),(3,4))"),
    CLI_INT(T, enlarge_mode, 0, "enlarge-mode", "K", 1, 16,
            "fdht: the input mode enlarged to hold h (default 1)"),
    CLI_SIZES(T, enlarge, 0, "enlarge", "N,N,..", 0, 65536, "fdht: slices added to each input mode"),
    CLI_SIZES(T, hidden_box, 0, "hidden-box", "N,N,..", 1, 65536, "fdht: sides of the box that holds h"),
    CLI_CHOICE(T, pool, 0, "pool", "last|mean", "classify the last state or the mean over time"),
    CLI_DOUBLE(T, init_scale, 0, "init-scale", "X", 1e-6, 1e6,
               "scale of the start of the input map (default 1)"),
    CLI_CHOICE(T, start, 0, "start", "normal|orthogonal",
               "start values: independent, or orthogonal cores (default normal)"),
    CLI_SIZE(T, frames, 0, "frames", "K", 1, 100000, "frames taken of each clip (default all)"),
    CLI_CHOICE(T, sample, 0, "sample", "even|random", "how those frames are chosen in training"),
    CLI_EXTENT(T, resize, 0, "resize", "resize the frames"),
    CLI_PIXELS(T, pixels),
    CLI_FLAG(T, gray, 0, "gray", "make the frames grey"),
    CLI_FLAG(T, diff, 0, "diff", "difference frames: each frame less the one before"),
    CLI_FLAG(T, no_diff, 0, "no-diff", "plain frames where the preset or --init has differences"),
    CLI_FILE(T, labels, 0, "labels", "FILE", "folders, videos: table (CSV or TSV) with columns clip,label"),
    CLI_CLIP_OPTIONS(T, video),
    CLI_FILE(T, val, 0, "val", "FILE", "validation clips (default: those marked val in DATA.h5)"),
    CLI_DOUBLE(T, val_split, 0, "val-split", "X", 0, 0.9, "keep back this part of the clips for validation"),
    CLI_INT(T, epochs, 0, "epochs", "N", 0, 1e6,
            "passes over the data (default 40, of clips-fdht 120; 0 trains nothing)"),
    CLI_SIZE(T, batch, 0, "batch", "N", 1, 1e6, "clips a step (default 32)"),
    CLI_DOUBLE(T, lr, 0, "lr", "X", 1e-12, 1e3, "learning rate (default 3e-3; dense 3e-4, clips-fdht 6e-3)"),
    CLI_FLAG(T, lr_scan, 0, "lr-scan", "choose the rate among six, 1/8 to 4 times that, by short runs"),
    CLI_CHOICE(T, optimizer, 0, "optimizer", "adam|adamw|sgd", "default adam"),
    CLI_CHOICE(T, schedule, 0, "schedule", "const|cosine|step", "of the learning rate (default cosine)"),
    CLI_INT(T, step_epochs, 0, "step-epochs", "N", 1, 1e6,
            "--schedule step: epochs between steps (default 10)"),
    CLI_DOUBLE(T, step_factor, 0, "step-factor", "X", 1e-6, 1,
               "--schedule step: factor of a step (default .1)"),
    CLI_SIZE(T, warmup, 0, "warmup", "STEPS", 0, 1e9,
             "steps of rising rate (default 93, at most a tenth of all)"),
    CLI_DOUBLE(T, core_lr, 0, "core-lr", "X", 0, 1e3,
               "rate of each core: X times its root mean square at the start"),
    CLI_DOUBLE(T, ema, 0, "ema", "D", 0, 0.999999,
               "average the values over about 1 / (1 - D) steps; measure and write that"),
    CLI_DOUBLE(T, momentum, 0, "momentum", "X", 0, 0.9999, "of sgd (default .9)"),
    CLI_DOUBLE(T, weight_decay, 0, "wd", "X", 0, 1e3, "weight decay (adamw: decoupled; default 0)"),
    CLI_DOUBLE(T, clip, 0, "clip", "X", 0, 1e9, "largest norm of the gradient (default 5; 0: any)"),
    CLI_DOUBLE(T, dropout, 0, "dropout", "X", 0, 0.99, "of inputs (default .25 for frames, 0 for features)"),
    CLI_DOUBLE(T, recurrent_dropout, 0, "recurrent-dropout", "X", 0, 0.99, "of h between steps (default 0)"),
    CLI_FILE(T, teacher, 0, "teacher", "FILE,..",
             "distil these models: their mean says how likely each class is"),
    CLI_DOUBLE(T, temperature, 0, "temperature", "T", 1e-3, 1e6,
               "--teacher: softens what is said (default 2)"),
    CLI_DOUBLE(T, distill, 0, "distill", "A", 0, 1,
               "--teacher: its share of the loss, the labels have the rest (default .7)"),
    CLI_DOUBLE(T, smoothing, 0, "smoothing", "X", 0, 0.99, "label smoothing (default 0)"),
    CLI_FLAG(T, balance, 0, "balance", "weigh classes by how rare they are"),
    CLI_INT(T, shift, 0, "shift", "PX", 0, 10000, "move pictures at random by up to PX pixels (default 0)"),
    CLI_INT(T, patience, 0, "patience", "N", 0, 1e6, "stop after N epochs without a better validation"),
    CLI_FLAG(T, keep_last, 0, "keep-last", "write the last epoch's values, not the best validation's"),
    CLI_FILE(T, checkpoint, 0, "checkpoint", "FILE", "write all that --resume needs after each epoch"),
    CLI_FLAG(T, resume, 0, "resume", "go on from --checkpoint if it is there"),
    CLI_FILE(T, log, 0, "log", "FILE", "one JSON object an epoch"),
    CLI_FILE(T, plot, 0, "plot", "FILE", "curves of loss and accuracy, .png, .svg or .pdf (gnuplot)"),
    CLI_FILE(T, config, 0, "config", "FILE",
             "options as JSON (fdht info --config MODEL prints a model's own)"),
    CLI_BYTES(T, memory, 0, "memory", "keep clips in memory up to this (default half of what is free)"),
    CLI_BYTES(T, window, 0, "window",
              "read clips in order, shuffle them in a window of so many (default: all; several files: 1G)"),
    CLI_END,
};

static const train_args defaults = {
    .cell = -1,
    .recurrent = -1,
    .pool = -1,
    .sample = -1,
    .activation = -1,
    .init_scale = 1,
    .epochs = 40,
    .batch = 32,
    .schedule = FDHT_COSINE,
    .step_epochs = 10,
    .step_factor = 0.1,
    .momentum = 0.9,
    .clip = 5,
    .temperature = 2,
    .distill = 0.7,
};

/* No two of a run's files are one, whether they are there already or not. */
static int check_files(cli *c, const train_args *a)
{
    const char *output[] = {c->output, a->checkpoint, a->log, a->plot};
    size_t n;
    const char **input = train_inputs_list(a, &n);
    int status = cli_check_hdf5_output(c, input, n);
    for (size_t i = 0; !status && i < n; i++)
        status = cli_check_hdf5_input(c, input[i]);
    if (!status)
        status = cli_check_distinct(c, output, 4);
    if (!status && a->checkpoint && !(a->resume && access(a->checkpoint, F_OK) == 0))
        status = cli_check_output(c, a->checkpoint, true, input, n);
    if (!status && a->log)
        status = cli_check_output(c, a->log, false, input, n);
    if (!status && a->plot)
        status = cli_check_plot(c, a->plot, input, n);
    free(input);
    return status;
}

static int parse(cli *c, void *p)
{
    train_args *a = p;
    if (c->argc < 1)
        return cli_usage(c, "DATA.h5 is missing");
    a->data = c->argv[0];
    a->processes = c->ranks ? (size_t)c->ranks->size : 1;
    int status = a->config ? cli_config_read(c, a, a->config) : FDHT_OK;
    if (status || (status = train_inputs_parse(c, a)))
        return status;
    const char *cell = train_cell_option(c, true);
    if (a->init && cell)
        return cli_usage(c, "--init brings its own cell: --%s cannot stand beside it", cell);
    if (a->val && a->val_split > 0)
        return cli_usage(c, "--val and --val-split exclude each other");
    if (a->rank && a->ranks.n)
        return cli_usage(c, "--rank and --ranks exclude each other");
    if (a->diff && a->no_diff)
        return cli_usage(c, "--diff and --no-diff exclude each other");
    if (!a->teacher && (cli_given(c, "temperature") || cli_given(c, "distill")))
        return cli_usage(c, "--%s needs --teacher FILE", cli_given(c, "distill") ? "distill" : "temperature");
    if (a->lr_scan && a->core_lr > 0)
        return cli_usage(c, "--lr-scan and --core-lr exclude each other: cores have their own rates then");
    if (a->resume && !a->checkpoint)
        return cli_usage(c, "--resume needs --checkpoint FILE");
    return check_files(c, a);
}

/* What a run works on; everything is freed by close_job. */
typedef struct job {
    cli *c;
    const train_args *a;
    train_classes classes;
    train_set train, val;
    bool has_val;
    fdht_model *model;
    fdht_train_options opt;
    double *class_weight;
    float *teacher;
    uint64_t teacher_hash;
    train_scan scan;
    bool scanned;
    fdht_trainer *trainer;
    fdht_blobs *state;
    train_history history;
    char *settings;
    FILE *log;
    cli_bar bar;
    int best_epoch, epoch;
} job;

/* Whether this run goes on from a checkpoint. */
static bool resumes(const train_args *a)
{
    return a->resume && access(a->checkpoint, F_OK) == 0;
}

/* A model that was trained on resized frames goes on with frames of its own size, unless --resize says another. */
static void take_size(train_args *a, bool features)
{
    const char *path = resumes(a) ? a->checkpoint : a->init;
    fdht_file_kind kind;
    fdht_model *m = NULL;
    if (!path || a->resize.width || features || fdht_file_identify(path, &kind, NULL) ||
        kind != FDHT_FILE_MODEL ||
        fdht_modelfile_read(path, &m, NULL, NULL, NULL)) /* who reads it next says what is wrong with it */
        return;
    const fdht_frame_spec *f = &fdht_model_spec_of(m)->frame;
    if (f->resize) {
        a->resize.width = f->width;
        a->resize.height = f->height;
    }
    fdht_model_free(m);
}

static bool same_frames(const fdht_clip_shape *a, const fdht_clip_shape *b)
{
    return a->width == b->width && a->height == b->height && a->channels == b->channels &&
           a->features == b->features;
}

static const char *describe(char text[static 96], const fdht_clip_shape *s)
{
    if (s->features)
        snprintf(text, 96, "%zu features", s->features);
    else
        snprintf(text, 96, "%zux%zux%zu", s->width, s->height, s->channels);
    return text;
}

static int open_data(job *j, train_args *a)
{
    cli *c = j->c;
    fdht_dataset *file = NULL;
    if (a->packs)
        take_size(a, false);
    int status = train_inputs_pack(c, a);
    if (status || (status = train_inputs_open(c, a, a->data, &file)))
        return status;
    take_size(a, fdht_dataset_info_of(file)->shape.features > 0);
    if ((status = train_classes_of(c, a->data, file, &j->classes))) {
        fdht_dataset_close(file);
        return status;
    }
    if ((status = train_set_open(c, a, a->data, file, FDHT_SPLIT_TRAIN, &j->classes, &j->train)))
        return status;
    if (a->val)
        status = train_set_open(c, a, a->val, NULL, FDHT_SPLIT_VAL, &j->classes, &j->val);
    else if (a->val_split > 0)
        status = train_set_split(c, a, &j->train, &j->val);
    else if (train_set_has_val(&j->train))
        status = train_set_open(c, a, a->data, NULL, FDHT_SPLIT_VAL, &j->classes, &j->val);
    else
        return FDHT_OK;
    j->has_val = true;
    if (!status && !same_frames(&j->val.shape, &j->train.shape)) {
        char val[96], train[96];
        status = cli_fail(c, FDHT_EFORMAT, "%s: its clips are %s, the training clips %s (--resize, --gray)",
                          j->val.path, describe(val, &j->val.shape), describe(train, &j->train.shape));
    }
    return status;
}

static void set_options(job *j)
{
    static const fdht_optimizer optimizer[] = {FDHT_ADAM, FDHT_ADAMW, FDHT_SGD};
    static const fdht_schedule schedule[] = {FDHT_CONST, FDHT_COSINE, FDHT_STEP};
    const train_args *a = j->a;
    fdht_train_options *o = &j->opt;
    const fdht_model_spec *s = fdht_model_spec_of(j->model);
    fdht_train_options_default(o);
    train_recipe(j->c, a, &j->train, j->model, o);
    size_t clips = j->train.data.clips, steps = (clips + a->batch - 1) / a->batch * (size_t)o->epochs;
    o->batch = a->batch;
    o->optimizer = optimizer[a->optimizer];
    o->schedule = schedule[a->schedule];
    o->momentum = a->momentum;
    o->weight_decay = a->weight_decay;
    o->step_epochs = a->step_epochs;
    o->step_factor = a->step_factor;
    o->warmup = cli_given(j->c, "warmup") ? a->warmup : steps / 10 < 93 ? steps / 10 : 93;
    o->core_lr = a->core_lr;
    o->ema = a->ema;
    o->teacher = j->teacher;
    o->temperature = a->temperature;
    o->distill = a->distill;
    o->clip = a->clip;
    o->dropout = cli_given(j->c, "dropout") ? a->dropout : s->frame.width ? 0.25 : 0;
    o->recurrent_dropout = a->recurrent_dropout;
    o->label_smoothing = a->smoothing;
    o->shift = a->shift;
    o->patience = a->patience;
    o->keep_best = !a->keep_last;
    o->seed = j->c->seed;
    o->threads = j->c->threads;
    o->ranks = j->c->ranks;
    o->window = train_set_window(j->c, a, &j->train);
    if (!a->balance || s->output != FDHT_OUTPUT_SOFTMAX)
        return;
    j->class_weight = cli_calloc(s->classes, sizeof *j->class_weight);
    for (size_t i = 0; i < clips; i++)
        j->class_weight[j->train.label[i]]++;
    for (size_t k = 0; k < s->classes; k++)
        j->class_weight[k] =
            j->class_weight[k] > 0 ? (double)clips / (double)s->classes / j->class_weight[k] : 0;
    o->class_weight = j->class_weight;
}

/* The data and the model of a checkpoint fit together. */
static int check_checkpoint(job *j)
{
    const fdht_model_spec *s = fdht_model_spec_of(j->model);
    int status = train_check_model(j->c, "resume", j->a->checkpoint, j->model, false, &j->train.shape);
    if (!status && s->output == FDHT_OUTPUT_SOFTMAX && s->classes != j->classes.n)
        status = cli_usage(j->c, "--resume %s has %zu classes, the clips have %zu", j->a->checkpoint,
                           s->classes, j->classes.n);
    return status;
}

/* How the model was made. A run that goes on keeps what its beginning said. */
static int set_origin(job *j)
{
    cli *c = j->c;
    const train_args *a = j->a;
    cli_origin_command(c, j->model, true);
    int status = train_files_origin(c, j->model, FDHT_ORIGIN_DATA, FDHT_ORIGIN_DATA_DIGEST, &a->files[0]);
    if (!status)
        status = train_files_origin(c, j->model, FDHT_ORIGIN_VALIDATION, FDHT_ORIGIN_VALIDATION_DIGEST,
                                    &a->files[1]);
    return status ? status : cli_origin_file(c, j->model, FDHT_ORIGIN_INIT, FDHT_ORIGIN_INIT_DIGEST, a->init);
}

/* --lr-scan: by short runs, or the rate of the run that goes on. */
static int choose_rate(job *j, bool resume)
{
    double lr = resume && j->a->lr_scan ? train_checkpoint_rate(j->state) : 0;
    if (lr > 0)
        j->opt.lr = lr;
    if (!j->a->lr_scan || resume)
        return FDHT_OK;
    cli_signals_hold(true);
    int status = train_lr_scan(j->c, j->model, &j->opt, &j->train, j->has_val ? &j->val : NULL, &j->scan);
    j->c->agreed = status; /* the trainers agree */
    if (!status) {
        j->opt.lr = j->scan.rate[j->scan.best].lr;
        j->scanned = true;
    }
    return status;
}

/* The options of this run, which may make the model once more; a run that goes on may have others than its beginning. */
static int set_options_text(job *j)
{
    static const char *const own[] = {"checkpoint", "resume", "log", "plot", "memory", "config", NULL};
    char *text = cli_config_text(j->c, j->a, own);
    size_t n = strlen(text);
    fdht_model_set_origin(j->model, FDHT_ORIGIN_OPTIONS, text);
    free(text);
    return n < FDHT_ORIGIN_TEXT
               ? FDHT_OK
               : cli_usage(j->c, "options of %zu bytes, a model keeps %d", n, FDHT_ORIGIN_TEXT - 1);
}

static int make_model(job *j)
{
    cli *c = j->c;
    bool resume = resumes(j->a);
    if (j->a->resume && !resume)
        cli_note(c, "%s is not there yet: starting from the beginning", j->a->checkpoint);
    int status = resume ? train_checkpoint_read(c, j->a->checkpoint, &j->model, &j->state)
                        : train_model_make(c, j->a, &j->train, &j->classes, &j->model);
    if (status || (resume && (status = check_checkpoint(j))))
        return status;
    if ((status = train_set_answers(c, &j->train, &j->classes, j->model)) ||
        (j->has_val && (status = train_set_answers(c, &j->val, &j->classes, j->model))))
        return status;
    if (!resume && cli_first_rank(c) && (status = set_origin(j))) /* rank 0 writes the model */
        return status;
    if ((status = set_options_text(j)))
        return status;
    if (j->a->epochs &&
        (status = train_teachers(c, j->a, j->model, &j->train, &j->classes, &j->teacher, &j->teacher_hash)))
        return status;
    set_options(j);
    if (j->a->epochs == 0)
        return FDHT_OK;
    if ((status = choose_rate(j, resume)))
        return status;
    if (j->a->checkpoint &&
        (status = train_settings(c, j->a, &j->opt, j->model, &j->train, j->has_val ? &j->val : NULL,
                                 j->teacher_hash, &j->settings)))
        return status;
    status = fdht_trainer_new(j->model, &j->opt, &j->train.data, j->has_val ? &j->val.data : NULL,
                              &j->trainer, &c->err);
    if (!status && resume)
        status = train_checkpoint_resume(c, j->a->checkpoint, j->state, j->settings, j->trainer, &j->history);
    return status;
}

static bool show_progress(void *arg, size_t done, size_t clips, double loss, double accuracy)
{
    job *j = arg;
    const train_history *h = &j->history;
    char note[128];
    bool values = fdht_model_spec_of(j->model)->output == FDHT_OUTPUT_LINEAR;
    int n = snprintf(note, sizeof note, "epoch %d/%d  loss %.4g", j->epoch + 1, j->opt.epochs, loss);
    if (!values)
        n += snprintf(note + n, sizeof note - (size_t)n, "  accuracy %.3f", accuracy);
    if (h->n && isfinite(h->epoch[h->n - 1].val_accuracy))
        n += snprintf(note + n, sizeof note - (size_t)n, "  val %.3f", h->epoch[h->n - 1].val_accuracy);
    if (h->n)
        snprintf(note + n, sizeof note - (size_t)n, "  %.0f clips/s", h->epoch[h->n - 1].clips_per_second);
    return cli_bar_update(&j->bar, (double)j->epoch * (double)clips + (double)done,
                          (double)j->opt.epochs * (double)clips, note) != FDHT_OK;
}

/* On a terminal the lines scroll above the bar, which the next update draws again. */
static void print_epoch(job *j, const fdht_epoch *e)
{
    if (j->bar.drawn)
        fputs("\r\033[K", stderr);
    j->bar.last = 0;
    fprintf(stderr, "epoch %d/%d  loss %.4f", e->epoch, j->opt.epochs, e->loss);
    if (isfinite(e->accuracy))
        fprintf(stderr, "  accuracy %.4f", e->accuracy);
    if (isfinite(e->val_loss))
        fprintf(stderr, "  val loss %.4f", e->val_loss);
    if (isfinite(e->val_accuracy))
        fprintf(stderr, "  val accuracy %.4f", e->val_accuracy);
    if (isfinite(e->val_loss))
        fprintf(stderr, "%s", e->best ? " *" : "");
    fprintf(stderr, "  %.1f clips/s  %.1f s\n", e->clips_per_second, e->seconds);
}

/* Interrupted: the best values so far are worth having. */
static void keep_best(job *j)
{
    cli *c = j->c;
    fdht_error err;
    fdht_trainer_finish(j->trainer, &j->best_epoch);
    if (fdht_modelfile_write(c->output, j->model, NULL, &c->out, &err))
        cli_warn(c, "%s", err.msg);
    else
        cli_warn(c, "%s holds the values of epoch %d of %zu", c->output,
                 j->best_epoch ? j->best_epoch : (int)j->history.n, j->history.n);
}

static int train(job *j)
{
    cli *c = j->c;
    cli_signals_hold(true); /* a step may take longer than a second, and there is something to save */
    fdht_epoch e = {.last = fdht_trainer_done(j->trainer)};
    if (j->history.n)
        e.epoch = (int)j->history.n;
    cli_bar_start(c, &j->bar, "train");
    bool first = cli_first_rank(c);
    for (size_t i = 0; j->log && i < j->history.n; i++)
        train_log_line(j->log, &j->history.epoch[i]);
    while (!e.last) {
        j->epoch = (int)j->history.n;
        int status = fdht_trainer_epoch(j->trainer, show_progress, j, &e, &c->err);
        c->agreed = status; /* the trainers agree */
        if (first && status == FDHT_ENAN && j->history.n &&
            !fdht_modelfile_write(c->output, j->model, NULL, &c->out, NULL))
            cli_warn(c, "%s holds the values of epoch %zu", c->output, j->history.n);
        if (first && status == FDHT_EINTR && j->history.n)
            keep_best(j);
        if (status)
            return status;
        train_history_add(&j->history, &e);
        if (!c->quiet)
            print_epoch(j, &e);
        if (j->log)
            train_log_line(j->log, &e);
        if (j->a->checkpoint && first)
            status =
                train_checkpoint_write(c, j->a->checkpoint, j->model, j->trainer, j->settings, &j->history);
        if (j->a->checkpoint && (status = cli_agree(c, status)))
            return status;
    }
    cli_bar_end(&j->bar);
    fdht_trainer_finish(j->trainer, &j->best_epoch);
    if (j->a->keep_last)
        j->best_epoch = 0;
    return FDHT_OK;
}

static void close_job(job *j)
{
    fdht_trainer_free(j->trainer);
    fdht_model_free(j->model);
    fdht_blobs_free(j->state);
    train_set_close(&j->train);
    train_set_close(&j->val);
    train_classes_free(&j->classes);
    free(j->class_weight);
    free(j->teacher);
    free(j->history.epoch);
    free(j->settings);
    if (j->log)
        fclose(j->log);
}

/* The log is an output: what did not reach it is a failure, after everything else is done. */
static int close_log(job *j)
{
    FILE *log = j->log;
    j->log = NULL;
    bool bad = log && ferror(log);
    bad |= log && fclose(log);
    return bad ? cli_fail(j->c, FDHT_EIO, "%s: the log is not whole: it could not be written", j->a->log)
               : FDHT_OK;
}

static int run(cli *c, void *p)
{
    job j = {.c = c, .a = p};
    fdht_result scores = {0};
    double start = fdht_seconds();
    bool first = cli_first_rank(c);
    int status = open_data(&j, p);
    train_inputs_unlink(p);
    if (!status)
        status = make_model(&j);
    if (!status && first && j.a->log && !(j.log = fopen(j.a->log, "w")))
        status = cli_fail_errno(c, j.a->log);
    if (!(status = c->agreed ? status : cli_agree(c, status)) && j.a->epochs)
        status = train(&j);
    if (!status && first)
        status = fdht_modelfile_write(c->output, j.model, NULL, &c->out, &c->err);
    if (!status && !(status = cli_agree(c, status)))
        status = fdht_evaluate_ranks(j.model, j.has_val ? &j.val.data : &j.train.data, c->threads, c->ranks,
                                     &scores, &c->err);
    double seconds = fdht_seconds() - start;
    if (!status && first) {
        train_result r = {.model = j.model,
                          .history = &j.history,
                          .scores = &scores,
                          .best_epoch = j.best_epoch,
                          .seconds = seconds,
                          .lr = j.opt.lr,
                          .scan = j.scanned ? &j.scan : NULL,
                          .what = j.has_val ? "validation" : "training"};
        train_report(c, &r);
        if (j.a->plot && j.history.n)
            status = train_plot(c, j.a->plot, j.model, &j.history);
    }
    fdht_result_free(&scores);
    if (!status)
        status = close_log(&j);
    close_job(&j);
    train_inputs_close(p);
    return status;
}

const cli_command cmd_train = {
    .name = "train",
    .summary = "train a model on a data set",
    .usage = "DATA.h5...|DIR|VIDEO... -o MODEL.h5 [options]",
    .notes = "Without options it is the recipe that trains the demo's model: colour frames of 160x120 get\n"
             "the preset clips-fdht, others modes of few parameters unless --in-modes and --out-modes give\n"
             "them. --init takes a model file, or dense LSTM weights of PyTorch, Keras or ONNX.\n"
             "The same seed gives the same model, bit for bit, with any --threads; so does a run that was\n"
             "interrupted and resumed.",
    .common = CLI_WITH_OUTPUT | CLI_WITH_THREADS | CLI_WITH_SEED | CLI_WITH_JSON | CLI_WITH_PROGRESS |
              CLI_WITH_TRUST | CLI_WITH_RANKS,
    .options = options,
    .args_size = sizeof(train_args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
