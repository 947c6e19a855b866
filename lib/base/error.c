/* base/error.c - the texts of the status codes, and filling the error record. */
#include "base/base.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

const char *fdht_strerror(int code)
{
    switch (code) {
    case FDHT_OK:
        return "success";
#define FDHT_ERRNO_TEXT(name, value, text)                                                                   \
    case value:                                                                                              \
        return text;
        FDHT_ERRNO_MAP(FDHT_ERRNO_TEXT)
#undef FDHT_ERRNO_TEXT
    }
    return "unknown status";
}

const char *fdht_version(void)
{
    return FDHT_VERSION;
}

int(fdht_fail)(fdht_error *err, int code, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        err->code = code;
        vsnprintf(err->msg, sizeof err->msg, fmt, ap);
        va_end(ap);
    }
    return code;
}

int(fdht_fail_errno)(fdht_error *err, const char *path)
{
    const int why = errno;
    int code = FDHT_EIO;
    if (why == ENOENT || why == ENOTDIR)
        code = FDHT_ENOENT;
    else if (why == ENOMEM)
        code = FDHT_ENOMEM;
    return fdht_fail(err, code, "%s%s%s", path ? path : "", path ? ": " : "", strerror(why));
}

int(fdht_fail_prefix)(fdht_error *err, int code, const char *fmt, ...)
{
    if (err) {
        char prefix[sizeof err->msg], old[sizeof err->msg];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(prefix, sizeof prefix, fmt, ap);
        va_end(ap);
        memcpy(old, err->msg, sizeof old);
        size_t n = strlen(prefix);
        if (n + 2 < sizeof err->msg) {
            memcpy(err->msg, prefix, n);
            memcpy(err->msg + n, ": ", 2);
            size_t rest = FDHT_MIN(strlen(old), sizeof err->msg - n - 3);
            memcpy(err->msg + n + 2, old, rest);
            err->msg[n + 2 + rest] = 0;
        }
        if (err->code == FDHT_OK)
            err->code = code;
        return err->code;
    }
    return code;
}
