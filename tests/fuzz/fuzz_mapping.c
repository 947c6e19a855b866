/* A mapping for a workload, as fdht simulate --mapping takes it: it is refused with a reason, or the array that runs it gives the same
 * words as the arithmetic without an array. */
#include "fuzz.h"

#include "fdht/fixed.h"
#include "fdht/hardware.h"

static fdht_workload workload;
static fdht_sim_hw hw;

static void start(void)
{
    if (workload.steps)
        return;
    if (fdht_workload_read("tests/data/workload.json", &workload, NULL) ||
        fdht_sim_hw_named("fdht", &hw, NULL))
        abort();
    workload.steps = 2;
}

static void run(fdht_fixed *f, const fdht_sim_program *given)
{
    size_t T = workload.steps, n = T * fdht_fixed_inputs(f);
    float *x = calloc(n, sizeof *x);
    int16_t *in = calloc(n, sizeof *in), *out = calloc(T * fdht_fixed_outputs(f), sizeof *out);
    fdht_sim_io io = {.steps = T, .clips = 1, .x = in, .y = out};
    fdht_sim_report report;
    fdht_error err = {0};
    if (!x || !in || !out)
        abort();
    fdht_fixed_random_input(f, 1, T, x);
    fdht_fixed_quantise(f, n, x, in);
    int rc = fdht_sim_map_as(fdht_fixed_program(f), given, &hw, &err);
    fuzz_judge(rc, &err);
    if (!rc) {
        fuzz_judge(rc = fdht_sim_run(fdht_fixed_program(f), &hw, &io, &report, &err), &err);
        if (!rc) {
            fuzz_judge(fdht_fixed_check(f, T, in, out, &err), &err);
            fdht_sim_report_free(&report);
        }
    }
    free(x);
    free(in);
    free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fdht_sim_program given, shape;
    fdht_sim_report report;
    fdht_error err = {0};
    fdht_fixed *f;
    start();
    int rc = fdht_mapping_read(fuzz_path(data, size), hw.x_banks, &given, &err);
    fuzz_judge(rc, &err);
    if (rc)
        return 0;
    fdht_order_choice choice = {.kind = FDHT_ORDER_GIVEN, .given = &given};
    fuzz_judge(rc = fdht_program_shape(&workload, &choice, &hw, &shape, &err), &err);
    if (!rc) {
        fuzz_judge(rc = fdht_sim_paper(&shape, &hw, workload.steps, &report, &err), &err);
        if (!rc)
            fdht_sim_report_free(&report);
        fdht_program_free(&shape);
    }
    fuzz_judge(rc = fdht_fixed_from_workload(&workload, &choice, &hw, 1, &f, &err), &err);
    if (!rc) {
        run(f, &given);
        fdht_fixed_free(f);
    }
    fdht_program_free(&given);
    return 0;
}

/* The file of tests/data, and what is written for other orders and bank functions. */
void fuzz_seeds(void)
{
    static char text[1 << 20];
    start();
    fuzz_seed_file("tests/data/mapping.json");
    for (size_t function = 0; function < FDHT_BANK_FUNCTIONS; function++) {
        fdht_sim_hw one = hw;
        fdht_order_choice choice = {.kind = function % 2 ? FDHT_ORDER_BEST : FDHT_ORDER_NATURAL};
        fdht_fixed *f;
        one.bank_function = function;
        if (fdht_fixed_from_workload(&workload, &choice, &one, 1, &f, NULL))
            abort();
        fdht_sim_program *p = fdht_fixed_program(f);
        FILE *file = fmemopen(text, sizeof text, "wb");
        if (!file || fdht_sim_map_program(p, &one, NULL) ||
            fdht_mapping_write(file, "small", p, one.x_banks, NULL))
            abort();
        long n = ftell(file);
        fclose(file);
        fdht_sim_unmap_program(p);
        fdht_fixed_free(f);
        fuzz_seed(text, (size_t)n);
    }
}
