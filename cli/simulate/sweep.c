/* simulate/sweep.c - a table over the values of keys of the machine. */
#include <stdlib.h>

#include "frame/ranks.h"
#include "simulate/rows.h"

typedef struct sweep {
    cli *c;
    const fdht_workload *w;
    const sim_args *a;
    const fdht_sim_hw *hw;
    const sim_grid *g;
} sweep;

static int run_point(void *arg, size_t i, sim_row *out)
{
    const sweep *p = arg;
    fdht_sim_hw one = *p->hw;
    char name[256];
    sim_result s;
    int status = sim_grid_point(p->c, p->g, i, &one, name, sizeof name);
    if (status || (status = sim_run(p->c, p->w, &p->a->choice, &one, (fdht_sim_mode)p->a->mode, NULL, &s)))
        return status;
    *out = sim_row_of(name, &s);
    sim_result_free(&s);
    return FDHT_OK;
}

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
              sim_points *points)
{
    sim_grid *g = cli_calloc(1, sizeof *g);
    sim_row *row = cli_calloc(SIM_POINTS, sizeof *row);
    sweep p = {.c = c, .w = w, .a = a, .hw = hw, .g = g};
    int status = sim_grid_open(c, a, g);
    snprintf(points->key, sizeof points->key, "%s", g->keys);
    if (status || (status = sim_share(c, g->size, run_point, &p, row)) || !cli_first_rank(c))
        goto out;
    for (size_t i = 0; i < g->size; i++)
        sim_points_add(points, row[i].name, hw->name, &row[i]);
    if (json) {
        cJSON *o = cli_json_object(json, "sweep");
        cli_json_string(o, "key", g->keys);
        sim_points_json(points, cli_json_array(o, "points"));
    } else
        sim_points_print(points, g->keys);
out:
    free(row);
    free(g);
    return status;
}
