/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The other end of sessions: a guest behind a monitor that is a thread of the
 * test.  It hangs up at will, and remembers what a guest would.  Tests that use
 * it wrap hx_clock_monotonic_ms, so that no minute is waited for.
 */
#ifndef HX_TESTS_EXEC_FIXTURE_H
#define HX_TESTS_EXEC_FIXTURE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "domain-builder/pod-exec.h"
#include "tests/unit/pod_fixture.h"

#define EXEC_UUID "11111111-2222-4333-8444-555555555555"
#define MIB       ((uint64_t)1 << 20)
#define NEVER     UINT64_MAX

/* What the guest does, and what it remembers of the one session. */
struct exec_guest {
    /* how it behaves */
    uint64_t output;     /* bytes of stdout; NEVER: as many as come in */
    uint64_t hang_up;    /* after so many frames of a connection; 0: never */
    int exit_code;       /* of ENDED */
    const char *refusal; /* ENDED with this, and no OPENED */
    bool deaf;           /* hangs up at once */
    bool forgets;        /* has no session when a connection is new */
    bool mute;           /* says nothing to a RESUME; a minute goes by */
    bool takes_late;     /* a TAKEN only when the connection ends */
    /* what came of it */
    bool known, opened;
    uint64_t session, sent, told, in_got;
    bool granted, in_end, out_end_sent, ended_sent, out_end_taken;
    int opens, resumes, attaches, signal, wrong_bytes;
    uint64_t size;
    char *request;
    /* this connection */
    uint64_t frames;
    int fd;
};

struct exec_scene {
    struct pod_fixture *fixture;
    char folder[160];
    int listener;
    int stop[2]; /* pipe */
    pthread_t thread;
    bool runs;
    struct exec_guest guest;
    struct hx_exec_pod pod;
    int tended;
    const char *dead; /* what tend says */
};

/* What takes a session's output. */
struct exec_drain {
    pthread_t thread;
    int fd;
    uint64_t got, wrong;
    unsigned pause_us; /* between reads */
    int starts;        /* that were told */
};

extern char *const exec_true_args[];

/* For cmocka's setup and teardown: *state is a scene, without a monitor. */
int exec_setup(void **state);
int exec_teardown(void **state);

/* The monitor, with the guest as the scene has it. */
void exec_listen(struct exec_scene *s);
/* What the guest remembers is ours to look at after this. */
void exec_stop_listening(struct exec_scene *s);
/* Another guest. */
void exec_restart(struct exec_scene *s, struct exec_guest guest);

/* Runs a session with `in_bytes` of input to its end, and that of the monitor;
 * its status. */
int exec_run(struct exec_scene *s, const struct hx_exec_spec *spec,
             uint64_t in_bytes, struct exec_drain *drain, struct hx_err *err);
/* struct hx_exec_io's `started`, for a struct exec_drain. */
void exec_count_start(void *drain);

#endif
