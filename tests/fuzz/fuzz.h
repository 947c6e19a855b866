/* fuzz.h - one fuzz target a reader of formats/ and a parser of the command. Each file fuzz_NAME.c defines LLVMFuzzerTestOneInput and
 * fuzz_seeds. It is linked twice: with driver.c, which makes it a test of its own that tries the seeds, the inputs kept in corpus/NAME
 * and a fixed sequence of damaged copies of them; and with libfuzzer.c and clang's libFuzzer (make fuzz). */
#ifndef FDHT_FUZZ_H
#define FDHT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

/* ---- of a target ---- */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* Call fuzz_seed for each input that the target begins with. */
void fuzz_seeds(void);

/* ---- for a target (seeds.c, readers.c) ---- */

void fuzz_seed(const void *data, size_t size);
void fuzz_seed_file(const char *path);
/* Every file of a folder whose name ends in one of the n endings and that is small; n 0: every file. */
void fuzz_seed_folder(const char *dir, const char *const *ending, size_t n);
/* Models, data sets and files as h5py writes them: no checksums, names in local heaps, text of variable length in global ones. */
void fuzz_seed_models(void);
void fuzz_seed_datasets(void);

/* A file that holds the input, for readers that take a path; the same name at every call, and a new file. */
const char *fuzz_path(const uint8_t *data, size_t size);
/* Whether libhdf5 survives the file. The readers have no child of their own that would try it. */
bool fuzz_sound(const char *path);
/* A damaged file is never a reason to ask for more memory than there is. */
void fuzz_judge(int rc, const fdht_error *err);

/* Open the file and read what it promises, at most some of it; abort where an answer contradicts itself. */
void fuzz_read_arrays(const char *path);
void fuzz_read_dataset(const char *path);
void fuzz_read_model(const char *path);
void fuzz_read_weights(const char *path);

/* ---- for driver.c and libfuzzer.c ---- */

typedef struct fuzz_input {
    uint8_t *data;
    size_t size;
} fuzz_input;
extern fuzz_input *fuzz_inputs;
extern size_t fuzz_n_inputs;
/* Messages of libhdf5 off; the child that fuzz_sound asks. */
void fuzz_setup(void);
void fuzz_start_taster(void);
/* Remove the file of fuzz_path. */
void fuzz_clean(void);

/* ---- mutations (mutate.c): what libFuzzer calls, and what it offers ---- */

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);

#endif
