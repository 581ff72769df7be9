/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/netconf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "domain-builder/netdev.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"
#include "image/base/json.h"

#define CONF_MAX_BYTES   (1u << 20)
#define RESOLV_MAX_BYTES (64u << 10)
#define SERVERS_MAX      8
#define MTU_MIN          68    /* RFC 791 */
#define MTU_MAX          65521 /* what netback takes */

static const struct hx_ipv4_net bip_default = { 0xac1e0001, 16 };

static int bad_value(struct hx_err *err, const char *path, const char *key,
                     const char *value, const char *wanted)
{
    return hx_err_set(err, HX_ERR_USAGE, "%s: \"%s\" is '%s'; it must be %s",
                      path, key, value, wanted);
}

static int read_net(const json_t *doc, const char *path, const char *key,
                    bool *given_r, struct hx_ipv4_net *net_r,
                    struct hx_err *err)
{
    const char *text = NULL;
    int r = hx_json_str(doc, key, path, HX_JSON_OPTIONAL, &text, err);

    if (r < 0 || !text)
        return r;
    if (!hx_ipv4_parse_net(text, net_r) || net_r->prefix < 8 ||
        net_r->prefix > 30)
        return bad_value(err, path, key, text,
                         "ADDRESS/PREFIX with a prefix from 8 to 30");
    *given_r = true;
    return 0;
}

static int read_bridge(const json_t *doc, const char *path,
                       struct hx_netconf *conf, struct hx_err *err)
{
    const char *text = NULL;
    int r = hx_json_str(doc, "bridge", path, HX_JSON_OPTIONAL, &text, err);

    if (r < 0)
        return r;
    if (text && *text && !hx_netdev_name_valid(text))
        return bad_value(err, path, "bridge", text,
                         "the name of a bridge, or none");
    conf->none = text && strcmp(text, "none") == 0;
    conf->own = !text || !*text || strcmp(text, HX_BRIDGE_DEFAULT) == 0;
    conf->bridge = strdup(conf->own ? HX_BRIDGE_DEFAULT : text);
    return conf->bridge
               ? 0
               : hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading %s", path);
}

static int read_gateway(const json_t *doc, const char *path,
                        struct hx_netconf *conf, struct hx_err *err)
{
    const char *text = NULL;
    int r =
        hx_json_str(doc, "default-gateway", path, HX_JSON_OPTIONAL, &text, err);

    if (r < 0 || !text)
        return r;
    if (!hx_ipv4_parse(text, &conf->gateway))
        return bad_value(err, path, "default-gateway", text, "an IPv4 address");
    return 0;
}

static int read_mtu(const json_t *doc, const char *path,
                    struct hx_netconf *conf, struct hx_err *err)
{
    uint64_t mtu = 0;
    int r = hx_json_u64(doc, "mtu", path, HX_JSON_OPTIONAL, &mtu, err);

    if (r < 0)
        return r;
    if (mtu && (mtu < MTU_MIN || mtu > MTU_MAX))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: \"mtu\" must be from %d to %d, or 0 for the "
                          "bridge's",
                          path, MTU_MIN, MTU_MAX);
    conf->mtu = (unsigned)mtu;
    return 0;
}

static bool is_address(const char *text)
{
    unsigned char in[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, text, in) == 1 ||
           inet_pton(AF_INET6, text, in) == 1;
}

static int read_dns(const json_t *doc, const char *path,
                    struct hx_netconf *conf, struct hx_err *err)
{
    int r = hx_json_strv(doc, "dns", path, HX_JSON_OPTIONAL, &conf->dns, err);

    if (r == 0)
        r = hx_json_strv(doc, "dns-search", path, HX_JSON_OPTIONAL,
                         &conf->dns_search, err);
    if (r == 0)
        r = hx_json_strv(doc, "dns-opts", path, HX_JSON_OPTIONAL,
                         &conf->dns_opts, err);
    for (char **p = conf->dns; r == 0 && p && *p; p++)
        if (!is_address(*p))
            r = bad_value(err, path, "dns", *p, "a list of IP addresses");
    return r;
}

/* What the values mean together. */
static int check_together(const char *path, const struct hx_netconf *conf,
                          struct hx_err *err)
{
    if (!conf->own && conf->bip_given)
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: \"bridge\" and \"bip\" exclude each other: an "
                          "existing bridge has an address; remove one of them",
                          path);
    if (conf->own && conf->pool_given &&
        (conf->pool.prefix < conf->bip.prefix ||
         !hx_ipv4_contains(&conf->bip, conf->pool.address)))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: \"fixed-cidr\" is not a part of \"bip\"'s "
                          "subnet",
                          path);
    if (conf->own && conf->gateway &&
        !hx_ipv4_contains(&conf->bip, conf->gateway))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: \"default-gateway\" is not in \"bip\"'s subnet",
                          path);
    return 0;
}

static int read_all(const json_t *doc, const char *path,
                    struct hx_netconf *conf, struct hx_err *err)
{
    int r = read_bridge(doc, path, conf, err);

    if (r == 0)
        r = read_net(doc, path, "bip", &conf->bip_given, &conf->bip, err);
    if (r == 0)
        r = read_net(doc, path, "fixed-cidr", &conf->pool_given, &conf->pool,
                     err);
    if (r == 0)
        r = read_gateway(doc, path, conf, err);
    if (r == 0)
        r = read_mtu(doc, path, conf, err);
    if (r == 0)
        r = read_dns(doc, path, conf, err);
    return r == 0 ? check_together(path, conf, err) : r;
}

int hx_netconf_load(const char *path, struct hx_netconf *conf_r,
                    struct hx_err *err)
{
    struct hx_netconf conf = { .bip = bip_default };
    _cleanup_buf_ struct hx_buf text = { 0 };
    _cleanup_json_ json_t *doc = NULL;
    int r;

    r = hx_file_read(path, CONF_MAX_BYTES, &text, err);
    if (r == -HX_ERR_NOT_FOUND) {
        hx_err_clear(err);
        r = hx_json_parse("{}", 2, path, &doc, err);
    } else if (r == 0) {
        r = hx_json_parse(text.data ? text.data : "", text.len, path, &doc,
                          err);
    }
    if (r == 0)
        r = read_all(doc, path, &conf, err);
    if (r < 0) {
        hx_netconf_release(&conf);
        /* An administrator's file, not an image's. */
        if (r == -HX_ERR_CORRUPT && err)
            err->code = HX_ERR_USAGE;
        return r == -HX_ERR_CORRUPT ? -HX_ERR_USAGE : r;
    }
    *conf_r = conf;
    return 0;
}

void hx_netconf_release(struct hx_netconf *conf)
{
    free(conf->bridge);
    hx_strv_free(&conf->dns);
    hx_strv_free(&conf->dns_search);
    hx_strv_free(&conf->dns_opts);
    *conf = (struct hx_netconf){ 0 };
}

static bool is_loopback(const char *text)
{
    struct in6_addr in6;
    uint32_t in4;

    if (hx_ipv4_parse(text, &in4))
        return in4 >> 24 == 127;
    return inet_pton(AF_INET6, text, &in6) == 1 && IN6_IS_ADDR_LOOPBACK(&in6);
}

/* One line of resolv.conf(5); the last "search" counts. */
static int take_line(char *line, struct hx_dns *dns)
{
    char *save = NULL, *word;
    char *key = strtok_r(line, " \t\r", &save);

    if (!key || (strcmp(key, "nameserver") != 0 && strcmp(key, "search") != 0 &&
                 strcmp(key, "domain") != 0))
        return 0;
    if (strcmp(key, "nameserver") == 0) {
        word = strtok_r(NULL, " \t\r", &save);
        if (!word || !is_address(word) || is_loopback(word) ||
            hx_strv_len(dns->servers) >= SERVERS_MAX)
            return 0;
        return hx_strv_add(&dns->servers, word);
    }
    hx_strv_free(&dns->search);
    while ((word = strtok_r(NULL, " \t\r", &save)))
        if (hx_strv_add(&dns->search, word) < 0)
            return -1;
    return 0;
}

static int take_resolv_conf(const char *path, struct hx_dns *dns,
                            struct hx_err *err)
{
    _cleanup_buf_ struct hx_buf text = { 0 };
    char *save = NULL;
    int r = hx_file_read(path, RESOLV_MAX_BYTES, &text, err);

    if (r == -HX_ERR_NOT_FOUND) {
        hx_err_clear(err);
        return 0;
    }
    if (r < 0 || !text.data)
        return r;
    for (char *line = strtok_r(text.data, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save))
        if (take_line(line, dns) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reading %s", path);
    return 0;
}

int hx_netconf_dns(const struct hx_netconf *conf, const char *resolv_conf,
                   struct hx_dns *dns_r, struct hx_err *err)
{
    struct hx_dns dns = { 0 };
    int r = 0;

    if (!conf->dns || !conf->dns_search)
        r = take_resolv_conf(resolv_conf, &dns, err);
    if (r == 0 && conf->dns)
        hx_strv_free(&dns.servers);
    if (r == 0 && conf->dns_search)
        hx_strv_free(&dns.search);
    if (r == 0 && (hx_strv_add_all(&dns.servers, conf->dns) < 0 ||
                   hx_strv_add_all(&dns.search, conf->dns_search) < 0 ||
                   hx_strv_add_all(&dns.options, conf->dns_opts) < 0))
        r = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "choosing DNS servers");
    if (r < 0) {
        hx_dns_release(&dns);
        return r;
    }
    *dns_r = dns;
    return 0;
}

void hx_dns_release(struct hx_dns *dns)
{
    hx_strv_free(&dns->servers);
    hx_strv_free(&dns->search);
    hx_strv_free(&dns->options);
}
