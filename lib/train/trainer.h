/* train/trainer.h - what the files of lib/train share. Internal. */
#ifndef FDHT_TRAIN_TRAINER_H
#define FDHT_TRAIN_TRAINER_H

#include "fdht/train.h"
#include "nn/runner.h"

/* FDHT_EINVAL with the option's name and range; also: no classifier, shift without pictures. */
int fdht_train_options_check(const fdht_train_options *o, const fdht_model *m, fdht_error *err);
/* The rate of step 0, 1, .. as a part of lr. */
double fdht_schedule_factor(const fdht_train_options *o, uint64_t step, uint64_t steps,
                            uint64_t steps_per_epoch);
/* FDHT_EINVAL: no clips, a label that is no class, a clip without frames; `what` begins the message. */
int fdht_train_data_check(const fdht_train_data *s, const fdht_model *m, const char *what, fdht_error *err);

/* Loss, accuracy, error and rows of *out, and its confusion where that is not NULL (all 0 before); on all ranks. */
int fdht_evaluate_runner(fdht_runner *r, const fdht_model *m, const fdht_train_data *s,
                         const fdht_ranks *ranks, fdht_result *out, fdht_error *err);

#endif
