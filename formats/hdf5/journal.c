/* hdf5/journal.c - what libhdf5 writes of a file that can be gone on with, and its log. */
#include "hdf5/journal.h"
#include "hdf5/driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zlib.h>

/* The status of a call that failed. */
static const char magic[4] = {'F', 'D', 'L', '2'};
enum { HEAD = 12, TAIL = 4, FIXED = 32, MAX_RECORD = 1 << 30 }; /* FIXED: length, changes, sum */

typedef struct change {
    uint64_t at;
    size_t bytes;
    uint8_t *data;
} change;

struct fdht_h5_journal {
    /* Size and sum are those of the next commit: of the file with the changes below in it, cut to that size. */
    fdht_written *file;
    int log;
    const char *path; /* for messages */
    char *log_path;
    uint64_t base; /* bytes of the file at the last commit */
    change *change;
    size_t n, size;
    bool failed; /* a write did not succeed */
};

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
        if (!more) {
            fdht_h5_no_memory();
            return false;
        }
        if (j->n)
            memcpy(more, j->change, j->n * sizeof *more);
        fdht_free(j->change);
        j->change = more;
        j->size = size;
    }
    uint8_t *copy = fdht_calloc(n, 1);
    if (!copy) {
        fdht_h5_no_memory();
        return false;
    }
    memcpy(copy, data, n);
    j->change[j->n++] = (change){at, n, copy};
    return true;
}

static bool apply(fdht_h5_journal *j)
{
    bool good = true;
    for (size_t i = 0; i < j->n && good; i++)
        good = fdht_written_only(j->file, j->change[i].data, j->change[i].bytes, j->change[i].at);
    return good;
}

/* ---- what libhdf5 sees ---- */

static bool journal_read(void *arg, void *data, size_t n, uint64_t at)
{
    fdht_h5_journal *j = arg;
    uint64_t end = at < j->file->size ? FDHT_MIN(j->file->size, at + n) : at;
    memset((uint8_t *)data + (end - at), 0, n - (size_t)(end - at));
    if (!fdht_written_get(j->file, data, (size_t)(end - at), at))
        return false;
    for (size_t i = 0; i < j->n; i++) {
        const change *c = &j->change[i];
        uint64_t first = FDHT_MAX(c->at, at), last = FDHT_MIN(c->at + c->bytes, end);
        if (first < last)
            memcpy((uint8_t *)data + (first - at), c->data + (first - c->at), (size_t)(last - first));
    }
    return true;
}

/* Take what the file is to hold from `at` to `end` out of its sum. */
static bool forget(fdht_h5_journal *j, uint64_t at, uint64_t end)
{
    uint8_t old[1 << 12];
    for (size_t n; at < end; at += n) {
        n = (size_t)FDHT_MIN(end - at, (uint64_t)sizeof old);
        if (!journal_read(j, old, n, at))
            return false;
        j->file->sum -= fdht_sum_of(old, n, at);
    }
    return true;
}

static bool put(fdht_h5_journal *j, const uint8_t *p, size_t n, uint64_t at)
{
    size_t before = at >= j->base ? 0 : (size_t)FDHT_MIN(j->base - at, (uint64_t)n);
    if (!forget(j, at, FDHT_MIN(at + n, j->file->size)))
        return false;
    if (before && !keep_change(j, p, before, at))
        return false;
    j->file->sum += fdht_sum_of(p, n, at);
    j->file->size = FDHT_MAX(j->file->size, at + n);
    return before == n || fdht_written_only(j->file, p + before, n - before, at + before);
}

static bool journal_write(void *arg, const void *data, size_t n, uint64_t at)
{
    static const uint8_t zero[1 << 12];
    fdht_h5_journal *j = arg;
    bool good = true;
    while (good && j->file->size < at) /* a gap may lie over what was cut off */
        good = put(j, zero, (size_t)FDHT_MIN(at - j->file->size, (uint64_t)sizeof zero), j->file->size);
    good = good && put(j, data, n, at);
    j->failed |= !good;
    return good;
}

static bool journal_cut(void *arg, uint64_t size)
{
    fdht_h5_journal *j = arg;
    bool good = size >= j->file->size || forget(j, size, j->file->size);
    /* never below what was committed */
    good = good && ftruncate(j->file->fd, (off_t)FDHT_MAX(size, j->base)) == 0;
    j->file->size = size;
    j->failed |= !good;
    return good;
}

static uint64_t journal_size(void *arg)
{
    return ((const fdht_h5_journal *)arg)->file->size;
}

static int reach(fdht_h5_journal *j, bool create, hid_t *file, fdht_error *err)
{
    const fdht_h5_bytes bytes = {j, journal_read, journal_write, journal_cut, journal_size};
    return fdht_h5_reach(&bytes, create, false, file, err);
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

/* Written, on the disk, and there. */
static bool write_record(int log, const uint8_t *record, size_t n, uint64_t at)
{
    const fdht_written file = {.fd = log};
    uint8_t *back = fdht_calloc(n, 1);
    errno = ENOMEM;
    bool good = back && fdht_written_only(&file, record, n, at) && fsync(log) == 0;
    if (good)
        posix_fadvise(log, 0, 0, POSIX_FADV_DONTNEED);
    good = good && fdht_written_get(&file, back, n, at);
    if (good && memcmp(back, record, n) != 0) {
        good = false;
        errno = EIO;
    }
    fdht_free(back);
    return good;
}

static int add_record(fdht_h5_journal *j, const void *text, size_t bytes, fdht_error *err)
{
    size_t n = FIXED + bytes;
    for (size_t i = 0; i < j->n; i++)
        n += 16 + j->change[i].bytes;
    uint8_t *record = fdht_calloc_err(HEAD + n + TAIL, 1, "log", err), *p;
    if (!record)
        return FDHT_ENOMEM;
    p = record + HEAD;
    memcpy(record, magic, sizeof magic);
    put_number(record + 4, n);
    put_number(p, j->file->size);
    put_number(p + 8, j->n);
    put_number(p + 16, (uint64_t)j->file->sum);
    put_number(p + 24, (uint64_t)(j->file->sum >> 64));
    p += FIXED;
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
    bool good = n <= MAX_RECORD && at >= 0 && write_record(j->log, record, HEAD + n + TAIL, (uint64_t)at);
    fdht_free(record);
    return good ? FDHT_OK : fdht_fail_errno(err, j->log_path);
}

enum found { WHOLE, END, TORN, DAMAGED, NO_MEMORY };

/* The payload of the record at `at`. TORN: a process may have died while it wrote it, which it does last. */
static enum found read_record(int log, uint64_t at, uint64_t size, uint8_t **payload, size_t *n)
{
    const fdht_written file = {.fd = log};
    static const uint8_t none[HEAD];
    uint8_t head[HEAD];
    *payload = NULL;
    if (at >= size)
        return END;
    if (size - at < HEAD + TAIL || !fdht_written_get(&file, head, HEAD, at) || !memcmp(head, none, HEAD))
        return TORN;
    uint64_t bytes = get_number(head + 4);
    if (memcmp(head, magic, sizeof magic) != 0 || bytes < FIXED || bytes > MAX_RECORD)
        return DAMAGED;
    if (bytes > size - at - HEAD - TAIL)
        return TORN;
    uint8_t *p = fdht_calloc((size_t)bytes + TAIL, 1);
    if (!p)
        return NO_MEMORY;
    bool got = fdht_written_get(&file, p, (size_t)bytes + TAIL, at + HEAD);
    uint32_t sum = (uint32_t)crc32_z(0, p, (size_t)bytes), said = 0;
    for (int i = TAIL; i-- > 0;)
        said = said << 8 | p[bytes + (uint64_t)i];
    if (!got || sum != said) {
        fdht_free(p);
        return at + HEAD + bytes + TAIL < size ? DAMAGED : TORN;
    }
    *n = (size_t)bytes;
    *payload = p;
    return WHOLE;
}

/* The changes of a payload in place of those of j; *text: what follows. False: it cannot be. */
static bool take_changes(fdht_h5_journal *j, const uint8_t *p, size_t n, const uint8_t **text, size_t *bytes)
{
    uint64_t changes = get_number(p + 8);
    size_t at = FIXED;
    drop_changes(j);
    j->file->size = get_number(p);
    j->file->sum = (fdht_sum)get_number(p + 24) << 64 | get_number(p + 16);
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

static int start(fdht_out *out_file, const char *log, int flags, fdht_h5_journal **out, fdht_error *err)
{
    fdht_h5_journal *j = fdht_calloc_err(1, sizeof *j, "journal", err);
    *out = NULL;
    if (!j)
        return FDHT_ENOMEM;
    j->file = fdht_out_written(out_file);
    j->path = fdht_out_temp(out_file);
    j->log = -1;
    j->log_path = fdht_strdup(log);
    int status = !j->log_path ? fdht_fail(err, FDHT_ENOMEM, "out of memory: journal") : FDHT_OK;
    if (!status && (j->log = open(log, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0666)) < 0)
        status = fdht_fail_errno(err, log);
    if (status)
        fdht_h5_journal_close(j, true);
    else
        *out = j;
    return status;
}

int fdht_h5_journal_new(fdht_out *out_file, const char *log, const void *text, size_t bytes,
                        fdht_h5_journal **out, fdht_error *err)
{
    int status = start(out_file, log, O_CREAT | O_TRUNC, out, err);
    if (status)
        return status;
    fdht_h5_journal *j = *out;
    if (!fdht_written_cut(j->file, 0))
        status = fdht_fail_errno(err, j->path);
    if (status || (status = add_record(j, text, bytes, err))) {
        fdht_h5_journal_close(j, false);
        *out = NULL;
    }
    return status;
}

/* Read the log up to the last commit; *end: its bytes up to there. */
static int read_log(fdht_h5_journal *j,
                    int (*each)(void *arg, const uint8_t *text, size_t bytes, fdht_error *err), void *arg,
                    size_t *records, uint64_t *end, fdht_error *err)
{
    struct stat st;
    enum found found;
    uint8_t *p;
    const uint8_t *text;
    size_t n, bytes;
    int status = FDHT_OK;
    *records = 0;
    *end = 0;
    if (fstat(j->log, &st) != 0)
        return fdht_fail_errno(err, j->log_path);
    while (!status && (found = read_record(j->log, *end, (uint64_t)st.st_size, &p, &n)) != END &&
           found != TORN) {
        if (found == NO_MEMORY)
            status = fdht_fail(err, FDHT_ENOMEM, "out of memory: %s", j->log_path);
        else if (found == DAMAGED || !take_changes(j, p, n, &text, &bytes))
            status =
                fdht_fail(err, FDHT_EFORMAT, "%s: record %zu is damaged; to begin anew, remove it and %s",
                          j->log_path, *records, j->path);
        else if (!(status = each(arg, text, bytes, err))) {
            *end += HEAD + n + TAIL;
            ++*records;
        }
        fdht_free(p);
    }
    return status;
}

/* The file as it was at the last commit: its changes made once more, and nothing behind it. */
static int restore(fdht_h5_journal *j, uint64_t log_end, fdht_error *err)
{
    const fdht_written want = *j->file;
    struct stat st;
    if (fstat(j->file->fd, &st) != 0 || (uint64_t)st.st_size < want.size)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %lld bytes, %s is of a file of %llu", j->path,
                         (long long)st.st_size, j->log_path, (unsigned long long)want.size);
    if (ftruncate(j->log, (off_t)log_end) != 0 || !apply(j) ||
        ftruncate(j->file->fd, (off_t)want.size) != 0 || !fdht_written_read(j->file))
        return fdht_fail_errno(err, j->path);
    if (j->file->sum != want.sum)
        return fdht_fail(
            err, FDHT_EFORMAT,
            "%s is not what was written: its sum is another than in %s; to begin anew, remove both", j->path,
            j->log_path);
    return FDHT_OK;
}

int fdht_h5_journal_resume(fdht_out *out_file, const char *log,
                           int (*each)(void *arg, const uint8_t *text, size_t bytes, fdht_error *err),
                           void *arg, size_t *commits, fdht_h5_journal **out, fdht_error *err)
{
    fdht_h5_journal *j = NULL;
    uint64_t end;
    size_t records = 0;
    *out = NULL;
    *commits = 0;
    int status = start(out_file, log, 0, &j, err);
    if (status)
        return status;
    status = read_log(j, each, arg, &records, &end, err);
    *commits = records ? records - 1 : 0;
    if (!status && *commits)
        status = restore(j, end, err);
    drop_changes(j);
    j->base = j->file->size;
    if (status || !*commits)
        fdht_h5_journal_close(j, true);
    else
        *out = j;
    return status;
}

int fdht_h5_journal_commit(fdht_h5_journal *j, const void *text, size_t bytes, fdht_error *err)
{
    if (j->failed)
        return fdht_fail(err, FDHT_EIO, "cannot be written to the end");
    if (fdatasync(j->file->fd) != 0)
        return fdht_fail(err, FDHT_EIO, "cannot be written to the end: %s", strerror(errno));
    int status = add_record(j, text, bytes, err);
    if (status)
        return status;
    if (!apply(j) || ftruncate(j->file->fd, (off_t)j->file->size) != 0)
        return fdht_fail(err, FDHT_EIO, "cannot be written: %s", strerror(errno));
    drop_changes(j);
    j->base = j->file->size;
    return FDHT_OK;
}

void fdht_h5_journal_close(fdht_h5_journal *j, bool keep)
{
    if (!j)
        return;
    drop_changes(j);
    if (!keep && j->log_path)
        unlink(j->log_path);
    if (j->log >= 0)
        close(j->log);
    fdht_free(j->log_path);
    fdht_free(j);
}
