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
