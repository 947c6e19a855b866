/* frame/parse.c - text to numbers, sizes, lists and choices; the whole text must be used. */
#include "frame/cli.h"
#include "frame/parse.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* strtol and friends skip blanks and take what they can; here the first character must start the number and
 * the last must end it. */
static bool starts_number(const char *s, bool sign)
{
    return isdigit((unsigned char)*s) || (sign && (*s == '-' || *s == '+') && isdigit((unsigned char)s[1]));
}

bool cli_parse_int(const char *s, long min, long max, long *out)
{
    char *end;
    if (!starts_number(s, true))
        return false;
    errno = 0;
    long v = strtol(s, &end, 10);
    if (errno || *end || v < min || v > max)
        return false;
    *out = v;
    return true;
}

static bool read_u64(const char *s, char **end, uint64_t *out)
{
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    if (!starts_number(s, false))
        return false;
    errno = 0;
    *out = strtoull(s, end, hex ? 16 : 10);
    return !errno;
}

bool cli_parse_u64(const char *s, uint64_t *out)
{
    char *end;
    uint64_t v;
    if (!read_u64(s, &end, &v) || *end)
        return false;
    *out = v;
    return true;
}

bool cli_parse_size(const char *s, double min, double max, size_t *out)
{
    uint64_t v;
    if (!cli_parse_u64(s, &v) || (double)v < min || (double)v > max || v > SIZE_MAX)
        return false;
    *out = (size_t)v;
    return true;
}

bool cli_parse_double(const char *s, double min, double max, double *out)
{
    char *end;
    const char *p = s + (*s == '-' || *s == '+');
    bool hex = p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
    if (hex || (!isdigit((unsigned char)*p) && !(*p == '.' && isdigit((unsigned char)p[1]))))
        return false; /* no nan, no inf, no blanks */
    double v = strtod(s, &end);
    if (*end || !isfinite(v) || v < min || v > max)
        return false;
    *out = v;
    return true;
}

bool cli_parse_sizes(const char *s, double min, double max, cli_sizes *out)
{
    cli_sizes list = {0};
    for (;;) {
        char *end;
        uint64_t v;
        if (list.n == CLI_MAX_LIST || !read_u64(s, &end, &v) || (double)v < min || (double)v > max)
            return false;
        list.v[list.n++] = (size_t)v;
        if (!*end)
            break;
        if (*end != ',')
            return false;
        s = end + 1;
    }
    *out = list;
    return true;
}

bool cli_parse_extent(const char *s, cli_extent *out)
{
    char *end;
    uint64_t w, h;
    if (!isdigit((unsigned char)*s))
        return false;
    errno = 0;
    w = strtoull(s, &end, 10); /* not read_u64: "0x120" is no hexadecimal number here */
    if (errno || *end != 'x' || !cli_parse_u64(end + 1, &h))
        return false;
    if (!w || !h || w > INT32_MAX || h > INT32_MAX)
        return false;
    *out = (cli_extent){(size_t)w, (size_t)h};
    return true;
}

bool cli_parse_bytes(const char *s, size_t *out)
{
    static const char units[] = "KMGT";
    char *end;
    uint64_t v;
    if (!read_u64(s, &end, &v))
        return false;
    const char *u = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    int shift = u ? 10 * (int)(u - units + 1) : 0;
    if (u)
        end++;
    if (*end || v > SIZE_MAX >> shift)
        return false;
    *out = (size_t)v << shift;
    return true;
}

int cli_parse_choice(const char *s, const char *choices)
{
    size_t n = strlen(s);
    for (int i = 0;; i++) {
        size_t len = strcspn(choices, "|");
        if (len == n && !memcmp(s, choices, n))
            return i;
        if (!choices[len])
            return -1;
        choices += len + 1;
    }
}
