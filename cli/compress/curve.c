/* compress/curve.c - error against size: what `fdht compress --dry-run` prints, writes and draws. */
#include "compress/compress.h"

#include "frame/plot.h"

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

/* Error and bound of each cell against the numbers in its cores. */
static int write_plot(const compress_run *r)
{
    char title[80], name[128];
    FILE *f = NULL;
    snprintf(title, sizeof title, "error of format %s against its size", compress_format_name(r->a));
    cli_plot p = {.width = 900, .height = 620, .rows = 1, .title = title, .model = r->a->path};
    int status = cli_plot_begin(r->c, r->a->plot, &p, &f);
    if (status)
        return status;
    fprintf(
        f,
        "set logscale x\nset xlabel 'numbers in the cores'\nset ylabel 'relative error'\nset yrange [0:*]\n");
    for (int i = 0; i < r->report.n_cells; i++) {
        const fdht_compress_cell *x = &r->report.cell[i];
        fprintf(f, "$cell%d << EOD\n", i);
        for (int k = 0; k < x->n_points; k++)
            fprintf(f, "%zu %.9g %.9g\n", x->curve[k].parameters, x->curve[k].error, x->curve[k].bound);
        fprintf(f, "EOD\n");
    }
    for (int i = 0; i < r->report.n_cells; i++) {
        compress_cell_name(&r->report.cell[i], name, sizeof name);
        for (char *s = name; *s; s++)
            *s = *s == '\'' ? '?' : *s;
        fprintf(f, "%s$cell%d using 1:2 with linespoints lt %d pt 7 ps 0.6 title '%s'", i ? ", " : "plot ", i,
                i + 1, name);
        fprintf(f, ", $cell%d using 1:3 with lines lt %d lw 1.5 dt 2 title '%s, bound'", i, i + 1, name);
    }
    fputc('\n', f);
    return cli_plot_end(r->c, r->a->plot, f);
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

static void print_curve_json(const compress_run *r)
{
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
}

int compress_print_curve(const compress_run *r)
{
    int status = r->a->csv ? write_csv(r) : FDHT_OK;
    if (status)
        return status;
    if (r->c->json)
        print_curve_json(r);
    else
        print_points(r);
    return r->a->plot ? write_plot(r) : FDHT_OK;
}
