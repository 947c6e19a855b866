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
