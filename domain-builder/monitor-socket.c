/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor-socket.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "domain-builder/pod-monitor.h"
#include "image/base/cleanup.h"
#include "pv-init/channel-abi.h"

int hx_monitor_connect(const struct hx_pod_dirs *dirs, const char *uuid)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int len = snprintf(address.sun_path, sizeof(address.sun_path),
                       "%s/%s/" HX_MONITOR_SOCKET, dirs->run, uuid);
    _cleanup_close_ int fd = -1;

    if (len < 0 || (size_t)len >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return hx_steal_fd(&fd);
}

void hx_monitor_set_clock(const struct hx_pod_dirs *dirs, const char *uuid)
{
    const struct hx_ch_frame frame = { .type = HX_CH_CLOCK };
    _cleanup_close_ int fd = hx_monitor_connect(dirs, uuid);
    uint8_t header[HX_CH_HEADER_BYTES];

    if (fd < 0)
        return;
    hx_ch_encode(&frame, header);
    /* It reads what was sent before it sees that we are gone. */
    send(fd, header, sizeof(header), MSG_NOSIGNAL | MSG_DONTWAIT);
}
