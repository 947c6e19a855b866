/* mutate.c - LLVMFuzzerCustomMutator: half of all changes are plain, half know the container. */
#include <zlib.h>

#include "mutate.h"

static const uint8_t png_mark[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static uint32_t big_endian(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void put_big_endian(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (24 - 8 * i));
}

size_t mutate_png(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    size_t at = 8, chosen = 0, seen = 0;
    for (; at + 12 <= size && big_endian(data + at) <= size - at - 12; at += 12 + big_endian(data + at))
        if (fdht_rng_below(r, ++seen) == 0)
            chosen = at;
    if (!chosen)
        return 0;
    size_t n = big_endian(data + chosen), room = FDHT_MIN(n + 64, n + (max - size));
    uint8_t *body = malloc(room + 5);
    if (!body)
        abort();
    memcpy(body, data + chosen + 4, n + 4); /* its name, too */
    size_t new = LLVMFuzzerMutate(body + 4, n, room);
    if (new &&mutate_splice(data, &size, max, chosen + 8, n, body + 4, new)) {
        put_big_endian(data + chosen, (uint32_t) new);
        put_big_endian(data + chosen + 8 + new, (uint32_t)crc32(0, data + chosen + 4, (uInt)(new + 4)));
    } else
        size = 0;
    free(body);
    return size;
}

size_t mutate_header(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    bool npy = size > 10 && !memcmp(data, "\x93NUMPY", 6);
    size_t at = npy ? data[6] == 1 ? 10 : 12 : 8, width = npy ? at - 8 : 8, where = npy ? 8 : 0;
    (void)r;
    if (size <= at)
        return 0;
    uint64_t n = mutate_number(data + where, width);
    if (n > size - at)
        return 0;
    size_t room = (size_t)n + FDHT_MIN(max - size, (size_t)64);
    uint8_t *text = malloc(room + 1);
    if (!text)
        abort();
    memcpy(text, data + at, (size_t)n);
    size_t new = LLVMFuzzerMutate(text, (size_t)n, room);
    if (mutate_splice(data, &size, max, at, (size_t)n, text, new))
        mutate_put(data + where, width, new);
    else
        size = 0;
    free(text);
    return size;
}

size_t mutate_inner(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    size_t n = 0;
    if (size > 30 && !memcmp(data, "PK", 2))
        n = mutate_zip(data, size, max, r);
    else if (size > 8 && !memcmp(data, png_mark, 8))
        n = mutate_png(data, size, max, r);
    else if (size > 12 && !memcmp(data, "\x89HDF", 4))
        n = mutate_hdf5(data, size, max, r);
    else if (size > 10 && (!memcmp(data, "\x93NUMPY", 6) || data[8] == '{'))
        n = mutate_header(data, size, max, r);
    else if (size > 2 && data[0] == '{')
        n = mutate_json(data, size, max, r);
    else if (size > 16)
        n = mutate_protobuf(data, size, max, r);
    return n ? n : LLVMFuzzerMutate(data, size, max);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    fdht_rng r;
    fdht_rng_seed(&r, seed, 0);
    return fdht_rng_below(&r, 2) ? mutate_inner(data, size, max, &r) : LLVMFuzzerMutate(data, size, max);
}
