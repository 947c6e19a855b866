/* files/identify.c - what a path holds, by its content: one row a kind. */
#include "fdht/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "arrays/zip.h"
#include "dataset/dataset.h"
#include "dataset/idx.h"
#include "files/read.h"
#include "hdf5/h5.h"

static bool is_weight_name(const char *name)
{
    static const char *const part[] = {"weight", "bias", "kernel"};
    for (size_t i = 0; i < FDHT_COUNT(part); i++)
        if (strstr(name, part[i]))
            return true;
    return false;
}

static bool is_list_name(const char *name)
{
    return !strcmp(name, "labels") || !strcmp(name, "classes") || !strcmp(name, "names") ||
           !strcmp(name, "split");
}

/* Clips or weights? Both may be root data sets of two modes; weights have telling names, or vectors beside
 * them. Fails only for lack of memory. */
static int judge_members(hid_t file, fdht_file_kind *out, fdht_error *err)
{
    char **name = NULL, path[1100];
    size_t n = 0, clips = 0, others = 0;
    int rc = fdht_h5_list(file, "/", &name, &n, err);
    for (size_t i = 0; i < n && rc != FDHT_ENOMEM; i++) {
        fdht_h5_array a;
        snprintf(path, sizeof path, "%.1000s/frames", name[i]);
        if (fdht_h5_is_group(file, name[i]))
            fdht_h5_is_dataset(file, path) ? clips++ : others++;
        else if (!is_list_name(name[i])) {
            bool feature = !is_weight_name(name[i]) && !(rc = fdht_h5_open_array(file, name[i], &a, err));
            if (feature) {
                feature = a.class == H5T_FLOAT && a.rank == 2;
                fdht_h5_close_array(&a);
            }
            feature ? clips++ : others++;
        }
    }
    fdht_h5_free_strings(name, n);
    *out = clips && !others ? FDHT_FILE_DATASET : FDHT_FILE_HDF5;
    return rc == FDHT_ENOMEM ? rc : FDHT_OK;
}

static int judge_hdf5(const char *path, fdht_file_kind *out, fdht_error *err)
{
    hid_t file;
    const char *x, *y;
    char format[64] = "";
    int rc = fdht_h5_open(path, &file, err);
    *out = FDHT_FILE_HDF5;
    if (rc)
        return (rc = fdht_h5_end(rc, err)) == FDHT_ENOMEM ? rc : FDHT_OK;
    if (fdht_h5_has_attr(file, "format"))
        rc = fdht_h5_attr_string(file, "format", format, sizeof format, err);
    if (rc != FDHT_ENOMEM)
        rc = FDHT_OK; /* an attribute that cannot be read says nothing */
    if (!strcmp(format, "fdht-model"))
        *out = FDHT_FILE_MODEL;
    else if (!strcmp(format, "fdht-data") || fdht_h5_is_dataset(file, "frames") ||
             fdht_dataset_find_pair(file, &x, &y))
        *out = FDHT_FILE_DATASET;
    else if (!rc)
        rc = judge_members(file, out, err);
    rc = fdht_h5_end(rc, err);
    fdht_h5_close(&file, NULL);
    return rc;
}

static bool is_idx(const char *path)
{
    unsigned char head[4] = {0};
    gzFile f = gzopen(path, "rb"); /* reads plain files, too */
    int got = f ? gzread(f, head, 4) : 0;
    if (f)
        gzclose(f);
    return got == 4 && fdht_idx_is_head(head);
}

/* --- by the first bytes: `n` of them, of a file of `size` */

typedef struct head {
    const unsigned char *p;
    size_t n;
    uint64_t size;
} head;

static bool starts(const head *h, size_t at, const char *bytes, size_t n)
{
    return h->n >= at + n && !memcmp(h->p + at, bytes, n);
}
#define STARTS(h, at, text) starts(h, at, text, sizeof(text) - 1)

static bool is_hdf5(const head *h)
{
    return STARTS(h, 0, "\x89HDF\r\n\x1a\n");
}

static bool is_png(const head *h)
{
    return STARTS(h, 0, "\x89PNG\r\n\x1a\n");
}

static bool is_y4m(const head *h)
{
    return STARTS(h, 0, "YUV4MPEG2 ");
}

static bool is_pnm(const head *h)
{
    return h->n >= 3 && h->p[0] == 'P' && (h->p[1] == '5' || h->p[1] == '6') && isspace(h->p[2]);
}

static bool is_zip(const head *h)
{
    return STARTS(h, 0, "PK\3\4");
}

static bool is_gzip(const head *h)
{
    return h->n >= 4 && STARTS(h, 0, "\x1f\x8b");
}

static bool is_plain_idx(const head *h)
{
    return h->n >= 4 && fdht_idx_is_head(h->p);
}

static bool is_npy(const head *h)
{
    return STARTS(h, 0, "\x93NUMPY");
}

/* A length that the file can have, then an object. */
static bool is_safetensors(const head *h)
{
    uint64_t n = 0;
    for (size_t i = 0; i < 8 && h->n > 8; i++)
        n |= (uint64_t)h->p[i] << 8 * i;
    return h->n > 8 && h->p[8] == '{' && n >= 2 && n <= h->size - 8;
}

static bool is_torch_old(const head *h)
{
    return h->n > 13 && h->p[0] == 0x80 && STARTS(h, 2, "\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
}

static bool is_pickle(const head *h)
{
    return h->n > 2 && h->p[0] == 0x80 && h->p[1] >= 2 && h->p[1] <= 5 &&
           strchr("\x95}](c)XJKMN\x8a\x8c", h->p[2]) && h->p[2];
}

/* Fields of a ModelProto from ir_version on, each of its known kind, as far as the bytes go. */
static bool is_onnx(const head *h)
{
    static const unsigned char text[] = {0x12, 0x1a, 0x22, 0x32, 0x3a, 0x42, 0x72, 0x00};
    uint64_t at = 2;
    bool graph = false;
    if (h->n < 8 || h->p[0] != 8 || !h->p[1] || h->p[1] > 31)
        return false;
    while (at < h->n) {
        unsigned char tag = h->p[at++];
        uint64_t v = 0;
        int shift = 0;
        for (; at < h->n && shift < 63; shift += 7) {
            v |= (uint64_t)(h->p[at] & 127) << shift;
            if (!(h->p[at++] & 128))
                break;
        }
        if (tag == 0x28) /* model_version */
            continue;
        if (!strchr((const char *)text, tag) || !tag)
            return graph; /* newer fields */
        if (v > h->size || at > h->size - v)
            return false;
        at += v;
        graph |= tag == 0x3a;
    }
    return graph;
}

static bool is_lfs(const head *h)
{
    return STARTS(h, 0, "version https://git-lfs.github.com/spec/");
}

static head without_spaces(const head *h)
{
    head x = *h;
    if (STARTS(&x, 0, "\xef\xbb\xbf")) {
        x.p += 3;
        x.n -= 3;
    }
    while (x.n && isspace(*x.p)) {
        x.p++;
        x.n--;
    }
    return x;
}

static bool is_html(const head *h)
{
    head x = without_spaces(h);
    return (x.n >= 14 && !strncasecmp((const char *)x.p, "<!doctype html", 14)) ||
           (x.n >= 5 && !strncasecmp((const char *)x.p, "<html", 5));
}

static bool is_json(const head *h)
{
    head x = without_spaces(h);
    return x.n && *x.p == '{';
}

/* The first atom of a QuickTime file need not be ftyp. */
static bool is_mp4(const head *h)
{
    static const char *const atom[] = {"ftyp", "moov", "mdat", "wide", "free", "skip", "pnot"};
    for (size_t i = 0; i < FDHT_COUNT(atom); i++)
        if (starts(h, 4, atom[i], 4))
            return true;
    return false;
}

static bool is_matroska(const head *h)
{
    return STARTS(h, 0, "\x1a\x45\xdf\xa3");
}

static bool is_avi(const head *h)
{
    return STARTS(h, 0, "RIFF") && STARTS(h, 8, "AVI ");
}

static bool is_gif(const head *h)
{
    return STARTS(h, 0, "GIF87a") || STARTS(h, 0, "GIF89a");
}

/* A pack header, a sequence header, or packets of 188 bytes. */
static bool is_mpeg(const head *h)
{
    return STARTS(h, 0, "\0\0\1\xba") || STARTS(h, 0, "\0\0\1\xb3") ||
           (STARTS(h, 0, "G") && STARTS(h, 188, "G") && STARTS(h, 376, "G"));
}

static bool is_other_video(const head *h)
{
    return STARTS(h, 0, "FLV\1") || STARTS(h, 0, "OggS") || STARTS(h, 0, "\x30\x26\xb2\x75\x8e\x66\xcf\x11");
}

static bool is_jpeg(const head *h)
{
    return STARTS(h, 0, "\xff\xd8\xff");
}

static bool is_pdf(const head *h)
{
    return STARTS(h, 0, "%PDF-");
}

/* In the order in which they are tried. test NULL: told by other means. */
static const struct kind_row {
    fdht_file_kind kind;
    const char *name;
    bool (*test)(const head *h);
    const char *advice;
} kinds[] = {
    {FDHT_FILE_OTHER, "unknown", NULL, NULL},
    {FDHT_FILE_DIRECTORY, "directory", NULL, NULL},
    {FDHT_FILE_STREAM, "stream", NULL, NULL},
    {FDHT_FILE_MODEL, "model", NULL, NULL},
    {FDHT_FILE_DATASET, "dataset", NULL, NULL},
    {FDHT_FILE_HDF5, "hdf5", is_hdf5, NULL},
    {FDHT_FILE_PNG, "png", is_png, NULL},
    {FDHT_FILE_Y4M, "y4m", is_y4m, NULL},
    {FDHT_FILE_PNM, "pnm", is_pnm, NULL},
    {FDHT_FILE_ZIP, "zip", is_zip, NULL},
    {FDHT_FILE_NPZ, "npz", NULL, NULL},
    {FDHT_FILE_KERAS, "keras", NULL, NULL},
    {FDHT_FILE_TORCH, "torch", NULL, NULL},
    {FDHT_FILE_TORCHSCRIPT, "torchscript", NULL,
     "a TorchScript archive, which is a program; save its weights in Python:"
     " torch.save(dict(torch.jit.load(FILE, map_location='cpu').state_dict()), 'model.pt')"},
    {FDHT_FILE_TORCH_OLD, "torch-old", is_torch_old,
     "a PyTorch file of the kind before 1.6; save it anew in Python:"
     " torch.save(torch.load(FILE, map_location='cpu', weights_only=True), 'model.pt')"},
    {FDHT_FILE_SAFETENSORS, "safetensors", is_safetensors, NULL},
    {FDHT_FILE_NPY, "npy", is_npy, NULL},
    {FDHT_FILE_LFS, "lfs", is_lfs, "a Git LFS pointer, not the file itself; fetch that with: git lfs pull"},
    {FDHT_FILE_HTML, "html", is_html,
     "an HTML page, not the file itself; download the raw file (on GitHub: raw, on Hugging Face: resolve "
     "instead of blob)"},
    {FDHT_FILE_GZIP, "gzip", is_gzip, "compressed by gzip; unpack it first: gunzip FILE"},
    {FDHT_FILE_IDX, "idx", is_plain_idx, NULL},
    {FDHT_FILE_MP4, "mp4", is_mp4, "an MP4 or QuickTime video: clips for fdht infer and pack"},
    {FDHT_FILE_MATROSKA, "matroska", is_matroska, "a Matroska or WebM video: clips for fdht infer and pack"},
    {FDHT_FILE_AVI, "avi", is_avi, "an AVI video: clips for fdht infer and pack"},
    {FDHT_FILE_GIF, "gif", is_gif, "a GIF: clips for fdht infer and pack"},
    {FDHT_FILE_MPEG, "mpeg", is_mpeg, "an MPEG video: clips for fdht infer and pack"},
    {FDHT_FILE_VIDEO, "video", is_other_video, "a video: clips for fdht infer and pack"},
    {FDHT_FILE_JPEG, "jpeg", is_jpeg, "a JPEG picture: a frame for fdht infer and pack"},
    {FDHT_FILE_PDF, "pdf", is_pdf, "a PDF document"},
    {FDHT_FILE_PICKLE, "pickle", is_pickle,
     "a Python pickle, which only Python can read safely or not at all; write its arrays with numpy.savez"},
    {FDHT_FILE_ONNX, "onnx", is_onnx, NULL},
    {FDHT_FILE_JSON, "json", is_json, NULL},
};

static const struct kind_row *row_of(fdht_file_kind kind)
{
    for (size_t i = 0; i < FDHT_COUNT(kinds); i++)
        if (kinds[i].kind == kind)
            return &kinds[i];
    return &kinds[0];
}

const char *fdht_file_kind_name(fdht_file_kind kind)
{
    return row_of(kind)->name;
}

const char *fdht_file_kind_advice(fdht_file_kind kind)
{
    return row_of(kind)->advice;
}

bool fdht_file_is_video(fdht_file_kind kind)
{
    return kind >= FDHT_FILE_MP4 && kind <= FDHT_FILE_VIDEO;
}

static fdht_file_kind judge_bytes(const head *h)
{
    for (size_t i = 0; i < FDHT_COUNT(kinds); i++)
        if (kinds[i].test && kinds[i].test(h))
            return kinds[i].kind;
    return FDHT_FILE_OTHER;
}

fdht_file_kind fdht_file_identify_bytes(const void *bytes, size_t n)
{
    head h = {bytes, n, UINT64_MAX};
    return judge_bytes(&h);
}

/* --- zip archives, by their members */

static bool ends(const char *name, const char *with)
{
    size_t n = strlen(name), m = strlen(with);
    return n >= m && !strcmp(name + n - m, with) && (n == m || with[0] == '.' || name[n - m - 1] == '/');
}

/* What one member says of the archive. */
static fdht_file_kind judge_member(const char *name)
{
    if (ends(name, "constants.pkl"))
        return FDHT_FILE_TORCHSCRIPT;
    if (ends(name, "data.pkl"))
        return FDHT_FILE_TORCH;
    if (ends(name, "model.weights.h5"))
        return FDHT_FILE_KERAS;
    return ends(name, ".npy") ? FDHT_FILE_NPZ : FDHT_FILE_ZIP;
}

/* Without libzip the first member must do. */
static fdht_file_kind judge_first(const head *h)
{
    char name[64] = "";
    size_t n = h->n >= 30 ? h->p[26] | (size_t)h->p[27] << 8 : 0;
    if (n && n < sizeof name && h->n >= 30 + n)
        memcpy(name, h->p + 30, n);
    return !strcmp(name, "metadata.json") ? FDHT_FILE_KERAS : judge_member(name);
}

static int judge_zip(const char *path, const head *h, fdht_file_kind *out, fdht_error *err)
{
    fdht_zip *z;
    int rc = fdht_zip_open(path, &z, err);
    *out = FDHT_FILE_ZIP;
    if (rc == FDHT_ENOSUP)
        *out = judge_first(h);
    if (rc)
        return rc == FDHT_ENOMEM ? rc : FDHT_OK;
    for (int i = 0; i < fdht_zip_count(z); i++) {
        fdht_file_kind kind = judge_member(fdht_zip_name(z, i));
        if (kind > *out)
            *out = kind;
    }
    fdht_zip_close(z);
    return FDHT_OK;
}

int fdht_file_identify(const char *path, fdht_file_kind *out, fdht_error *err)
{
    struct stat st;
    unsigned char bytes[512];
    *out = FDHT_FILE_OTHER;
    if (!strcmp(path, "-")) {
        *out = FDHT_FILE_STREAM;
        return FDHT_OK;
    }
    if (stat(path, &st) != 0)
        return fdht_fail_errno(err, path);
    if (!S_ISREG(st.st_mode)) {
        *out = S_ISDIR(st.st_mode) ? FDHT_FILE_DIRECTORY : FDHT_FILE_STREAM;
        return FDHT_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : fdht_read_at(fd, bytes, sizeof bytes, 0);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(why));
    head h = {bytes, (size_t)n, (uint64_t)st.st_size};
    *out = judge_bytes(&h);
    if (*out == FDHT_FILE_OTHER && fdht_h5_is_file(path)) /* behind a user block */
        *out = FDHT_FILE_HDF5;
    if (*out == FDHT_FILE_HDF5)
        return judge_hdf5(path, out, err);
    if (*out == FDHT_FILE_ZIP)
        return judge_zip(path, &h, out, err);
    if (*out == FDHT_FILE_GZIP && is_idx(path))
        *out = FDHT_FILE_IDX;
    else if (*out == FDHT_FILE_IDX && !is_idx(path))
        *out = FDHT_FILE_OTHER;
    return FDHT_OK;
}
