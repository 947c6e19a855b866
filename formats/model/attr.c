/* model/attr.c - attributes of model files, each checked; a missing or wrong one is the file's fault. */
#include "model/attr.h"

#include <math.h>
#include <string.h>

#include "hdf5/h5.h"

int fdht_attr_count(hid_t loc, const char *name, int64_t low, int64_t high, int64_t *out, fdht_error *err)
{
    int status = fdht_h5_attr_int(loc, name, out, err);
    if (status == FDHT_ENOENT)
        status = fdht_fail(err, FDHT_EFORMAT, "attribute %s: missing", name);
    if (!status && (*out < low || *out > high))
        status = fdht_fail(err, FDHT_EFORMAT, "attribute %s: %lld, expected %lld..%lld", name,
                           (long long)*out, (long long)low, (long long)high);
    return status;
}

int fdht_attr_word(hid_t loc, const char *name, char *buf, size_t size, fdht_error *err)
{
    int status = fdht_h5_attr_string(loc, name, buf, size, err);
    return status == FDHT_ENOENT ? fdht_fail(err, FDHT_EFORMAT, "attribute %s: missing", name) : status;
}

int fdht_attr_choice(hid_t loc, const char *name, const char *const *word, int n, int *out, fdht_error *err)
{
    char buf[64];
    int status = fdht_attr_word(loc, name, buf, sizeof buf, err);
    if (status)
        return status;
    for (*out = 0; *out < n; ++*out)
        if (!strcmp(word[*out], buf))
            return FDHT_OK;
    return fdht_fail(err, FDHT_EFORMAT, "attribute %s: '%s' is unknown", name, buf);
}

int fdht_attr_number(hid_t loc, const char *name, double *out, fdht_error *err)
{
    int status = fdht_h5_attr_double(loc, name, out, err);
    if (status == FDHT_ENOENT)
        status = fdht_fail(err, FDHT_EFORMAT, "attribute %s: missing", name);
    if (!status && !isfinite(*out))
        status = fdht_fail(err, FDHT_EFORMAT, "attribute %s: not a finite number", name);
    return status;
}

int fdht_attr_activation(hid_t loc, const char *name, bool may_miss, fdht_activation *out, fdht_error *err)
{
    const char *word[FDHT_ACTIVATIONS];
    int which;
    if (may_miss && !fdht_h5_has_attr(loc, name))
        return FDHT_OK;
    for (int i = 0; i < FDHT_ACTIVATIONS; i++)
        word[i] = fdht_activation_name((fdht_activation)i);
    int status = fdht_attr_choice(loc, name, word, FDHT_ACTIVATIONS, &which, err);
    if (!status)
        *out = (fdht_activation)which;
    return status;
}
