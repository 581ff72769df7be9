/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pv-init/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#define FILE_BYTES 4096

struct process {
    uint64_t pid, ppid; /* in the container */
    uint64_t uid, start_s, cpu_ms, rss_kib;
    char state;
    char tty[24];
    char command[HX_INIT_COMMAND_MAX + 1];
};

struct listing {
    int proc; /* the folder */
    uint64_t now_s, up_s;
    long hertz, page_kib;
};

/* A small file of a process; its length, or -1. */
static ssize_t read_of(int proc, const char *pid, const char *name,
                       char data_r[FILE_BYTES])
{
    char path[64];
    size_t len = 0;
    _init_close_ int fd = -1;
    ssize_t n;

    snprintf(path, sizeof(path), "%s/%s", pid, name);
    fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    while (len < FILE_BYTES - 1 &&
           (n = read(fd, data_r + len, FILE_BYTES - 1 - len)) > 0)
        len += (size_t)n;
    data_r[len] = '\0';
    return (ssize_t)len;
}

/* "0::/3" or "0::/3/below" */
static bool is_in_cgroup(int proc, const char *pid, unsigned index)
{
    char data[FILE_BYTES], want[24];
    const char *at;
    size_t len;

    if (read_of(proc, pid, "cgroup", data) < 0)
        return false;
    len = (size_t)snprintf(want, sizeof(want), "0::/%u", index);
    at = strstr(data, "0::");
    return at && strncmp(at, want, len) == 0 &&
           (at[len] == '/' || at[len] == '\n' || at[len] == '\0');
}

/* The last number of a line of status, which is the innermost namespace's; or
 * the first. */
static bool number_of(const char *status, const char *key, bool last,
                      uint64_t *number_r)
{
    const char *at = strstr(status, key), *end;
    char word[24];

    if (!at)
        return false;
    at += strlen(key);
    end = at + strcspn(at, "\n");
    if (last) {
        at = end;
        while (at[-1] != '\t' && at[-1] != ' ' && at[-1] != '\n')
            at--;
    } else {
        at += strspn(at, " \t");
        end = at + strcspn(at, " \t\n");
    }
    if ((size_t)(end - at) >= sizeof(word))
        return false;
    snprintf(word, sizeof(word), "%.*s", (int)(end - at), at);
    return hx_init_parse_u64(word, UINT64_MAX, number_r) == 0;
}

/* What the container calls it; 0 for one that is not in it. */
static uint64_t inner_pid(int proc, const char *pid)
{
    char status[FILE_BYTES];
    const char *line;
    unsigned tabs;
    uint64_t inner;

    if (read_of(proc, pid, "status", status) < 0 ||
        !number_of(status, "\nNSpid:", true, &inner))
        return 0;
    /* One number alone: pv-init's own namespace. */
    line = strstr(status, "\nNSpid:") + 1;
    tabs = 0;
    for (; *line && *line != '\n'; line++)
        tabs += *line == '\t';
    return tabs > 1 ? inner : 0;
}

static void name_tty(unsigned long number, char name[24])
{
    unsigned major_number = major((dev_t)number);
    unsigned minor_number =
        (unsigned)((number & 0xff) | (number >> 12 & 0xfff00));

    if (major_number >= 136 && major_number <= 143)
        snprintf(name, 24, "pts/%u", minor_number + 256 * (major_number - 136));
    else if (major_number == 229)
        snprintf(name, 24, "hvc%u", minor_number);
    else
        snprintf(name, 24, "?");
}

/* Behind the name, which is in parentheses and may have any. */
static bool parse_stat(const struct listing *l, char *stat,
                       struct process *process, char ppid_r[24])
{
    char *name = strchr(stat, '('), *behind = strrchr(stat, ')');
    unsigned long long utime, stime, started;
    long long parent, tty, rss;

    if (!name || !behind || behind[1] != ' ')
        return false;
    if (sscanf(behind + 2,
               "%c %lld %*d %*d %lld %*d %*u %*u %*u %*u %*u %llu %llu %*d "
               "%*d %*d %*d %*d %*d %llu %*u %lld",
               &process->state, &parent, &tty, &utime, &stime, &started,
               &rss) != 7)
        return false;
    *behind = '\0';
    snprintf(process->command, sizeof(process->command), "[%s]", name + 1);
    snprintf(ppid_r, 24, "%lld", parent);
    name_tty((unsigned long)tty, process->tty);
    process->cpu_ms = (utime + stime) * 1000 / (unsigned long)l->hertz;
    process->rss_kib = (uint64_t)(rss > 0 ? rss : 0) * (uint64_t)l->page_kib;
    started /= (unsigned long)l->hertz;
    process->start_s =
        started > l->up_s ? l->now_s : l->now_s - (l->up_s - started);
    return true;
}

static void read_command(int proc, const char *pid, struct process *process)
{
    char data[FILE_BYTES];
    ssize_t len = read_of(proc, pid, "cmdline", data);
    size_t i;

    if (len > (ssize_t)HX_INIT_COMMAND_MAX)
        len = HX_INIT_COMMAND_MAX;
    while (len > 0 && data[len - 1] == '\0')
        len--;
    if (len > 0) {
        memcpy(process->command, data, (size_t)len);
        process->command[len] = '\0';
    }
    for (i = 0; i < (len > 0 ? (size_t)len : strlen(process->command)); i++) {
        unsigned char c = (unsigned char)process->command[i];

        if (c == '\0')
            process->command[i] = ' ';
        else if (c < 0x20 || c == 0x7f)
            process->command[i] = '?';
    }
}

/* False for one that has ended meanwhile, or is not in a container. */
static bool read_process(const struct listing *l, const char *pid,
                         struct process *process)
{
    char data[FILE_BYTES], parent[24];

    memset(process, 0, sizeof(*process));
    if (read_of(l->proc, pid, "stat", data) < 0 ||
        !parse_stat(l, data, process, parent))
        return false;
    process->pid = inner_pid(l->proc, pid);
    if (process->pid == 0)
        return false;
    process->ppid = strcmp(parent, "0") == 0 ? 0 : inner_pid(l->proc, parent);
    if (read_of(l->proc, pid, "status", data) < 0 ||
        !number_of(data, "\nUid:", false, &process->uid))
        return false;
    read_command(l->proc, pid, process);
    return true;
}

static int print(int out, const struct process *p)
{
    char line[HX_INIT_COMMAND_MAX + 256];
    int len = snprintf(
        line, sizeof(line), "%llu\t%llu\t%llu\t%llu\t%llu\t%llu\t%s\t%c\t%s\n",
        (unsigned long long)p->pid, (unsigned long long)p->ppid,
        (unsigned long long)p->uid, (unsigned long long)p->start_s,
        (unsigned long long)p->cpu_ms, (unsigned long long)p->rss_kib, p->tty,
        p->state, p->command);

    return hx_init_write_all(out, line, (size_t)len);
}

/* -- all of them -------------------------------------------------------------
 */

struct found {
    uint64_t inner;
    char pid[16];
};

static int by_inner(const void *a, const void *b)
{
    const struct found *x = a, *y = b;

    return x->inner < y->inner ? -1 : x->inner > y->inner;
}

/* Their number; the list is to be freed. */
static unsigned find(int proc, DIR *dir, unsigned index, struct found *list)
{
    const struct dirent *entry;
    unsigned count = 0;

    while (count < HX_INIT_PROCESSES_MAX && (entry = readdir(dir))) {
        struct found *found = &list[count];
        size_t len = strlen(entry->d_name);

        if (len >= sizeof(found->pid) ||
            strspn(entry->d_name, "0123456789") != len)
            continue;
        strcpy(found->pid, entry->d_name);
        found->inner = 0;
        if (is_in_cgroup(proc, found->pid, index))
            found->inner = inner_pid(proc, found->pid);
        count += found->inner > 0;
    }
    qsort(list, count, sizeof(*list), by_inner);
    return count;
}

static void close_dir(DIR **dir)
{
    if (*dir)
        closedir(*dir);
}

int hx_init_processes_list(int proc, unsigned index, int out,
                           struct hx_init_err *err)
{
    struct listing listing = {
        .proc = proc,
        .now_s = (uint64_t)time(NULL),
        .up_s = hx_init_now_us() / 1000000,
        .hertz = sysconf(_SC_CLK_TCK),
        .page_kib = sysconf(_SC_PAGESIZE) / 1024,
    };
    _init_free_ struct found *list =
        calloc(HX_INIT_PROCESSES_MAX, sizeof(*list));
    __attribute__((cleanup(close_dir))) DIR *dir = NULL;
    struct process process;
    unsigned i, count;
    int fd = openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir || !list)
        return hx_init_fail_sys(err, errno, "listing processes");
    count = find(proc, dir, index, list);
    for (i = 0; i < count; i++) {
        if (read_process(&listing, list[i].pid, &process) &&
            print(out, &process) < 0)
            return hx_init_fail_sys(err, errno, "listing processes");
    }
    return 0;
}
