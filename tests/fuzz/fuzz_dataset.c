/* Data set files. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    if (fuzz_sound(path))
        fuzz_read_dataset(path);
    return 0;
}

void fuzz_seeds(void)
{
    fuzz_seed_datasets();
}
