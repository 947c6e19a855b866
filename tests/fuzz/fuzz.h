/* fuzz.h - one fuzz target a reader of formats/. Each file fuzz_NAME.c defines LLVMFuzzerTestOneInput, so that it links with
 * libFuzzer (clang -fsanitize=fuzzer, seeds from a folder), and fuzz_seeds for driver.c, with which it is a test of its own: it tries
 * its seeds and a fixed sequence of damaged copies of them. */
#ifndef FDHT_FUZZ_H
#define FDHT_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Give the driver one valid input. */
void fuzz_seed(const void *data, size_t size);
void fuzz_seed_file(const char *path);
/* Call fuzz_seed for each. */
void fuzz_seeds(void);

/* A file that holds the input, for readers that take a path; the same name at every call. */
static inline const char *fuzz_path(const uint8_t *data, size_t size)
{
    static char path[64];
    if (!*path) {
        const char *dir = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
        snprintf(path, sizeof path, "%s/fdht-fuzz-%ld", dir, (long)getpid());
    }
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(data, 1, size, f) != size || fclose(f))
        abort();
    return path;
}

/* A damaged file is never a reason to ask for more memory than there is. */
static inline void fuzz_judge(int rc, const fdht_error *err)
{
    if (rc == FDHT_ENOMEM || rc == FDHT_EINTERNAL || (rc != FDHT_OK && (err->code != rc || !*err->msg))) {
        fprintf(stderr, "status %d, recorded %d: %s\n", rc, err->code, err->msg);
        abort();
    }
}

#endif
