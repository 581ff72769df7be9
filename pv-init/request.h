/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * dom0's requests, as the node hyper/request carries them (guest-abi.h).
 * Pure.
 */
#ifndef HX_INIT_REQUEST_H
#define HX_INIT_REQUEST_H

#include <stdint.h>

enum hx_init_verb { HX_INIT_KILL, HX_INIT_STOP };

struct hx_init_request {
    uint64_t seq; /* 1.. */
    enum hx_init_verb verb;
    int signum;          /* of kill: 1..64 */
    uint32_t timeout_ms; /* of stop */
};

/* "SEQ kill SIGNUM" or "SEQ stop TIMEOUT_MS"; 0, or -1 for anything else. */
int hx_init_request_parse(const char *text, struct hx_init_request *out);

#endif
