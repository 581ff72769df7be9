/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The two clocks, in milliseconds; neither can fail. */
#ifndef HX_CLOCK_H
#define HX_CLOCK_H

#include <stdint.h>

/* For deadlines and durations: never set back, 0 at some time of the boot. */
int64_t hx_clock_monotonic_ms(void);

/* Since 1970, for what is recorded and shown: may be set at any time. */
int64_t hx_clock_unix_ms(void);

#endif
