/* arrays/zip.c - members of a zip archive, by random access where they are stored and forward where they are deflated. */
#include "arrays/zip.h"

#ifdef FDHT_HAVE_LIBZIP

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include <zip.h>

enum { MAX_MEMBERS = 200000, DEFLATE_MOST = 1032, SLACK = 1 << 16, SKIP = 1 << 14, FIRST = 1 << 24 };

typedef struct member {
    const char *name; /* the archive's */
    uint64_t size;
    bool stored;
    const char *unread; /* why it cannot be read, or NULL */
} member;

struct fdht_zip {
    zip_t *zip;
    member *member;
    int n;
    zip_file_t *open; /* the member read last, and how far it is read */
    int which;
    uint64_t at;
};

/* libzip has lost the reason by the time it fails, now and then; malloc has left it in errno, which is 0 before. */
static bool no_memory(zip_error_t *e)
{
    return zip_error_code_zip(e) == ZIP_ER_MEMORY || errno == ENOMEM;
}

/* What cannot be read fails when it is asked for: a note beside the weights harms nobody. False: out of memory. */
static bool look(zip_t *zip, uint64_t file_size, zip_uint64_t i, member *m)
{
    const zip_uint64_t need = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_NAME;
    zip_stat_t st;
    *m = (member){.name = ""};
    errno = 0;
    if (zip_stat_index(zip, i, 0, &st)) {
        m->unread = "its entry is damaged";
        return !no_memory(zip_get_error(zip));
    }
    if ((st.valid & need) != need) {
        m->unread = "its entry is damaged";
        return true;
    }
    m->name = st.name ? st.name : "";
    m->size = st.size;
    m->stored = st.comp_method == ZIP_CM_STORE;
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        m->unread = "is encrypted";
    else if (!m->stored && st.comp_method != ZIP_CM_DEFLATE)
        m->unread = "is compressed by another method than deflate";
    else if (st.comp_size > file_size)
        m->unread = "claims more bytes than the archive has";
    else if (m->stored ? st.size != st.comp_size
                       : st.size > SLACK && (st.size - SLACK) / DEFLATE_MOST > st.comp_size)
        m->unread = "claims to hold more than its bytes can";
    return true;
}

int fdht_zip_open(const char *path, fdht_zip **out, fdht_error *err)
{
    struct stat file;
    int why = 0;
    *out = NULL;
    if (stat(path, &file) != 0)
        return fdht_fail_errno(err, NULL);
    errno = 0;
    zip_t *zip = zip_open(path, ZIP_RDONLY, &why);
    if (!zip) {
        zip_error_t e;
        zip_error_init_with_code(&e, why);
        int rc = no_memory(&e)                                                    ? FDHT_ENOMEM
                 : why == ZIP_ER_OPEN || why == ZIP_ER_READ || why == ZIP_ER_SEEK ? FDHT_EIO
                                                                                  : FDHT_EFORMAT;
        if (rc == FDHT_ENOMEM)
            fdht_fail(err, rc, "out of memory: zip archive");
        else
            fdht_fail(err, rc, "%s zip archive (%s)", rc == FDHT_EIO ? "cannot read the" : "a damaged",
                      zip_error_strerror(&e));
        zip_error_fini(&e);
        return rc;
    }
    zip_int64_t n = zip_get_num_entries(zip, 0);
    fdht_zip *z = NULL;
    int rc = FDHT_OK;
    if (n < 1 || n > MAX_MEMBERS)
        rc = fdht_fail(err, FDHT_EFORMAT, "a zip archive of %lld members", (long long)n);
    else if (!(z = fdht_calloc_err(1, sizeof *z, "archive", err)) ||
             !(z->member = fdht_calloc_err((size_t)n, sizeof *z->member, "archive", err)))
        rc = FDHT_ENOMEM;
    for (int i = 0; i < n && !rc; i++)
        if (!look(zip, (uint64_t)file.st_size, (zip_uint64_t)i, &z->member[i]))
            rc = fdht_fail(err, FDHT_ENOMEM, "out of memory: zip archive");
    if (rc) {
        if (z)
            fdht_free(z->member);
        fdht_free(z);
        zip_discard(zip);
        return rc;
    }
    z->zip = zip;
    z->n = (int)n;
    *out = z;
    return FDHT_OK;
}

static void close_member(fdht_zip *z)
{
    if (z->open)
        zip_fclose(z->open);
    z->open = NULL;
}

void fdht_zip_close(fdht_zip *z)
{
    if (!z)
        return;
    close_member(z);
    zip_discard(z->zip);
    fdht_free(z->member);
    fdht_free(z);
}

int fdht_zip_count(const fdht_zip *z)
{
    return z->n;
}

const char *fdht_zip_name(const fdht_zip *z, int i)
{
    return z->member[i].name;
}

uint64_t fdht_zip_size(const fdht_zip *z, int i)
{
    return z->member[i].size;
}

int fdht_zip_find(fdht_zip *z, const char *name, int *out, fdht_error *err)
{
    errno = 0;
    zip_int64_t i = zip_name_locate(z->zip, name, 0);
    *out = i >= 0 && i < z->n ? (int)i : -1;
    return i < 0 && no_memory(zip_get_error(z->zip))
               ? fdht_fail(err, FDHT_ENOMEM, "out of memory: zip archive")
               : FDHT_OK;
}

static int damaged(fdht_zip *z, fdht_error *err)
{
    zip_error_t *e = z->open ? zip_file_get_error(z->open) : zip_get_error(z->zip);
    int rc = no_memory(e) ? fdht_fail(err, FDHT_ENOMEM, "out of memory: zip archive")
                          : fdht_fail(err, FDHT_EFORMAT, "%s: damaged in the zip archive (%s)",
                                      z->member[z->which].name, zip_error_strerror(e));
    close_member(z);
    return rc;
}

static int next(fdht_zip *z, void *out, size_t n, fdht_error *err)
{
    errno = 0;
    zip_int64_t got = zip_fread(z->open, out, n);
    if (got != (zip_int64_t)n)
        return damaged(z, err);
    z->at += n;
    return FDHT_OK;
}

/* The open member stands at `offset`. */
static int go_to(fdht_zip *z, int i, uint64_t offset, fdht_error *err)
{
    uint8_t skip[SKIP];
    errno = 0;
    if (!z->open || z->which != i || (!z->member[i].stored && offset < z->at)) {
        close_member(z);
        z->which = i;
        z->at = 0;
        z->open = zip_fopen_index(z->zip, (zip_uint64_t)i, 0);
        if (!z->open)
            return damaged(z, err);
    }
    if (z->member[i].stored && z->at != offset) {
        if (zip_fseek(z->open, (zip_int64_t)offset, SEEK_SET) < 0)
            return damaged(z, err);
        z->at = offset;
    }
    int rc = FDHT_OK;
    while (z->at < offset && !rc)
        rc = next(z, skip, (size_t)FDHT_MIN(offset - z->at, (uint64_t)SKIP), err);
    return rc;
}

int fdht_zip_read(fdht_zip *z, int i, uint64_t offset, size_t n, void *out, fdht_error *err)
{
    const member *m = &z->member[i];
    if (m->unread)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s", m->name, m->unread);
    if (offset > m->size || n > m->size - offset)
        return fdht_fail(err, FDHT_EFORMAT, "%s: has %llu bytes, %zu from byte %llu are wanted", m->name,
                         (unsigned long long)m->size, n, (unsigned long long)offset);
    int rc = n ? go_to(z, i, offset, err) : FDHT_OK;
    if (!rc && n)
        rc = next(z, out, n, err);
    if (!rc && n && z->at == m->size) { /* libzip compares the checksum where it sees the end */
        uint8_t beyond;
        errno = 0;
        if (zip_fread(z->open, &beyond, 1) != 0)
            return damaged(z, err);
    }
    return rc;
}

/* Memory grows with the bytes that come, not with what is claimed. */
int fdht_zip_load(fdht_zip *z, int i, size_t max, uint8_t **data, size_t *n, fdht_error *err)
{
    const member *m = &z->member[i];
    *data = NULL;
    *n = 0;
    if (m->unread)
        return fdht_fail(err, FDHT_EFORMAT, "%s: %s", m->name, m->unread);
    if (m->size > max)
        return fdht_fail(err, FDHT_ELIMIT, "%s: %llu bytes, more than %zu", m->name,
                         (unsigned long long)m->size, max);
    size_t size = (size_t)m->size, cap = m->stored ? size : FDHT_MIN(size, (size_t)FIRST), held = 0;
    uint8_t *all = fdht_calloc_err(cap + 1, 1, m->name, err);
    int rc = all ? FDHT_OK : FDHT_ENOMEM;
    while (!rc && held < size) {
        if (held == cap) {
            size_t grown = FDHT_MIN(size, 2 * cap);
            uint8_t *more = fdht_calloc_err(grown + 1, 1, m->name, err);
            if (!more) {
                rc = FDHT_ENOMEM;
                break;
            }
            memcpy(more, all, held);
            fdht_free(all);
            all = more;
            cap = grown;
        }
        rc = fdht_zip_read(z, i, held, cap - held, all + held, err);
        held = cap;
    }
    if (rc) {
        fdht_free(all);
        return rc;
    }
    *data = all;
    *n = size;
    return FDHT_OK;
}

#else /* without libzip */

static int missing(fdht_error *err)
{
    return fdht_fail(err, FDHT_ENOSUP, "a zip archive, and this fdht is built without libzip");
}

int fdht_zip_open(const char *path, fdht_zip **out, fdht_error *err)
{
    (void)path;
    *out = NULL;
    return missing(err);
}

void fdht_zip_close(fdht_zip *z)
{
    (void)z;
}

int fdht_zip_count(const fdht_zip *z)
{
    (void)z;
    return 0;
}

const char *fdht_zip_name(const fdht_zip *z, int i)
{
    (void)z, (void)i;
    return "";
}

uint64_t fdht_zip_size(const fdht_zip *z, int i)
{
    (void)z, (void)i;
    return 0;
}

int fdht_zip_find(fdht_zip *z, const char *name, int *out, fdht_error *err)
{
    (void)z, (void)name;
    *out = -1;
    return missing(err);
}

int fdht_zip_read(fdht_zip *z, int i, uint64_t offset, size_t n, void *out, fdht_error *err)
{
    (void)z, (void)i, (void)offset, (void)n, (void)out;
    return missing(err);
}

int fdht_zip_load(fdht_zip *z, int i, size_t max, uint8_t **data, size_t *n, fdht_error *err)
{
    (void)z, (void)i, (void)max;
    *data = NULL;
    *n = 0;
    return missing(err);
}

#endif
