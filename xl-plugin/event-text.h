/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Events as they are chosen and printed; pure, but for memory. */
#ifndef HX_EVENT_TEXT_H
#define HX_EVENT_TEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "image/base/err.h"

/* Which are wanted.  Filters of one key are alternatives; each key that is
 * named must fit. */
struct hx_event_choice {
    int64_t since_ms; /* 0: from the beginning */
    int64_t until_ms; /* 0: to the end of time */
    char **filters;   /* "event=die", ...; owned, see strv.h */
};

/* "KEY=VALUE" with a key that is known; HX_ERR_USAGE.  Adds it. */
int hx_event_filter_add(struct hx_event_choice *choice, const char *filter,
                        struct hx_err *err);

/* When it was, in ms; 0 when the line is not an event. */
int64_t hx_event_time_ms(const json_t *event);

bool hx_event_wanted(const struct hx_event_choice *choice, const json_t *event);

/* Docker's line: "TIME container start UUID (image=..., name=...)", the
 * caller's; NULL without memory. */
char *hx_event_text(const json_t *event);

#endif
