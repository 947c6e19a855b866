/* train/output.c - what `fdht train` writes on the way: the history of epochs, its lines and curves. */
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

static void put_epochs(FILE *g, const train_history *h)
{
    fprintf(g, "$epochs << EOD\n");
    for (size_t i = 0; i < h->n; i++) {
        const fdht_epoch *e = &h->epoch[i];
        double v[] = {e->loss, e->accuracy, e->val_loss, e->val_accuracy};
        fprintf(g, "%d", e->epoch);
        for (int k = 0; k < 4; k++)
            if (isfinite(v[k]))
                fprintf(g, " %.9g", v[k]);
            else
                fprintf(g, " NaN");
        fputc('\n', g);
    }
    fprintf(g, "EOD\n");
}

int train_plot(cli *c, const char *path, const fdht_model *m, const train_history *h)
{
    char title[128];
    FILE *g = NULL;
    const fdht_model_spec *s = fdht_model_spec_of(m);
    bool val = h->n && isfinite(h->epoch[h->n - 1].val_loss);
    snprintf(title, sizeof title, "%s cell, %zu parameters in the LSTM", fdht_cell_name(s->cell[0].kind),
             fdht_model_lstm_size(m));
    int status = cli_plot_begin(
        c, path, &(cli_plot){.width = 900, .height = 760, .rows = 2, .title = title, .model = c->output}, &g);
    if (status)
        return status;
    put_epochs(g, h);
    fprintf(g, "set lmargin 10\nset xrange [%g:%g]\nset xlabel 'epoch'\n", h->n > 1 ? 1. : 0.5,
            h->n > 1 ? (double)h->n : 1.5);
    for (int row = 0; row < 2; row++) {
        fprintf(g, "set ylabel '%s'\n%s", row ? "accuracy" : "loss",
                row ? "set yrange [0:1.02]\n" : "set yrange [0:*]\n");
        fprintf(g, "plot $epochs using 1:%d with linespoints lt 1 pt 7 ps 0.4 title 'training'", 2 + row);
        fprintf(g, "%s%.0d%s", val ? ", $epochs using 1:" : "", val ? 4 + row : 0,
                val ? " with linespoints lt 2 pt 5 ps 0.4 dt 2 title 'validation'\n" : "\n");
    }
    return cli_plot_end(c, path, g);
}
