/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <inttypes.h>
#include <libxl.h>
#include <libxl_utils.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "domain-builder/xen_config.h"
#include "domain-builder/xen_domain.h"
#include "domain-builder/xen_host.h"
#include "image/base/cleanup.h"
#include "image/base/file.h"

#define BACKEND_TIMEOUT_MS 10000
#define BACKEND_LOOK_MS    1
#define BUILDERS_MAX       4
#define TURN_TIMEOUT_MS    300000

/* -- type -------------------------------------------------------------------*/

int hx_domain_choose_type(struct hx_host *host, const struct hx_pod_spec *spec,
                          enum hx_domain_type *type_r, struct hx_err *err)
{
    struct hx_host_info info;
    int r = hx_host_get_info(host, &info, err);

    if (r < 0)
        return r;
    if (spec->type == HX_DOMAIN_PVH && !info.can_pvh)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "--type pvh: this host has no hardware "
                          "virtualisation with nested paging (see 'xl info', "
                          "virt_caps); use --type pv");
    if (spec->type == HX_DOMAIN_PV && !info.can_pv)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "--type pv: this Xen was built without PV; use "
                          "--type pvh");
    *type_r = spec->type;
    if (spec->type == HX_DOMAIN_AUTO)
        *type_r = info.can_pvh ? HX_DOMAIN_PVH : HX_DOMAIN_PV;
    return 0;
}

/* -- memory -----------------------------------------------------------------*/

/* As `xl`: who gave dom0 a fixed size does not want it changed. */
static bool dom0_may_shrink(libxl_ctx *ctx)
{
    const libxl_version_info *version = libxl_get_version_info(ctx);
    const char *at = version ? version->commandline : NULL;

    while (at && (at = strstr(at, "dom0_mem="))) {
        if (at == version->commandline || at[-1] == ' ')
            return false;
        at++;
    }
    return true;
}

static int no_memory(struct hx_err *err, const struct hx_pod_spec *spec,
                     uint64_t need_kib, uint64_t free_kib)
{
    return hx_err_set(err, HX_ERR_NO_MEMORY,
                      "building domain %s: %" PRIu64 " MiB of memory are "
                      "needed and %" PRIu64 " MiB are free; stop a domain, "
                      "choose less with -m, or shrink dom0 with 'xl mem-set "
                      "0'",
                      spec->name, (need_kib + 1023) / 1024, free_kib / 1024);
}

/* Takes what is missing from dom0, and waits until it has given it; *taken_r
 * is for grow_dom0(), after a failure too. */
static int shrink_dom0(libxl_ctx *ctx, uint64_t missing_kib,
                       uint64_t *taken_kib_r)
{
    if (!dom0_may_shrink(ctx))
        return -1;
    if (libxl_set_memory_target(ctx, 0, -(int64_t)missing_kib, 1, 0))
        return -1;
    *taken_kib_r = missing_kib;
    return libxl_wait_for_memory_target(ctx, 0, 10) ? -1 : 0;
}

/* No domain came of it: gives back what was taken. */
static void grow_dom0(libxl_ctx *ctx, uint64_t taken_kib)
{
    if (taken_kib)
        libxl_set_memory_target(ctx, 0, (int64_t)taken_kib, 1, 0);
}

static int ensure_memory(struct hx_host *host, libxl_ctx *ctx,
                         libxl_domain_config *config,
                         const struct hx_pod_spec *spec, uint64_t *taken_kib_r,
                         struct hx_err *err)
{
    uint64_t need, avail;
    int rc;

    rc = libxl_get_free_memory(ctx, &avail);
    /* More than enough in any case: the exact sum costs more calls. */
    if (rc == 0 && avail / 2 > spec->mem_kib + spec->vcpus * 1024)
        return 0;
    if (rc == 0)
        rc = libxl_domain_need_memory(ctx, config, 0, &need);
    if (rc)
        return hx_xen_err(host, err, rc, "asking Xen for its free memory");
    if (avail >= need)
        return 0;
    if (shrink_dom0(ctx, need - avail, taken_kib_r) < 0 ||
        libxl_get_free_memory(ctx, &avail) || avail < need) {
        hx_xen_forget(host);
        return no_memory(err, spec, need, avail);
    }
    return 0;
}

/* -- backends ---------------------------------------------------------------*/

/* xvda is 51712; from the 17th disk on libxl numbers them otherwise. */
static unsigned vbd_number(const struct hx_disk *disk)
{
    unsigned index = (unsigned)(disk->vdev[3] - 'a');

    return index < 16 ? 202u << 8 | index << 4 : 1u << 28 | index << 8;
}

/* What blkback says went wrong, or NULL; the caller's to free. */
static char *backend_error(struct hx_host *host, uint32_t domid, unsigned vbd)
{
    struct xs_handle *xs;
    char path[128];
    unsigned len;

    if (hx_xen_store(host, &xs, NULL) < 0)
        return NULL;
    snprintf(path, sizeof(path), "error/backend/vbd/%u/%u/error", domid, vbd);
    return xs_read(xs, XBT_NULL, path, &len);
}

/*
 * Blkback opens its device some time after the hotplug helper named it, and
 * tells by making the file "physical_device" in sysfs, of which there is no
 * event to wait for.  Nearly always the first look finds it.
 */
static int wait_for_backend(struct hx_host *host, uint32_t domid,
                            const struct hx_disk *disk, struct hx_err *err)
{
    static const struct timespec pause = { .tv_nsec =
                                               BACKEND_LOOK_MS * 1000000 };
    unsigned vbd = vbd_number(disk);
    char path[128];

    snprintf(path, sizeof(path),
             "/sys/bus/xen-backend/devices/vbd-%u-%u/physical_device", domid,
             vbd);
    for (int ms = 0; ms < BACKEND_TIMEOUT_MS; ms += BACKEND_LOOK_MS) {
        _cleanup_free_ char *said = NULL;

        if (access(path, F_OK) == 0)
            return 0;
        said = backend_error(host, domid, vbd);
        if (said)
            return hx_err_set(err, HX_ERR_XEN,
                              "attaching disk %s (%s): xen-blkback says: %s",
                              disk->vdev, disk->loop.path, said);
        nanosleep(&pause, NULL);
    }
    return hx_err_set(err, HX_ERR_XEN,
                      "attaching disk %s (%s): xen-blkback has not opened it "
                      "for %d s; see dmesg",
                      disk->vdev, disk->loop.path, BACKEND_TIMEOUT_MS / 1000);
}

/* -- the domain -------------------------------------------------------------*/

static int create_err(struct hx_host *host, libxl_ctx *ctx, int rc,
                      libxl_domain_config *config,
                      const struct hx_pod_spec *spec, struct hx_err *err)
{
    uint64_t need, avail;
    uint32_t other;

    /* Another creator may have been faster with the name or the memory. */
    if (strstr(hx_xen_said(host), "already exists") &&
        libxl_name_to_domid(ctx, spec->name, &other) == 0)
        return hx_err_set(err, HX_ERR_EXISTS,
                          "building domain %s: domain %u has that name; "
                          "choose another one with --name",
                          spec->name, other);
    if (strstr(hx_xen_said(host), "too large"))
        return hx_err_set(err, HX_ERR_USAGE,
                          "building domain %s: its kernel does not fit into "
                          "%" PRIu64 " MiB; choose more with -m",
                          spec->name, spec->mem_kib / 1024);
    if (libxl_get_free_memory(ctx, &avail) == 0 &&
        libxl_domain_need_memory(ctx, config, 0, &need) == 0 && avail < need)
        return no_memory(err, spec, need, avail);
    return hx_xen_err(host, err, rc, "building domain %s", spec->name);
}

/*
 * A few domains are built at a time.  Xenstored and dom0's xenwatch thread
 * work on one request after the other, so more builders at once would not be
 * faster together, but each slower, up to libxl's time-outs of 10 s.
 */
static int builders(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    return cpus < 1 ? 1 : cpus > BUILDERS_MAX ? BUILDERS_MAX : (int)cpus;
}

static int take_turn(struct hx_host *host, int *lock_r, struct hx_err *err)
{
    char path[PATH_MAX];
    int count = builders();
    int r = hx_mkdir_p(hx_host_run_dir(host), 0755, err);

    for (int i = 0; r == 0 && i < count; i++) {
        snprintf(path, sizeof(path), "%s/build.%d.lock", hx_host_run_dir(host),
                 i);
        if (hx_lock(path, 1, 0, lock_r, NULL) == 0)
            return 0;
    }
    if (r < 0)
        return r;
    snprintf(path, sizeof(path), "%s/build.%d.lock", hx_host_run_dir(host),
             (int)getpid() % count);
    return hx_lock(path, 1, TURN_TIMEOUT_MS, lock_r, err);
}

static int create_new(struct hx_host *host, libxl_ctx *ctx,
                      libxl_domain_config *config,
                      const struct hx_pod_spec *spec, uint32_t *domid_r,
                      struct hx_err *err)
{
    _cleanup_close_ int turn = -1;
    uint64_t taken_kib = 0;
    uint32_t domid = 0;
    int r, rc;

    r = take_turn(host, &turn, err);
    if (r < 0)
        return r;
    r = ensure_memory(host, ctx, config, spec, &taken_kib, err);
    if (r == 0) {
        hx_xen_forget(host);
        rc = libxl_domain_create_new(ctx, config, &domid, NULL, NULL);
        if (rc)
            r = create_err(host, ctx, rc, config, spec, err);
    }
    if (r < 0)
        grow_dom0(ctx, taken_kib);
    else
        *domid_r = domid;
    return r;
}

int hx_domain_build(struct hx_host *host, const struct hx_domain_parts *parts,
                    uint32_t *domid_r, struct hx_err *err)
{
    _cleanup_free_ char *kernel = NULL, *hotplug = NULL;
    struct hx_xen_config in = { parts->spec,  parts->uuid,    parts->type,
                                NULL,         parts->ramdisk, NULL,
                                parts->disks, parts->net };
    libxl_domain_config config;
    libxl_ctx *ctx;
    uint32_t domid = 0;
    int r;

    if (asprintf(&kernel, "%s/vmlinux", hx_host_pkglib_dir(host)) < 0 ||
        asprintf(&hotplug, "%s/hotplug", hx_host_pkglib_dir(host)) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "building the domain");
    in.kernel = kernel;
    in.hotplug = hotplug;
    if (access(kernel, R_OK) < 0 || access(hotplug, X_OK) < 0)
        return hx_err_sys(err, HX_ERR_NOT_FOUND, errno,
                          "building domain %s: %s/vmlinux or hotplug (is "
                          "xl-hyper fully installed?)",
                          parts->spec->name, hx_host_pkglib_dir(host));
    r = hx_xen_libxl(host, &ctx, err);
    if (r < 0)
        return r;
    r = hx_xen_config_make(&in, &config, err);
    if (r < 0)
        return r;
    r = create_new(host, ctx, &config, parts->spec, &domid, err);
    libxl_domain_config_dispose(&config);
    for (size_t i = 0; r == 0 && i < parts->disks->count; i++) {
        r = wait_for_backend(host, domid, &parts->disks->disk[i], err);
        if (r < 0)
            hx_domain_destroy(host, parts->uuid, NULL);
    }
    if (r == 0)
        *domid_r = domid;
    return r;
}
