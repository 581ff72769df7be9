/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_pod_reconcile_one clock_gettime */
/*
 * Waiting for a pod's end, with a process of ours in the place of the monitor;
 * and starting a monitor, with a script in its place.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/pod-monitor.h"
#include "domain-builder/pod-reconcile.h"
#include "image/base/file.h"
#include "tests/unit/unit.h"
#include "tests/unit/xen_fixture.h"

static struct scene {
    struct hx_pod pod;
    pid_t monitor;
    int order;  /* one byte each: see monitor_main() */
    int answer; /* one byte for each that was carried out */
    int reconciled;
    int (*reconcile)(void);
    int tick_s; /* by which each look at the clock moves it */
    int ticked_s;
} scene;

/* -- the process in the monitor's place --------------------------------------
 */

static void record_end(bool reaped)
{
    struct hx_pod pod;

    if (hx_pod_dir_lock(&xen.dir, 1000, NULL) < 0 ||
        hx_pod_dir_load(&xen.dir, &pod, NULL) < 0)
        _exit(3);
    pod.state = HX_POD_EXITED;
    pod.end = HX_END_EXIT;
    pod.exit_code = 7;
    pod.reaped = reaped;
    if (hx_pod_dir_save(&xen.dir, &pod, NULL) < 0)
        _exit(4);
    hx_pod_release(&pod);
    hx_pod_dir_unlock(&xen.dir);
}

static void monitor_main(int orders, int answers)
{
    struct flock lock = { .l_type = F_WRLCK };
    char path[200], order = 'l';
    int fd;

    snprintf(path, sizeof(path), "%s/" HX_MONITOR_FIFO, xen.dir.run_path);
    mkfifo(path, 0600);
    fd = open(path, O_RDWR);
    if (fcntl(fd, F_SETLK, &lock) < 0)
        _exit(2);
    do {
        if (order == 'e')
            record_end(false);
        if (order == 'r')
            record_end(true);
        if (write(answers, "", 1) != 1)
            _exit(5);
    } while (read(orders, &order, 1) == 1);
    _exit(0);
}

static void monitor_start(void)
{
    int orders[2], answers[2];
    char byte;

    assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
    assert_int_equal(pipe2(answers, O_CLOEXEC), 0);
    scene.monitor = fork();
    if (scene.monitor == 0) {
        close(orders[1]);
        monitor_main(orders[0], answers[1]);
    }
    close(orders[0]);
    close(answers[1]);
    scene.order = orders[1];
    scene.answer = answers[0];
    assert_int_equal(read(scene.answer, &byte, 1), 1);
}

static void monitor_kill(void)
{
    if (!scene.monitor)
        return;
    kill(scene.monitor, SIGKILL);
    assert_int_equal(waitpid(scene.monitor, NULL, 0), scene.monitor);
    scene.monitor = 0;
    close(scene.order);
    close(scene.answer);
}

/* -- the scene ----------------------------------------------------------------
 */

int __real_clock_gettime(clockid_t clock, struct timespec *ts_r);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts_r);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts_r)
{
    int r = __real_clock_gettime(clock, ts_r);

    scene.ticked_s += scene.tick_s;
    ts_r->tv_sec += scene.ticked_s;
    return r;
}

int __wrap_hx_pod_reconcile_one(struct hx_host *host, const char *uuid,
                                const struct hx_reconcile_options *options,
                                struct hx_err *err);
int __wrap_hx_pod_reconcile_one(struct hx_host *host, const char *uuid,
                                const struct hx_reconcile_options *options,
                                struct hx_err *err)
{
    (void)host;
    (void)options;
    assert_string_equal(uuid, xen.dir.uuid);
    scene.reconciled++;
    if (scene.reconcile && scene.reconcile() < 0)
        return hx_err_set(err, HX_ERR_XEN, "reconciling: no");
    return 0;
}

static int setup(void **state)
{
    memset(&scene, 0, sizeof(scene));
    xen_fixture_setup(state);
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ALIVE);
    scene.pod = xen_fixture_recorded();
    return 0;
}

static int teardown(void **state)
{
    monitor_kill();
    hx_pod_release(&scene.pod);
    return xen_fixture_teardown(state);
}

/* Gives the monitor orders after a while, from another thread. */
static void *give_orders(void *orders)
{
    usleep(30000);
    for (const char *p = orders; *p; p++) {
        char done;

        if (*p == '.')
            usleep(50000);
        else if (*p == 'K')
            kill(scene.monitor, SIGKILL);
        else if (write(scene.order, p, 1) != 1 ||
                 read(scene.answer, &done, 1) != 1)
            abort();
    }
    return NULL;
}

static int wait_with(const char *orders, struct hx_err *err)
{
    pthread_t thread;
    int r;

    assert_int_equal(pthread_create(&thread, NULL, give_orders, (void *)orders),
                     0);
    r = hx_pod_wait(xen.host, &scene.pod, 10000, err);
    pthread_join(thread, NULL);
    return r;
}

static void has_ended(int exit_code)
{
    assert_int_equal(scene.pod.state, HX_POD_EXITED);
    assert_int_equal(scene.pod.end, HX_END_EXIT);
    assert_int_equal(scene.pod.exit_code, exit_code);
}

/* -- waiting ------------------------------------------------------------------
 */

static void the_recorded_end_wakes(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    monitor_start();
    assert_int_equal(wait_with("rK", &err), 0);
    has_ended(7);
    assert_int_equal(scene.reconciled, 0);
}

static void an_end_that_was_recorded_is_seen_at_once(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    record_end(true);
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 0, &err), 0);
    has_ended(7);
    assert_string_equal(scene.pod.spec.name, "web");
}

static void time_is_limited(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    monitor_start();
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 20, &err),
                     -HX_ERR_STATE);
    assert_int_equal(scene.pod.state, HX_POD_RUNNING);
    assert_string_equal(scene.pod.spec.name, "web");
}

static void nothing(int signum)
{
    (void)signum;
}

static void *interrupt(void *thread)
{
    usleep(50000);
    pthread_kill(*(pthread_t *)thread, SIGUSR1);
    return NULL;
}

static void a_signal_interrupts(void **state)
{
    struct sigaction action = { .sa_handler = nothing };
    pthread_t self = pthread_self(), thread;
    struct hx_err err = { 0 };

    (void)state;
    sigaction(SIGUSR1, &action, NULL);
    monitor_start();
    assert_int_equal(pthread_create(&thread, NULL, interrupt, &self), 0);
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err),
                     -HX_ERR_INTERRUPTED);
    pthread_join(thread, NULL);
}

static int restart_monitor(void)
{
    monitor_kill();
    monitor_start();
    return write(scene.order, "r", 1) == 1 ? 0 : -1;
}

static void a_dead_monitor_is_replaced(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    monitor_start();
    scene.reconcile = restart_monitor;
    assert_int_equal(wait_with("K", &err), 0);
    has_ended(7);
    assert_int_equal(scene.reconciled, 1);
}

static void one_that_dies_again_and_again_is_told(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err),
                     -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "again and again"));
    assert_true(scene.reconciled < 10);
}

static int end_at_last(void)
{
    if (scene.reconciled == 12)
        record_end(true);
    return 0;
}

static void one_that_dies_now_and_then_is_replaced(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    scene.reconcile = end_at_last;
    scene.tick_s = 20;
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, -1, &err), 0);
    has_ended(7);
}

static int refuse(void)
{
    return -1;
}

static void what_keeps_it_from_a_monitor_is_told(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    scene.reconcile = refuse;
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err),
                     -HX_ERR_XEN);
}

static void an_end_that_cannot_be_reaped_is_an_end(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    monitor_start();
    scene.reconcile = refuse;
    assert_int_equal(wait_with("eK", &err), 0);
    has_ended(7);
    assert_false(scene.pod.reaped);
}

static void the_writer_of_the_log_is_waited_for(void **state)
{
    struct hx_err err = { 0 };
    struct pollfd pfd;
    pthread_t thread;

    (void)state;
    monitor_start();
    pfd = (struct pollfd){ .fd = hx_monitor_watch(&xen.dir) };
    assert_true(pfd.fd >= 0);
    assert_int_equal(pthread_create(&thread, NULL, give_orders, "r......K"), 0);
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err), 0);
    assert_int_equal(poll(&pfd, 1, 0), 1);
    assert_true(pfd.revents & POLLHUP);
    pthread_join(thread, NULL);
    close(pfd.fd);
}

static void *destroy(void *arg)
{
    (void)arg;
    usleep(30000);
    hx_pod_dir_lock(&xen.dir, 1000, NULL);
    hx_pod_dir_remove(&xen.fixture->dirs, &xen.dir, NULL);
    return NULL;
}

static void a_pod_removed_meanwhile_was_killed(void **state)
{
    struct hx_err err = { 0 };
    pthread_t thread;

    (void)state;
    monitor_start();
    assert_int_equal(pthread_create(&thread, NULL, destroy, NULL), 0);
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err), 0);
    pthread_join(thread, NULL);
    assert_int_equal(scene.pod.state, HX_POD_EXITED);
    assert_int_equal(scene.pod.end, HX_END_KILLED);
    assert_int_equal(scene.pod.exit_code, 137);

    /* The same for who comes too late. */
    scene.pod.state = HX_POD_RUNNING;
    scene.pod.end = HX_END_NONE;
    assert_int_equal(hx_pod_wait(xen.host, &scene.pod, 10000, &err), 0);
    assert_int_equal(scene.pod.end, HX_END_KILLED);
}

/* -- seeing and starting ------------------------------------------------------
 */

static void a_living_monitor_is_seen(void **state)
{
    int watch;

    (void)state;
    assert_int_equal(hx_monitor_pid(&xen.dir), 0);
    assert_int_equal(hx_monitor_watch(&xen.dir), -1);
    monitor_start();
    assert_int_equal(hx_monitor_pid(&xen.dir), scene.monitor);
    watch = hx_monitor_watch(&xen.dir);
    assert_true(watch >= 0);
    assert_false(hx_monitor_await(watch, 10));
    monitor_kill();
    assert_true(hx_monitor_await(watch, 1000));
    assert_int_equal(hx_monitor_pid(&xen.dir), 0);
    assert_int_equal(hx_monitor_watch(&xen.dir), -1);
    close(watch);
}

static int spawn(const char *script, struct hx_err *err)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/monitor", xen.pkglib);
    if (script)
        assert_int_equal(
            hx_file_write_atomic(path, script, strlen(script), 0700, err), 0);
    scene.pod.domid = 31;
    return hx_pod_spawn_monitor(xen.host, &scene.pod, err);
}

static void it_has_nothing_of_ours(void **state)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    struct hx_err err = { 0 };
    char path[200], wanted[512], *at;
    int extra = open("/dev/null", O_RDONLY);

    (void)state;
    assert_int_equal(spawn("#!/bin/sh\n"
                           "echo args $*\n"
                           "pwd\n"
                           "cut -d ' ' -f 5,6 /proc/$$/stat\n"
                           "ls /proc/$$/fd\n"
                           "readlink /proc/$$/fd/0\n"
                           "echo $$\n"
                           "printf ok >&3\n",
                           &err),
                     0);
    close(extra);
    snprintf(path, sizeof(path), "%s/monitor.log", xen.dir.path);
    assert_int_equal(hx_file_read(path, 0, &text, &err), 0);
    snprintf(wanted, sizeof(wanted),
             "args --state-dir %s --run-dir %s --ready-fd 3 --domid 31 %s\n"
             "/\n",
             xen.fixture->lib, xen.fixture->run, scene.pod.uuid);
    assert_memory_equal(text.data, wanted, strlen(wanted));
    at = text.data + strlen(wanted);
    assert_int_not_equal(atoi(at), getpgrp());
    assert_int_not_equal(atoi(strchr(at, ' ')), getsid(0));
    /* 10 is the shell's own, of the script. */
    assert_non_null(strstr(at, "\n0\n1\n10\n2\n3\n/dev/null\n"));
}

/* Appended to, as large as it may be; else begun anew. */
static void its_log_has_a_bound(void **state)
{
    struct hx_err err = { 0 };
    char path[200], old[210];
    struct stat st;

    (void)state;
    snprintf(path, sizeof(path), "%s/monitor.log", xen.dir.path);
    snprintf(old, sizeof(old), "%s.1", path);
    assert_int_equal(hx_file_write_atomic(path, "", 0, 0600, &err), 0);
    assert_int_equal(truncate(path, HX_MONITOR_LOG_MAX_BYTES), 0);
    for (off_t more = 5; more <= 10; more += 5) {
        assert_int_equal(spawn("#!/bin/sh\necho four\nprintf ok >&3\n", &err),
                         0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size,
                         more == 5 ? HX_MONITOR_LOG_MAX_BYTES + 5 : 5);
        assert_int_equal(stat(old, &st), more == 5 ? -1 : 0);
    }
    assert_int_equal(st.st_size, HX_MONITOR_LOG_MAX_BYTES + 5);
}

static void why_it_does_not_start_is_told(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(spawn(NULL, &err), -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "No such file"));
    assert_int_equal(spawn("#!/bin/sh\nprintf 'no xenstored' >&3\n", &err),
                     -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "no xenstored"));
    assert_int_equal(spawn("#!/bin/sh\nkill -9 $$\n", &err), -HX_ERR_SYSTEM);
    assert_non_null(strstr(err.msg, "died"));
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(the_recorded_end_wakes),
        SCENE(an_end_that_was_recorded_is_seen_at_once),
        SCENE(time_is_limited),
        SCENE(a_signal_interrupts),
        SCENE(a_dead_monitor_is_replaced),
        SCENE(one_that_dies_again_and_again_is_told),
        SCENE(one_that_dies_now_and_then_is_replaced),
        SCENE(what_keeps_it_from_a_monitor_is_told),
        SCENE(an_end_that_cannot_be_reaped_is_an_end),
        SCENE(the_writer_of_the_log_is_waited_for),
        SCENE(a_pod_removed_meanwhile_was_killed),
        SCENE(a_living_monitor_is_seen),
        SCENE(it_has_nothing_of_ours),
        SCENE(its_log_has_a_bound),
        SCENE(why_it_does_not_start_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
