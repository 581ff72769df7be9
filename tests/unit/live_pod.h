/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pod that runs: pv-init's loop and a container in real namespaces, with the
 * test as dom0.  There is one at a time.
 */
#ifndef HX_TESTS_LIVE_POD_H
#define HX_TESTS_LIVE_POD_H

#include <sys/types.h>

#include "tests/unit/channel_peer.h"
#include "tests/unit/ramdisk.h"

#define LIVE_POD(more, script)                                                 \
    "{\"abi\":2,\"hostname\":\"web\",\"containers\":[{\"name\":\"c\","         \
    "\"root\":{"                                                               \
    "\"device\":\"xvda\",\"fstype\":\"x\"},\"stop_timeout_ms\":300,"           \
    "\"writable\":\"tmpfs\",\"user\":\"\",\"cwd\":\"/\",\"env\":["             \
    "\"PATH=/bin\",\"A=1\",\"B=2\"],\"stop_signal\":15," more                  \
    "\"args\":[\"sh\",\"-c\",\"" script "\"]}]}"
#define LIVE_POD_SLEEPS LIVE_POD("\"tty\":false,", "echo up; exec sleep 50")

#define S1 0x123456789abcdef0u
#define S2 0xfedcba9876543210u

extern pid_t live_pod;        /* its process 1 */
extern struct peer live_peer; /* the connection to it */

/* Starts one of this configuration, and connects. */
void live_pod_begin(const char *json);
void live_pod_finish(void);
/* Connects, as a new monitor does; an old connection ends. */
void live_pod_join(void);

void live_pod_say(unsigned type, uint64_t session, uint64_t value,
                  const void *payload, size_t len);
/* The next frame of this kind and session; others are passed over. */
const struct hx_ch_frame *live_pod_await(unsigned type, uint64_t session);

/* Opens a session; `json` is its request. */
void live_pod_open(uint64_t session, const char *json);
/* Takes `outs` outputs up to their ends, and returns the exit code. */
int live_pod_collect(uint64_t session, char *out, size_t size, unsigned outs);
/* Both, in a session of its own. */
int live_pod_run(const char *json, char *out, size_t size, unsigned outs);

#endif
