/* stage_weights.c - the weights of a stage: the cores of its group contracted with each other, in double,
 * by the plainest method. */
#include <string.h>

#include "accel/fixed.h"

typedef struct small {
    int n;
    int leg[FDHT_MAX_LEGS];
    double *v; /* row-major over leg */
} small;

static size_t size_of(const fdht_legs *l, const small *t)
{
    size_t p = 1;
    for (int i = 0; i < t->n; i++)
        p *= l->extent[t->leg[i]];
    return p;
}

static bool has(const small *t, int leg)
{
    for (int i = 0; i < t->n; i++)
        if (t->leg[i] == leg)
            return true;
    return false;
}

static size_t stride_of(const fdht_legs *l, const small *t, int leg)
{
    size_t s = 1;
    for (int i = t->n - 1; i >= 0; i--) {
        if (t->leg[i] == leg)
            return s;
        s *= l->extent[t->leg[i]];
    }
    return 0;
}

/* The core's values inside the box, extents of 1 dropped, the gate split off. */
static int take_core(const fdht_legs *l, const fdht_box *box, const float *params, int c, small *out,
                     fdht_error *err)
{
    const fdht_core_desc *core = &l->op->core[c];
    int d = l->op->spec.d;
    memset(out, 0, sizeof *out);
    size_t size = 1, index[2 * FDHT_MAX_MODES] = {0}, extent[2 * FDHT_MAX_MODES] = {0},
           from[2 * FDHT_MAX_MODES] = {0};
    for (int i = 0; i < core->info.order; i++) {
        int leg = core->leg[i];
        extent[i] = core->info.dim[i];
        if (leg < d && box) {
            extent[i] = box->size[leg];
            from[i] = box->corner[leg];
        }
        size *= extent[i];
        if (leg == l->gate_leg)
            out->leg[out->n++] = FDHT_LEG_GATE;
        if (l->extent[leg] > 1)
            out->leg[out->n++] = leg;
    }
    out->v = fdht_calloc_err(size, sizeof *out->v, "weights", err);
    if (!out->v)
        return FDHT_ENOMEM;
    for (size_t at = 0; at < size; at++) {
        size_t source = 0;
        for (int i = 0; i < core->info.order; i++)
            source = source * core->info.dim[i] + from[i] + index[i];
        out->v[at] = params[core->info.offset + source];
        for (int i = core->info.order - 1; i >= 0 && ++index[i] == extent[i]; i--)
            index[i] = 0;
    }
    return FDHT_OK;
}

/* out = a contracted with b over the legs they share. */
static int contract(const fdht_legs *l, const small *a, const small *b, small *out, fdht_error *err)
{
    memset(out, 0, sizeof *out);
    int loop[FDHT_MAX_LEGS], n = 0;
    for (int i = 0; i < a->n; i++)
        if (!has(b, a->leg[i]))
            out->leg[out->n++] = a->leg[i];
    for (int i = 0; i < b->n; i++)
        if (!has(a, b->leg[i]))
            out->leg[out->n++] = b->leg[i];
    memcpy(loop, out->leg, (size_t)out->n * sizeof *loop);
    n = out->n;
    for (int i = 0; i < a->n; i++)
        if (has(b, a->leg[i]))
            loop[n++] = a->leg[i];
    size_t total = 1, index[FDHT_MAX_LEGS] = {0}, sa[FDHT_MAX_LEGS], sb[FDHT_MAX_LEGS], so[FDHT_MAX_LEGS];
    for (int i = 0; i < n; i++) {
        total *= l->extent[loop[i]];
        sa[i] = stride_of(l, a, loop[i]);
        sb[i] = stride_of(l, b, loop[i]);
        so[i] = stride_of(l, out, loop[i]);
    }
    out->v = fdht_calloc_err(size_of(l, out), sizeof *out->v, "merged weights", err);
    if (!out->v)
        return FDHT_ENOMEM;
    size_t at = 0, bt = 0, ot = 0;
    for (size_t step = 0; step < total; step++) {
        out->v[ot] += a->v[at] * b->v[bt];
        for (int i = n - 1; i >= 0; i--) {
            at += sa[i];
            bt += sb[i];
            ot += so[i];
            size_t extent = l->extent[loop[i]];
            if (++index[i] < extent)
                break;
            index[i] = 0;
            at -= sa[i] * extent;
            bt -= sb[i] * extent;
            ot -= so[i] * extent;
        }
    }
    return FDHT_OK;
}

/* Values in the order of the stage: row legs, then inner legs. */
static void arrange(const fdht_legs *l, const small *t, const fdht_sim_stage *s, double scale, float *out)
{
    size_t stride[2 * FDHT_SIM_MAX_LEGS], extent[2 * FDHT_SIM_MAX_LEGS] = {0},
                                                     index[2 * FDHT_SIM_MAX_LEGS] = {0};
    int n = s->n_row + s->n_inner;
    for (int i = 0; i < n; i++) {
        const fdht_sim_leg *leg = i < s->n_row ? &s->row[i] : &s->inner[i - s->n_row];
        stride[i] = stride_of(l, t, leg->id);
        extent[i] = leg->extent;
    }
    size_t total = size_of(l, t);
    for (size_t at = 0; at < total; at++) {
        size_t from = 0;
        for (int i = 0; i < n; i++)
            from += index[i] * stride[i];
        out[at] = (float)(scale * t->v[from]);
        for (int i = n - 1; i >= 0 && ++index[i] == extent[i]; i--)
            index[i] = 0;
    }
}

int fdht_merge_group(const fdht_legs *l, const fdht_box *box, const float *params, uint32_t group,
                     const fdht_sim_stage *s, double scale, float *out, fdht_error *err)
{
    small sum = {0}, core = {0}, next = {0};
    int status = FDHT_OK;
    for (; group && !status; group &= group - 1) {
        int c = __builtin_ctz(group);
        if ((status = take_core(l, box, params, c, &core, err)))
            break;
        if (sum.v) {
            status = contract(l, &sum, &core, &next, err);
            fdht_free(sum.v);
            fdht_free(core.v);
            sum = next;
        } else {
            sum = core;
        }
    }
    if (!status && sum.v)
        arrange(l, &sum, s, scale, out);
    fdht_free(sum.v);
    return status;
}
