/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/input.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "domain-builder/pod-exec.h"
#include "xl-plugin/output.h"
#include "xl-plugin/tend.h"
#include "xl-plugin/tty.h"

/* Written before the thread starts. */
static struct input {
    char uuid[HX_POD_UUID_TEXT];
    unsigned container;
    bool tty, open_stdin;
    struct hx_detach_keys keys;
    int wake, left;
    struct hx_exec_pod pod;
    char *name;
} input;

int hx_input_check(bool tty, bool open_stdin, struct hx_err *err)
{
    if (tty && open_stdin && !isatty(STDIN_FILENO))
        return hx_err_set(err, HX_ERR_STATE, "the input device is not a TTY");
    return 0;
}

static bool woken(void *opaque, struct hx_exec *exec)
{
    unsigned rows, columns;
    int signum;

    (void)opaque;
    while ((signum = hx_tty_caught()) != 0) {
        if (signum != SIGWINCH)
            hx_tty_die(signum);
        if (hx_tty_size(&rows, &columns))
            hx_exec_resize(exec, rows, columns);
    }
    return true;
}

static bool typed(void *opaque, const uint8_t *data, size_t len, uint8_t *out,
                  size_t *out_len_r)
{
    (void)opaque;
    return hx_detach_keys_pass(&input.keys, data, len, out, out_len_r);
}

static int pump(struct hx_exec *exec, int *status_r, struct hx_err *err)
{
    const struct hx_exec_io io = { .in = input.open_stdin ? STDIN_FILENO : -1,
                                   .out = -1,
                                   .err = -1,
                                   .wake = input.wake,
                                   .woken = woken,
                                   .typed = input.tty ? typed : NULL };
    unsigned rows, columns;

    if (input.tty && hx_tty_size(&rows, &columns))
        hx_exec_resize(exec, rows, columns);
    return hx_exec_run(exec, &io, status_r, err);
}

static void *input_main(void *opaque)
{
    struct hx_exec *exec = NULL;
    struct hx_err err = { 0 };
    uint64_t one = 1;
    int status = 0, r;

    r = hx_exec_attach(&input.pod, input.container, input.open_stdin, &exec,
                       &err);
    if (r == 0)
        r = pump(exec, &status, &err);
    hx_exec_free(exec);
    hx_tty_uncatch(); /* nobody reads of them any more */
    /* That the pod has ended is told by others. */
    if (r < 0 && r != -HX_ERR_STATE && r != -HX_ERR_NOT_FOUND)
        hx_complain("%s", err.msg);
    if (r == 0 && status == HX_EXEC_LEFT &&
        write(input.left, &one, sizeof(one)) < 0)
        abort(); /* an eventfd takes its first count */
    return opaque;
}

/* All signals are the main thread's. */
static int start_thread(struct hx_err *err)
{
    sigset_t all, saved;
    pthread_t thread;
    int r;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &saved);
    r = pthread_create(&thread, NULL, input_main, NULL);
    pthread_sigmask(SIG_SETMASK, &saved, NULL);
    if (r)
        return hx_err_sys(err, HX_ERR_SYSTEM, r, "starting a thread");
    pthread_detach(thread);
    return 0;
}

int hx_input_start(const struct hx_foreground *how, const struct hx_pod *pod,
                   int *left_r, struct hx_err *err)
{
    const struct hx_container_spec *container =
        &pod->spec.containers[how->container];
    int r;

    memcpy(input.uuid, pod->uuid, sizeof(input.uuid));
    input.container = (unsigned)how->container;
    input.tty = container->tty;
    input.open_stdin = container->open_stdin && !how->no_stdin;
    input.keys = how->keys;
    input.name = strdup(pod->spec.name);
    input.left = eventfd(0, EFD_CLOEXEC);
    if (!input.name || input.left < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "attaching to %s",
                          pod->spec.name);
    input.pod = (struct hx_exec_pod){
        .uuid = input.uuid,
        .name = input.name,
        .dirs = { HX_STATE_DIR_DEFAULT, HX_RUN_DIR_DEFAULT },
        .tend = hx_tend_by_uuid,
    };
    r = how->forward_signals ? hx_tty_catch_resize(&input.wake, err)
                             : hx_tty_catch(&input.wake, err);
    if (r == 0 && input.tty && input.open_stdin)
        r = hx_tty_raw(err);
    if (r == 0)
        r = start_thread(err);
    *left_r = input.left;
    return r;
}
