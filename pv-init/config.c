/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "pv-init/guest-abi.h"
#include "pv-init/json-fields.h"

/* What a word may be made of. */
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ALNUM  LOWER "ABCDEFGHIJKLMNOPQRSTUVWXYZ" DIGITS
#define HEX    DIGITS "abcdefABCDEF"
#define NAME   ALNUM "_.-"

static bool is_word(const char *text, const char *allowed, size_t max_len)
{
    size_t len = strlen(text);

    return len > 0 && len <= max_len && strspn(text, allowed) == len;
}

/* A name that becomes part of a path or a file's line. */
static bool is_name(const char *text, size_t max_len)
{
    return is_word(text, NAME, max_len) && text[0] != '.' && text[0] != '-';
}

static int parse_disk(struct hx_init_fields *at, struct hx_init_disk *out)
{
    out->device = hx_init_field_str(at, "device");
    out->fstype = hx_init_field_str(at, "fstype");
    if (at->failed)
        return -1;
    if (!is_word(out->device, LOWER DIGITS, 31))
        return hx_init_fields_wrong(at, "device", "a disk's name");
    if (!is_word(out->fstype, LOWER DIGITS, 15))
        return hx_init_fields_wrong(at, "fstype", "a filesystem's name");
    return 0;
}

/* "fe80::1%eth0" as well: a server on the link needs its interface. */
static bool is_server(const char *text)
{
    struct hx_init_prefix ignored;
    const char *scope = strchr(text, '%');
    char address[64];
    size_t len = scope ? (size_t)(scope - text) : strlen(text);

    if (len >= sizeof(address) || (scope && !is_word(scope + 1, NAME, 15)))
        return false;
    memcpy(address, text, len);
    address[len] = '\0';
    return hx_init_address_parse(address, &ignored) == 0;
}

static int parse_dns(struct hx_init_fields *at, struct hx_init_config *out)
{
    const char **p;

    out->dns_servers = hx_init_field_strv(at, "servers");
    out->dns_search = hx_init_field_strv(at, "search");
    out->dns_options = hx_init_field_strv(at, "options");
    if (at->failed)
        return -1;
    for (p = out->dns_servers; p && *p; p++) {
        if (!is_server(*p))
            return hx_init_fields_wrong(at, "servers", "a list of addresses");
    }
    for (p = out->dns_search; p && *p; p++) {
        if (!is_word(*p, NAME, 255))
            return hx_init_fields_wrong(at, "search", "a list of domain names");
    }
    for (p = out->dns_options; p && *p; p++) {
        if (!is_word(*p, NAME ":", 64))
            return hx_init_fields_wrong(at, "options",
                                        "a list of resolver options");
    }
    return 0;
}

static int parse_host(struct hx_init_fields *at, void *item)
{
    struct hx_init_host *host = item;
    struct hx_init_prefix ignored;
    const char **p;

    host->address = hx_init_field_str(at, "address");
    host->names = hx_init_field_strv(at, "names");
    if (at->failed)
        return -1;
    if (hx_init_address_parse(host->address, &ignored) < 0)
        return hx_init_fields_wrong(at, "address", "an IP address");
    for (p = host->names; p && *p; p++) {
        if (!is_word(*p, NAME, 255))
            return hx_init_fields_wrong(at, "names", "a list of host names");
    }
    return host->names && host->names[0]
               ? 0
               : hx_init_fields_wrong(at, "names", "a list of one or more");
}

static int parse_route(struct hx_init_fields *at, void *item)
{
    struct hx_init_route *route = item;
    const char *to = hx_init_field_str(at, "to");
    const char *via = hx_init_field_str_or(at, "via", NULL);

    if (at->failed)
        return -1;
    if (hx_init_prefix_parse(to, &route->to) < 0)
        return hx_init_fields_wrong(at, "to", "ADDRESS/BITS");
    hx_init_prefix_mask(&route->to);
    if (!via)
        return 0;
    if (hx_init_address_parse(via, &route->via) < 0)
        return hx_init_fields_wrong(at, "via", "an IP address");
    if (route->via.family != route->to.family)
        return hx_init_fields_wrong(at, "via", "of the target's family");
    route->has_via = true;
    return 0;
}

static int parse_address(struct hx_init_fields *at, const char *text,
                         struct hx_init_interface *interface,
                         struct hx_init_prefix *out)
{
    if (hx_init_prefix_parse(text, out) < 0)
        return hx_init_fields_wrong(at, "addresses", "a list of ADDRESS/BITS");
    if (out->family == AF_INET6 && interface->mtu < 1280)
        return hx_init_fields_wrong(at, "mtu", "1280 or more, as IPv6 needs");
    return 0;
}

static int parse_interface(struct hx_init_fields *at, void *item)
{
    struct hx_init_interface *interface = item;
    const char **texts;
    const char *mac;
    size_t i, count = 0;

    interface->name = hx_init_field_str(at, "name");
    mac = hx_init_field_str(at, "mac");
    interface->mtu = (unsigned)hx_init_field_u64(at, "mtu", 1500, 68, 65535);
    if (at->failed)
        return -1;
    if (!is_name(interface->name, 15) || strcmp(interface->name, "lo") == 0)
        return hx_init_fields_wrong(at, "name", "an interface's name");
    if (hx_init_mac_parse(mac, interface->mac) < 0)
        return hx_init_fields_wrong(at, "mac", "a MAC address");

    texts = hx_init_field_strv(at, "addresses");
    while (texts && texts[count])
        count++;
    interface->addresses = calloc(count + 1, sizeof(*interface->addresses));
    interface->address_count = count;
    for (i = 0; interface->addresses && i < count; i++) {
        if (parse_address(at, texts[i], interface, &interface->addresses[i]) <
            0)
            break;
    }
    free(texts);
    if (!interface->addresses)
        return hx_init_fields_no_memory(at);
    return hx_init_field_list(at, "routes", 1024, sizeof(*interface->routes),
                              parse_route, (void **)&interface->routes,
                              &interface->route_count);
}

static int parse_writable(struct hx_init_fields *at,
                          struct hx_init_container_config *out)
{
    static const char *const words[] = {
        [HX_INIT_WRITABLE_DISK] = "disk",
        [HX_INIT_WRITABLE_TMPFS] = "tmpfs",
        [HX_INIT_WRITABLE_NONE] = "none",
    };
    const char *word = hx_init_field_str(at, "writable");
    unsigned i;

    if (at->failed)
        return -1;
    for (i = 0; i < HX_INIT_COUNT(words); i++) {
        if (strcmp(word, words[i]) == 0) {
            out->writable = (enum hx_init_writable)i;
            return 0;
        }
    }
    return hx_init_fields_wrong(at, "writable", "disk, tmpfs or none");
}

static int parse_health(struct hx_init_fields *at,
                        struct hx_init_health_config *out)
{
    out->args = hx_init_field_strv(at, "args");
    out->interval_ms =
        (uint32_t)hx_init_field_u64(at, "interval_ms", 0, 1, INT32_MAX);
    out->timeout_ms =
        (uint32_t)hx_init_field_u64(at, "timeout_ms", 0, 1, INT32_MAX);
    out->start_period_ms =
        (uint32_t)hx_init_field_u64(at, "start_period_ms", 0, 0, INT32_MAX);
    out->retries = (unsigned)hx_init_field_u64(at, "retries", 0, 1, INT32_MAX);
    if (!at->failed && !out->args)
        return hx_init_fields_wrong(at, "args", "a list of one or more");
    return at->failed ? -1 : 0;
}

static int parse_container(struct hx_init_fields *at, void *item)
{
    struct hx_init_container_config *out = item;
    struct hx_init_fields part;
    const char **p;

    out->name = hx_init_field_str(at, "name");
    out->args = hx_init_field_strv(at, "args");
    out->env = hx_init_field_strv(at, "env");
    out->user = hx_init_field_str(at, "user");
    out->cwd = hx_init_field_str(at, "cwd");
    out->stop_signal = (int)hx_init_field_u64(at, "stop_signal", 0, 1, 64);
    out->stop_timeout_ms = (uint32_t)hx_init_field_u64(
        at, "stop_timeout_ms", UINT32_MAX, 0, INT32_MAX);
    out->tty = hx_init_field_bool(at, "tty");
    out->has_stdin = hx_init_field_bool_or(at, "stdin", false);
    if (at->failed || parse_writable(at, out) < 0)
        return -1;
    if (!is_name(out->name, 63))
        return hx_init_fields_wrong(at, "name", "a container's name");
    if (!out->args || !out->args[0])
        return hx_init_fields_wrong(at, "args", "a list of one or more");
    for (p = out->env; p && *p; p++) {
        if ((*p)[0] == '=' || !strchr(*p, '='))
            return hx_init_fields_wrong(at, "env", "a list of NAME=VALUE");
    }
    if (out->cwd[0] != '/')
        return hx_init_fields_wrong(at, "cwd", "an absolute path");
    if (hx_init_field_obj(at, "root", &part) < 0 ||
        parse_disk(&part, &out->root) < 0)
        return -1;
    if (hx_init_field_obj_or(at, "health", &part) == 1 &&
        parse_health(&part, &out->health) < 0)
        return -1;
    hx_init_confine_default(&out->confine);
    if (hx_init_field_obj_or(at, "confine", &part) == 1)
        return hx_init_confine_parse(&part, &out->confine);
    return at->failed ? -1 : 0;
}

/* What only shows when all is read: doubles, and a disk nobody gave. */
static int check_whole(struct hx_init_config *config, struct hx_init_err *err)
{
    size_t i, j;

    for (i = 0; i < config->interface_count; i++) {
        for (j = 0; j < i; j++) {
            const struct hx_init_interface *a = &config->interfaces[i];
            const struct hx_init_interface *b = &config->interfaces[j];

            if (strcmp(a->name, b->name) == 0 ||
                memcmp(a->mac, b->mac, sizeof(a->mac)) == 0)
                return hx_init_fail(err,
                                    "configuration: interfaces %zu and %zu "
                                    "have the same name or MAC address",
                                    j, i);
        }
    }
    for (i = 0; i < config->container_count; i++) {
        const struct hx_init_container_config *a = &config->containers[i];

        for (j = 0; j < i; j++) {
            if (strcmp(a->name, config->containers[j].name) == 0)
                return hx_init_fail(err,
                                    "configuration: two containers are named "
                                    "%s",
                                    a->name);
        }
        if (a->writable == HX_INIT_WRITABLE_DISK && !config->scratch.device)
            return hx_init_fail(err,
                                "configuration: container %s wants a writable "
                                "disk, and the pod has no scratch disk",
                                a->name);
    }
    return 0;
}

/* The document's own text of it is wiped: nobody is to find it later. */
static int parse_seed(struct hx_init_fields *at, struct hx_init_config *out)
{
    const char *text = hx_init_field_str_or(at, "seed", NULL);

    if (at->failed || !text)
        return at->failed ? -1 : 0;
    if (strlen(text) != HX_ABI_SEED_LEN || !is_word(text, HEX, HX_ABI_SEED_LEN))
        return hx_init_fields_wrong(at, "seed", "64 hex digits");
    for (size_t i = 0; i < HX_ABI_SEED_BYTES; i++) {
        const char two[] = { text[2 * i], text[2 * i + 1], '\0' };

        out->seed[i] = (unsigned char)strtoul(two, NULL, 16);
    }
    explicit_bzero((char *)text, HX_ABI_SEED_LEN);
    out->has_seed = true;
    return 0;
}

static int parse_pod(struct hx_init_fields *at, struct hx_init_config *out)
{
    struct hx_init_fields part;
    uint64_t version;

    /* First of all: the fields of another version may mean other things. */
    version = hx_init_field_u64(at, "abi", 0, 1, UINT32_MAX);
    if (at->failed)
        return -1;
    if (version != HX_ABI_VERSION) {
        at->failed = true;
        return hx_init_fail(at->err,
                            "configuration: it is of version %u and this "
                            "HyperKernel takes %u; install xl-hyper and its "
                            "HyperKernel from one build",
                            (unsigned)version, HX_ABI_VERSION);
    }
    out->hostname = hx_init_field_str(at, "hostname");
    if (at->failed)
        return -1;
    if (parse_seed(at, out) < 0)
        return -1;
    if (!is_name(out->hostname, 64))
        return hx_init_fields_wrong(at, "hostname", "a host name");
    if (hx_init_field_obj_or(at, "dns", &part) == 1 &&
        parse_dns(&part, out) < 0)
        return -1;
    if (hx_init_field_obj_or(at, "scratch", &part) == 1 &&
        parse_disk(&part, &out->scratch) < 0)
        return -1;
    if (at->failed)
        return -1;
    if (hx_init_field_list(at, "hosts", 4096, sizeof(*out->hosts), parse_host,
                           (void **)&out->hosts, &out->host_count) < 0 ||
        hx_init_field_list(at, "interfaces", HX_INIT_INTERFACES_MAX,
                           sizeof(*out->interfaces), parse_interface,
                           (void **)&out->interfaces,
                           &out->interface_count) < 0 ||
        hx_init_field_list(at, "containers", HX_ABI_CONTAINERS_MAX,
                           sizeof(*out->containers), parse_container,
                           (void **)&out->containers,
                           &out->container_count) < 0)
        return -1;
    return out->container_count > 0
               ? 0
               : hx_init_fields_wrong(at, "containers",
                                      "a list of one or more");
}

int hx_init_config_parse(const char *data, size_t len,
                         struct hx_init_config *out, struct hx_init_err *err)
{
    struct hx_init_fields at = { .what = "configuration", .err = err };
    json_error_t why;

    memset(out, 0, sizeof(*out));
    out->doc = json_loadb(data, len, JSON_REJECT_DUPLICATES, &why);
    if (!out->doc)
        return hx_init_fail(err, "configuration: not JSON: %s (line %d)",
                            why.text, why.line);
    if (!json_is_object(out->doc))
        return hx_init_fail(err, "configuration: not a JSON object");
    at.obj = out->doc;
    if (parse_pod(&at, out) < 0)
        return -1;
    return check_whole(out, err);
}

void hx_init_config_release(struct hx_init_config *config)
{
    size_t i;

    if (!config)
        return;
    free(config->dns_servers);
    free(config->dns_search);
    free(config->dns_options);
    for (i = 0; config->hosts && i < config->host_count; i++)
        free(config->hosts[i].names);
    free(config->hosts);
    for (i = 0; config->interfaces && i < config->interface_count; i++) {
        free(config->interfaces[i].addresses);
        free(config->interfaces[i].routes);
    }
    free(config->interfaces);
    for (i = 0; config->containers && i < config->container_count; i++) {
        free(config->containers[i].args);
        free(config->containers[i].env);
        free(config->containers[i].health.args);
        hx_init_confine_release(&config->containers[i].confine);
    }
    free(config->containers);
    json_decref(config->doc);
    memset(config, 0, sizeof(*config));
}
