/* train/train.h - what the files of `fdht train` share. */
#ifndef CLI_TRAIN_TRAIN_H
#define CLI_TRAIN_TRAIN_H

#include "frame/cli.h"
#include "frame/clips.h"
#include "frame/signals.h"
#include "frame/pixels.h"
#include "fdht/clips.h"
#include "fdht/modelfile.h"
#include "fdht/train.h"

/* Data set files that are one data set. */
typedef struct train_files {
    char **path;
    size_t n;
} train_files;

typedef struct train_args {
    const char *data;
    train_files files[2]; /* of the operands, of --val; none where those hold clips */
    /* folders and videos in its place */
    const char *labels;
    cli_clip_args video;
    bool packs;
    char *packed[2]; /* to be opened in place of data, of val; NULL: that is a data set itself */
    /* the model */
    const char *preset, *init, *tree, *layer;
    int cell, recurrent, pool, sample,
        activation; /* indices into the choices of the option table, -1: not given */
    size_t hidden, rank, blocks, frames;
    int enlarge_mode;
    double init_scale;
    int start; /* fdht_start */
    cli_sizes in_modes, out_modes, ranks, enlarge, hidden_box;
    cli_extent resize;
    bool gray, diff, no_diff;
    cli_pixels pixels;
    /* the training */
    const char *val, *checkpoint, *log, *plot, *config, *teacher;
    double val_split, lr, dropout, recurrent_dropout, clip, core_lr, ema, temperature, distill, weight_decay,
        momentum, smoothing, step_factor;
    int epochs, optimizer, schedule, shift, patience, step_epochs;
    size_t batch, warmup, memory, window;
    bool resume, balance, keep_last, lr_scan;
    size_t processes; /* that share this memory, at most */
} train_args;

/* Clips of a data set file as the trainer takes them: converted once, kept in memory as far as that is allowed. */
typedef struct train_set {
    const char *path;
    fdht_dataset *file;
    fdht_clips_options opt;
    fdht_clip_shape shape; /* as delivered; length: the longest */
    fdht_train_data data;
    size_t *id, *length, *offset; /* (clips): number in the file, frames, place in memory */
    int *label;                   /* (clips) */
    int *answer;                  /* (rows of scores) labels, or NULL; */
    float *target;                /* (rows of scores, width), or NULL */
    unsigned char *memory, *kept; /* kept (clips): is in memory */
    size_t bytes, longest;        /* of all clips, of the longest */
} train_set;

/* ---- train/files.c ---- */

/* The files that the operands name: each itself, of a folder those that end in .h5 or .hdf5, of a pattern with *, ? or [ that is
 * no file those that match; both in natural order. None where an operand is a folder without any. FDHT_ENOENT: nothing
 * matches; FDHT_EINVAL: one is named twice. Free in every case. */
int train_files_find(cli *c, const char *const *operand, size_t n, train_files *out);
void train_files_free(train_files *f);
int train_files_open(cli *c, const train_files *f, fdht_dataset **out);
/* cli_origin_file; of several files the names alone, for a digest would read all of them. */
int train_files_origin(cli *c, fdht_model *m, fdht_origin key, fdht_origin digest, const train_files *f);

/* ---- train/inputs.c ---- */

/* Are the operands clips that have to be packed (a->packs)? Refuses what cannot be. */
int train_inputs_parse(cli *c, train_args *a);
/* Pack them, and --val where that is clips, too. unlink: the files have been opened, and go with the process. */
int train_inputs_pack(cli *c, train_args *a);
void train_inputs_unlink(train_args *a);
/* All files that a run reads; the array is freed with free(), the strings are a's. */
const char **train_inputs_list(const train_args *a, size_t *n);
void train_inputs_close(train_args *a);
/* fdht_dataset_open of `path`; if that is a->data or a->val, of all their files or of what was packed. */
int train_inputs_open(cli *c, const train_args *a, const char *path, fdht_dataset **out);

/* ---- train/data.c ---- */

/* The classes of a training file: names, or numbers where it has none. */
typedef struct train_classes {
    size_t n;
    char **name; /* NULL: none */
} train_classes;
int train_classes_of(cli *c, const char *path, const fdht_dataset *file, train_classes *out);
void train_classes_free(train_classes *k);

/* Open the clips of `path` marked `want` (FDHT_SPLIT_*), all of them if want is FDHT_SPLIT_NONE or none is marked so;
 * labels are matched by class name. file: `path`, opened already, from now on the set's; NULL: it is opened here. */
int train_set_open(cli *c, const train_args *a, const char *path, fdht_dataset *file, int want,
                   const train_classes *k, train_set *out);
/* Move a random part (--val-split) of the clips of `from` into `to`. */
int train_set_split(cli *c, const train_args *a, train_set *from, train_set *to);
/* Labels or targets for each row of the model's scores: the file's targets, else labels; a clip's label or only row of
 * targets holds for all its steps. k: the classes, whose names are values where they are numbers. */
int train_set_answers(cli *c, train_set *s, const train_classes *k, const fdht_model *m);
/* Whether the file marks clips for validation. */
bool train_set_has_val(const train_set *s);
/* --window in clips of this set; 0: all are shuffled. */
size_t train_set_window(cli *c, const train_args *a, const train_set *s);
void train_set_close(train_set *s);

/* ---- train/model.c ---- */

/* Of the options that describe a cell, the preset and those that change it, the first that is given; or NULL. */
const char *train_cell_option(const cli *c, bool preset);
/* Rate and epochs: as given, else those of the model's preset where no option changes its cell, else the defaults. */
void train_recipe(cli *c, const train_args *a, const train_set *s, const fdht_model *m,
                  fdht_train_options *o);
/* A new model for the data, or the one of --init fitted to it. note says what was chosen. */
int train_model_make(cli *c, const train_args *a, train_set *s, const train_classes *k, fdht_model **out);
/* Refuse clips that the model of --OPTION PATH does not take: "takes 768 inputs, the clips have 4800". any_kind: a model
 * of features takes frames of as many numbers, too (weights of other programs do not say which they take). */
int train_check_model(cli *c, const char *option, const char *path, const fdht_model *m, bool any_kind,
                      const fdht_clip_shape *h);

/* ---- train/teacher.c ---- */

/* What the models of --teacher say of the clips of s, for fdht_train_options.teacher: the mean of all, to be freed; NULL
 * without --teacher. hash: of their values. All ranks call it. */
int train_teachers(cli *c, const train_args *a, const fdht_model *student, const train_set *s,
                   const train_classes *k, float **out, uint64_t *hash);

/* ---- train/scan.c ---- */

enum { TRAIN_SCAN_RATES = 6 };
typedef struct train_rate {
    double lr, loss, val_loss, val_accuracy; /* of the last epoch; NaN without validation */
    bool diverged;
} train_rate;
typedef struct train_scan {
    int epochs, best; /* of each run; the rate that was chosen */
    train_rate rate[TRAIN_SCAN_RATES];
} train_scan;
/* Train from m's values with rates around opt->lr, as opt says but for a few epochs, and choose the one of the smallest validation
 * loss (training loss where val is NULL); m is then as before. All ranks call it. */
int train_lr_scan(cli *c, fdht_model *m, const fdht_train_options *opt, const train_set *train,
                  const train_set *val, train_scan *out);

/* ---- train/output.c ---- */

typedef struct train_history {
    size_t n, room;
    fdht_epoch *epoch;
} train_history;
void train_history_add(train_history *h, const fdht_epoch *e);

/* The line of one epoch in --log. */
void train_log_line(FILE *f, const fdht_epoch *e);
/* Curves of loss and accuracy. */
int train_plot(cli *c, const char *path, const fdht_model *m, const train_history *h);

/* ---- train/settings.c ---- */

/* All that must be the same for a resumed run to be the run that was interrupted, as words NAME=VALUE: options of training
 * and model, and a hash of each data set (shapes, labels or targets, first clip). val NULL: none; teacher: the hash of
 * train_teachers. *out is freed by free(). */
int train_settings(cli *c, const train_args *a, const fdht_train_options *o, const fdht_model *m,
                   train_set *train, train_set *val, uint64_t teacher, char **out);

/* ---- train/checkpoint.c ---- */

/* Write model and state, whole or not at all; read them back. settings: what must agree to go on. */
int train_checkpoint_write(cli *c, const char *path, const fdht_model *m, const fdht_trainer *t,
                           const char *settings, const train_history *h);
int train_checkpoint_read(cli *c, const char *path, fdht_model **m, fdht_blobs **state);
/* The learning rate of the run that a checkpoint is of; 0: it does not say. */
double train_checkpoint_rate(const fdht_blobs *state);
int train_checkpoint_resume(cli *c, const char *path, const fdht_blobs *state, const char *settings,
                            fdht_trainer *t, train_history *h);

/* ---- train/report.c ---- */

/* The result on stdout. scores of `what` ("validation" or "training" clips). */
typedef struct train_result {
    const fdht_model *model;
    const train_history *history;
    const fdht_result *scores;
    const char *what;
    int best_epoch;
    double seconds, lr;
    const train_scan *scan; /* NULL: none */
} train_result;
void train_report(cli *c, const train_result *r);

#endif
