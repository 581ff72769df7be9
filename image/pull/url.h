/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What must be known of a URL before anything is sent to it.
 */
#ifndef HX_PULL_URL_H
#define HX_PULL_URL_H

#include "image/base/cleanup.h"
#include "image/base/err.h"

struct hx_url {
    char *text;      /* the whole, normalised, without a fragment */
    char *origin;    /* "https://host:port" */
    char *host;      /* "host", "127.0.0.1", "::1" */
    char *host_port; /* "host:5000"; without the scheme's own port */
    int plain;       /* http and not https */
    int loopback;    /* by its name: localhost, 127.0.0.0/8, ::1 */
};

/*
 * Parses `text`, relative to `base` when that is not NULL.  Only http and
 * https, and no user name or password in it: HX_ERR_REGISTRY.
 */
int hx_url_parse(const char *text, const char *base, struct hx_url *url_r,
                 struct hx_err *err);
void hx_url_release(struct hx_url *url);

/* Whether a host name is this machine's by its name alone. */
int hx_url_host_is_loopback(const char *host);

#define _cleanup_url_ _cleanup_(hx_url_release)

#endif
