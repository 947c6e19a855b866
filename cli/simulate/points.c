/* simulate/points.c - the points of a sweep or of a search: budgets, front, as a table, JSON, CSV and a picture. */
#include "simulate/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame/plot.h"

void sim_points_add(sim_points *p, const char *value, const char *machine, const sim_row *r)
{
    if (p->n == SIM_POINTS)
        return;
    p->row[p->n] = *r;
    snprintf(p->machine[p->n], sizeof p->machine[0], "%s", machine);
    snprintf(p->row[p->n++].name, sizeof r->name, "%s", value);
}

double sim_nj(const fdht_sim_figures *f)
{
    return f->power_mw * f->us_per_step;
}

int sim_parse_budget(cli *c, const sim_args *a, sim_budget *out)
{
    static const char *const name[] = {"us", "mm2", "nj", "mw"};
    double *to[] = {&out->us, &out->mm2, &out->nj, &out->mw};
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < a->budget.n; i++) {
        const char *eq = strchr(a->budget.v[i], '=');
        size_t k = 0, n = eq ? (size_t)(eq - a->budget.v[i]) : 0;
        while (k < 4 && (strncmp(name[k], a->budget.v[i], n) || name[k][n]))
            k++;
        char *end = NULL;
        double v = eq && k < 4 ? strtod(eq + 1, &end) : 0;
        if (!(v > 0) || *end || v > 1e30)
            return cli_usage(c, "--budget: expected us, mm2, nj or mw and a number, as mm2=2.5, got '%.40s'",
                             a->budget.v[i]);
        *to[k] = v;
    }
    return FDHT_OK;
}

static bool within(double v, double most)
{
    return !(most > 0) || v <= most;
}

bool sim_affordable(const sim_points *p, size_t i)
{
    const fdht_sim_figures *f = &p->row[i].f;
    return within(f->us_per_step, p->budget.us) && within(f->area_mm2, p->budget.mm2) &&
           within(sim_nj(f), p->budget.nj) && within(f->power_mw, p->budget.mw);
}

bool sim_pareto(const sim_points *p, size_t i)
{
    const fdht_sim_figures *a = &p->row[i].f;
    for (size_t k = 0; k < p->n; k++) {
        const fdht_sim_figures *b = &p->row[k].f;
        if (!strcmp(p->machine[k], p->machine[i]) && sim_affordable(p, k) &&
            b->us_per_step <= a->us_per_step && b->area_mm2 <= a->area_mm2 && sim_nj(b) <= sim_nj(a) &&
            (b->us_per_step < a->us_per_step || b->area_mm2 < a->area_mm2 || sim_nj(b) < sim_nj(a)))
            return false;
    }
    return sim_affordable(p, i);
}

void sim_points_print(const sim_points *p, const char *title)
{
    printf("\n%s\n    %-40s %9s %9s %8s %8s %7s %7s %6s %8s %9s\n", title, "", "cycles", "us", "nJ", "TOPS",
           "GOPS", "mW", "mm2", "TOPS/mm2", "TOPS/W");
    for (size_t i = 0; i < p->n; i++) {
        const fdht_sim_figures *f = &p->row[i].f;
        printf("  %c %-40s %9.0f %9.3f %8.1f %8.3f %7.1f %7.1f %6.3f %8.3f %9.1f\n",
               sim_pareto(p, i)       ? '*'
               : sim_affordable(p, i) ? ' '
                                      : '-',
               p->row[i].name, f->cycles_per_step, f->us_per_step, sim_nj(f), f->tops_dense, f->gops,
               f->power_mw, f->area_mm2, f->tops_per_mm2, f->tops_per_w);
    }
}

void sim_points_json(const sim_points *p, cJSON *list)
{
    for (size_t i = 0; i < p->n; i++) {
        cJSON *o = cli_json_object(list, NULL);
        cli_json_string(o, "value", p->row[i].name);
        cli_json_string(o, "machine", p->machine[i]);
        sim_row_json(o, &p->row[i]);
        cli_json_number(o, "nj_per_step", sim_nj(&p->row[i].f));
        cli_json_bool(o, "within_budget", sim_affordable(p, i));
        cli_json_bool(o, "front", sim_pareto(p, i));
    }
}

int sim_points_csv(cli *c, const sim_points *p, const char *path)
{
    fdht_out *out = NULL;
    int status = fdht_out_open(path, false, &c->out, &out, &c->err);
    if (status)
        return status;
    FILE *f = fdht_out_stream(out);
    fprintf(f, "key,value,mode,cycles_per_step,us_per_step,tops_dense,gops,power_mw,area_mm2,tops_per_mm2,"
               "tops_per_w,nj_per_step,machine,within_budget,pareto\n");
    for (size_t i = 0; i < p->n; i++) {
        const fdht_sim_figures *v = &p->row[i].f;
        fprintf(f, "%s,\"%s\",%s,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,%.17g,\"%s\",%d,%d\n",
                p->key, p->row[i].name, p->row[i].mode, v->cycles_per_step, v->us_per_step, v->tops_dense,
                v->gops, v->power_mw, v->area_mm2, v->tops_per_mm2, v->tops_per_w, sim_nj(v), p->machine[i],
                sim_affordable(p, i), sim_pareto(p, i));
    }
    return fdht_out_commit(out, &c->err);
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

/* Whether areas want a logarithmic axis. */
static bool far_apart(const sim_points *p)
{
    double least = HUGE_VAL, most = 0;
    for (size_t i = 0; i < p->n; i++) {
        least = fmin(least, p->row[i].f.area_mm2);
        most = fmax(most, p->row[i].f.area_mm2);
    }
    return most > 4 * least;
}

/* The budgets in a picture of area (k 2) or energy (3) against time; power is energy over time. */
static void draw_budget(FILE *g, const sim_budget *b, int k)
{
    static const char style[] = "dashtype 2 linecolor rgb '#808080'";
    const char *title = "title 'budget'";
    double most = k == 2 ? b->mm2 : b->nj;
    if (most > 0)
        fprintf(g, ", %.9g with lines %s %s", most, style, title);
    title = most > 0 ? "notitle" : title;
    if (k == 3 && b->mw > 0)
        fprintf(g, ", %.9g * x with lines %s %s", b->mw, style, title);
}

/* Area against time, and energy against time, of each machine; filled: on its front. */
static void draw_fronts(FILE *g, const sim_points *p)
{
    const char *machine[2] = {p->machine[0], NULL};
    for (size_t i = 0; i < p->n && !machine[1]; i++)
        machine[1] = strcmp(p->machine[i], machine[0]) ? p->machine[i] : NULL;
    for (int m = 0; m < 2 && machine[m]; m++)
        for (int front = 0; front < 2; front++) {
            fprintf(g, "$%s%d << EOD\n", front ? "front" : "points", m);
            for (size_t i = 0; i < p->n; i++)
                if (!strcmp(p->machine[i], machine[m]) && sim_pareto(p, i) == front)
                    fprintf(g, "%.9g %.9g %.9g\n", p->row[i].f.us_per_step, p->row[i].f.area_mm2,
                            sim_nj(&p->row[i].f));
            fprintf(g, "NaN NaN NaN\nEOD\n");
        }
    fprintf(g, "set lmargin 12\nset rmargin 6\nset xlabel 'us a step'\nset logscale x 2\n");
    if (p->budget.us > 0)
        fprintf(g,
                "set arrow from %.9g, graph 0 to %.9g, graph 1 nohead dashtype 2 linecolor rgb '#808080'\n",
                p->budget.us, p->budget.us);
    for (int k = 2; k < 4; k++) {
        double top = 0;
        for (size_t i = 0; i < p->n; i++)
            top = fmax(top, k == 2 ? p->row[i].f.area_mm2 : sim_nj(&p->row[i].f));
        if (k == 2 && far_apart(p))
            fprintf(g, "set logscale y 2\nset yrange [*:*]\n");
        else
            fprintf(g, "unset logscale y\nset yrange [0:%.9g]\n", 1.1 * top);
        fprintf(g, "set ylabel '%s'\nplot ", k == 2 ? "mm2" : "nJ a step");
        for (int m = 0; m < 2 && machine[m]; m++) {
            fprintf(g, "%s$points%d using 1:%d with points lt %d pt 6 title ", m ? ", " : "", m, k, m + 1);
            put_name(g, machine[m]);
            fprintf(g, ", $front%d using 1:%d with points lt %d pt 7 title ", m, k, m + 1);
            char name[64];
            snprintf(name, sizeof name, "%s%s Pareto front", machine[m], "'s");
            put_name(g, name);
        }
        draw_budget(g, &p->budget, k);
        fprintf(g, "\n");
    }
}

int sim_points_plot(cli *c, const sim_points *p, const char *model, const char *path)
{
    char title[320];
    FILE *g = NULL;
    if (p->search)
        snprintf(title, sizeof title, "design points of the search");
    else
        snprintf(title, sizeof title, "sweep of %s, %s mode", p->key, p->n ? p->row[0].mode : "");
    bool fronts = p->search || strchr(p->key, ' ');
    int status = cli_plot_begin(
        c, path,
        &(cli_plot){.width = 1000, .height = 1000, .rows = fronts ? 2 : 3, .title = title, .model = model},
        &g);
    if (status)
        return status;
    if (fronts)
        draw_fronts(g, p);
    else
        draw_sweep(g, p);
    return cli_plot_end(c, path, g);
}
