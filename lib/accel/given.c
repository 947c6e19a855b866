/* given.c - an order and an order of legs that somebody made: taken from the names in a program's stages. */
#include <string.h>

#include "accel/legs.h"

/* The cores that a stage's name joins by '*'. */
static int group_of(const fdht_op *op, const char *name, uint32_t *group, fdht_error *err)
{
    *group = 0;
    for (const char *at = name; *at;) {
        size_t n = strcspn(at, "*");
        int c = 0;
        while (c < op->n_cores && (strncmp(op->core[c].info.name, at, n) || op->core[c].info.name[n]))
            c++;
        if (c == op->n_cores || *group >> c & 1)
            return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: core %.*s %s", name, (int)n, at,
                             c == op->n_cores ? "is none of the operator's" : "stands twice");
        *group |= 1u << c;
        at += n + (at[n] == '*');
    }
    return *group ? FDHT_OK : fdht_fail(err, FDHT_EINVAL, "mapping: a stage without cores");
}

int fdht_order_given(const fdht_op *op, const fdht_sim_chain *given, fdht_order *out, fdht_error *err)
{
    fdht_order o = {0};
    uint32_t done = 0;
    if (op->n_cores > FDHT_MAX_ORDER_CORES || given->n_stages < 1 || given->n_stages > op->n_cores)
        return fdht_fail(err, FDHT_EINVAL, "mapping: %d stages for %d cores", given->n_stages, op->n_cores);
    for (o.n = 0; o.n < given->n_stages; o.n++) {
        int status = group_of(op, given->stage[o.n].name, &o.group[o.n], err);
        if (status)
            return status;
        if (done & o.group[o.n])
            return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: a core of an earlier stage",
                             given->stage[o.n].name);
        done |= o.group[o.n];
    }
    *out = o;
    return FDHT_OK;
}

static int arrange(fdht_sim_leg *leg, int n, const fdht_sim_leg *given, int n_given, const char *what,
                   const char *stage, fdht_error *err)
{
    fdht_sim_leg to[FDHT_SIM_MAX_LEGS];
    uint32_t taken = 0;
    for (int i = 0; i < n_given && i < n; i++) {
        int k = 0;
        while (k < n && strcmp(leg[k].name, given[i].name))
            k++;
        if (k == n || taken >> k & 1)
            return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: %s: leg %s %s", stage, what, given[i].name,
                             k == n ? "is not there" : "stands twice");
        taken |= 1u << k;
        to[i] = leg[k];
    }
    if (n != n_given)
        return fdht_fail(err, FDHT_EINVAL, "mapping: stage %s: %s: %d legs, expected %d", stage, what,
                         n_given, n);
    memcpy(leg, to, (size_t)n * sizeof *leg);
    return FDHT_OK;
}

int fdht_chain_arrange(fdht_sim_chain *c, const fdht_sim_chain *given, fdht_error *err)
{
    int status = FDHT_OK;
    for (int i = 0; i < c->n_stages && i < given->n_stages && !status; i++) {
        fdht_sim_stage *s = &c->stage[i];
        const fdht_sim_stage *g = &given->stage[i];
        if ((status = arrange(s->row, s->n_row, g->row, g->n_row, "rows", s->name, err)) ||
            (status = arrange(s->inner, s->n_inner, g->inner, g->n_inner, "inner", s->name, err)))
            return status;
        status = arrange(s->col, s->n_col, g->col, g->n_col, "columns", s->name, err);
    }
    return status;
}
