/* files/digest.c - SHA-256 (FIPS 180-4) of files: what a model says of the files it was made from. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/base.h"
#include "fdht/io.h"

enum { BLOCK = 64, READ = 1 << 20, PIECE = 1 << 16, PIECES = 1024 };

typedef struct sha256 {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t part[BLOCK]; /* bytes % BLOCK of them wait here */
} sha256;

static uint32_t right(uint32_t x, int n)
{
    return x >> n | x << (32 - n);
}

static void mix(sha256 *s, const uint8_t *p)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};
    uint32_t w[64], a = s->h[0], b = s->h[1], c = s->h[2], d = s->h[3], e = s->h[4], f = s->h[5], g = s->h[6],
                    h = s->h[7];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 |
               p[4 * i + 3];
    for (int i = 16; i < 64; i++)
        w[i] = w[i - 16] + (right(w[i - 15], 7) ^ right(w[i - 15], 18) ^ w[i - 15] >> 3) + w[i - 7] +
               (right(w[i - 2], 17) ^ right(w[i - 2], 19) ^ w[i - 2] >> 10);
    for (int i = 0; i < 64; i++) {
        uint32_t t1 = h + (right(e, 6) ^ right(e, 11) ^ right(e, 25)) + ((e & f) ^ (~e & g)) + k[i] + w[i];
        uint32_t t2 = (right(a, 2) ^ right(a, 13) ^ right(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
        h = g, g = f, f = e, e = d + t1;
        d = c, c = b, b = a, a = t1 + t2;
    }
    const uint32_t v[8] = {a, b, c, d, e, f, g, h};
    for (int i = 0; i < 8; i++)
        s->h[i] += v[i];
}

static void start(sha256 *s)
{
    *s = (sha256){.h = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab,
                        0x5be0cd19}};
}

static void add(sha256 *s, const uint8_t *p, size_t n)
{
    for (size_t have = s->bytes % BLOCK, take; n; p += take, n -= take) {
        take = FDHT_MIN(n, BLOCK - have);
        memcpy(s->part + have, p, take);
        s->bytes += take;
        have = (have + take) % BLOCK;
        if (!have)
            mix(s, s->part);
    }
}

static void finish(sha256 *s, char text[65])
{
    uint64_t bits = s->bytes * 8;
    uint8_t end[BLOCK + 8] = {0x80};
    size_t pad = (s->bytes % BLOCK < 56 ? 56 : 120) - s->bytes % BLOCK;
    for (int i = 0; i < 8; i++)
        end[pad + (size_t)i] = (uint8_t)(bits >> (56 - 8 * i));
    add(s, end, pad + 8);
    for (int i = 0; i < 8; i++)
        snprintf(text + 8 * i, 9, "%08x", (unsigned)s->h[i]);
}

/* Of a file over FDHT_DIGEST_WHOLE bytes: its length, 8 bytes with the most significant first, then pieces of it. */
static int add_pieces(sha256 *s, FILE *f, uint64_t bytes, uint8_t *buf)
{
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bytes >> (56 - 8 * i));
    add(s, length, sizeof length);
    for (uint64_t i = 0; i < PIECES; i++) {
        uint64_t at = (bytes - PIECE) / (PIECES - 1) * i;
        if (fseeko(f, (off_t)at, SEEK_SET) || fread(buf, 1, PIECE, f) != PIECE)
            return FDHT_EIO;
        add(s, buf, PIECE);
    }
    return FDHT_OK;
}

int fdht_file_digest(const char *path, char text[FDHT_DIGEST_TEXT], fdht_error *err)
{
    struct stat st;
    sha256 s;
    char sum[65];
    uint8_t *buf = NULL;
    FILE *f = fopen(path, "rb");
    if (!f)
        return fdht_fail_errno(err, path);
    int status = FDHT_OK;
    bool pieces = false;
    start(&s);
    if (fstat(fileno(f), &st) || !S_ISREG(st.st_mode)) {
        status = fdht_fail(err, FDHT_EINVAL, "%s: no regular file", path);
        goto out;
    }
    if (!(buf = fdht_calloc_err(READ, 1, "digest", err))) {
        status = FDHT_ENOMEM;
        goto out;
    }
    pieces = (uint64_t)st.st_size > FDHT_DIGEST_WHOLE;
    if (pieces)
        status = add_pieces(&s, f, (uint64_t)st.st_size, buf);
    for (size_t n; !pieces && (n = fread(buf, 1, READ, f)) > 0;)
        add(&s, buf, n);
    if (status || ferror(f)) {
        status = fdht_fail(err, FDHT_EIO, "%s: %s", path,
                           ferror(f) ? strerror(errno) : "the file has become shorter while it is read");
        goto out;
    }
    finish(&s, sum);
    snprintf(text, FDHT_DIGEST_TEXT, "%s:%s", pieces ? "sha256-pieces" : "sha256", sum);
out:
    fdht_free(buf);
    fclose(f);
    return status;
}
