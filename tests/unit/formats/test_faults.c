/* Out of memory everywhere: each scenario is run with its n-th allocation failing, for every n until it gets through.
 * It must then return FDHT_ENOMEM with a message, leave nothing behind, and leak nothing (the sanitizer build sees
 * that). */
#include "support/files.h"

#include <dirent.h>
#include <errno.h>

#include <cjson/cJSON.h>

#include "base/base.h"
#include "fdht/clips.h"
#include "fdht/decomp.h"
#include "fdht/hardware.h"
#include "fdht/image.h"
#include "fdht/io.h"
#include "fdht/operator.h"
#include "fdht/preset.h"

static fdht_op_spec small_spec(fdht_format format)
{
    fdht_op_spec s = {.format = format, .d = 3, .in = {3, 4, 2}, .out = {2, 3, 4}, .blocks = 2};
    assert_int_equal(fdht_tree_balanced(3, &s.tree, NULL), FDHT_OK);
    fdht_op_spec_set_rank(&s, 2);
    return s;
}

/* Make, initialise, plan, apply, adjoint, dense. */
static int run_operator(fdht_format format, fdht_error *err)
{
    fdht_op_spec s = small_spec(format);
    static float params[1000], x[2 * 24], y[2 * 24], gx[2 * 24], gp[1000];
    static double wide[1000], W[24 * 24];
    static fdht_plan_report plan;
    fdht_op *op = NULL;
    int rc = fdht_op_new(&s, &op, err);
    if (rc)
        return rc;
    assert_true(fdht_op_parameters(op) <= FDHT_COUNT(params));
    if (!rc)
        rc = fdht_op_init(op, 1, 1, params, err);
    if (!rc)
        rc = fdht_op_plan(op, NULL, &plan, err);
    if (!rc)
        rc = fdht_op_apply(op, params, 2, x, y, err);
    if (!rc)
        rc = fdht_op_adjoint(op, params, 2, x, y, gx, gp, err);
    if (!rc)
        rc = fdht_op_dense(op, wide, W, err);
    fdht_op_free(op);
    return rc;
}

static int operator_ht(fdht_error *err)
{
    return run_operator(FDHT_HT, err);
}

static int operator_tt(fdht_error *err)
{
    return run_operator(FDHT_TT, err);
}

static int operator_tr(fdht_error *err)
{
    return run_operator(FDHT_TR, err);
}

static int operator_bt(fdht_error *err)
{
    return run_operator(FDHT_BT, err);
}

static int operator_dense(fdht_error *err)
{
    return run_operator(FDHT_DENSE, err);
}

static int run_decomposition(fdht_format format, fdht_svd_method svd, fdht_error *err)
{
    static float W[24 * 24];
    fdht_op_spec s = small_spec(format);
    fdht_dense_source source = {.rows = 24, .cols = 24, .f32 = W};
    fdht_decomp_input in;
    fdht_decomp_options o;
    fdht_factored f = {0};
    fdht_decomp_report r = {0};
    for (int i = 0; i < 24 * 24; i++)
        W[i] = (float)((i * 37) % 101) - 50;
    fdht_decomp_plain(&s, &source, &in);
    fdht_decomp_options_default(&o);
    o.tol = .1;
    o.threads = 1;
    o.svd = svd;
    int rc = fdht_decompose(&in, &o, &f, &r, err);
    fdht_factored_free(&f);
    fdht_decomp_report_free(&r);
    return rc;
}

static int decompose_gram(fdht_error *err)
{
    return run_decomposition(FDHT_HT, FDHT_SVD_GRAM, err);
}

static int decompose_qr(fdht_error *err)
{
    return run_decomposition(FDHT_HT, FDHT_SVD_QR, err);
}

static int decompose_tt(fdht_error *err)
{
    return run_decomposition(FDHT_TT, FDHT_SVD_GRAM, err);
}

static int decompose_tr(fdht_error *err)
{
    return run_decomposition(FDHT_TR, FDHT_SVD_GRAM, err);
}

static int write_dataset(fdht_error *err)
{
    static const uint8_t clip[3 * 2 * 4];
    static const char *const classes[] = {"left", "right"};
    const fdht_out_options force = {.force = true};
    fdht_dataset_spec spec = {.shape = {.length = 3, .width = 4, .height = 2, .channels = 1}};
    fdht_dataset_writer *w = NULL;
    int rc = fdht_dataset_create(in_scratch("set.h5"), &spec, &force, &w, err);
    for (int i = 0; i < 3 && !rc; i++)
        if ((rc = fdht_dataset_append(w, clip, 3, i % 2, "clip", FDHT_SPLIT_TRAIN, err)))
            fdht_dataset_discard(w);
    return rc ? rc : fdht_dataset_finish(w, classes, 2, err);
}

static int read_dataset(fdht_error *err)
{
    uint8_t clip[3 * 2 * 4];
    fdht_dataset *ds = NULL;
    int rc = fdht_dataset_open(in_scratch("set.h5"), &ds, err);
    for (size_t i = 0; !rc && i < 3; i++)
        rc = fdht_dataset_read(ds, i, clip, err);
    fdht_dataset_close(ds);
    return rc;
}

static int read_picture(fdht_error *err)
{
    static const char pgm[] = "P5 3 2 255\n123456";
    fdht_image image = {0};
    uint8_t small[2];
    int rc = fdht_image_parse(pgm, sizeof pgm - 1, "p.pgm", 0, &image, err);
    if (!rc)
        rc = fdht_image_resize(image.pixel, 3, 2, 1, small, 2, 1, err);
    fdht_image_free(&image);
    return rc;
}

/* A bad clip is a record, so that memory may run out in the iterator or in an item. */
static int iterate(fdht_error *err)
{
    const char *path = in_scratch("set.h5");
    fdht_clips_options opt;
    fdht_clips *clips = NULL;
    fdht_clip_item *item = NULL;
    fdht_clips_options_default(&opt);
    opt.prefetch = 0;
    opt.frames = 2;
    opt.width = opt.height = 2;
    int rc = fdht_clips_open(&path, 1, &opt, &clips, err);
    while (!rc && !(rc = fdht_clips_next(clips, &item, err)) && item) {
        if (item->status) {
            rc = item->status;
            *err = item->error;
        }
        fdht_clip_item_free(item);
    }
    fdht_clips_close(clips);
    return rc;
}

static int text_output(fdht_error *err)
{
    const fdht_out_options force = {.force = true};
    fdht_out *o = NULL;
    int rc = fdht_out_open(in_scratch("out.txt"), false, &force, &o, err);
    if (rc)
        return rc;
    fputs("text\n", fdht_out_stream(o));
    return fdht_out_commit(o, err);
}

static int presets(fdht_error *err)
{
    fdht_preset p;
    size_t n;
    int rc = FDHT_OK;
    for (int i = 0; i < fdht_presets() && !rc; i++)
        if (!(rc = fdht_preset_get(fdht_preset_name(i), &p, err)))
            rc = fdht_preset_parameters(&p, &n, err);
    return rc;
}

/* A file that is right: whatever fails, it is not the file's fault. */
static int read_workload(fdht_error *err)
{
    fdht_workload w;
    return fdht_workload_read("tests/data/workload.json", &w, err);
}

static const struct {
    const char *name;
    int (*run)(fdht_error *err);
} scenarios[] = {
    {"operator ht", operator_ht},
    {"operator tt", operator_tt},
    {"operator tr", operator_tr},
    {"operator bt", operator_bt},
    {"operator dense", operator_dense},
    {"decompose, gram", decompose_gram},
    {"decompose, qr", decompose_qr},
    {"decompose to tt", decompose_tt},
    {"decompose to tr", decompose_tr},
    {"write a data set", write_dataset},
    {"read a data set", read_dataset},
    {"read a picture", read_picture},
    {"iterate over clips", iterate},
    {"a text output", text_output},
    {"presets", presets},
    {"read a workload", read_workload},
};

/* As scratch_entries, without a shell each time. */
static int entries(void)
{
    DIR *d = opendir(scratch);
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void every_allocation(void **state)
{
    (void)state;
    scratch_make();
    for (size_t i = 0; i < FDHT_COUNT(scenarios); i++) {
        fdht_error err = {0};
        int files = 0;
        if (scenarios[i].run(&err)) /* the first run also makes what later ones need */
            fail_msg("%s: %s", scenarios[i].name, err.msg);
        files = entries();
        for (long n = 1;; n++) {
            memset(&err, 0, sizeof err);
            fdht_alloc_fail_at = n;
            int rc = scenarios[i].run(&err);
            bool reached = fdht_alloc_fail_at == 0;
            fdht_alloc_fail_at = 0;
            if (rc != (reached ? FDHT_ENOMEM : FDHT_OK) || (reached && !err.msg[0]))
                fail_msg("%s, allocation %ld: status %d, '%s'", scenarios[i].name, n, rc, err.msg);
            if (entries() != files)
                fail_msg("%s, allocation %ld: left a file behind", scenarios[i].name, n);
            if (!reached)
                break;
            assert_true(n < 100000);
        }
    }
    scratch_clear();
}

/* cJSON's own allocations: it answers with NULL, as for text that is no JSON. */
static long json_left;

static void *json_malloc(size_t n)
{
    if (json_left && !--json_left) {
        errno = ENOMEM;
        return NULL;
    }
    return malloc(n);
}

static void every_allocation_of_cjson(void **state)
{
    (void)state;
    cJSON_Hooks hooks = {json_malloc, free};
    cJSON_InitHooks(&hooks);
    int rc = FDHT_ENOMEM;
    for (long n = 1; rc == FDHT_ENOMEM; n++) {
        fdht_error err = {0};
        json_left = n;
        rc = read_workload(&err);
        if (json_left ? rc != FDHT_OK : rc != FDHT_ENOMEM)
            fail_msg("allocation %ld of cJSON: status %d, '%s'", n, rc, err.msg);
        assert_true(n < 1000);
    }
    cJSON_InitHooks(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_allocation),
                                       cmocka_unit_test(every_allocation_of_cjson)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
