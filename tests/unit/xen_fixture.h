/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A pretended Xen below one pod, for the tests of what is done about pods: a
 * host with folders of its own, one domain at most, and a monitor that is none.
 * A test names in its "wrap:" what shall not be the real one of
 *
 *     hx_domains_get hx_xen_store hx_xen_report_read hx_pod_undo
 *     hx_pod_unpause hx_pod_spawn_monitor hx_monitor_pid
 */
#ifndef HX_TESTS_XEN_FIXTURE_H
#define HX_TESTS_XEN_FIXTURE_H

#include <sys/types.h>

#include "domain-builder/host.h"
#include "domain-builder/pod-reconcile.h"
#include "tests/unit/pod_fixture.h"

#define XEN_DOMID 5

struct xen_fixture {
    struct pod_fixture *fixture;
    struct hx_host *host;
    char
        pkglib[80]; /* an empty folder in the place of the installed programs */
    struct hx_pod_dir dir; /* xen_fixture_make()'s */
    char uuid[HX_POD_UUID_TEXT];

    enum hx_domain_fate fate; /* of the domain XEN_DOMID of `uuid` */
    int looks_until_ended;    /* counts down; 0: it does not end */
    const char *exit_code;    /* what the guest reported; NULL: nothing */
    bool undo_fails, spawn_fails;
    int undone, spawned;        /* how often */
    bool undone_scratch;        /* the last time, with what it had written */
    pid_t monitor;              /* 0: there is none */
    void (*monitor_does)(void); /* when started for an ended domain */
};

extern struct xen_fixture xen;

/* For cmocka's setup and teardown; *state is left alone. */
int xen_fixture_setup(void **state);
int xen_fixture_teardown(void **state);

/* Makes the folder of a pod "web". */
void xen_fixture_make(enum hx_pod_state state, enum hx_domain_fate fate);

/* What its folder says; for hx_pod_release(). */
struct hx_pod xen_fixture_recorded(void);

#endif
