#include "fdht/io.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

#include "hdf5/h5.h"

const char *fdht_file_kind_name(fdht_file_kind kind)
{
    static const char *const name[FDHT_FILE_KINDS] = {"unknown", "directory", "stream", "model",
                                                      "dataset", "hdf5",      "png",    "pnm",
                                                      "y4m",     "idx",       "zip",    "json"};
    return kind >= 0 && kind < FDHT_FILE_KINDS ? name[kind] : "unknown";
}

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
    char format[64] = "";
    int rc = fdht_h5_open(path, &file, err);
    *out = FDHT_FILE_HDF5;
    if (rc)
        return rc == FDHT_ENOMEM ? rc : FDHT_OK;
    if (fdht_h5_has_attr(file, "format"))
        rc = fdht_h5_attr_string(file, "format", format, sizeof format, err);
    if (rc != FDHT_ENOMEM)
        rc = FDHT_OK; /* an attribute that cannot be read says nothing */
    if (!strcmp(format, "fdht-model"))
        *out = FDHT_FILE_MODEL;
    else if (!strcmp(format, "fdht-data") || fdht_h5_is_dataset(file, "frames"))
        *out = FDHT_FILE_DATASET;
    else if (!rc)
        rc = judge_members(file, out, err);
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
    return got == 4 && !head[0] && !head[1] && head[2] == 8 && head[3] >= 1 && head[3] <= 4;
}

static fdht_file_kind judge_bytes(const unsigned char *p, size_t n)
{
    if (n >= 8 && !memcmp(p, "\x89HDF\r\n\x1a\n", 8))
        return FDHT_FILE_HDF5;
    if (n >= 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8))
        return FDHT_FILE_PNG;
    if (n >= 10 && !memcmp(p, "YUV4MPEG2 ", 10))
        return FDHT_FILE_Y4M;
    if (n >= 3 && p[0] == 'P' && (p[1] == '5' || p[1] == '6') && isspace(p[2]))
        return FDHT_FILE_PNM;
    if (n >= 4 && !memcmp(p, "PK\3\4", 4))
        return FDHT_FILE_ZIP;
    if (n >= 4 && ((p[0] == 0x1f && p[1] == 0x8b) || (!p[0] && !p[1] && p[2] == 8)))
        return FDHT_FILE_IDX; /* perhaps: to be looked into */
    while (n && isspace(*p)) {
        p++;
        n--;
    }
    return n && *p == '{' ? FDHT_FILE_JSON : FDHT_FILE_OTHER;
}

int fdht_file_identify(const char *path, fdht_file_kind *out, fdht_error *err)
{
    struct stat st;
    unsigned char head[512];
    *out = FDHT_FILE_OTHER;
    if (!strcmp(path, "-")) {
        *out = FDHT_FILE_STREAM;
        return FDHT_OK;
    }
    if (stat(path, &st) != 0)
        return fdht_fail(err, errno == ENOENT || errno == ENOTDIR ? FDHT_ENOENT : FDHT_EIO, "%s: %s", path,
                         strerror(errno));
    if (!S_ISREG(st.st_mode)) {
        *out = S_ISDIR(st.st_mode) ? FDHT_FILE_DIRECTORY : FDHT_FILE_STREAM;
        return FDHT_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof head);
    int why = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(why));
    *out = judge_bytes(head, (size_t)n);
    if (*out == FDHT_FILE_HDF5)
        return judge_hdf5(path, out, err);
    if (*out == FDHT_FILE_IDX && !is_idx(path))
        *out = FDHT_FILE_OTHER;
    return FDHT_OK;
}
