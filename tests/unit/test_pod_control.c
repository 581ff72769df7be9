/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* wrap: hx_domains_get hx_pod_undo hx_pod_unpause hx_pod_wait hx_xen_store */
/* wrap: hx_xen_report_read hx_xen_request hx_pod_reconcile clock_gettime */
/*
 * Stopping and destroying, with a pretended Xen below: when a domain is
 * destroyed, and what is recorded then.
 */
#include "domain-builder/pod.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/pod-reconcile.h"
#include "domain-builder/xen_request.h"
#include "tests/unit/unit.h"
#include "tests/unit/xen_fixture.h"

static struct scene {
    struct hx_pod pod;
    int wait_result, request_result;
    bool wait_takes_its_time;
    int skipped_s; /* of the clock */
    int reconciled, requests;
    const char *verb; /* NULL: "stop" */
} scene;

int __real_clock_gettime(clockid_t clock, struct timespec *ts_r);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts_r);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts_r)
{
    int r = __real_clock_gettime(clock, ts_r);

    ts_r->tv_sec += scene.skipped_s;
    return r;
}

int __wrap_hx_pod_wait(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                       struct hx_err *err);
int __wrap_hx_pod_wait(struct hx_host *host, struct hx_pod *pod, int timeout_ms,
                       struct hx_err *err)
{
    (void)host;
    (void)pod;
    if (scene.wait_takes_its_time)
        scene.skipped_s += timeout_ms / 1000;
    return scene.wait_result
               ? hx_err_set(err, (enum hx_err_code)scene.wait_result, "no")
               : 0;
}

int __wrap_hx_xen_request(struct hx_host *host, uint32_t domid,
                          const char *uuid, const char *verb, unsigned argument,
                          int timeout_ms, struct hx_err *err);
int __wrap_hx_xen_request(struct hx_host *host, uint32_t domid,
                          const char *uuid, const char *verb, unsigned argument,
                          int timeout_ms, struct hx_err *err)
{
    (void)host;
    (void)argument;
    (void)timeout_ms;
    assert_int_equal(domid, XEN_DOMID);
    assert_string_equal(uuid, xen.dir.uuid);
    assert_string_equal(verb, scene.verb ? scene.verb : "stop");
    scene.requests++;
    return scene.request_result
               ? hx_err_set(err, (enum hx_err_code)scene.request_result, "no")
               : 0;
}

int __wrap_hx_pod_reconcile(struct hx_host *host, const char *uuid,
                            struct hx_err *err);
int __wrap_hx_pod_reconcile(struct hx_host *host, const char *uuid,
                            struct hx_err *err)
{
    (void)host;
    (void)err;
    assert_string_equal(uuid, xen.dir.uuid);
    scene.reconciled++;
    return 0;
}

static int setup(void **state)
{
    memset(&scene, 0, sizeof(scene));
    xen_fixture_setup(state);
    xen_fixture_make(HX_POD_RUNNING, HX_DOMAIN_ALIVE);
    xen.exit_code = "3";
    scene.pod = xen_fixture_recorded();
    return 0;
}

static int teardown(void **state)
{
    hx_pod_release(&scene.pod);
    return xen_fixture_teardown(state);
}

static void recorded(enum hx_pod_end end, int exit_code)
{
    struct hx_pod pod = xen_fixture_recorded();

    assert_int_equal(pod.end, end);
    assert_int_equal(pod.exit_code, exit_code);
    hx_pod_release(&pod);
}

static int stop(int timeout_ms)
{
    struct hx_err err = { 0 };

    return hx_pod_stop(xen.host, &scene.pod, timeout_ms, &err);
}

/* -- stopping -----------------------------------------------------------------
 */

static void one_that_ends_is_not_destroyed(void **state)
{
    (void)state;
    assert_int_equal(stop(0), 0);
    assert_int_equal(scene.requests, 1);
    assert_int_equal(xen.undone, 0);
}

static void one_that_does_not_is_destroyed_when_its_time_is_up(void **state)
{
    (void)state;
    scene.wait_result = HX_ERR_STATE;
    scene.wait_takes_its_time = true;
    assert_int_equal(stop(0), 0);
    assert_int_equal(xen.undone, 1);
    recorded(HX_END_KILLED, 137);
}

/* Of any kind, "another command is at work" included. */
static void who_cannot_wait_looks_until_it_has_ended(void **state)
{
    static const enum hx_err_code why[] = { HX_ERR_SYSTEM, HX_ERR_STATE };

    (void)state;
    for (int i = 0; i < 2; i++) {
        xen.fate = HX_DOMAIN_ALIVE;
        scene.wait_result = (int)why[i];
        xen.looks_until_ended = 4;
        scene.reconciled = 0;
        assert_int_equal(stop(10000), 0);
        assert_int_equal(xen.undone, 0);
        assert_int_equal(scene.reconciled, 1);
    }
}

static void one_that_cannot_be_asked_is_left_alone(void **state)
{
    (void)state;
    scene.request_result = HX_ERR_NO_XEN;
    assert_int_equal(stop(0), -HX_ERR_NO_XEN);
    assert_int_equal(xen.undone, 0);
    recorded(HX_END_NONE, -1);
}

static void one_that_is_gone_meanwhile_is_waited_for(void **state)
{
    (void)state;
    scene.request_result = HX_ERR_STATE;
    assert_int_equal(stop(0), 0);
    assert_int_equal(xen.undone, 0);
}

/* -- destroying ---------------------------------------------------------------
 */

static void its_own_end_is_kept(void **state)
{
    (void)state;
    /* Ends between the last look and the force. */
    scene.wait_result = HX_ERR_STATE;
    scene.wait_takes_its_time = true;
    xen.looks_until_ended = 2;
    assert_int_equal(stop(0), 0);
    assert_int_equal(xen.undone, 1);
    recorded(HX_END_EXIT, 3);
}

static void a_running_one_is_destroyed_by_force_only(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(hx_pod_destroy(xen.host, &scene.pod, false, &err),
                     -HX_ERR_STATE);
    assert_int_equal(xen.undone, 0);
    assert_int_equal(hx_pod_destroy(xen.host, &scene.pod, true, &err), 0);
    assert_int_equal(xen.undone, 1);
    assert_int_equal(access(xen.dir.path, F_OK), -1);
}

/* -- restart policies ---------------------------------------------------------
 */

static enum hx_pod_stopper stopper(void)
{
    struct hx_pod pod = xen_fixture_recorded();
    enum hx_pod_stopper who = pod.stopper;

    hx_pod_release(&pod);
    return who;
}

static int send(int signum)
{
    struct hx_err err = { 0 };

    scene.verb = "kill";
    return hx_pod_kill(xen.host, &scene.pod, signum, &err);
}

static void who_has_stopped_it_is_recorded(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    assert_int_equal(stop(0), 0);
    assert_int_equal(stopper(), HX_STOPPER_USER);
    assert_int_equal(hx_pod_stop_for_host(xen.host, &scene.pod, 0, &err), 0);
    assert_int_equal(stopper(), HX_STOPPER_HOST);
}

static void one_that_runs_on_was_not_stopped(void **state)
{
    (void)state;
    scene.request_result = HX_ERR_NO_XEN;
    assert_int_equal(stop(0), -HX_ERR_NO_XEN);
    assert_int_equal(stopper(), HX_STOPPER_NONE);
    assert_int_equal(send(9), -HX_ERR_NO_XEN);
    assert_int_equal(stopper(), HX_STOPPER_NONE);
}

static void a_signal_that_ends_it_is_a_stop(void **state)
{
    (void)state;
    assert_int_equal(send(1), 0);
    assert_int_equal(stopper(), HX_STOPPER_NONE);
    assert_int_equal(send(15), 0); /* its stop signal */
    assert_int_equal(stopper(), HX_STOPPER_USER);
    assert_int_equal(scene.requests, 2);
}

/* It has ended, and its policy is about to start it. */
static void make_restarting(void)
{
    struct hx_pod pod = xen_fixture_recorded();

    pod.state = HX_POD_EXITED;
    pod.reaped = true;
    pod.end = HX_END_EXIT;
    pod.exit_code = 3;
    pod.restart_at_ms = 5;
    assert_int_equal(hx_pod_dir_lock(&xen.dir, 0, NULL), 0);
    assert_int_equal(hx_pod_dir_save(&xen.dir, &pod, NULL), 0);
    hx_pod_dir_unlock(&xen.dir);
    hx_pod_release(&scene.pod);
    scene.pod = pod;
}

static void one_about_to_start_again_is_kept_from_it(void **state)
{
    struct hx_pod pod;

    (void)state;
    for (int i = 0; i < 2; i++) {
        make_restarting();
        assert_int_equal(i ? send(9) : stop(0), 0);
        assert_int_equal(scene.requests, 0);
        pod = xen_fixture_recorded();
        assert_false(hx_pod_restarting(&pod));
        assert_int_equal(pod.stopper, HX_STOPPER_USER);
        hx_pod_release(&pod);
        recorded(HX_END_EXIT, 3);
    }
}

static void and_is_removed_by_force_only(void **state)
{
    struct hx_err err = { 0 };

    (void)state;
    make_restarting();
    assert_int_equal(hx_pod_destroy(xen.host, &scene.pod, false, &err),
                     -HX_ERR_STATE);
    assert_int_equal(hx_pod_destroy(xen.host, &scene.pod, true, &err), 0);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE(one_that_ends_is_not_destroyed),
        SCENE(one_that_does_not_is_destroyed_when_its_time_is_up),
        SCENE(who_cannot_wait_looks_until_it_has_ended),
        SCENE(one_that_cannot_be_asked_is_left_alone),
        SCENE(one_that_is_gone_meanwhile_is_waited_for),
        SCENE(its_own_end_is_kept),
        SCENE(a_running_one_is_destroyed_by_force_only),
        SCENE(who_has_stopped_it_is_recorded),
        SCENE(one_that_runs_on_was_not_stopped),
        SCENE(a_signal_that_ends_it_is_a_stop),
        SCENE(one_about_to_start_again_is_kept_from_it),
        SCENE(and_is_removed_by_force_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
