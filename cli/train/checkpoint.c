/* train/checkpoint.c - the file that --resume goes on from: model, trainer state, settings and history. */
#include "train/train.h"

#include <stdlib.h>
#include <string.h>

enum { HISTORY = 8 }; /* numbers of an epoch in a checkpoint */

int train_checkpoint_write(cli *c, const char *path, const fdht_model *m, const fdht_trainer *t,
                           const char *settings, const train_history *h)
{
    fdht_train_state s;
    fdht_trainer_export(t, &s);
    int64_t count[] = {s.epoch, s.best_epoch};
    uint64_t seed[] = {s.seed, s.step};
    double best[] = {s.best_accuracy, s.best_loss}, *past = cli_calloc(h->n * HISTORY + 1, sizeof *past);
    for (size_t i = 0; i < h->n; i++) {
        const fdht_epoch *e = &h->epoch[i];
        double v[HISTORY] = {e->loss, e->accuracy, e->val_loss,         e->val_accuracy,
                             e->lr,   e->seconds,  e->clips_per_second, e->best};
        memcpy(past + i * HISTORY, v, sizeof v);
    }
    fdht_blob blob[] = {
        {"settings", FDHT_BLOB_U8, strlen(settings), (void *)(uintptr_t)settings},
        {"epoch", FDHT_BLOB_I64, 2, count},
        {"seed", FDHT_BLOB_U64, 2, seed},
        {"best_scores", FDHT_BLOB_F64, 2, best},
        {"history", FDHT_BLOB_F64, h->n * HISTORY, past},
        {"rate", FDHT_BLOB_F64, (size_t)s.params, s.param_rate},
        {"moment", FDHT_BLOB_F32, s.size, s.m},
        {"variance", FDHT_BLOB_F32, s.v ? s.size : 0, s.v},
        {"best", FDHT_BLOB_F32, s.best ? s.size : 0, s.best},
        {"average", FDHT_BLOB_F32, s.average ? s.size : 0, s.average},
    };
    fdht_blobs blobs = {sizeof blob / sizeof *blob, blob};
    fdht_out_options opt = c->out;
    opt.force = true; /* it replaces its predecessor; the first was checked before the start */
    int status = fdht_modelfile_write(path, m, &blobs, &opt, &c->err);
    free(past);
    return status;
}

int train_checkpoint_read(cli *c, const char *path, fdht_model **m, fdht_blobs **state)
{
    int status = fdht_modelfile_read(path, m, state, NULL, &c->err);
    if (!status && !*state)
        status = cli_fail(c, FDHT_EFORMAT, "%s: a model without training state, no checkpoint", path);
    return status;
}

double train_checkpoint_rate(const fdht_blobs *state)
{
    const fdht_blob *b;
    if (fdht_blobs_find(state, "settings", FDHT_BLOB_U8, SIZE_MAX, &b, NULL))
        return 0;
    const char *at = b->data, *end = at + b->count, word[] = " lr=";
    for (; at + sizeof word < end; at++)
        if (!memcmp(at, word, sizeof word - 1)) {
            char number[32] = "";
            at += sizeof word - 1;
            for (size_t i = 0; i < sizeof number - 1 && at < end && *at != ' '; i++)
                number[i] = *at++;
            return strtod(number, NULL);
        }
    return 0;
}

static int check_settings(cli *c, const char *path, const fdht_blob *stored, const char *settings)
{
    const char *old = stored->data;
    if (stored->count == strlen(settings) && !memcmp(old, settings, stored->count))
        return FDHT_OK;
    size_t i = 0, from = 0; /* the first word that differs */
    for (; i < stored->count && settings[i] && old[i] == settings[i]; i++)
        from = settings[i] == ' ' ? i + 1 : from;
    int n = (int)strcspn(settings + from, " "), o = 0;
    while (from + (size_t)o < stored->count && old[from + (size_t)o] != ' ')
        o++;
    if (!strncmp(settings + from, "data=", 5) || !strncmp(settings + from, "validation-data=", 16))
        return cli_usage(c, "--resume: %s was made from other %s: shapes, labels or the first clip differ",
                         path, settings[from] == 'd' ? "training clips" : "validation clips");
    return cli_usage(c, "--resume: %s was made with %.*s, not %.*s", path, o, old + from, n, settings + from);
}

int train_checkpoint_resume(cli *c, const char *path, const fdht_blobs *state, const char *settings,
                            fdht_trainer *t, train_history *h)
{
    static const struct {
        const char *name;
        fdht_blob_type type;
    } row[] = {{"settings", FDHT_BLOB_U8},     {"epoch", FDHT_BLOB_I64},    {"seed", FDHT_BLOB_U64},
               {"best_scores", FDHT_BLOB_F64}, {"history", FDHT_BLOB_F64},  {"rate", FDHT_BLOB_F64},
               {"moment", FDHT_BLOB_F32},      {"variance", FDHT_BLOB_F32}, {"best", FDHT_BLOB_F32},
               {"average", FDHT_BLOB_F32}};
    const fdht_blob *b[sizeof row / sizeof *row];
    fdht_train_state s;
    fdht_trainer_export(t, &s);
    size_t count[] = {SIZE_MAX,
                      2,
                      2,
                      2,
                      SIZE_MAX,
                      (size_t)s.params,
                      s.size,
                      s.v ? s.size : 0,
                      s.best ? s.size : 0,
                      s.average ? s.size : 0};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        int status = fdht_blobs_find(state, row[i].name, row[i].type, count[i], &b[i], &c->err);
        if (!status && i == 0)
            status = check_settings(c, path, b[0], settings);
        if (status)
            return status;
    }
    const int64_t *epoch = b[1]->data;
    const uint64_t *seed = b[2]->data;
    const double *best = b[3]->data, *past = b[4]->data;
    if (epoch[0] < 0 || b[4]->count != (size_t)epoch[0] * HISTORY || epoch[1] < 0 || epoch[1] > epoch[0])
        return cli_fail(c, FDHT_EFORMAT, "%s: /training: epoch %lld does not fit its history", path,
                        (long long)epoch[0]);
    s.epoch = (int)epoch[0];
    s.best_epoch = (int)epoch[1];
    s.seed = seed[0];
    s.step = seed[1];
    s.best_accuracy = best[0];
    s.best_loss = best[1];
    s.param_rate = b[5]->data;
    s.m = b[6]->data;
    s.v = s.v ? b[7]->data : NULL;
    s.best = s.best ? b[8]->data : NULL;
    s.average = s.average ? b[9]->data : NULL;
    for (int i = 0; i < s.epoch; i++, past += HISTORY)
        train_history_add(h, &(fdht_epoch){i + 1, past[0], past[1], past[2], past[3], past[4], past[5],
                                           past[6], past[7] != 0, false});
    return fdht_trainer_import(t, &s, &c->err);
}
