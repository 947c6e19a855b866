/* hdf5/journal.c - the driver through which libhdf5 writes a file that can be gone on with, and its log. */
#include "hdf5/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

static const char magic[4] = {'F', 'D', 'L', '1'};
enum { HEAD = 12, TAIL = 4, MAX_RECORD = 1 << 30 };

typedef struct change {
    uint64_t at;
    size_t bytes;
    uint8_t *data;
} change;

struct fdht_h5_journal {
    hid_t driver;
    int fd, log;
    char *log_path, *path;
    uint64_t base, end; /* of the file at the last commit, and now */
    haddr_t eoa;
    change *change;
    size_t n, size;
    bool failed; /* a write did not succeed */
};

/* ---- bytes ---- */

static bool put_all(int fd, const void *data, size_t n, uint64_t at)
{
    const uint8_t *p = data;
    while (n) {
        ssize_t put = pwrite(fd, p, n, (off_t)at);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        p += put;
        at += (uint64_t)put;
        n -= (size_t)put;
    }
    return true;
}

/* What is behind the end reads as zeros. */
static bool get_all(int fd, void *data, size_t n, uint64_t at)
{
    uint8_t *p = data;
    while (n) {
        ssize_t got = pread(fd, p, n, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return false;
        if (!got) {
            memset(p, 0, n);
            return true;
        }
        p += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return true;
}

static void put_number(uint8_t *p, uint64_t v)
{
    for (int i = 0; i < 8; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get_number(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 8; i-- > 0;)
        v = v << 8 | p[i];
    return v;
}

/* ---- changes of bytes that were committed ---- */

static void drop_changes(fdht_h5_journal *j)
{
    for (size_t i = 0; i < j->n; i++)
        fdht_free(j->change[i].data);
    fdht_free(j->change);
    j->change = NULL;
    j->n = j->size = 0;
}

static bool keep_change(fdht_h5_journal *j, const uint8_t *data, size_t n, uint64_t at)
{
    for (size_t i = j->n; i-- > 0;) {
        change *c = &j->change[i];
        if (c->at == at &&
            c->bytes == n) { /* nothing later lies over it, or it would be another one's piece */
            memcpy(c->data, data, n);
            return true;
        }
        if (at < c->at + c->bytes && c->at < at + n)
            break;
    }
    if (j->n == j->size) {
        size_t size = j->size ? 2 * j->size : 64;
        change *more = fdht_calloc(size, sizeof *more);
        if (!more)
            return false;
        if (j->n)
            memcpy(more, j->change, j->n * sizeof *more);
        fdht_free(j->change);
        j->change = more;
        j->size = size;
    }
    uint8_t *copy = fdht_calloc(n, 1);
    if (!copy)
        return false;
    memcpy(copy, data, n);
    j->change[j->n++] = (change){at, n, copy};
    return true;
}

static bool apply(fdht_h5_journal *j)
{
    bool good = true;
    for (size_t i = 0; i < j->n && good; i++)
        good = put_all(j->fd, j->change[i].data, j->change[i].bytes, j->change[i].at);
    return good;
}

/* ---- the driver ---- */

typedef struct driver_file {
    H5FD_t pub; /* first */
    fdht_h5_journal *j;
} driver_file;

static fdht_h5_journal *journal_of(const H5FD_t *f)
{
    return ((const driver_file *)f)->j;
}

static H5FD_t *driver_open(const char *name, unsigned flags, hid_t fapl, haddr_t maxaddr)
{
    fdht_h5_journal *const *j = H5Pget_driver_info(fapl);
    driver_file *f = j ? fdht_calloc(1, sizeof *f) : NULL;
    (void)name;
    (void)maxaddr;
    if (!f)
        return NULL;
    f->j = *j;
    if (flags & H5F_ACC_TRUNC) {
        drop_changes(f->j);
        f->j->base = f->j->end = 0;
        if (ftruncate(f->j->fd, 0) != 0)
            f->j->failed = true;
    }
    f->j->eoa = 0;
    return &f->pub;
}

static herr_t driver_close(H5FD_t *f)
{
    fdht_free(f);
    return 0;
}

static int driver_compare(const H5FD_t *a, const H5FD_t *b)
{
    return journal_of(a) < journal_of(b) ? -1 : journal_of(a) > journal_of(b);
}

static herr_t driver_query(const H5FD_t *f, unsigned long *flags)
{
    (void)f;
    *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
             H5FD_FEAT_AGGREGATE_SMALLDATA;
    return 0;
}

static haddr_t driver_get_eoa(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return journal_of(f)->eoa;
}

static herr_t driver_set_eoa(H5FD_t *f, H5FD_mem_t type, haddr_t at)
{
    (void)type;
    journal_of(f)->eoa = at;
    return 0;
}

static haddr_t driver_get_eof(const H5FD_t *f, H5FD_mem_t type)
{
    (void)type;
    return journal_of(f)->end;
}

static herr_t driver_read(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, void *to)
{
    fdht_h5_journal *j = journal_of(f);
    (void)type;
    (void)dxpl;
    if (!get_all(j->fd, to, n, at))
        return -1;
    for (size_t i = 0; i < j->n; i++) {
        const change *c = &j->change[i];
        uint64_t first = FDHT_MAX(c->at, at), last = FDHT_MIN(c->at + c->bytes, at + n);
        if (first < last)
            memcpy((uint8_t *)to + (first - at), c->data + (first - c->at), (size_t)(last - first));
    }
    return 0;
}

static herr_t driver_write(H5FD_t *f, H5FD_mem_t type, hid_t dxpl, haddr_t at, size_t n, const void *from)
{
    fdht_h5_journal *j = journal_of(f);
    const uint8_t *p = from;
    size_t before = at >= j->base ? 0 : (size_t)FDHT_MIN(j->base - at, (uint64_t)n);
    (void)type;
    (void)dxpl;
    bool good = !before || keep_change(j, p, before, at);
    good = good && (before == n || put_all(j->fd, p + before, n - before, at + before));
    j->end = FDHT_MAX(j->end, (uint64_t)at + n);
    j->failed |= !good;
    return good ? 0 : -1;
}

static herr_t driver_truncate(H5FD_t *f, hid_t dxpl, hbool_t closing)
{
    fdht_h5_journal *j = journal_of(f);
    (void)dxpl;
    (void)closing;
    if (j->end != j->eoa &&
        ftruncate(j->fd, (off_t)FDHT_MAX(j->eoa, j->base)) != 0) /* never below what was committed */
        return -1;
    j->end = j->eoa;
    return 0;
}

static const H5FD_class_t driver = {
#ifdef H5FD_CLASS_VERSION
    .version = H5FD_CLASS_VERSION,
    .value = (H5FD_class_value_t)600,
#endif
    .name = "fdht journal",
    .maxaddr = ((haddr_t)1 << 62) - 1,
    .fc_degree = H5F_CLOSE_WEAK,
    .fapl_size = sizeof(fdht_h5_journal *),
    .open = driver_open,
    .close = driver_close,
    .cmp = driver_compare,
    .query = driver_query,
    .get_eoa = driver_get_eoa,
    .set_eoa = driver_set_eoa,
    .get_eof = driver_get_eof,
    .read = driver_read,
    .write = driver_write,
    .truncate = driver_truncate,
    .fl_map = H5FD_FLMAP_DICHOTOMY,
};

static int reach(fdht_h5_journal *j, bool create, hid_t *file, fdht_error *err)
{
    *file = -1;
    H5E_BEGIN_TRY
    {
        hid_t fapl = H5Pcreate(H5P_FILE_ACCESS), fcpl = H5Pcreate(H5P_FILE_CREATE);
        if (j->driver < 0)
            j->driver = H5FDregister(&driver);
        if (fapl >= 0 && fcpl >= 0 && j->driver >= 0 && H5Pset_driver(fapl, j->driver, &j) >= 0 &&
            H5Pset_libver_bounds(fapl, H5F_LIBVER_V110, H5F_LIBVER_V110) >= 0 &&
            H5Pset_obj_track_times(fcpl, 0) >= 0)
            *file =
                create ? H5Fcreate(j->path, H5F_ACC_TRUNC, fcpl, fapl) : H5Fopen(j->path, H5F_ACC_RDWR, fapl);
        if (fcpl >= 0)
            H5Pclose(fcpl);
        if (fapl >= 0)
            H5Pclose(fapl);
    }
    H5E_END_TRY
    if (*file >= 0)
        return FDHT_OK;
    *file = -1;
    return fdht_fail(err, FDHT_EIO, create ? "cannot create an HDF5 file" : "cannot be opened again");
}

int fdht_h5_journal_create(fdht_h5_journal *j, hid_t *file, fdht_error *err)
{
    return reach(j, true, file, err);
}

int fdht_h5_journal_open(fdht_h5_journal *j, hid_t *file, fdht_error *err)
{
    return reach(j, false, file, err);
}

/* ---- the log ---- */

static int add_record(fdht_h5_journal *j, const void *text, size_t bytes, fdht_error *err)
{
    size_t n = 16 + bytes;
    for (size_t i = 0; i < j->n; i++)
        n += 16 + j->change[i].bytes;
    uint8_t *record = fdht_calloc_err(HEAD + n + TAIL, 1, "log", err), *p = record + HEAD;
    if (!record)
        return FDHT_ENOMEM;
    memcpy(record, magic, sizeof magic);
    put_number(record + 4, n);
    put_number(p, j->end);
    put_number(p + 8, j->n);
    p += 16;
    for (size_t i = 0; i < j->n; i++) {
        const change *c = &j->change[i];
        put_number(p, c->at);
        put_number(p + 8, c->bytes);
        memcpy(p + 16, c->data, c->bytes);
        p += 16 + c->bytes;
    }
    if (bytes)
        memcpy(p, text, bytes);
    uint32_t sum = (uint32_t)crc32_z(0, record + HEAD, n);
    for (int i = 0; i < TAIL; i++)
        record[HEAD + n + (size_t)i] = (uint8_t)(sum >> (8 * i));
    off_t at = lseek(j->log, 0, SEEK_END);
    bool good = n <= MAX_RECORD && at >= 0 && put_all(j->log, record, HEAD + n + TAIL, (uint64_t)at) &&
                fsync(j->log) == 0;
    fdht_free(record);
    return good ? FDHT_OK : fdht_fail(err, FDHT_EIO, "%s: %s", j->log_path, strerror(errno));
}

/* The payload of the record at `at`, whole and sound; NULL: there is none. */
static uint8_t *read_record(int log, uint64_t at, uint64_t size, size_t *n)
{
    uint8_t head[HEAD];
    if (size - at < HEAD + TAIL || !get_all(log, head, HEAD, at) || memcmp(head, magic, sizeof magic) != 0)
        return NULL;
    uint64_t bytes = get_number(head + 4);
    if (bytes < 16 || bytes > MAX_RECORD || bytes > size - at - HEAD - TAIL)
        return NULL;
    uint8_t *p = fdht_calloc((size_t)bytes + TAIL, 1);
    if (!p || !get_all(log, p, (size_t)bytes + TAIL, at + HEAD)) {
        fdht_free(p);
        return NULL;
    }
    uint32_t sum = (uint32_t)crc32_z(0, p, (size_t)bytes), said = 0;
    for (int i = TAIL; i-- > 0;)
        said = said << 8 | p[bytes + (uint64_t)i];
    if (sum != said) {
        fdht_free(p);
        return NULL;
    }
    *n = (size_t)bytes;
    return p;
}

/* The changes of a payload in place of those of j; *text: what follows. False: it cannot be. */
static bool take_changes(fdht_h5_journal *j, const uint8_t *p, size_t n, const uint8_t **text, size_t *bytes)
{
    uint64_t changes = get_number(p + 8);
    size_t at = 16;
    drop_changes(j);
    j->end = get_number(p);
    for (uint64_t i = 0; i < changes; i++) {
        if (n - at < 16)
            return false;
        uint64_t where = get_number(p + at), length = get_number(p + at + 8);
        if (length > n - at - 16 || !keep_change(j, p + at + 16, (size_t)length, where))
            return false;
        at += 16 + (size_t)length;
    }
    *text = p + at;
    *bytes = n - at;
    return true;
}

static int start(const char *path, const char *log, int flags, fdht_h5_journal **out, fdht_error *err)
{
    fdht_h5_journal *j = fdht_calloc_err(1, sizeof *j, "journal", err);
    *out = NULL;
    if (!j)
        return FDHT_ENOMEM;
    j->driver = -1;
    j->fd = j->log = -1;
    j->path = fdht_strdup(path);
    j->log_path = fdht_strdup(log);
    int status = !j->path || !j->log_path ? fdht_fail(err, FDHT_ENOMEM, "out of memory: journal") : FDHT_OK;
    if (!status && (j->log = open(log, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0666)) < 0)
        status = fdht_fail(err, errno == ENOENT ? FDHT_ENOENT : FDHT_EIO, "%s: %s", log, strerror(errno));
    if (!status && (j->fd = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)) < 0)
        status = fdht_fail(err, errno == ENOENT ? FDHT_ENOENT : FDHT_EIO, "%s: %s", path, strerror(errno));
    if (status)
        fdht_h5_journal_close(j, true);
    else
        *out = j;
    return status;
}

int fdht_h5_journal_new(const char *path, const char *log, const void *text, size_t bytes,
                        fdht_h5_journal **out, fdht_error *err)
{
    int status = start(path, log, O_CREAT | O_TRUNC, out, err);
    if (!status && (status = add_record(*out, text, bytes, err))) {
        fdht_h5_journal_close(*out, false);
        *out = NULL;
    }
    return status;
}

int fdht_h5_journal_resume(const char *path, const char *log,
                           int (*each)(void *arg, const uint8_t *text, size_t bytes, fdht_error *err),
                           void *arg, size_t *commits, fdht_h5_journal **out, fdht_error *err)
{
    fdht_h5_journal *j = NULL;
    struct stat st;
    uint64_t at = 0;
    size_t records = 0, n, bytes;
    const uint8_t *text;
    *out = NULL;
    *commits = 0;
    int status = start(path, log, 0, &j, err);
    if (status)
        return status;
    if (fstat(j->log, &st) != 0)
        status = fdht_fail(err, FDHT_EIO, "%s: %s", log, strerror(errno));
    for (uint8_t *p; !status && (p = read_record(j->log, at, (uint64_t)st.st_size, &n)); records++) {
        if (!take_changes(j, p, n, &text, &bytes))
            status = fdht_fail(err, FDHT_EFORMAT, "%s: record %zu is damaged", log, records);
        else
            status = each(arg, text, bytes, err);
        at += HEAD + n + TAIL;
        fdht_free(p);
    }
    *commits = records ? records - 1 : 0;
    if (!status && *commits && (fstat(j->fd, &st) != 0 || (uint64_t)st.st_size < j->end))
        status = fdht_fail(err, FDHT_EFORMAT, "%s: %lld bytes, %s is of a file of %llu", path,
                           (long long)st.st_size, log, (unsigned long long)j->end);
    if (!status && *commits &&
        (ftruncate(j->log, (off_t)at) != 0 || !apply(j) || ftruncate(j->fd, (off_t)j->end) != 0))
        status = fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(errno));
    drop_changes(j);
    j->base = j->end;
    if (status || !*commits)
        fdht_h5_journal_close(j, true);
    else
        *out = j;
    return status;
}

int fdht_h5_journal_commit(fdht_h5_journal *j, const void *text, size_t bytes, fdht_error *err)
{
    if (j->failed || fdatasync(j->fd) != 0)
        return fdht_fail(err, FDHT_EIO, "cannot be written to the end (no space?)");
    int status = add_record(j, text, bytes, err);
    if (status)
        return status;
    if (!apply(j) || ftruncate(j->fd, (off_t)j->end) != 0)
        return fdht_fail(err, FDHT_EIO, "cannot be written: %s", strerror(errno));
    drop_changes(j);
    j->base = j->end;
    return FDHT_OK;
}

void fdht_h5_journal_close(fdht_h5_journal *j, bool keep)
{
    if (!j)
        return;
    if (j->driver >= 0)
        H5FDunregister(j->driver);
    drop_changes(j);
    if (!keep && j->log_path)
        unlink(j->log_path);
    if (j->fd >= 0)
        close(j->fd);
    if (j->log >= 0)
        close(j->log);
    fdht_free(j->path);
    fdht_free(j->log_path);
    fdht_free(j);
}
