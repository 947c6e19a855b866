/* mutate_protobuf.c - one field of a message is changed, left out or doubled. */
#include "mutate.h"

enum { DEEPEST = 12, LONGEST_VARINT = 10 };

typedef struct varint {
    size_t at, bytes;
    uint64_t value;
} varint;

typedef struct place {
    size_t at, end; /* the field with its key */
    size_t payload; /* where its bytes or its number begin */
    bool bytes;     /* a length before the payload */
    int depth;      /* how many lengths enclose the payload, its own included */
    varint length[DEEPEST + 1];
} place;

typedef struct walk {
    const uint8_t *data;
    fdht_rng *dice;
    size_t seen;
    varint path[DEEPEST + 1];
    place chosen;
} walk;

static bool get(const uint8_t *data, size_t at, size_t end, varint *out)
{
    *out = (varint){at, 0, 0};
    for (int shift = 0; at < end && out->bytes < LONGEST_VARINT; shift += 7) {
        out->value |= (uint64_t)(data[at] & 0x7f) << shift;
        out->bytes++;
        if (!(data[at++] & 0x80))
            return true;
    }
    return false;
}

static size_t put(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    do {
        p[n] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
        v >>= 7;
        n++;
    } while (v);
    return n;
}

/* Go over the fields of [at, end); false if that is no message. Every field is as likely to be chosen, within messages, too. */
static bool fields(walk *w, size_t at, size_t end, int depth)
{
    while (at < end) {
        varint key, v = {0};
        place p = {.at = at, .depth = depth};
        if (!get(w->data, at, end, &key) || key.value < 8)
            return false;
        p.payload = at + key.bytes;
        switch (key.value & 7) {
        case 0:
            if (!get(w->data, p.payload, end, &v))
                return false;
            p.end = p.payload + v.bytes;
            break;
        case 1:
        case 5:
            p.end = p.payload + ((key.value & 7) == 1 ? 8 : 4);
            break;
        case 2:
            if (!get(w->data, p.payload, end, &v) || v.value > end - p.payload - v.bytes)
                return false;
            p.bytes = true;
            p.payload += v.bytes;
            p.end = p.payload + (size_t)v.value;
            w->path[depth] = v;
            p.depth = depth + 1;
            break;
        default:
            return false;
        }
        if (p.end > end)
            return false;
        if (fdht_rng_below(w->dice, ++w->seen) == 0) {
            memcpy(p.length, w->path, sizeof p.length);
            w->chosen = p;
        }
        if (p.bytes && v.value > 1 && depth + 1 < DEEPEST) {
            walk before = *w;
            if (!fields(w, p.payload, p.end, depth + 1))
                *w = before;
        }
        at = p.end;
    }
    return true;
}

/* The lengths around a change of `by` bytes, the innermost first, because a length that needs another byte moves no outer one. */
static bool mend(uint8_t *data, size_t *size, size_t max, const varint *length, int depth, ptrdiff_t by)
{
    for (int k = depth - 1; k >= 0; k--) {
        uint8_t text[LONGEST_VARINT];
        size_t n = put(text, length[k].value + (uint64_t)by);
        if (!mutate_splice(data, size, max, length[k].at, length[k].bytes, text, n))
            return false;
        by += (ptrdiff_t)n - (ptrdiff_t)length[k].bytes;
    }
    return true;
}

size_t mutate_protobuf(uint8_t *data, size_t size, size_t max, fdht_rng *r)
{
    walk w = {.data = data, .dice = r};
    if (!fields(&w, 0, size, 0) || !w.seen)
        return 0;
    place p = w.chosen;
    size_t from = p.at, old = p.end - p.at, new = 0;
    int depth = p.depth - p.bytes;
    uint8_t *with = malloc(2 * old + 64);
    if (!with)
        abort();
    memcpy(with, data + from, old);
    switch (fdht_rng_below(r, 8)) {
    case 0:
        break; /* the field goes */
    case 1:
        memcpy(with + old, with, old);
        new = 2 * old;
        break;
    default:
        from = p.payload;
        old = p.end - from;
        memcpy(with, data + from, old);
        if (p.bytes) {
            depth++;
            new = LLVMFuzzerMutate(with, old, old + FDHT_MIN(max - size, (size_t)64));
        } else if (p.end - p.payload == 4 || p.end - p.payload == 8)
            new = FDHT_MIN(LLVMFuzzerMutate(with, old, old), old);
        else
            new = put(with, fdht_rng_u64(r) >> fdht_rng_below(r, 64));
    }
    ptrdiff_t by = (ptrdiff_t) new - (ptrdiff_t)old;
    if (!mutate_splice(data, &size, max, from, old, with, new) ||
        !mend(data, &size, max, p.length, depth, by))
        size = 0;
    free(with);
    return size;
}
