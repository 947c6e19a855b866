/* kernels/peak.c - the peak rates of one thread, measured (fdht/peak.h). */
#include "fdht/peak.h"

#include "base/team.h"
#include "kernels/kernels.h"

const char *fdht_machine_kernels(void)
{
    return fdht_kernels_level();
}

double fdht_machine_flops(double seconds)
{
    const fdht_kernels_f32 *k = fdht_kernels_get_f32();
    enum { ROUNDS = 1 << 16 };
    volatile float sink = 0;
    double operations = 0, start = fdht_seconds(), took = 0;
    while (took < seconds) {
        float sum = 0;
        operations += k->spin(ROUNDS, &sum);
        sink = sink + sum;
        took = fdht_seconds() - start;
    }
    return took > 0 ? operations / took : 0;
}

double fdht_machine_read_rate(size_t bytes, double seconds)
{
    enum { SUMS = 16 };
    size_t n = bytes / sizeof(uint64_t) / SUMS * SUMS;
    uint64_t *data = fdht_calloc(n + 1, sizeof *data);
    volatile uint64_t sink = 0;
    double best = 0;
    if (!data || !n) {
        fdht_free(data);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        data[i] = i;
    for (double start = fdht_seconds(); fdht_seconds() - start < seconds;) {
        double from = fdht_seconds();
        uint64_t sum[SUMS] = {0};
        for (size_t i = 0; i < n; i += SUMS)
            for (size_t j = 0; j < SUMS; j++)
                sum[j] += data[i + j];
        for (size_t j = 0; j < SUMS; j++)
            sink = sink + sum[j];
        best = FDHT_MAX(best, (double)(n * sizeof *data) / (fdht_seconds() - from));
    }
    fdht_free(data);
    return best;
}
