/* mutate_hdf5.c - one block of an HDF5 file's newer metadata changed and its checksum made anew, so that libhdf5 reads on. */
#include "mutate.h"

enum { LONGEST = 1024 };

static uint32_t turn(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static void mix(uint32_t v[3])
{
    static const int by[6] = {4, 6, 8, 16, 19, 4};
    for (int i = 0; i < 6; i++) {
        uint32_t *a = &v[i % 3], *b = &v[(i + 1) % 3], *c = &v[(i + 2) % 3];
        *a = (*a - *c) ^ turn(*c, by[i]);
        *c += *b;
    }
}

static void end(uint32_t v[3])
{
    static const int by[7] = {14, 11, 25, 16, 4, 14, 24};
    for (int i = 0; i < 7; i++) {
        uint32_t *x = &v[(i + 2) % 3], *from = &v[(i + 1) % 3];
        *x = (*x ^ *from) - turn(*from, by[i]);
    }
}

/* Bob Jenkins' lookup3. */
static uint32_t checksum(const uint8_t *p, size_t n)
{
    uint32_t start = 0xdeadbeef + (uint32_t)n, v[3] = {start, start, start};
    for (; n > 12; n -= 12, p += 12) {
        for (int i = 0; i < 3; i++)
            v[i] += (uint32_t)mutate_number(p + 4 * i, 4);
        mix(v);
    }
    for (size_t i = 0; i < n; i++)
        v[i / 4] += (uint32_t)p[i] << (8 * (i % 4));
    if (n)
        end(v);
    return v[2];
}

/* Where the checksum is of the block at p, which may take `most` bytes; 0: there is none that fits. */
static size_t find_checksum(const uint8_t *p, size_t most)
{
    for (size_t n = 8; n + 4 <= FDHT_MIN(most, (size_t)LONGEST); n++)
        if (mutate_number(p + n, 4) == checksum(p, n))
            return n;
    return 0;
}

size_t mutate_hdf5(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    static const char name[][5] = {"OHDR", "OCHK", "BTHD", "BTLF", "FRHP"};
    size_t chosen = 0, seen = 0;
    (void)max;
    for (size_t at = 8; at + 12 <= size; at++)
        for (size_t k = 0; k < FDHT_COUNT(name) && (data[at] == 'O' || data[at] == 'B' || data[at] == 'F');
             k++)
            if (!memcmp(data + at, name[k], 4) && fdht_rng_below(r, ++seen) == 0)
                chosen = at;
    size_t n = chosen ? find_checksum(data + chosen, size - chosen) : 0;
    if (!n)
        return 0;
    uint8_t body[LONGEST];
    memcpy(body, data + chosen + 4, n - 4);
    LLVMFuzzerMutate(body, n - 4, n - 4); /* a shorter one leaves its end as it was */
    memcpy(data + chosen + 4, body, n - 4);
    mutate_put(data + chosen + n, 4, checksum(data + chosen, n));
    return size;
}
