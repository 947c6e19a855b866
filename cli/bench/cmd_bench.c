/* fdht bench - speed and memory of the engine next to the dense model, in one run. Contestants take turns, so that a
 * noisy machine is noisy for all of them. */
#include "frame/cli.h"
#include "frame/output.h"
#include "frame/plot.h"
#include "frame/parse.h"
#include "frame/progress.h"

#include <string.h>

#include "bench/bench.h"
#include "fdht/modelfile.h"

typedef struct args {
    const char *preset, *model, *plot;
    const char *cells, *what;
    cli_sizes batch, threads;
    int repetitions, frames, format;
    bool no_dense, ranks;
} args;

enum { MD, CSV, JSON };

static const cli_option options[] = {
    CLI_STRING(args, preset, 0, "preset", "NAME",
               "the model to time (fdht info --presets); default ucf11-fdht"),
    CLI_STRING(args, cells, 0, "cells", "LIST", "cells of the preset's family: fdht,ht,tt,tr,bt,dense"),
    CLI_STRING(args, what, 0, "what", "LIST", "infer, layer, train; default all"),
    CLI_SIZES(args, batch, 0, "batch", "LIST", 1, 4096, "clips at a time; default 1,16"),
    CLI_SIZES(args, threads, '@', "threads", "LIST", 1, 1024, "threads of infer and train; default 1"),
    CLI_INT(args, repetitions, 'r', "repetitions", "N", 1, 10000, "samples of each timing; default 7"),
    CLI_INT(args, frames, 0, "frames", "K", 1, 10000, "frames of a clip; default 6"),
    CLI_CHOICE(args, format, 0, "output", "md|csv|json", "form of the table"),
    CLI_FLAG(args, no_dense, 0, "no-dense", "leave the dense model out"),
    CLI_FLAG(args, ranks, 0, "ranks", "add what a training step takes on 2 to 1,000 ranks, by a model"),
    CLI_FILE(args, plot, 0, "plot", "FILE", "draw the times as .png, .svg or .pdf (gnuplot)"),
    CLI_END,
};

static const args defaults = {
    .preset = "ucf11-fdht", .what = "infer,layer,train", .repetitions = 7, .frames = 6};

/* Whether the comma list holds the word. */
static bool listed(const char *list, const char *word)
{
    size_t n = strlen(word);
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL)
        if (strncmp(at, word, n) == 0 && (at[n] == ',' || at[n] == 0))
            return true;
    return false;
}

/* Every word of `list` must be one of `known` (a "a|b" list). */
static int check_list(cli *c, const char *option, const char *list, const char *known)
{
    char word[32];
    for (const char *at = list; at; at = strchr(at, ','), at = at ? at + 1 : NULL) {
        size_t n = strcspn(at, ",");
        snprintf(word, sizeof word, "%.*s", (int)n, at);
        if (n >= sizeof word || cli_parse_choice(word, known) < 0)
            return cli_usage(c, "--%s: '%s' is none of %s", option, word, known);
    }
    return FDHT_OK;
}

static int parse(cli *c, void *p)
{
    args *a = p;
    int status;
    if (c->argc > 1)
        return cli_usage(c, "expected at most one MODEL.h5, got %d", c->argc);
    if (c->argc == 1) {
        if (cli_given(c, "preset"))
            return cli_usage(c, "expected MODEL.h5 or --preset, got both");
        a->model = c->argv[0];
        if ((status = cli_check_hdf5_input(c, a->model)))
            return status;
    }
    if ((status = check_list(c, "what", a->what, "infer|layer|train")) ||
        (a->cells && (status = check_list(c, "cells", a->cells, "fdht|ht|tt|tr|bt|dense"))))
        return status;
    if (a->ranks && (!listed(a->what, "train") || a->format == CSV || (a->threads.n && a->threads.v[0] != 1)))
        return cli_usage(c, "--ranks: from the training of one thread, as a table or as JSON");
    if (!a->batch.n)
        a->batch = (cli_sizes){2, {1, 16}};
    if (!a->threads.n)
        a->threads = (cli_sizes){1, {1}};
    if (c->json)
        a->format = JSON;
    return a->plot ? cli_check_plot(c, a->plot, (const char *const[]){a->model}, 1) : FDHT_OK;
}

/* ---- the contestants ---- */

static int dense_twin(const fdht_cell_spec *like, fdht_cell_spec *out)
{
    size_t rows = (size_t)fdht_recurrent_gates(like->recurrent) * like->hidden;
    fdht_cell_spec_default(out);
    out->recurrent = like->recurrent;
    out->inputs = like->inputs;
    out->hidden = like->hidden;
    out->op = (fdht_op_spec){.format = FDHT_DENSE, .d = 1, .in = {like->inputs}, .out = {rows}};
    out->x = (fdht_box){.size = {like->inputs}};
    return FDHT_OK;
}

/* "ucf11-tt" from "ucf11-fdht" and "tt". */
static int sibling(const char *preset, const char *cell, fdht_preset *out, fdht_error *err)
{
    char name[64];
    const char *dash = strrchr(preset, '-');
    snprintf(name, sizeof name, "%.*s-%s", dash ? (int)(dash - preset) : (int)strlen(preset), preset, cell);
    return fdht_preset_get(name, out, err);
}

static int add_cell(cli *c, bench *b, const args *a, const char *cell, const fdht_preset *base)
{
    fdht_preset p = *base;
    int status = FDHT_OK;
    if (strcmp(cell, fdht_cell_name(base->cell.kind)) != 0) {
        if (strcmp(cell, "dense") == 0)
            status = dense_twin(&base->cell, &p.cell);
        else if (a->model)
            status = cli_usage(c, "--cells: a model file has one cell; '%s' needs --preset", cell);
        else
            status = sibling(a->preset, cell, &p, &c->err);
    }
    return status ? status : bench_add_model(b, cell, &p, &c->err);
}

/* The preset, or the same facts of a model file's first cell. */
static int base_of(cli *c, const args *a, fdht_preset *out)
{
    if (!a->model) {
        int status = fdht_preset_get(a->preset, out, &c->err);
        if (!status && out->layer)
            status = cli_usage(c, "--preset %s: a single layer; bench times models", a->preset);
        return status;
    }
    fdht_model *m = NULL;
    int status = fdht_modelfile_read(a->model, &m, NULL, NULL, &c->err);
    if (status)
        return status;
    const fdht_model_spec *s = fdht_model_spec_of(m);
    *out = (fdht_preset){.name = "model", .cell = s->cell[0], .frame = s->frame, .classes = s->classes};
    if (s->cells != 1)
        status =
            cli_fail(c, FDHT_ENOSUP, "%s: bench times models of one cell, this has %d", a->model, s->cells);
    fdht_model_free(m);
    return status;
}

static int add_contestants(cli *c, bench *b, const args *a)
{
    static const char *const cells[] = {"fdht", "ht", "tt", "tr", "bt"};
    fdht_preset base;
    int status = base_of(c, a, &base);
    const char *list = a->cells ? a->cells : status ? "" : fdht_cell_name(base.cell.kind);
    for (size_t i = 0; i < sizeof cells / sizeof *cells && !status; i++)
        if (listed(list, cells[i]))
            status = add_cell(c, b, a, cells[i], &base);
    if (!status && (listed(list, "dense") || !a->no_dense))
        status = add_cell(c, b, a, "dense", &base);
    return status;
}

static int add_timings(cli *c, bench *b, const args *a)
{
    int status = FDHT_OK;
    for (int what = 0; what < BENCH_KINDS && !status; what++) {
        if (!listed(a->what, bench_kind_name(what)))
            continue;
        for (size_t t = 0; t < a->threads.n && !status; t++)
            for (size_t i = 0; i < a->batch.n && !status; i++)
                for (int m = 0; m < b->n_models && !status; m++) {
                    if (what == BENCH_LAYER && t > 0)
                        continue;
                    status = bench_add_timing(b, what, m, a->batch.v[i],
                                              what == BENCH_LAYER ? 1 : (int)a->threads.v[t], &c->err);
                }
    }
    return status;
}

/* ---- run ---- */

static int run(cli *c, void *p)
{
    args *a = p;
    cli_bar bar = {0};
    bench b = {.frames = (size_t)a->frames, .seed = c->seed, .ranks = a->ranks};
    int status = bench_machine(&b, &c->err);
    if (!status)
        status = add_contestants(c, &b, a);
    if (!status)
        status = add_timings(c, &b, a);
    cli_bar_start(c, &bar, "bench");
    for (int r = -1; r < a->repetitions && !status; r++) /* the first round warms up and is not counted */
        for (int i = 0; i < b.n_timings && !status; i++) {
            status = bench_sample(&b, i, r >= 0, &c->err);
            if (!status)
                status = cli_bar_update(&bar, (double)((r + 1) * b.n_timings + i + 1),
                                        (double)((a->repetitions + 1) * b.n_timings), NULL);
        }
    cli_bar_end(&bar);
    if (!status) {
        bench_finish(&b);
        if (a->format == JSON)
            bench_print_json(c, &b);
        else
            bench_print_table(&b, a->format == CSV);
        if (a->plot)
            status = bench_plot(c, &b, a->model ? a->model : a->preset, a->plot);
    }
    bench_free(&b);
    return status;
}

const cli_command cmd_bench = {
    .name = "bench",
    .summary = "speed and memory of the engine against the dense model, in one run",
    .usage = "[--preset NAME|MODEL.h5] [options]",
    .notes =
        "infer: whole clips of random pixels through the LSTM and a classifier; layer: the input map alone;\n"
        "train: steps of adam, the next batch being read meanwhile. Times are per frame. Each sample lasts "
        "at\n"
        "least 20 ms; contestants take turns.",
    .common = CLI_WITH_FORCE | CLI_WITH_SEED | CLI_WITH_JSON | CLI_WITH_PROGRESS | CLI_WITH_TRUST,
    .options = options,
    .args_size = sizeof(args),
    .defaults = &defaults,
    .parse = parse,
    .run = run,
};
