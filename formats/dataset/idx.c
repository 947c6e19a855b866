/* dataset/idx.c - IDX files: pictures and the labels that belong to them. */
#include "dataset/idx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "fdht/dataset.h"
#include "fdht/image.h"

/* 00 00, type 08 (unsigned byte), modes; then one big-endian extent a mode. */
enum { IMAGES_MAGIC = 0x00000803, LABELS_MAGIC = 0x00000801 };

static int read_exact(gzFile f, void *to, size_t n, const char *what, fdht_error *err)
{
    size_t done = 0;
    while (done < n) {
        int got = gzread(f, (char *)to + done, (unsigned)FDHT_MIN(n - done, 1u << 24));
        if (got < 0) {
            int code;
            return fdht_fail(err, FDHT_EFORMAT, "%s: damaged gzip data (%s)", what, gzerror(f, &code));
        }
        if (got == 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: truncated (read %zu of %zu bytes)", what, done, n);
        done += (size_t)got;
    }
    return FDHT_OK;
}

static uint32_t big(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void *open_gz(const char *path, uint32_t magic, uint32_t *extent, int modes, fdht_error *err)
{
    uint8_t head[16];
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f) {
        fdht_fail(err, errno == ENOENT ? FDHT_ENOENT : FDHT_EIO, "%s",
                  errno ? strerror(errno) : "out of memory");
        return NULL;
    }
    if (read_exact(f, head, 4 + 4 * (size_t)modes, "IDX header", err))
        goto bad;
    if (big(head) != magic) {
        fdht_fail(err, FDHT_EFORMAT, "IDX type %08x, expected %08x (unsigned bytes, %d modes)", big(head),
                  magic, modes);
        goto bad;
    }
    for (int i = 0; i < modes; i++)
        extent[i] = big(head + 4 + 4 * i);
    return f;
bad:
    gzclose(f);
    return NULL;
}

bool fdht_idx_is_labels(const char *path)
{
    uint32_t n;
    gzFile f = open_gz(path, LABELS_MAGIC, &n, 1, NULL);
    if (f)
        gzclose(f);
    return f != NULL;
}

/* Replace `from` by `to` of the same length in the last part of the path. */
static bool rename_part(char *path, const char *from, const char *to)
{
    char *base = strrchr(path, '/'), *at = strstr(base ? base : path, from);
    if (at)
        memcpy(at, to, strlen(to));
    return at != NULL;
}

static int open_labels(const char *path, fdht_idx *idx, fdht_error *err)
{
    uint32_t n;
    char *other = fdht_strdup(path);
    int status = FDHT_OK;
    if (!other)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: IDX");
    if (rename_part(other, "images", "labels")) {
        rename_part(other, "idx3", "idx1");
        if (access(other, F_OK) == 0) {
            if (!(idx->labels = open_gz(other, LABELS_MAGIC, &n, 1, err)))
                status = fdht_fail_prefix(err, FDHT_EFORMAT, "labels %s", other);
            else if (n != idx->n)
                status = fdht_fail(err, FDHT_EFORMAT, "%zu pictures, but %u labels in %s", idx->n, n, other);
        }
    }
    fdht_free(other);
    return status;
}

int fdht_idx_open(const char *path, fdht_idx *idx, fdht_error *err)
{
    uint32_t extent[3];
    memset(idx, 0, sizeof *idx);
    fdht_error why = {0};
    idx->images = open_gz(path, IMAGES_MAGIC, extent, 3, &why);
    if (!idx->images)
        return fdht_fail(err, why.code, "%s", why.msg);
    idx->n = extent[0];
    idx->height = extent[1];
    idx->width = extent[2];
    if (!idx->n || !idx->height || !idx->width || idx->height > FDHT_IMAGE_MAX_PIXELS / idx->width) {
        fdht_idx_close(idx);
        return fdht_fail(err, FDHT_EFORMAT, "%u pictures of %ux%u", extent[0], extent[2], extent[1]);
    }
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    idx->split = !strncmp(base, "train-", 6)                                ? FDHT_SPLIT_TRAIN
                 : !strncmp(base, "t10k-", 5) || !strncmp(base, "test-", 5) ? FDHT_SPLIT_TEST
                                                                            : FDHT_SPLIT_NONE;
    int status = open_labels(path, idx, err);
    if (status)
        fdht_idx_close(idx);
    return status;
}

int fdht_idx_next(fdht_idx *idx, uint8_t *pixel, int *label, fdht_error *err)
{
    uint8_t byte = 0;
    char what[48];
    snprintf(what, sizeof what, "picture %zu", idx->next);
    int status = read_exact(idx->images, pixel, idx->height * idx->width, what, err);
    if (!status && idx->labels) {
        snprintf(what, sizeof what, "label %zu", idx->next);
        status = read_exact(idx->labels, &byte, 1, what, err);
    }
    *label = idx->labels ? byte : -1;
    idx->next++;
    return status;
}

void fdht_idx_close(fdht_idx *idx)
{
    if (idx->images)
        gzclose(idx->images);
    if (idx->labels)
        gzclose(idx->labels);
    memset(idx, 0, sizeof *idx);
}
