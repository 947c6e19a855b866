/* tensor/layout.c - how the intermediates of a plan lie in memory, so that no step has to permute: a beam search over, for
 * each step, the form of its product and the place of its new legs (lib/README.md section 4.3). */
#include <string.h>

#include "tensor/plan.h"

enum { BEAM = 16, LANES = 16, ROWS = 12, RUN = 4, MAX_PERMUTED = 4 };

/* Costs in multiply-adds: of starting one register tile, of moving one number through a permuting copy. */
static const double TILE_START = 200, SCATTER = 24, MISS = 48;
/* How much longer a product takes whose left operand has neither its rows nor runs of its summed indices side by side. */
static const double SPREAD = 1.2;
/* Cache lines that a pass over the rows may touch and still find in L1 when it comes back. */
enum { NEAR_LINES = 512 };

typedef struct leg_strides {
    int n, leg[FDHT_MAX_LEGS];
} leg_strides;

typedef enum placing { NEW_LAST, NEW_BEFORE_LANES, NEW_FIRST, PLACINGS } placing;

typedef struct node {
    double cost;
    int parent;
    placing place;
    leg_strides c;
    int n_new, new_leg[FDHT_MAX_LEGS];
} node;

/* The legs of one step sorted out against the layout of its activation. */
typedef struct split {
    int n_k, n_m, n_suffix; /* the last n_suffix kept legs are the innermost legs of A */
    int k[FDHT_MAX_LEGS], m[FDHT_MAX_LEGS];
    bool k_trailing; /* the summed legs are the innermost ones of A */
    int n_k_run;     /* so many of them are */
} split;

static bool has(uint64_t legs, int leg)
{
    return legs >> leg & 1;
}

static split split_legs(const leg_strides *a, uint64_t weight)
{
    split s = {0};
    for (int i = 0; i < a->n; i++)
        if (has(weight, a->leg[i]))
            s.k[s.n_k++] = a->leg[i];
        else
            s.m[s.n_m++] = a->leg[i];
    while (s.n_suffix < s.n_m && !has(weight, a->leg[a->n - 1 - s.n_suffix]))
        s.n_suffix++;
    int trailing = 0;
    while (trailing < s.n_k && has(weight, a->leg[a->n - 1 - trailing]))
        trailing++;
    s.n_k_run = trailing;
    s.k_trailing = trailing == s.n_k;
    return s;
}

static size_t product(const int *leg, int n, const size_t *extent)
{
    size_t p = 1;
    for (int i = 0; i < n; i++)
        p *= extent[leg[i]];
    return p;
}

static size_t stride_in(const leg_strides *a, int leg, const size_t *extent)
{
    size_t stride = 1;
    for (int i = a->n; i-- > 0 && a->leg[i] != leg;)
        stride *= extent[a->leg[i]];
    return stride;
}

/* The run of kept legs [first, last) with one stride in A that holds the most rows; one whose rows are neighbours
 * is as good as any if it fills a register tile. */
static void row_run(const leg_strides *a, const split *s, const size_t *extent, int *first, int *last)
{
    size_t best = 0;
    *first = *last = 0;
    for (int i = 0; i < s->n_m;) {
        int j = i + 1;
        while (j < s->n_m &&
               stride_in(a, s->m[j - 1], extent) == stride_in(a, s->m[j], extent) * extent[s->m[j]])
            j++;
        size_t rows = product(s->m + i, j - i, extent);
        bool near = rows >= ROWS && stride_in(a, s->m[j - 1], extent) == 1;
        if (rows > best || near) {
            best = near ? SIZE_MAX : rows;
            *first = i;
            *last = j;
        }
        i = j;
    }
}

static void place_legs(const split *s, const int *fresh, int n_fresh, placing place, leg_strides *c)
{
    int outer = place == NEW_BEFORE_LANES ? s->n_m - s->n_suffix : s->n_m;
    c->n = 0;
    if (place == NEW_FIRST)
        for (int i = 0; i < n_fresh; i++)
            c->leg[c->n++] = fresh[i];
    for (int i = 0; i < outer; i++)
        c->leg[c->n++] = s->m[i];
    if (place != NEW_FIRST)
        for (int i = 0; i < n_fresh; i++)
            c->leg[c->n++] = fresh[i];
    for (int i = outer; i < s->n_m; i++)
        c->leg[c->n++] = s->m[i];
}

static double tile_cost(size_t rows, size_t lanes, size_t k, size_t calls)
{
    double vectors = (double)((lanes + LANES - 1) / LANES);
    double accumulators = (double)FDHT_MIN(rows, ROWS) * FDHT_MIN(vectors, 2.0);
    double latency = FDHT_MAX(1.0, 8.0 / accumulators);
    double tiles = (double)calls * (double)((rows + ROWS - 1) / ROWS) * ((vectors + 1) / 2);
    return (double)calls * (double)rows * vectors * LANES * (double)k * latency + TILE_START * tiles;
}

/* Cache lines of A that one kept row reads. */
static size_t row_lines(const split *s, size_t k, const size_t *extent)
{
    size_t run = product(s->k + s->n_k - s->n_k_run, s->n_k_run, extent);
    return k / run * ((run + LANES - 1) / LANES);
}

/* So many rows at a time that their lines are still near when the next outer index reads its neighbours. */
static size_t row_block(size_t rows, size_t lines)
{
    size_t block = NEAR_LINES / lines / ROWS * ROWS;
    return rows * lines <= NEAR_LINES ? rows : FDHT_MIN(rows, FDHT_MAX(block, ROWS));
}

/* What it costs to fetch numbers of A one by one from L2, where not even one tile's lines stay near. */
static double miss_cost(const fdht_step *t, const split *s, size_t rows, const size_t *extent)
{
    size_t lines = row_lines(s, t->k, extent);
    if (rows == t->m || row_block(rows, lines) * lines <= 2 * NEAR_LINES)
        return 0;
    return MISS * (double)(t->m * lines);
}

static double form_cost(const fdht_step *t, const leg_strides *a, const split *s, placing place,
                        const size_t *extent, bool first_step)
{
    if (place == NEW_LAST) {
        int from, to;
        row_run(a, s, extent, &from, &to);
        size_t rows = product(s->m + from, to - from, extent);
        size_t run = product(s->k + s->n_k - s->n_k_run, s->n_k_run, extent);
        double runs = (double)(t->m * t->k) / (double)run;
        double scatter = s->k_trailing || first_step ? 0 : SCATTER * runs;
        bool near = s->k_trailing || run % RUN == 0 || (to > from && stride_in(a, s->m[to - 1], extent) == 1);
        return (near ? 1 : SPREAD) * tile_cost(rows, t->n, t->k, t->m / rows) + scatter +
               miss_cost(t, s, rows, extent);
    }
    size_t lanes = product(s->m + s->n_m - s->n_suffix, s->n_suffix, extent);
    return tile_cost(t->n, lanes, t->k, t->m / lanes);
}

static bool natural(const leg_strides *c)
{
    for (int i = 1; i < c->n; i++)
        if (c->leg[i] < c->leg[i - 1])
            return false;
    return true;
}

/* The next permutation in lexicographic order; false after the last. */
static bool next_permutation(int *p, int n)
{
    int i = n - 2;
    while (i >= 0 && p[i] > p[i + 1])
        i--;
    if (i < 0)
        return false;
    int j = n - 1;
    while (p[j] < p[i])
        j--;
    int t = p[i];
    p[i] = p[j];
    p[j] = t;
    for (int x = i + 1, y = n - 1; x < y; x++, y--) {
        t = p[x];
        p[x] = p[y];
        p[y] = t;
    }
    return true;
}

static void keep(node *beam, int *n, const node *candidate)
{
    for (int i = 0; i < *n; i++)
        if (beam[i].c.n == candidate->c.n &&
            memcmp(beam[i].c.leg, candidate->c.leg, (size_t)candidate->c.n * sizeof(int)) == 0) {
            if (candidate->cost < beam[i].cost)
                beam[i] = *candidate;
            return;
        }
    if (*n < BEAM) {
        beam[(*n)++] = *candidate;
        return;
    }
    int worst = 0;
    for (int i = 1; i < BEAM; i++)
        if (beam[i].cost > beam[worst].cost)
            worst = i;
    if (candidate->cost < beam[worst].cost)
        beam[worst] = *candidate;
}

/* Add to `next` every way step t can follow the layout of `from`. */
static void expand(const fdht_plan *p, int at, const size_t *extent, const node *from, int parent, node *next,
                   int *n_next)
{
    const fdht_step *t = &p->step[at];
    uint64_t weight = p->weight[t->weight].legs;
    split s = split_legs(&from->c, weight);
    node c = {.parent = parent};
    for (uint64_t fresh = weight & ~t->legs_a; fresh; fresh &= fresh - 1)
        c.new_leg[c.n_new++] = __builtin_ctzll(fresh);
    do {
        for (placing place = NEW_LAST; place < PLACINGS; place++) {
            if (place != NEW_LAST && s.n_suffix == 0)
                continue;
            c.place = place;
            place_legs(&s, c.new_leg, c.n_new, place, &c.c);
            c.cost = from->cost + form_cost(t, &from->c, &s, place, extent, at == 0);
            if (at == p->n_steps - 1 && !natural(&c.c))
                c.cost += SCATTER * (double)t->outputs;
            keep(next, n_next, &c);
        }
    } while (c.n_new <= MAX_PERMUTED && next_permutation(c.new_leg, c.n_new));
}

/* offset[i] of every index over the given legs, row-major, in a tensor laid out as `in`. */
static uint32_t *offset_table(const int *leg, int n, const size_t *extent, const leg_strides *in,
                              size_t *count, fdht_error *err)
{
    *count = product(leg, n, extent);
    uint32_t *table = fdht_calloc_err(*count, sizeof *table, "plan", err);
    if (!table)
        return NULL;
    for (size_t i = 0; i < *count; i++) {
        size_t rest = i, offset = 0;
        for (int j = n; j-- > 0; rest /= extent[leg[j]])
            offset += rest % extent[leg[j]] * stride_in(in, leg[j], extent);
        table[i] = (uint32_t)offset;
    }
    return table;
}

/* Indices that the lane form sums loop by loop come first, in the order of the loops: both forms sum in one order. */
static void loops_first(const fdht_plan *p, int at, split *s)
{
    const fdht_slice *lanes = &p->step[at].slice;
    const int *loop = p->nest.leg + lanes->loops - lanes->summed;
    int k[FDHT_MAX_LEGS], n = 0;
    for (int i = 0; i < lanes->summed; i++)
        k[n++] = loop[i];
    for (int i = 0; i < s->n_k; i++) {
        bool first = false;
        for (int j = 0; j < lanes->summed; j++)
            first = first || s->k[i] == loop[j];
        if (!first)
            k[n++] = s->k[i];
    }
    memcpy(s->k, k, (size_t)n * sizeof *k);
}

static int lower(fdht_plan *p, int at, const leg_strides *a, const node *c, const size_t *extent,
                 fdht_error *err)
{
    fdht_step *t = &p->step[at];
    split s = split_legs(a, p->weight[t->weight].legs);
    int outer[FDHT_MAX_LEGS], n_outer = 0;
    size_t count;
    loops_first(p, at, &s);
    t->n_k_legs = s.n_k;
    t->n_n_legs = c->n_new;
    memcpy(t->k_leg, s.k, sizeof s.k);
    memcpy(t->n_leg, c->new_leg, sizeof c->new_leg);
    if (c->place == NEW_LAST) {
        int first, last;
        row_run(a, &s, extent, &first, &last);
        t->form = FDHT_LANES_NEW;
        t->n_pad = (t->n + LANES - 1) / LANES * LANES;
        t->rows = product(s.m + first, last - first, extent);
        t->row_block = t->rows == t->m ? t->rows : row_block(t->rows, row_lines(&s, t->k, extent));
        t->row_a = last > first ? stride_in(a, s.m[last - 1], extent) : 0;
        t->row_c = last > first ? stride_in(&c->c, s.m[last - 1], extent) : 0;
        for (int i = 0; i < s.n_m; i++)
            if (i < first || i >= last)
                outer[n_outer++] = s.m[i];
    } else {
        t->form = FDHT_LANES_KEPT;
        t->n_pad = t->n;
        t->lanes = product(s.m + s.n_m - s.n_suffix, s.n_suffix, extent);
        t->new_c = c->n_new ? stride_in(&c->c, c->new_leg[c->n_new - 1], extent) : 0;
        n_outer = s.n_m - s.n_suffix;
        memcpy(outer, s.m, (size_t)n_outer * sizeof *outer);
    }
    t->k_a = offset_table(s.k, s.n_k, extent, a, &count, err);
    t->outer_a = offset_table(outer, n_outer, extent, a, &t->n_outer, err);
    t->outer_c = offset_table(outer, n_outer, extent, &c->c, &t->n_outer, err);
    return t->k_a && t->outer_a && t->outer_c ? FDHT_OK : FDHT_ENOMEM;
}

/* The leading steps that leave the outermost leg of the input where it is, and their shares of a slice. */
static void find_slices(fdht_plan *p, const size_t *extent, const leg_strides *const *at)
{
    int leg = at[0]->n ? at[0]->leg[0] : -1;
    p->slices = 1;
    p->sliced = p->n_steps ? 1 : 0;
    for (int i = 0; i < p->n_steps; i++) {
        p->step[i].slice_rows = p->step[i].rows;
        p->step[i].slice_outer = p->step[i].n_outer;
    }
    for (int i = 0; leg >= 0 && i < p->n_steps; i++) {
        fdht_step *t = &p->step[i];
        split s = split_legs(at[i], p->weight[t->weight].legs);
        int first, last;
        row_run(at[i], &s, extent, &first, &last);
        bool kept = s.n_m && s.m[0] == leg && at[i]->leg[0] == leg && at[i + 1]->leg[0] == leg;
        if (!kept || (t->form == FDHT_LANES_KEPT && s.n_suffix == s.n_m))
            break;
        if (t->form == FDHT_LANES_NEW && first == 0 && last > 0)
            t->slice_rows /= extent[leg];
        else
            t->slice_outer /= extent[leg];
        p->slices = extent[leg];
        p->sliced = i + 1;
    }
}

/* Offsets are 32 bits wide, also in weights whose rows are padded. */
static int check_sizes(const size_t *extent, const fdht_plan *p, fdht_error *err)
{
    for (int i = 0; i < p->n_steps; i++) {
        const fdht_step *t = &p->step[i];
        uint64_t weight = p->weight[t->weight].legs, tensors[] = {t->legs_a, t->legs_c, weight};
        for (size_t j = 0; j < FDHT_COUNT(tensors); j++) {
            double size = tensors[j] == weight ? LANES : 1;
            for (uint64_t legs = tensors[j]; legs; legs &= legs - 1)
                size *= (double)extent[__builtin_ctzll(legs)];
            if (size > UINT32_MAX)
                return fdht_fail(err, FDHT_EINVAL,
                                 "operator: step %d of its plan holds a tensor of %.3g numbers, at most %.3g",
                                 i + 1, size, (double)UINT32_MAX);
        }
    }
    return FDHT_OK;
}

int fdht_plan_layout(const fdht_op *op, const size_t *extent, fdht_plan *p, fdht_error *err)
{
    int count[FDHT_MAX_STEPS + 1] = {1}, chosen[FDHT_MAX_STEPS + 1] = {0};
    int status = check_sizes(extent, p, err);
    if (status)
        return status;
    fdht_slices_choose(op, extent, p);
    node(*beam)[BEAM] = fdht_calloc_err((size_t)p->n_steps + 1, sizeof *beam, "planner", err);
    if (!beam)
        return FDHT_ENOMEM;
    for (int k = 0; k < op->spec.d; k++)
        if (extent[k] > 1)
            beam[0][0].c.leg[beam[0][0].c.n++] = k;
    for (int i = 0; i < p->n_steps; i++)
        for (int j = 0; j < count[i]; j++)
            expand(p, i, extent, &beam[i][j], j, beam[i + 1], &count[i + 1]);
    for (int j = 1; j < count[p->n_steps]; j++)
        if (beam[p->n_steps][j].cost < beam[p->n_steps][chosen[p->n_steps]].cost)
            chosen[p->n_steps] = j;
    for (int i = p->n_steps; i > 0; i--)
        chosen[i - 1] = beam[i][chosen[i]].parent;
    for (int i = 0; i < p->n_steps && !status; i++)
        status = lower(p, i, &beam[i][chosen[i]].c, &beam[i + 1][chosen[i + 1]], extent, err);
    const leg_strides *at[FDHT_MAX_STEPS + 1] = {&beam[0][0].c};
    for (int i = 1; i <= p->n_steps; i++)
        at[i] = &beam[i][chosen[i]].c;
    find_slices(p, extent, at);
    p->cost = beam[p->n_steps][chosen[p->n_steps]].cost;
    const leg_strides *last = &beam[p->n_steps][chosen[p->n_steps]].c;
    if (!status && !natural(last)) {
        int order[FDHT_MAX_LEGS];
        size_t n;
        memcpy(order, last->leg, sizeof order);
        for (int i = 1; i < last->n; i++) /* sorted legs are the natural order */
            for (int j = i; j > 0 && order[j - 1] > order[j]; j--) {
                int t = order[j];
                order[j] = order[j - 1];
                order[j - 1] = t;
            }
        p->permute = offset_table(order, last->n, extent, last, &n, err);
        status = p->permute ? FDHT_OK : FDHT_ENOMEM;
    }
    fdht_free(beam);
    return status ? status : fdht_slices_make(op, extent, p, err);
}
