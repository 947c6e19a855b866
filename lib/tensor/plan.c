/* tensor/plan.c - the order of contraction: the cheapest chain of steps, with cores merged beforehand where that pays
 * (lib/README.md section 4.2). */
#include "tensor/plan.h"

#include <float.h>
#include <stdio.h>
#include <string.h>

enum {
    WAYS = 32,       /* chains that are laid out before one is chosen */
    WIDE_CORES = 11, /* up to so many cores; beyond, the cheapest alone */
};

size_t fdht_legs_size(uint64_t legs, const size_t *extent)
{
    size_t size = 1;
    for (; legs; legs &= legs - 1)
        size *= extent[__builtin_ctzll(legs)];
    return size;
}

void fdht_plan_extents(const fdht_op *op, const fdht_box *box, size_t extent[FDHT_MAX_LEGS])
{
    memcpy(extent, op->leg_dim, sizeof op->leg_dim);
    if (box)
        memcpy(extent, box->size, (size_t)op->spec.d * sizeof *extent);
}

/* One way to contract a set with the input: its last weight, and which way of the set before. */
typedef struct chain {
    double cost;
    uint32_t last;
    int before;
} chain;

typedef struct search {
    int n;    /* cores */
    int keep; /* best ways remembered for each set */
    const size_t *extent;
    uint64_t input; /* legs of the input vector */
    uint64_t *legs; /* by set of cores */
    double *merge;  /* least cost of merging the set */
    uint32_t *merge_half;
    chain *chains; /* by set, `keep` each, cheapest first; DBL_MAX where there are no more */
} search;

static void search_free(search *s)
{
    fdht_free(s->legs);
    fdht_free(s->merge);
    fdht_free(s->merge_half);
    fdht_free(s->chains);
}

/* fdht_legs_size of tensors that only the search sees: they may be beyond a size_t. */
static double size_of(const search *s, uint64_t legs)
{
    double size = 1;
    for (; legs; legs &= legs - 1)
        size *= (double)s->extent[__builtin_ctzll(legs)];
    return size;
}

static double pair_multiply_adds(const search *s, uint64_t a, uint64_t b)
{
    return size_of(s, a | b);
}

static double step_cost(const search *s, uint64_t a, uint64_t w)
{
    double moved = size_of(s, a) + size_of(s, a ^ w);
    return pair_multiply_adds(s, a, w) + FDHT_PLAN_MOVE * moved;
}

/* The largest tensor that the cores of a set may be merged into. */
static double merged_limit(const search *s, uint32_t set)
{
    double limit = FDHT_PLAN_MERGED;
    for (; set; set &= set - 1)
        limit = FDHT_MAX(limit, size_of(s, s->legs[set & -set]));
    return limit;
}

/* Best ways to merge every set of cores: halves that hold the lowest core, so that each split is seen once.
 */
static void search_merges(search *s)
{
    for (uint32_t set = 1; set < 1u << s->n; set++) {
        s->merge[set] = DBL_MAX;
        if (!(set & (set - 1))) {
            s->merge[set] = 0;
            continue;
        }
        if (size_of(s, s->legs[set]) > merged_limit(s, set))
            continue;
        for (uint32_t half = (set - 1) & set; half; half = (half - 1) & set) {
            uint32_t rest = set ^ half;
            if (half < rest || s->merge[half] == DBL_MAX || s->merge[rest] == DBL_MAX)
                continue;
            double cost =
                s->merge[half] + s->merge[rest] + pair_multiply_adds(s, s->legs[half], s->legs[rest]);
            if (cost < s->merge[set]) {
                s->merge[set] = cost;
                s->merge_half[set] = half;
            }
        }
    }
}

static void insert(chain *ways, int keep, chain c)
{
    int at = keep - 1;
    if (c.cost >= ways[at].cost)
        return;
    for (; at > 0 && ways[at - 1].cost > c.cost; at--)
        ways[at] = ways[at - 1];
    ways[at] = c;
}

static void search_chains(search *s)
{
    for (size_t i = 0; i < (size_t)s->keep << s->n; i++)
        s->chains[i].cost = DBL_MAX;
    s->chains[0].cost = 0;
    for (uint32_t set = 1; set < 1u << s->n; set++) {
        chain *ways = s->chains + (size_t)set * s->keep;
        for (uint32_t last = set; last; last = (last - 1) & set) {
            uint32_t before = set ^ last;
            const chain *from = s->chains + (size_t)before * s->keep;
            if (s->merge[last] == DBL_MAX ||
                from->cost + FDHT_PLAN_MERGE_SHARE * s->merge[last] >= ways[s->keep - 1].cost)
                continue;
            double cost = FDHT_PLAN_MERGE_SHARE * s->merge[last] +
                          step_cost(s, s->input ^ s->legs[before], s->legs[last]);
            for (int i = 0; i < s->keep && from[i].cost < DBL_MAX; i++)
                insert(ways, s->keep, (chain){from[i].cost + cost, last, i});
        }
    }
}

static int add_weight(fdht_plan *p, const search *s, uint32_t set)
{
    fdht_weight w = {.core = -1, .left = -1, .right = -1};
    if (!(set & (set - 1))) {
        w.core = __builtin_ctz(set);
    } else {
        w.left = add_weight(p, s, s->merge_half[set]);
        w.right = add_weight(p, s, set ^ s->merge_half[set]);
        p->merge_multiply_adds +=
            (size_t)pair_multiply_adds(s, p->weight[w.left].legs, p->weight[w.right].legs);
    }
    w.legs = s->legs[set];
    w.size = fdht_legs_size(w.legs, s->extent);
    p->weight[p->n_weights] = w;
    return p->n_weights++;
}

static void add_step(fdht_plan *p, const size_t *extent, int weight, uint64_t a)
{
    uint64_t w = p->weight[weight].legs;
    fdht_step *t = &p->step[p->n_steps++];
    *t = (fdht_step){.weight = weight, .legs_a = a, .legs_c = a ^ w};
    t->m = fdht_legs_size(a & ~w, extent);
    t->k = fdht_legs_size(a & w, extent);
    t->n = fdht_legs_size(w & ~a, extent);
    t->outputs = t->m * t->n;
    p->multiply_adds += t->m * t->k * t->n;
    p->moved += fdht_legs_size(a, extent) + t->outputs;
    p->peak = FDHT_MAX(p->peak, t->outputs);
}

/* Write the steps of the way-th best chain over all cores into p. */
static void take_chain(const search *s, int way, fdht_plan *p)
{
    uint32_t last[FDHT_MAX_STEPS], set = (1u << s->n) - 1;
    int n_last = 0;
    while (set) {
        const chain *c = &s->chains[(size_t)set * s->keep + way];
        last[n_last++] = c->last;
        set ^= c->last;
        way = c->before;
    }
    uint64_t a = s->input;
    while (n_last-- > 0) {
        int w = add_weight(p, s, last[n_last]);
        add_step(p, s->extent, w, a);
        a ^= p->weight[w].legs;
    }
}

/* The cheapest chains by operations and bytes are laid out, and the one that should run fastest is taken. */
static int plan_exact(const fdht_op *op, search *s, fdht_plan *p, fdht_error *err)
{
    size_t sets = (size_t)1 << s->n;
    const fdht_plan empty = *p;
    int status = FDHT_OK;
    s->keep = s->n <= WIDE_CORES ? WAYS : 1;
    s->merge = fdht_calloc_err(sets, sizeof *s->merge, "planner", err);
    s->merge_half = fdht_calloc_err(sets, sizeof *s->merge_half, "planner", err);
    s->chains = fdht_calloc_err(sets * (size_t)s->keep, sizeof *s->chains, "planner", err);
    if (!s->merge || !s->merge_half || !s->chains)
        return FDHT_ENOMEM;
    search_merges(s);
    search_chains(s);
    const chain *ways = s->chains + (sets - 1) * (size_t)s->keep;
    for (int way = 0; way < s->keep && ways[way].cost <= FDHT_PLAN_NEAR * ways[0].cost && !status; way++) {
        fdht_plan candidate = empty;
        take_chain(s, way, &candidate);
        status = fdht_plan_layout(op, s->extent, &candidate, err);
        if (way == 0 || (!status && candidate.cost < p->cost)) {
            fdht_plan_clear(p);
            *p = candidate;
            p->least = ways[0].cost;
        } else {
            fdht_plan_clear(&candidate);
        }
    }
    return status;
}

/* Too many cores for the exact search: take the cheapest next core, among those that touch the activation. */
static void plan_greedy(search *s, const uint64_t *core_legs, fdht_plan *p)
{
    uint64_t a = s->input;
    bool used[FDHT_MAX_NODES] = {false};
    for (int done = 0; done < s->n; done++) {
        int best = -1;
        double best_cost = DBL_MAX;
        for (int i = 0; i < s->n; i++) {
            if (used[i])
                continue;
            double cost = step_cost(s, a, core_legs[i]) * (a & core_legs[i] || !a ? 1 : 1e6);
            if (best < 0 || cost < best_cost) {
                best = i;
                best_cost = cost;
            }
        }
        used[best] = true;
        p->weight[p->n_weights] =
            (fdht_weight){best, -1, -1, core_legs[best], fdht_legs_size(core_legs[best], s->extent)};
        add_step(p, s->extent, p->n_weights++, a);
        a ^= core_legs[best];
    }
}

static int check_box(const fdht_op *op, const fdht_box *box, fdht_error *err)
{
    for (int k = 0; box && k < op->spec.d; k++)
        if (box->size[k] < 1 || box->size[k] > op->spec.in[k] ||
            box->corner[k] > op->spec.in[k] - box->size[k])
            return fdht_fail(err, FDHT_EINVAL, "box: mode %d has %zu indices from %zu, the operator %zu",
                             k + 1, box->size[k], box->corner[k], op->spec.in[k]);
    return FDHT_OK;
}

int fdht_plan_make(const fdht_op *op, const fdht_box *box, fdht_plan *out, fdht_error *err)
{
    size_t extent[FDHT_MAX_LEGS];
    uint64_t core_legs[FDHT_MAX_NODES] = {0};
    int status = check_box(op, box, err);
    if (status) {
        *out = (fdht_plan){0};
        return status;
    }
    fdht_plan_extents(op, box, extent);
    search s = {.n = op->cores_per_term, .extent = extent};
    *out = (fdht_plan){.n_cores = op->cores_per_term, .input_size = 1, .output_size = op->outputs};
    for (int k = 0; k < op->spec.d; k++) {
        out->input_size *= extent[k];
        if (extent[k] > 1)
            s.input |= (uint64_t)1 << k;
    }
    for (int i = 0; i < s.n; i++)
        for (int j = 0; j < op->core[i].info.order; j++)
            if (extent[op->core[i].leg[j]] > 1)
                core_legs[i] |= (uint64_t)1 << op->core[i].leg[j];
    if (s.n > FDHT_EXACT_CORES) {
        plan_greedy(&s, core_legs, out);
        status = fdht_plan_layout(op, extent, out, err);
    } else {
        s.legs = fdht_calloc_err((size_t)1 << s.n, sizeof *s.legs, "planner", err);
        if (!s.legs)
            return FDHT_ENOMEM;
        for (uint32_t set = 1; set < 1u << s.n; set++)
            s.legs[set] = s.legs[set & (set - 1)] ^ core_legs[__builtin_ctz(set)];
        status = plan_exact(op, &s, out, err);
    }
    search_free(&s);
    if (status)
        fdht_plan_clear(out);
    return status;
}

size_t fdht_plan_least_lanes(const fdht_plan *p, size_t lanes)
{
    double block =
        (double)lanes * (FDHT_PLAN_LANES * (double)p->multiply_adds + FDHT_PLAN_FILL * (double)p->input_size);
    size_t n = 1;
    while (n <= lanes && (double)n * p->cost < block)
        n++;
    return n;
}

void fdht_plan_clear(fdht_plan *p)
{
    for (int i = 0; i < p->n_steps; i++) {
        fdht_free(p->step[i].k_a);
        fdht_free(p->step[i].outer_a);
        fdht_free(p->step[i].outer_c);
    }
    fdht_free(p->permute);
    fdht_slices_clear(p);
    *p = (fdht_plan){0};
}

/* "leaf_1*inner_1_2" */
static void weight_name(const fdht_op *op, const fdht_plan *p, int w, char *name, size_t size)
{
    size_t used = strlen(name);
    if (p->weight[w].core >= 0) {
        snprintf(name + used, size - used, "%s%s", used ? "*" : "", op->core[p->weight[w].core].info.name);
        return;
    }
    weight_name(op, p, p->weight[w].left, name, size);
    weight_name(op, p, p->weight[w].right, name, size);
}

int fdht_op_plan(const fdht_op *op, const fdht_box *box, fdht_plan_report *out, fdht_error *err)
{
    fdht_plan p;
    int status = fdht_plan_make(op, box, &p, err);
    *out = (fdht_plan_report){.n_terms = op->n_terms};
    if (status)
        return status;
    size_t terms = (size_t)op->n_terms;
    out->n_steps = p.n_steps;
    out->multiply_adds = p.multiply_adds * terms;
    out->merge_multiply_adds = p.merge_multiply_adds * terms;
    out->bytes = p.moved * terms * sizeof(float);
    out->peak_intermediate = p.peak;
    for (int i = 0; i < p.n_steps; i++) {
        const fdht_step *s = &p.step[i];
        fdht_plan_step *r = &out->step[i];
        *r = (fdht_plan_step){.m = s->m, .k = s->k, .n = s->n, .outputs = s->outputs};
        r->multiply_adds = s->m * s->k * s->n;
        weight_name(op, &p, s->weight, r->name, sizeof r->name);
    }
    fdht_plan_clear(&p);
    return FDHT_OK;
}
