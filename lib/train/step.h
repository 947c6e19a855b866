/* train/step.h - the trainer, and one step of it: a batch in fixed parts, over threads and ranks. Internal.
 *
 * A batch is cut into parts of clips that depend on the model, the data and the number of clips alone. Each part has a gradient of
 * its own; rank 0 adds them in order, steps and sends the new values. So the bits are the same for any number of threads
 * and ranks (lib/README.md section 7.3). */
#ifndef FDHT_TRAIN_STEP_H
#define FDHT_TRAIN_STEP_H

#include "base/ranks.h"
#include "nn/frames.h"
#include "train/bptt.h"
#include "train/order.h"
#include "train/reader.h"
#include "train/truth.h"

enum {
    FDHT_PARTS = 32,           /* of a batch, at most */
    FDHT_STEP_BLOCK = 1 << 16, /* numbers of a model that one thread adds or updates at a time */
};

typedef struct fdht_tally {
    double loss, weight, correct;
    size_t rows, clips;
} fdht_tally;

typedef struct fdht_part {
    fdht_trainer *trainer;
    fdht_bptt_f32 *bptt;
    float *grad;             /* (size) */
    const fdht_batch *batch; /* this rank's clips */
    size_t first, clips;     /* of them */
    size_t row;              /* of the trainer's label and target, where the part's rows begin */
    float share;             /* 1 / weight of the whole batch */
    fdht_tally sum;
    int status;
    fdht_error err;
} fdht_part;

struct fdht_trainer {
    fdht_model *model;
    fdht_train_options opt;
    const fdht_train_data *train, *val;
    fdht_team *team;
    fdht_net_f32 *net;
    bool by_part;        /* threads take a part each; else all of them work at one part after the other */
    size_t part_clips;   /* in a part, at least */
    size_t own;          /* parts of this rank, at most */
    fdht_part *part;     /* (own) */
    fdht_runner *runner; /* over net, for validation */
    float *gradients;    /* of the parts: (own, size), of all parts on rank 0 */
    float *grad;         /* (size): their sum, the first of gradients */
    float *m, *v, *best, *good; /* (size); good: the values when the epoch began */
    float *average;             /* (size): opt.ema, else NULL */
    double *rate, *norm;        /* (params), (blocks) */
    size_t *order;              /* (clips) */
    fdht_order_plan plan;
    size_t *mine, *cut;  /* this rank's clips of an epoch; (batches + 1) where those of a batch begin */
    fdht_frames *frames; /* (batch) */
    uint8_t **line;      /* (workers) */
    fdht_truth truth;    /* of train */
    int *label;          /* (batch x truth.most) in the order of scores */
    float *target;       /* (batch x truth.most, width) */
    uint64_t step, steps_per_epoch;
    int epoch, best_epoch;
    bool stop; /* this rank was asked to */
    double best_accuracy, best_loss;
};

/* Parts of a batch of so many clips. */
size_t fdht_step_parts(const fdht_trainer *t, size_t clips);
/* Gradients that are kept. */
size_t fdht_step_gradients(const fdht_trainer *t);
/* Parts and their gradients, after model, opt, net, team and by_part are set. FDHT_ENOMEM. */
int fdht_step_new(fdht_trainer *t, fdht_error *err);
void fdht_step_free(fdht_trainer *t);
/* The clips of batch `number` in t->order: *first on; returns how many. mine: where this rank's begin, and how many. */
size_t fdht_step_clips(const fdht_trainer *t, size_t number, size_t *first, size_t *mine_first, size_t *mine);
/* One step over batch `number`, of which b holds this rank's clips. status, err: what reading them gave. The model has the new
 * values on every rank. *sum is raised, on every rank, by what the batch gave. FDHT_ENAN, FDHT_EINTR (a rank was asked to
 * stop), FDHT_ENOMEM, the status of a rank. */
int fdht_step(fdht_trainer *t, size_t number, const fdht_batch *b, int status, double lr,
              fdht_train_progress *progress, void *arg, fdht_tally *sum, fdht_error *err);

#endif
