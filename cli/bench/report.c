/* bench/report.c - what `fdht bench` prints and draws: the table, CSV, JSON, the picture. */
#include "bench/bench.h"

#include <math.h>
#include <string.h>

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

int bench_plot(cli *c, const bench *b, const char *name, const char *path)
{
    static const char *const what[] = {"whole model", "input map alone", "training step"};
    FILE *g = NULL;
    int kinds = 0, per_kind[BENCH_KINDS] = {0};
    for (int i = 0; i < b->n_timings; i++)
        kinds += per_kind[b->timing[i].what]++ == 0;
    cli_plot p = {
        .width = 1000, .height = 60 + 340 * kinds, .rows = kinds, .title = "time of a frame", .model = name};
    int status = cli_plot_begin(c, path, &p, &g);
    if (status)
        return status;
    fprintf(g,
            "set logscale y\nset ylabel 'ms per frame'\nset style fill solid 0.8 border\nset boxwidth 0.7\n"
            "set xtics rotate by -30\nset grid noxtics\nset key top left horizontal\nset rmargin 14\nset "
            "lmargin 10\n");
    for (int k = 0; k < BENCH_KINDS; k++) {
        double least = HUGE_VAL, most = 0;
        if (!per_kind[k])
            continue;
        for (int i = 0; i < b->n_timings; i++)
            if ((int)b->timing[i].what == k)
                least = fmin(least, b->timing[i].min), most = fmax(most, b->timing[i].median);
        /* boxes of a logarithmic axis start at its foot */
        fprintf(g, "set title '%s'\nset yrange [%g:%g]\n$d%d << EOD\n", what[k],
                pow(10, floor(log10(least / 1.5))), pow(10, ceil(log10(most * 4))), k);
        for (int i = 0; i < b->n_timings; i++) {
            const bench_timing *t = &b->timing[i];
            if ((int)t->what == k)
                fprintf(g, "\"%s, batch %zu, %d thread%s\" %.6g %.6g %d\n", b->model[t->model].cell, t->batch,
                        t->threads, t->threads == 1 ? "" : "s", t->median, t->min, t->model + 1);
        }
        fprintf(
            g,
            "EOD\nset xrange [-0.6:%g]\nplot $d%d using 0:2:4:xtic(1) with boxes lc variable title 'median', "
            "$d%d using 0:3 with points pt 2 lw 2 lc rgb 'black' title 'fastest'\n",
            per_kind[k] - 0.4, k, k);
    }
    return cli_plot_end(c, path, g);
}
