/* simulate/sweep.c - a table over the values of one key of the machine. */
#include <string.h>

#include "frame/ranks.h"
#include "simulate/rows.h"

/* KEY=V1,V2,.. in two; values is cut by strtok_r. */
static int split(cli *c, const char *arg, char key[64], char values[512])
{
    const char *eq = strchr(arg, '=');
    if (!eq || eq == arg || strlen(arg) >= 512 || eq - arg >= 64)
        return cli_usage(c, "--sweep: expected KEY=V1,V2,.., got '%.40s'", arg);
    snprintf(key, 64, "%.*s", (int)(eq - arg), arg);
    snprintf(values, 512, "%s", eq + 1);
    return FDHT_OK;
}

int sim_check_sweep(cli *c, const sim_args *a, const fdht_sim_hw *hw)
{
    char values[512], key[64], *save = NULL;
    int status = split(c, a->sweep.v[0], key, values);
    for (char *v = status ? NULL : strtok_r(values, ",", &save); v && !status;
         v = strtok_r(NULL, ",", &save)) {
        fdht_sim_hw one = *hw;
        status = fdht_sim_hw_set(&one, key, v, &c->err);
        if (!status)
            status = fdht_sim_hw_check(&one, &c->err);
    }
    return status;
}

typedef struct sweep {
    cli *c;
    const fdht_workload *w;
    const sim_args *a;
    const fdht_sim_hw *hw;
    const char *key, *value[SIM_POINTS];
} sweep;

static int run_point(void *arg, size_t i, sim_row *out)
{
    const sweep *p = arg;
    fdht_sim_hw one = *p->hw;
    sim_result s;
    int status = fdht_sim_hw_set(&one, p->key, p->value[i], &p->c->err);
    if (status || (status = sim_run(p->c, p->w, &p->a->choice, &one, (fdht_sim_mode)p->a->mode, NULL, &s)))
        return status;
    *out = sim_row_of(p->value[i], &s);
    sim_result_free(&s);
    return FDHT_OK;
}

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
              sim_points *points)
{
    char text[512], key[64], *save = NULL;
    sweep p = {.c = c, .w = w, .a = a, .hw = hw, .key = key};
    size_t n = 0;
    int status = split(c, a->sweep.v[0], key, text);
    if (status)
        return status;
    for (char *v = strtok_r(text, ",", &save); v && n < SIM_POINTS; v = strtok_r(NULL, ",", &save))
        p.value[n++] = v;
    memcpy(points->key, key, sizeof points->key);
    if ((status = sim_share(c, n, run_point, &p, points->row)))
        return status;
    points->n = n;
    if (!cli_first_rank(c))
        return FDHT_OK;
    cJSON *list = NULL;
    if (json) {
        cJSON *o = cli_json_object(json, "sweep");
        cli_json_string(o, "key", key);
        list = cli_json_array(o, "points");
    } else
        sim_point_head(key);
    for (size_t i = 0; i < n; i++)
        sim_show_point(p.value[i], &points->row[i], list);
    return FDHT_OK;
}
