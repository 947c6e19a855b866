/* base/base.h - what every file of lib/ and formats/ may use: failing, allocating, small arithmetic.
 * Internal: not installed. */
#ifndef FDHT_BASE_H
#define FDHT_BASE_H

#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fdht/basics.h"
#include "fdht/error.h"

/* Record `code` and a formatted line in err (NULL allowed) and return code: `return fdht_fail(err, ...)`. */
int fdht_fail(fdht_error *err, int code, const char *fmt, ...) FDHT_PRINTF(3, 4);

/* The reason that errno gives, behind "PATH: " unless path is NULL; FDHT_ENOENT, FDHT_ENOMEM, else FDHT_EIO. */
int fdht_fail_errno(fdht_error *err, const char *path);

/* Put "prefix: " before the message that err already holds; returns err's code or `code` if err is NULL. */
int fdht_fail_prefix(fdht_error *err, int code, const char *fmt, ...) FDHT_PRINTF(3, 4);

#ifdef __clang_analyzer__ /* a prototype cannot say that the status of a failure is not 0 */
#define fdht_fail(...)        (fdht_fail(__VA_ARGS__) ?: FDHT_EINTERNAL)
#define fdht_fail_errno(...)  (fdht_fail_errno(__VA_ARGS__) ?: FDHT_EINTERNAL)
#define fdht_fail_prefix(...) (fdht_fail_prefix(__VA_ARGS__) ?: FDHT_EINTERNAL)
#endif

/* count * size bytes, zeroed, aligned to 64. NULL when the product overflows or no memory is left. A size of zero gives a
 * valid pointer to nothing, never NULL. Free with fdht_free (NULL allowed). Any thread. */
void *fdht_calloc(size_t count, size_t size);
void fdht_free(void *p);

/* The same with the error filled: "out of memory: <what> (<bytes> bytes)". */
void *fdht_calloc_err(size_t count, size_t size, const char *what, fdht_error *err);

/* A copy of s; NULL when no memory is left. Free with fdht_free. */
char *fdht_strdup(const char *s);

/* strtod, strtof and "%.17g" with a decimal point, whatever the program's locale. Any thread. */
double fdht_text_number(const char *text, char **end);
float fdht_text_float(const char *text, char **end);
void fdht_number_text(double v, char *text, size_t size);

/* Fault injection for tests: when > 0, counts down at each fdht_calloc and makes the one that reaches 0 fail. */
extern long fdht_alloc_fail_at;

/* *out = a * b; false on overflow. */
bool fdht_mul(size_t a, size_t b, size_t *out);

/* A flag that a signal handler or another thread sets; NULL is never set. Nothing else is ordered by it. */
static inline int fdht_flag(const volatile sig_atomic_t *flag)
{
    return flag ? __atomic_load_n(flag, __ATOMIC_RELAXED) : 0;
}
static inline void fdht_flag_set(volatile sig_atomic_t *flag, int value)
{
    __atomic_store_n(flag, value, __ATOMIC_RELAXED);
}

#define FDHT_MIN(a, b)    ((a) < (b) ? (a) : (b))
#define FDHT_MAX(a, b)    ((a) > (b) ? (a) : (b))
#define FDHT_COUNT(array) (sizeof(array) / sizeof *(array))

#endif
