/* hdf5/h5.c - opening HDF5 files and data sets, the checks of storage and size, and reading numbers. */
#include "hdf5/h5.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fdht/io.h"
#include "files/read.h"

/* Deflate cannot do better than 1032:1; an extent that claims more is made up. */
enum { MAX_EXPANSION = 1100, MIN_ALLOWANCE = 1 << 16, START_BYTES = 8 << 20 };

/* While libhdf5 starts: the program's stderr, else -1. */
static int said = -1;

/* libhdf5 may end the process while it starts: the program's own handlers, which run after this one, can then speak. */
static void give_back_stderr(void)
{
    if (said < 0)
        return;
    dup2(said, 2);
    close(said);
    said = -1;
}

int fdht_hdf5_quiet(void)
{
    void *room =
        malloc(START_BYTES); /* an allocation that fails while it starts makes libhdf5 1.10 recur for ever */
    free(room);
    if (!room || atexit(give_back_stderr))
        return FDHT_ENOMEM;
    H5dont_atexit(); /* counts only before the library's first use, which the next call is */
    /* If it cannot start it says so on stderr: its errors are silenced only once it has. */
    int none = open("/dev/null", O_WRONLY | O_CLOEXEC);
    said = none >= 0 ? fcntl(2, F_DUPFD_CLOEXEC, 3) : -1;
    if (said >= 0)
        dup2(none, 2);
    if (none >= 0)
        close(none);
    bool started = H5open() >= 0;
    give_back_stderr();
    if (!started)
        return FDHT_ENOMEM;
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    H5PLset_loading_state(0); /* a file that names a filter must not make libhdf5 load code */
    return FDHT_OK;
}

/* The superblock of an open file: at 0, or at 512, 1024, 2048, .. behind a user block. */
typedef struct superblock {
    unsigned char head[12];
    bool found;
    off_t size; /* of the file */
    int why;    /* errno, 0: read */
} superblock;

static superblock find_superblock(int fd)
{
    static const unsigned char magic[8] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1a, '\n'};
    superblock s = {.size = lseek(fd, 0, SEEK_END)};
    off_t at = 0;
    ssize_t got = s.size < 0 ? -1 : fdht_read_at(fd, s.head, sizeof s.head, 0);
    while (got >= 9 && !(s.found = !memcmp(s.head, magic, sizeof magic)) && at < s.size / 2) {
        at = at ? 2 * at : 512;
        got = fdht_read_at(fd, s.head, sizeof s.head, at);
    }
    s.why = got < 0 ? errno : 0;
    return s;
}

bool fdht_h5_is_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    superblock s = find_superblock(fd);
    close(fd);
    return s.found;
}

/* A file in memory has no name that libhdf5 can follow: it gets the bytes instead. */
const char fdht_h5_in_memory[15] = "/proc/self/fd/";

/* libhdf5 refuses the name of a file that exists, and takes two in memory of one name for the same file. */
static void use_image(const char *path, size_t size, hid_t fapl, char *name, size_t name_size)
{
    static atomic_uint number;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *image = fd < 0 ? NULL : fdht_calloc(size, 1);
    if (image && fdht_read_at(fd, image, size, 0) == (ssize_t)size && H5Pset_fapl_core(fapl, 1 << 16, 0) >= 0)
        H5Pset_file_image(fapl, image, size);
    fdht_free(image);
    if (fd >= 0)
        close(fd);
    snprintf(name, name_size, "in memory %u", atomic_fetch_add(&number, 1));
}

int fdht_h5_open_unguarded(const char *path, hid_t *out, fdht_error *err)
{
    *out = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fdht_fail_errno(err, NULL);
    superblock s = find_superblock(fd);
    close(fd);
    if (s.why)
        return fdht_fail(err, s.why == ESPIPE ? FDHT_EINVAL : FDHT_EIO, "%s",
                         s.why == ESPIPE ? "a pipe; HDF5 needs a file that can seek" : strerror(s.why));
    if (!s.found)
        return fdht_fail(err, FDHT_EFORMAT, "not an HDF5 file (%lld bytes)", (long long)s.size);

    char image[32];
    const char *name = path;
    hid_t fapl = H5Pcreate(H5P_FILE_ACCESS);
    if (fapl < 0)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: HDF5 property list");
    FDHT_H5_TRY
    {
        /* The getter and setter exist from 1.10.7 on; the environment variable is for the rest. */
        H5Pset_file_locking(fapl, 0, 1);
        if (!strncmp(path, fdht_h5_in_memory, sizeof fdht_h5_in_memory - 1)) {
            use_image(path, (size_t)s.size, fapl, image, sizeof image);
            name = image;
        }
        *out = H5Fopen(name, H5F_ACC_RDONLY, fapl);
    }
    FDHT_H5_END
    H5Pclose(fapl);
    if (*out < 0) {
        *out = -1;
        /* superblock 3 has flags: open for writing, open for one writer and many readers */
        if (s.head[8] >= 3 && s.head[11] & 5)
            return fdht_fail(
                err, FDHT_EFORMAT,
                "an HDF5 file that is open for writing, or was not closed (h5clear -s clears its flag)");
        return fdht_fail(err, FDHT_EFORMAT, "damaged or truncated HDF5 file (%lld bytes)", (long long)s.size);
    }
    return FDHT_OK;
}

/* Walk to `path` through hard links only, so that no file leads out of itself: 1 it is there, 0 it is not, -1
 * the way is damaged. */
static int reachable(hid_t loc, const char *path)
{
    char part[1024];
    size_t n = strlen(path);
    if (n >= sizeof part)
        return 0;
    for (size_t i = 1; i <= n; i++) {
        if ((i < n && path[i] != '/') || path[i - 1] == '/')
            continue;
        memcpy(part, path, i);
        part[i] = 0;
        H5L_info_t info;
        htri_t there = H5Lexists(loc, part, H5P_DEFAULT);
        if (there <= 0 || H5Lget_info(loc, part, &info, H5P_DEFAULT) < 0)
            return there == 0 ? 0 : -1;
        if (info.type != H5L_TYPE_HARD)
            return 0;
    }
    return 1;
}

static bool is_object(hid_t loc, const char *path, H5I_type_t want)
{
    bool yes = false;
    FDHT_H5_TRY
    {
        hid_t id = reachable(loc, path) > 0 ? H5Oopen(loc, path, H5P_DEFAULT) : -1;
        if (id >= 0) {
            yes = H5Iget_type(id) == want;
            H5Oclose(id);
        }
    }
    FDHT_H5_END
    return yes;
}

bool fdht_h5_is_group(hid_t loc, const char *path)
{
    return is_object(loc, path, H5I_GROUP);
}

bool fdht_h5_is_link(hid_t loc, const char *name)
{
    H5L_info_t info;
    bool link = false;
    FDHT_H5_TRY
    {
        link = H5Lexists(loc, name, H5P_DEFAULT) > 0 && H5Lget_info(loc, name, &info, H5P_DEFAULT) >= 0 &&
               info.type != H5L_TYPE_HARD;
    }
    FDHT_H5_END
    return link;
}

bool fdht_h5_has(hid_t loc, const char *path)
{
    int there;
    FDHT_H5_TRY
    {
        there = reachable(loc, path);
    }
    FDHT_H5_END
    return there != 0;
}

bool fdht_h5_is_dataset(hid_t loc, const char *path)
{
    return is_object(loc, path, H5I_DATASET);
}

static int check_filters(hid_t plist, fdht_h5_array *a, fdht_error *err)
{
    int n = H5Pget_nfilters(plist);
    a->filtered = n > 0;
    for (int i = 0; i < n; i++) {
        unsigned flags, config;
        size_t values = 0;
        char name[64] = "";
        H5Z_filter_t f =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);
        if (f < 0)
            return fdht_fail(err, FDHT_EFORMAT, "%s: damaged filter list", a->path);
        for (char *c = name; *c; c++)
            if (!isprint((unsigned char)*c))
                *c = '?';
        if (H5Zfilter_avail(f) <= 0)
            return fdht_fail(err, FDHT_EFORMAT,
                             "%s: filter %d (%s) is not in this HDF5 library; `h5repack -f NONE OLD NEW`, "
                             "run where it is, "
                             "fixes the file",
                             a->path, (int)f,
                             f == 32000 ? "lzf, Debian: hdf5-plugin-lzf"
                             : name[0]  ? name
                                        : "unnamed");
    }
    return FDHT_OK;
}

/* A chunk is unpacked whole: its size, too, must be backed by stored bytes. */
static int check_layout(hid_t plist, const fdht_h5_array *a, size_t allowance, fdht_error *err)
{
    H5D_layout_t layout = H5Pget_layout(plist);
    if (layout == H5D_VIRTUAL || H5Pget_external_count(plist) > 0)
        return fdht_fail(err, FDHT_EFORMAT, "%s: stored in other files, which is not followed", a->path);
    if (layout == H5D_CHUNKED) {
        hsize_t chunk[FDHT_H5_MAX_RANK];
        size_t bytes = a->type_size;
        int n = H5Pget_chunk(plist, FDHT_H5_MAX_RANK, chunk);
        if (n != a->rank)
            return fdht_fail(err, FDHT_EFORMAT, "%s: damaged chunk description", a->path);
        for (int i = 0; i < n; i++)
            if (!fdht_mul(bytes, (size_t)chunk[i], &bytes))
                return fdht_fail(err, FDHT_EFORMAT, "%s: chunks are larger than memory", a->path);
        if (bytes > allowance)
            return fdht_fail(err, FDHT_EFORMAT, "%s: chunks of %zu bytes, but only %zu bytes are stored",
                             a->path, bytes, a->stored);
    }
    return FDHT_OK;
}

/* Bytes of the data set in the file, which has at least as many: an index of chunks may claim more. */
static int check_stored(fdht_h5_array *a, bool chunked, fdht_error *err)
{
    hsize_t size = 0;
    hid_t file = H5Iget_file_id(a->id);
    bool known = file >= 0 && H5Fget_filesize(file, &size) >= 0;
    if (file >= 0)
        H5Fclose(file);
    a->stored = (size_t)H5Dget_storage_size(a->id);
    if (chunked && (!known || a->stored > size))
        return fdht_fail(err, FDHT_EFORMAT, "%s: %zu bytes are stored, the file has %llu", a->path, a->stored,
                         (unsigned long long)size);
    return FDHT_OK;
}

/* by_rows: only one row of the slowest mode is ever read at once, so only that must be backed. */
static int look_at(fdht_h5_array *a, bool by_rows, fdht_error *err)
{
    hsize_t dim[FDHT_H5_MAX_RANK];
    int rc = FDHT_OK;
    hid_t space = H5Dget_space(a->id), plist = H5Dget_create_plist(a->id);
    a->type = H5Dget_type(a->id);
    if (space < 0 || plist < 0 || a->type < 0 || H5Sis_simple(space) <= 0) {
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: damaged or unsupported data set", a->path);
        goto out;
    }
    a->class = H5Tget_class(a->type);
    a->type_size = H5Tget_size(a->type);
    a->rank = H5Sget_simple_extent_ndims(space);
    if (a->rank < 0 || a->rank > FDHT_H5_MAX_RANK || H5Sget_simple_extent_dims(space, dim, NULL) < 0 ||
        !a->type_size) {
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: damaged shape or type", a->path);
        goto out;
    }
    if ((rc = fdht_h5_check_number(a->type, a->path, err)))
        goto out;
    a->count = H5Sget_simple_extent_type(space) == H5S_NULL ? 0 : 1;
    size_t bytes;
    for (int i = 0; i < a->rank; i++) {
        a->dim[i] = (size_t)dim[i];
        if (!fdht_mul(a->count, a->dim[i], &a->count) || !fdht_mul(a->count, a->type_size, &bytes)) {
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: shape overflows", a->path);
            goto out;
        }
    }
    bytes = a->count * a->type_size;
    H5D_layout_t layout = H5Pget_layout(plist);
    if ((rc = check_stored(a, layout == H5D_CHUNKED, err)) || (rc = check_filters(plist, a, err)))
        goto out;
    /* chunks may be packed, or left out where nothing was written; other storage is there whole or not at all */
    size_t allowance = a->stored;
    if (layout == H5D_CHUNKED && !fdht_mul(a->stored, MAX_EXPANSION, &allowance))
        allowance = SIZE_MAX;
    if (layout == H5D_CHUNKED || (layout != H5D_COMPACT && !a->stored))
        allowance = FDHT_MAX(allowance, MIN_ALLOWANCE);
    if (by_rows && layout == H5D_CHUNKED && a->rank && a->dim[0])
        bytes /= a->dim[0];
    if (bytes > allowance)
        rc = fdht_fail(err, FDHT_EFORMAT, "%s: shape asks for %zu bytes, only %zu are stored", a->path, bytes,
                       a->stored);
    else if (!(rc = check_layout(plist, a, allowance, err)))
        rc = fdht_h5_chunks_new(a->id, plist, a->type, &a->chunks, err);
out:
    if (space >= 0)
        H5Sclose(space);
    if (plist >= 0)
        H5Pclose(plist);
    return rc;
}

static int open_array(hid_t loc, const char *path, bool by_rows, fdht_h5_array *out, fdht_error *err)
{
    int rc = FDHT_OK;
    memset(out, 0, sizeof *out);
    out->id = out->type = -1;
    snprintf(out->path, sizeof out->path, "%s%s", path[0] == '/' ? "" : "/", path);
    FDHT_H5_TRY
    {
        int there = reachable(loc, path);
        if (!there)
            rc = fdht_fail(err, FDHT_ENOENT, "%s: missing", out->path);
        else if (there < 0)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: the group that holds it is damaged", out->path);
        else if ((out->id = H5Dopen2(loc, path, H5P_DEFAULT)) < 0)
            rc = fdht_fail(err, FDHT_EFORMAT, "%s: not a readable data set", out->path);
        else
            rc = look_at(out, by_rows, err);
    }
    FDHT_H5_END
    if (rc)
        fdht_h5_close_array(out);
    return rc;
}

int fdht_h5_open_array(hid_t loc, const char *path, fdht_h5_array *out, fdht_error *err)
{
    return open_array(loc, path, false, out, err);
}

int fdht_h5_open_rows(hid_t loc, const char *path, fdht_h5_array *out, fdht_error *err)
{
    return open_array(loc, path, true, out, err);
}

void fdht_h5_close_array(fdht_h5_array *a)
{
    fdht_h5_chunks_free(a->chunks);
    FDHT_H5_TRY
    {
        if (a->type >= 0)
            H5Tclose(a->type);
        if (a->id >= 0)
            H5Dclose(a->id);
    }
    FDHT_H5_END
    a->id = a->type = -1;
    a->chunks = NULL;
}

static void spell(char *buf, size_t size, int rank, const size_t *dim)
{
    size_t n = (size_t)snprintf(buf, size, "(");
    for (int i = 0; i < rank && n < size; i++)
        n += (size_t)snprintf(buf + n, size - n, "%s%zu", i ? "," : "", dim[i]);
    if (n < size)
        snprintf(buf + n, size - n, ")");
}

int fdht_h5_expect(const fdht_h5_array *a, int rank, const size_t *dim, fdht_error *err)
{
    bool same = a->rank == rank;
    for (int i = 0; same && i < rank; i++)
        same = a->dim[i] == dim[i];
    if (same)
        return FDHT_OK;
    char want[96], have[96];
    spell(want, sizeof want, rank, dim);
    spell(have, sizeof have, a->rank, a->dim);
    return fdht_fail(err, FDHT_EFORMAT, "%s: expected %s, file has %s", a->path, want, have);
}

static int check_numeric(const fdht_h5_array *a, hid_t mem, fdht_error *err)
{
    if (a->class != H5T_INTEGER && a->class != H5T_FLOAT && mem != a->type)
        return fdht_fail(err, FDHT_EFORMAT, "%s: not numbers", a->path);
    return FDHT_OK;
}

/* n values, which are converted where they come to lie, or in memory of their own where they get smaller. */
static int read_chunks(const fdht_h5_array *a, const hsize_t *start, const hsize_t *count, size_t n,
                       hid_t mem, void *data, fdht_error *err)
{
    size_t bytes, width = H5Tget_size(mem);
    htri_t same = H5Tequal(a->type, mem);
    void *values = data, *own = NULL;
    if (a->type_size > width) {
        if (!fdht_mul(n, a->type_size, &bytes) || !(values = own = fdht_calloc_err(bytes, 1, a->path, err)))
            return FDHT_ENOMEM;
    }
    int status = fdht_h5_chunks_read(a->chunks, start, count, values, err);
    if (!status && (same < 0 || (!same && H5Tconvert(a->type, mem, n, values, NULL, H5P_DEFAULT) < 0)))
        status = fdht_fail(err, FDHT_EFORMAT, "values that cannot be converted");
    if (!status && own)
        memcpy(data, own, n * width);
    fdht_free(own);
    return status;
}

herr_t fdht_h5_dread(hid_t id, int rank, const hsize_t *start, const hsize_t *count, const hsize_t *extent,
                     hid_t mem, void *data)
{
    const hsize_t zero[FDHT_H5_MAX_RANK] = {0};
    herr_t got = -1;
    hid_t space = H5Dget_space(id), memory = H5Screate_simple(rank, extent ? extent : count, NULL);
    if (space >= 0 && memory >= 0 &&
        (!rank || H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0) &&
        (!extent || H5Sselect_hyperslab(memory, H5S_SELECT_SET, zero, NULL, count, NULL) >= 0))
        got = H5Dread(id, mem, memory, space, H5P_DEFAULT, data);
    if (space >= 0)
        H5Sclose(space);
    if (memory >= 0)
        H5Sclose(memory);
    return got;
}

int fdht_h5_read_box(const fdht_h5_array *a, const size_t *start, const size_t *count, hid_t mem, void *data,
                     fdht_error *err)
{
    hsize_t first[FDHT_H5_MAX_RANK], n[FDHT_H5_MAX_RANK];
    size_t values = 1;
    fdht_error why = {0, ""};
    int status = check_numeric(a, mem, err);
    if (status)
        return status;
    for (int i = 0; i < a->rank; i++) {
        if (start[i] > a->dim[i] || count[i] > a->dim[i] - start[i])
            return fdht_fail(err, FDHT_EINVAL, "%s: %zu..%zu of mode %d asked for, file has %zu", a->path,
                             start[i], start[i] + count[i], i + 1, a->dim[i]);
        first[i] = start[i];
        n[i] = count[i];
        values *= count[i];
    }
    if (!a->count || !values)
        return FDHT_OK;
    FDHT_H5_TRY
    {
        if (a->chunks)
            status = read_chunks(a, first, n, values, mem, data, &why);
        else if (fdht_h5_dread(a->id, a->rank, first, n, NULL, mem, data) < 0)
            status = fdht_fail(&why, FDHT_EFORMAT, "truncated, or a checksum does not fit");
    }
    FDHT_H5_END
    if (status == FDHT_EFORMAT && a->rank && (start[0] || count[0] < a->dim[0]))
        return fdht_fail(err, status, "%s: row %zu cannot be read (%s)", a->path, start[0], why.msg);
    return status ? fdht_fail(err, status, "%s: cannot be read (%s)", a->path, why.msg) : FDHT_OK;
}

int fdht_h5_read(const fdht_h5_array *a, hid_t mem, void *data, fdht_error *err)
{
    const size_t start[FDHT_H5_MAX_RANK] = {0};
    return fdht_h5_read_box(a, start, a->dim, mem, data, err);
}

int fdht_h5_read_rows(const fdht_h5_array *a, size_t first, size_t n, hid_t mem, void *data, fdht_error *err)
{
    if (a->rank < 1)
        return fdht_fail(err, FDHT_EINVAL, "%s: a scalar has no rows", a->path);
    size_t start[FDHT_H5_MAX_RANK] = {first}, count[FDHT_H5_MAX_RANK];
    memcpy(count, a->dim, sizeof count);
    count[0] = n;
    return fdht_h5_read_box(a, start, count, mem, data, err);
}

void fdht_h5_free_strings(char **s, size_t n)
{
    for (size_t i = 0; s && i < n; i++)
        fdht_free(s[i]);
    fdht_free(s);
}

struct listing {
    char **name;
    size_t n, size;
    bool failed;
};

static herr_t add_name(hid_t group, const char *name, const H5L_info_t *info, void *arg)
{
    struct listing *l = arg;
    (void)group;
    if (info->type != H5L_TYPE_HARD)
        return 0;
    if (l->n == l->size) {
        size_t size = l->size ? 2 * l->size : 16;
        char **more = fdht_calloc(size, sizeof *more);
        if (!more) {
            l->failed = true;
            return -1;
        }
        if (l->n)
            memcpy(more, l->name, l->n * sizeof *more);
        fdht_free(l->name);
        l->name = more;
        l->size = size;
    }
    if (!(l->name[l->n] = fdht_strdup(name))) {
        l->failed = true;
        return -1;
    }
    l->n++;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return fdht_natural_compare(*(char *const *)a, *(char *const *)b);
}

int fdht_h5_list(hid_t loc, const char *path, char ***out, size_t *n, fdht_error *err)
{
    struct listing l = {0};
    hid_t group = -1;
    herr_t rc = -1;
    *out = NULL;
    *n = 0;
    if (strcmp(path, "/") && !fdht_h5_is_group(loc, path))
        return fdht_fail(err, FDHT_ENOENT, "%s: missing", path);
    FDHT_H5_TRY
    {
        group = H5Gopen2(loc, path, H5P_DEFAULT);
        if (group >= 0) {
            /* native order: for others libhdf5 makes a table first and, in a damaged file, frees one it has not filled */
            rc = H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, NULL, add_name, &l);
            H5Gclose(group);
        }
    }
    FDHT_H5_END
    if (rc < 0) {
        fdht_h5_free_strings(l.name, l.n);
        if (l.failed)
            return fdht_fail(err, FDHT_ENOMEM, "out of memory: members of %s", path);
        return fdht_fail(err, FDHT_EFORMAT, "%s: damaged group", path);
    }
    if (l.n > 1)
        qsort(l.name, l.n, sizeof *l.name, by_name);
    *out = l.name;
    *n = l.n;
    return FDHT_OK;
}
