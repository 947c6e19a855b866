/* modes.c - splitting inputs and outputs into modes (lib/README.md section 5.9).
 *
 * Every factorisation of the inputs is paired with every one of the outputs, for 2 to MOST_MODES modes, and the pair
 * with the fewest numbers in all cores is kept. Where there are very many, the most even are tried: a search takes well
 * below a second for any size. */
#include "decomp/modes.h"

#include <stdio.h>
#include <string.h>

#include "decomp/factors.h"
#include "decomp/ranks.h"

enum {
    MOST_MODES = 6,
    BEST = 12,     /* candidates whose plans are compared */
    PAIRS = 60000, /* of factorisations that are tried for one number of modes */
    SHARES = 24    /* numbers of slices that are tried for a hidden state larger than the inputs */
};

typedef struct search {
    const fdht_modes_wish *wish;
    int d;
    fdht_op_spec spec; /* format, tree; in or out where it is given */
    bool have_in, have_out;
    int n_best;
    struct {
        fdht_op_spec spec; /* in: of x alone */
        size_t key;
    } best[BEST];
} search;

/* ---- counting ---- */

static size_t times(size_t a, size_t b)
{
    size_t c;
    return fdht_mul(a, b, &c) ? c : SIZE_MAX;
}

static size_t product(const size_t *v, int n)
{
    size_t p;
    (void)fdht_product(v, (size_t)n, &p); /* SIZE_MAX where it overflows */
    return p;
}

/* Add the slices that hold the hidden state. */
static void enlarge(const fdht_modes_wish *w, int d, size_t *in)
{
    size_t slice = 1;
    if (!w->hidden)
        return;
    if (w->enlarge) {
        for (int k = 0; k < d; k++)
            in[k] += w->enlarge[k];
        return;
    }
    for (int k = 0; k < d; k++)
        slice = k == w->enlarge_mode ? slice : times(slice, in[k]);
    in[w->enlarge_mode] += w->hidden / slice + (w->hidden % slice != 0);
}

/* The bonds of a train: r_0..r_d. In a ring r_0 r_1 is at most the size of the first mode. */
static void train_feasible(fdht_op_spec *spec)
{
    int d = spec->d;
    size_t rest = 1, *r = spec->rank;
    for (int k = 1; k < d; k++)
        rest = times(rest, fdht_leaf_size(spec, k));
    bool ring = r[0] != 1 || r[d] != 1;
    if (ring && d > 1) {
        size_t most = FDHT_MIN(fdht_leaf_size(spec, 0), rest);
        r[1] = FDHT_MIN(r[1], most);
        r[0] = r[d] = FDHT_MAX(FDHT_MIN(r[0], most / r[1]), (size_t)1);
    }
    for (int k = ring ? 1 : 0; k < d - 1; k++)
        r[k + 1] = FDHT_MIN(r[k + 1], times(r[k], fdht_leaf_size(spec, k)));
    for (int k = d - 1; k > 0; k--)
        r[k] = FDHT_MIN(r[k], times(r[k + 1], fdht_leaf_size(spec, k)));
}

void fdht_modes_feasible(fdht_op_spec *spec)
{
    const fdht_format_traits *format = fdht_format_traits_of(spec->format);
    if (format->tree)
        fdht_ht_feasible(spec);
    else if (!format->dense && !format->blocks)
        train_feasible(spec);
}

/* What the leaves of a tree take: a rank is limited by what is inside and what is outside. */
static size_t leaf_numbers(const search *s, const size_t *in, const size_t *out)
{
    size_t sum = 0, all = 1;
    for (int k = 0; k < s->d; k++)
        all = times(all, in[k] * out[k]);
    for (int k = 0; k < s->d; k++) {
        size_t size = in[k] * out[k], outside = all / size;
        sum += size * FDHT_MIN(s->wish->rank, FDHT_MIN(size, outside));
    }
    return sum;
}

/* Keep the BEST with the fewest numbers; of equals the first. */
static void consider(search *s, const size_t *x, const size_t *out)
{
    size_t in[FDHT_MAX_MODES], key = 0;
    memcpy(in, x, sizeof in);
    enlarge(s->wish, s->d, in);
    /* A mode of one joins nothing: only where there is no other way. */
    for (int k = 0; k < s->d; k++) {
        key += in[k] * out[k] == 1 ? (size_t)1 << 52 : 0;
        key += in[k] == 1 || out[k] == 1 ? (size_t)1 << 44 : 0;
    }
    bool full = s->n_best == BEST, tree = fdht_has_tree(&s->spec);
    if (full && tree && key + leaf_numbers(s, in, out) >= s->best[BEST - 1].key)
        return;
    fdht_op_spec spec = s->spec;
    memcpy(spec.in, in, sizeof in);
    memcpy(spec.out, out, sizeof spec.out);
    fdht_op_spec_set_rank(&spec, s->wish->rank);
    if (tree)
        fdht_ht_feasible(&spec);
    key += fdht_spec_parameters(&spec);
    if (full && s->best[BEST - 1].key <= key)
        return;
    int at = full ? BEST - 1 : s->n_best++;
    for (; at > 0 && s->best[at - 1].key > key; at--)
        s->best[at] = s->best[at - 1];
    memcpy(spec.in, x, sizeof spec.in);
    s->best[at].spec = spec;
    s->best[at].key = key;
}

/* ---- pairing ---- */

/* Largest inputs with smallest outputs; the mode with the blocks, a-th of outputs and b-th of inputs, comes first. */
static void pair(search *s, const size_t *in, const size_t *out, int a, int b)
{
    size_t x[FDHT_MAX_MODES] = {in[b]}, y[FDHT_MAX_MODES] = {out[a] * s->wish->blocks};
    int i = s->d - 1, o = 0;
    for (int k = 1; k < s->d; k++) {
        i -= i == b;
        o += o == a;
        x[k] = in[i--];
        y[k] = out[o++];
    }
    consider(s, x, y);
}

static void pair_all(search *s, const size_t *in, const size_t *out)
{
    for (int a = 0; a < s->d; a++)
        for (int b = 0; b < s->d; b++)
            if ((a == 0 || out[a] != out[a - 1]) && (b == 0 || in[b] != in[b - 1]))
                pair(s, in, out, a, b);
}

/* One given side: the other side's factors in the order that suits it. */
static void pair_given(search *s, const size_t *factor)
{
    const size_t *fixed = s->have_in ? s->spec.in : s->spec.out;
    for (int a = 0; a < s->d; a++) { /* which factor goes to the first mode; the rest by size */
        bool used[FDHT_MAX_MODES] = {false};
        size_t free_side[FDHT_MAX_MODES] = {factor[a] * (s->have_in ? s->wish->blocks : 1)};
        int o = 0;
        for (int n = 1; n < s->d; n++) {
            int most = -1;
            for (int k = 1; k < s->d; k++)
                if (!used[k] && (most < 0 || fixed[k] > fixed[most]))
                    most = k;
            o += o == a;
            used[most] = true;
            free_side[most] = factor[o++];
        }
        consider(s, s->have_in ? fixed : free_side, s->have_in ? free_side : fixed);
    }
}

/* x takes `first` positions of the enlarged mode and its other modes hold `rest`: both x and h fit by slices. */
static void pair_slices(search *s, size_t first, const size_t *rest, const size_t *out)
{
    int d = s->d, e = s->wish->enlarge_mode;
    for (int a = 0; a < d; a++) {
        size_t x[FDHT_MAX_MODES], y[FDHT_MAX_MODES] = {out[a] * s->wish->blocks};
        int i = d - 2, o = 0;
        for (int k = 0; k < d; k++)
            x[k] = k == e ? first : rest[i--];
        for (int k = 1; k < d; k++) {
            o += o == a;
            y[k] = out[o++];
        }
        consider(s, x, y);
    }
}

/* ---- searching ---- */

/* Leave of two lists what `most` pairs allow: both ascend from uneven to even, so the ends stay. */
static void limit_pairs(const fdht_factors *a, const fdht_factors *b, size_t most, int *from_a, int *from_b)
{
    int side = 1;
    while ((size_t)(side + 1) * (size_t)(side + 1) <= most)
        side++;
    int n_b = FDHT_MIN(b->n, FDHT_MAX(side, (int)(most / (size_t)FDHT_MAX(a->n, 1))));
    int n_a = FDHT_MIN(a->n, (int)(most / (size_t)FDHT_MAX(n_b, 1)));
    *from_a = a->n - n_a;
    *from_b = b->n - n_b;
}

/* A hidden state larger than the inputs: x is padded, so that a few slices hold h. */
static int search_slices(search *s, const fdht_factors *out, fdht_error *err)
{
    const fdht_modes_wish *w = s->wish;
    size_t last = 0;
    int status = FDHT_OK, from_rest, from_out;
    for (size_t share = 1; !status && share <= SHARES; share++) {
        size_t rest = fdht_factors_smooth((w->hidden + share - 1) / share, 7);
        fdht_factors f;
        if (rest == last)
            continue;
        last = rest;
        if ((status = fdht_factors_of(rest, s->d - 1, &f, err)))
            break;
        limit_pairs(&f, out, PAIRS / SHARES, &from_rest, &from_out);
        for (int i = from_rest; i < f.n; i++)
            for (int j = from_out; j < out->n; j++)
                pair_slices(s, (w->inputs + rest - 1) / rest, f.v[i], out->v[j]);
        fdht_factors_free(&f);
    }
    return status;
}

/* Factorisations of n for d modes. with_one: one mode takes no factor, because it is not of one all the same: it has the
 * blocks, or slices of the hidden state. */
static int list_factors(size_t n, int d, bool with_one, fdht_factors *out, fdht_error *err)
{
    fdht_factors fewer = {.n = 0}, all = {.n = 0};
    n = fdht_factors_round_up(n, d);
    int status = fdht_factors_of(n, d, out, err);
    if (status || !with_one || d < 2 || out->v[0][0] == 1)
        return status;
    if ((status = fdht_factors_of(n, d - 1, &fewer, err)))
        return status;
    if (!(all.v = fdht_calloc_err((size_t)fewer.n + (size_t)out->n, sizeof *all.v, "factorisations", err))) {
        fdht_factors_free(&fewer);
        return FDHT_ENOMEM;
    }
    for (; all.n < fewer.n; all.n++) {
        all.v[all.n][0] = 1;
        memcpy(all.v[all.n] + 1, fewer.v[all.n], (size_t)(d - 1) * sizeof **all.v);
    }
    memcpy(all.v + all.n, out->v, (size_t)out->n * sizeof *out->v);
    all.n += out->n;
    fdht_factors_free(&fewer);
    fdht_factors_free(out);
    *out = all;
    return FDHT_OK;
}

static int search_modes(search *s, int d, fdht_error *err)
{
    const fdht_modes_wish *w = s->wish;
    fdht_factors in = {.n = 0}, out = {.n = 0};
    int from_in = 0, from_out = 0, status = FDHT_OK;
    s->d = s->spec.d = d;
    if (fdht_has_tree(&s->spec))
        status = fdht_tree_balanced(d, &s->spec.tree, err);
    if (!status && !s->have_in)
        status = list_factors(w->inputs, d, w->hidden > 0, &in, err);
    if (!status && !s->have_out)
        status = list_factors(w->outputs / w->blocks, d, w->blocks > 1, &out, err);
    if (status)
        goto out;
    if (s->have_in || s->have_out) {
        const fdht_factors *f = s->have_in ? &out : &in;
        for (int i = 0; i < f->n; i++)
            pair_given(s, f->v[i]);
        goto out;
    }
    limit_pairs(&in, &out, PAIRS, &from_in, &from_out);
    for (int i = from_in; i < in.n; i++)
        for (int j = from_out; j < out.n; j++)
            pair_all(s, in.v[i], out.v[j]);
    if (w->hidden > w->inputs && !w->enlarge && d > 1)
        status = search_slices(s, &out, err);
out:
    fdht_factors_free(&in);
    fdht_factors_free(&out);
    return status;
}

/* Of the smallest few the one with the cheapest plan. */
static int cheapest(const search *s, size_t *operations, int *at, fdht_error *err)
{
    int status = FDHT_OK;
    for (int i = 0; !status && i < s->n_best; i++) {
        fdht_op *op = NULL;
        fdht_plan_report plan;
        if (!(status = fdht_op_new(&s->best[i].spec, &op, err)) &&
            !(status = fdht_op_plan(op, NULL, &plan, err)) && (i == 0 || plan.multiply_adds < *operations)) {
            *operations = plan.multiply_adds;
            *at = i;
        }
        fdht_op_free(op);
    }
    return status;
}

static int check_wish(const search *s, fdht_error *err)
{
    const fdht_modes_wish *w = s->wish;
    size_t in = product(s->spec.in, s->spec.d), out = product(s->spec.out, s->spec.d);
    int modes = s->spec.d ? s->spec.d : MOST_MODES;
    if (!w->inputs || !w->outputs || !w->blocks || w->outputs % w->blocks || s->spec.d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "%zu inputs and %zu outputs in %zu blocks", w->inputs, w->outputs,
                         w->blocks);
    if (w->inputs > FDHT_MOST_FACTORED || w->outputs > FDHT_MOST_FACTORED || w->hidden > FDHT_MOST_FACTORED)
        return fdht_fail(err, FDHT_EINVAL, "%zu inputs and %zu outputs are too many for automatic modes",
                         w->inputs, w->outputs);
    if (s->have_in && in < w->inputs)
        return fdht_fail(err, FDHT_EINVAL, "input modes hold %zu of %zu inputs", in, w->inputs);
    if (s->have_out && (out < w->outputs || s->spec.out[0] % w->blocks))
        return fdht_fail(err, FDHT_EINVAL,
                         "output modes hold %zu of %zu outputs, the first is %zu, of %zu blocks", out,
                         w->outputs, s->spec.out[0], w->blocks);
    if (w->hidden && !w->enlarge && (w->enlarge_mode < 0 || w->enlarge_mode >= modes))
        return fdht_fail(err, FDHT_EINVAL, "mode to enlarge: expected 1..%d, got %d", modes,
                         w->enlarge_mode + 1);
    return FDHT_OK;
}

int fdht_modes_choose(const fdht_modes_wish *wish, fdht_op_spec *spec, size_t *operations, fdht_error *err)
{
    search s = {.wish = wish, .spec = *spec};
    int at = 0, status;
    s.have_in = spec->in[0] > 0 && spec->d > 0;
    s.have_out = spec->out[0] > 0 && spec->d > 0;
    if ((status = check_wish(&s, err)))
        return status;
    if (s.have_in && s.have_out)
        return fdht_has_tree(spec) ? fdht_tree_balanced(spec->d, &spec->tree, err) : FDHT_OK;
    int least = wish->hidden && !wish->enlarge ? FDHT_MAX(2, wish->enlarge_mode + 1) : 2;
    int most = spec->d ? spec->d : MOST_MODES;
    for (int d = spec->d ? spec->d : least; !status && d <= most; d++)
        status = search_modes(&s, d, err);
    if (!status && wish->by_operations)
        status = cheapest(&s, operations, &at, err);
    if (status || !s.n_best)
        return status ? status : fdht_fail(err, FDHT_EINTERNAL, "no factorisation found");
    *spec = s.best[at].spec;
    return FDHT_OK;
}

void fdht_modes_reason(const fdht_modes_wish *wish, const fdht_op_spec *spec, size_t parameters,
                       size_t operations, char reason[256])
{
    size_t in = product(spec->in, spec->d), out = product(spec->out, spec->d), at;
    at =
        (size_t)snprintf(reason, 256, "%d modes with %s at rank %zu", spec->d,
                         wish->by_operations ? "the fewest operations" : "the fewest parameters", wish->rank);
    if (in != wish->inputs && wish->hidden > wish->inputs)
        at += (size_t)snprintf(reason + at, 256 - at,
                               ", inputs padded from %zu to %zu to hold the state in few slices",
                               wish->inputs, in);
    else if (in != wish->inputs)
        at +=
            (size_t)snprintf(reason + at, 256 - at, ", inputs padded from %zu to %zu, %zu has a large prime",
                             wish->inputs, in, wish->inputs);
    if (out != wish->outputs)
        at += (size_t)snprintf(reason + at, 256 - at, ", outputs padded from %zu to %zu", wish->outputs, out);
    if (wish->by_operations)
        at += (size_t)snprintf(reason + at, 256 - at, ", %zu multiply-adds", operations);
    snprintf(reason + at, 256 - at, ": %zu parameters", parameters);
}

int fdht_choose_modes(size_t inputs, size_t outputs, size_t blocks, size_t rank, bool by_operations,
                      fdht_op_spec *spec, char reason[256], fdht_error *err)
{
    fdht_modes_wish wish = {.inputs = inputs,
                            .outputs = outputs,
                            .blocks = blocks,
                            .rank = FDHT_MAX(rank, (size_t)1),
                            .by_operations = by_operations};
    bool given = spec->d > 0 && spec->in[0] > 0 && spec->out[0] > 0;
    size_t operations = 0;
    int status = fdht_modes_choose(&wish, spec, &operations, err);
    if (status)
        return status;
    if (given)
        snprintf(reason, 256, "as given");
    else
        fdht_modes_reason(&wish, spec, fdht_spec_parameters(spec), operations, reason);
    return FDHT_OK;
}
