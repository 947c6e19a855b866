/* train/output.c - what `fdht train` writes: epoch lines, curves, checkpoints and the final report. */
#include "train/train.h"
#include "frame/json.h"
#include "frame/plot.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void train_history_add(train_history *h, const fdht_epoch *e)
{
    if (h->n == h->room) {
        size_t room = h->room ? 2 * h->room : 64;
        fdht_epoch *more = cli_calloc(room, sizeof *more);
        if (h->n)
            memcpy(more, h->epoch, h->n * sizeof *more);
        free(h->epoch);
        h->epoch = more;
        h->room = room;
    }
    h->epoch[h->n++] = *e;
}

void train_log_line(FILE *f, const fdht_epoch *e)
{
    cJSON *line = cJSON_CreateObject();
    cli_json_int(line, "epoch", e->epoch);
    cli_json_number(line, "loss", e->loss);
    cli_json_number(line, "accuracy", e->accuracy);
    cli_json_number(line, "val_loss", e->val_loss);
    cli_json_number(line, "val_accuracy", e->val_accuracy);
    cli_json_number(line, "lr", e->lr);
    cli_json_number(line, "seconds", e->seconds);
    cli_json_number(line, "clips_per_second", e->clips_per_second);
    cli_json_line(f, line);
    fflush(f);
}

/* ---- curves ---- */

static void plot_data(FILE *g, const train_history *h, int column)
{
    for (size_t i = 0; i < h->n; i++) {
        const fdht_epoch *e = &h->epoch[i];
        double v[] = {e->loss, e->val_loss, e->accuracy, e->val_accuracy};
        if (isfinite(v[column]))
            fprintf(g, "%d %.9g\n", e->epoch, v[column]);
    }
    fprintf(g, "e\n");
}

void train_plot(cli *c, const char *path, const train_history *h)
{
    static const char *const title[] = {"loss", "accuracy"};
    FILE *g = cli_plot_begin(c, path, 900, 700);
    if (!g)
        return;
    bool val = h->n && isfinite(h->epoch[h->n - 1].val_loss);
    fprintf(g, "set multiplot layout 2,1\nset key outside right\n");
    for (int row = 0; row < 2; row++) {
        fprintf(g, "set ylabel '%s'\n%s", title[row], row ? "set xlabel 'epoch'\nset yrange [0:1]\n" : "");
        fprintf(g, "plot '-' with lines lw 2 lc rgb '#1f6feb' title 'training'%s\n",
                val ? ", '-' with lines lw 2 lc rgb '#e36209' title 'validation'" : "");
        plot_data(g, h, 2 * row);
        if (val)
            plot_data(g, h, 2 * row + 1);
    }
    fprintf(g, "unset multiplot\n");
    cli_plot_end(c, g, path);
}

/* ---- checkpoints ---- */

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
               {"moment", FDHT_BLOB_F32},      {"variance", FDHT_BLOB_F32}, {"best", FDHT_BLOB_F32}};
    const fdht_blob *b[sizeof row / sizeof *row];
    fdht_train_state s;
    fdht_trainer_export(t, &s);
    size_t count[] = {SIZE_MAX,           2, 2, 2, SIZE_MAX, (size_t)s.params, s.size, s.v ? s.size : 0,
                      s.best ? s.size : 0};
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
    for (int i = 0; i < s.epoch; i++, past += HISTORY)
        train_history_add(h, &(fdht_epoch){i + 1, past[0], past[1], past[2], past[3], past[4], past[5],
                                           past[6], past[7] != 0, false});
    return fdht_trainer_import(t, &s, &c->err);
}

/* ---- the report ---- */

static const char *class_name(const fdht_model *m, size_t k, char buf[static 32])
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    snprintf(buf, 32, "%zu", k);
    return s->class_name && *s->class_name[k] ? s->class_name[k] : buf;
}

static void report_json(cli *c, const train_result *r)
{
    cJSON *json = cli_json_new(c);
    const fdht_epoch *last = r->history->n ? &r->history->epoch[r->history->n - 1] : NULL;
    const fdht_epoch *used = r->best_epoch ? &r->history->epoch[r->best_epoch - 1] : last;
    const fdht_result *s = r->scores;
    char buf[32];
    cli_json_string(json, "model", c->output);
    cli_json_size(json, "epochs", r->history->n);
    cli_json_int(json, "best_epoch", r->best_epoch);
    cli_json_number(json, "loss", used ? used->loss : NAN);
    cli_json_number(json, "accuracy", used ? used->accuracy : NAN);
    cli_json_number(json, "val_loss", used ? used->val_loss : NAN);
    cli_json_number(json, "val_accuracy", used ? used->val_accuracy : NAN);
    cli_json_size(json, "parameters", fdht_model_lstm_size(r->model));
    cli_json_size(json, "parameters_cores", fdht_model_core_size(r->model));
    cli_json_size(json, "parameters_total", fdht_model_size(r->model));
    cli_json_number(json, "seconds", r->seconds);
    cli_json_number(json, "clips_per_second", last ? last->clips_per_second : NAN);
    cJSON *final = cli_json_object(json, "scores");
    cli_json_string(final, "clips_of", r->what);
    cli_json_size(final, "clips", s->clips);
    cli_json_number(final, "loss", s->loss);
    cli_json_number(final, "accuracy", s->accuracy);
    cJSON *list = cli_json_array(final, "classes"), *rows = cli_json_array(final, "confusion");
    for (size_t k = 0; k < s->classes; k++) {
        cJSON *one = cli_json_object(list, NULL);
        cli_json_string(one, "label", class_name(r->model, k, buf));
        cli_json_number(one, "precision", s->precision[k]);
        cli_json_number(one, "recall", s->recall[k]);
        cli_json_number(one, "f1", s->f1[k]);
        cJSON *row = cli_json_array(rows, NULL);
        for (size_t j = 0; j < s->classes; j++)
            cli_json_size(row, NULL, s->confusion[k * s->classes + j]);
    }
    cli_json_print(stdout, json);
}

static void print_share(double v)
{
    if (isfinite(v))
        printf(" %9.3f", v);
    else
        printf(" %9s", "-");
}

void train_report(cli *c, const train_result *r)
{
    const fdht_result *s = r->scores;
    char buf[32];
    if (c->json) {
        report_json(c, r);
        return;
    }
    printf("%s: %zu parameters in the LSTM, %zu with the classifier\n", c->output,
           fdht_model_lstm_size(r->model), fdht_model_size(r->model));
    printf("%zu epochs in %.1f s", r->history->n, r->seconds);
    if (r->best_epoch)
        printf(", the values of epoch %d", r->best_epoch);
    printf("\naccuracy %.4f, loss %.4f on %zu %s clips\n\n", s->accuracy, s->loss, s->clips, r->what);
    int width = 5;
    for (size_t k = 0; k < s->classes; k++) {
        int n = (int)strlen(class_name(r->model, k, buf));
        width = n > width ? n : width;
    }
    printf("%-*s %9s %9s %9s  predicted as\n", width, "class", "precision", "recall", "f1");
    for (size_t k = 0; k < s->classes; k++) {
        printf("%-*s", width, class_name(r->model, k, buf));
        print_share(s->precision[k]);
        print_share(s->recall[k]);
        print_share(s->f1[k]);
        printf(" ");
        for (size_t j = 0; j < s->classes && s->classes <= 24; j++)
            printf(" %4zu", s->confusion[k * s->classes + j]);
        printf("\n");
    }
}
