/* bench/report.c - what `fdht bench` prints and draws: the table, CSV, JSON, the picture. */
#include "bench/bench.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/cli.h"
#include "frame/json.h"
#include "frame/plot.h"
#include "fdht/blas.h"
#include "fdht/peak.h"

void bench_print_json(cli *c, const bench *b)
{
    cJSON *json = cli_json_new(c), *machine = cli_json_object(json, "machine"), *results;
    cli_json_string(machine, "cpu", b->machine.cpu);
    cli_json_int(machine, "cores", b->machine.cores);
    cli_json_string(machine, "kernels", fdht_machine_kernels());
    cli_json_number(machine, "fma_gflops", b->machine.gflops);
    cli_json_number(machine, "read_gb_s", b->machine.read_gb_s);
    cli_json_string(machine, "blas", fdht_blas_name());
    cli_json_string(machine, "blas_core", fdht_blas_core());
    results = cli_json_array(json, "results");
    for (int i = 0; i < b->n_timings; i++) {
        const bench_timing *t = &b->timing[i];
        const bench_model *m = &b->model[t->model];
        cJSON *r = cli_json_object(results, NULL);
        cli_json_string(r, "cell", m->cell);
        cli_json_string(r, "what", bench_kind_name(t->what));
        cli_json_size(r, "batch", t->batch);
        cli_json_int(r, "threads", t->threads);
        cli_json_number(r, "ms_per_frame_median", t->median);
        cli_json_number(r, "ms_per_frame_min", t->min);
        cli_json_number(r, "ms_per_frame_sd", t->sd);
        cli_json_numbers(r, "samples_ms", t->sample, (size_t)t->n_samples);
        cli_json_number(r, "flops_per_frame", t->flops);
        cli_json_number(r, "gflops", t->gflops);
        cli_json_number(r, "fraction_of_peak", t->gflops / (b->machine.gflops * t->threads));
        cli_json_size(r, "parameters", m->parameters);
        cli_json_size(r, "model_bytes", m->parameters * sizeof(float));
        cli_json_size(r, "activation_bytes", t->bytes);
        cli_json_size(r, "optimizer_bytes", t->optimizer);
    }
    if (b->ranks)
        bench_ranks_json(json, b);
    cli_json_print(stdout, json);
}

/* How many times faster than the dense cell under the same conditions; NaN without one. */
static double beside_dense(const bench *b, const bench_timing *t)
{
    for (int i = 0; i < b->n_timings; i++) {
        const bench_timing *d = &b->timing[i];
        if (d->what == t->what && d->batch == t->batch && d->threads == t->threads &&
            strcmp(b->model[d->model].cell, "dense") == 0)
            return d->median / t->median;
    }
    return NAN;
}

void bench_print_table(const bench *b, bool csv)
{
    if (csv)
        printf("cell,what,batch,threads,ms_per_frame_median,ms_per_frame_min,ms_per_frame_sd,gflops,fraction_"
               "of_peak,"
               "parameters,model_bytes,activation_bytes,optimizer_bytes,times_dense\n");
    else
        printf("%s, %d cores, %s kernels; one core: %.0f GF/s in registers, %.1f GB/s read\n%s, core %s\n\n"
               "| cell | what | batch | threads | ms/frame median | min | sd | GF/s | of peak | parameters | "
               "activations MB | optimizer MB | x dense |\n"
               "|---|---|---|---|---|---|---|---|---|---|---|---|---|\n",
               b->machine.cpu, b->machine.cores, fdht_machine_kernels(), b->machine.gflops,
               b->machine.read_gb_s, fdht_blas_name(), fdht_blas_core());
    for (int i = 0; i < b->n_timings; i++) {
        const bench_timing *t = &b->timing[i];
        const bench_model *m = &b->model[t->model];
        double share = t->gflops / (b->machine.gflops * t->threads), times = beside_dense(b, t);
        char optimizer[32] = "-", scale[32] = "-"; /* only train has one; a run may have no dense cell */
        if (t->optimizer)
            snprintf(optimizer, sizeof optimizer, "%.2f", (double)t->optimizer / 1e6);
        if (isfinite(times))
            snprintf(scale, sizeof scale, "%.1f", times);
        if (csv)
            printf("%s,%s,%zu,%d,%.6g,%.6g,%.3g,%.5g,%.4g,%zu,%zu,%zu,%zu,%s\n", m->cell,
                   bench_kind_name(t->what), t->batch, t->threads, t->median, t->min, t->sd, t->gflops, share,
                   m->parameters, m->parameters * sizeof(float), t->bytes, t->optimizer, scale);
        else
            printf("| %s | %s | %zu | %d | %.4f | %.4f | %.4f | %.1f | %.0f %% | %zu | %.2f | %s | %s |\n",
                   m->cell, bench_kind_name(t->what), t->batch, t->threads, t->median, t->min, t->sd,
                   t->gflops, 100 * share, m->parameters, (double)t->bytes / 1e6, optimizer, scale);
    }
    if (b->ranks && !csv)
        bench_print_ranks(b);
}

/* ---- the picture: a group of bars for what is timed, a colour a cell ---- */

static bool same_group(const bench_timing *a, const bench_timing *b)
{
    return a->what == b->what && a->batch == b->batch && a->threads == b->threads;
}

/* Each group once, by one of its timings. */
static int find_groups(const bench *b, const bench_timing **group)
{
    int n = 0;
    for (int i = 0; i < b->n_timings; i++) {
        int k = 0;
        while (k < n && !same_group(group[k], &b->timing[i]))
            k++;
        if (k == n)
            group[n++] = &b->timing[i];
    }
    return n;
}

/* A row a group, a column a cell of this value: milliseconds, or percent of the peak. */
static void put_values(FILE *g, const bench *b, const bench_timing *const *group, int n, bool share)
{
    fprintf(g, "$%s << EOD\n", share ? "share" : "time");
    for (int k = 0; k < n; k++, fputc('\n', g))
        for (int m = 0; m < b->n_models; m++) {
            const bench_timing *t = NULL;
            for (int i = 0; i < b->n_timings && !t; i++)
                if ((int)b->timing[i].model == m && same_group(&b->timing[i], group[k]))
                    t = &b->timing[i];
            if (t)
                fprintf(g, " %.6g", share ? 100 * t->gflops / (b->machine.gflops * t->threads) : t->median);
            else
                fputs(" NaN", g);
        }
    fputs("EOD\n", g);
}

static void put_bars(FILE *g, const bench *b, bool share)
{
    fputs("plot", g);
    for (int m = 0; m < b->n_models; m++)
        fprintf(g, "%s $%s using %d lt %d title '%s'", m ? "," : "", share ? "share" : "time", m + 1, m + 1,
                b->model[m].cell);
    fputc('\n', g);
}

int bench_plot(cli *c, const bench *b, const char *name, const char *path)
{
    static const char *const what[] = {"whole model", "input map alone", "training step"};
    const bench_timing **group = cli_calloc((size_t)b->n_timings + 1, sizeof *group);
    double least = HUGE_VAL, most = 0;
    bool threads = false;
    FILE *g = NULL;
    int n = find_groups(b, group), wide = 24 * b->n_models > 120 ? 24 * b->n_models : 120;
    cli_plot p = {.width = n * wide + 200 > 800 ? n * wide + 200 : 800,
                  .height = 900,
                  .rows = 2,
                  .title = "time of a frame, and its share of the peak of multiply-adds",
                  .model = name};
    int status = cli_plot_begin(c, path, &p, &g);
    if (status)
        goto out;
    for (int i = 0; i < b->n_timings; i++) {
        least = fmin(least, b->timing[i].median);
        most = fmax(most, b->timing[i].median);
        threads |= b->timing[i].threads != b->timing[0].threads;
    }
    put_values(g, b, group, n, false);
    put_values(g, b, group, n, true);
    fprintf(
        g,
        "set style data histogram\nset style histogram clustered gap 1\nset style fill solid 0.85 noborder\n"
        "set boxwidth 0.9 relative\nset grid noxtics\nset key above horizontal\nset lmargin 10\n"
        "set rmargin 4\nset bmargin 4\nset xtics scale 0 (");
    for (int k = 0; k < n; k++) {
        fprintf(g, "%s\"%s\\nbatch %zu", k ? ", " : "", what[group[k]->what], group[k]->batch);
        if (threads)
            fprintf(g, ", %d thread%s", group[k]->threads, group[k]->threads == 1 ? "" : "s");
        fprintf(g, "\" %d", k);
    }
    fprintf(
        g, ")\nset xrange [-0.6:%g]\nset ylabel 'ms per frame, median'\nset logscale y\nset yrange [%g:%g]\n",
        n - 0.4, pow(10, floor(log10(least / 1.5))), pow(10, ceil(log10(most * 1.05))));
    put_bars(g, b, false);
    fprintf(g,
            "unset key\nunset logscale y\nset yrange [0:100]\nset ylabel '%% of peak, one core: %.0f GF/s'\n",
            b->machine.gflops);
    put_bars(g, b, true);
    status = cli_plot_end(c, path, g);
out:
    free(group);
    return status;
}
