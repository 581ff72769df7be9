/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The host a command works on: its hypervisor and our folders.
 *
 *     struct hx_host *host = NULL;
 *     r = hx_host_open(NULL, &host, err);
 *     ... hx_pod_list(host, ...) ...
 *     hx_host_close(host);
 *
 * Opening costs nothing and needs neither Xen nor privilege: the connections
 * to libxl and to xenstored are made by the first function that needs them,
 * and it then reports HX_ERR_NO_XEN or HX_ERR_PRIVILEGE.
 */
#ifndef HX_HOST_H
#define HX_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "image/base/err.h"

#define HX_STATE_DIR_DEFAULT "/var/lib/hyper"
#define HX_RUN_DIR_DEFAULT   "/run/hyper"

struct hx_host;

/* Each may be NULL for its default; tests and labs set them. */
struct hx_host_options {
    const char *state_dir;   /* survives a reboot */
    const char *run_dir;     /* tmpfs */
    const char *pkglib_dir;  /* vmlinux, initrd.cpio, hotplug, monitor */
    const char *daemon_json; /* /etc/hyper/daemon.json */
};

/* `options` may be NULL.  *host_r is the caller's, to close. */
int hx_host_open(const struct hx_host_options *options, struct hx_host **host_r,
                 struct hx_err *err);
/* Takes NULL. */
void hx_host_close(struct hx_host *host);

/* Borrowed, as long as the host is open; without a slash at the end. */
const char *hx_host_state_dir(const struct hx_host *host);
const char *hx_host_run_dir(const struct hx_host *host);
const char *hx_host_pkglib_dir(const struct hx_host *host);
const char *hx_host_daemon_json(const struct hx_host *host);

/* What `hyper-info` shows, and what type "auto" is decided from. */
struct hx_host_info {
    char xen_version[64]; /* "4.17.4-pre" */
    bool can_pv;
    bool can_pvh; /* hardware virtualisation with nested paging */
    uint64_t total_mem_kib;
    uint64_t free_mem_kib;
    unsigned cpus;
};

int hx_host_get_info(struct hx_host *host, struct hx_host_info *info_r,
                     struct hx_err *err);

/* The version of the contract with the guests (pv-init/guest-abi.h), of which
 * the commands know nothing else. */
int hx_host_guest_abi(void);

#endif
