/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/guestconf.h"

#include <errno.h>
#include <string.h>

#include "image/base/cleanup.h"
#include "image/base/json.h"

#define HOSTNAME_MAX 64 /* Linux's __NEW_UTS_LEN */
#define LABEL_MAX    63

static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static bool hostname_valid(const char *name)
{
    size_t len = strlen(name), label = 0;

    if (len == 0 || len > HOSTNAME_MAX)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (name[i] == '.') {
            if (label == 0 || name[i - 1] == '-')
                return false;
            label = 0;
            continue;
        }
        if (!strchr(letters, name[i]) && (name[i] != '-' || label == 0))
            return false;
        if (++label > LABEL_MAX)
            return false;
    }
    return label > 0 && name[len - 1] != '-';
}

static char *hostname_from(const char *name)
{
    char *hostname = strndup(name, LABEL_MAX), *out;

    if (!hostname)
        return NULL;
    out = hostname;
    for (const char *in = hostname; *in; in++) {
        char c = *in == '_' ? '-' : *in;
        char before = out > hostname ? out[-1] : '.';

        /* No label starts or ends with '-', none is empty. */
        if ((c == '-' && before == '.') || (c == '.' && before == '.'))
            continue;
        if (c == '.')
            while (out > hostname && out[-1] == '-')
                out--;
        *out++ = c;
    }
    while (out > hostname && (out[-1] == '-' || out[-1] == '.'))
        out--;
    *out = '\0';
    return hostname;
}

int hx_hostname_of(const struct hx_pod_spec *spec, char **hostname_r,
                   struct hx_err *err)
{
    char *hostname;

    if (spec->hostname && !hostname_valid(spec->hostname))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--hostname %s: it may have letters, digits, '-' "
                          "and '.', 64 characters at most",
                          spec->hostname);
    hostname =
        spec->hostname ? strdup(spec->hostname) : hostname_from(spec->name);
    if (!hostname)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "choosing a hostname");
    *hostname_r = hostname;
    return 0;
}

static const char *writable_name(enum hx_writable writable)
{
    switch (writable) {
    case HX_WRITABLE_TMPFS:
        return "tmpfs";
    case HX_WRITABLE_NONE:
        return "none";
    case HX_WRITABLE_DISK:
        break;
    }
    return "disk";
}

/* Every builder gives NULL when text is not UTF-8 or memory is short;
 * json_pack and its like take that as failure and free their other parts. */
static json_t *pack_container(const struct hx_container_spec *container,
                              const struct hx_disk *root, const char *seccomp)
{
    json_t *obj = json_pack(
        "{s:s, s:{s:s, s:s}, s:s, s:o, s:o, s:s, s:s, s:i, s:I, s:b, s:b, s:o}",
        "name", container->name ? container->name : "main", "root", "device",
        root->vdev, "fstype", "squashfs", "writable",
        writable_name(container->writable), "args",
        hx_json_from_strv(container->args), "env",
        hx_json_from_strv(container->env), "user",
        container->user ? container->user : "", "cwd",
        container->cwd ? container->cwd : "/", "stop_signal",
        container->stop_signal, "stop_timeout_ms",
        (json_int_t)container->stop_timeout_ms, "tty", (int)container->tty,
        "stdin", (int)container->open_stdin, "confine",
        hx_confine_for_guest(&container->confine, seccomp));

    if (obj && container->health.test &&
        json_object_set_new(obj, "health",
                            hx_health_for_guest(&container->health)) < 0) {
        json_decref(obj);
        obj = NULL;
    }
    return obj;
}

static json_t *pack_containers(const struct hx_pod_spec *spec,
                               const struct hx_disks *disks,
                               const char *seccomp)
{
    json_t *list = json_array();

    for (size_t i = 0; list && i < spec->container_count; i++) {
        const struct hx_disk *root = &disks->disk[disks->root_of[i]];

        if (json_array_append_new(list, pack_container(&spec->containers[i],
                                                       root, seccomp)) < 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *pack_interfaces(const struct hx_network *net)
{
    char address[HX_IPV4_TEXT], gateway[HX_IPV4_TEXT], mac[HX_MAC_TEXT];
    json_t *routes;

    if (net->none)
        return json_array();
    routes = net->gateway ? json_pack("[{s:s, s:s}]", "to", "0.0.0.0/0", "via",
                                      hx_ipv4_format(net->gateway, gateway))
                          : json_array();
    return json_pack("[{s:s, s:s, s:i, s:[s], s:o}]", "name", "eth0", "mac",
                     hx_mac_format(net->mac, mac), "mtu", (int)net->mtu,
                     "addresses", hx_ipv4_format_net(&net->at, address),
                     "routes", routes);
}

int hx_guestconf_make(const struct hx_pod_spec *spec, const char *seed,
                      const struct hx_disks *disks,
                      const struct hx_network *net, const struct hx_dns *dns,
                      const char *seccomp, char **json_r, struct hx_err *err)
{
    _cleanup_free_ char *hostname = NULL;
    _cleanup_json_ json_t *doc = NULL;
    char *text = NULL;
    int r = hx_hostname_of(spec, &hostname, err);

    if (r < 0)
        return r;
    doc = json_pack("{s:i, s:s, s:s, s:{s:o, s:o, s:o}, s:o, s:o}", "abi",
                    HX_ABI_VERSION, "seed", seed, "hostname", hostname, "dns",
                    "servers", hx_json_from_strv(dns->servers), "search",
                    hx_json_from_strv(dns->search), "options",
                    hx_json_from_strv(dns->options), "interfaces",
                    pack_interfaces(net), "containers",
                    pack_containers(spec, disks, seccomp));
    if (doc && disks->scratch &&
        json_object_set_new(doc, "scratch",
                            json_pack("{s:s, s:s}", "device",
                                      disks->scratch->vdev, "fstype", "ext4")) <
            0) {
        json_decref(doc);
        doc = NULL;
    }
    if (doc)
        text = json_dumps(doc, JSON_COMPACT);
    if (!text)
        return hx_err_set(err, HX_ERR_USAGE,
                          "writing the guest's configuration: an argument or "
                          "environment variable of pod %s is not UTF-8 text",
                          spec->name);
    *json_r = text;
    return 0;
}
