/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "image/base/strv.h"

#define HUB      "docker.io"
#define HUB_HOST "registry-1.docker.io"

/* What is known of a host before it is asked. */
struct host {
    const char *name; /* "host[:port]" */
    const char *registry;
    int is_mirror;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
}

static void release(struct hx_endpoint *endpoint)
{
    hx_url_release(&endpoint->url);
    hx_http_tls_release(&endpoint->tls);
    free(hx_steal_ptr(&endpoint->registry));
}

void hx_endpoints_release(struct hx_endpoints *endpoints)
{
    if (!endpoints)
        return;
    for (size_t i = 0; i < endpoints->count; i++)
        release(&endpoints->list[i]);
    free(endpoints->list);
    *endpoints = (struct hx_endpoints){ 0 };
}

static int fill(struct hx_endpoint *endpoint, const struct host *host,
                const char *scheme, struct hx_err *err)
{
    _cleanup_free_ char *text = NULL;
    int rc;

    if (asprintf(&text, "%s://%s", scheme, host->name) < 0) {
        text = NULL;
        return no_memory(err);
    }
    rc = hx_url_parse(text, NULL, &endpoint->url, err);
    if (rc == 0)
        rc = hx_endpoint_tls(endpoint->url.host_port, &endpoint->tls, err);
    if (rc < 0)
        return rc;
    endpoint->registry = strdup(host->registry);
    return endpoint->registry ? 0 : no_memory(err);
}

/* Adds "scheme://host", with what certs.d has for it. */
static int add(struct hx_endpoints *all, const struct host *host,
               const char *scheme, int verify, int is_other_scheme,
               struct hx_err *err)
{
    struct hx_endpoint *more =
        realloc(all->list, (all->count + 1) * sizeof(*more));
    struct hx_endpoint *endpoint;
    int rc;

    if (!more)
        return no_memory(err);
    all->list = more;
    endpoint = &more[all->count];
    *endpoint = (struct hx_endpoint){ .is_mirror = host->is_mirror,
                                      .is_other_scheme = is_other_scheme };
    rc = fill(endpoint, host, scheme, err);
    if (rc < 0) {
        release(endpoint);
        return rc;
    }
    endpoint->tls.verify = verify;
    all->count++;
    return 0;
}

/* 1 when certs.d has a folder for the host: then TLS with it, and nothing
 * else, whatever insecure-registries says. */
static int has_certs(const struct hx_url *url, struct hx_err *err)
{
    _cleanup_(hx_http_tls_release) struct hx_http_tls tls = { 0 };

    return hx_endpoint_tls(url->host_port, &tls, err);
}

static int add_registry(struct hx_endpoints *all, const struct host *host,
                        const struct hx_daemon_config *config,
                        struct hx_err *err)
{
    _cleanup_url_ struct hx_url url = { 0 };
    _cleanup_free_ char *text = NULL;
    int rc;

    if (asprintf(&text, "https://%s", host->name) < 0) {
        text = NULL;
        return no_memory(err);
    }
    rc = hx_url_parse(text, NULL, &url, err);
    if (rc < 0)
        return rc;
    rc = has_certs(&url, err);
    if (rc != 0)
        return rc < 0 ? rc : add(all, host, "https", 1, 0, err);
    if (hx_daemon_config_is_insecure(config, url.host_port, url.host)) {
        rc = add(all, host, "https", 0, 0, err);
        return rc < 0 ? rc : add(all, host, "http", 0, 1, err);
    }
    if (url.loopback) {
        rc = add(all, host, "http", 0, 0, err);
        return rc < 0 ? rc : add(all, host, "https", 1, 1, err);
    }
    return add(all, host, "https", 1, 0, err);
}

/* A mirror has its scheme in its URL. */
static int add_mirror(struct hx_endpoints *all, const char *mirror,
                      const struct hx_daemon_config *config, struct hx_err *err)
{
    _cleanup_url_ struct hx_url url = { 0 };
    struct host host = { .is_mirror = 1 };
    int rc = hx_url_parse(mirror, NULL, &url, err);

    if (rc == 0)
        rc = has_certs(&url, err);
    if (rc < 0)
        return rc;
    host.name = host.registry = url.host_port;
    return add(
        all, &host, url.plain ? "http" : "https",
        rc || !hx_daemon_config_is_insecure(config, url.host_port, url.host), 0,
        err);
}

int hx_endpoints_make(const char *domain, const struct hx_daemon_config *config,
                      struct hx_endpoints *endpoints_r, struct hx_err *err)
{
    _cleanup_endpoints_ struct hx_endpoints all = { 0 };
    int is_hub = strcmp(domain, HUB) == 0;
    struct host host = { .name = is_hub ? HUB_HOST : domain,
                         .registry = domain };
    int rc = 0;

    /* Mirrors are docker.io's alone, as docker has it. */
    for (size_t i = 0;
         is_hub && rc == 0 && config->mirrors && config->mirrors[i]; i++)
        rc = add_mirror(&all, config->mirrors[i], config, err);
    if (rc == 0)
        rc = add_registry(&all, &host, config, err);
    if (rc < 0)
        return rc;
    *endpoints_r = all;
    all = (struct hx_endpoints){ 0 };
    return 0;
}
