/* Machines, workloads and mappings: what a reader takes must be within its own limits. */
#include "fuzz.h"

#include "fdht/hardware.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    fdht_sim_hw hw;
    fdht_workload w;
    fdht_error err = {0};
    char schema[64];
    int rc = fdht_hardware_read(path, &hw, &err);
    fuzz_judge(rc, &err);
    if (!rc && fdht_sim_hw_check(&hw, NULL))
        abort();
    err = (fdht_error){0};
    rc = fdht_workload_read(path, &w, &err);
    fuzz_judge(rc, &err);
    if (!rc) {
        size_t parameters;
        if (fdht_workload_parameters(&w, &parameters, NULL) || !(fdht_workload_dense(&w) >= 1))
            abort();
    }
    fdht_sim_program given;
    err = (fdht_error){0};
    rc = fdht_mapping_read(path, 32, &given, &err);
    fuzz_judge(rc, &err);
    if (!rc)
        fdht_program_free(&given);
    err = (fdht_error){0};
    fuzz_judge(fdht_json_schema(path, schema, sizeof schema, &err), &err);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const ending[] = {".json"};
    fuzz_seed_folder("formats/json/machines", ending, 1);
    fuzz_seed_file("tests/data/machine.json");
    fuzz_seed_file("tests/data/workload.json");
    fuzz_seed_file("tests/data/mapping.json");
}
