/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Everything between a pod's folder and its paused domain, in steps; and the
 * way back, which needs nothing but the UUID.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "domain-builder/disks.h"
#include "domain-builder/guestconf.h"
#include "domain-builder/netconf.h"
#include "domain-builder/network.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/ramdisk.h"
#include "domain-builder/resources.h"
#include "domain-builder/scratch.h"
#include "domain-builder/steps.h"
#include "domain-builder/xen_control.h"
#include "domain-builder/xen_domain.h"
#include "image/base/cleanup.h"
#include "pv-init/guest-abi.h"

#define RESOLV_CONF "/etc/resolv.conf"

struct build {
    struct hx_host *host;
    struct hx_pod *pod;
    const struct hx_pod_spec *spec;
    uint64_t start_us;
    char *pods_dir;
    char *scratch_file;
    bool scratch_made;
    struct hx_netconf netconf;
    struct hx_network net;
    struct hx_disks disks;
    struct hx_ramdisk ramdisk;
    enum hx_domain_type type;
};

uint64_t hx_create_clock_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static int stage_done(struct build *build, const char *name, struct hx_err *err)
{
    uint64_t us = hx_create_clock_us() - build->start_us;

    if (hx_pod_add_stage(build->pod, "create", name, us) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "creating pod %s",
                          build->spec->name);
    return 0;
}

/* -- steps ------------------------------------------------------------------*/

/* Nothing is touched yet: what cannot work is refused here. */
static int act_plan(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    int r = hx_disks_plan(build->spec, &build->disks, err);

    if (r == 0)
        r = hx_domain_choose_type(build->host, build->spec, &build->type, err);
    if (r == 0)
        r = hx_netconf_load(hx_host_daemon_json(build->host), &build->netconf,
                            err);
    if (r == 0)
        r = hx_network_plan(&build->netconf, &build->spec->net,
                            build->pod->uuid, &build->net, err);
    return r;
}

/* The default bridge stays, as docker0 does. */
static int act_bridge(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;

    if (build->net.none)
        return 0;
    return hx_network_ensure_bridge(&build->net, hx_host_run_dir(build->host),
                                    err);
}

static int act_address(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    int r = 0;

    if (!build->net.none)
        r = hx_network_take_address(&build->net, hx_host_run_dir(build->host),
                                    build->pods_dir, build->pod->uuid, err);
    return r == 0 ? stage_done(build, "network", err) : r;
}

/* Not while there is a domain that could not be destroyed and may use it. */
static void undo_address(void *ctx)
{
    struct build *build = ctx;

    hx_pod_undo(build->host, build->pod->uuid, false, NULL);
}

static int act_scratch(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    uint64_t bytes = build->spec->scratch_bytes;
    int r;

    if (!build->disks.scratch)
        return 0;
    build->scratch_made = access(build->scratch_file, F_OK) < 0;
    r = hx_scratch_make(build->scratch_file,
                        bytes ? bytes : HX_SCRATCH_DEFAULT_BYTES, err);
    if (r < 0)
        build->scratch_made = false;
    return r;
}

static void undo_scratch(void *ctx)
{
    struct build *build = ctx;

    if (build->scratch_made)
        unlink(build->scratch_file);
}

static int act_loops(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    int r = hx_disks_attach(&build->disks, hx_host_run_dir(build->host),
                            build->scratch_file, err);

    return r == 0 ? stage_done(build, "disks", err) : r;
}

static void undo_loops(void *ctx)
{
    struct build *build = ctx;

    hx_disks_release(&build->disks);
}

/* Not for pods whose containers have all one of their own. */
static int load_seccomp(const struct build *build, char **program_r,
                        struct hx_err *err)
{
    bool needed = false;

    for (size_t i = 0; i < build->spec->container_count; i++)
        needed = needed || !build->spec->containers[i].confine.seccomp;
    return needed ? hx_confine_load_seccomp(hx_host_pkglib_dir(build->host),
                                            program_r, err)
                  : 0;
}

/* Two domains that start alike would else draw alike for a while. */
static int make_seed(char seed_r[HX_ABI_SEED_LEN + 1], struct hx_err *err)
{
    unsigned char random[HX_ABI_SEED_BYTES];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "making the seed of a guest");
    for (size_t i = 0; i < sizeof(random); i++)
        sprintf(seed_r + 2 * i, "%02x", random[i]);
    return 0;
}

static int act_ramdisk(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    _cleanup_free_ char *config = NULL, *base = NULL, *seccomp = NULL;
    char seed[HX_ABI_SEED_LEN + 1];
    struct hx_dns dns = { 0 };
    int r;

    if (asprintf(&base, "%s/initrd.cpio", hx_host_pkglib_dir(build->host)) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "making the ramdisk");
    r = build->net.none
            ? 0
            : hx_netconf_dns(&build->netconf, RESOLV_CONF, &dns, err);
    if (r == 0)
        r = load_seccomp(build, &seccomp, err);
    if (r == 0)
        r = make_seed(seed, err);
    if (r == 0)
        r = hx_guestconf_make(build->spec, seed, &build->disks, &build->net,
                              &dns, seccomp, &config, err);
    hx_dns_release(&dns);
    if (r == 0)
        r = hx_ramdisk_make(base, config, strlen(config), &build->ramdisk, err);
    return r == 0 ? stage_done(build, "ramdisk", err) : r;
}

static void undo_ramdisk(void *ctx)
{
    struct build *build = ctx;

    hx_ramdisk_release(&build->ramdisk);
}

static int act_domain(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    const struct hx_domain_parts parts = {
        .spec = build->spec,
        .uuid = build->pod->uuid,
        .type = build->type,
        .ramdisk = build->ramdisk.path,
        .disks = &build->disks,
        .net = &build->net,
    };
    int r = hx_domain_build(build->host, &parts, &build->pod->domid, err);

    return r == 0 ? stage_done(build, "domain", err) : r;
}

static void undo_domain(void *ctx)
{
    struct build *build = ctx;

    hx_domain_destroy(build->host, build->pod->uuid, NULL);
}

/* -- filling the pod --------------------------------------------------------*/

static void forget(struct hx_pod *pod)
{
    char **strings[] = { &pod->ip, &pod->gateway, &pod->mac, &pod->bridge,
                         &pod->vif };

    pod->domid = 0;
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        free(*strings[i]);
        *strings[i] = NULL;
    }
}

static int act_tell(void *ctx, struct hx_err *err)
{
    struct build *build = ctx;
    const struct hx_network *net = &build->net;
    struct hx_pod *pod = build->pod;
    char address[HX_IPV4_TEXT], gateway[HX_IPV4_TEXT], mac[HX_MAC_TEXT];

    if (net->none)
        return 0;
    pod->ip = strdup(hx_ipv4_format_net(&net->at, address));
    if (net->gateway)
        pod->gateway = strdup(hx_ipv4_format(net->gateway, gateway));
    pod->mac = strdup(hx_mac_format(net->mac, mac));
    pod->bridge = strdup(net->bridge);
    if (asprintf(&pod->vif, "vif%u.0", pod->domid) < 0)
        pod->vif = NULL;
    if (!pod->ip || (net->gateway && !pod->gateway) || !pod->mac ||
        !pod->bridge || !pod->vif)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "creating pod %s",
                          build->spec->name);
    return 0;
}

static const struct hx_step build_steps[] = {
    { "plan", act_plan, NULL },
    { "bridge", act_bridge, NULL },
    { "address", act_address, undo_address },
    { "scratch", act_scratch, undo_scratch },
    { "loops", act_loops, undo_loops },
    { "ramdisk", act_ramdisk, undo_ramdisk },
    { "domain", act_domain, undo_domain },
    { "tell", act_tell, NULL },
};

static int paths_of(struct build *build, struct hx_err *err)
{
    const char *state_dir = hx_host_state_dir(build->host);

    if (asprintf(&build->pods_dir, "%s/pods", state_dir) < 0)
        build->pods_dir = NULL;
    if (asprintf(&build->scratch_file, "%s/pods/%s/%s", state_dir,
                 build->pod->uuid, HX_SCRATCH_NAME) < 0)
        build->scratch_file = NULL;
    if (!build->pods_dir || !build->scratch_file)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "creating pod %s",
                          build->spec->name);
    return 0;
}

int hx_pod_build(struct hx_host *host, struct hx_pod *pod, uint64_t start_us,
                 struct hx_err *err)
{
    struct build build = {
        .host = host,
        .pod = pod,
        .spec = &pod->spec,
        .start_us = start_us,
        .ramdisk = HX_RAMDISK_INIT,
    };
    int r = paths_of(&build, err);

    if (r == 0)
        r = hx_steps_run(build_steps, HX_STEPS_COUNT(build_steps), &build, err);
    if (r < 0)
        forget(pod);
    /* What the domain needed only while it was built. */
    hx_ramdisk_release(&build.ramdisk);
    hx_disks_release(&build.disks);
    hx_netconf_release(&build.netconf);
    free(build.pods_dir);
    free(build.scratch_file);
    return r;
}

int hx_pod_unpause(struct hx_host *host, const struct hx_pod *pod,
                   struct hx_err *err)
{
    return hx_domain_unpause(host, pod->domid, err);
}

/* -- the way back -----------------------------------------------------------*/

static int remove_scratch(struct hx_host *host, const char *uuid,
                          struct hx_err *err)
{
    static const char *const suffixes[] = { "", ".new" };

    for (size_t i = 0; i < 2; i++) {
        _cleanup_free_ char *path = NULL;

        if (asprintf(&path, "%s/pods/%s/%s%s", hx_host_state_dir(host), uuid,
                     HX_SCRATCH_NAME, suffixes[i]) < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "removing the disk of pod %s", uuid);
        if (unlink(path) < 0 && errno != ENOENT)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "removing %s", path);
    }
    return 0;
}

int hx_pod_undo(struct hx_host *host, const char *uuid, bool scratch,
                struct hx_err *err)
{
    struct hx_err more;
    int r = hx_domain_destroy(host, uuid, err), r2;

    /* An address of a domain that still runs must not be given to another. */
    if (r < 0)
        return r;
    r = hx_lease_release(hx_host_run_dir(host), uuid, err);
    if (!scratch)
        return r;
    r2 = remove_scratch(host, uuid, r == 0 ? err : &more);
    return r < 0 ? r : r2;
}
