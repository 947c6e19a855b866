/* train/teacher.h - knowledge distillation inside a trainer (lib/README.md section 7.1). Internal. */
#ifndef FDHT_TRAIN_TEACHER_H
#define FDHT_TRAIN_TEACHER_H

#include "fdht/train.h"
#include "train/step.h"

/* FDHT_EINVAL: opt.teacher (rows, classes), where it is given, is not for this kind of output, or a row is no distribution. */
int fdht_teacher_check(const fdht_train_options *o, const fdht_model *m, size_t rows, fdht_error *err);
/* Of a part whose loss and dscores were set from its labels: weigh them with what the teacher says. Returns the loss. */
double fdht_teacher_part(const fdht_part *p, const int *label, double loss);

#endif
