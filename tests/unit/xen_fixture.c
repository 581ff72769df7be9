/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "tests/unit/xen_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/pod-monitor.h"
#include "domain-builder/resources.h"
#include "domain-builder/xen_domains.h"
#include "image/base/file.h"
#include "tests/unit/unit.h"

struct xen_fixture xen;

/* -- what is wrapped ---------------------------------------------------------
 */

int __wrap_hx_domains_get(struct hx_domains *domains_r, struct hx_err *err);
int __wrap_hx_domains_get(struct hx_domains *domains_r, struct hx_err *err)
{
    (void)err;
    if (xen.looks_until_ended && --xen.looks_until_ended == 0)
        xen.fate = HX_DOMAIN_ENDED;
    *domains_r = (struct hx_domains){ 0 };
    if (xen.fate == HX_DOMAIN_GONE)
        return 0;
    domains_r->list = calloc(1, sizeof(*domains_r->list));
    domains_r->count = 1;
    memcpy(domains_r->list[0].uuid, xen.uuid, sizeof(xen.uuid));
    domains_r->list[0].domid = XEN_DOMID;
    domains_r->list[0].fate = xen.fate;
    return 0;
}

struct xs_handle;
int __wrap_hx_xen_store(struct hx_host *host, struct xs_handle **xs_r,
                        struct hx_err *err);
int __wrap_hx_xen_store(struct hx_host *host, struct xs_handle **xs_r,
                        struct hx_err *err)
{
    (void)host;
    (void)err;
    *xs_r = NULL;
    return 0;
}

void __wrap_hx_xen_report_read(struct xs_handle *xs, uint32_t domid,
                               size_t containers,
                               struct hx_guest_report *report);
void __wrap_hx_xen_report_read(struct xs_handle *xs, uint32_t domid,
                               size_t containers,
                               struct hx_guest_report *report)
{
    (void)xs;
    assert_int_equal(domid, XEN_DOMID);
    assert_int_equal(containers, 1);
    if (xen.exit_code)
        assert_true(hx_guest_report_take(report, "exit/0", xen.exit_code,
                                         strlen(xen.exit_code)));
}

int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err);
int __wrap_hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                       struct hx_err *err)
{
    (void)host;
    assert_string_equal(uuid, xen.uuid);
    if (xen.undo_fails)
        return hx_err_set(err, HX_ERR_XEN, "destroying: no");
    xen.undone++;
    xen.undone_scratch = scratch;
    xen.fate = HX_DOMAIN_GONE;
    return 0;
}

int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err);
int __wrap_hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                          struct hx_err *err)
{
    (void)host;
    (void)pod;
    (void)err;
    return 0;
}

int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err);
int __wrap_hx_pod_spawn_monitor(struct hx_host *host, const struct hx_pod *pod,
                                struct hx_err *err)
{
    (void)host;
    assert_int_equal(pod->domid, XEN_DOMID);
    xen.spawned++;
    if (xen.spawn_fails)
        return hx_err_set(err, HX_ERR_SYSTEM, "monitor: no");
    if (xen.fate == HX_DOMAIN_ALIVE)
        xen.monitor = 99;
    else if (xen.monitor_does)
        xen.monitor_does();
    return 0;
}

pid_t __wrap_hx_monitor_pid(const struct hx_pod_dir *dir);
pid_t __wrap_hx_monitor_pid(const struct hx_pod_dir *dir)
{
    (void)dir;
    return xen.monitor;
}

/* -- the scene ---------------------------------------------------------------
 */

int xen_fixture_setup(void **state)
{
    struct hx_host_options options = { .pkglib_dir = xen.pkglib };
    struct hx_err err;

    (void)state;
    memset(&xen, 0, sizeof(xen));
    pod_fixture_setup((void **)&xen.fixture);
    sprintf(xen.pkglib, "%s/pkglib", xen.fixture->root);
    assert_int_equal(hx_mkdir_p(xen.pkglib, 0700, &err), 0);
    options.state_dir = xen.fixture->lib;
    options.run_dir = xen.fixture->run;
    assert_int_equal(hx_host_open(&options, &xen.host, &err), 0);
    return 0;
}

int xen_fixture_teardown(void **state)
{
    (void)state;
    hx_host_close(xen.host);
    hx_pod_dir_release(&xen.dir);
    pod_fixture_teardown((void **)&xen.fixture);
    return 0;
}

void xen_fixture_make(enum hx_pod_state state, enum hx_domain_fate fate)
{
    pod_fixture_make(xen.fixture, "web", state, &xen.dir);
    memcpy(xen.uuid, xen.dir.uuid, sizeof(xen.uuid));
    xen.fate = fate;
}

struct hx_pod xen_fixture_recorded(void)
{
    struct hx_err err = { 0 };
    struct hx_pod pod;

    assert_int_equal(hx_pod_dir_load(&xen.dir, &pod, &err), 0);
    return pod;
}
