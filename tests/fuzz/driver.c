/* driver.c - runs a fuzz target without libFuzzer: fuzz_NAME [-n ROUNDS] [-s SEED] [FILE...]
 *
 * It tries the target's own seeds, the inputs kept in corpus/NAME and the files given, then ROUNDS damaged copies of them, the same ones in every run of one SEED: a
 * failure comes back, and its input is kept in the file that the message names. Prints TAP. Without -n it ends after some seconds. */
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>

#include "fuzz.h"
#include "fdht/basics.h"

enum {
    ROUNDS = 1500,
    SECONDS = 8,
    HANG_SECONDS = 300 /* the guard of HDF5 files that a list of clips names gives up after 240 */
};

/* For the message of a crash: the round under way and its input. */
static long current;
static const uint8_t *input;
static size_t input_size;
static char keep[512];
static fdht_rng dice;

static void say(const char *text)
{
    (void)!write(STDOUT_FILENO, text, strlen(text));
}

static void on_signal(int number)
{
    char digits[24], *p = digits + sizeof digits - 1;
    long n = current;
    int fd = open(keep, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd >= 0)
        (void)!write(fd, input, input_size);
    *p = 0;
    do
        *--p = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    say("not ok 1 - ");
    say(number == SIGALRM ? "hangs" : "crashes");
    say(" in round ");
    say(p);
    say("\n# its input is kept in ");
    say(keep);
    say("\n1..1\n");
    signal(number, SIG_DFL);
    raise(number);
}

static uint8_t odd_byte(fdht_rng *r)
{
    static const uint8_t odd[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff, '0', '9', '-', ' ', '\n'};
    return fdht_rng_below(r, 2) ? odd[fdht_rng_below(r, sizeof odd)] : (uint8_t)fdht_rng_u64(r);
}

static const uint64_t telling[] = {0,          1,          0x7f,       0xff,          0xffff,
                                   0x7fffffff, 0xffffffff, UINT64_MAX, UINT64_MAX / 8};

/* Damage a copy of `size` bytes in one to four places; returns its new size, at most 2 * size + 64. */
static size_t damage(fdht_rng *r, uint8_t *d, size_t size)
{
    size_t places = 1 + (size_t)fdht_rng_below(r, 4);
    for (size_t k = 0; k < places && size; k++) {
        size_t at = (size_t)fdht_rng_below(r, size),
               n = (size_t)fdht_rng_below(r, FDHT_MIN(size - at, 64)) + 1;
        switch (fdht_rng_below(r, 7)) {
        case 0:
            d[at] ^= (uint8_t)(1u << fdht_rng_below(r, 8));
            break;
        case 1:
            d[at] = odd_byte(r);
            break;
        case 2:
            n = FDHT_MIN(n, 8);
            memset(d + at, odd_byte(r), FDHT_MIN(n, size - at));
            break;
        case 3: /* a cut end */
            size = fdht_rng_below(r, 3) ? size : at;
            break;
        case 4: /* a piece copied elsewhere */
            n = FDHT_MIN(n, size - at);
            memmove(d + fdht_rng_below(r, size - n + 1), d + at, n);
            break;
        case 5: /* a telling number */
            n = FDHT_MIN(FDHT_MIN(n, 8), size - at);
            memcpy(d + at, &telling[fdht_rng_below(r, FDHT_COUNT(telling))], n);
            break;
        default: /* bytes put in */
            n = FDHT_MIN(n, 8);
            memmove(d + at + n, d + at, size - at);
            memset(d + at, odd_byte(r), n);
            size += n;
        }
    }
    return size;
}

static void try(const uint8_t *data, size_t size)
{
    input = data;
    input_size = size;
    alarm(HANG_SECONDS);
    LLVMFuzzerTestOneInput(data, size);
    alarm(0);
}

/* What the structure-aware mutations call for the bytes within. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max)
{
    size_t room = 2 * size + 64;
    uint8_t *copy = malloc(room);
    if (!copy)
        abort();
    memcpy(copy, data, size);
    size_t n = size ? damage(&dice, copy, size) : 0;
    if (!n && max && fdht_rng_below(&dice, 2))
        copy[n++] = odd_byte(&dice);
    n = FDHT_MIN(n, max);
    memcpy(data, copy, n);
    free(copy);
    return n;
}

static void try_damaged(uint64_t number)
{
    size_t which = (size_t)current % fuzz_n_inputs, size = fuzz_inputs[which].size, max = 2 * size + 64;
    uint8_t *copy = malloc(max), *exact;
    fdht_rng_seed(&dice, number, (uint64_t)current);
    if (!copy)
        abort();
    memcpy(copy, fuzz_inputs[which].data, size);
    size = LLVMFuzzerCustomMutator(copy, size, max, (unsigned)fdht_rng_u64(&dice));
    if (!(exact = malloc(size ? size : 1))) /* its end is the end of the memory */
        abort();
    memcpy(exact, copy, size);
    try(exact, size);
    free(exact);
    free(copy);
}

int main(int argc, char **argv)
{
    static const int fatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGALRM};
    long rounds = ROUNDS, seconds = SECONDS;
    uint64_t number = 17;
    for (int opt; (opt = getopt(argc, argv, "n:s:")) != -1;)
        if (opt == 'n') {
            rounds = strtol(optarg, NULL, 10);
            seconds = 1L << 30;
        } else if (opt == 's')
            number = strtoull(optarg, NULL, 10);
        else
            return 2;
    const char *dir = getenv("TMPDIR");
    char kept[512];
    snprintf(keep, sizeof keep, "%s/fuzz-last-%ld.bin", dir ? dir : "/tmp", (long)getpid());
    for (size_t i = 0; i < FDHT_COUNT(fatal); i++)
        signal(fatal[i], on_signal);
    fuzz_setup();
#ifndef __SANITIZE_ADDRESS__
    /* not for the taster, whose heap is wide */
    setrlimit(RLIMIT_AS, &(struct rlimit){(rlim_t)3 << 30, (rlim_t)3 << 30});
#endif
    fuzz_seeds();
    const char *name = strstr(argv[0], "fuzz_");
    snprintf(kept, sizeof kept, "tests/fuzz/corpus/%s", name ? name + strlen("fuzz_") : "");
    if (name && access(kept, F_OK) == 0)
        fuzz_seed_folder(kept, NULL, 0);
    for (int i = optind; i < argc; i++)
        fuzz_seed_file(argv[i]);
    for (size_t i = 0; i < fuzz_n_inputs; i++)
        try(fuzz_inputs[i].data, fuzz_inputs[i].size);
    time_t end = time(NULL) + seconds;
    for (current = 0; current < rounds && time(NULL) < end; current++)
        try_damaged(number);
    fuzz_clean();
    printf("ok 1 - %zu seeds, %ld damaged copies\n1..1\n", fuzz_n_inputs, current);
    return 0;
}
