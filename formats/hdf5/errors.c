/* hdf5/errors.c - libhdf5's errors: never printed, but looked at, because it has one answer for a damaged file, for no memory
 * and for a full disk. */
#include "hdf5/h5.h"

#include <errno.h>
#include <string.h>

static _Thread_local bool no_memory;
static _Thread_local int unwritten; /* errno of a write that failed, or 0 */

static herr_t look(unsigned n, const H5E_error2_t *e, void *arg)
{
    (void)n;
    (void)arg;
    /* It says the same where a damaged file asks for no bytes at all, and of damaged bytes what it says of zlib without memory. */
    no_memory |= errno == ENOMEM && (e->min_num == H5E_NOSPACE || e->min_num == H5E_CANTALLOC ||
                                     (e->maj_num == H5E_PLINE && e->min_num == H5E_CANTINIT));
    return 0;
}

herr_t fdht_h5_note(hid_t stack, void *arg)
{
    return H5Ewalk2(stack, H5E_WALK_UPWARD, look, arg);
}

void fdht_h5_no_memory(void)
{
    no_memory = true;
}

void fdht_h5_unwritten(int why)
{
    unwritten = why;
}

static void forget(void)
{
    no_memory = false;
    unwritten = 0;
}

void fdht_h5_begin(void)
{
    forget();
    errno = 0;
}

int fdht_h5_end(int status, fdht_error *err)
{
    bool was = no_memory;
    int why = unwritten;
    forget();
    if (was)
        return fdht_fail(err, FDHT_ENOMEM, "out of memory: reading or writing HDF5");
    if (status == FDHT_EIO && why && err) {
        char what[sizeof err->msg];
        memcpy(what, err->msg, sizeof what);
        fdht_fail(err, status, "%s: %s", what, strerror(why));
    }
    return status;
}
