/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/create-options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/pod-spec.h"
#include "domain-builder/scratch.h"
#include "xl-plugin/names.h"
#include "xl-plugin/signals.h"
#include "xl-plugin/sizes.h"

#define DEFAULT_MEM_KIB (UINT64_C(64) << 10)

/* No Linux starts in less; asking for it is a slip of the unit. */
#define LEAST_MEM_KIB (UINT64_C(8) << 10)

#define STOP_TIMEOUT_MAX_S 86400

void hx_create_options_init(struct hx_create_options *options)
{
    *options = (struct hx_create_options){
        .type = HX_DOMAIN_AUTO,
        .mem_kib = DEFAULT_MEM_KIB,
        .vcpus = 1,
        .scratch_bytes = HX_SCRATCH_DEFAULT_BYTES,
        .stop_timeout_ms = -1,
        .pull = HX_PULL_MISSING,
    };
}

void hx_create_options_release(struct hx_create_options *options)
{
    hx_strv_free(&options->env);
    hx_strv_free(&options->env_files);
    hx_confine_options_release(&options->confine);
}

static int add(char ***list, const char *value, struct hx_err *err)
{
    if (hx_strv_add(list, value) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "reading the options");
    return 0;
}

static int set_name(struct hx_create_options *o, const char *value,
                    struct hx_err *err)
{
    if (!hx_pod_name_valid(value))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--name: '%.80s' is no name; use letters, digits and "
                          "_ . - after a letter or digit, 63 at most",
                          value);
    o->name = value;
    return 0;
}

static int set_type(struct hx_create_options *o, const char *value,
                    struct hx_err *err)
{
    if (strcmp(value, "pv") == 0)
        o->type = HX_DOMAIN_PV;
    else if (strcmp(value, "pvh") == 0)
        o->type = HX_DOMAIN_PVH;
    else if (strcmp(value, "auto") == 0)
        o->type = HX_DOMAIN_AUTO;
    else if (strcmp(value, "hvm") == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--type: hvm would need QEMU, which pods do without; "
                          "write pv, pvh or auto");
    else
        return hx_err_set(err, HX_ERR_USAGE,
                          "--type: '%.64s' is no type; write pv, pvh or auto",
                          value);
    return 0;
}

static int set_pull(struct hx_create_options *o, const char *value,
                    struct hx_err *err)
{
    if (strcmp(value, "always") == 0)
        o->pull = HX_PULL_ALWAYS;
    else if (strcmp(value, "missing") == 0)
        o->pull = HX_PULL_MISSING;
    else if (strcmp(value, "never") == 0)
        o->pull = HX_PULL_NEVER;
    else
        return hx_err_set(err, HX_ERR_USAGE,
                          "--pull: '%.64s' is no policy; write always, missing "
                          "or never",
                          value);
    return 0;
}

static int set_memory(struct hx_create_options *o, const char *value,
                      struct hx_err *err)
{
    int r = hx_size_parse_kib("--memory", value, &o->mem_kib, err);

    if (r < 0)
        return r;
    if (o->mem_kib < LEAST_MEM_KIB)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--memory: '%s' is too little to start a kernel in; "
                          "give it 32m or more",
                          value);
    return 0;
}

static int set_scratch(struct hx_create_options *o, const char *value,
                       struct hx_err *err)
{
    uint64_t kib = 0;
    int r = hx_size_parse_kib("--scratch", value, &kib, err);

    if (r < 0)
        return r;
    if (kib << 10 < HX_SCRATCH_MIN_BYTES || kib << 10 > HX_SCRATCH_MAX_BYTES)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--scratch: '%s' is no size for it; give it %lluM to "
                          "%lluT, or use --read-only",
                          value, (unsigned long long)HX_SCRATCH_MIN_BYTES >> 20,
                          (unsigned long long)HX_SCRATCH_MAX_BYTES >> 40);
    o->scratch_bytes = kib << 10;
    return 0;
}

static int set_network(struct hx_create_options *o, const char *value,
                       struct hx_err *err)
{
    /* docker's names for its default network */
    if (strcmp(value, "bridge") == 0 || strcmp(value, "default") == 0) {
        o->network = NULL;
        return 0;
    }
    if (strcmp(value, "host") == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--network: a domain cannot share the host's "
                          "network; name a bridge, or none");
    if (!hx_bridge_name_valid(value))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--network: '%.64s' is no bridge's name; name a "
                          "bridge, or none",
                          value);
    o->network = value;
    return 0;
}

static int set_ip(struct hx_create_options *o, const char *value,
                  struct hx_err *err)
{
    size_t len = strcspn(value, "/");
    unsigned char address[4];
    char text[INET_ADDRSTRLEN];
    bool good = len < sizeof(text);
    long prefix;

    if (good) {
        memcpy(text, value, len);
        text[len] = '\0';
        good = inet_pton(AF_INET, text, address) == 1;
    }
    if (good && value[len])
        good = hx_options_number("--ip", value + len + 1, 1, 32, &prefix,
                                 NULL) == 0;
    if (!good)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--ip: '%.64s' is no IPv4 address; write 172.30.0.9 "
                          "or 172.30.0.9/24",
                          value);
    o->ip = value;
    return 0;
}

static int set_mac(struct hx_create_options *o, const char *value,
                   struct hx_err *err)
{
    unsigned b[6];
    int end = 0;
    bool shape =
        strspn(value, "0123456789abcdefABCDEF:") == 17 && strlen(value) == 17;

    if (!shape ||
        sscanf(value, "%2x:%2x:%2x:%2x:%2x:%2x%n", &b[0], &b[1], &b[2], &b[3],
               &b[4], &b[5], &end) != 6 ||
        end != 17)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--mac: '%.64s' is no MAC address; write "
                          "00:16:3e:12:34:56",
                          value);
    if (b[0] & 1)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--mac: %s is a group's address; the first byte has "
                          "to be even, as in 00:16:3e:12:34:56",
                          value);
    o->mac = value;
    return 0;
}

static int set_hostname(struct hx_create_options *o, const char *value,
                        struct hx_err *err)
{
    if (!hx_hostname_valid(value))
        return hx_err_set(err, HX_ERR_USAGE,
                          "--hostname: '%.80s' is no host name; use letters, "
                          "digits, dots and inner dashes, 63 at most",
                          value);
    o->hostname = value;
    return 0;
}

static int set_workdir(struct hx_create_options *o, const char *value,
                       struct hx_err *err)
{
    if (*value != '/')
        return hx_err_set(err, HX_ERR_USAGE,
                          "--workdir: '%.64s' does not begin with '/'; give "
                          "the whole path",
                          value);
    o->workdir = value;
    return 0;
}

int hx_create_restart(const char *value, enum hx_restart *policy_r,
                      unsigned *max_r, struct hx_err *err)
{
    if (hx_restart_parse(value, policy_r, max_r))
        return 0;
    return hx_err_set(err, HX_ERR_USAGE,
                      "--restart: '%.64s' is no policy; write no, on-failure, "
                      "on-failure:3, always or unless-stopped",
                      value);
}

/* Options of docker's that people will type, and what to do instead. */
static int refuse(int key, struct hx_err *err)
{
    static const struct {
        int key;
        const char *sentence;
    } refused[] = {
        { 'p', "--publish: publishing ports is not possible yet; reach the pod "
               "at its own address, which hyper-list shows" },
        { 'P', "--publish-all: publishing ports is not possible yet; reach the "
               "pod at its own address, which hyper-list shows" },
        { 'v', "--volume: volumes are not possible yet; put the files into the "
               "image" },
        { HX_CREATE_MOUNT, "--mount: volumes are not possible yet; put the "
                           "files into the image" },
    };

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        if (refused[i].key == key)
            return hx_err_set(err, HX_ERR_UNSUPPORTED, "%s",
                              refused[i].sentence);
    }
    return hx_err_set(err, HX_ERR_USAGE, "option %d is not understood", key);
}

static int set_number(struct hx_create_options *o, int key, const char *value,
                      struct hx_err *err)
{
    long number = 0;
    int r;

    if (key == HX_CREATE_VCPUS) {
        r = hx_options_number("--vcpus", value, 1, 128, &number, err);
        o->vcpus = (unsigned)number;
    } else {
        r = hx_options_number("--stop-timeout", value, 0, STOP_TIMEOUT_MAX_S,
                              &number, err);
        o->stop_timeout_ms = (int64_t)number * 1000;
    }
    return r;
}

static int set_valued(struct hx_create_options *o, int key, const char *value,
                      struct hx_err *err)
{
    switch (key) {
    case HX_CREATE_NAME:
        return set_name(o, value, err);
    case HX_CREATE_TYPE:
        return set_type(o, value, err);
    case 'm':
        return set_memory(o, value, err);
    case HX_CREATE_VCPUS:
    case HX_CREATE_STOP_TIMEOUT:
        return set_number(o, key, value, err);
    case 'e':
        return add(&o->env, value, err);
    case HX_CREATE_ENV_FILE:
        return add(&o->env_files, value, err);
    case 'u':
        o->user = value;
        return 0;
    case 'w':
        return set_workdir(o, value, err);
    case HX_CREATE_ENTRYPOINT:
        o->entrypoint = value;
        return 0;
    case HX_CREATE_HOSTNAME:
        return set_hostname(o, value, err);
    case HX_CREATE_STOP_SIGNAL:
        return hx_signal_parse("--stop-signal", value, &o->stop_signal, err);
    case HX_CREATE_NETWORK:
        return set_network(o, value, err);
    case HX_CREATE_IP:
        return set_ip(o, value, err);
    case HX_CREATE_MAC:
        return set_mac(o, value, err);
    case HX_CREATE_RESTART:
        return hx_create_restart(value, &o->restart, &o->restart_max, err);
    case HX_CREATE_SCRATCH:
        return set_scratch(o, value, err);
    case HX_CREATE_PULL:
        return set_pull(o, value, err);
    case HX_CREATE_PLATFORM:
        o->platform = value;
        return 0;
    default:
        return refuse(key, err);
    }
}

int hx_create_option(void *opaque, int key, const char *value,
                     struct hx_err *err)
{
    struct hx_create_options *o = opaque;

    if (hx_confine_has_option(key))
        return hx_confine_option(&o->confine, key, value, err);
    if (hx_health_has_option(key))
        return hx_health_option(&o->health, key, value, err);
    switch (key) {
    case 't':
        o->tty = true;
        return 0;
    case 'i':
        o->open_stdin = true;
        return 0;
    case 'q':
        o->quiet = true;
        return 0;
    case HX_CREATE_READ_ONLY:
        o->read_only = true;
        return 0;
    case HX_CREATE_RM:
        o->auto_remove = true;
        return 0;
    case HX_CREATE_PAUSED:
        o->paused = true;
        return 0;
    case HX_OPT_DRY_RUN:
        o->dry_run = true;
        return 0;
    case HX_OPT_JSON:
        o->json = true;
        return 0;
    default:
        return set_valued(o, key, value, err);
    }
}

int hx_create_options_check(const struct hx_create_options *o,
                            struct hx_err *err)
{
    bool no_network = o->network && strcmp(o->network, "none") == 0;

    if (no_network && (o->ip || o->mac))
        return hx_err_set(err, HX_ERR_USAGE,
                          "%s: there is no network card with --network none; "
                          "leave one of them out",
                          o->ip ? "--ip" : "--mac");
    if (o->auto_remove && o->restart != HX_RESTART_NO)
        return hx_err_set(err, HX_ERR_USAGE,
                          "--rm and --restart: a pod cannot be removed and "
                          "started again when it has ended; leave one of them "
                          "out");
    if (o->console && o->json)
        return hx_err_set(err, HX_ERR_USAGE,
                          "-c and --json: the console would stand in the "
                          "JSON; leave one of them out");
    if (hx_health_check(&o->health, err) < 0)
        return -HX_ERR_USAGE;
    return hx_confine_check(&o->confine, o->vcpus, err);
}
