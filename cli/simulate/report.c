/* simulate/report.c - one simulation as text, JSON, CSV and pictures. */
#include <math.h>
#include <string.h>

#include "simulate/simulate.h"
#include "frame/plot.h"

static const char *mode_name(const sim_result *s)
{
    return s->r.mode == FDHT_SIM_PAPER ? "paper" : "real";
}

/* Columns that the names of stages take. */
static int name_width(const fdht_sim_report *r)
{
    size_t width = 26;
    for (int i = 0; i < r->n_stages; i++)
        width = strlen(r->stage[i].name) > width ? strlen(r->stage[i].name) : width;
    return (int)width;
}

static void print_stages(const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    int width = name_width(r);
    printf("\n%-*s %6s %5s %6s %5s %10s %9s %5s %8s  %s\n", width, "stage", "rows", "inner", "cols", "runs",
           "issue", "stalls", "use%", "nJ/step", "bank function of its output");
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *t = &r->stage[i];
        uint64_t stalls = fdht_sim_stage_stalls(t);
        printf("%-*s %6zu %5zu %6zu %5zu %10llu %9llu %5.1f %8.2f  %s%s%s\n", width, t->name, t->rows,
               t->inner, t->cols, t->runs, (unsigned long long)t->issue_cycles, (unsigned long long)stalls,
               100 * fdht_sim_stage_utilisation(s->hw, t), t->energy.total / 1e3 / (double)r->steps,
               t->bank_function ? t->bank_function : "", *t->mapping ? ", " : "", t->mapping);
    }
}

/* Stalls of every stage by class, the bound of each, and the largest in words. */
static void print_stalls(const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    uint64_t cycles[FDHT_BOUNDS], most = 0;
    int at = 0, class = 0, width = name_width(r);
    printf("\n%-*s %-10s", width, "stalls, cycles", "bound");
    for (int k = 0; k < FDHT_STALLS; k++)
        if (r->stall[k])
            printf(" %14s", fdht_stall_name(k));
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *t = &r->stage[i];
        printf("\n%-*s %-10s", width, t->name, fdht_sim_bound_name(fdht_sim_bound_of(r, i, cycles)));
        for (int k = 0; k < FDHT_STALLS; k++) {
            if (r->stall[k])
                printf(" %14llu", (unsigned long long)t->stall[k]);
            if (t->stall[k] > most) {
                most = t->stall[k];
                at = i;
                class = k;
            }
        }
    }
    fdht_sim_bound b = fdht_sim_bound_of(r, -1, cycles);
    printf("\nbound by the %s: %.1f %% of all cycles\n", fdht_sim_bound_name(b),
           100 * (double)cycles[b] / (double)r->cycles);
    if (most)
        printf("largest stall: %s in %s, %llu cycles (%.1f %% of all): %s\n", fdht_stall_name(class),
               r->stage[at].name, (unsigned long long)most, 100 * (double)most / (double)r->cycles,
               fdht_stall_text(class));
}

/* Rows of a table of components that are not zero, five a line. */
static void print_rows(const char *title, const double *row, int n, const char *(*name)(int), double unit,
                       int digits, double total)
{
    printf("%-21s", title);
    for (int i = 0, shown = 0; i < n; i++)
        if (row[i] > 0)
            printf("%s %s %.*f",
                   shown++ % 6 ? ","
                   : shown > 1 ? ",\n                     "
                               : "",
                   name(i), digits, row[i] / unit);
    printf("; total %.*f\n", digits, total / unit);
}

static void print_prices(const sim_result *s)
{
    const fdht_sim_energy *e = &s->r.energy;
    const fdht_sim_area *a = &s->r.area;
    putchar('\n');
    print_rows("energy a step, nJ", e->row, FDHT_ENERGIES, fdht_sim_energy_name, (double)s->r.steps * 1e3, 1,
               e->total);
    print_rows("area, mm2", a->row, FDHT_AREAS, fdht_sim_area_name, 1, 3, a->total);
    if (s->r.mode == FDHT_SIM_REAL && !s->r.input_words)
        printf("                      (the input is in place: nothing of it comes over the link)\n");
    printf("power, mW             %.1f\n", s->f.power_mw);
}

/* The machine with where each number comes from. */
static void print_machine(const fdht_hardware *m)
{
    int n;
    const fdht_sim_key *key = fdht_sim_keys(&n);
    const fdht_sim_hw *hw = &m->hw;
    printf("\nmachine %s\n", hw->name);
    for (int i = 0; i < n; i++) {
        double v = fdht_sim_hw_get(hw, &key[i]);
        const char *source = m->source[i];
        if (key[i].type == FDHT_KEY_BANK)
            printf("  %-24s %10s %-11s %s\n", key[i].name, fdht_bank_function_name((int)v), "", source);
        else
            printf("  %-24s %10.10g %-11s %s\n", key[i].name, v, key[i].unit, source);
    }
}

void sim_print_text(const sim_result *s, const fdht_hardware *m)
{
    const fdht_sim_report *r = &s->r;
    printf("%s on %s, %s mode, %zu step%s\n", s->name, s->arch, mode_name(s), r->steps,
           r->steps == 1 ? "" : "s");
    printf("order                 %s\n", s->order);
    printf("parameters            %zu (%zu words as merged, %zu in whole lines)\n", s->parameters,
           r->weight_words, r->weight_room);
    printf("multiply-adds         %llu\n", (unsigned long long)r->multiply_adds);
    printf("cycles                %llu = %llu issue", (unsigned long long)r->cycles,
           (unsigned long long)r->issue_cycles);
    for (int k = 0; k < FDHT_STALLS; k++)
        if (r->stall[k])
            printf(" + %llu %s", (unsigned long long)r->stall[k], fdht_stall_name(k));
    printf("\nutilisation           %.1f %%\n", 100 * s->f.utilisation);
    printf("throughput            %.3f TOPS dense-equivalent, %.1f GOPS real, %.3f us a step\n",
           s->f.tops_dense, s->f.gops, s->f.us_per_step);
    if (r->mode == FDHT_SIM_REAL) {
        printf("latency of a step     %.0f cycles, at most %.0f; a step every %.0f cycles",
               s->f.latency_cycles, s->f.latency_max_cycles, s->f.cycles_per_step);
        printf(r->clips > 1 ? ", %zu clips at once\n" : "\n", r->clips);
        printf("bank conflicts        %llu extra cycles reading, %llu writing (hidden ones included)\n",
               (unsigned long long)r->read_extra, (unsigned long long)r->write_extra);
        printf("peak occupancy        %zu words of %zu a buffer", r->peak_words, s->hw->x_kib * 512);
        if (r->spill_reads + r->spill_writes)
            printf("; %llu reads and %llu writes over the link", (unsigned long long)r->spill_reads,
                   (unsigned long long)r->spill_writes);
        putchar('\n');
        printf("values                %s; %llu words saturated, %llu accumulations\n",
               s->bit_exact ? "bit for bit those of the fixed-point reference"
                            : "DIFFER from the fixed-point reference",
               (unsigned long long)r->saturations, (unsigned long long)r->acc_saturations);
        printf("against float         SNR %.1f dB", s->snr_db);
        if (s->clips)
            printf("; the same class in %zu of %zu clips", s->agree, s->clips);
        putchar('\n');
    }
    print_stages(s);
    if (r->mode == FDHT_SIM_REAL)
        print_stalls(s);
    print_prices(s);
    print_machine(m);
}

static void json_stalls(cJSON *json, const char *key, const uint64_t *stall)
{
    cJSON *o = cli_json_object(json, key);
    for (int k = 0; k < FDHT_STALLS; k++)
        cli_json_size(o, fdht_stall_name(k), stall[k]);
}

static void json_energy(cJSON *o, const fdht_sim_energy *e)
{
    for (int i = 0; i < FDHT_ENERGIES; i++)
        cli_json_number(o, fdht_sim_energy_name(i), e->row[i]);
}

static void json_table(cJSON *list, fdht_sim_table t)
{
    cJSON *o = cli_json_object(list, NULL);
    cli_json_size(o, "entries", t.entries);
    cli_json_size(o, "bits", t.bits);
}

static void json_stage(cJSON *list, const fdht_sim_report *r, int i)
{
    const fdht_sim_stage_report *t = &r->stage[i];
    uint64_t cycles[FDHT_BOUNDS];
    cJSON *o = cli_json_object(list, NULL);
    cli_json_string(o, "name", t->name);
    cli_json_size(o, "rows", t->rows);
    cli_json_size(o, "inner", t->inner);
    cli_json_size(o, "cols", t->cols);
    cli_json_size(o, "runs", t->runs);
    cli_json_size(o, "issue_cycles", t->issue_cycles);
    cli_json_string(o, "bound", fdht_sim_bound_name(fdht_sim_bound_of(r, i, cycles)));
    json_stalls(o, "stall_cycles", t->stall);
    cli_json_size(o, "multiply_adds", t->multiply_adds);
    cli_json_size(o, "padded_slots", t->padded_slots);
    cli_json_size(o, "reads", t->reads);
    cli_json_size(o, "writes", t->writes);
    cli_json_size(o, "weight_reads", t->weight_reads);
    cli_json_size(o, "read_conflict_extra_cycles", t->read_extra);
    cli_json_size(o, "write_conflict_extra_cycles", t->write_extra);
    cli_json_size(o, "address_steps", t->address_steps);
    cli_json_size(o, "input_words", t->input_words);
    cli_json_size(o, "refill_words", t->refill_words);
    cli_json_size(o, "spilled_words", t->spill_reads + t->spill_writes);
    cli_json_size(o, "spill_reads", t->spill_reads);
    cli_json_size(o, "spill_writes", t->spill_writes);
    cJSON *tables = cli_json_array(o, "read_tables");
    json_table(tables, t->read_table[0]);
    json_table(tables, t->read_table[1]);
    json_table(cli_json_array(o, "write_tables"), t->write_table);
    cli_json_number(o, "energy_pj", t->energy.total);
    json_energy(cli_json_object(o, "energy_rows_pj"), &t->energy);
    cli_json_size(o, "occupancy_in_words", t->occupancy_in);
    cli_json_size(o, "occupancy_out_words", t->occupancy_out);
    cli_json_string(o, "bank_function", t->bank_function);
    cli_json_string(o, "mapping", t->mapping);
}

static void json_banks(cJSON *json, const char *key, const uint64_t *v, int n)
{
    cJSON *list = cli_json_array(json, key);
    for (int i = 0; i < n; i++)
        cli_json_size(list, NULL, v[i]);
}

static void json_machine(cJSON *json, const sim_result *s)
{
    int n;
    const fdht_sim_key *key = fdht_sim_keys(&n);
    cJSON *o = cli_json_object(json, "machine");
    for (int i = 0; i < n; i++) {
        double v = fdht_sim_hw_get(s->hw, &key[i]);
        if (key[i].type == FDHT_KEY_BANK)
            cli_json_string(o, key[i].name, fdht_bank_function_name((int)v));
        else
            cli_json_number(o, key[i].name, v);
    }
}

static void json_prices(cJSON *json, const sim_result *s)
{
    const fdht_sim_energy *e = &s->r.energy;
    const fdht_sim_area *a = &s->r.area;
    cJSON *o = cli_json_object(json, "energy_pj");
    json_energy(o, e);
    cli_json_number(o, "total", e->total);
    o = cli_json_object(json, "area_mm2");
    for (int i = 0; i < FDHT_AREAS; i++)
        cli_json_number(o, fdht_sim_area_name(i), a->row[i]);
    cli_json_number(o, "total", a->total);
    cli_json_number(json, "power_mw", s->f.power_mw);
}

/* How time passes: latency beside throughput, what works beside the array, the bound. */
static void json_schedule(cJSON *json, const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    uint64_t cycles[FDHT_BOUNDS];
    cli_json_string(json, "bound", fdht_sim_bound_name(fdht_sim_bound_of(r, -1, cycles)));
    if (r->mode == FDHT_SIM_PAPER)
        return;
    cli_json_size(json, "clips_at_once", r->clips);
    cli_json_number(json, "latency_cycles", s->f.latency_cycles);
    cli_json_number(json, "latency_max_cycles", s->f.latency_max_cycles);
    cli_json_size(json, "lstm_unit_cycles", r->unit_cycles);
    cli_json_size(json, "link_cycles", r->link_cycles);
    cli_json_size(json, "input_words", r->input_words);
    cli_json_size(json, "refill_words", r->refill_words);
}

void sim_add_json(cJSON *json, const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    cli_json_string(json, "workload", s->name);
    cli_json_string(json, "arch", s->arch);
    cli_json_string(json, "mode", mode_name(s));
    cli_json_string(json, "order", s->order);
    cli_json_size(json, "steps", r->steps);
    cli_json_size(json, "cycles", r->cycles);
    cli_json_size(json, "issue_cycles", r->issue_cycles);
    json_stalls(json, "stall_cycles", r->stall);
    cli_json_size(json, "multiply_adds", r->multiply_adds);
    cli_json_size(json, "parameters", s->parameters);
    cli_json_number(json, "tops_dense", s->f.tops_dense);
    cli_json_number(json, "gops", s->f.gops);
    cli_json_number(json, "us_per_step", s->f.us_per_step);
    json_schedule(json, s);
    json_prices(json, s);
    if (s->bit_exact < 0)
        cJSON_AddNullToObject(json, "bit_exact");
    else
        cli_json_bool(json, "bit_exact", s->bit_exact);
    cli_json_number(json, "snr_db", s->snr_db);
    if (s->clips) {
        cli_json_size(json, "clips", s->clips);
        cli_json_size(json, "class_agreement", s->agree);
    }
    cli_json_size(json, "reads", r->reads);
    cli_json_size(json, "writes", r->writes);
    cli_json_size(json, "read_conflict_extra_cycles", r->read_extra);
    cli_json_size(json, "write_conflict_extra_cycles", r->write_extra);
    cli_json_size(json, "peak_words", r->peak_words);
    cli_json_size(json, "spilled_words", r->spill_reads + r->spill_writes);
    cli_json_size(json, "spill_reads", r->spill_reads);
    cli_json_size(json, "spill_writes", r->spill_writes);
    cli_json_size(json, "saturated_words", r->saturations);
    cli_json_size(json, "saturated_accumulations", r->acc_saturations);
    cJSON *list = cli_json_array(json, "stages");
    for (int i = 0; i < r->n_stages; i++)
        json_stage(list, r, i);
    if (r->n_banks) {
        json_banks(json, "bank_reads", r->bank_reads, r->n_banks);
        json_banks(json, "bank_writes", r->bank_writes, r->n_banks);
        json_banks(json, "bank_conflicts", r->bank_conflicts, r->n_banks);
    }
    json_machine(json, s);
}

/* A row of the CSV from its stalls on: stage i, or all of it (-1), with the areas. */
static void csv_row(FILE *f, const fdht_sim_report *r, int i, const uint64_t stall[FDHT_STALLS],
                    const uint64_t *count, size_t counts, const fdht_sim_energy *e)
{
    uint64_t cycles[FDHT_BOUNDS];
    for (int k = 0; k < FDHT_STALLS; k++)
        fprintf(f, ",%llu", (unsigned long long)stall[k]);
    for (size_t k = 0; k < counts; k++)
        fprintf(f, ",%llu", (unsigned long long)count[k]);
    if (i < 0)
        fprintf(f, ",,");
    fprintf(f, ",%.17g,%s,%s", e->total, fdht_sim_bound_name(fdht_sim_bound_of(r, i, cycles)),
            i >= 0 && r->stage[i].bank_function ? r->stage[i].bank_function : "");
    for (int k = 0; k < FDHT_ENERGIES; k++)
        fprintf(f, ",%.17g", e->row[k]);
    for (int k = 0; k < FDHT_AREAS; k++)
        if (i < 0)
            fprintf(f, ",%.17g", r->area.row[k]);
        else
            putc(',', f);
    if (i < 0)
        fprintf(f, ",%.17g\n", r->area.total);
    else
        fprintf(f, ",\n");
}

void sim_print_csv(FILE *f, const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    fprintf(f, "stage,rows,inner,cols,runs,issue_cycles");
    for (int k = 0; k < FDHT_STALLS; k++)
        fprintf(f, ",%s_cycles", fdht_stall_name(k));
    fprintf(f, ",multiply_adds,padded_slots,reads,writes,weight_reads,read_conflict_extra_cycles,write_"
               "conflict_extra_cycles,"
               "occupancy_in_words,occupancy_out_words,energy_pj,bound,bank_function");
    for (int e = 0; e < FDHT_ENERGIES; e++)
        fprintf(f, ",%s_pj", fdht_sim_energy_name(e));
    for (int a = 0; a < FDHT_AREAS; a++)
        fprintf(f, ",%s_mm2", fdht_sim_area_name(a));
    fprintf(f, ",area_mm2\n");
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *t = &r->stage[i];
        const uint64_t v[] = {t->multiply_adds, t->padded_slots, t->reads,
                              t->writes,        t->weight_reads, t->read_extra,
                              t->write_extra,   t->occupancy_in, t->occupancy_out};
        fprintf(f, "%s,%zu,%zu,%zu,%zu,%llu", t->name, t->rows, t->inner, t->cols, t->runs,
                (unsigned long long)t->issue_cycles);
        csv_row(f, r, i, t->stall, v, sizeof v / sizeof *v, &t->energy);
    }
    const uint64_t v[] = {r->multiply_adds, r->padded_slots, r->reads,      r->writes,
                          r->weight_reads,  r->read_extra,   r->write_extra};
    fprintf(f, "total,,,,,%llu", (unsigned long long)r->issue_cycles);
    csv_row(f, r, -1, r->stall, v, sizeof v / sizeof *v, &r->energy);
}

/* The first step: each stage a row, its issue and its stalls one after the other along time. */
static void plot_timeline(FILE *f, const sim_result *s)
{
    const fdht_sim_report *r = &s->r;
    double t = 0;
    /* eleven things to tell apart */
    fprintf(f, "set linetype 11 lc rgb '#f0b429'\nset linetype cycle 11\nset lmargin 24\nset rmargin 18\nset "
               "style fill solid 0.85 noborder\nset key outside right "
               "top vertical "
               "right\nset title 'one step: stages along time'\n"
               "set xlabel 'cycles'\nset ytics noenhanced\n$line << EOD\n");
    for (int i = 0; i < r->n_stages; i++) {
        const fdht_sim_stage_report *g = &r->stage[i];
        for (int k = -1; k < FDHT_STALLS && g->runs; k++) {
            double d = (double)(k < 0 ? g->issue_cycles : g->stall[k]) / (double)g->runs;
            if (d > 0)
                fprintf(f, "%g %g %d %d\n", t, t + d, -i, k + 2);
            t += d;
        }
    }
    fprintf(f, "EOD\nset ytics (");
    for (int i = 0; i < r->n_stages; i++)
        fprintf(f, "%s\"%.24s\" %d", i ? ", " : "", r->stage[i].name, -i);
    fprintf(f,
            ")\nset yrange [%d:1]\nset xrange [0:%g]\nplot $line using (($1+$2)/2):3:1:2:($3-.4):($3+.4):4 "
            "with boxxyerror linecolor variable notitle, NaN with boxes linetype 1 title 'issue'",
            -r->n_stages, t > 0 ? t : 1);
    for (int k = 0; k < FDHT_STALLS; k++)
        if (r->stall[k])
            fprintf(f, ", NaN with boxes linetype %d title '%s' noenhanced", k + 2, fdht_stall_name(k));
    fprintf(f, "\nset ytics autofreq\nset autoscale\nunset xlabel\n");
}

/* Three pictures on one page: the stages along time, the banks' load, the energy. */
int sim_plot(cli *c, const sim_result *s, const char *path)
{
    const fdht_sim_report *r = &s->r;
    char title[256];
    FILE *f = NULL;
    snprintf(title, sizeof title, "on %s, %llu cycles for %zu step%s", s->arch, (unsigned long long)r->cycles,
             r->steps, r->steps == 1 ? "" : "s");
    int status = cli_plot_begin(
        c, path, &(cli_plot){.width = 1100, .height = 1000, .rows = 3, .title = title, .model = s->name}, &f);
    if (status)
        return status;
    plot_timeline(f, s);
    fprintf(f, "set style data histograms\nset style histogram rowstacked\nset boxwidth 0.8\n"
               "set xtics noenhanced scale 0\nset grid noxtics\nset offsets 0, 0, graph 0.05, 0\nset yrange "
               "[0:*]\n");
    fprintf(
        f, "set title 'accesses per bank'\nset ylabel 'words'\n$banks << EOD\nbank reads writes conflicts\n");
    for (int b = 0; b < r->n_banks; b++)
        fprintf(f, "%d %llu %llu %llu\n", b, (unsigned long long)r->bank_reads[b],
                (unsigned long long)r->bank_writes[b], (unsigned long long)r->bank_conflicts[b]);
    if (!r->n_banks)
        fprintf(f, "none 0 0 0\n");
    fprintf(f,
            "EOD\nplot for [i=2:4] $banks using i:xtic(int($0) %% %d ? '' : stringcolumn(1)) title "
            "columnheader(i)\n",
            r->n_banks > 16 ? (r->n_banks + 15) / 16 : 1);
    const fdht_sim_energy *e = &r->energy;
    fprintf(f, "set title 'energy'\nset ylabel 'nJ a step'\nset style histogram clustered\n$energy << EOD\n");
    for (int i = 0; i < FDHT_ENERGIES; i++)
        if (e->row[i] > 0)
            fprintf(f, "\"%s\" %g\n", fdht_sim_energy_name(i), e->row[i] / 1e3 / (double)r->steps);
    fprintf(f, "EOD\nset xtics rotate by 20 right\nplot $energy using 2:xtic(1) notitle\n");
    return cli_plot_end(c, path, f);
}
