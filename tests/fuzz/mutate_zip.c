/* mutate_zip.c - an archive is taken apart, one member changed, and all of it written anew with right checksums. */
#include <zlib.h>

#include "mutate.h"

enum { MOST = 64, END_BYTES = 22, CENTRAL_BYTES = 46, LOCAL_BYTES = 30, LARGEST = 1 << 20 };

typedef struct member {
    const uint8_t *name;
    size_t name_n, n;
    uint8_t *data;
} member;

static bool unpack(const uint8_t *from, size_t have, unsigned method, size_t want, member *m)
{
    m->data = malloc(want + 1);
    if (!m->data)
        abort();
    m->n = want;
    if (method == 0) {
        memcpy(m->data, from, want);
        return have >= want;
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)from,
                  .avail_in = (uInt)have,
                  .next_out = m->data,
                  .avail_out = (uInt)want};
    if (method != 8 || inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return false;
    int end = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return end == Z_STREAM_END && !z.avail_out;
}

static size_t find_end(const uint8_t *data, size_t size)
{
    for (size_t at = size - END_BYTES; at + END_BYTES + 65536 > size; at--) {
        if (!memcmp(data + at, "PK\5\6", 4))
            return at;
        if (!at)
            break;
    }
    return 0;
}

static size_t take_apart(const uint8_t *data, size_t size, member *m)
{
    size_t end = size > END_BYTES ? find_end(data, size) : 0, n = 0;
    if (!end)
        return 0;
    size_t count = (size_t)mutate_number(data + end + 10, 2), at = (size_t)mutate_number(data + end + 16, 4);
    for (; n < count && n < MOST && at < end && end - at >= CENTRAL_BYTES; n++) {
        const uint8_t *c = data + at;
        size_t name = (size_t)mutate_number(c + 28, 2), packed = (size_t)mutate_number(c + 20, 4),
               plain = (size_t)mutate_number(c + 24, 4), local = (size_t)mutate_number(c + 42, 4);
        if (memcmp(c, "PK\1\2", 4) || name > end - at - CENTRAL_BYTES || local > size - LOCAL_BYTES ||
            plain > LARGEST)
            break;
        m[n].name = c + CENTRAL_BYTES;
        m[n].name_n = name;
        size_t from = local + LOCAL_BYTES + (size_t)mutate_number(data + local + 26, 2) +
                      (size_t)mutate_number(data + local + 28, 2);
        if (from > size || packed > size - from || (mutate_number(c + 10, 2) == 0 && packed < plain) ||
            !unpack(data + from, packed, (unsigned)mutate_number(c + 10, 2), plain, &m[n])) {
            free(m[n].data);
            m[n].data = NULL;
            break;
        }
        at += CENTRAL_BYTES + name + (size_t)mutate_number(c + 30, 2) + (size_t)mutate_number(c + 32, 2);
    }
    return n;
}

/* Version, flags, method, time and date of a stored member; then checksum, sizes and the length of its name. */
static uint8_t *facts(uint8_t *p, const member *m)
{
    mutate_put(p, 2, 20);
    memset(p + 2, 0, 8);
    mutate_put(p + 10, 4, crc32(0, m->data, (uInt)m->n));
    mutate_put(p + 14, 4, m->n);
    mutate_put(p + 18, 4, m->n);
    mutate_put(p + 22, 2, m->name_n);
    return p + 24;
}

static size_t put_together(uint8_t *out, size_t max, const member *m, size_t n)
{
    size_t local[MOST], need = END_BYTES;
    uint8_t *p = out;
    for (size_t i = 0; i < n; i++)
        need += LOCAL_BYTES + CENTRAL_BYTES + 2 * m[i].name_n + m[i].n;
    if (need > max)
        return 0;
    for (size_t i = 0; i < n; i++) {
        local[i] = (size_t)(p - out);
        memcpy(p, "PK\3\4", 4);
        p = facts(p + 4, &m[i]);
        mutate_put(p, 2, 0);
        memcpy(p + 2, m[i].name, m[i].name_n);
        memcpy(p + 2 + m[i].name_n, m[i].data, m[i].n);
        p += 2 + m[i].name_n + m[i].n;
    }
    size_t central = (size_t)(p - out);
    for (size_t i = 0; i < n; i++) {
        memcpy(p, "PK\1\2", 4);
        mutate_put(p + 4, 2, 20);
        p = facts(p + 6, &m[i]);
        memset(p, 0, 16);
        mutate_put(p + 12, 4, local[i]);
        memcpy(p + 16, m[i].name, m[i].name_n);
        p += 16 + m[i].name_n;
    }
    memset(p, 0, END_BYTES);
    memcpy(p, "PK\5\6", 4);
    mutate_put(p + 8, 2, n);
    mutate_put(p + 10, 2, n);
    mutate_put(p + 12, 4, (size_t)(p - out) - central);
    mutate_put(p + 16, 4, central);
    return (size_t)(p - out) + END_BYTES;
}

size_t mutate_zip(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    member m[MOST] = {{0}};
    size_t n = take_apart(data, size, m), new = 0;
    uint8_t *out = malloc(max + 1);
    if (!out)
        abort();
    if (n) {
        size_t k = (size_t)fdht_rng_below(r, n), room = m[k].n + 64;
        uint8_t *larger = realloc(m[k].data, room);
        if (!larger)
            abort();
        m[k].data = larger;
        m[k].n = mutate_inner(larger, m[k].n, room, r);
        if (fdht_rng_below(r, 16) == 0)
            m[k].name_n = (size_t)fdht_rng_below(r, m[k].name_n + 1);
        new = put_together(out, max, m, n);
        memcpy(data, out, new);
    }
    for (size_t i = 0; i < n; i++)
        free(m[i].data);
    free(out);
    return new;
}
