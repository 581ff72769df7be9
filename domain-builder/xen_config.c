/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libxl_utils.h>

#define VCPUS_MAX 128
/* From here on a domain has memory for deeper queues to its disks. */
#define ROOMY_MEM_KIB (UINT64_C(256) << 10)
#define ROOMY_QUEUES  4

#define POD_KEY "hyper/pod"

/*
 * Fixed text and numbers of ours only: nothing from an image or a spec is
 * ever a word of the kernel's command line.  The kernel's own defaults are
 * those of a small domain (pv-init/hyperkernel/hyperkernel.config).
 */
static char *make_cmdline(const struct hx_pod_spec *spec)
{
    unsigned queues = spec->vcpus < ROOMY_QUEUES ? spec->vcpus : ROOMY_QUEUES;
    char *cmdline;
    int n;

    if (spec->mem_kib < ROOMY_MEM_KIB)
        return strdup("console=hvc0");
    n = asprintf(&cmdline,
                 "console=hvc0 xen_blkfront.max_indirect_segments=64 "
                 "xen_blkfront.max_queues=%u xen_netfront.max_queues=%u",
                 queues, queues);
    return n < 0 ? NULL : cmdline;
}

static int fill_create_info(const struct hx_xen_config *in,
                            libxl_domain_create_info *info, struct hx_err *err)
{
    info->type =
        in->type == HX_DOMAIN_PV ? LIBXL_DOMAIN_TYPE_PV : LIBXL_DOMAIN_TYPE_PVH;
    if (libxl_uuid_from_string(&info->uuid, in->uuid))
        return hx_err_set(err, HX_ERR_USAGE, "'%s' is no UUID", in->uuid);
    info->name = strdup(in->spec->name);
    /* A list of key, value, key, value, NULL. */
    info->xsdata = calloc(3, sizeof(*info->xsdata));
    if (info->xsdata) {
        info->xsdata[0] = strdup(POD_KEY);
        info->xsdata[1] = info->xsdata[0] ? strdup(in->uuid) : NULL;
    }
    if (!info->name || !info->xsdata || !info->xsdata[1])
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the domain");
    return 0;
}

/* As libxl_bitmap_alloc(), which needs a context and so a running Xen. */
static int set_all(libxl_bitmap *map, int bits)
{
    size_t size = ((size_t)bits + 7) / 8;

    map->map = calloc(size, 1);
    if (!map->map)
        return -1;
    map->size = (uint32_t)size;
    for (int i = 0; i < bits; i++)
        libxl_bitmap_set(map, i);
    return 0;
}

static int fill_build_info(const struct hx_xen_config *in,
                           libxl_domain_config *config, struct hx_err *err)
{
    const struct hx_pod_spec *spec = in->spec;
    libxl_domain_build_info *info = &config->b_info;

    if (spec->vcpus < 1 || spec->vcpus > VCPUS_MAX)
        return hx_err_set(err, HX_ERR_USAGE, "a pod has 1 to %d vCPUs, not %u",
                          VCPUS_MAX, spec->vcpus);
    libxl_domain_build_info_init_type(info, config->c_info.type);
    /* Whole pages; equal, since ballooning at boot would cost seconds. */
    info->max_memkb = (spec->mem_kib + 3) & ~UINT64_C(3);
    info->target_memkb = info->max_memkb;
    info->max_vcpus = (int)spec->vcpus;
    /* Too little memory is seen at once, not when it is half given. */
    libxl_defbool_set(&info->claim_mode, true);
    if (set_all(&info->avail_vcpus, info->max_vcpus) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the domain");
    info->kernel = strdup(in->kernel);
    info->ramdisk = strdup(in->ramdisk);
    info->cmdline = make_cmdline(spec);
    if (!info->kernel || !info->ramdisk || !info->cmdline)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the domain");
    return 0;
}

static int add_disks(const struct hx_xen_config *in,
                     libxl_domain_config *config, struct hx_err *err)
{
    config->disks = calloc(in->disks->count, sizeof(*config->disks));
    if (!config->disks)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the disks");
    for (size_t i = 0; i < in->disks->count; i++) {
        const struct hx_disk *from = &in->disks->disk[i];
        libxl_device_disk *disk = &config->disks[i];

        libxl_device_disk_init(disk);
        config->num_disks++;
        disk->backend = LIBXL_DISK_BACKEND_PHY;
        disk->format = LIBXL_DISK_FORMAT_RAW;
        disk->readwrite = from == in->disks->scratch;
        disk->pdev_path = strdup(from->loop.path);
        disk->vdev = strdup(from->vdev);
        disk->script = strdup(in->hotplug);
        if (!disk->pdev_path || !disk->vdev || !disk->script)
            return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                              "configuring the disks");
    }
    return 0;
}

static int add_nic(const struct hx_xen_config *in, libxl_domain_config *config,
                   struct hx_err *err)
{
    char address[HX_IPV4_TEXT];
    libxl_device_nic *nic;

    if (in->net->none)
        return 0;
    config->nics = nic = calloc(1, sizeof(*nic));
    if (!nic)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the vif");
    libxl_device_nic_init(nic);
    config->num_nics = 1;
    nic->devid = 0;
    nic->nictype = LIBXL_NIC_TYPE_VIF;
    nic->mtu = (int)in->net->mtu;
    memcpy(nic->mac, in->net->mac, sizeof(nic->mac));
    nic->bridge = strdup(in->net->bridge);
    nic->script = strdup(in->hotplug);
    nic->ip = strdup(hx_ipv4_format(in->net->at.address, address));
    if (!nic->bridge || !nic->script || !nic->ip)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "configuring the vif");
    return 0;
}

int hx_xen_config_make(const struct hx_xen_config *in,
                       libxl_domain_config *config_r, struct hx_err *err)
{
    libxl_domain_config config;
    int r;

    libxl_domain_config_init(&config);
    r = fill_create_info(in, &config.c_info, err);
    if (r == 0)
        r = fill_build_info(in, &config, err);
    if (r == 0)
        r = add_disks(in, &config, err);
    if (r == 0)
        r = add_nic(in, &config, err);
    if (r < 0) {
        libxl_domain_config_dispose(&config);
        return r;
    }
    /* Only `xl`'s own monitor reads these; ours decides by itself. */
    config.on_poweroff = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config.on_reboot = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config.on_watchdog = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config.on_crash = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    config.on_soft_reset = LIBXL_ACTION_ON_SHUTDOWN_DESTROY;
    *config_r = config;
    return 0;
}
