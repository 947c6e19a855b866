/* simulate/rivals.c - the workloads that a comparison runs next to the one at hand. */
#include <string.h>

#include "simulate/rows.h"

/* The rival: a tensor train of ranks 4 over the same pixels and hidden units, one gate or four. */
int sim_rival(cli *c, const fdht_workload *w, int gates, fdht_workload *out)
{
    fdht_op_spec s = {.format = FDHT_TT, .d = w->cell.op.d};
    for (int k = 0; k < s.d; k++) {
        s.in[k] = w->cell.x.size[k];
        s.out[k] = w->cell.op.out[k];
    }
    int k = 0; /* the mode that carries the gates */
    while (k + 1 < s.d && s.out[k] == 1)
        k++;
    if (w->gates == 4 && gates == 1)
        s.out[k] /= 4;
    if (w->gates == 1 && gates == 4)
        s.out[k] *= 4;
    fdht_op_spec_set_rank(&s, 4);
    return fdht_workload_matrix(gates == 4 ? "TT r4, four gates" : "TT r4, one gate", &s, gates, 1, out,
                                &c->err);
}

/* The same with a dense hidden matrix and the LSTM unit: what a TT-LSTM takes as a whole. */
fdht_workload sim_whole_rival(const fdht_workload *tt, size_t steps)
{
    fdht_workload w = *tt;
    w.lstm = true;
    w.steps = steps;
    w.cell.kind = FDHT_CELL_TT;
    w.cell.bias = true;
    return w;
}

fdht_workload sim_joined(const fdht_workload *w)
{
    fdht_workload g = *w;
    g.lstm = false;
    memset(&g.cell.x, 0, sizeof g.cell.x);
    memcpy(g.cell.x.size, g.cell.op.in, sizeof g.cell.x.size);
    g.cell.inputs = w->cell.inputs + w->cell.hidden;
    return g;
}

fdht_workload sim_one_gate(const fdht_workload *w)
{
    fdht_workload g = sim_joined(w);
    g.gates = 1;
    g.steps = 1;
    g.cell.op.out[0] /= 4;
    return g;
}
