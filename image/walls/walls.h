/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The walls around a program that parses what strangers wrote, `mkroot` and
 * `mklayer`:
 *
 *     pid = hx_walls_confine(&walls, &err);
 *     if (pid > 0)                        the warden: reads nothing hostile
 *         return hx_walls_await(pid, &walls, &err);
 *     if (pid == 0) { ... parse ... }     behind the walls
 *
 * What stands there, in the order in which an attacker would meet it:
 *
 *   the filter      system calls but those of filter.h end the process
 *   descriptors     those given and 1 and 2; no number is left for another
 *   limits          memory, processor time, size of the file, no core dump
 *   the user        an id that nothing else has, no groups, no capabilities,
 *                   no_new_privs
 *   namespaces      no network, no other process, an empty read-only root
 *
 * The filter, the descriptors, the limits and the lack of capabilities are
 * always there.  The user needs root to become it; the namespaces root, or a
 * kernel that lets users make them: without, the others have to do.
 *
 * Built with a sanitizer, whose own work needs what is forbidden here, there
 * are no walls: the caller itself goes on as the child.
 */
#ifndef HX_WALLS_H
#define HX_WALLS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"

/* Users for such programs, one for each by its process id: from a range that no
 * distribution hands out (systemd's UIDS-GIDS.md: "unused"). */
#define HX_WALLS_UID_FIRST 1879048192u /* 0x70000000 */
#define HX_WALLS_UID_COUNT 65536u

struct hx_walls {
    const char *program; /* "mkroot": how errors call it */
    const char *source;  /* "image": who wrote what it parses */
    const int *fds;      /* stay open beside 1 and 2; borrowed */
    size_t fd_count;
    int output_fd;         /* one of them, and the only one to be written */
    int pipe_fd;           /* one of them, which may be read from; 0: none */
    unsigned threads;      /* that will be started */
    uint64_t memory_bytes; /* writable memory, the stacks of threads aside */
    uint64_t file_bytes;   /* of the output */
    unsigned cpu_s;        /* processor time of all threads */
};

/*
 * Like fork: 0 in the child, which is behind the walls, and its process id in
 * the caller.  Negative when a wall cannot be had, in the child too, which
 * then has to say so and exit.  The caller must have one thread.  The child
 * ends when the caller does.
 */
pid_t hx_walls_confine(const struct hx_walls *walls, struct hx_err *err);

/*
 * Waits for the child: its exit status, or a sentence that says which wall it
 * hit.  HX_ERR_LIMIT for limits, HX_ERR_SYSTEM for the rest.
 */
int hx_walls_await(pid_t pid, const struct hx_walls *walls, struct hx_err *err);

/* In the child: turns the errno with which a limit answers (ENOMEM, EFBIG)
 * into the sentence that names the limit.  Others are left alone. */
void hx_walls_name(const struct hx_walls *walls, struct hx_err *err);

#endif
