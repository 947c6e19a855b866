/* train/report.c - the result of `fdht train` on standard output, as text or JSON. */
#include "train/train.h"

#include <math.h>
#include <string.h>

#include "frame/json.h"

static const char *class_name(const fdht_model *m, size_t k, char buf[static 32])
{
    const fdht_model_spec *s = fdht_model_spec_of(m);
    snprintf(buf, 32, "%zu", k);
    return s->class_name && *s->class_name[k] ? s->class_name[k] : buf;
}

static void report_scan(cJSON *json, const train_scan *s)
{
    cJSON *list = s ? cli_json_array(json, "lr_scan") : NULL;
    for (int i = 0; s && i < TRAIN_SCAN_RATES; i++) {
        cJSON *one = cli_json_object(list, NULL);
        cli_json_number(one, "lr", s->rate[i].lr);
        cli_json_number(one, "loss", s->rate[i].diverged ? NAN : s->rate[i].loss);
        cli_json_number(one, "val_loss", s->rate[i].diverged ? NAN : s->rate[i].val_loss);
        cli_json_number(one, "val_accuracy", s->rate[i].diverged ? NAN : s->rate[i].val_accuracy);
    }
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
    cli_json_number(json, "lr", r->lr);
    report_scan(json, r->scan);
    cli_json_size(json, "parameters", fdht_model_lstm_size(r->model));
    cli_json_size(json, "parameters_cores", fdht_model_core_size(r->model));
    cli_json_size(json, "parameters_total", fdht_model_size(r->model));
    cli_json_number(json, "seconds", r->seconds);
    cli_json_number(json, "clips_per_second", last ? last->clips_per_second : NAN);
    cJSON *final = cli_json_object(json, "scores");
    cli_json_string(final, "clips_of", r->what);
    cli_json_size(final, "clips", s->clips);
    cli_json_number(final, "loss", s->loss);
    cli_json_string(final, "output", fdht_output_name(s->output));
    cli_json_number(final, "accuracy", s->accuracy);
    cli_json_number(final, "f1", s->f1_mean);
    cli_json_number(final, "mean_absolute_error", s->error);
    cJSON *list = cli_json_array(final, "classes"), *rows = cli_json_array(final, "confusion");
    for (size_t k = 0; s->confusion && k < s->classes; k++) {
        cJSON *one = cli_json_object(list, NULL);
        cli_json_string(one, "label", class_name(r->model, k, buf));
        cli_json_number(one, "precision", s->precision[k]);
        cli_json_number(one, "recall", s->recall[k]);
        cli_json_number(one, "f1", s->f1[k]);
        cJSON *row = cli_json_array(rows, NULL);
        size_t n = s->output == FDHT_OUTPUT_SIGMOID ? 4 : s->classes;
        for (size_t j = 0; j < n; j++)
            cli_json_size(row, NULL, s->confusion[k * n + j]);
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

static void print_classes(const train_result *r)
{
    const fdht_result *s = r->scores;
    bool labels = s->output == FDHT_OUTPUT_SIGMOID;
    size_t n = labels ? 4 : s->classes;
    char buf[32];
    int width = 5;
    for (size_t k = 0; k < s->classes; k++) {
        int length = (int)strlen(class_name(r->model, k, buf));
        width = length > width ? length : width;
    }
    printf("%-*s %9s %9s %9s  %s\n", width, labels ? "label" : "class", "precision", "recall", "f1",
           labels ? "unset: said not, said; set: said not, said" : "predicted as");
    for (size_t k = 0; k < s->classes; k++) {
        cli_print_name(class_name(r->model, k, buf), width);
        print_share(s->precision[k]);
        print_share(s->recall[k]);
        print_share(s->f1[k]);
        printf(" ");
        for (size_t j = 0; j < n && n <= 24; j++)
            printf(" %4zu", s->confusion[k * n + j]);
        printf("\n");
    }
}

void train_report(cli *c, const train_result *r)
{
    const fdht_result *s = r->scores;
    bool steps = fdht_model_each(r->model);
    if (c->json) {
        report_json(c, r);
        return;
    }
    printf("%s: %zu parameters in the LSTM, %zu with the classifier\n", c->output,
           fdht_model_lstm_size(r->model), fdht_model_size(r->model));
    printf("%zu epochs in %.1f s", r->history->n, r->seconds);
    if (r->best_epoch)
        printf(", the values of epoch %d", r->best_epoch);
    if (s->output == FDHT_OUTPUT_LINEAR)
        printf("\nerror: mean absolute %.6g, root mean square %.6g", s->error, sqrt(s->loss));
    else if (s->output == FDHT_OUTPUT_SIGMOID && s->classes > 1)
        printf("\nmean F1 %.4f, right labels %.4f, loss %.4f", s->f1_mean, s->accuracy, s->loss);
    else
        printf("\naccuracy %.4f, loss %.4f", s->accuracy, s->loss);
    if (steps)
        printf(" on %zu steps of", s->rows);
    else
        printf(" on");
    printf(" %zu %s clips\n", s->clips, r->what);
    if (s->confusion) {
        printf("\n");
        print_classes(r);
    }
}
