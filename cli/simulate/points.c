/* simulate/points.c - the points of a sweep or of a search: shown, as a table of their own and as a picture. */
#include "simulate/rows.h"

#include <stdlib.h>
#include <string.h>

#include "frame/plot.h"

void sim_points_add(sim_points *p, const char *value, const sim_row *r)
{
    if (p->n == SIM_POINTS)
        return;
    p->row[p->n] = *r;
    snprintf(p->row[p->n++].name, sizeof r->name, "%s", value);
}

int sim_points_csv(cli *c, const sim_points *p, const char *path)
{
    fdht_out *out = NULL;
    int status = fdht_out_open(path, false, &c->out, &out, &c->err);
    if (status)
        return status;
    FILE *f = fdht_out_stream(out);
    fprintf(f, "key,value,mode,cycles_per_step,us_per_step,tops_dense,gops,power_mw,area_mm2,tops_per_mm2,"
               "tops_per_w,"
               "pareto\n");
    for (size_t i = 0; i < p->n; i++) {
        const fdht_sim_figures *v = &p->row[i].f;
        fprintf(f, "%s,\"%s\",%s,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%d\n", p->key,
                p->row[i].name, p->row[i].mode, v->cycles_per_step, v->us_per_step, v->tops_dense, v->gops,
                v->power_mw, v->area_mm2, v->tops_per_mm2, v->tops_per_w, sim_pareto(p, i));
    }
    return fdht_out_commit(out, &c->err);
}

bool sim_pareto(const sim_points *p, size_t i)
{
    const fdht_sim_figures *a = &p->row[i].f;
    for (size_t k = 0; k < p->n; k++) {
        const fdht_sim_figures *b = &p->row[k].f;
        if (b->tops_per_mm2 >= a->tops_per_mm2 && b->tops_per_w >= a->tops_per_w &&
            (b->tops_per_mm2 > a->tops_per_mm2 || b->tops_per_w > a->tops_per_w))
            return false;
    }
    return true;
}

/* A name inside gnuplot's double quotes, up to its first comma. */
static void put_name(FILE *g, const char *name)
{
    fputc('"', g);
    for (; *name && *name != ','; name++)
        fputc(*name == '"' || *name == '\\' || (unsigned char)*name < ' ' ? '?' : *name, g);
    fputc('"', g);
}

/* Three figures over the values, in their order. */
static void draw_sweep(FILE *g, const sim_points *p)
{
    static const char *const label[] = {"TOPS", "TOPS / mm2", "TOPS / W"};
    fprintf(g, "$points << EOD\n");
    for (size_t i = 0; i < p->n; i++) {
        const fdht_sim_figures *v = &p->row[i].f;
        fprintf(g, "%zu ", i);
        put_name(g, p->row[i].name);
        fprintf(g, " %.9g %.9g %.9g\n", v->tops_dense, v->tops_per_mm2, v->tops_per_w);
    }
    fprintf(g,
            "EOD\nset lmargin 12\nset rmargin 4\nunset key\nset xrange [-.5:%g]\nset yrange [0:*]\nset "
            "offsets 0,0,graph .12,0\n",
            (double)p->n - .5);
    for (int k = 0; k < 3; k++)
        fprintf(
            g,
            "set xlabel '%s'\nset ylabel '%s'\nplot $points using 1:%d:xtic(2) with linespoints lt %d pt 7\n",
            p->key, label[k], 3 + k, 1 + k);
}

/* Two efficiencies against each other; a line through the points that no other beats in both. */
static void draw_search(FILE *g, const sim_points *p)
{
    for (int front = 0; front < 2; front++) {
        fprintf(g, "%s << EOD\n", front ? "$front" : "$points");
        for (size_t i = 0; i < p->n; i++)
            if (!front || sim_pareto(p, i)) {
                fprintf(g, "%.9g %.9g ", p->row[i].f.tops_per_mm2, p->row[i].f.tops_per_w);
                put_name(g, p->row[i].name);
                fprintf(g, "\n");
            }
        fprintf(g, "EOD\n");
    }
    fprintf(g, "set lmargin 12\nset rmargin 6\nset xlabel 'TOPS / mm2'\nset ylabel 'TOPS / W'\n"
               "set offsets graph .1, graph .22, graph .12, graph .12\nset key bottom left\n"
               "plot $front using 1:2 smooth unique with lines lt 2 title 'Pareto front', "
               "$points using 1:2 with points lt 1 pt 7 ps 1.2 title 'design points', "
               "$points using 1:2:3 with labels left offset .8,.4 notitle\n");
}

int sim_points_plot(cli *c, const sim_points *p, const char *model, const char *path)
{
    char title[160];
    FILE *g = NULL;
    if (p->search)
        snprintf(title, sizeof title, "design points of the search");
    else
        snprintf(title, sizeof title, "sweep of %s, %s mode", p->key, p->n ? p->row[0].mode : "");
    int status = cli_plot_begin(c, path,
                                &(cli_plot){.width = 1000,
                                            .height = p->search ? 700 : 1000,
                                            .rows = p->search ? 1 : 3,
                                            .title = title,
                                            .model = model},
                                &g);
    if (status)
        return status;
    if (p->search)
        draw_search(g, p);
    else
        draw_sweep(g, p);
    return cli_plot_end(c, path, g);
}
