/* Lanes and rows are the same bits, and the way back in lanes is the transpose and the gradient, on random networks of every
 * format that are large enough to run in loops. */
#include "support/operator_random.h"

#include "kernels/elementwise.h"
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

enum { INPUTS = 8 * 15 * 10 * 16 * 3, SHIFT = 5 };

/* The frame, its bytes SHIFT places further on, around its end. */
static void turn_round(const void *how, const uint8_t *frame, size_t first, size_t n, uint8_t *out)
{
    (void)how;
    for (size_t i = 0; i < n; i++)
        out[i] = frame[(first + i + SHIFT) % INPUTS];
}

/* The first vector of a block is not moved, nearly all others are. */
static bool is_moved(size_t i)
{
    return i % 8 != 0;
}

static bool some_moved(void *arg, size_t i, fdht_bytes *out)
{
    const uint8_t *before = (const uint8_t *)arg + i * INPUTS;
    *out = (fdht_bytes){.now = before + INPUTS, .before = before, .move = is_moved(i) ? turn_round : NULL};
    return true;
}

/* Differences of frames that move beside those of frames that do not are what they are alone: in lanes the former need room, piece by
 * piece. What is written past it the address sanitizer sees. */
static void moved_beside_others(void **state)
{
    (void)state;
    enum { VECTORS = 2 * FDHT_LANES, OUTPUTS = 64 };
    fdht_op_spec s = {.format = FDHT_HT, .d = 5, .in = {8, 15, 10, 16, 3}, .out = {4, 4, 4, 1, 1}};
    fdht_op *op = NULL;
    fdht_exec_f32 *e = NULL;
    fdht_plan plan;
    fdht_error err = {0};
    assert_int_equal(fdht_tree_balanced(5, &s.tree, &err), FDHT_OK);
    fdht_op_spec_set_rank(&s, 8);
    assert_int_equal(fdht_op_new(&s, &op, &err), FDHT_OK);
    assert_int_equal(fdht_plan_make(op, NULL, &plan, &err), FDHT_OK);
    assert_true(plan.nest.run > 2 * FDHT_EXEC_LANES_PIECE); /* more than there is room for */
    fdht_plan_clear(&plan);
    float *params = malloc(fdht_op_parameters(op) * sizeof *params),
          *x = malloc(VECTORS * INPUTS * sizeof *x);
    float y[2][VECTORS * OUTPUTS];
    uint8_t *u8 = malloc((VECTORS + 1) * INPUTS);
    for (size_t i = 0; i < (VECTORS + 1) * INPUTS; i++)
        u8[i] = (uint8_t)fdht_rng_hash(i);
    for (size_t i = 0; i < VECTORS; i++)
        for (size_t j = 0; j < INPUTS; j++) {
            const uint8_t *before = u8 + i * INPUTS + (j + (is_moved(i) ? SHIFT : 0)) % INPUTS;
            x[i * INPUTS + j] = (float)(before[INPUTS] - *before);
        }
    assert_int_equal(fdht_op_init(op, .01, 3, params, &err), FDHT_OK);
    assert_int_equal(fdht_exec_new_f32(op, NULL, 1, true, &e, &err), FDHT_OK);
    fdht_exec_pack_f32(e, params, 1);
    fdht_vectors_f32 real = {.real = x, .ld = INPUTS}, bytes = {.bytes = some_moved, .arg = u8};
    fdht_exec_forward_f32(e, 0, VECTORS, &real, y[0], OUTPUTS, false);
    fdht_exec_forward_f32(e, 0, VECTORS, &bytes, y[1], OUTPUTS, false);
    assert_memory_equal(y[0], y[1], sizeof y[0]);
    fdht_exec_free_f32(e);
    fdht_op_free(op);
    free(params);
    free(x);
    free(u8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_forms), cmocka_unit_test(choice),
                                       cmocka_unit_test(moved_beside_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
