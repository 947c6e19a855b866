/* fdht/error.h - status codes and the error record every fallible call fills.
 *
 * A function that can fail returns FDHT_OK (0) or one of the negative codes below, and, when it was given a
 * non-NULL `fdht_error *`, writes the code and one line of text that names the object and the numbers. The
 * text carries no program name and no newline. Nothing is written on success. The functions below may be called by any
 * thread. */
#ifndef FDHT_ERROR_H
#define FDHT_ERROR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FDHT_API          __attribute__((visibility("default")))
#define FDHT_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define FDHT_API
#define FDHT_PRINTF(f, a)
#endif

/* name, value, text */
#define FDHT_ERRNO_MAP(X)                                                                                    \
    X(EINVAL, -1, "invalid argument")                                                                        \
    X(ENOMEM, -2, "out of memory")                                                                           \
    X(EIO, -3, "input/output error")                                                                         \
    X(EFORMAT, -4, "damaged or unsupported file")                                                            \
    X(EVERSION, -5, "file of an unknown version")                                                            \
    X(ENOENT, -6, "no such file or object")                                                                  \
    X(EEXIST, -7, "output exists")                                                                           \
    X(ELIMIT, -8, "tolerance or size limit not met")                                                         \
    X(ENOCONV, -9, "no convergence")                                                                         \
    X(ENAN, -10, "not a finite number")                                                                      \
    X(EINTR, -11, "interrupted")                                                                             \
    X(ENOSUP, -12, "not supported")                                                                          \
    X(EINTERNAL, -13, "internal error")

enum {
    FDHT_OK = 0,
#define FDHT_ERRNO_ENUM(name, value, text) FDHT_##name = value,
    FDHT_ERRNO_MAP(FDHT_ERRNO_ENUM)
#undef FDHT_ERRNO_ENUM
};

/* Owned by the caller; valid when zeroed. msg is always terminated. */
typedef struct fdht_error {
    int code;
    char msg[256];
} fdht_error;

/* The text of a status code ("unknown status" for any other number). Static storage. */
FDHT_API const char *fdht_strerror(int code);

/* The library's version "MAJOR.MINOR.PATCH" as it was built. Static storage. */
FDHT_API const char *fdht_version(void);

#ifdef __cplusplus
}
#endif
#endif
