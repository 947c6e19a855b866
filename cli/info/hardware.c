/* info/hardware.c - machines, workloads and mappings of `simulate`. */
#include <string.h>

#include "fdht/hardware.h"
#include "info/info.h"

int info_hardware(cli *c, const info_args *a, cJSON *json)
{
    fdht_sim_hw hw;
    int n, status = fdht_hardware_read(a->path, &hw, &c->err);
    if (status)
        return status;
    const fdht_sim_key *key = fdht_sim_keys(&n);
    cli_json_string(json, "name", hw.name);
    for (int i = 0; i < n; i++) {
        double v = fdht_sim_hw_get(&hw, &key[i]);
        if (key[i].type == FDHT_KEY_BANK)
            cli_json_string(json, key[i].name, fdht_bank_function_name((int)v));
        else
            cli_json_number(json, key[i].name, v);
    }
    cli_json_number(json, "area_mm2", fdht_sim_area_of(&hw).total);
    return FDHT_OK;
}

int info_workload(cli *c, const info_args *a, cJSON *json)
{
    fdht_workload w;
    size_t parameters;
    int status = fdht_workload_read(a->path, &w, &c->err);
    if (status || (status = fdht_workload_parameters(&w, &parameters, &c->err)))
        return status;
    cli_json_string(json, "name", w.name);
    cli_json_size(json, "parameters", parameters);
    cli_json_int(json, "gates", w.gates);
    cli_json_size(json, "steps", w.steps);
    return info_cell(c, &w.cell, json);
}

int info_mapping(cli *c, const info_args *a, cJSON *json)
{
    fdht_sim_program p;
    char order[1024];
    size_t entries = 0;
    int status = fdht_mapping_read(a->path, 0, &p, &c->err);
    if (status)
        return status;
    fdht_program_order(&p, order, sizeof order);
    for (int i = 0; i < p.x.n_stages + p.h.n_stages; i++) {
        const fdht_sim_stage *s = i < p.x.n_stages ? &p.x.stage[i] : &p.h.stage[i - p.x.n_stages];
        entries += s->in.table ? s->in.words : 0;
    }
    cli_json_string(json, "order", order);
    cli_json_int(json, "stages", p.x.n_stages + p.h.n_stages);
    cli_json_size(json, "table_entries", entries);
    fdht_program_free(&p);
    return FDHT_OK;
}

int info_json(cli *c, const info_args *a, const char **kind, info_reader **read)
{
    char schema[64];
    int status = fdht_json_schema(a->path, schema, sizeof schema, &c->err);
    if (status)
        return status;
    static const struct {
        const char *schema, *kind;
        info_reader *read;
    } known[] = {
        {"fdht-hw-", "hardware", info_hardware},
        {"fdht-workload-", "workload", info_workload},
        {"fdht-mapping-", "mapping", info_mapping},
    };
    size_t i = 0, n = sizeof known / sizeof *known;
    while (i < n && strncmp(schema, known[i].schema, strlen(known[i].schema)))
        i++;
    if (i == n)
        return cli_fail(c, FDHT_EFORMAT, "%s: JSON, but neither a machine, a workload nor a mapping",
                        a->path);
    *kind = known[i].kind;
    *read = known[i].read;
    return FDHT_OK;
}
