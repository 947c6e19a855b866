/* simulate/load.c - what the arguments name: the machine with its changes, and the workload. */
#include <string.h>

#include "fdht/modelfile.h"
#include "fdht/preset.h"
#include "simulate/simulate.h"

int sim_load_machine(cli *c, const sim_args *a, fdht_hardware *m)
{
    int status = fdht_hardware_open(a->arch, m, &c->err);
    for (size_t i = 0; i < a->set.n && !status; i++) {
        char key[64];
        const char *eq = strchr(a->set.v[i], '=');
        if (!eq || eq == a->set.v[i] || (size_t)(eq - a->set.v[i]) >= sizeof key)
            return cli_usage(c, "--set: expected KEY=VALUE, got '%.40s'", a->set.v[i]);
        memcpy(key, a->set.v[i], (size_t)(eq - a->set.v[i]));
        key[eq - a->set.v[i]] = 0;
        status = fdht_hardware_set(m, key, eq + 1, &c->err);
    }
    return status ? status : fdht_sim_hw_check(&m->hw, &c->err);
}

static int load_preset(cli *c, const sim_args *a, fdht_workload *w)
{
    fdht_preset p;
    int status = fdht_preset_get(a->preset, &p, &c->err);
    if (status)
        return status;
    if (p.layer || p.cell.kind == FDHT_CELL_DENSE)
        return p.layer ? fdht_workload_matrix(p.name, &p.cell.op, 1, 1, w, &c->err)
                       : cli_fail(c, FDHT_ENOSUP, "%s: a dense cell has no stages to simulate", p.name);
    *w = (fdht_workload){.gates = 4, .steps = 6, .lstm = true, .cell = p.cell};
    snprintf(w->name, sizeof w->name, "%s", p.name);
    if (p.cell.kind != FDHT_CELL_FDHT)
        memcpy(w->cell.x.size, p.cell.op.in, sizeof w->cell.x.size);
    return FDHT_OK;
}

int sim_load_workload(cli *c, const sim_args *a, fdht_workload *w, fdht_model **model)
{
    fdht_file_kind kind;
    int status = a->preset ? load_preset(c, a, w) : fdht_file_identify(a->path, &kind, &c->err);
    if (!status && !a->preset && kind == FDHT_FILE_JSON)
        status = fdht_workload_read(a->path, w, &c->err);
    else if (!status && !a->preset && (kind == FDHT_FILE_MODEL || kind == FDHT_FILE_HDF5)) {
        status = fdht_modelfile_read(a->path, model, NULL, NULL, &c->err);
        if (!status)
            status = fdht_model_workload(*model, 6, w, &c->err);
    } else if (!status && !a->preset)
        status = cli_fail(c, FDHT_EFORMAT, "%s: %s: expected a model or a workload", a->path,
                          fdht_file_kind_name(kind));
    if (!status && a->steps)
        w->steps = a->steps;
    if (!status && a->input && !*model)
        status = cli_usage(c, "--input needs a MODEL.h5");
    return status;
}

int sim_load_mapping(cli *c, sim_args *a, const fdht_sim_hw *hw)
{
    if (!a->mapping_in)
        return FDHT_OK;
    int status = fdht_mapping_read(a->mapping_in, hw->x_banks, &a->given, &c->err);
    a->choice = (fdht_order_choice){.kind = FDHT_ORDER_GIVEN, .given = &a->given};
    return status;
}
