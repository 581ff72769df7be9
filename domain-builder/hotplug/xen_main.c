/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hotplug: completes a vbd or vif that libxl has announced.
 *
 * Runs in place of the stock scripts `block` and `vif-bridge`: for a disk it
 * tells blkback which device to open, for a vif it puts the network device
 * into its bridge.  One process, no lock, no child.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <xenstore.h>

#include "domain-builder/hotplug/request.h"
#include "domain-builder/netdev.h"
#include "image/base/cleanup.h"

/* A vif is announced some microseconds before its device is there. */
#define VIF_TIMEOUT_MS 5000

struct hotplug {
    struct hx_hotplug_request request;
    struct xs_handle *xs;
};

static char *store_read(struct hotplug *hp, const char *node)
{
    char path[128];
    unsigned len;

    snprintf(path, sizeof(path), "%s/%s", hp->request.path, node);
    return xs_read(hp->xs, XBT_NULL, path, &len);
}

static int store_write(struct hotplug *hp, const char *node, const char *value,
                       struct hx_err *err)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", hp->request.path, node);
    if (!xs_write(hp->xs, XBT_NULL, path, value, (unsigned)strlen(value)))
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "writing xenstore node %s",
                          path);
    return 0;
}

/* Blkback opens what physical-device names: hexadecimal major:minor. */
static int add_vbd(struct hotplug *hp, struct hx_err *err)
{
    _cleanup_free_ char *device = store_read(hp, "params");
    struct stat st;
    char number[32];

    if (!device)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "attaching a disk: reading xenstore node %s/params",
                          hp->request.path);
    if (stat(device, &st) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "attaching disk %s",
                          device);
    if (!S_ISBLK(st.st_mode))
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "attaching disk %s: it is not a block device",
                          device);
    snprintf(number, sizeof(number), "%x:%x", major(st.st_rdev),
             minor(st.st_rdev));
    return store_write(hp, "physical-device", number, err);
}

static int set_mtu(struct hotplug *hp, const char *bridge, struct hx_err *err)
{
    _cleanup_free_ char *text = store_read(hp, "mtu");
    unsigned mtu = text ? (unsigned)strtoul(text, NULL, 10) : 0;

    if (mtu == 0 && hx_netdev_mtu(bridge, &mtu) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "attaching %s: reading the MTU of bridge %s",
                          hp->request.vif, bridge);
    /* 1500 is what a vif has. */
    if (mtu != 1500 && hx_netdev_set_mtu(hp->request.vif, mtu) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "attaching %s: setting its MTU to %u",
                          hp->request.vif, mtu);
    return 0;
}

static int add_vif(struct hotplug *hp, struct hx_err *err)
{
    _cleanup_free_ char *bridge = store_read(hp, "bridge");
    const char *vif = hp->request.vif;

    if (!bridge || !hx_netdev_name_valid(bridge))
        return hx_err_set(err, HX_ERR_SYSTEM,
                          "attaching %s: xenstore node %s/bridge names no "
                          "bridge",
                          vif, hp->request.path);
    if (hx_netdev_add_port(bridge, vif, VIF_TIMEOUT_MS) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                          "attaching %s to bridge %s", vif, bridge);
    return set_mtu(hp, bridge, err);
}

static int add(struct hotplug *hp, struct hx_err *err)
{
    int r = hp->request.kind == HX_HOTPLUG_VBD ? add_vbd(hp, err)
                                               : add_vif(hp, err);

    if (r == 0)
        r = store_write(hp, "hotplug-status", "connected", err);
    if (r < 0) {
        /* libxl logs the first, netback looks at the second. */
        store_write(hp, "hotplug-error", err->msg, NULL);
        store_write(hp, "hotplug-status", "error", NULL);
    }
    return r;
}

int main(int argc, char *argv[])
{
    struct hotplug hp = { 0 };
    struct hx_err err = { 0 };
    int r;

    if (argc == 2 &&
        (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        puts("hotplug: libxl runs this for the disks and vifs of pods");
        return 0;
    }
    r = hx_hotplug_parse(argv, environ, &hp.request, &err);
    if (r < 0) {
        fprintf(stderr, "%s\n", err.msg);
        return 2;
    }
    /* Blkback closes the disk, and a vif leaves its bridge when netback
     * removes it; doing that here too would only wait for RCU once more. */
    if (!hp.request.add)
        return 0;
    hp.xs = xs_open(0);
    if (!hp.xs) {
        fprintf(stderr, "hotplug: no xenstore: %s\n", strerror(errno));
        return 1;
    }
    r = add(&hp, &err);
    xs_close(hp.xs);
    return r < 0 ? 1 : 0;
}
