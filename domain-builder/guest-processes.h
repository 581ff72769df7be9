/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The list of processes that a guest gives (pv-init/processes.h draws its
 * lines), taken apart.  Pure: the guest may be hostile, and this parser is
 * fuzzed.
 */
#ifndef HX_GUEST_PROCESSES_H
#define HX_GUEST_PROCESSES_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"

/* Bounds of what is taken from a guest. */
#define HX_PROCESSES_BYTES_MAX (8u << 20)
#define HX_PROCESSES_MAX       4096u

struct hx_process {
    uint32_t pid, ppid; /* in the container; ppid 0: the parent is outside */
    uint32_t uid;
    int64_t start_s;  /* Unix time, by the guest's clock */
    uint64_t cpu_ms;  /* CPU time used */
    uint64_t rss_kib; /* memory */
    char tty[24];     /* "pts/0", "?" */
    char state;       /* a letter */
    char *command;    /* printable */
};

struct hx_processes {
    struct hx_process *list;
    size_t count;
};

/*
 * HX_ERR_GUEST when a line is not as it should be, or there are too many;
 * nothing of the list is kept then.  *processes_r is the caller's.
 */
int hx_processes_parse(const char *data, size_t len,
                       struct hx_processes *processes_r, struct hx_err *err);
void hx_processes_release(struct hx_processes *processes);

#endif
