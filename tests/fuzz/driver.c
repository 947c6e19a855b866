/* driver.c - runs a fuzz target without libFuzzer: fuzz_X [-n RUNS] [-s SEED] FILE...
 *
 * Each file is given as it is, then RUNS mutations of files picked at random: flipped bits, bytes and runs overwritten with
 * telling values, pieces cut out, doubled or taken from another file. Deterministic in the seed. A target crashes or
 * returns; the input at hand is in the file named by the message of a crash (fuzz-last.bin in $TMPDIR or /tmp). With
 * clang, -fsanitize=fuzzer takes the place of this file. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rng.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_SIZE = 1 << 20, MAX_FILES = 256 };

typedef struct bytes {
    uint8_t *p;
    size_t n;
} bytes;

static bytes now; /* for the signal handler */
static char last[512];

static void on_crash(int sig)
{
    FILE *f = fopen(last, "wb");
    if (f) {
        fwrite(now.p, 1, now.n, f);
        fclose(f);
    }
    fprintf(stderr, "crash: signal %d, input in %s\n", sig, last);
    signal(sig, SIG_DFL);
    raise(sig);
}

static bytes slurp(const char *path)
{
    bytes b = {calloc(MAX_SIZE, 1), 0};
    FILE *f = fopen(path, "rb");
    if (!f || !b.p) {
        fprintf(stderr, "%s: cannot be read\n", path);
        exit(2);
    }
    b.n = fread(b.p, 1, MAX_SIZE, f);
    fclose(f);
    return b;
}

static size_t below(fdht_rng *r, size_t n)
{
    return n ? (size_t)fdht_rng_below(r, n) : 0;
}

static void mutate(fdht_rng *r, bytes *b, const bytes *other)
{
    static const uint64_t telling[] = {0,      1,          0xff,       0x7f,       0x80,
                                       0xffff, 0x7fffffff, 0xffffffff, UINT64_MAX, UINT64_MAX / 8};
    size_t at = below(r, b->n), len = 1 + below(r, 8), from;
    uint64_t value = telling[below(r, sizeof telling / sizeof *telling)];
    switch (b->n ? below(r, 7) : 6) {
    case 0:
        b->p[at] ^= (uint8_t)(1u << below(r, 8));
        break;
    case 1:
        b->p[at] = (uint8_t)fdht_rng_u64(r);
        break;
    case 2:
        memcpy(b->p + at, &value, len < b->n - at ? len : b->n - at);
        break;
    case 3:
        b->p[at] = (uint8_t)(b->p[at] + (below(r, 2) ? 1 : 255));
        break;
    case 4: /* cut a piece out, or the rest off */
        len = below(r, 4) ? len : b->n - at;
        len = len < b->n - at ? len : b->n - at;
        memmove(b->p + at, b->p + at + len, b->n - at - len);
        b->n -= len;
        break;
    case 5: /* copy a piece elsewhere in the same file */
        len = 1 + below(r, 64);
        from = below(r, b->n);
        len = len < b->n - at ? len : b->n - at;
        len = len < b->n - from ? len : b->n - from;
        memmove(b->p + at, b->p + from, len);
        break;
    case 6: /* a piece of another file at the same place */
        len = 1 + below(r, 512);
        len = at + len <= b->n ? len : b->n - at;
        len = at + len <= other->n ? len : at < other->n ? other->n - at : 0;
        memcpy(b->p + at, other->p + at, len);
        break;
    }
}

int main(int argc, char **argv)
{
    long runs = 0;
    unsigned long long seed = 1;
    int opt;
    while ((opt = getopt(argc, argv, "n:s:")) != -1)
        if (opt == 'n')
            runs = strtol(optarg, NULL, 10);
        else if (opt == 's')
            seed = strtoull(optarg, NULL, 10);
        else
            return 2;
    int n = argc - optind;
    static bytes file[MAX_FILES];
    if (n < 1 || n > MAX_FILES) {
        fprintf(stderr, "usage: %s [-n RUNS] [-s SEED] FILE...\n", argv[0]);
        return 2;
    }
    const char *dir = getenv("TMPDIR");
    snprintf(last, sizeof last, "%s/fuzz-last-%ld.bin", dir ? dir : "/tmp", (long)getpid());
    static const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        signal(signals[i], on_crash);
    for (int i = 0; i < n; i++) {
        file[i] = slurp(argv[optind + i]);
        now = file[i];
        LLVMFuzzerTestOneInput(now.p, now.n);
    }
    fdht_rng r;
    now = (bytes){calloc(MAX_SIZE, 1), 0};
    for (long i = 0; i < runs && now.p; i++) {
        fdht_rng_seed(&r, seed, (uint64_t)i);
        const bytes *from = &file[below(&r, (size_t)n)];
        memcpy(now.p, from->p, from->n);
        now.n = from->n;
        for (size_t k = 1 + below(&r, 6); k-- > 0;)
            mutate(&r, &now, &file[below(&r, (size_t)n)]);
        LLVMFuzzerTestOneInput(now.p, now.n);
    }
    free(now.p);
    for (int i = 0; i < n; i++)
        free(file[i].p);
    printf("%d files, %ld mutations\n", n, runs);
    return 0;
}
