/* hdf5/chunks.c - data sets that are stored in chunks, unpacked here. */
#include "hdf5/chunks.h"

#include <pthread.h>
#include <string.h>
#include <zlib.h>

#include "hdf5/h5.h"

enum {
    MOST_FILTERS = 8,
    LARGEST_VALUE = 16, /* bytes */
    CHECKSUM = 4,
    LARGE = 1 << 24,      /* bytes of a buffer that is not kept for the next read */
    KEPT_BYTES = 1 << 20, /* of unpacked chunks that were not read whole .. */
    MOST_KEPT = 16        /* .. and how many */
};

/* Buffers of one thread at work: a chunk goes from one to the other, filter by filter. */
typedef struct bench {
    struct bench *next;
    uint8_t *buffer[2];
    z_stream z;
    bool inflates; /* z is set up */
} bench;

/* An unpacked chunk. */
typedef struct kept {
    hsize_t at[H5S_MAX_RANK];
    uint8_t *values; /* NULL: none */
    unsigned long used;
} kept;

struct fdht_h5_chunks {
    hid_t id;
    int rank, filters;
    hsize_t dim[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    size_t width, bytes, room; /* of a value, of a chunk, of a buffer */
    struct {
        H5Z_filter_t id;
        size_t width; /* shuffle: bytes of what it takes for a value */
    } filter[MOST_FILTERS];
    pthread_mutex_t lock; /* of all below */
    bench *idle;
    kept kept[MOST_KEPT];
    int most_kept;
    unsigned long reads;
};

/* ---- filters ---- */

/* The sum that libhdf5 keeps behind a chunk, of words of 16 bits, first byte high. */
static uint32_t fletcher32(const uint8_t *data, size_t bytes)
{
    uint32_t a = 0, b = 0;
    for (size_t words = bytes / 2; words;) {
        size_t n = FDHT_MIN(words, (size_t)360); /* b does not overflow */
        words -= n;
        for (; n; n--, data += 2) {
            a += (uint32_t)data[0] << 8 | data[1];
            b += a;
        }
        a = (a & 0xffff) + (a >> 16);
        b = (b & 0xffff) + (b >> 16);
    }
    if (bytes % 2) {
        a += (uint32_t)*data << 8;
        b += a;
        a = (a & 0xffff) + (a >> 16);
        b = (b & 0xffff) + (b >> 16);
    }
    a = (a & 0xffff) + (a >> 16);
    b = (b & 0xffff) + (b >> 16);
    return b << 16 | a;
}

/* Libraries before 1.6.3 stored the bytes of each half the other way round. */
static bool checksum_fits(const uint8_t *data, size_t bytes)
{
    const uint8_t *s = data + bytes;
    const uint32_t sum = fletcher32(data, bytes),
                   stored = s[0] | (uint32_t)s[1] << 8 | (uint32_t)s[2] << 16 | (uint32_t)s[3] << 24,
                   swapped = s[1] | (uint32_t)s[0] << 8 | (uint32_t)s[3] << 16 | (uint32_t)s[2] << 24;
    return sum == stored || sum == swapped;
}

/* Byte k of every value stood together. */
static void unshuffle(const uint8_t *in, uint8_t *out, size_t bytes, size_t width)
{
    const size_t n = bytes / width;
    for (size_t k = 0; k < width; k++)
        for (size_t i = 0; i < n; i++)
            out[i * width + k] = in[k * n + i];
    memcpy(out + n * width, in + n * width, bytes - n * width);
}

/* The bytes that *n bytes inflate to, which replace *n. */
static int inflate_chunk(bench *b, const uint8_t *in, uint8_t *out, size_t *n, size_t room, fdht_error *err)
{
    int rc = b->inflates ? inflateReset(&b->z) : inflateInit(&b->z);
    b->inflates = b->inflates || rc == Z_OK;
    if (rc == Z_OK) {
        b->z.next_in = (Bytef *)(uintptr_t)in;
        b->z.avail_in = (uInt)*n;
        b->z.next_out = out;
        b->z.avail_out = (uInt)room;
        rc = inflate(&b->z, Z_FINISH);
    }
    if (rc == Z_MEM_ERROR)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: to unpack a chunk");
    if (rc == Z_BUF_ERROR && b->z.avail_out == 0)
        return fdht_fail(err, FDHT_EFORMAT, "it unpacks to more than its size");
    if (rc != Z_STREAM_END)
        return fdht_fail(err, FDHT_EFORMAT, "it cannot be unpacked");
    *n = room - b->z.avail_out;
    return FDHT_OK;
}

/* Undo the filters, but for those of `skipped`, on n bytes in buffer 0; *out is where the values are then. */
static int unfilter(const fdht_h5_chunks *c, bench *b, size_t n, uint32_t skipped, uint8_t **out,
                    fdht_error *err)
{
    int in = 0, status = FDHT_OK;
    for (int i = c->filters - 1; i >= 0 && !status; i--) {
        uint8_t *from = b->buffer[in], *to = b->buffer[1 - in];
        if (skipped >> i & 1)
            continue;
        if (c->filter[i].id == H5Z_FILTER_FLETCHER32) {
            if (n < CHECKSUM || !checksum_fits(from, n - CHECKSUM))
                return fdht_fail(err, FDHT_EFORMAT, "its checksum does not fit");
            n -= CHECKSUM;
            continue;
        }
        if (c->filter[i].id == H5Z_FILTER_DEFLATE)
            status = inflate_chunk(b, from, to, &n, c->room, err);
        else if (c->filter[i].width > 1)
            unshuffle(from, to, n, c->filter[i].width);
        else
            continue;
        in = 1 - in;
    }
    if (!status && n != c->bytes)
        return fdht_fail(err, FDHT_EFORMAT, "it unpacks to %zu bytes, expected %zu", n, c->bytes);
    *out = b->buffer[in];
    return status;
}

/* ---- chunks ---- */

static void free_bench(bench *b)
{
    if (!b)
        return;
    if (b->inflates)
        inflateEnd(&b->z);
    fdht_free(b->buffer[0]);
    fdht_free(b->buffer[1]);
    fdht_free(b);
}

static bench *take_bench(fdht_h5_chunks *c, fdht_error *err)
{
    pthread_mutex_lock(&c->lock);
    bench *b = c->idle;
    if (b)
        c->idle = b->next;
    pthread_mutex_unlock(&c->lock);
    if (b || !(b = fdht_calloc_err(1, sizeof *b, "chunk", err)))
        return b;
    for (int k = 0; k < 2; k++)
        if (!(b->buffer[k] = fdht_calloc_err(c->room, 1, "chunk", err))) {
            free_bench(b);
            return NULL;
        }
    return b;
}

static void put_bench(fdht_h5_chunks *c, bench *b)
{
    if (c->room > LARGE) {
        free_bench(b);
        return;
    }
    pthread_mutex_lock(&c->lock);
    b->next = c->idle;
    c->idle = b;
    pthread_mutex_unlock(&c->lock);
}

/* The chunk through libhdf5. It is asked where it could not give the stored bytes: where nothing was written, which leaves the fill value,
 * or what is there cannot be read, which fails again. */
static bool read_through(const fdht_h5_chunks *c, const hsize_t *at, void *values)
{
    hsize_t n[H5S_MAX_RANK];
    hid_t type = H5Dget_type(c->id);
    for (int k = 0; k < c->rank; k++)
        n[k] = FDHT_MIN(c->chunk[k], c->dim[k] - at[k]);
    bool good = type >= 0 && fdht_h5_dread(c->id, c->rank, at, n, c->chunk, type, values) >= 0;
    if (type >= 0)
        H5Tclose(type);
    return good;
}

/* The values of the chunk that begins at `at`. */
static int unpack(const fdht_h5_chunks *c, bench *b, const hsize_t *at, uint8_t **out, fdht_error *err)
{
    hsize_t stored = 0;
    uint32_t skipped = 0;
    herr_t found, read = -1;
    bool through = false;
    FDHT_H5_TRY
    {
        found = H5Dget_chunk_storage_size(c->id, at, &stored);
        if (found >= 0 && stored && stored <= c->room)
            read = H5Dread_chunk(c->id, H5P_DEFAULT, at, &skipped, b->buffer[0]);
        through = read < 0 && stored <= c->room && read_through(c, at, b->buffer[0]);
    }
    FDHT_H5_END
    *out = b->buffer[0];
    if (through)
        return FDHT_OK;
    if (found >= 0 && stored > c->room)
        return fdht_fail(err, FDHT_EFORMAT, "it has %llu bytes, %zu unpacked", (unsigned long long)stored,
                         c->bytes);
    if (read < 0)
        return fdht_fail(err, FDHT_EFORMAT, "truncated or damaged");
    return unfilter(c, b, (size_t)stored, skipped, out, err);
}

/* The part from `lo` of `n` values in each mode goes from the chunk at `at` to its place in the box. */
static void copy_part(const fdht_h5_chunks *c, const uint8_t *values, const hsize_t *at, const hsize_t *lo,
                      const hsize_t *n, const hsize_t *start, const hsize_t *count, uint8_t *out)
{
    hsize_t i[H5S_MAX_RANK] = {0}, run = n[c->rank - 1];
    int slow = c->rank - 1; /* modes that are not part of a run */
    while (slow > 0 && n[slow] == c->chunk[slow] && n[slow] == count[slow])
        run *= n[--slow];
    for (;;) {
        size_t from = 0, to = 0;
        for (int k = 0; k < c->rank; k++) {
            from = from * c->chunk[k] + (lo[k] - at[k] + i[k]);
            to = to * count[k] + (lo[k] - start[k] + i[k]);
        }
        memcpy(out + to * c->width, values + from * c->width, run * c->width);
        int k = slow - 1;
        while (k >= 0 && ++i[k] == n[k])
            i[k--] = 0;
        if (k < 0)
            return;
    }
}

/* The kept chunk that begins at `at`, or the place for it: one whose values are NULL. */
static kept *find_kept(fdht_h5_chunks *c, const hsize_t *at)
{
    kept *oldest = c->kept;
    for (int i = 0; i < c->most_kept; i++) {
        kept *k = &c->kept[i];
        if (k->values && !memcmp(k->at, at, (size_t)c->rank * sizeof *at))
            return k;
        if (!k->values || (oldest->values && k->used < oldest->used))
            oldest = k;
    }
    fdht_free(oldest->values);
    oldest->values = NULL;
    return oldest;
}

/* A part of a chunk: the rest is probably asked for next. The lock is held. */
static int read_kept(fdht_h5_chunks *c, bench *b, const hsize_t *at, const uint8_t **out, fdht_error *err)
{
    kept *k = find_kept(c, at);
    uint8_t *values;
    k->used = ++c->reads;
    if (!k->values) {
        int status = unpack(c, b, at, &values, err);
        if (status)
            return status;
        uint8_t *other = fdht_calloc_err(c->room, 1, "chunk", err);
        if (!other)
            return FDHT_ENOMEM;
        b->buffer[values == b->buffer[1]] = other; /* they change hands */
        k->values = values;
        memcpy(k->at, at, (size_t)c->rank * sizeof *at);
    }
    *out = k->values;
    return FDHT_OK;
}

static int read_chunk(fdht_h5_chunks *c, bench *b, const hsize_t *at, const hsize_t *start,
                      const hsize_t *count, uint8_t *out, fdht_error *err)
{
    hsize_t lo[H5S_MAX_RANK] = {0}, n[H5S_MAX_RANK] = {0};
    bool whole = true;
    for (int k = 0; k < c->rank; k++) {
        const hsize_t end = FDHT_MIN(at[k] + c->chunk[k], c->dim[k]);
        lo[k] = FDHT_MAX(at[k], start[k]);
        n[k] = FDHT_MIN(end, start[k] + count[k]) - lo[k];
        whole = whole && n[k] == end - at[k];
    }
    if (whole) {
        uint8_t *values;
        int status = unpack(c, b, at, &values, err);
        if (!status)
            copy_part(c, values, at, lo, n, start, count, out);
        return status;
    }
    const uint8_t *values;
    pthread_mutex_lock(&c->lock);
    int status = read_kept(c, b, at, &values, err);
    if (!status)
        copy_part(c, values, at, lo, n, start, count, out);
    pthread_mutex_unlock(&c->lock);
    return status;
}

int fdht_h5_chunks_read(fdht_h5_chunks *c, const hsize_t *start, const hsize_t *count, void *out,
                        fdht_error *err)
{
    hsize_t at[H5S_MAX_RANK] = {0};
    for (int k = 0; k < c->rank; k++) {
        if (!count[k])
            return FDHT_OK;
        at[k] = start[k] / c->chunk[k] * c->chunk[k];
    }
    bench *b = take_bench(c, err);
    if (!b)
        return FDHT_ENOMEM;
    int status = FDHT_OK, k = 0;
    while (k >= 0 && !(status = read_chunk(c, b, at, start, count, out, err)))
        for (k = c->rank - 1; k >= 0; k--) {
            at[k] += c->chunk[k];
            if (at[k] < start[k] + count[k])
                break;
            at[k] = start[k] / c->chunk[k] * c->chunk[k];
        }
    put_bench(c, b);
    return status;
}

/* ---- opening ---- */

/* Its filters, each of which can be undone here. Without any, libhdf5 says that a chunk has its size and then reads as much as the index
 * claims, past the end of a buffer. */
static bool know_filters(fdht_h5_chunks *c, hid_t list)
{
    c->filters = H5Pget_nfilters(list);
    if (c->filters < 1 || c->filters > MOST_FILTERS)
        return false;
    for (int i = 0; i < c->filters; i++) {
        unsigned flags, config, value[4] = {0};
        size_t n = FDHT_COUNT(value);
        c->filter[i].id = H5Pget_filter2(list, (unsigned)i, &flags, &n, value, 0, NULL, &config);
        if (c->filter[i].id == H5Z_FILTER_SHUFFLE) {
            c->filter[i].width = n == 1 ? value[0] : 0;
            if (!c->filter[i].width)
                return false;
        } else if (c->filter[i].id == H5Z_FILTER_FLETCHER32) {
            c->room += CHECKSUM;
        } else if (c->filter[i].id != H5Z_FILTER_DEFLATE) {
            return false;
        }
    }
    return true;
}

/* All that is known of the data set; false where libhdf5 must read it. */
static bool know(fdht_h5_chunks *c, hid_t list, hid_t type)
{
    unsigned options;
    const H5T_class_t class = H5Tget_class(type);
    if (H5Pget_layout(list) != H5D_CHUNKED || H5Pget_chunk_opts(list, &options) < 0 || options ||
        (class != H5T_INTEGER && class != H5T_FLOAT && class != H5T_OPAQUE))
        return false;
    hid_t space = H5Dget_space(c->id);
    c->rank = H5Sget_simple_extent_ndims(space);
    bool good = c->rank > 0 && H5Sget_simple_extent_dims(space, c->dim, NULL) == c->rank;
    if (space >= 0)
        H5Sclose(space);
    if (!good || H5Pget_chunk(list, H5S_MAX_RANK, c->chunk) != c->rank)
        return false;
    c->bytes = c->width = H5Tget_size(type);
    if (!c->width || c->width > LARGEST_VALUE)
        return false;
    for (int k = 0; k < c->rank; k++)
        if (!c->chunk[k] || !fdht_mul(c->bytes, (size_t)c->chunk[k], &c->bytes) || c->bytes > UINT32_MAX / 2)
            return false;
    /* a filter may add to what cannot be packed */
    c->room = c->bytes + c->bytes / 256 + 64;
    c->most_kept = (int)FDHT_MIN(FDHT_MAX(KEPT_BYTES / c->bytes, (size_t)1), (size_t)MOST_KEPT);
    return know_filters(c, list);
}

int fdht_h5_chunks_new(hid_t id, hid_t list, hid_t type, fdht_h5_chunks **out, fdht_error *err)
{
    fdht_h5_chunks *c = fdht_calloc_err(1, sizeof *c, "data set", err);
    *out = NULL;
    if (!c)
        return FDHT_ENOMEM;
    c->id = id;
    bool ours;
    FDHT_H5_TRY
    {
        ours = know(c, list, type);
    }
    FDHT_H5_END
    if (ours && !pthread_mutex_init(&c->lock, NULL))
        *out = c;
    else
        fdht_free(c);
    return FDHT_OK;
}

void fdht_h5_chunks_free(fdht_h5_chunks *c)
{
    if (!c)
        return;
    while (c->idle) {
        bench *b = c->idle;
        c->idle = b->next;
        free_bench(b);
    }
    for (int i = 0; i < c->most_kept; i++)
        fdht_free(c->kept[i].values);
    pthread_mutex_destroy(&c->lock);
    fdht_free(c);
}
