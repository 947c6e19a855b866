/* arrays/source.c - bytes of a file, of a member of an archive or of memory, whole pieces or through a window. */
#include "arrays/file.h"
#include "files/read.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 1 << 18, NEAR = 1 << 12 };

int fdht_source_add(fdht_arrays *f, fdht_source_bytes s, fdht_error *err)
{
    if (f->n_sources == f->cap_sources) {
        int cap = f->cap_sources ? 2 * f->cap_sources : 16;
        fdht_source_bytes *grown = fdht_calloc_err((size_t)cap, sizeof *grown, "catalogue", err);
        if (!grown) {
            fdht_free(s.owned);
            if (s.fd >= 0)
                close(s.fd);
            return FDHT_ENOMEM;
        }
        if (f->n_sources)
            memcpy(grown, f->source, (size_t)f->n_sources * sizeof *grown);
        fdht_free(f->source);
        f->source = grown;
        f->cap_sources = cap;
    }
    f->source[f->n_sources] = s;
    return f->n_sources++;
}

static int read_file(int fd, uint64_t offset, size_t n, uint8_t *out, fdht_error *err)
{
    ssize_t got = fdht_read_at(fd, out, n, (off_t)offset);
    if (got < 0)
        return fdht_fail_errno(err, NULL);
    if ((size_t)got < n)
        return fdht_fail(err, FDHT_EIO, "the file has become shorter while it is read");
    return FDHT_OK;
}

int fdht_source_read(fdht_arrays *f, int source, uint64_t offset, size_t n, void *out, fdht_error *err)
{
    const fdht_source_bytes *s = &f->source[source];
    if (offset > s->size || n > s->size - offset)
        return fdht_fail(err, FDHT_EFORMAT, "%zu bytes from byte %llu are wanted of %llu", n,
                         (unsigned long long)offset, (unsigned long long)s->size);
    if (s->data) {
        memcpy(out, s->data + offset, n);
        return FDHT_OK;
    }
    return s->member >= 0 ? fdht_zip_read(f->zip, s->member, offset, n, out, err)
                          : read_file(s->fd, offset, n, out, err);
}

int fdht_source_peek(fdht_arrays *f, int source, uint64_t offset, size_t n, void *out, fdht_error *err)
{
    const fdht_source_bytes *s = &f->source[source];
    bool here = f->held && f->in == source && offset >= f->at;
    if (here && offset - f->at < f->held && n <= f->held - (size_t)(offset - f->at)) {
        memcpy(out, f->window + (offset - f->at), n);
        return FDHT_OK;
    }
    if (s->data || n >= WINDOW || offset > s->size || n > s->size - offset)
        return fdht_source_read(f, source, offset, n, out, err);
    if (!f->window && !(f->window = fdht_calloc_err(WINDOW, 1, "window", err)))
        return FDHT_ENOMEM;
    /* A piece not far behind the last one is one of a row of them: more is fetched at once. */
    bool follows = here && offset - f->at <= f->held + NEAR;
    size_t want =
        (size_t)FDHT_MIN(s->size - offset, (uint64_t)FDHT_MAX(n, (size_t)(follows ? WINDOW : NEAR)));
    f->held = 0;
    int rc = fdht_source_read(f, source, offset, want, f->window, err);
    if (rc)
        return rc;
    f->in = source, f->at = offset, f->held = want;
    memcpy(out, f->window, n);
    return FDHT_OK;
}
