/* tensor/reference.c - the naive reference: the dense matrix of an operator, in double, by contracting core after core with loops
 * over every index. Shares no code with the planner or the executor, so that it can judge them. */
#include <string.h>

#include "tensor/network.h"

typedef struct full {
    int n, leg[FDHT_MAX_LEGS];
    size_t size;
    double *value;
} full;

static int find(const full *t, int leg)
{
    for (int i = 0; i < t->n; i++)
        if (t->leg[i] == leg)
            return i;
    return -1;
}

/* Row-major offset in t of the index that `at` gives to every leg. */
static size_t offset(const fdht_op *op, const full *t, const size_t *at)
{
    size_t o = 0;
    for (int i = 0; i < t->n; i++)
        o = o * op->leg_dim[t->leg[i]] + at[t->leg[i]];
    return o;
}

/* *a = a contracted with core over the legs they share; a->value is replaced. */
static int absorb(const fdht_op *op, full *a, const full *core, fdht_error *err)
{
    full c = {.size = 1};
    int sum[FDHT_MAX_LEGS], n_sum = 0;
    for (int i = 0; i < a->n; i++)
        if (find(core, a->leg[i]) < 0)
            c.leg[c.n++] = a->leg[i];
        else
            sum[n_sum++] = a->leg[i];
    for (int i = 0; i < core->n; i++)
        if (find(a, core->leg[i]) < 0)
            c.leg[c.n++] = core->leg[i];
    for (int i = 0; i < c.n; i++)
        if (!fdht_mul(c.size, op->leg_dim[c.leg[i]], &c.size))
            return fdht_fail(err, FDHT_ENOMEM, "operator: its dense form overflows");
    c.value = fdht_calloc_err(c.size, sizeof *c.value, "dense operator", err);
    if (!c.value)
        return FDHT_ENOMEM;
    size_t terms = 1, at[FDHT_MAX_LEGS] = {0};
    for (int i = 0; i < n_sum; i++)
        terms *= op->leg_dim[sum[i]];
    for (size_t o = 0; o < c.size; o++) {
        size_t rest = o;
        for (int i = c.n; i-- > 0; rest /= op->leg_dim[c.leg[i]])
            at[c.leg[i]] = rest % op->leg_dim[c.leg[i]];
        for (size_t s = 0; s < terms; s++) {
            rest = s;
            for (int i = 0; i < n_sum; rest /= op->leg_dim[sum[i]], i++)
                at[sum[i]] = rest % op->leg_dim[sum[i]];
            c.value[o] += a->value[offset(op, a, at)] * core->value[offset(op, core, at)];
        }
    }
    fdht_free(a->value);
    *a = c;
    return FDHT_OK;
}

/* W += the term's tensor, its legs put in the order of the matrix. */
static void add_term(const fdht_op *op, const full *t, double *W)
{
    size_t at[FDHT_MAX_LEGS] = {0};
    int d = op->spec.d;
    for (size_t row = 0; row < op->outputs; row++)
        for (size_t col = 0; col < op->inputs; col++) {
            size_t r = row, c = col;
            for (int k = d; k-- > 0; r /= op->spec.out[k], c /= op->spec.in[k]) {
                at[fdht_leg_out(op, k)] = r % op->spec.out[k];
                at[fdht_leg_in(op, k)] = c % op->spec.in[k];
            }
            W[row * op->inputs + col] += t->value[offset(op, t, at)];
        }
}

int fdht_op_dense(const fdht_op *op, const double *params, double *W, fdht_error *err)
{
    full t = {0};
    int status = FDHT_OK;
    memset(W, 0, op->inputs * op->outputs * sizeof *W);
    for (int term = 0; term < op->n_terms; term++) {
        t = (full){.size = 1, .value = fdht_calloc_err(1, sizeof *t.value, "dense operator", err)};
        if (!t.value)
            return FDHT_ENOMEM;
        t.value[0] = 1;
        for (int i = 0; i < op->cores_per_term; i++) {
            const fdht_core_desc *c = &op->core[term * op->cores_per_term + i];
            full core = {.n = c->info.order, .size = c->info.size};
            memcpy(core.leg, c->leg, sizeof c->leg);
            core.value = (double *)params + c->info.offset; /* only read */
            status = absorb(op, &t, &core, err);
            if (status)
                goto out;
        }
        add_term(op, &t, W);
        fdht_free(t.value);
        t.value = NULL;
    }
out:
    fdht_free(t.value);
    return status;
}
