/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/monitor/bound-log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/cleanup.h"

static int open_part(struct hx_bound_log *log)
{
    struct stat st;

    log->fd =
        open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
             0600);
    if (log->fd < 0 || fstat(log->fd, &st) < 0)
        return -1;
    log->size = (uint64_t)st.st_size;
    return 0;
}

int hx_bound_log_open(struct hx_bound_log *log, const char *path,
                      uint64_t max_bytes, struct hx_err *err)
{
    *log = (struct hx_bound_log){ .fd = -1, .max_bytes = max_bytes };
    log->path = strdup(path);
    if (!log->path || asprintf(&log->older, "%s.1", path) < 0) {
        log->older = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "opening %s", path);
    }
    if (open_part(log) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "opening %s", path);
    return 0;
}

void hx_bound_log_close(struct hx_bound_log *log)
{
    if (!log->path)
        return;
    hx_cleanup_close(&log->fd);
    free(log->path);
    free(log->older);
    *log = (struct hx_bound_log){ .fd = -1 };
}

/* Where the folder no longer takes a new part, the one there is begins anew. */
static void rotate(struct hx_bound_log *log)
{
    int full = log->fd;

    if (rename(log->path, log->older) == 0 && open_part(log) == 0) {
        close(full);
        return;
    }
    if (log->fd != full)
        hx_cleanup_close(&log->fd);
    log->fd = full;
    if (ftruncate(full, 0) == 0)
        log->size = 0;
}

void hx_bound_log_write(struct hx_bound_log *log, const char *data, size_t len)
{
    while (len) {
        uint64_t room;
        ssize_t n;

        if (log->size >= log->max_bytes)
            rotate(log);
        room = log->max_bytes > log->size ? log->max_bytes - log->size : 0;
        n = write(log->fd, data, len < room ? len : (size_t)room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        log->size += (uint64_t)n;
        data += n;
        len -= (size_t)n;
    }
}
