/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Talking to a pod's guest through its monitor: running a further process in
 * it (exec), and using the standard input of a container (attach).
 *
 *     struct hx_exec_pod pod = { .uuid = uuid, .name = "web", .dirs = dirs,
 *                                .tend = tend };
 *     struct hx_exec_spec spec = { .args = args, .with_stdin = true };
 *     struct hx_exec_io io = { .in = 0, .out = 1, .err = 2, .wake = -1 };
 *
 *     hx_exec_open(&pod, &spec, &exec, err);
 *     hx_exec_run(exec, &io, &status, err);
 *     hx_exec_free(exec);
 *
 * Nothing here asks Xen or loads its libraries: the monitor's socket is all
 * that is needed as long as a monitor lives.  When it does not, `tend` is
 * called to put that right; the session is then resumed, and its streams go on
 * with no byte lost or repeated (pv-init/channel-abi.h).
 *
 * The socket, RUN/UUID/control, is of type SOCK_SEQPACKET: each message is one
 * frame, header and payload.
 */
#ifndef HX_POD_EXEC_H
#define HX_POD_EXEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "domain-builder/pod-state.h"
#include "image/base/err.h"

struct hx_exec;

/* Which pod; all is borrowed until hx_exec_free(). */
struct hx_exec_pod {
    const char *uuid;
    const char *name; /* for sentences */
    struct hx_pod_dirs dirs;
    /*
     * Called when no monitor answers: finds out whether the pod runs, and
     * gives it a monitor.  A negative code, and a sentence that says how the
     * pod has ended (HX_ERR_STATE, HX_ERR_NOT_FOUND) or what is wrong, ends
     * the session.
     */
    int (*tend)(void *opaque, const char *uuid, struct hx_err *err);
    void *opaque;
};

/* A process; borrowed by hx_exec_open() alone. */
struct hx_exec_spec {
    unsigned container; /* index */
    bool vm;            /* beside pv-init; in no container */
    char *const *args;  /* at least one; NULL: one of those at the end */
    char *const *env;   /* or NULL; added to the container's */
    const char *user;   /* NULL: the container's */
    const char *cwd;    /* NULL: the container's */
    bool tty;
    unsigned rows, columns; /* 0: the guest's default */
    bool with_stdin;
    bool privileged;
    bool detach; /* no streams; ends as soon as the process runs */
    /* What the guest does itself, in place of a process (pv-init/
     * channel-abi.h); one of get, put, processes. */
    const char *get; /* absolute path */
    bool follow;
    const char *put; /* absolute path */
    const char *top; /* NULL: "put" is a folder for whatever comes */
    bool keep_owner;
    bool processes;
};

/* Connects, and asks for the process.  *exec_r is the caller's. */
int hx_exec_open(const struct hx_exec_pod *pod, const struct hx_exec_spec *spec,
                 struct hx_exec **exec_r, struct hx_err *err);

/* The same for the input of a container that runs: it has no outputs, and is
 * over when the pod is. */
int hx_exec_attach(const struct hx_exec_pod *pod, unsigned container,
                   bool with_stdin, struct hx_exec **exec_r,
                   struct hx_err *err);

/* Gives up the session; its process goes on without us.  Takes NULL. */
void hx_exec_free(struct hx_exec *exec);

/* To the process; sent as soon as possible. */
void hx_exec_signal(struct hx_exec *exec, int signum);
void hx_exec_resize(struct hx_exec *exec, unsigned rows, unsigned columns);

/* Most that `typed` may add to what it was given. */
#define HX_EXEC_TYPED_MORE 64

/* Where the streams go.  Descriptors are the caller's, -1 for none. */
struct hx_exec_io {
    int in;
    int out;
    int err;
    int wake; /* when it is readable, `woken` is called */
    /* The process was reported to run; called once; NULL: nobody asks. */
    void (*started)(void *opaque);
    /* Each may be NULL, and returns false to leave the session. */
    bool (*woken)(void *opaque, struct hx_exec *exec);
    /* Looks at what was read: writes what is to be sent, at most len +
     * HX_EXEC_TYPED_MORE bytes, to `out`. */
    bool (*typed)(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                  size_t *out_len_r);
    void *opaque;
};

#define HX_EXEC_LEFT (-1)

/*
 * Until the process has ended and its output was written: *status_r is then
 * its exit code, 0 to 255; or until a callback leaves: HX_EXEC_LEFT; a
 * detached one until it runs: 0.  One that never came to run has 125 to 127,
 * and hx_exec_message() says why.
 *
 * HX_ERR_STATE, HX_ERR_NOT_FOUND: the pod has ended before the process, or
 * does not run.  HX_ERR_GUEST: the guest does not answer, or not as it should.
 * HX_ERR_SYSTEM with `sys` EPIPE: nobody reads an output any more.
 */
int hx_exec_run(struct hx_exec *exec, const struct hx_exec_io *io,
                int *status_r, struct hx_err *err);

/* Whether the process was reported to run. */
bool hx_exec_started(const struct hx_exec *exec);

/* Printable; "" when there is nothing to say.  Borrowed. */
const char *hx_exec_message(const struct hx_exec *exec);

/*
 * The pod with this name or UUID, found without asking Xen.  HX_ERR_NOT_FOUND:
 * hx_pod_find() may know better, since it understands domain ids.
 */
int hx_exec_find(const struct hx_pod_dirs *dirs, const char *name,
                 char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err);

#endif
