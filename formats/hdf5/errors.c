/* hdf5/errors.c - libhdf5's errors: never printed, but looked at, because it has one answer for a damaged file and for no memory. */
#include "hdf5/h5.h"

static _Thread_local bool no_memory;

static herr_t look(unsigned n, const H5E_error2_t *e, void *arg)
{
    (void)n;
    (void)arg;
    no_memory |= e->min_num == H5E_NOSPACE || e->min_num == H5E_CANTALLOC;
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

void fdht_h5_begin(void)
{
    no_memory = false;
}

int fdht_h5_end(int status, fdht_error *err)
{
    bool was = no_memory;
    no_memory = false;
    return was ? fdht_fail(err, FDHT_ENOMEM, "out of memory: reading or writing HDF5") : status;
}
