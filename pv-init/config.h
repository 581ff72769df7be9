/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pod's configuration: guest-abi.h's JSON as a struct.  Pure.
 *
 *     struct hx_init_config config = { 0 };
 *     r = hx_init_config_parse(data, len, &config, &err);
 *     ...
 *     hx_init_config_release(&config);
 *
 * dom0 wrote it, but what it carries comes from images and command lines:
 * each field is checked here, once, so that the rest of pv-init may put a
 * name into a path or a file without asking again.  All strings are borrowed
 * from the parsed document, which the struct owns.
 */
#ifndef HX_INIT_CONFIG_H
#define HX_INIT_CONFIG_H

#include <jansson.h>
#include <stdbool.h>

#include "pv-init/address.h"
#include "pv-init/base.h"
#include "pv-init/confine.h"
#include "pv-init/guest-abi.h"

#define HX_INIT_INTERFACES_MAX 16

/* A disk: a kernel name as "xvda", and a filesystem's. */
struct hx_init_disk {
    const char *device; /* [a-z0-9]{1,31}; NULL: no such disk */
    const char *fstype; /* [a-z0-9]{1,15} */
};

struct hx_init_route {
    struct hx_init_prefix to; /* masked */
    struct hx_init_prefix via;
    bool has_via; /* else the target is on the link */
};

struct hx_init_interface {
    const char *name; /* at most 15 characters */
    uint8_t mac[6];
    unsigned mtu; /* 68..65535; 1280 or more with an IPv6 address */
    struct hx_init_prefix *addresses;
    size_t address_count;
    struct hx_init_route *routes;
    size_t route_count;
};

struct hx_init_host {
    const char *address; /* a valid address */
    const char **names;  /* at least one; ends in NULL */
};

enum hx_init_writable {
    HX_INIT_WRITABLE_DISK,
    HX_INIT_WRITABLE_TMPFS,
    HX_INIT_WRITABLE_NONE
};

/* How its health is looked at (health.h). */
struct hx_init_health_config {
    const char **args;                /* ends in NULL; NULL: it is not */
    uint32_t interval_ms, timeout_ms; /* at least 1 */
    uint32_t start_period_ms;
    unsigned retries; /* at least 1 */
};

struct hx_init_container_config {
    const char *name;
    struct hx_init_disk root;
    enum hx_init_writable writable;
    const char **args; /* at least one; ends in NULL, as env does */
    const char **env;
    const char *user;
    const char *cwd; /* absolute */
    int stop_signal; /* 1..64 */
    uint32_t stop_timeout_ms;
    bool tty;
    bool has_stdin; /* "stdin" */
    struct hx_init_confine confine;
    struct hx_init_health_config health;
};

struct hx_init_config {
    unsigned char seed[HX_ABI_SEED_BYTES]; /* to be wiped once used */
    bool has_seed;
    const char *hostname;
    const char **dns_servers; /* lists end in NULL */
    const char **dns_search;
    const char **dns_options;
    struct hx_init_host *hosts;
    size_t host_count;
    struct hx_init_interface *interfaces;
    size_t interface_count;
    struct hx_init_disk scratch;
    struct hx_init_container_config *containers;
    size_t container_count;
    json_t *doc; /* owns every string above */
};

/* *out is zeroed first, and to be released in any case. */
int hx_init_config_parse(const char *data, size_t len,
                         struct hx_init_config *out, struct hx_init_err *err);

/* Takes NULL and zeroed ones. */
void hx_init_config_release(struct hx_init_config *config);

#endif
