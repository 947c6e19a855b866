/* compress/curve.c - error against size: what `fdht compress --dry-run` prints, writes and draws. */
#include "compress/compress.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

static int write_csv(const compress_run *r)
{
    fdht_out *out = NULL;
    int status = fdht_out_open(r->a->csv, false, &r->c->out, &out, &r->c->err);
    if (status)
        return status;
    FILE *f = fdht_out_stream(out);
    fprintf(f, "layer,direction,parameters,ratio,error_rel,bound_rel,largest_rank\n");
    for (int i = 0; i < r->report.n_cells; i++)
        for (int k = 0; k < r->report.cell[i].n_points; k++) {
            const fdht_compress_cell *x = &r->report.cell[i];
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
    for (int i = 0; i < r->report.n_cells; i++)
        fprintf(f, "%s'-' using 1:2 with linespoints title 'cell %d'", i ? ", " : "", i);
    fputc('\n', f);
    for (int i = 0; i < r->report.n_cells; i++) {
        for (int k = 0; k < r->report.cell[i].n_points; k++)
            fprintf(f, "%zu %.9g\n", r->report.cell[i].curve[k].parameters, r->report.cell[i].curve[k].error);
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
    for (int i = 0; i < r->report.n_cells; i++) {
        const fdht_compress_cell *x = &r->report.cell[i];
        compress_cell_name(x, name, sizeof name);
        printf("%s%s: modes %s -> %s (%s)\n\n", i ? "\n" : "", name,
               compress_modes_text(x->spec.op.in, x->spec.op.d, in, sizeof in),
               compress_modes_text(x->spec.op.out, x->spec.op.d, out, sizeof out), x->reason);
        printf("%12s %12s %12s %12s %8s\n", "parameters", "ratio", "error", "bound", "rank");
        for (int k = 0; k < x->n_points; k++) {
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
    cJSON *j = compress_json_start(r);
    compress_json_modes(j, &r->report.cell[0]);
    cli_json_size(j, "parameters_dense", r->report.dense);
    cJSON *curve = cli_json_array(j, "curve");
    for (int i = 0; i < r->report.n_cells; i++)
        for (int k = 0; k < r->report.cell[i].n_points; k++) {
            const fdht_curve_point *p = &r->report.cell[i].curve[k];
            cJSON *o = cli_json_object(curve, NULL);
            cli_json_int(o, "cell", i);
            compress_json_result(o, p->error, p->bound, p->parameters, r->report.cell[i].dense);
            cli_json_size(o, "largest_rank", p->largest_rank);
        }
    compress_json_end(j, r);
    return FDHT_OK;
}
