/* compress/curve.c - error against size: what `fdht compress --dry-run` prints, writes and draws, of one format or of all. */
#include "compress/compress.h"

#include <math.h>

#include "frame/plot.h"

/* One curve after the other: of each format, of each of its cells. */
typedef struct curve {
    const char *format;
    const fdht_compress_cell *cell;
    int number;               /* of the cell */
    const compress_score *at; /* (n_points) of the first cell with --eval; else NULL */
} curve;

static bool next_curve(const compress_run *r, int i, curve *out)
{
    for (int f = 0; f < r->n_curves; i -= r->curve[f++].n_cells)
        if (i < r->curve[f].n_cells) {
            *out = (curve){compress_format_name(r->format[f]), &r->curve[f].cell[i], i,
                           r->eval.n && i == 0 ? r->at[f] : NULL};
            return true;
        }
    return false;
}

static double ratio_of(const curve *c, const fdht_curve_point *p)
{
    return (double)c->cell->dense / (double)p->parameters;
}

static int write_csv(const compress_run *r)
{
    fdht_out *out = NULL;
    curve c;
    int status = fdht_out_open(r->a->csv, false, &r->c->out, &out, &r->c->err);
    if (status)
        return status;
    FILE *f = fdht_out_stream(out);
    fprintf(f, "format,layer,direction,parameters,ratio,error_rel,bound_rel,largest_rank%s\n",
            r->eval.n ? ",accuracy,agreement,output_difference_rel" : "");
    for (int i = 0; next_curve(r, i, &c); i++)
        for (int k = 0; k < c.cell->n_points; k++) {
            const fdht_curve_point *p = &c.cell->curve[k];
            fprintf(f, "%s,%s,%d,%zu,%.6g,%.9g,%.9g,%zu", c.format, c.cell->lstm->name, c.cell->direction,
                    p->parameters, ratio_of(&c, p), p->error, p->bound, p->largest_rank);
            if (c.at)
                fprintf(f, ",%.6g,%.6g,%.6g", c.at[k].accuracy, c.at[k].agreement, c.at[k].difference);
            else if (r->eval.n)
                fprintf(f, ",,,");
            fputc('\n', f);
        }
    return fdht_out_commit(out, &r->c->err);
}

/* "l0", "ht, l0 (reverse)"; the layer alone where there is one format, the format alone where there is one cell. */
static void curve_name(const compress_run *r, const curve *c, char *buf, size_t size)
{
    char name[128];
    compress_cell_name(c->cell, name, sizeof name);
    for (char *s = name; *s; s++)
        *s = *s == '\'' ? '?' : *s;
    if (r->n_curves < 2)
        snprintf(buf, size, "%s", name);
    else if (r->curve[0].n_cells == 1)
        snprintf(buf, size, "%s", c->format);
    else
        snprintf(buf, size, "%s, %s", c->format, name);
}

/* Accuracy of the models, or their agreement with the original where there are no labels, below the errors. */
static void plot_scores(const compress_run *r, FILE *f)
{
    char name[160];
    curve c;
    bool labels = r->eval.labelled > 0, first = true;
    fprintf(f, "set ylabel '%s'\nset yrange [0:1]\n", labels ? "accuracy" : "answers like the original's");
    for (int i = 0; next_curve(r, i, &c); i++) {
        if (!c.at)
            continue;
        fprintf(f, "$score%d << EOD\n", i);
        for (int k = 0; k < c.cell->n_points; k++)
            fprintf(f, "%zu %.9g\n", c.cell->curve[k].parameters,
                    labels ? c.at[k].accuracy : c.at[k].agreement);
        fprintf(f, "EOD\n");
    }
    for (int i = 0; next_curve(r, i, &c); i++) {
        if (!c.at)
            continue;
        curve_name(r, &c, name, sizeof name);
        fprintf(f, "%s$score%d using 1:2 with linespoints lt %d pt 7 ps 0.6 title '%s'",
                first ? "plot " : ", ", i, i + 1, name);
        first = false;
    }
    if (labels)
        fprintf(f, ", %.9g with lines lt 5 dt 2 title 'original'", r->eval.original.accuracy);
    fputc('\n', f);
}

/* 1, 2 and 5 of each decade: a curve of less than a decade has some of them. */
static void put_sizes(FILE *f)
{
    static const double step[] = {1, 2, 5};
    double decade = 1;
    fputs("set xtics (", f);
    for (int k = 0; k < 33; k++) {
        fprintf(f, "%s'%g' %g", k ? ", " : "", step[k % 3] * decade, step[k % 3] * decade);
        decade *= k % 3 == 2 ? 10 : 1;
    }
    fputs(")\n", f);
}

/* Errors of each curve against the numbers in its cores, and, of one format alone, its bound. */
static int write_plot(const compress_run *r)
{
    char title[80], name[160];
    FILE *f = NULL;
    curve c;
    if (r->n_curves > 1)
        snprintf(title, sizeof title, "error of the formats against their size");
    else
        snprintf(title, sizeof title, "error of format %s against its size",
                 compress_format_name(r->a->format));
    cli_plot p = {
        .width = 900, .height = 620, .rows = r->eval.n ? 2 : 1, .title = title, .model = r->a->path};
    int status = cli_plot_begin(r->c, r->a->plot, &p, &f);
    if (status)
        return status;
    fprintf(f, "set logscale x\nset autoscale xfix\nset offsets graph 0.03, graph 0.03, 0, 0\nset xlabel "
               "'numbers in the cores'\nset ylabel 'relative error'\nset yrange [0:*]\n");
    put_sizes(f);
    for (int i = 0; next_curve(r, i, &c); i++) {
        fprintf(f, "$cell%d << EOD\n", i);
        for (int k = 0; k < c.cell->n_points; k++)
            fprintf(f, "%zu %.9g %.9g\n", c.cell->curve[k].parameters, c.cell->curve[k].error,
                    c.cell->curve[k].bound);
        fprintf(f, "EOD\n");
    }
    for (int i = 0; next_curve(r, i, &c); i++) {
        curve_name(r, &c, name, sizeof name);
        fprintf(f, "%s$cell%d using 1:2 with linespoints lt %d pt 7 ps 0.6 title '%s'", i ? ", " : "plot ", i,
                i + 1, name);
        if (r->n_curves < 2)
            fprintf(f, ", $cell%d using 1:3 with lines lt %d lw 1.5 dt 2 title '%s, bound'", i, i + 1, name);
    }
    fputc('\n', f);
    if (r->eval.n)
        plot_scores(r, f);
    return cli_plot_end(r->c, r->a->plot, f);
}

static void print_share(double v)
{
    if (isfinite(v))
        printf(" %9.4f", v);
    else
        printf(" %9s", "-");
}

static void print_points(const compress_run *r)
{
    char name[128], in[160], out[160];
    curve c;
    for (int i = 0; next_curve(r, i, &c); i++) {
        const fdht_compress_cell *x = c.cell;
        compress_cell_name(x, name, sizeof name);
        printf("%s%s, %s: modes %s -> %s (%s)\n", i ? "\n" : "", name, c.format,
               compress_modes_text(x->spec.op.in, x->spec.op.d, in, sizeof in),
               compress_modes_text(x->spec.op.out, x->spec.op.d, out, sizeof out), x->reason);
    }
    if (r->eval.n)
        putchar('\n');
    compress_print_eval(r);
    printf("\n%-8s %-16s %12s %12s %12s %12s %8s", "format", "layer", "parameters", "ratio", "error", "bound",
           "rank");
    if (r->eval.n)
        printf(" %9s %9s", "accuracy", "agreement");
    putchar('\n');
    for (int i = 0; next_curve(r, i, &c); i++) {
        compress_cell_name(c.cell, name, sizeof name);
        for (int k = 0; k < c.cell->n_points; k++) {
            const fdht_curve_point *p = &c.cell->curve[k];
            printf("%-8s %-16s %12zu %12.1f %12.6f %12.6f %8zu", c.format, name, p->parameters,
                   ratio_of(&c, p), p->error, p->bound, p->largest_rank);
            if (c.at) {
                print_share(c.at[k].accuracy);
                print_share(c.at[k].agreement);
            }
            putchar('\n');
        }
    }
}

static void print_curve_json(const compress_run *r)
{
    cJSON *j = compress_json_start(r);
    curve c;
    compress_json_modes(j, &r->curve[0].cell[0]);
    cli_json_size(j, "parameters_dense", r->curve[0].dense);
    cJSON *list = cli_json_array(j, "curve");
    for (int i = 0; next_curve(r, i, &c); i++)
        for (int k = 0; k < c.cell->n_points; k++) {
            const fdht_curve_point *p = &c.cell->curve[k];
            cJSON *o = cli_json_object(list, NULL);
            cli_json_string(o, "format", c.format);
            cli_json_int(o, "cell", c.number);
            compress_json_result(o, p->error, p->bound, p->parameters, c.cell->dense);
            cli_json_size(o, "largest_rank", p->largest_rank);
            if (c.at)
                compress_json_score(o, &c.at[k]);
        }
    compress_json_eval(j, r);
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
