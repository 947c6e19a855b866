/* train/average.h - the moving average of a trainer's values (lib/README.md section 7.4). Internal. */
#ifndef FDHT_TRAIN_AVERAGE_H
#define FDHT_TRAIN_AVERAGE_H

#include "fdht/train.h"

/* t->average as opt.ema wants it: NULL where that is 0, else the model's values. FDHT_ENOMEM. */
int fdht_average_new(fdht_trainer *t, fdht_error *err);
/* After a step, t->step being raised: average = d average + (1 - d) values, on every rank. */
void fdht_average_step(fdht_trainer *t);
/* What is measured and kept: the average where there is one, else the model's values. */
const float *fdht_average_values(const fdht_trainer *t);

#endif
