/* base/clock.c - the clock of every measurement and every timeout (fdht/basics.h). */
#include <time.h>

#include "base/base.h"

double fdht_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}
