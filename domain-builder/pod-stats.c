/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/pod-stats.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "domain-builder/monitor-socket.h"
#include "domain-builder/xen_domains.h"
#include "image/base/cleanup.h"
#include "image/base/clock.h"
#include "pv-init/channel-abi.h"

#define SECTOR_BYTES 512

/* -- Xen's word ------------------------------------------------------------ */

int hx_domain_stats_get(const struct hx_pod *pods, size_t count,
                        struct hx_domain_stats *stats_r, struct hx_err *err)
{
    struct hx_domains domains = { 0 };
    int r = hx_domains_get(&domains, err);

    for (size_t i = 0; r == 0 && i < count; i++) {
        const struct hx_domain *domain =
            hx_domains_find(&domains, pods[i].uuid);

        stats_r[i] = (struct hx_domain_stats){ 0 };
        if (domain && domain->fate == HX_DOMAIN_ALIVE)
            stats_r[i] = (struct hx_domain_stats){
                .running = true,
                .domid = domain->domid,
                .cpu_ns = domain->cpu_ns,
                .mem_kib = domain->mem_kib,
            };
    }
    hx_domains_release(&domains);
    return r;
}

/* -- the guest's words ----------------------------------------------------- */

/* A question about one container; -1: nobody takes it. */
static int send_question(int fd, uint64_t container)
{
    const struct hx_ch_frame frame = {
        .type = HX_CH_STATS,
        .session = container + 1,
        .value = container,
    };
    uint8_t header[HX_CH_HEADER_BYTES];

    hx_ch_encode(&frame, header);
    return send(fd, header, sizeof(header), MSG_NOSIGNAL | MSG_DONTWAIT) ==
                   (ssize_t)sizeof(header)
               ? 0
               : -1;
}

/* A connection on which all was asked, or -1. */
static int ask(const struct hx_pod_dirs *dirs, const struct hx_guest_stats *pod)
{
    _cleanup_close_ int fd = hx_monitor_connect(dirs, pod->uuid);

    if (fd < 0)
        return -1;
    for (size_t i = 0; i < pod->containers; i++) {
        if (send_question(fd, i) < 0)
            return -1;
    }
    return hx_steal_fd(&fd);
}

/* What one container does not know, the pod does not know. */
static void add(uint64_t *sum, uint64_t number)
{
    if (*sum == HX_STAT_UNKNOWN || number >= HX_STAT_UNKNOWN - *sum)
        *sum = HX_STAT_UNKNOWN;
    else
        *sum += number;
}

/* One message; the container that it is of, or -1: it is no answer. */
static int take_answer(const uint8_t *data, size_t len,
                       struct hx_guest_stats *pod)
{
    const uint8_t *values = data + HX_CH_HEADER_BYTES;
    struct hx_ch_frame frame;

    if (len < HX_CH_HEADER_BYTES || hx_ch_decode(data, &frame) < 0 ||
        frame.type != HX_CH_STATS || frame.session == 0 ||
        frame.session > pod->containers ||
        len < HX_CH_HEADER_BYTES + 8 * HX_CH_STAT_COUNT)
        return -1;
    add(&pod->memory_bytes,
        hx_ch_get(values + 8ul * HX_CH_STAT_MEMORY_BYTES, 8));
    add(&pod->pids, hx_ch_get(values + 8ul * HX_CH_STAT_PIDS, 8));
    return (int)(frame.session - 1);
}

/* One that waits for answers. */
struct waiting {
    struct hx_guest_stats *pod;
    uint32_t heard; /* containers, as bits */
};

static bool is_heard(const struct waiting *w)
{
    return w->heard == (UINT32_C(1) << w->pod->containers) - 1;
}

/* False when nothing more is to come. */
static bool hear(struct waiting *w, int fd)
{
    struct hx_guest_stats before = *w->pod;
    uint8_t data[HX_CH_FRAME_MAX];
    ssize_t n = recv(fd, data, sizeof(data), MSG_DONTWAIT);
    int container;

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    container = take_answer(data, (size_t)n, w->pod);
    if (container >= 0 && (w->heard & UINT32_C(1) << container))
        *w->pod = before; /* said twice counts once */
    else if (container >= 0)
        w->heard |= UINT32_C(1) << container;
    return !is_heard(w);
}

static void hear_all(struct waiting *waiting, struct pollfd *fds, size_t count,
                     int timeout_ms)
{
    int64_t deadline = hx_clock_monotonic_ms() + timeout_ms, left;
    size_t open = 0;

    for (size_t i = 0; i < count; i++)
        open += fds[i].fd >= 0;
    while (open > 0 && (left = deadline - hx_clock_monotonic_ms()) > 0) {
        if (poll(fds, count, (int)left) < 0 && errno != EINTR)
            break;
        for (size_t i = 0; i < count; i++) {
            if (fds[i].fd < 0 || !fds[i].revents ||
                hear(&waiting[i], fds[i].fd))
                continue;
            hx_cleanup_close(&fds[i].fd);
            fds[i].fd = -1;
            open--;
        }
    }
}

void hx_guest_stats_ask(const struct hx_pod_dirs *dirs,
                        struct hx_guest_stats *pods, size_t count,
                        int timeout_ms)
{
    _cleanup_free_ struct pollfd *fds = calloc(count + 1, sizeof(*fds));
    _cleanup_free_ struct waiting *waiting =
        calloc(count + 1, sizeof(*waiting));

    for (size_t i = 0; i < count; i++) {
        pods[i].answered = false;
        pods[i].memory_bytes = pods[i].pids = 0;
    }
    for (size_t i = 0; fds && waiting && i < count; i++) {
        waiting[i].pod = &pods[i];
        fds[i] = (struct pollfd){ .fd = -1, .events = POLLIN };
        if (pods[i].containers > 0 && pods[i].containers < 32)
            fds[i].fd = ask(dirs, &pods[i]);
    }
    if (fds && waiting)
        hear_all(waiting, fds, count, timeout_ms);
    for (size_t i = 0; i < count; i++) {
        pods[i].answered =
            fds && waiting && waiting[i].heard != 0 && is_heard(&waiting[i]);
        if (!pods[i].answered)
            pods[i].memory_bytes = pods[i].pids = HX_STAT_UNKNOWN;
        if (fds)
            hx_cleanup_close(&fds[i].fd);
    }
}

/* -- dom0's counters ------------------------------------------------------- */

static uint64_t read_number(const char *path)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[32] = "";

    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return 0;
    return strtoull(text, NULL, 10);
}

static uint64_t of_vif(const char *sys, const char *vif, const char *counter)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/class/net/%s/statistics/%s", sys, vif,
             counter);
    return read_number(path);
}

static uint64_t of_disk(const char *folder, const char *disk,
                        const char *counter)
{
    char path[512];

    snprintf(path, sizeof(path), "%s/%s/statistics/%s", folder, disk, counter);
    return read_number(path) * SECTOR_BYTES;
}

void hx_device_stats_read(const char *sys, uint32_t domid, const char *vif,
                          struct hx_device_stats *stats_r)
{
    _cleanup_closedir_ DIR *dir = NULL;
    char folder[128], prefix[32];
    const struct dirent *entry;

    *stats_r = (struct hx_device_stats){ 0 };
    if (vif && !strchr(vif, '/')) {
        /* What dom0 sends over it is what the pod receives. */
        stats_r->received_bytes = of_vif(sys, vif, "tx_bytes");
        stats_r->sent_bytes = of_vif(sys, vif, "rx_bytes");
    }
    snprintf(folder, sizeof(folder), "%s/bus/xen-backend/devices", sys);
    snprintf(prefix, sizeof(prefix), "vbd-%u-", domid);
    dir = opendir(folder);
    while (dir && (entry = readdir(dir))) {
        if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0)
            continue;
        stats_r->read_bytes += of_disk(folder, entry->d_name, "rd_sect");
        stats_r->written_bytes += of_disk(folder, entry->d_name, "wr_sect");
    }
}
