/* compress/report.c - what `fdht compress` prints: tables, the JSON document, the curve. */
#include "compress/compress.h"
#include "frame/json.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>

static size_t peak_memory(void)
{
    struct rusage u;
    return getrusage(RUSAGE_SELF, &u) ? 0 : (size_t)u.ru_maxrss * 1024;
}

static const char *modes_text(const size_t *v, int d, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = 0;
    for (int k = 0; k < d && at < size; k++)
        at += (size_t)snprintf(buf + at, size - at, "%s%zu", k ? "," : "", v[k]);
    return buf;
}

static void cell_name(const compress_cell *x, char *buf, size_t size)
{
    snprintf(buf, size, "%s%s", x->lstm->name, x->direction ? " (reverse)" : "");
}

/* ---- JSON ---- */

static void json_modes(cJSON *j, const compress_cell *x)
{
    const fdht_op_spec *s = &x->spec.op;
    cli_json_sizes(j, "in_modes", s->in, (size_t)s->d);
    cli_json_sizes(j, "out_modes", s->out, (size_t)s->d);
    cli_json_string(j, "tree", x->tree[0] ? x->tree : NULL);
    cli_json_string(j, "why", x->reason);
}

static void json_nodes(cJSON *j, const compress_cell *x)
{
    cJSON *nodes = cli_json_array(j, "nodes");
    for (int i = 0; i < x->report.n_nodes; i++) {
        const fdht_decomp_node *n = &x->report.node[i];
        cJSON *o = cli_json_object(nodes, NULL);
        size_t kept = n->rank < n->n_sigma ? n->rank : n->n_sigma;
        cli_json_string(o, "name", n->name);
        cli_json_size(o, "size", n->size);
        cli_json_size(o, "rank", n->rank);
        cli_json_numbers(o, "kept", n->sigma, kept);
        cli_json_numbers(o, "dropped", n->sigma + kept, n->n_sigma - kept);
        cli_json_number(o, "error", n->error);
    }
}

static void json_result(cJSON *j, double error, double bound, size_t parameters, size_t dense)
{
    cli_json_number(j, "error_rel", error);
    cli_json_number(j, "bound_rel", bound);
    cli_json_size(j, "parameters", parameters);
    cli_json_size(j, "parameters_dense", dense);
    cli_json_number(j, "ratio", parameters ? (double)dense / (double)parameters : 0);
}

static cJSON *json_start(const compress_run *r)
{
    static const char *const formats[] = {"fdht", "ht", "tt", "tr"};
    cJSON *j = cli_json_new(r->c);
    cli_json_string(j, "file", r->a->path);
    cli_json_string(j, "format", formats[r->a->format]);
    return j;
}

static void print_json(const compress_run *r)
{
    cJSON *j = json_start(r);
    cli_json_string(j, "output", r->c->output);
    json_result(j, r->error, r->bound, r->parameters, r->dense);
    json_modes(j, &r->cell[0]);
    json_nodes(j, &r->cell[0]);
    cJSON *cells = cli_json_array(j, "cells");
    for (int i = 0; i < r->n_cells; i++) {
        const compress_cell *x = &r->cell[i];
        cJSON *o = cli_json_object(cells, NULL);
        cli_json_string(o, "name", x->lstm->name);
        cli_json_int(o, "direction", x->direction);
        json_result(o, x->report.error, x->report.bound, x->report.parameters, x->dense);
        json_modes(o, x);
        cli_json_string(o, "method", x->report.method);
        cli_json_bool(o, "met", x->report.met);
        cli_json_string(o, "note", x->report.note[0] ? x->report.note : NULL);
        json_nodes(o, x);
    }
    cJSON *check = cli_json_object(j, "self_check");
    cli_json_number(check, "import_difference", r->import_difference);
    cli_json_number(check, "output_difference", r->output_difference);
    cli_json_number(check, "output_difference_rel", r->output_relative);
    cli_json_bool(j, "classifier", r->classifier);
    cli_json_number(j, "seconds", r->seconds);
    cli_json_size(j, "peak_memory_bytes", peak_memory());
    cli_json_print(stdout, j);
}

/* ---- text ---- */

static void print_cell(const compress_run *r, const compress_cell *x)
{
    char name[128], in[160], out[160];
    cell_name(x, name, sizeof name);
    printf("%s: %s, %zu inputs, %zu hidden; %s\n", name, fdht_layout_name(x->lstm->layout),
           x->lstm->input_size, x->lstm->hidden_size, x->lstm->why);
    printf("  modes    %s -> %s%s%s (%s)\n", modes_text(x->spec.op.in, x->spec.op.d, in, sizeof in),
           modes_text(x->spec.op.out, x->spec.op.d, out, sizeof out), x->tree[0] ? ", tree " : "", x->tree,
           x->reason);
    printf("  method   %s, %zu %s\n\n", x->report.method, x->report.slabs,
           x->report.slabs == 1 ? "slab" : "slabs");
    printf("  %-16s %6s %6s %12s %12s %12s %11s\n", "node", "size", "rank", "largest", "last kept",
           "first dropped", "error");
    for (int i = 0; i < x->report.n_nodes; i++) {
        const fdht_decomp_node *n = &x->report.node[i];
        size_t kept = n->rank < n->n_sigma ? n->rank : n->n_sigma;
        printf("  %-16s %6zu %6zu %12.5g %12.5g ", n->name, n->size, n->rank, n->n_sigma ? n->sigma[0] : 0,
               kept ? n->sigma[kept - 1] : 0);
        if (kept < n->n_sigma)
            printf("%13.5g", n->sigma[kept]);
        else
            printf("%13s", "-");
        printf(" %11.4g\n", n->error);
    }
    printf("\n  error    %.6g measured, %.6g bound\n", x->report.error, x->report.bound);
    printf("  size     %zu parameters for %zu: 1/%.1f\n", x->report.parameters, x->dense,
           x->report.parameters ? (double)x->dense / (double)x->report.parameters : 0);
    if (x->report.note[0])
        printf("  note     %s\n", x->report.note);
    putchar('\n');
    (void)r;
}

void compress_print(const compress_run *r)
{
    if (r->c->json) {
        print_json(r);
        return;
    }
    for (int i = 0; i < r->n_cells; i++)
        print_cell(r, &r->cell[i]);
    if (r->n_cells > 1)
        printf("all: error %.6g measured, %.6g bound; %zu parameters for %zu: 1/%.1f\n", r->error, r->bound,
               r->parameters, r->dense, (double)r->dense / (double)r->parameters);
    if (isfinite(r->import_difference))
        printf("import check    outputs on a fixed input differ by at most %.3g from the file's\n",
               r->import_difference);
    printf("output check    compressed: by at most %.3g, %.3g of their norm\n", r->output_difference,
           r->output_relative);
    printf("time            %.2f s, peak memory %.1f MB\n", r->seconds, (double)peak_memory() / 1e6);
    if (r->c->output)
        printf("written         %s\n", r->c->output);
}

/* ---- the curve ---- */

static int write_csv(const compress_run *r)
{
    fdht_out *out = NULL;
    int status = fdht_out_open(r->a->csv, false, &r->c->out, &out, &r->c->err);
    if (status)
        return status;
    FILE *f = fdht_out_stream(out);
    fprintf(f, "layer,direction,parameters,ratio,error_rel,bound_rel,largest_rank\n");
    for (int i = 0; i < r->n_cells; i++)
        for (int k = 0; k < r->cell[i].points; k++) {
            const compress_cell *x = &r->cell[i];
            const fdht_curve_point *p = &x->curve[k];
            fprintf(f, "%s,%d,%zu,%.6g,%.9g,%.9g,%zu\n", x->lstm->name, x->direction, p->parameters,
                    (double)x->dense / (double)p->parameters, p->error, p->bound, p->largest_rank);
        }
    return fdht_out_commit(out, &r->c->err);
}

/* gnuplot draws into the temporary file of the output, which is then put in place. */
static int write_plot(const compress_run *r)
{
    fdht_out *out = NULL;
    const char *dot = strrchr(r->a->plot, '.');
    bool svg = dot && !strcmp(dot, ".svg");
    int status = fdht_out_open(r->a->plot, true, &r->c->out, &out, &r->c->err);
    if (status)
        return status;
    FILE *f = popen("gnuplot 2>/dev/null", "w");
    if (!f) {
        status = cli_fail(r->c, FDHT_EIO, "gnuplot: %s", strerror(errno));
        fdht_out_discard(out);
        return status;
    }
    fprintf(f, "set terminal %s size 800,560\nset output '%s'\nset logscale x\nset grid\n",
            svg ? "svg" : "png", fdht_out_temp(out));
    fprintf(f, "set xlabel 'parameters'\nset ylabel 'relative error'\nset yrange [0:*]\nplot ");
    for (int i = 0; i < r->n_cells; i++)
        fprintf(f, "%s'-' using 1:2 with linespoints title 'cell %d'", i ? ", " : "", i);
    fputc('\n', f);
    for (int i = 0; i < r->n_cells; i++) {
        for (int k = 0; k < r->cell[i].points; k++)
            fprintf(f, "%zu %.9g\n", r->cell[i].curve[k].parameters, r->cell[i].curve[k].error);
        fprintf(f, "e\n");
    }
    int rc = pclose(f);
    if (rc != 0) {
        status = cli_fail(r->c, FDHT_EIO, "%s: gnuplot failed or is not installed (Debian: gnuplot-nox)",
                          r->a->plot);
        fdht_out_discard(out);
        return status;
    }
    return fdht_out_commit(out, &r->c->err);
}

static void print_points(const compress_run *r)
{
    char name[128], in[160], out[160];
    for (int i = 0; i < r->n_cells; i++) {
        const compress_cell *x = &r->cell[i];
        cell_name(x, name, sizeof name);
        printf("%s%s: modes %s -> %s (%s)\n\n", i ? "\n" : "", name,
               modes_text(x->spec.op.in, x->spec.op.d, in, sizeof in),
               modes_text(x->spec.op.out, x->spec.op.d, out, sizeof out), x->reason);
        printf("%12s %12s %12s %12s %8s\n", "parameters", "ratio", "error", "bound", "rank");
        for (int k = 0; k < x->points; k++) {
            const fdht_curve_point *p = &x->curve[k];
            printf("%12zu %12.1f %12.6f %12.6f %8zu\n", p->parameters,
                   (double)x->dense / (double)p->parameters, p->error, p->bound, p->largest_rank);
        }
    }
}

int compress_print_curve(const compress_run *r)
{
    int status = r->a->csv ? write_csv(r) : FDHT_OK;
    if (!status && r->a->plot)
        status = write_plot(r);
    if (status)
        return status;
    if (!r->c->json) {
        print_points(r);
        return FDHT_OK;
    }
    cJSON *j = json_start(r);
    json_modes(j, &r->cell[0]);
    cli_json_size(j, "parameters_dense", r->dense);
    cJSON *curve = cli_json_array(j, "curve");
    for (int i = 0; i < r->n_cells; i++)
        for (int k = 0; k < r->cell[i].points; k++) {
            const fdht_curve_point *p = &r->cell[i].curve[k];
            cJSON *o = cli_json_object(curve, NULL);
            cli_json_int(o, "cell", i);
            json_result(o, p->error, p->bound, p->parameters, r->cell[i].dense);
            cli_json_size(o, "largest_rank", p->largest_rank);
        }
    cli_json_number(j, "seconds", r->seconds);
    cli_json_size(j, "peak_memory_bytes", peak_memory());
    cli_json_print(stdout, j);
    return FDHT_OK;
}
