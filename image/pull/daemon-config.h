/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * /etc/hyper/daemon.json: docker's keys that concern registries.
 *
 *     {"registry-mirrors": ["http://127.0.0.1:5000"],
 *      "insecure-registries": ["registry.lan:5000", "10.0.0.0/8"],
 *      "max-concurrent-downloads": 3,
 *      "proxies": {"https-proxy": "http://proxy.lan:3128"}}
 *
 * Other keys belong to other parts and are ignored here.
 */
#ifndef HX_PULL_DAEMON_CONFIG_H
#define HX_PULL_DAEMON_CONFIG_H

#include <stddef.h>

#include "image/base/cleanup.h"
#include "image/base/err.h"
#include "image/pull/proxy.h"

#define HX_DOWNLOADS_DEFAULT 3
#define HX_DOWNLOADS_MAX     16 /* more cost memory, and bring nothing */

struct hx_daemon_config {
    char **mirrors;     /* URLs without a path: "https://mirror.example.com" */
    char **insecure;    /* "host", "host:port" or an address block */
    unsigned downloads; /* of layers at once, 1 to HX_DOWNLOADS_MAX */
    struct hx_proxies proxies;
};

/*
 * A missing file is an empty one; a wrong one is HX_ERR_USAGE.  From then on
 * this process's requests go through the proxies that it names (proxy.h).
 */
int hx_daemon_config_load(struct hx_daemon_config *config_r,
                          struct hx_err *err);
int hx_daemon_config_parse(const char *data, size_t len, const char *what,
                           struct hx_daemon_config *config_r,
                           struct hx_err *err);
void hx_daemon_config_release(struct hx_daemon_config *config);

/* Whether "host[:port]" is listed as insecure, by name or by address. */
int hx_daemon_config_is_insecure(const struct hx_daemon_config *config,
                                 const char *host_port, const char *host);

#define _cleanup_daemon_config_ _cleanup_(hx_daemon_config_release)

#endif
