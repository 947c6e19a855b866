/* files/io.c - output files that are whole or absent: a temporary, then a rename. */
#include "fdht/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "files/temp.h"
#include "files/written.h"

enum { STREAM_BYTES = 1 << 16 };

struct fdht_out {
    char path[FDHT_OUT_PATH]; /* the file that will be replaced, links resolved */
    char temp[FDHT_OUT_PATH]; /* empty: written in place */
    fdht_written file;
    FILE *stream;
    uint64_t at; /* where the stream writes next */
    bool is_stdout, in_place, seek, force, keep;
    int why; /* errno of the first write that failed */
    fdht_out_guard *guard;
    int slot; /* in guard; -1: none */
    char buffer[STREAM_BYTES];
};

void fdht_out_guard_clean(fdht_out_guard *g)
{
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++)
        if (g->slot[i].used) {
            unlink(g->slot[i].path);
            g->slot[i].used = 0;
        }
}

static int guard_add(fdht_out *o, fdht_error *err)
{
    if (!o->guard)
        return FDHT_OK;
    for (int i = 0; i < FDHT_OUT_GUARD_SLOTS; i++)
        if (!o->guard->slot[i].used) {
            memcpy(o->guard->slot[i].path, o->temp, sizeof o->temp);
            o->guard->slot[i].used = 1; /* last: a handler sees a whole path */
            o->slot = i;
            return FDHT_OK;
        }
    return fdht_fail(err, FDHT_ELIMIT, "%s: more than %d outputs open at once", o->path,
                     FDHT_OUT_GUARD_SLOTS);
}

static void guard_drop(fdht_out *o)
{
    if (o->slot >= 0)
        o->guard->slot[o->slot].used = 0;
    o->slot = -1;
}

/* The file that a path leads to: existing links are followed, also one whose end does not exist yet. */
static int resolve(const char *path, char out[FDHT_OUT_PATH], fdht_error *err)
{
    if (!*path)
        return fdht_fail(err, FDHT_EINVAL, "output name is empty");
    if (strlen(path) >= FDHT_OUT_PATH - 64)
        return fdht_fail(err, FDHT_EINVAL, "output name of %zu bytes is too long", strlen(path));
    strcpy(out, path);
    for (int links = 0; links < 40; links++) {
        char target[FDHT_OUT_PATH];
        ssize_t n = readlink(out, target, sizeof target - 1);
        if (n < 0)
            return FDHT_OK; /* not a link, or nothing there */
        target[n] = 0;
        char *slash = strrchr(out, '/');
        size_t dir = target[0] == '/' || !slash ? 0 : (size_t)(slash - out) + 1;
        if (dir + (size_t)n >= FDHT_OUT_PATH - 64)
            return fdht_fail(err, FDHT_EINVAL, "%s: link leads to a name that is too long", path);
        memcpy(out + dir, target, (size_t)n + 1);
    }
    return fdht_fail(err, FDHT_EIO, "%s: %s", path, strerror(ELOOP));
}

/* Judge a resolved target. *in_place: it exists and is no regular file. */
static int check_target(const char *path, bool seek, bool force, bool *in_place, mode_t *mode,
                        fdht_error *err)
{
    struct stat st;
    *in_place = false;
    *mode = 0;
    if (stat(path, &st) == 0) {
        if (S_ISDIR(st.st_mode))
            return fdht_fail(err, FDHT_EIO, "%s: is a directory", path);
        if (!S_ISREG(st.st_mode)) {
            if (seek)
                return fdht_fail(err, FDHT_EINVAL, "%s: not a regular file; HDF5 needs one that can seek",
                                 path);
            *in_place = true;
            return FDHT_OK;
        }
        if (!force)
            return fdht_fail(err, FDHT_EEXIST, "%s: exists", path);
        *mode = st.st_mode & 0777; /* never a set-user-ID bit of somebody else's file */
    } else if (errno != ENOENT)
        return fdht_fail_errno(err, path);
    char dir[FDHT_OUT_PATH];
    fdht_directory_of(path, dir);
    if (access(dir, W_OK | X_OK) != 0)
        return fdht_fail(err, FDHT_EIO, "%s: cannot write into %s: %s", path, dir, strerror(errno));
    return FDHT_OK;
}

int fdht_out_check(const char *path, bool seek, const fdht_out_options *opt, fdht_error *err)
{
    char real[FDHT_OUT_PATH];
    bool in_place;
    mode_t mode;
    if (!strcmp(path, "-"))
        return seek ? fdht_fail(err, FDHT_EINVAL, "-: HDF5 cannot be written to a pipe (it needs seek)")
                    : FDHT_OK;
    int status = resolve(path, real, err);
    return status ? status : check_target(real, seek, opt && opt->force, &in_place, &mode, err);
}

/* The lock of a file that one process writes. A process that was killed may have a child that lets go a moment later, on a
 * machine with much to do two seconds. */
static bool take_lock(int fd)
{
    enum { TRIES = 66, PAUSE_US = 30000 };
    for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) != 0; i++)
        if (errno != EWOULDBLOCK || i == TRIES || usleep(PAUSE_US) != 0)
            return false;
    return true;
}

/* The temporary file that stays: as an earlier run left it, or a new one. */
static int open_partial(fdht_out *o, fdht_error *err)
{
    struct stat at, now;
    int n = snprintf(o->temp, sizeof o->temp, "%s.partial", o->path);
    if (n < 0 || (size_t)n >= sizeof o->temp)
        return fdht_fail(err, FDHT_EINVAL, "%s: name is too long", o->path);
    o->file.fd = open(o->temp, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    const bool there = o->file.fd >= 0 && !fstat(o->file.fd, &now);
    int status = FDHT_OK;
    if (there && !S_ISREG(now.st_mode))
        status = fdht_fail(err, FDHT_EIO, "%s: is not a regular file", o->temp);
    else if (there && (!take_lock(o->file.fd) || stat(o->temp, &at) || at.st_ino != now.st_ino))
        status = fdht_fail(err, FDHT_EIO, "%s: another process writes it", o->temp);
    else if (!there || (!o->seek && !fdht_written_read(&o->file))) /* libhdf5's is read with its log */
        status = fdht_fail_errno(err, o->temp);
    o->at = o->file.size;
    if (status)
        o->temp[0] = 0; /* whatever it is, it is not ours to remove */
    return status;
}

/* ---- the stream of a file that is read back: all it writes goes through `file` ---- */

static ssize_t stream_write(void *arg, const char *data, size_t n)
{
    fdht_out *o = arg;
    if (!fdht_written_put(&o->file, data, n, o->at)) {
        o->why = o->why ? o->why : errno;
        return 0;
    }
    o->at += n;
    return (ssize_t)n;
}

static int stream_seek(void *arg, off64_t *at, int whence)
{
    fdht_out *o = arg;
    off64_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? (off64_t)o->at : (off64_t)o->file.size;
    if (*at < -from) {
        errno = EINVAL;
        return -1;
    }
    *at += from;
    o->at = (uint64_t)*at;
    return 0;
}

static int open_stream(fdht_out *o, fdht_error *err)
{
    const cookie_io_functions_t to = {.write = stream_write, .seek = stream_seek};
    o->stream = o->in_place ? fdopen(o->file.fd, "w") : fopencookie(o, "w", to);
    if (!o->stream)
        return fdht_fail_errno(err, o->path);
    if (!o->in_place)
        setvbuf(o->stream, o->buffer, _IOFBF, sizeof o->buffer);
    return FDHT_OK;
}

int fdht_out_open(const char *path, bool seek, const fdht_out_options *opt, fdht_out **out, fdht_error *err)
{
    mode_t mode;
    int status = FDHT_OK;
    *out = NULL;
    if ((status = fdht_out_check(path, seek, opt, err)))
        return status;
    fdht_out *o = fdht_calloc_err(1, sizeof *o, "output", err);
    if (!o)
        return FDHT_ENOMEM;
    o->file.fd = o->slot = -1;
    o->seek = seek;
    o->force = opt && opt->force;
    o->guard = opt ? opt->guard : NULL;
    o->keep = opt && opt->keep;
    if (!strcmp(path, "-")) {
        strcpy(o->path, "standard output");
        o->stream = stdout;
        o->is_stdout = true;
        *out = o;
        return FDHT_OK;
    }
    if ((status = resolve(path, o->path, err)) ||
        (status = check_target(o->path, seek, o->force, &o->in_place, &mode, err)))
        goto out;
    if (o->in_place) {
        o->file.fd = open(o->path, O_WRONLY | O_CLOEXEC);
        if (o->file.fd < 0) {
            status = fdht_fail_errno(err, o->path);
            goto out;
        }
    } else if (o->keep) {
        if ((status = open_partial(o, err)))
            goto out;
    } else if ((status = fdht_temp_create(o->path, mode, o->temp, &o->file.fd, err)) ||
               (status = guard_add(o, err)))
        goto out;
    if ((status = open_stream(o, err)))
        goto out;
    *out = o;
    o = NULL;
out:
    fdht_out_discard(o);
    return status;
}

FILE *fdht_out_stream(fdht_out *o)
{
    return o->stream;
}

const char *fdht_out_temp(const fdht_out *o)
{
    return o->temp;
}

fdht_written *fdht_out_written(fdht_out *o)
{
    return &o->file;
}

uint64_t fdht_out_size(fdht_out *o)
{
    if (o->stream)
        fflush(o->stream);
    return o->file.size;
}

int fdht_out_cut(fdht_out *o, uint64_t size, fdht_error *err)
{
    if (!o->temp[0] || fflush(o->stream) != 0 || size > o->file.size)
        return fdht_fail(err, FDHT_EINVAL, "%s: cannot be cut", o->path);
    if (!fdht_written_cut(&o->file, size) || fseeko(o->stream, (off_t)size, SEEK_SET) != 0)
        return fdht_fail_errno(err, o->path);
    return FDHT_OK;
}

/* Put the temporary in the target's place. Without force an existing target is never replaced, even one that
 * appeared since. written: the file that was written and read back. */
static int replace(fdht_out *o, const struct stat *written, fdht_error *err)
{
    struct stat st;
    int status;
    if (lstat(o->temp, &st) != 0 || st.st_dev != written->st_dev || st.st_ino != written->st_ino)
        return fdht_fail(err, FDHT_EIO, "%s: its temporary file is not there any more", o->path);
    if (o->force)
        status = rename(o->temp, o->path);
    else {
        status = renameat2(AT_FDCWD, o->temp, AT_FDCWD, o->path, RENAME_NOREPLACE);
        if (status && (errno == EINVAL || errno == ENOSYS)) /* the file system does not know it */
            status = access(o->path, F_OK) == 0 ? (errno = EEXIST, -1) : rename(o->temp, o->path);
    }
    if (status && errno == EEXIST)
        return fdht_fail(err, FDHT_EEXIST, "%s: exists", o->path);
    if (status)
        return fdht_fail(err, FDHT_EIO, "%s: cannot rename: %s", o->path, strerror(errno));
    guard_drop(o);
    o->temp[0] = 0;

    char dir[FDHT_OUT_PATH];
    fdht_directory_of(o->path, dir);
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!fsync(fd); /* some file systems refuse this for directories; the data itself is safe */
        close(fd);
    }
    return FDHT_OK;
}

/* All that is buffered goes out; FDHT_EIO also for what failed before. */
static int flush(fdht_out *o, fdht_error *err)
{
    errno = 0;
    bool bad = ferror(o->stream) != 0;
    bad |= fflush(o->stream) != 0;
    int why = o->why ? o->why : errno;
    return bad ? fdht_fail(err, FDHT_EIO, "%s: %s", o->path, why ? strerror(why) : "write error") : FDHT_OK;
}

/* The stream and the descriptor; errno of what failed, 0: nothing. Standard output stays open. */
static int shut(fdht_out *o)
{
    int why = 0;
    bool owns = o->in_place && o->stream; /* the stream its descriptor */
    if (o->stream && !o->is_stdout && fclose(o->stream))
        why = errno;
    if (!owns && o->file.fd >= 0 && close(o->file.fd))
        why = errno;
    o->stream = NULL;
    o->file.fd = -1;
    return why;
}

int fdht_out_commit(fdht_out *o, fdht_error *err)
{
    struct stat st;
    int status = flush(o, err);
    if (!status && o->temp[0]) {
        if ((status = fdht_written_check(&o->file, err)))
            fdht_fail_prefix(err, status, "%s", o->path);
        else if (fstat(o->file.fd, &st) != 0)
            status = fdht_fail_errno(err, o->path);
    }
    int why = shut(o);
    if (!status && why)
        status = fdht_fail(err, FDHT_EIO, "%s: %s", o->path, strerror(why));
    if (!status && o->temp[0])
        status = replace(o, &st, err);
    fdht_out_discard(o);
    return status;
}

void fdht_out_discard(fdht_out *o)
{
    int keep = errno;
    struct stat st;
    if (!o)
        return;
    if (o->keep && o->file.fd >= 0)
        flock(o->file.fd, LOCK_UN); /* a process that was just forked may hold the descriptor still */
    shut(o);
    if (o->temp[0] && !(o->keep && (stat(o->temp, &st) || st.st_size > 0)))
        unlink(o->temp);
    guard_drop(o);
    fdht_free(o);
    errno = keep;
}

/* The directory and the last part of where a path leads; false if there is no such directory. */
static bool place_of(const char *path, struct stat *dir, char name[FDHT_OUT_PATH])
{
    char full[FDHT_OUT_PATH], parent[FDHT_OUT_PATH];
    if (resolve(path, full, NULL))
        return false;
    fdht_directory_of(full, parent);
    const char *slash = strrchr(full, '/');
    strcpy(name, slash ? slash + 1 : full);
    return stat(parent, dir) == 0;
}

bool fdht_same_file(const char *a, const char *b)
{
    struct stat x, y;
    char p[FDHT_OUT_PATH], q[FDHT_OUT_PATH];
    if (!strcmp(a, "-") || !strcmp(b, "-"))
        return false;
    int no_x = stat(a, &x), no_y = stat(b, &y);
    if (no_x != no_y) /* one is there */
        return false;
    if (no_x && (!place_of(a, &x, p) || !place_of(b, &y, q) || strcmp(p, q)))
        return false;
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}
