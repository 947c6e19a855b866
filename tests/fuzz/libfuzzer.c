/* libfuzzer.c - what a target needs under libFuzzer: fuzz_NAME --seeds DIR writes the target's seeds into a folder and ends; any other
 * arguments are libFuzzer's. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sanitizer/common_interface_defs.h>

#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

/* The child that tries an HDF5 file may crash: that is what it is for, and no finding. */
static void in_child(void)
{
    int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    __sanitizer_set_death_callback(NULL);
    for (int s = 1; s < 32; s++)
        if (s != SIGKILL && s != SIGSTOP)
            signal(s, SIG_DFL);
}

static void write_seeds(const char *dir)
{
    fuzz_seeds();
    for (size_t i = 0; i < fuzz_n_inputs; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/seed-%03zu", dir, i);
        FILE *f = fopen(path, "wb");
        if (!f || fwrite(fuzz_inputs[i].data, 1, fuzz_inputs[i].size, f) != fuzz_inputs[i].size ||
            fclose(f)) {
            perror(path);
            exit(1);
        }
    }
    exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    fuzz_setup();
    if (*argc == 3 && !strcmp((*argv)[1], "--seeds"))
        write_seeds((*argv)[2]);
    pthread_atfork(NULL, NULL, in_child);
    return 0;
}
