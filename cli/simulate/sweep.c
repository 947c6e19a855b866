/* simulate/sweep.c - a table over the values of one key of the machine. */
#include <string.h>

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

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json,
              sim_points *points)
{
    char text[512], key[64];
    int status = split(c, a->sweep.v[0], key, text);
    if (status)
        return status;
    cJSON *list = NULL;
    memcpy(points->key, key, sizeof points->key);
    if (json) {
        cJSON *o = cli_json_object(json, "sweep");
        cli_json_string(o, "key", key);
        list = cli_json_array(o, "points");
    } else
        sim_point_head(key);
    char *save = NULL;
    for (char *v = strtok_r(text, ",", &save); v; v = strtok_r(NULL, ",", &save)) {
        fdht_sim_hw one = *hw;
        sim_result s;
        if ((status = fdht_sim_hw_set(&one, key, v, &c->err)) ||
            (status = sim_run(c, w, &a->choice, &one, (fdht_sim_mode)a->mode, NULL, &s)))
            return status;
        sim_row r = sim_row_of(v, &s);
        sim_result_free(&s);
        sim_show_point(v, &r, list);
        sim_points_add(points, v, &r);
    }
    return FDHT_OK;
}
