/* train/scan.c - --lr-scan: short runs from the same start, one a rate; the one that learned most gives the rate. */
#include "train/train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/signals.h"

/* Parts of the rate that would be used without a scan. */
static const double factors[TRAIN_SCAN_RATES] = {0.125, 0.25, 0.5, 1, 2, 4};

static bool stop(void *arg, size_t done, size_t clips, double loss, double accuracy)
{
    (void)arg;
    (void)done;
    (void)clips;
    (void)loss;
    (void)accuracy;
    return *cli_stop_flag();
}

/* One short run. A rate that diverges is no failure. */
static int try_rate(cli *c, fdht_model *m, const fdht_train_options *o, const train_set *train,
                    const train_set *val, train_rate *out)
{
    fdht_trainer *t = NULL;
    fdht_epoch e = {0};
    fdht_error err = {0};
    int status = fdht_trainer_new(m, o, &train->data, val ? &val->data : NULL, &t, &c->err);
    if (status)
        return status;
    while (!status && !e.last)
        status = fdht_trainer_epoch(t, stop, NULL, &e, &err);
    fdht_trainer_free(t);
    out->loss = e.loss;
    out->val_loss = e.val_loss;
    out->val_accuracy = e.val_accuracy;
    out->diverged = status == FDHT_ENAN;
    if (!status || out->diverged)
        return FDHT_OK;
    c->err = err;
    c->agreed = true; /* the trainers agree */
    return status;
}

static double measure(const train_rate *r)
{
    return r->diverged ? INFINITY : isfinite(r->val_loss) ? r->val_loss : r->loss;
}

static void tell(const train_scan *s, bool validated)
{
    for (size_t i = 0; i < TRAIN_SCAN_RATES; i++) {
        const train_rate *r = &s->rate[i];
        char scores[96] = "diverges";
        int n = r->diverged ? 0 : snprintf(scores, sizeof scores, "loss %.4f", r->loss);
        if (n && isfinite(r->val_loss))
            n += snprintf(scores + n, sizeof scores - (size_t)n, "  val loss %.4f", r->val_loss);
        if (n && isfinite(r->val_accuracy))
            snprintf(scores + n, sizeof scores - (size_t)n, "  val accuracy %.4f", r->val_accuracy);
        fprintf(stderr, "rate %-8.3g  %s%s\n", r->lr, scores, (int)i == s->best ? " *" : "");
    }
    fprintf(stderr, "learning rate %g: the smallest %s loss after %d epoch%s%s\n", s->rate[s->best].lr,
            validated ? "validation" : "training", s->epochs, s->epochs == 1 ? "" : "s",
            s->best == 0                      ? "; smaller ones were not tried"
            : s->best == TRAIN_SCAN_RATES - 1 ? "; larger ones were not tried"
                                              : "");
}

int train_lr_scan(cli *c, fdht_model *m, const fdht_train_options *opt, const train_set *train,
                  const train_set *val, train_scan *out)
{
    fdht_train_options o = *opt;
    size_t bytes = fdht_model_size(m) * sizeof(float),
           steps = (train->data.clips + opt->batch - 1) / opt->batch;
    float *start = cli_calloc(fdht_model_size(m), sizeof *start);
    int status = FDHT_OK;
    memcpy(start, fdht_model_values_const(m), bytes);
    o.epochs = out->epochs = opt->epochs < 20 ? 1 : opt->epochs < 60 ? opt->epochs / 20 + 1 : 4;
    o.warmup = steps * (size_t)o.epochs / 10 < opt->warmup ? steps * (size_t)o.epochs / 10 : opt->warmup;
    o.patience = 0;
    o.keep_best = false;
    out->best = -1;
    for (int i = 0; i < TRAIN_SCAN_RATES && !status; i++) {
        train_rate *r = &out->rate[i];
        r->lr = o.lr = opt->lr * factors[i];
        memcpy(fdht_model_values(m), start, bytes);
        status = try_rate(c, m, &o, train, val, r);
        if (isfinite(measure(r)) && (out->best < 0 || measure(r) < measure(&out->rate[out->best])))
            out->best = i;
    }
    memcpy(fdht_model_values(m), start, bytes);
    free(start);
    if (!status && out->best < 0)
        return cli_fail(c, FDHT_ENAN, "--lr-scan: every rate from %g to %g diverges", out->rate[0].lr,
                        out->rate[TRAIN_SCAN_RATES - 1].lr);
    if (!status && !c->quiet)
        tell(out, val != NULL);
    return status;
}
