/* Files of named arrays: safetensors, NumPy, PyTorch, ONNX. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = fuzz_path(data, size);
    if (fuzz_sound(path))
        fuzz_read_arrays(path);
    return 0;
}

void fuzz_seeds(void)
{
    static const char *const ending[] = {".safetensors", ".npy", ".npz", ".pt", ".onnx", ".keras"};
    fuzz_seed_folder("tests/data/arrays", ending, FDHT_COUNT(ending));
    fuzz_seed_folder("tests/data/arrays/refused", ending, FDHT_COUNT(ending));
}
