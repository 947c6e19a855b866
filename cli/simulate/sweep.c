/* simulate/sweep.c - a table over the values of keys of the machine. */
#include <stdlib.h>
#include <string.h>

#include "frame/signals.h"
#include "simulate/rows.h"

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
              sim_points *points)
{
    sim_grid *g = cli_calloc(1, sizeof *g);
    char name[256];
    int status = sim_grid_open(c, a, g);
    snprintf(points->key, sizeof points->key, "%s", g->keys);
    for (size_t i = 0; i < g->size && !status; i++) {
        fdht_sim_hw one = *hw;
        sim_result s;
        if ((status = sim_grid_point(c, g, i, &one, name, sizeof name)) ||
            (status = sim_run(c, w, &a->choice, &one, (fdht_sim_mode)a->mode, NULL, &s)))
            break;
        sim_row r = sim_row_of(name, &s);
        sim_result_free(&s);
        sim_points_add(points, name, one.name, &r);
        status = cli_interrupted() ? FDHT_EINTR : FDHT_OK;
    }
    if (!status && json) {
        cJSON *o = cli_json_object(json, "sweep");
        cli_json_string(o, "key", g->keys);
        sim_points_json(points, cli_json_array(o, "points"));
    } else if (!status)
        sim_points_print(points, g->keys);
    free(g);
    return status;
}
