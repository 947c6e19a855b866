/* train/options.c - training options: defaults, ranges, schedules; checks of a source. */
#include <math.h>

#include "nn/clip.h"
#include "train/trainer.h"

static const char *const optimizer_name[FDHT_OPTIMIZERS] = {"adam", "adamw", "sgd"};
static const char *const schedule_name[FDHT_SCHEDULES] = {"const", "cosine", "step"};

const char *fdht_optimizer_name(fdht_optimizer o)
{
    return (unsigned)o < FDHT_OPTIMIZERS ? optimizer_name[o] : "unknown";
}

const char *fdht_schedule_name(fdht_schedule s)
{
    return (unsigned)s < FDHT_SCHEDULES ? schedule_name[s] : "unknown";
}

void fdht_train_options_default(fdht_train_options *opt)
{
    *opt = (fdht_train_options){
        .epochs = 40,
        .batch = 32,
        .optimizer = FDHT_ADAM,
        .lr = 3e-3,
        .beta1 = 0.9,
        .beta2 = 0.999,
        .epsilon = 1e-8,
        .momentum = 0.9,
        .schedule = FDHT_COSINE,
        .step_epochs = 10,
        .step_factor = 0.1,
        .warmup = 93,
        .clip = 5,
        .temperature = 2,
        .distill = 0.7,
        .dropout = 0.25,
        .keep_best = true,
    };
}

/* A range that a number must be in; open: low itself is not allowed. */
typedef struct limit {
    const char *name;
    double value, low, high;
    bool open;
} limit;

int fdht_train_options_check(const fdht_train_options *o, const fdht_model *m, fdht_error *err)
{
    const limit limits[] = {
        {"epochs", o->epochs, 1, 1e9, false},
        {"batch", (double)o->batch, 1, 1e9, false},
        {"lr", o->lr, 0, 1e9, true},
        {"beta1", o->beta1, 0, 1 - 1e-12, false},
        {"beta2", o->beta2, 0, 1 - 1e-12, false},
        {"epsilon", o->epsilon, 0, 1, true},
        {"momentum", o->momentum, 0, 1 - 1e-12, false},
        {"weight decay", o->weight_decay, 0, 1e9, false},
        {"step epochs", o->step_epochs, 1, 1e9, false},
        {"step factor", o->step_factor, 0, 1, true},
        {"core lr", o->core_lr, 0, 1e9, false},
        {"ema", o->ema, 0, 1 - 1e-6, false},
        {"temperature", o->temperature, 0, 1e6, true},
        {"distill", o->distill, 0, 1, false},
        {"clip", o->clip, 0, 1e30, false},
        {"dropout", o->dropout, 0, 0.99, false},
        {"recurrent dropout", o->recurrent_dropout, 0, 0.99, false},
        {"label smoothing", o->label_smoothing, 0, 1, false},
        {"shift", o->shift, 0, 1e6, false},
        {"patience", o->patience, 0, 1e9, false},
    };
    for (size_t i = 0; i < FDHT_COUNT(limits); i++) {
        const limit *l = &limits[i];
        if (!(l->value >= l->low) || !(l->value <= l->high) || (l->open && l->value == l->low))
            return fdht_fail(err, FDHT_EINVAL, "%s: expected %s%g to %g, got %g", l->name,
                             l->open ? "more than " : "", l->low, l->high, l->value);
    }
    if ((unsigned)o->optimizer >= FDHT_OPTIMIZERS || (unsigned)o->schedule >= FDHT_SCHEDULES)
        return fdht_fail(err, FDHT_EINVAL, "unknown optimizer or schedule");
    if (!m->spec.classes)
        return fdht_fail(err, FDHT_EINVAL, "the model has no classifier to train");
    if (o->shift && !m->spec.frame.width)
        return fdht_fail(err, FDHT_EINVAL, "shift: the model takes features, not pictures");
    for (size_t k = 0; o->class_weight && k < m->spec.classes; k++)
        if (!(o->class_weight[k] >= 0) || !isfinite(o->class_weight[k]))
            return fdht_fail(err, FDHT_EINVAL, "class weight %zu: expected 0 or more, got %g", k,
                             o->class_weight[k]);
    return FDHT_OK;
}

double fdht_schedule_factor(const fdht_train_options *o, uint64_t step, uint64_t steps,
                            uint64_t steps_per_epoch)
{
    double factor = 1;
    if (o->schedule == FDHT_COSINE)
        factor = 0.5 + 0.5 * cos(acos(-1.0) * (double)step / (double)steps);
    else if (o->schedule == FDHT_STEP)
        factor = pow(o->step_factor, (double)(step / steps_per_epoch / (uint64_t)o->step_epochs));
    return step < o->warmup ? factor * (double)(step + 1) / (double)o->warmup : factor;
}
