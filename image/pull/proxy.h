/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Which proxy is asked, as dockerd decides it: what "proxies" in daemon.json
 * says counts before the environment, each key for itself, and a variable in
 * capitals before the one in small letters.
 *
 *     "http-proxy"   HTTP_PROXY, http_proxy     for http
 *     "https-proxy"  HTTPS_PROXY, https_proxy   for https
 *     "no-proxy"     NO_PROXY, no_proxy         what is asked directly
 *
 * all_proxy is libcurl's, for what the others leave open.  This machine is
 * never asked through a proxy.
 */
#ifndef HX_PULL_PROXY_H
#define HX_PULL_PROXY_H

#include "image/base/err.h"
#include "image/base/json.h"
#include "image/pull/url.h"

struct hx_proxies {
    char *http, *https; /* URLs, or NULL, as the next one */
    char *none;         /* hosts, domains and address blocks, with commas */
};

/* What daemon.json's document says; HX_ERR_CORRUPT.  A proxy's URL may hold a
 * password, and is in no error. */
int hx_proxies_parse(const json_t *doc, const char *what,
                     struct hx_proxies *proxies_r, struct hx_err *err);
void hx_proxies_release(struct hx_proxies *proxies);

/* Sets this process's environment, which libcurl reads; not while threads
 * run. */
int hx_proxies_use(const struct hx_proxies *proxies, struct hx_err *err);

/* Whether the environment has a proxy for that URL: then the peer is the
 * proxy, and the proxy's rules hold. */
int hx_proxy_is_used(const struct hx_url *url);

#endif
