/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/base/clock.h"

#include <time.h>

static int64_t read_ms(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return ts.tv_sec * INT64_C(1000) + ts.tv_nsec / 1000000;
}

int64_t hx_clock_monotonic_ms(void)
{
    return read_ms(CLOCK_MONOTONIC);
}

int64_t hx_clock_unix_ms(void)
{
    return read_ms(CLOCK_REALTIME);
}
