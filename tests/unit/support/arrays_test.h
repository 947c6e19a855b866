/* support/arrays_test.h - for the tests of formats/arrays: the files of tests/data/arrays. */
#ifndef FDHT_SUPPORT_ARRAYS_TEST_H
#define FDHT_SUPPORT_ARRAYS_TEST_H

#include "support/files.h"

#include "arrays/arrays.h"

static inline const char *data_path(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "tests/data/arrays/%s", name);
    return path;
}

/* NULL, and the test is skipped, where the library for this kind is not built in. */
static inline fdht_arrays *open_or_skip(const char *name)
{
    fdht_arrays *f = NULL;
    fdht_error err = {0};
    int rc = fdht_arrays_open(data_path(name), &f, &err);
    if (rc == FDHT_ENOSUP) {
        assert_message(err, "built without");
        skip();
    }
    if (rc)
        fail_msg("%s: %s", name, err.msg);
    return f;
}

#endif
