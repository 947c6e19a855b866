/* base/number.c - numbers as text with a decimal point, whatever locale the program has chosen. */
#include "base/base.h"

#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

/* glibc has this one ready: no memory is taken. */
static locale_t plain(void)
{
    return newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

double fdht_text_number(const char *text, char **end)
{
    locale_t c = plain();
    if (!c)
        return strtod(text, end);
    double v = strtod_l(text, end, c);
    freelocale(c);
    return v;
}

float fdht_text_float(const char *text, char **end)
{
    locale_t c = plain();
    if (!c)
        return strtof(text, end);
    float v = strtof_l(text, end, c);
    freelocale(c);
    return v;
}

void fdht_number_text(double v, char *text, size_t size)
{
    locale_t c = plain(), before = c ? uselocale(c) : (locale_t)0;
    snprintf(text, size, "%.17g", v);
    if (c) {
        uselocale(before);
        freelocale(c);
    }
}
