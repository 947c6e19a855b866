/* files/natural.c - the natural order of names: digits compare as numbers. */
#include "fdht/io.h"

#include <ctype.h>
#include <string.h>

int fdht_natural_compare(const char *a, const char *b)
{
    const char *x = a, *y = b;
    while (*x && *y) {
        if (isdigit((unsigned char)*x) && isdigit((unsigned char)*y)) {
            x += strspn(x, "0");
            y += strspn(y, "0");
            size_t m = strspn(x, "0123456789"), n = strspn(y, "0123456789");
            if (m != n)
                return m < n ? -1 : 1;
            int order = memcmp(x, y, m);
            if (order)
                return order < 0 ? -1 : 1;
            x += m;
            y += n;
        } else if (*x != *y)
            return (unsigned char)*x < (unsigned char)*y ? -1 : 1;
        else {
            x++;
            y++;
        }
    }
    if (*x || *y)
        return *x ? 1 : -1;
    return strcmp(a, b); /* the same but for leading zeros */
}
