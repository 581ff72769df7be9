/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/dry-run.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "domain-builder/netconf.h"
#include "domain-builder/xen_config.h"
#include "domain-builder/xen_domain.h"
#include "image/base/cleanup.h"

#define NO_UUID "00000000-0000-0000-0000-000000000000"

struct dry_run {
    struct hx_disks disks;
    struct hx_netconf netconf;
    struct hx_network net;
    char *kernel;
    char *ramdisk;
    char *hotplug;
};

static void dry_run_release(struct dry_run *run)
{
    hx_netconf_release(&run->netconf);
    free(run->kernel);
    free(run->ramdisk);
    free(run->hotplug);
}

static int name_files(struct hx_host *host, struct dry_run *run,
                      struct hx_err *err)
{
    const char *folder = hx_host_pkglib_dir(host);

    if (asprintf(&run->kernel, "%s/vmlinux", folder) < 0)
        run->kernel = NULL;
    if (asprintf(&run->ramdisk, "%s/initrd.cpio", folder) < 0)
        run->ramdisk = NULL;
    if (asprintf(&run->hotplug, "%s/hotplug", folder) < 0)
        run->hotplug = NULL;
    if (!run->kernel || !run->ramdisk || !run->hotplug)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the domain");
    return 0;
}

static int plan(struct hx_host *host, const struct hx_pod_spec *spec,
                struct dry_run *run, struct hx_err *err)
{
    int r = name_files(host, run, err);

    if (r == 0)
        r = hx_disks_plan(spec, &run->disks, err);
    for (size_t i = 0; r == 0 && i < run->disks.count; i++)
        snprintf(run->disks.disk[i].loop.path,
                 sizeof(run->disks.disk[i].loop.path), "/dev/loop%zu", i);
    if (r == 0)
        r = hx_netconf_load(hx_host_daemon_json(host), &run->netconf, err);
    if (r == 0)
        r = hx_network_plan(&run->netconf, &spec->net, NO_UUID, &run->net, err);
    return r;
}

static int to_json(libxl_domain_config *config, char **json_r,
                   struct hx_err *err)
{
    /* The context is for libxl's log alone, and none needs no Xen. */
    char *json = libxl_domain_config_to_json(NULL, config);

    if (!json)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "writing the domain's configuration");
    *json_r = json;
    return 0;
}

int hx_pod_dry_run(struct hx_host *host, const struct hx_pod_spec *spec,
                   char **json_r, struct hx_err *err)
{
    struct dry_run run = { 0 };
    struct hx_xen_config in = {
        .spec = spec,
        .uuid = NO_UUID,
        .type = spec->type,
        .disks = &run.disks,
        .net = &run.net,
    };
    libxl_domain_config config;
    int r = plan(host, spec, &run, err);

    if (r == 0 && spec->type == HX_DOMAIN_AUTO)
        r = hx_domain_choose_type(host, spec, &in.type, err);
    in.kernel = run.kernel;
    in.ramdisk = run.ramdisk;
    in.hotplug = run.hotplug;
    if (r == 0)
        r = hx_xen_config_make(&in, &config, err);
    if (r == 0) {
        if (config.num_nics && run.net.at.address == 0) {
            free(config.nics[0].ip);
            config.nics[0].ip = NULL;
        }
        r = to_json(&config, json_r, err);
        libxl_domain_config_dispose(&config);
    }
    dry_run_release(&run);
    return r;
}
