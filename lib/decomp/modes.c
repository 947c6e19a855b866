/* modes.c - splitting inputs and outputs into modes (lib/README.md section 5.9). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "decomp/ranks.h"

enum { MOST_MODES = 6, BEST = 12, EVEN_PRIME = 32 };

typedef struct factors {
    size_t v[FDHT_MAX_MODES];
} factors;

typedef struct search {
    int d;
    size_t blocks, rank, inputs, outputs;
    fdht_op_spec spec; /* format; in or out where it is given */
    bool have_in, have_out;
    factors in, out; /* of the branch being looked at, ascending; out without the blocks */
    int n_best;
    struct {
        fdht_op_spec spec;
        size_t key;
    } best[BEST];
} search;

static size_t largest_prime(size_t n)
{
    size_t most = 1;
    for (size_t p = 2; p * p <= n; p++)
        while (n % p == 0) {
            most = p;
            n /= p;
        }
    return FDHT_MAX(most, n);
}

/* n, or the next larger number without a large prime, which would be a mode of its own. */
static size_t round_up(size_t n, int d)
{
    double side = 2 * pow((double)n, 1.0 / d);
    size_t even = FDHT_MAX((size_t)side, (size_t)EVEN_PRIME);
    if (largest_prime(n) <= even)
        return n;
    while (largest_prime(n) > 13)
        n++;
    return n;
}

static void keep_best(search *s, const fdht_op_spec *spec)
{
    size_t p = fdht_spec_parameters(spec);
    /* A mode of one joins nothing: only where there is no other way. */
    for (int k = 0; k < spec->d; k++) {
        p += fdht_leaf_size(spec, k) == 1 ? (size_t)1 << 52 : 0;
        p += spec->in[k] == 1 || spec->out[k] == 1 ? (size_t)1 << 44 : 0;
    }
    int at = s->n_best < BEST ? s->n_best++ : BEST;
    if (at == BEST && s->best[BEST - 1].key <= p)
        return;
    at = FDHT_MIN(at, BEST - 1);
    while (at > 0 && s->best[at - 1].key > p) {
        s->best[at] = s->best[at - 1];
        at--;
    }
    s->best[at].spec = *spec;
    s->best[at].key = p;
}

static void set_ranks(fdht_op_spec *spec, size_t rank)
{
    fdht_op_spec_set_rank(spec, rank);
    if (fdht_has_tree(spec))
        fdht_ht_feasible(spec);
}

/* The largest input mode goes with the smallest output mode; the mode with the blocks, a-th of outputs and b-th of inputs, comes first. */
static void pair_up(search *s, int a, int b)
{
    fdht_op_spec spec = s->spec;
    int d = s->d, i = d - 1, o = 0;
    spec.in[0] = s->in.v[b];
    spec.out[0] = s->out.v[a] * s->blocks;
    for (int k = 1; k < d; k++) {
        i -= i == b;
        o += o == a;
        spec.in[k] = s->in.v[i--];
        spec.out[k] = s->out.v[o++];
    }
    if (s->have_in)
        memcpy(spec.in, s->spec.in, sizeof spec.in);
    if (s->have_out)
        memcpy(spec.out, s->spec.out, sizeof spec.out);
    set_ranks(&spec, s->rank);
    keep_best(s, &spec);
}

/* One given side: the other side's factors in the order that suits it. */
static void pair_given(search *s)
{
    fdht_op_spec spec = s->spec;
    const size_t *fixed = s->have_in ? s->spec.in : s->spec.out;
    size_t *free_side = s->have_in ? spec.out : spec.in;
    const factors *f = s->have_in ? &s->out : &s->in;
    for (int a = 0; a < s->d; a++) { /* which factor goes to the first mode; the rest by size */
        bool used[FDHT_MAX_MODES] = {false};
        int o = 0;
        free_side[0] = f->v[a] * (s->have_in ? s->blocks : 1);
        for (int n = 1; n < s->d; n++) {
            int most = -1;
            for (int k = 1; k < s->d; k++)
                if (!used[k] && (most < 0 || fixed[k] > fixed[most]))
                    most = k;
            o += o == a;
            used[most] = true;
            free_side[most] = f->v[o++];
        }
        set_ranks(&spec, s->rank);
        keep_best(s, &spec);
    }
}

static void leaf_of_search(search *s)
{
    if (s->have_in || s->have_out) {
        pair_given(s);
        return;
    }
    for (int a = 0; a < s->d; a++)
        for (int b = 0; b < s->d; b++)
            if ((a == 0 || s->out.v[a] != s->out.v[a - 1]) && (b == 0 || s->in.v[b] != s->in.v[b - 1]))
                pair_up(s, a, b);
}

/* All ascending factorisations of n into the factors from `at` on. */
static void outputs_from(search *s, int at, size_t n)
{
    size_t least = at ? s->out.v[at - 1] : 1;
    if (at == s->d - 1) {
        s->out.v[at] = n;
        if (n >= least)
            leaf_of_search(s);
        return;
    }
    for (size_t f = least; f <= n && pow((double)f, s->d - at) <= (double)n * 1.0000001; f++)
        if (n % f == 0) {
            s->out.v[at] = f;
            outputs_from(s, at + 1, n / f);
        }
}

static void inputs_from(search *s, int at, size_t n)
{
    size_t least = at ? s->in.v[at - 1] : 1;
    if (at == s->d - 1) {
        s->in.v[at] = n;
        if (n < least)
            return;
        if (s->have_out)
            leaf_of_search(s);
        else
            outputs_from(s, 0, s->outputs);
        return;
    }
    for (size_t f = least; f <= n && pow((double)f, s->d - at) <= (double)n * 1.0000001; f++)
        if (n % f == 0) {
            s->in.v[at] = f;
            inputs_from(s, at + 1, n / f);
        }
}

static int search_modes(search *s, size_t inputs, size_t outputs, int d, fdht_error *err)
{
    s->d = s->spec.d = d;
    if (fdht_has_tree(&s->spec)) {
        int status = fdht_tree_balanced(d, &s->spec.tree, err);
        if (status)
            return status;
    }
    s->inputs = s->have_in ? inputs : round_up(inputs, d);
    s->outputs = s->have_out ? outputs / s->blocks : round_up(outputs / s->blocks, d);
    if (s->have_in)
        outputs_from(s, 0, s->outputs);
    else
        inputs_from(s, 0, s->inputs);
    return FDHT_OK;
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

/* The product of the modes; SIZE_MAX if that is beyond it. */
static size_t size_of(const size_t *mode, int d)
{
    size_t size;
    (void)fdht_product(mode, (size_t)d, &size);
    return size;
}

static int check_given(const search *s, size_t inputs, size_t outputs, fdht_error *err)
{
    if (s->have_in && size_of(s->spec.in, s->spec.d) < inputs)
        return fdht_fail(err, FDHT_EINVAL, "input modes hold %zu of %zu inputs",
                         size_of(s->spec.in, s->spec.d), inputs);
    if (s->have_out && (size_of(s->spec.out, s->spec.d) < outputs || s->spec.out[0] % s->blocks))
        return fdht_fail(err, FDHT_EINVAL,
                         "output modes hold %zu of %zu outputs, the first is %zu, of %zu blocks",
                         size_of(s->spec.out, s->spec.d), outputs, s->spec.out[0], s->blocks);
    return FDHT_OK;
}

int fdht_choose_modes(size_t inputs, size_t outputs, size_t blocks, size_t rank, bool by_operations,
                      fdht_op_spec *spec, char reason[256], fdht_error *err)
{
    search s = {.blocks = blocks, .rank = FDHT_MAX(rank, (size_t)1), .spec = *spec};
    size_t operations = 0;
    int at = 0, status = FDHT_OK;
    s.have_in = spec->in[0] > 0 && spec->d > 0;
    s.have_out = spec->out[0] > 0 && spec->d > 0;
    if (!inputs || !outputs || !blocks || outputs % blocks || spec->d > FDHT_MAX_MODES)
        return fdht_fail(err, FDHT_EINVAL, "%zu inputs and %zu outputs in %zu blocks", inputs, outputs,
                         blocks);
    if ((status = check_given(&s, inputs, outputs, err)))
        return status;
    if (s.have_in && s.have_out) {
        if (fdht_has_tree(spec) && (status = fdht_tree_balanced(spec->d, &spec->tree, err)))
            return status;
        snprintf(reason, 256, "as given");
        return FDHT_OK;
    }
    for (int d = spec->d ? spec->d : 2; !status && d <= (spec->d ? spec->d : MOST_MODES); d++)
        status = search_modes(&s, inputs, outputs, d, err);
    if (!status && by_operations)
        status = cheapest(&s, &operations, &at, err);
    if (status || !s.n_best)
        return status ? status : fdht_fail(err, FDHT_EINTERNAL, "no factorisation found");
    *spec = s.best[at].spec;
    size_t in = size_of(spec->in, spec->d), out = size_of(spec->out, spec->d);
    int n = snprintf(reason, 256, "%d modes with %s at rank %zu: %zu parameters", spec->d,
                     by_operations ? "the fewest operations" : "the fewest parameters", s.rank,
                     fdht_spec_parameters(spec));
    if (by_operations)
        n += snprintf(reason + n, 256 - (size_t)n, ", %zu multiply-adds", operations);
    if (in != inputs)
        n += snprintf(reason + n, 256 - (size_t)n, "; inputs padded from %zu to %zu, %zu has a large prime",
                      inputs, in, inputs);
    if (out != outputs)
        snprintf(reason + n, 256 - (size_t)n, "; outputs padded from %zu to %zu", outputs, out);
    return FDHT_OK;
}
