/* fdht/train.h - training an LSTM classifier: back-propagation through time, optimisers, schedules, checkpoints
 * (lib/README.md section 7).
 *
 * The same seed, options, data and model give the same bits whatever the number of threads and ranks; a trainer continued from an
 * exported state gives the same bits as one that was never interrupted. Random choices (order, dropout, shifts, frame
 * sampling) are functions of (seed, epoch, clip), not of what ran before.
 *
 * Threads: one thread at a time may use a trainer and the model it trains; several trainers may run at a time. */
#ifndef FDHT_TRAIN_H
#define FDHT_TRAIN_H

#include "fdht/model.h"
#include "fdht/ranks.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef enum fdht_optimizer { FDHT_ADAM, FDHT_ADAMW, FDHT_SGD, FDHT_OPTIMIZERS } fdht_optimizer;
typedef enum fdht_schedule { FDHT_CONST, FDHT_COSINE, FDHT_STEP, FDHT_SCHEDULES } fdht_schedule;

typedef struct fdht_train_options {
    int epochs;
    size_t batch; /* clips */
    fdht_optimizer optimizer;
    double lr, beta1, beta2, epsilon; /* adam, adamw */
    double momentum;                  /* sgd: v = momentum v + g */
    double weight_decay;              /* adamw: p -= lr wd p beforehand; others: g += wd p */
    fdht_schedule schedule;           /* cosine: to 0 at the end; step: times step_factor every step_epochs */
    int step_epochs;
    double step_factor;
    size_t warmup;  /* steps in which the rate rises from 0 in even parts */
    double core_lr; /* > 0: the rate of each tensor core is core_lr times its root mean square at the start */
    double ema;     /* > 0: average of the values, a <- ema a + (1 - ema) values after each step, ema at most
                     * (1 + t) / (10 + t) after step t. It is what is validated, kept and given in the end */
    double clip;    /* largest norm of the whole gradient; 0: none */
    double dropout; /* of inputs: the probability, rounded to 1/256 */
    double recurrent_dropout; /* of h on its way into the next step, the same units in all steps of a clip */
    double label_smoothing;
    const double *class_weight; /* (classes), or NULL */
    const float *teacher;       /* (rows of the training data, classes) what fdht_teacher_ask gave, or NULL */
    double temperature;         /* at which it was asked */
    double distill;             /* 0 to 1: the teacher's share of the loss, the labels have the rest */
    int shift;                  /* pixels: pictures move by up to so many, edges repeated; frames only */
    int patience;               /* epochs without a better validation accuracy; 0: never stop early */
    bool keep_best; /* with validation: the model ends with the best epoch's values, not the last's */
    uint64_t seed;
    int threads; /* 0: all CPUs */
    const fdht_ranks
        *ranks; /* processes that train together, each with the same model, options and data; NULL: one */
    /* For sources that are slow to read at random. 0, or all clips: all are shuffled, and each is read when it is used. Else
     * blocks of `block` clips that follow each other (0: a 16th of window, at least 1) are shuffled; clips are read in that
     * order and used in another, drawn from a window of the next `window` clips that were read. A rank reads its clips alone
     * and holds at most `window` of them. */
    size_t window, block;
} fdht_train_options;

/* The recipe that trains the demo's models: 40 epochs, batch 32, adam 3e-3, 93 steps warm-up, cosine, input
 * dropout .25, norm clipped at 5, keep_best. */
FDHT_API void fdht_train_options_default(fdht_train_options *opt);
FDHT_API const char *fdht_optimizer_name(fdht_optimizer o); /* "adam", "adamw", "sgd" */
FDHT_API const char *fdht_schedule_name(fdht_schedule s);   /* "const", "cosine", "step" */

/* Where clips come from. What a clip should give is a row (or, of a model with an output for every step, fdht_model_rows
 * rows, one clip after the other) of label or of target, by the model's output kind:
 *   softmax  label, 0 .. K - 1
 *   sigmoid  target, K numbers from 0 to 1; where it is NULL label: the one label that is set, or with K = 1 0 or 1
 *   linear   target, K values */
typedef struct fdht_train_data {
    size_t clips;
    const int *label;               /* (rows), or NULL */
    const float *target;            /* (rows, K), or NULL */
    const size_t *length;           /* (clips) frames of each, >= 1 */
    size_t width, height, channels; /* of every frame; 0 for features */
    size_t features;                /* numbers of every frame; 0 for pixels */
    /* Fill data, which has room for exactly `bytes`, with clip i: length frames of uint8 pixels, or of float32 features.
     * A clip of another size is an error to return. Called by one thread at a time, not always the same. Returns a
     * status, which ends the epoch or evaluation unless 0. */
    int (*read)(void *arg, size_t i, void *data, size_t bytes, fdht_error *err);
    void *arg;
} fdht_train_data;

/* Mean and standard deviation of a source's pixels, for fdht_frame_spec: of the pixels, or, with diff, of the pixels less
 * the mean of their clip; std is 1 where all are equal. At most 512 clips, evenly chosen, are read. FDHT_EINVAL: the
 * source's frames are not of the size of `frame`; FDHT_ENOMEM, or the status of read. */
FDHT_API int fdht_pixel_stats(const fdht_train_data *s, const fdht_frame_spec *frame, double *mean,
                              double *std, fdht_error *err);

typedef struct fdht_epoch {
    int epoch;                     /* from 1 */
    double loss, accuracy;         /* of the training clips as they were trained on */
    double val_loss, val_accuracy; /* NaN without validation */
    double lr;                     /* of the last step */
    double seconds, clips_per_second;
    bool best; /* the best validation accuracy so far (smaller loss where equal) */
    bool last; /* nothing is left to do: all epochs done, or patience used up */
} fdht_epoch;

/* Called after each batch: clips done of all in this epoch, mean loss and accuracy so far; true stops
 * (FDHT_EINTR). */
typedef bool fdht_train_progress(void *arg, size_t done, size_t clips, double loss, double accuracy);

/* A trainer of m, which is trained in place. m, the sources and the arrays of opt must outlive the trainer; val (for
 * validation) may be NULL. On failure *out is NULL. FDHT_EINVAL: an option out of its range, a label, clips that the model
 * cannot take ("training data: 40x40x1, the model takes 16x16x1"), no classifier; FDHT_ENOMEM. */
typedef struct fdht_trainer fdht_trainer;
FDHT_API int fdht_trainer_new(fdht_model *m, const fdht_train_options *opt, const fdht_train_data *train,
                              const fdht_train_data *val, fdht_trainer **out, fdht_error *err);
FDHT_API void fdht_trainer_free(fdht_trainer *t);
/* One epoch; progress may be NULL. FDHT_ENAN: the loss is no number or grew beyond bounds; the model then holds the last
 * good epoch's values (with ema their average) and the message says which. FDHT_EINTR: stopped by progress; the model holds the values of the
 * epoch's start. FDHT_ENOMEM, or the status of read. */
FDHT_API int fdht_trainer_epoch(fdht_trainer *t, fdht_train_progress *progress, void *arg, fdht_epoch *out,
                                fdht_error *err);
/* After the last epoch: give the model the best epoch's values (keep_best), else with ema the average. best_epoch may be NULL; 0 without
 * validation. */
FDHT_API void fdht_trainer_finish(fdht_trainer *t, int *best_epoch);

/* Whether nothing is left to do: all epochs done, or patience used up; after an import, too. */
FDHT_API bool fdht_trainer_done(const fdht_trainer *t);

/* Memory of a step in addition to the model's values, in bytes. */
typedef struct fdht_train_bytes {
    size_t activations; /* of every frame of every clip of the batch: gates, states and their gradients */
    size_t clips; /* the batch as read and, where there is more than one, the next, read ahead; the window */
    size_t scratch;   /* packed weights, each thread's scratch, the largest partial gradients */
    size_t optimizer; /* gradient, moments, the values of the epoch's start and, where kept, the best's */
    size_t total;
    size_t
        parts; /* no bytes: how many parts a full batch is cut into, each with a gradient; more ranks have nothing to do */
} fdht_train_bytes;
/* The most that a step over a full batch holds, each clip as long as the longest. Not counted: the plans (some 30 KB a
 * map, and their index tables), BLAS' own buffers, what `read` and validation keep. */
FDHT_API void fdht_trainer_bytes(const fdht_trainer *t, fdht_train_bytes *out);

/* All that a trainer remembers between epochs in addition to the model's values, to be stored in a checkpoint. Arrays have
 * the model's size and belong to the trainer; v, best and average may be NULL (sgd; no validation; no ema). */
typedef struct fdht_train_state {
    uint64_t seed, step;
    int epoch, best_epoch;
    double best_accuracy, best_loss;
    size_t size;
    float *m, *v, *best, *average;
    int params;         /* arrays of the model */
    double *param_rate; /* (params) */
} fdht_train_state;
/* Views of the arrays: write into them to import. */
FDHT_API void fdht_trainer_export(const fdht_trainer *t, fdht_train_state *out);
/* Take the numbers of `in`; its arrays, where they are not the trainer's own, are copied. FDHT_EINVAL: sizes, arrays or
 * the seed differ; the trainer is then as before. */
FDHT_API int fdht_trainer_import(fdht_trainer *t, const fdht_train_state *in, fdht_error *err);

/* What a model says of the clips of s, for fdht_train_options.teacher: out (rows, classes) = softmax(scores / temperature).
 * It sees each clip as it is, its frames chosen evenly. Of several teachers take the mean of what they say. ranks share the
 * clips and all get the whole (NULL: one process); threads: 0 = all CPUs. FDHT_EINVAL: clips that the model does not take,
 * a model without classes, a temperature that is not positive; FDHT_ENOMEM, or the status of read. */
FDHT_API int fdht_teacher_ask(const fdht_model *m, const fdht_train_data *s, double temperature, int threads,
                              const fdht_ranks *ranks, float *out, fdht_error *err);

/* How well a model does. Free with fdht_result_free. */
typedef struct fdht_result {
    fdht_output_kind output;
    size_t clips, rows, classes;     /* rows: labelled steps or clips */
    double loss;                     /* per row; of linear outputs the mean square of the error */
    double accuracy;                 /* share of right answers, of right labels; NaN of linear outputs */
    double error;                    /* of linear outputs: mean absolute error; else NaN */
    double f1_mean;                  /* over the classes or labels that occur; NaN of linear outputs */
    size_t *confusion;               /* softmax (K, K): rows are labels, columns the model's answers;
                                      * sigmoid (K, 2, 2): label, whether it is set, whether the model says so; linear: NULL */
    double *precision, *recall, *f1; /* (K); NaN where a class never occurs; linear: NULL */
} fdht_result;
/* Run the model over a source. threads: 0 = all CPUs. On failure *out is empty. FDHT_EINVAL: labels or lengths that do not
 * fit, no classifier; FDHT_ENOMEM, or the status of read. */
FDHT_API int fdht_evaluate(const fdht_model *m, const fdht_train_data *s, int threads, fdht_result *out,
                           fdht_error *err);
/* The same shared by ranks (NULL: one process), all of which get the result. */
FDHT_API int fdht_evaluate_ranks(const fdht_model *m, const fdht_train_data *s, int threads,
                                 const fdht_ranks *ranks, fdht_result *out, fdht_error *err);
FDHT_API void fdht_result_free(fdht_result *s);

/* Gradients in double against signed central differences, for each array of the model: up to `probes` of its numbers are
 * moved by +-h; error[i] (fdht_model_params of them) is the largest |analytic - numeric| / (largest |analytic| of the
 * array + 1e-8). x: the inputs of all clips, one after the other, (sum of length, D). FDHT_EINVAL: no classifier, no
 * clips, probes < 1, h not positive; FDHT_ENOMEM. */
FDHT_API int fdht_gradient_check(const fdht_model *m, size_t clips, const size_t *length, const int *label,
                                 const float *target, const double *x, int probes, double h, uint64_t seed,
                                 double *error, fdht_error *err);

#ifdef __cplusplus
}
#endif
#endif
