/* dataset/idx.c - IDX files: pictures and the labels that belong to them. */
#include "dataset/idx.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <zlib.h>

#include "fdht/dataset.h"
#include "fdht/image.h"

/* Bytes of an integer type of IDX: 08 and 09 are bytes, 0b short, 0c int; 0 for the others (floats). */
static size_t type_size(int type)
{
    return type == 0x08 || type == 0x09 ? 1 : type == 0x0b ? 2 : type == 0x0c ? 4 : 0;
}

bool fdht_idx_is_head(const uint8_t *head)
{
    return !head[0] && !head[1] && type_size(head[2]) && head[3] >= 1 && head[3] <= 4;
}

static int read_exact(gzFile f, void *to, size_t n, const char *what, fdht_error *err)
{
    size_t done = 0;
    while (done < n) {
        int got = gzread(f, (char *)to + done, (unsigned)FDHT_MIN(n - done, 1u << 24));
        if (got < 0) {
            int code;
            gzerror(f, &code);
            if (code == Z_MEM_ERROR)
                return fdht_fail(err, FDHT_ENOMEM, "out of memory: %s", what);
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

/* 00 00, type, number of modes; then one big-endian extent a mode, of which at most 3 are kept. */
typedef struct idx_head {
    int type, modes;
    uint32_t extent[4];
} idx_head;

static void *open_gz(const char *path, idx_head *h, fdht_error *err)
{
    uint8_t head[20];
    errno = 0;
    gzFile f = gzopen(path, "rb");
    if (!f) {
        bool memory = !errno || errno == ENOMEM;
        fdht_fail(err,
                  memory            ? FDHT_ENOMEM
                  : errno == ENOENT ? FDHT_ENOENT
                                    : FDHT_EIO,
                  "%s", memory ? "out of memory" : strerror(errno));
        return NULL;
    }
    if (read_exact(f, head, 4, "IDX header", err))
        goto bad;
    if (!fdht_idx_is_head(head)) {
        fdht_fail(err, FDHT_EFORMAT, "IDX type %08x is not read", big(head));
        goto bad;
    }
    h->type = head[2];
    h->modes = head[3];
    if (read_exact(f, head + 4, 4 * (size_t)h->modes, "IDX header", err))
        goto bad;
    for (int i = 0; i < h->modes; i++)
        h->extent[i] = big(head + 4 + 4 * i);
    return f;
bad:
    gzclose(f);
    return NULL;
}

bool fdht_idx_is_labels(const char *path)
{
    idx_head h;
    gzFile f = open_gz(path, &h, NULL);
    if (f)
        gzclose(f);
    return f && h.modes <= 2;
}

/* Replace `from` by `to` of the same length in the last part of the path. */
static bool rename_part(char *path, const char *from, const char *to)
{
    char *base = strrchr(path, '/'), *at = strstr(base ? base : path, from);
    if (at)
        memcpy(at, to, strlen(to));
    return at != NULL;
}

/* The file of labels next to pictures: "labels" for "images", "idx1" or QMNIST's "idx2-int" for "idx3-ubyte", with or without .gz.
 * false: none is there. path has room for 8 bytes more. */
static bool find_labels(char *path)
{
    char *base = strrchr(path, '/');
    size_t n = strlen(path);
    if (n > 3 && !strcmp(path + n - 3, ".gz"))
        path[n - 3] = 0;
    base = base ? base : path;
    if (!rename_part(path, "images", "labels"))
        return false;
    for (int k = 0; k < 4; k++) {
        char *kind = strstr(base, "idx");
        if (kind && k == 0)
            memcpy(kind, "idx1", 4);
        else if (kind && k == 2 && strlen(kind) >= sizeof "idx2-int" - 1)
            strcpy(kind, "idx2-int");
        n = strlen(path);
        strcpy(path + n, k % 2 ? ".gz" : "");
        if (access(path, F_OK) == 0)
            return true;
        path[n] = 0;
    }
    return false;
}

static int open_labels(const char *path, fdht_idx *idx, fdht_error *err)
{
    idx_head h = {0};
    char *other = fdht_calloc(strlen(path) + 8, 1);
    int status = FDHT_OK;
    if (!other)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: IDX");
    strcpy(other, path);
    if (find_labels(other)) {
        if (!(idx->labels = open_gz(other, &h, err)))
            status = fdht_fail_prefix(err, FDHT_EFORMAT, "labels %s", other);
        else if (h.modes > 2 || (h.modes == 2 && (!h.extent[1] || h.extent[1] > FDHT_IDX_COLUMNS)))
            status = fdht_fail(err, FDHT_EFORMAT, "labels %s: %d modes", other, h.modes);
        else if (h.extent[0] != idx->n)
            status =
                fdht_fail(err, FDHT_EFORMAT, "%zu pictures, but %u labels in %s", idx->n, h.extent[0], other);
        idx->label_size = type_size(h.type);
        idx->label_columns = h.modes == 2 ? h.extent[1] : 1;
    }
    fdht_free(other);
    return status;
}

/* The word in the name, in front or between: emnist-letters-train-images-idx3-ubyte. */
static int split_of(const char *base)
{
    if (!strncmp(base, "train-", 6) || strstr(base, "-train-"))
        return FDHT_SPLIT_TRAIN;
    if (!strncmp(base, "t10k-", 5) || !strncmp(base, "test-", 5) || strstr(base, "-test-"))
        return FDHT_SPLIT_TEST;
    return FDHT_SPLIT_NONE;
}

int fdht_idx_open(const char *path, fdht_idx *idx, fdht_error *err)
{
    idx_head h;
    memset(idx, 0, sizeof *idx);
    fdht_error why = {0};
    idx->images = open_gz(path, &h, &why);
    if (!idx->images)
        return fdht_fail(err, why.code, "%s", why.msg);
    if (h.type != 0x08 || h.modes != 3) {
        fdht_idx_close(idx);
        return fdht_fail(err, FDHT_EFORMAT, "IDX of type %02x and %d modes, pictures are of type 08 and 3",
                         h.type, h.modes);
    }
    idx->n = h.extent[0];
    idx->height = h.extent[1];
    idx->width = h.extent[2];
    if (!idx->n || !idx->height || !idx->width || idx->height > FDHT_IMAGE_MAX_PIXELS / idx->width) {
        fdht_idx_close(idx);
        return fdht_fail(err, FDHT_EFORMAT, "%u pictures of %ux%u", h.extent[0], h.extent[2], h.extent[1]);
    }
    const char *slash = strrchr(path, '/');
    idx->split = split_of(slash ? slash + 1 : path);
    int status = open_labels(path, idx, err);
    if (status)
        fdht_idx_close(idx);
    return status;
}

/* The first column of the next row. */
static int next_label(fdht_idx *idx, int *label, fdht_error *err)
{
    uint8_t row[4 * FDHT_IDX_COLUMNS] = {0};
    char what[48];
    int64_t v = 0;
    snprintf(what, sizeof what, "label %zu", idx->next);
    int status = read_exact(idx->labels, row, idx->label_size * idx->label_columns, what, err);
    for (size_t i = 0; !status && i < idx->label_size; i++)
        v = v << 8 | row[i];
    if (!status && v > 1000000)
        status = fdht_fail(err, FDHT_EFORMAT, "label %zu is %lld", idx->next, (long long)v);
    *label = (int)v;
    return status;
}

int fdht_idx_next(fdht_idx *idx, uint8_t *pixel, int *label, fdht_error *err)
{
    char what[48];
    snprintf(what, sizeof what, "picture %zu", idx->next);
    *label = -1;
    int status = read_exact(idx->images, pixel, idx->height * idx->width, what, err);
    if (!status && idx->labels)
        status = next_label(idx, label, err);
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
