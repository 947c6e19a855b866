/* Lanes and rows are the same bits, and the way back in lanes is the transpose and the gradient, on random networks of every
 * format that are large enough to run in loops. */
#include "support/operator_random.h"

#include "tensor/exec_parts.h"

enum { OPERATORS = 120, LIMIT = 60 };

#define FDHT_REAL 32
#include "base/real.h"
#define EPS 2e-5
#include "support/lanes_tmpl.h"
#undef EPS
#define FDHT_REAL 64
#include "base/real.h"
#define EPS 1e-12
#include "support/lanes_tmpl.h"
#undef EPS

/* So many inputs that some steps run in loops, of prime extents mostly. */
static void widen(fdht_rng *r, fdht_op_spec *s)
{
    static const size_t extents[] = {1, 2, 3, 5, 7, 11, 13, 16, 17, 19};
    size_t inputs = 1;
    for (int k = 0; k < s->d; k++) {
        s->in[k] = extents[fdht_rng_below(r, FDHT_COUNT(extents))];
        inputs *= s->in[k];
    }
    for (int k = 0; k < s->d && inputs < 8000; k++) {
        inputs = inputs / s->in[k] * 13;
        s->in[k] = 13;
    }
}

static void both_forms(void **state)
{
    (void)state;
    char name[512];
    int loops = 0, deep = 0;
    if (strcmp(fdht_kernels_level(), "reference") == 0) /* it sums in double: a slice rounds in between */
        skip();
    for (int i = 0; i < OPERATORS; i++) {
        fdht_rng r;
        fdht_op *op = NULL;
        fdht_plan plan;
        fdht_format format = (fdht_format)(i % FDHT_FORMATS);
        fdht_rng_seed(&r, 77, (uint64_t)i);
        fdht_op_spec s = random_spec(&r, format, LIMIT);
        if (format != FDHT_DENSE && i % 7)
            widen(&r, &s);
        fdht_box b = random_box(&r, &s), *box = fdht_rng_below(&r, 3) ? NULL : &b;
        describe(&s, box, name, sizeof name);
        assert_int_equal(fdht_op_new(&s, &op, NULL), FDHT_OK);
        assert_int_equal(fdht_plan_make(op, box, &plan, NULL), FDHT_OK);
        loops += plan.nest.loops > 0;
        deep += plan.nest.loops > 1;
        fdht_plan_clear(&plan);
        check_operator_f32(&r, op, box, false, name);
        check_operator_f64(&r, op, box, true, name);
        fdht_op_free(op);
    }
    print_message("# %d networks, %d in loops, %d in two or more\n", OPERATORS, loops, deep);
    assert_true(loops > 20 && deep > 4);
}

/* Lanes are taken where a block costs no more than its vectors as rows: the costs are those of plan.h. */
static void choice(void **state)
{
    (void)state;
    fdht_plan p = {.multiply_adds = 1000, .input_size = 100};
    double block = FDHT_PLAN_LANES * 1000 + FDHT_PLAN_FILL * 100;
    p.cost = block / 0.75;
    assert_int_equal(fdht_plan_least_lanes(&p, 16), 12);
    assert_int_equal(fdht_plan_least_lanes(&p, 8), 6);
    p.cost = block * 100;
    assert_int_equal(fdht_plan_least_lanes(&p, 16), 1);
    p.cost = block * 0.9; /* rows are faster */
    assert_int_equal(fdht_plan_least_lanes(&p, 16), 17);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_forms), cmocka_unit_test(choice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
