/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a registry is asked, and how: its mirrors first when it is docker.io,
 * then itself; with TLS but where that is not asked for:
 *
 *     a folder certs.d/HOST:PORT exists     https, with what is in it
 *     HOST is in insecure-registries        https unverified, then http
 *     HOST is this machine (127.0.0.0/8)    http, then https
 *     any other                             https with the system's CAs
 *
 * certs.d is looked for in /etc/hyper, then in /etc/docker; of its files
 * *.crt are CAs, and NAME.cert with NAME.key is the client's certificate.
 */
#ifndef HX_PULL_ENDPOINT_H
#define HX_PULL_ENDPOINT_H

#include <stddef.h>

#include "image/base/err.h"
#include "image/pull/daemon-config.h"
#include "image/pull/http.h"
#include "image/pull/url.h"

struct hx_endpoint {
    struct hx_url url; /* without a path */
    struct hx_http_tls tls;
    char *registry; /* whose credentials are sent: "docker.io", "host:port" */
    int is_mirror;
    int is_other_scheme; /* to be tried when the one before it gives no
                            contact, and only then */
};

struct hx_endpoints {
    struct hx_endpoint *list;
    size_t count;
};

/* All for a reference's domain, in the order in which they are tried. */
int hx_endpoints_make(const char *domain, const struct hx_daemon_config *config,
                      struct hx_endpoints *endpoints_r, struct hx_err *err);
void hx_endpoints_release(struct hx_endpoints *endpoints);

/* What certs.d has for a host; *tls_r verifies by the system's CAs when there
 * is nothing.  1 when there is a folder. */
int hx_endpoint_tls(const char *host_port, struct hx_http_tls *tls_r,
                    struct hx_err *err);

#define _cleanup_endpoints_ _cleanup_(hx_endpoints_release)

#endif
