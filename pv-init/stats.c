/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/stats.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "pv-init/mounts.h"

#define UNKNOWN UINT64_MAX

/* A file of the kernel's, or "" when there is none; cut at `size`. */
static void read_text(const char *path, char *buf, size_t size)
{
    _init_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    size_t len = 0;
    ssize_t n;

    while (fd >= 0 && len + 1 < size &&
           (n = read(fd, buf + len, size - 1 - len)) > 0)
        len += (size_t)n;
    buf[len] = '\0';
}

static void read_cgroup(unsigned index, const char *name, char *buf,
                        size_t size)
{
    char path[64];

    snprintf(path, sizeof(path), HX_INIT_CGROUP "/%u/%s", index, name);
    read_text(path, buf, size);
}

/* "max" and nothing at all are no number. */
static uint64_t number(const char *text)
{
    return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : UNKNOWN;
}

static uint64_t read_number(unsigned index, const char *name)
{
    char text[64];

    read_cgroup(index, name, text, sizeof(text));
    return number(text);
}

uint64_t hx_init_stats_named(const char *text, const char *name)
{
    size_t len = strlen(name);

    while (text && *text) {
        if (strncmp(text, name, len) == 0 && text[len] == ' ')
            return number(text + len + 1);
        text = strchr(text, '\n');
        if (text)
            text++;
    }
    return UNKNOWN;
}

uint64_t hx_init_stats_sum(const char *text, const char *name)
{
    size_t len = strlen(name);
    uint64_t sum = 0;

    for (; (text = strstr(text, name)); text += len) {
        if (text[len] == '=')
            sum += strtoull(text + len + 1, NULL, 10);
    }
    return sum;
}

void hx_init_stats_net(const char *text, uint64_t *in_r, uint64_t *out_r)
{
    const char *line;

    *in_r = *out_r = 0;
    for (line = text; line; line = strchr(line, '\n')) {
        unsigned long long in, out;
        char name[16];

        line += *line == '\n';
        /* Eight numbers of what came, then eight of what went. */
        if (sscanf(line, " %15[^: ]: %llu %*u %*u %*u %*u %*u %*u %*u %llu",
                   name, &in, &out) != 3 ||
            strcmp(name, "lo") == 0)
            continue;
        *in_r += in;
        *out_r += out;
    }
}

static uint64_t memory_used(unsigned index)
{
    uint64_t current = read_number(index, "memory.current"), inactive;
    char text[4096];

    read_cgroup(index, "memory.stat", text, sizeof(text));
    inactive = hx_init_stats_named(text, "inactive_file");
    if (current == UNKNOWN || inactive == UNKNOWN || inactive > current)
        return current;
    return current - inactive;
}

static uint64_t memory_limit(unsigned index)
{
    uint64_t limit = read_number(index, "memory.max");
    struct sysinfo info;

    if (limit != UNKNOWN || sysinfo(&info) < 0)
        return limit;
    return (uint64_t)info.totalram * info.mem_unit;
}

void hx_init_stats_read(unsigned index, uint64_t values_r[HX_CH_STAT_COUNT])
{
    char text[8192];

    read_cgroup(index, "cpu.stat", text, sizeof(text));
    values_r[HX_CH_STAT_CPU_US] = hx_init_stats_named(text, "usage_usec");
    values_r[HX_CH_STAT_MEMORY_BYTES] = memory_used(index);
    values_r[HX_CH_STAT_MEMORY_LIMIT] = memory_limit(index);
    values_r[HX_CH_STAT_PIDS] = read_number(index, "pids.current");
    read_cgroup(index, "io.stat", text, sizeof(text));
    values_r[HX_CH_STAT_IO_READ_BYTES] = hx_init_stats_sum(text, "rbytes");
    values_r[HX_CH_STAT_IO_WRITE_BYTES] = hx_init_stats_sum(text, "wbytes");
    read_cgroup(index, "memory.events", text, sizeof(text));
    values_r[HX_CH_STAT_OOM_KILLS] = hx_init_stats_named(text, "oom_kill");
    read_text("/proc/net/dev", text, sizeof(text));
    hx_init_stats_net(text, &values_r[HX_CH_STAT_NET_IN_BYTES],
                      &values_r[HX_CH_STAT_NET_OUT_BYTES]);
}
