/* order.c - in which order the cores of an operator meet the activation, and which of them are merged before. */
#include <stdio.h>
#include <string.h>

#include "accel/legs.h"

int fdht_legs_of(const fdht_op *op, const fdht_box *box, int gates, fdht_legs *out, fdht_error *err)
{
    fdht_legs l = {.op = op, .n_cores = op->n_cores, .gate_leg = -1};
    int d = op->spec.d;
    if (op->format->blocks || op->n_terms > 1)
        return fdht_fail(err, FDHT_ENOSUP, "%s operators have no single chain of stages", op->format->name);
    if (op->n_cores > FDHT_MAX_ORDER_CORES || op->n_legs >= FDHT_LEG_GATE)
        return fdht_fail(err, FDHT_ENOSUP, "an operator of %d cores with %d legs: at most %d with %d",
                         op->n_cores, op->n_legs, FDHT_MAX_ORDER_CORES, FDHT_LEG_GATE - 1);
    memcpy(l.extent, op->leg_dim, (size_t)op->n_legs * sizeof *l.extent);
    for (int k = 0; k < d && box; k++)
        l.extent[k] = box->size[k];
    if (gates == 4) {
        l.gate_leg = d;
        while (l.gate_leg + 1 < 2 * d && l.extent[l.gate_leg] == 1)
            l.gate_leg++;
        if (l.extent[l.gate_leg] % 4)
            return fdht_fail(err, FDHT_ENOSUP, "the first output mode %zu does not carry four gates",
                             l.extent[l.gate_leg]);
        l.extent[l.gate_leg] /= 4;
        l.extent[FDHT_LEG_GATE] = 4;
    }
    for (int c = 0; c < op->n_cores; c++)
        for (int i = 0; i < op->core[c].info.order; i++) {
            int leg = op->core[c].leg[i];
            if (gates == 4 && leg == l.gate_leg)
                l.core[c] |= 1ull << FDHT_LEG_GATE;
            if (l.extent[leg] > 1)
                l.core[c] |= 1ull << leg;
        }
    for (int k = 0; k < d; k++)
        if (l.extent[k] > 1)
            l.input |= 1ull << k;
    *out = l;
    return FDHT_OK;
}

/* The core that holds factor k (0-based): the one with its output leg. */
static int factor_core(const fdht_op *op, int k)
{
    for (int c = 0; c < op->n_cores; c++)
        for (int i = 0; i < op->core[c].info.order; i++)
            if (op->core[c].leg[i] == op->spec.d + k)
                return c;
    return -1;
}

/* Transfer tensors whose two children are in, again and again. */
static void take_ready(const fdht_op *op, uint32_t *done, fdht_order *o)
{
    const fdht_tree *t = &op->spec.tree;
    if (!op->format->tree)
        return;
    for (int i = 0; i < t->n_nodes; i++)
        if (t->node[i].left >= 0 && !(*done >> i & 1) && *done >> t->node[i].left & 1 &&
            *done >> t->node[i].right & 1) {
            o->group[o->n++] = 1u << i;
            *done |= 1u << i;
        }
}

int fdht_order_list(const fdht_op *op, const size_t *factor, size_t n, fdht_order *out, fdht_error *err)
{
    fdht_legs l;
    int status = fdht_legs_of(op, NULL, 1, &l, err);
    if (status)
        return status;
    int d = op->format->dense ? 1 : op->spec.d;
    if (n != (size_t)d)
        return fdht_fail(err, FDHT_EINVAL, "order: expected %d factors, got %zu", d, n);
    fdht_order o = {0};
    uint32_t done = 0;
    for (int i = 0; i < d; i++) {
        if (factor[i] < 1 || factor[i] > (size_t)d)
            return fdht_fail(err, FDHT_EINVAL, "order: factor %zu is not in 1..%d", factor[i], d);
        int c = op->format->dense ? 0 : factor_core(op, (int)factor[i] - 1);
        if (c < 0)
            return fdht_fail(err, FDHT_EINTERNAL, "order: no core has factor %zu", factor[i]);
        if (done >> c & 1)
            return fdht_fail(err, FDHT_EINVAL, "order: factor %zu stands twice", factor[i]);
        o.group[o.n++] = 1u << c;
        done |= 1u << c;
        take_ready(op, &done, &o);
    }
    *out = o;
    return FDHT_OK;
}

int fdht_order_natural(const fdht_op *op, fdht_order *out, fdht_error *err)
{
    size_t factor[FDHT_MAX_MODES];
    for (size_t i = 0; i < FDHT_MAX_MODES; i++)
        factor[i] = i + 1;
    return fdht_order_list(op, factor, op->format->dense ? 1 : (size_t)op->spec.d, out, err);
}

typedef struct search {
    const fdht_legs *l;
    const fdht_sim_hw *hw;
    size_t room;     /* words of the weight memory */
    double per_word; /* what a word of weights costs, in cycles */
    double *best;    /* of each set of cores absorbed */
    uint32_t *last;  /* the group that reached it */
} search;

/* Cycles that words without room add to a stage, or a negative number where the machine refuses them. Those read come once for
 * every row tile, fewer a cycle than banks bring; those written may take longer than what is computed meanwhile. */
static double spill_cost(const fdht_sim_hw *hw, size_t rows, size_t in, size_t out, double tiled)
{
    size_t room = hw->x_kib * 512, here = FDHT_MIN(in, room);
    size_t there = FDHT_MIN(out, hw->x_buffers == 1 ? room - here : room);
    if (here == in && there == out)
        return 0;
    if (!hw->spill_words)
        return -1;
    size_t tiles = (rows + hw->macs_per_pe - 1) / hw->macs_per_pe;
    double word = 1 / (double)hw->spill_words;
    double reads = (double)((in - here) * tiles) * FDHT_MAX(0.0, word - 1 / (double)hw->n_pe);
    double writes = (double)(out - there) * (word - (tiled + reads) / (double)out);
    return reads + FDHT_MAX(0.0, writes);
}

/* Cycles of absorbing group g after set s, or a negative number if it cannot be. */
static double stage_cost(const search *q, uint64_t act, uint64_t legs)
{
    const fdht_sim_hw *hw = q->hw;
    if (fdht_legs_too_many(q->l, act) || fdht_legs_too_many(q->l, legs) ||
        fdht_legs_too_many(q->l, act ^ legs))
        return -1;
    size_t rows = fdht_legs_product(q->l, legs & ~act), inner = fdht_legs_product(q->l, legs & act);
    size_t cols = fdht_legs_product(q->l, act & ~legs);
    if (rows > q->room / inner || fdht_sim_weight_room(hw, rows, inner) > q->room)
        return -1;
    fdht_sim_shape shape = fdht_sim_stage_shape(hw, rows, inner, cols);
    double spill = spill_cost(hw, rows, inner * cols, rows * cols, (double)shape.tiled);
    if (spill < 0)
        return -1;
    size_t tail =
        FDHT_MIN(inner, (FDHT_MIN(rows, hw->macs_per_pe) * FDHT_MIN(cols, hw->n_pe) + hw->wb_words - 1) /
                            hw->wb_words);
    return (double)shape.tiled + (double)hw->pipeline_cycles + (double)tail + spill +
           1e-7 * (double)shape.multiply_adds + q->per_word * (double)fdht_sim_weight_room(hw, rows, inner);
}

/* Every set of cores in increasing number; from it, every group of the others. */
static void search_all(search *q)
{
    int n = q->l->n_cores;
    uint32_t all = n == 31 ? 0x7fffffffu : (1u << n) - 1;
    for (uint32_t s = 0; s < all; s++) {
        if (q->best[s] < 0)
            continue;
        uint64_t act = q->l->input ^ fdht_legs_open(q->l, s);
        uint32_t rest = all & ~s;
        for (uint32_t g = rest; g; g = (g - 1) & rest) {
            double c = stage_cost(q, act, fdht_legs_open(q->l, g));
            if (c >= 0 && (q->best[s | g] < 0 || q->best[s] + c < q->best[s | g])) {
                q->best[s | g] = q->best[s] + c;
                q->last[s | g] = g;
            }
        }
    }
}

/* The order found; returns the words of weight memory that it takes. */
static size_t read_out(const search *q, fdht_order *o)
{
    uint32_t s = (1u << q->l->n_cores) - 1, group[FDHT_MAX_NODES];
    size_t words = 0;
    int n = 0;
    while (s) {
        group[n++] = q->last[s];
        s &= ~q->last[s];
        uint64_t act = q->l->input ^ fdht_legs_open(q->l, s), legs = fdht_legs_open(q->l, group[n - 1]);
        words += fdht_sim_weight_room(q->hw, fdht_legs_product(q->l, legs & ~act),
                                      fdht_legs_product(q->l, legs & act));
    }
    o->n = n;
    for (int i = 0; i < n; i++)
        o->group[i] = group[n - 1 - i];
    return words;
}

int fdht_order_search(const fdht_op *op, const fdht_box *box, int gates, const fdht_sim_hw *hw,
                      size_t weight_words, fdht_order *out, fdht_error *err)
{
    enum { MOST = 13 };
    fdht_legs l;
    int status = fdht_legs_of(op, box, gates, &l, err);
    if (status)
        return status;
    if (l.n_cores > MOST)
        return fdht_fail(err, FDHT_ENOSUP, "order search: %d cores, at most %d; give an order", l.n_cores,
                         MOST);
    size_t room = hw->w_kib * 512, sets = (size_t)1 << l.n_cores;
    search q = {.l = &l, .hw = hw, .room = room};
    size_t allowed = weight_words ? weight_words : room;
    q.best = fdht_calloc_err(sets, sizeof *q.best, "order search", err);
    q.last = fdht_calloc_err(sets, sizeof *q.last, "order search", err);
    status = FDHT_ENOMEM;
    if (!q.best || !q.last)
        goto out;
    /* A price on each word of weights: first none, then what loading it before every run costs, then more until all fit.
     * The cheapest of what these find is taken, loading included where it is needed. */
    double least = -1;
    for (int i = 0; i < 12; i++) {
        fdht_order o;
        for (size_t s = 1; s < sets; s++)
            q.best[s] = -1;
        search_all(&q);
        if (q.best[sets - 1] < 0) {
            status = fdht_fail(err, FDHT_ELIMIT, "no order fits: %zu KiB of weights, %zu KiB a buffer",
                               hw->w_kib, hw->x_kib);
            goto out;
        }
        size_t words = read_out(&q, &o);
        double load = words > allowed ? (double)words / (double)hw->w_refill_words : 0;
        double cost = q.best[sets - 1] - q.per_word * (double)words + load;
        if (least < 0 || cost < least) {
            least = cost;
            *out = o;
        }
        if (words <= allowed)
            break;
        q.per_word = i == 0 ? 1.0 / (double)hw->w_refill_words : 2 * q.per_word;
    }
    status = FDHT_OK;
out:
    fdht_free(q.best);
    fdht_free(q.last);
    return status;
}

size_t fdht_order_spell(const fdht_op *op, const fdht_order *o, char *buf, size_t size)
{
    size_t at = 0;
    if (size)
        *buf = 0;
    for (int i = 0; i < o->n; i++) {
        const char *sep = i ? ", " : "";
        for (int c = 0; c < op->n_cores; c++)
            if (o->group[i] >> c & 1) {
                int k = snprintf(at < size ? buf + at : NULL, at < size ? size - at : 0, "%s%s", sep,
                                 op->core[c].info.name);
                at += (size_t)k;
                sep = "*";
            }
    }
    return at;
}
