/* Dense LSTM weights of every layout in tests/data/lstm, and networks in every container in tests/data/cases. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    if (fuzz_sound(path))
        fuzz_read_weights(path);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const ending[] = {".h5", ".onnx", ".pt", ".npz", ".safetensors", ".keras"};
    fuzz_seed_folder("tests/data/lstm", ending, FDHT_COUNT(ending));
    fuzz_seed_folder("tests/data/cases", ending, FDHT_COUNT(ending));
}
