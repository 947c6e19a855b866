/* tensor/slices.c - the lane form of a plan: loops over legs of the input, and what each step does within them (lib/README.md
 * section 4.4). */
#include <string.h>

#include "tensor/plan.h"

enum {
    SLICE = 1024,      /* numbers of the input in a slice are as few as this, where the legs allow it .. */
    RUN = 128,         /* .. in runs of at least so many neighbours; */
    FULL_SLICE = 1536, /* then a slice takes as many indices of the innermost loop as stay within this */
};

/* The step that sums a leg of the input. */
static int summed_by(const fdht_plan *p, int leg)
{
    for (int i = 0; i < p->n_steps; i++)
        if (p->weight[p->step[i].weight].legs >> leg & 1)
            return i;
    return p->n_steps;
}

/* Put a leg where its loop belongs: the longer it lives, the further out; of equals, those before it are. */
static void add_loop(fdht_nest *l, int leg, int steps, const size_t *extent)
{
    int at = l->loops++;
    for (; at > 0 && l->steps[at - 1] < steps; at--) {
        l->leg[at] = l->leg[at - 1];
        l->steps[at] = l->steps[at - 1];
    }
    l->leg[at] = leg;
    l->steps[at] = steps;
    for (int i = 0; i < l->loops; i++)
        l->extent[i] = extent[l->leg[i]];
}

void fdht_slices_choose(const fdht_op *op, const size_t *extent, fdht_plan *p)
{
    size_t slice = p->input_size, run = p->input_size;
    p->nest.loops = 0;
    for (int leg = 0; leg < op->spec.d && slice > SLICE; leg++) {
        run /= extent[leg];
        if (run < RUN)
            break;
        int step = summed_by(p, leg);
        if (extent[leg] == 1 || step == 0)
            continue;
        add_loop(&p->nest, leg, FDHT_MIN(step + 1, p->n_steps), extent);
        slice /= extent[leg];
    }
    p->nest.chunk = 1;
    if (p->nest.loops) {
        size_t *rounds = &p->nest.extent[p->nest.loops - 1], all = *rounds;
        for (size_t c = 2; c < all && c * slice <= FULL_SLICE; c++)
            if (all % c == 0)
                p->nest.chunk = c;
        *rounds = all / p->nest.chunk;
    }
    for (int i = 0; i < p->n_steps; i++) {
        fdht_slice *s = &p->step[i].slice;
        s->loops = s->summed = 0;
        for (int j = 0; j < p->nest.loops; j++) {
            s->loops += p->nest.steps[j] > i;
            s->summed += p->nest.steps[j] == i + 1;
        }
    }
}

size_t fdht_slices_weight(const fdht_plan *p, int step, const size_t *index)
{
    const fdht_slice *s = &p->step[step].slice;
    size_t at = 0;
    for (int j = s->loops - s->summed; j < s->loops; j++)
        at = at * p->nest.extent[j] + index[j];
    return at;
}

typedef struct leg_list {
    int n, leg[FDHT_MAX_LEGS];
} leg_list;

/* Whether one of the first loops goes over a leg, so that a slice has no part of it. */
static bool is_loop(const fdht_plan *p, int loops, int leg)
{
    for (int j = 0; j < loops; j++)
        if (p->nest.leg[j] == leg && (j < p->nest.loops - 1 || p->nest.chunk == 1))
            return true;
    return false;
}

/* From one index of a leg to the next in a slice of row-major legs; 0 for a leg it has not. */
static size_t stride_in(const leg_list *l, int leg, const size_t *extent)
{
    size_t stride = 1;
    for (int i = l->n; i-- > 0; stride *= extent[l->leg[i]])
        if (l->leg[i] == leg)
            return stride;
    return 0;
}

/* Where every index over `legs`, row-major, is in a tensor of legs `in`, of extents `whole`. */
static uint32_t *places(const leg_list *legs, const leg_list *in, const size_t *extent, const size_t *whole,
                        size_t *n, fdht_error *err)
{
    *n = 1;
    for (int i = 0; i < legs->n; i++)
        *n *= extent[legs->leg[i]];
    uint32_t *table = fdht_calloc_err(*n, sizeof *table, "plan", err);
    for (size_t i = 0; table && i < *n; i++) {
        size_t rest = i, at = 0;
        for (int j = legs->n; j-- > 0; rest /= extent[legs->leg[j]])
            at += rest % extent[legs->leg[j]] * stride_in(in, legs->leg[j], whole);
        table[i] = (uint32_t)at;
    }
    return table;
}

/* The tables of step i; legs: those of a slice of the activation before, become those of the one after. */
static int make_step(fdht_plan *p, int i, const size_t *extent, leg_list *legs, fdht_error *err)
{
    const fdht_step *t = &p->step[i];
    fdht_slice *s = &p->step[i].slice;
    leg_list kept = {0}, sums = {0}, after = {0};
    size_t n;
    uint64_t weight = p->weight[t->weight].legs;
    for (int j = 0; j < legs->n; j++)
        if (!(weight >> legs->leg[j] & 1))
            kept.leg[kept.n++] = legs->leg[j];
    for (int j = 0; j < t->n_k_legs; j++)
        if (!is_loop(p, s->loops, t->k_leg[j]))
            sums.leg[sums.n++] = t->k_leg[j];
    after = kept;
    for (int j = 0; j < t->n_n_legs; j++)
        after.leg[after.n++] = t->n_leg[j];
    s->size = 1;
    for (int j = 0; j < legs->n; j++)
        s->size *= extent[legs->leg[j]];
    s->in = places(&kept, legs, extent, extent, &s->positions, err);
    s->out = places(&kept, &after, extent, extent, &n, err);
    s->sum = places(&sums, legs, extent, extent, &s->sums, err);
    *legs = after;
    return s->in && s->out && s->sum ? FDHT_OK : FDHT_ENOMEM;
}

/* Where the runs of a slice of the input begin. extent: of a slice; whole: of the input. */
static int make_runs(const fdht_op *op, const size_t *extent, const size_t *whole, fdht_plan *p,
                     fdht_error *err)
{
    fdht_nest *l = &p->nest;
    leg_list input = {0}, before = {0};
    int last = -1;
    for (int j = 0; j < l->loops; j++)
        last = FDHT_MAX(last, l->leg[j]);
    l->run = 1;
    for (int leg = 0; leg < op->spec.d; leg++) {
        input.leg[input.n++] = leg;
        if (is_loop(p, l->loops, leg))
            continue;
        if (leg >= last)
            l->run *= extent[leg];
        else
            before.leg[before.n++] = leg;
    }
    for (int j = 0; j < l->loops; j++)
        l->stride[j] = stride_in(&input, l->leg[j], whole) * (j == l->loops - 1 ? l->chunk : 1);
    l->run_at = places(&before, &input, extent, whole, &l->runs, err);
    return l->run_at ? FDHT_OK : FDHT_ENOMEM;
}

int fdht_slices_make(const fdht_op *op, const size_t *whole, fdht_plan *p, fdht_error *err)
{
    fdht_nest *l = &p->nest;
    leg_list legs = {0}, sorted = {0};
    size_t widest = 1, n, extent[FDHT_MAX_LEGS];
    memcpy(extent, whole, sizeof extent);
    if (l->loops)
        extent[l->leg[l->loops - 1]] = l->chunk;
    int status = make_runs(op, extent, whole, p, err);
    for (int leg = 0; leg < op->spec.d; leg++)
        if (extent[leg] > 1 && !is_loop(p, l->loops, leg))
            legs.leg[legs.n++] = leg;
    for (int i = 0; i < p->n_steps && !status; i++) {
        status = make_step(p, i, extent, &legs, err);
        widest = FDHT_MAX(widest, p->step[i].n);
    }
    if (status)
        return status;
    l->ramp = fdht_calloc_err(widest, sizeof *l->ramp, "plan", err);
    if (!l->ramp)
        return FDHT_ENOMEM;
    for (size_t i = 0; i < widest; i++)
        l->ramp[i] = (uint32_t)i;
    bool natural = true;
    for (int i = 0; i < legs.n; i++) {
        int j = sorted.n++;
        for (; j > 0 && sorted.leg[j - 1] > legs.leg[i]; j--)
            sorted.leg[j] = sorted.leg[j - 1];
        natural = natural && j == i;
        sorted.leg[j] = legs.leg[i];
    }
    if (natural)
        return FDHT_OK;
    l->natural = places(&sorted, &legs, extent, extent, &n, err);
    return l->natural ? FDHT_OK : FDHT_ENOMEM;
}

void fdht_slices_clear(fdht_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        fdht_free(p->step[i].slice.in);
        fdht_free(p->step[i].slice.out);
        fdht_free(p->step[i].slice.sum);
    }
    fdht_free(p->nest.run_at);
    fdht_free(p->nest.ramp);
    fdht_free(p->nest.natural);
}
