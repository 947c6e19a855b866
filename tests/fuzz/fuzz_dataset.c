/* Data set files. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_read_dataset(fuzz_path(data, size));
    return 0;
}

void fuzz_seeds(void)
{
    fuzz_seed_datasets();
}
