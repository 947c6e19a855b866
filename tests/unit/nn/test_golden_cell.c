/* The FDHT cell against an independent framework (tests/data/fdht_cell.h5): states, loss, gradients, and
 * the first losses of training with each optimiser; in double to 1e-10, in float to its own. */
#include "support/nn_test.h"
#include "train/bptt.h"

#define FDHT_REAL 64
#include "base/real.h"
#define TOLERANCE 1e-10
#define GRADIENT  1e-10
#define LOSS      1e-10
#include "support/golden_tmpl.h"
#undef TOLERANCE
#undef GRADIENT
#undef LOSS
#define FDHT_REAL 32
#include "base/real.h"
#define TOLERANCE 1e-5
#define GRADIENT  1e-4
#define LOSS      1e-4
#include "support/golden_tmpl.h"

static void each(void (*check)(hid_t group, int threads), int threads)
{
    hid_t f = H5Fopen(CELLS, H5F_ACC_RDONLY, H5P_DEFAULT);
    assert_true(f >= 0);
    for (size_t i = 0; i < FDHT_COUNT(golden_cell); i++) {
        hid_t g = H5Gopen2(f, golden_cell[i], H5P_DEFAULT);
        assert_true(g >= 0);
        check(g, threads);
        H5Gclose(g);
    }
    H5Fclose(f);
}

static void test_double(void **state)
{
    (void)state;
    each(check_golden_f64, 1);
    each(check_golden_f64, 3);
}

static void test_float(void **state)
{
    (void)state;
    each(check_golden_f32, 1);
    each(check_golden_f32, 2);
}

/* x_at, h_at: where the operator's columns are; the box that fdht_cell_place chooses where the file leaves
 * the choice. */
static void test_placement(void **state)
{
    (void)state;
    hid_t f = H5Fopen(CELLS, H5F_ACC_RDONLY, H5P_DEFAULT);
    for (size_t i = 0; i < FDHT_COUNT(golden_cell); i++) {
        hid_t g = H5Gopen2(f, golden_cell[i], H5P_DEFAULT);
        size_t x_modes[FDHT_MAX_MODES], box[FDHT_MAX_MODES], slices[FDHT_MAX_MODES] = {0};
        fdht_model *m = golden_model(g, x_modes);
        const fdht_cell_spec *want = &fdht_model_spec_of(m)->cell[0];
        int mode = (int)attr_int(g, "enlarged_mode") - 1;
        fdht_cell_spec c = *want;
        memcpy(c.op.in, x_modes, sizeof x_modes);
        slices[mode] = want->op.in[mode] - x_modes[mode];
        attr_sizes(g, "h_box", box);
        assert_int_equal(fdht_cell_place(&c, mode, slices, i == 1 ? box : NULL, NULL), FDHT_OK);
        assert_memory_equal(c.op.in, want->op.in, (size_t)c.op.d * sizeof *c.op.in);
        assert_memory_equal(c.h.size, want->h.size, (size_t)c.op.d * sizeof *c.op.in);
        assert_memory_equal(c.h.corner, want->h.corner, (size_t)c.op.d * sizeof *c.op.in);
        assert_memory_equal(c.x.size, x_modes, (size_t)c.op.d * sizeof *c.op.in);
        fdht_model_free(m);
        H5Gclose(g);
    }
    H5Fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_double),
        cmocka_unit_test(test_float),
        cmocka_unit_test(test_placement),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
