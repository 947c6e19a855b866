/* The planner against an enumeration of every order of contractions, written here; the published counts; and
 * what a plan reports. */
#include "support/operator_random.h"
#include "tensor/plan.h"

/* --- every order --- */

enum { MAX_TENSORS = 9 };

/* A tensor as the set of its legs that are wider than 1; core_size: of the largest core in it. */
typedef struct tensor {
    bool leg[FDHT_MAX_LEGS], activation;
    double core_size;
} tensor;

typedef struct network {
    int n_legs;
    double extent[FDHT_MAX_LEGS];
} network;

static double numbers(const network *w, const tensor *t)
{
    double size = 1;
    for (int i = 0; i < w->n_legs; i++)
        if (t->leg[i])
            size *= w->extent[i];
    return size;
}

/* The least cost of contracting n tensors to one, two at a time, by trying every pair. */
static double least(const network *w, const tensor *t, int n)
{
    if (n == 1)
        return 0;
    double best = INFINITY;
    for (int i = 0; i < n; i++)
        for (int j = i + 1; j < n; j++) {
            tensor next[MAX_TENSORS], *c = &next[0];
            double work = 1, cost;
            *c = (tensor){.activation = t[i].activation || t[j].activation};
            c->core_size = fmax(t[i].core_size, t[j].core_size);
            for (int leg = 0; leg < w->n_legs; leg++) {
                c->leg[leg] = t[i].leg[leg] != t[j].leg[leg];
                if (t[i].leg[leg] || t[j].leg[leg])
                    work *= w->extent[leg];
            }
            if (c->activation)
                cost = work + FDHT_PLAN_MOVE * (numbers(w, t[i].activation ? &t[i] : &t[j]) + numbers(w, c));
            else if (numbers(w, c) > fmax(FDHT_PLAN_MERGED, c->core_size))
                continue;
            else
                cost = FDHT_PLAN_MERGE_SHARE * work;
            for (int k = 0, at = 1; k < n; k++)
                if (k != i && k != j)
                    next[at++] = t[k];
            cost += least(w, next, n - 1);
            best = fmin(best, cost);
        }
    return best;
}

static double brute_force(const fdht_op *op, const fdht_box *box)
{
    const fdht_op_spec *s = fdht_op_spec_of(op);
    network w = {.n_legs = op->n_legs};
    tensor t[MAX_TENSORS] = {{.activation = true}};
    for (int leg = 0; leg < op->n_legs; leg++)
        w.extent[leg] = (double)(box && leg < s->d ? box->size[leg] : op->leg_dim[leg]);
    for (int k = 0; k < s->d; k++)
        t[0].leg[k] = w.extent[k] > 1;
    assert_true(op->cores_per_term < MAX_TENSORS);
    for (int i = 0; i < op->cores_per_term; i++) {
        const fdht_core_desc *c = &op->core[i];
        for (int k = 0; k < c->info.order; k++)
            t[1 + i].leg[c->leg[k]] = w.extent[c->leg[k]] > 1;
        t[1 + i].core_size = numbers(&w, &t[1 + i]);
    }
    return least(&w, t, 1 + op->cores_per_term);
}

/* What the plan costs, as the search counts. */
static double cost_of(const fdht_plan *p)
{
    return (double)p->multiply_adds + FDHT_PLAN_MOVE * (double)p->moved +
           FDHT_PLAN_MERGE_SHARE * (double)p->merge_multiply_adds;
}

/* Extents of all sizes: the search must not lose its way where numbers get large. */
static fdht_op_spec wild_spec(fdht_rng *r, int number)
{
    static const size_t extents[] = {1, 2, 3, 5, 8, 20, 64};
    static const size_t ranks[] = {1, 2, 3, 5, 16, 60, 400};
    fdht_op_spec s = {.format = (fdht_format)(number % FDHT_FORMATS), .blocks = 2};
    s.d = (int)(s.format == FDHT_HT ? pick(r, 1, number % 100 == 1 ? 4 : 3) : pick(r, 2, 5));
    size_t in = 1, out = 1;
    for (int k = 0; k < s.d; in *= s.in[k], out *= s.out[k], k++)
        do {
            s.in[k] = extents[fdht_rng_below(r, FDHT_COUNT(extents))];
            s.out[k] = extents[fdht_rng_below(r, number % 2 ? 4 : FDHT_COUNT(extents))];
        } while (in * s.in[k] > 20000 || out * s.out[k] > 2000);
    char text[256];
    random_tree_text(r, s.d, text, sizeof text);
    assert_int_equal(fdht_tree_parse(text, s.d, &s.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&s, 1);
    for (int i = 0; i < 2 * s.d - 1; i++)
        if (s.rank[i] && (s.format != FDHT_TT || (i > 0 && i < s.d)))
            s.rank[i] = ranks[fdht_rng_below(r, number % 3 ? 4 : FDHT_COUNT(ranks))];
    if (s.format == FDHT_TR)
        s.rank[s.d] = s.rank[0];
    return s;
}

static void cheapest_orders(void **state)
{
    (void)state;
    int compared = 0, merged = 0, not_cheapest = 0;
    for (int i = 0; i < 600; i++) {
        fdht_rng r;
        char name[512];
        fdht_error err;
        fdht_op *op = NULL;
        fdht_plan p;
        fdht_rng_seed(&r, 90, (uint64_t)i);
        fdht_op_spec s = wild_spec(&r, i);
        fdht_box b = random_box(&r, &s), *box = fdht_rng_below(&r, 2) ? &b : NULL;
        if (fdht_op_new(&s, &op, &err))
            continue; /* too large to be */
        if (fdht_plan_make(op, box, &p, &err) == FDHT_OK) {
            double want = brute_force(op, box);
            describe(&s, box, name, sizeof name);
            if (fabs(p.least - want) > 1e-12 * want)
                fail_msg("%s: the search finds %.17g, every order tried gives %.17g", name, p.least, want);
            if (cost_of(&p) < want * (1 - 1e-12) || cost_of(&p) > want * FDHT_PLAN_NEAR * (1 + 1e-12))
                fail_msg("%s: the plan costs %.17g, the cheapest %.17g", name, cost_of(&p), want);
            compared++;
            merged += p.merge_multiply_adds > 0;
            not_cheapest += cost_of(&p) > want * (1 + 1e-12);
            fdht_plan_clear(&p);
        }
        fdht_op_free(op);
    }
    print_message("# %d networks, %d with merges, %d not the cheapest by the search\n", compared, merged,
                  not_cheapest);
    assert_true(compared > 300 && merged > 100);
}

/* --- published counts --- */

static void counted(fdht_op_spec *s, const char *tree, size_t leaf, size_t inner, const fdht_box *box,
                    size_t parameters, double most, size_t peak)
{
    fdht_error err;
    fdht_op *op = NULL;
    fdht_plan_report r;
    s->format = FDHT_HT;
    assert_int_equal(fdht_tree_parse(tree, s->d, &s->tree, &err), FDHT_OK);
    fdht_op_spec_set_rank(s, inner);
    for (int i = 0; i < s->tree.n_nodes - 1; i++)
        if (s->tree.node[i].mode >= 0)
            s->rank[i] = leaf;
    assert_int_equal(fdht_op_new(s, &op, &err), FDHT_OK);
    if (parameters)
        assert_int_equal(fdht_op_parameters(op), parameters);
    assert_int_equal(fdht_op_plan(op, box, &r, &err), FDHT_OK);
    print_message("# %zu multiply-adds, %zu for merging, peak %zu\n", r.multiply_adds, r.merge_multiply_adds,
                  r.peak_intermediate);
    if ((double)r.multiply_adds > most || r.peak_intermediate > peak)
        fail_msg("%s: %zu multiply-adds, expected %.0f at most; intermediates of %zu, expected %zu", tree,
                 r.multiply_adds, most, r.peak_intermediate, peak);
    fdht_op_free(op);
}

/* HT-LSTM (2020), 57,600 -> 1,024, and the two models that the goals of this engine are measured on. */
static void published_counts(void **state)
{
    (void)state;
    fdht_op_spec ht = {.d = 5, .in = {8, 10, 10, 9, 8}, .out = {16, 4, 2, 4, 2}};
    counted(&ht, "((1,2),(3,(4,5)))", 4, 5, NULL, 1245, 1.90e6, 57600);
    fdht_op_spec ucf = {.d = 4, .in = {9, 20, 20, 18}, .out = {16, 4, 4, 4}};
    fdht_box x = {{0}, {8, 20, 20, 18}};
    counted(&ucf, "balanced", 4, 4, &x, 0, 1.865e6, 57600);
    fdht_op_spec clips = {.d = 5, .in = {9, 15, 10, 16, 3}, .out = {4, 4, 4, 4, 4}};
    fdht_box frame = {{0}, {8, 15, 10, 16, 3}}, h = {{8}, {1, 4, 4, 4, 1}};
    counted(&clips, "(((1,2),(3,4)),5)", 8, 8, &frame, 0, 7.995e6, 115200);
    counted(&clips, "(((1,2),(3,4)),5)", 8, 8, &h, 0, 0.075e6, 57600);
    counted(&clips, "(((1,2),(3,4)),5)", 4, 4, &frame, 0, 2.625e6, 57600);
}

/* --- reports --- */

/* The steps hang together, and every core of a term is named in exactly one. */
static void reports(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        fdht_rng r;
        fdht_plan_report p;
        fdht_op *op = NULL;
        fdht_rng_seed(&r, 91, (uint64_t)i);
        fdht_op_spec s = random_spec(&r, (fdht_format)(i % FDHT_FORMATS), 300);
        fdht_box b = random_box(&r, &s), *box = i % 2 ? &b : NULL;
        size_t inputs = 1, multiply_adds = 0, peak = 0, moved = 0, named = 0;
        assert_int_equal(fdht_op_new(&s, &op, NULL), FDHT_OK);
        assert_int_equal(fdht_op_plan(op, box, &p, NULL), FDHT_OK);
        for (int k = 0; k < s.d; k++)
            inputs *= box ? box->size[k] : s.in[k];
        for (int step = 0; step < p.n_steps; step++) {
            const fdht_plan_step *t = &p.step[step];
            assert_int_equal(t->m * t->k, step ? p.step[step - 1].outputs : inputs);
            assert_int_equal(t->multiply_adds, t->m * t->k * t->n);
            assert_int_equal(t->outputs, t->m * t->n);
            multiply_adds += t->multiply_adds;
            moved += t->m * t->k + t->outputs;
            peak = FDHT_MAX(peak, t->outputs);
            named++;
            for (const char *c = t->name; *c; c++)
                named += *c == '*';
        }
        int terms = s.format == FDHT_BT ? s.blocks : 1;
        assert_int_equal(p.n_terms, terms);
        assert_int_equal(p.step[p.n_steps - 1].outputs, fdht_op_outputs(op));
        assert_int_equal(p.multiply_adds, multiply_adds * (size_t)terms);
        assert_int_equal(p.bytes, moved * sizeof(float) * (size_t)terms);
        assert_int_equal(p.peak_intermediate, peak);
        assert_int_equal(named, fdht_op_cores(op) / terms);
        fdht_op_free(op);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(cheapest_orders), cmocka_unit_test(published_counts),
                                       cmocka_unit_test(reports)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
