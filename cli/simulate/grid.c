/* simulate/grid.c - the product of the values of several keys, from --sweep. */
#include <stdlib.h>
#include <string.h>

#include "simulate/rows.h"

/* KEY=V1,V2,.. into a key and its values. */
static int take_key(cli *c, const char *arg, sim_grid *g)
{
    const char *eq = strchr(arg, '=');
    if (!eq || eq == arg || strlen(arg) >= sizeof g->text[0] || eq - arg >= (ptrdiff_t)sizeof g->key[0])
        return cli_usage(c, "--sweep: expected KEY=V1,V2,.., got '%.40s'", arg);
    if (g->n == SIM_GRID_KEYS)
        return cli_usage(c, "--sweep: at most %d keys", SIM_GRID_KEYS);
    int k = g->n++;
    char *save = NULL;
    snprintf(g->key[k], sizeof g->key[k], "%.*s", (int)(eq - arg), arg);
    snprintf(g->text[k], sizeof g->text[k], "%s", eq + 1);
    for (int i = 0; i < k; i++)
        if (!strcmp(g->key[i], g->key[k]))
            return cli_usage(c, "--sweep: %s stands twice", g->key[k]);
    for (char *v = strtok_r(g->text[k], ",", &save); v; v = strtok_r(NULL, ",", &save)) {
        if (g->n_values[k] == SIM_POINTS)
            return cli_usage(c, "--sweep: %s: at most %d values", g->key[k], SIM_POINTS);
        g->value[k][g->n_values[k]++] = v;
    }
    g->size *= g->n_values[k];
    if (!g->size)
        return cli_usage(c, "--sweep: %s: no values", g->key[k]);
    return g->size > SIM_POINTS ? cli_usage(c, "--sweep: more than %d points", SIM_POINTS) : FDHT_OK;
}

int sim_grid_open(cli *c, const sim_args *a, sim_grid *g)
{
    int status = FDHT_OK;
    memset(g, 0, sizeof *g);
    g->size = 1;
    for (size_t i = 0; i < a->sweep.n && !status; i++)
        status = take_key(c, a->sweep.v[i], g);
    for (int k = 0; k < g->n; k++)
        snprintf(g->keys + strlen(g->keys), sizeof g->keys - strlen(g->keys), "%s%s", k ? " " : "",
                 g->key[k]);
    return status;
}

int sim_grid_point(cli *c, const sim_grid *g, size_t i, fdht_sim_hw *hw, char *name, size_t size)
{
    size_t at = 0, left = g->size;
    int status = FDHT_OK;
    for (int k = 0; k < g->n && !status; k++) {
        left /= g->n_values[k];
        const char *v = g->value[k][i / left % g->n_values[k]];
        status = fdht_sim_hw_set(hw, g->key[k], v, &c->err);
        at += (size_t)snprintf(name + (at < size ? at : size - 1), at < size ? size - at : 1, "%s%s%s%s",
                               k ? " " : "", g->n > 1 ? g->key[k] : "", g->n > 1 ? "=" : "", v);
    }
    return status ? status : fdht_sim_hw_check(hw, &c->err);
}

int sim_check_sweep(cli *c, const sim_args *a, const fdht_sim_hw *hw)
{
    sim_grid *g = cli_calloc(1, sizeof *g);
    char name[256];
    int status = sim_grid_open(c, a, g);
    for (size_t i = 0; i < g->size && !status; i++) {
        fdht_sim_hw one = *hw;
        status = sim_grid_point(c, g, i, &one, name, sizeof name);
    }
    free(g);
    return status;
}
