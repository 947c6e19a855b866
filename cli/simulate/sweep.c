/* simulate/sweep.c - a table over the values of one key of the machine. */
#include <string.h>

#include "simulate/rows.h"

int sim_sweep(cli *c, const fdht_workload *w, const sim_args *a, const fdht_sim_hw *hw, cJSON *json)
{
    char text[512], key[64];
    const char *eq = strchr(a->sweep.v[0], '=');
    if (!eq || eq == a->sweep.v[0] || strlen(a->sweep.v[0]) >= sizeof text ||
        (size_t)(eq - a->sweep.v[0]) >= sizeof key)
        return cli_usage(c, "--sweep: expected KEY=V1,V2,.., got '%.40s'", a->sweep.v[0]);
    snprintf(key, sizeof key, "%.*s", (int)(eq - a->sweep.v[0]), a->sweep.v[0]);
    snprintf(text, sizeof text, "%s", eq + 1);
    cJSON *list = NULL;
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
        int status = fdht_sim_hw_set(&one, key, v, &c->err);
        if (status || (status = sim_run(c, w, &a->choice, &one, (fdht_sim_mode)a->mode, NULL, &s)))
            return status;
        sim_row r = sim_row_of(v, &s);
        sim_result_free(&s);
        sim_show_point(v, &r, list);
    }
    return FDHT_OK;
}
