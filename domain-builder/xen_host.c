/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/xen_host.h"

#include <errno.h>
#include <libxl.h>
#include <libxl_event.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>
#include <xenstore.h>
#include <xenstore_lib.h>

#include "domain-builder/xen_log.h"
#include "image/base/cleanup.h"
#include "pv-init/guest-abi.h"

#define DAEMON_JSON      HX_SYSCONFDIR "/hyper/daemon.json"
#define STORE_TIMEOUT_MS 10000

struct hx_host {
    char *state_dir;
    char *run_dir;
    char *pkglib_dir;
    char *daemon_json;
    struct hx_xen_log log;
    libxl_ctx *libxl;
    struct xs_handle *xs;
    bool store_probed;
};

static int set_path(char **path, const char *given, const char *standard)
{
    size_t len;

    *path = strdup(given ? given : standard);
    if (!*path)
        return -1;
    len = strlen(*path);
    while (len > 1 && (*path)[len - 1] == '/')
        (*path)[--len] = '\0';
    return 0;
}

int hx_host_open(const struct hx_host_options *options, struct hx_host **host_r,
                 struct hx_err *err)
{
    static const struct hx_host_options none;
    struct hx_host *host = calloc(1, sizeof(*host));

    if (!options)
        options = &none;
    if (!host ||
        set_path(&host->state_dir, options->state_dir, HX_STATE_DIR_DEFAULT) ||
        set_path(&host->run_dir, options->run_dir, HX_RUN_DIR_DEFAULT) ||
        set_path(&host->pkglib_dir, options->pkglib_dir, HX_PKGLIBDIR) ||
        set_path(&host->daemon_json, options->daemon_json, DAEMON_JSON)) {
        hx_host_close(host);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening the host");
    }
    hx_xen_log_init(&host->log);
    *host_r = host;
    return 0;
}

void hx_host_close(struct hx_host *host)
{
    if (!host)
        return;
    if (host->libxl)
        libxl_ctx_free(host->libxl);
    if (host->xs)
        xs_close(host->xs);
    free(host->state_dir);
    free(host->run_dir);
    free(host->pkglib_dir);
    free(host->daemon_json);
    free(host);
}

int hx_host_guest_abi(void)
{
    return HX_ABI_VERSION;
}

const char *hx_host_state_dir(const struct hx_host *host)
{
    return host->state_dir;
}

const char *hx_host_run_dir(const struct hx_host *host)
{
    return host->run_dir;
}

const char *hx_host_pkglib_dir(const struct hx_host *host)
{
    return host->pkglib_dir;
}

const char *hx_host_daemon_json(const struct hx_host *host)
{
    return host->daemon_json;
}

/* Sends one request for "/" and waits for the head of any answer. */
static int ask_store(int fd)
{
    struct {
        struct xsd_sockmsg head;
        char path[2];
    } request = { .head = { .type = XS_READ, .len = 2 }, .path = "/" };
    struct pollfd pfd = { .fd = fd, .events = POLLIN };
    size_t len = sizeof(request.head) + sizeof(request.path);
    int r;

    if (send(fd, &request, len, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)len)
        return -1;
    do
        r = poll(&pfd, 1, STORE_TIMEOUT_MS);
    while (r < 0 && errno == EINTR);
    if (r == 0)
        errno = ETIMEDOUT;
    return r > 0 && (pfd.revents & POLLIN) ? 0 : -1;
}

/*
 * libxenstore falls back to the kernel's device when xenstored's socket does
 * not answer, and then waits for ever.  So the socket is asked first, by a
 * connection of our own that has a time-out.
 */
static int probe_store(struct hx_host *host, struct hx_err *err)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    _cleanup_close_ int fd = -1;
    const char *path = xs_daemon_socket();

    if (host->store_probed)
        return 0;
    if (!path || strlen(path) >= sizeof(addr.sun_path))
        return hx_err_set(err, HX_ERR_NO_XEN,
                          "talking to Xen: xenstored's socket has no usable "
                          "path; unset XENSTORED_PATH and XENSTORED_RUNDIR");
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "talking to Xen");
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
        ask_store(fd) < 0)
        return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                          "talking to Xen: xenstored does not answer at %s; "
                          "see 'systemctl status xen' or start xenstored",
                          path);
    host->store_probed = true;
    return 0;
}

static int check_dom0(struct hx_err *err)
{
    if (geteuid() != 0)
        return hx_err_set(err, HX_ERR_PRIVILEGE,
                          "talking to Xen: this needs root; try it with sudo");
    if (access("/dev/xen/privcmd", F_OK) < 0 &&
        access("/proc/xen/privcmd", F_OK) < 0)
        return hx_err_set(err, HX_ERR_NO_XEN,
                          "talking to Xen: this machine does not run on Xen "
                          "(no /dev/xen/privcmd); boot the Xen entry of its "
                          "boot menu");
    return 0;
}

int hx_xen_store(struct hx_host *host, struct xs_handle **xs_r,
                 struct hx_err *err)
{
    int r;

    if (!host->xs) {
        r = check_dom0(err);
        if (r < 0)
            return r;
        r = probe_store(host, err);
        if (r < 0)
            return r;
        host->xs = xs_open(0);
        if (!host->xs)
            return hx_err_sys(err, HX_ERR_NO_XEN, errno,
                              "talking to Xen: opening xenstore");
    }
    *xs_r = host->xs;
    return 0;
}

int hx_xen_libxl(struct hx_host *host, libxl_ctx **ctx_r, struct hx_err *err)
{
    static const libxl_childproc_hooks hooks = {
        .chldowner = libxl_sigchld_owner_libxl_always_selective_reap,
    };
    int r;

    if (!host->libxl) {
        r = check_dom0(err);
        if (r < 0)
            return r;
        r = probe_store(host, err);
        if (r < 0)
            return r;
        r = libxl_ctx_alloc(&host->libxl, LIBXL_VERSION, 0, &host->log.vtable);
        if (r) {
            host->libxl = NULL;
            hx_xen_err(host, err, r, "talking to Xen");
            if (err)
                err->code = HX_ERR_NO_XEN;
            return -HX_ERR_NO_XEN;
        }
        libxl_childproc_setmode(host->libxl, &hooks, host);
    }
    *ctx_r = host->libxl;
    return 0;
}

const char *hx_xen_said(const struct hx_host *host)
{
    return host->log.line;
}

void hx_xen_forget(struct hx_host *host)
{
    hx_xen_log_clear(&host->log);
}

int hx_xen_err(struct hx_host *host, struct hx_err *err, int rc,
               const char *fmt, ...)
{
    char text[HX_ERR_MSG_MAX];
    va_list ap;
    int r;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (host->log.line[0])
        r = hx_err_set(err, HX_ERR_XEN, "%s: %s", text, host->log.line);
    else
        r = hx_err_set(err, HX_ERR_XEN, "%s: libxl failed (%s)", text,
                       libxl_error_to_string(rc));
    if (err)
        err->sys = rc;
    hx_xen_log_clear(&host->log);
    return r;
}

int hx_host_get_info(struct hx_host *host, struct hx_host_info *info_r,
                     struct hx_err *err)
{
    const libxl_version_info *version;
    libxl_physinfo physinfo;
    libxl_ctx *ctx;
    int r, rc;

    r = hx_xen_libxl(host, &ctx, err);
    if (r < 0)
        return r;
    libxl_physinfo_init(&physinfo);
    rc = libxl_get_physinfo(ctx, &physinfo);
    version = rc ? NULL : libxl_get_version_info(ctx);
    if (!version) {
        libxl_physinfo_dispose(&physinfo);
        return hx_xen_err(host, err, rc, "asking Xen what it can do");
    }
    *info_r = (struct hx_host_info){
        .can_pv = physinfo.cap_pv,
        .can_pvh = physinfo.cap_hvm && physinfo.cap_hap,
        .total_mem_kib = physinfo.total_pages * 4,
        .free_mem_kib = (physinfo.free_pages + physinfo.scrub_pages) * 4,
        .cpus = physinfo.nr_cpus,
    };
    snprintf(info_r->xen_version, sizeof(info_r->xen_version), "%d.%d%s",
             version->xen_version_major, version->xen_version_minor,
             version->xen_version_extra ? version->xen_version_extra : "");
    libxl_physinfo_dispose(&physinfo);
    return 0;
}
