/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Loop devices that the kernel frees by itself.
 *
 * Each is set to autoclear: it goes when the last that has it open, our
 * process or blkback, lets go of it - after kill -9, after `xl destroy`, on
 * every path.  So a device must be held open from here until blkback has it
 * (see hx_xen_wait_for_disk in xen_create.c).
 *
 *     struct hx_loop loop = HX_LOOP_INIT;
 *     r = hx_loop_share(run_dir, "/var/lib/hyper/.../root.squashfs", &loop,
 *                       err);
 *     ... give loop.path to libxl, build the domain ...
 *     hx_loop_release(&loop);
 *
 * Linux 5.8 sets a device up in one call; on an older kernel two are made, and
 * a process killed between them leaves a device behind.
 */
#ifndef HX_LOOP_H
#define HX_LOOP_H

#include <stdbool.h>

#include "image/base/err.h"

struct hx_loop {
    int fd;
    char path[32]; /* "/dev/loop7" */
};

/* clang-format off */
#define HX_LOOP_INIT { .fd = -1 }
/* clang-format on */

/*
 * A read-only device of `file`, the one that is there already if there is
 * one: all domains of an image share it.  RUN_DIR/loop.lock keeps two callers
 * from making two.
 */
int hx_loop_share(const char *run_dir, const char *file, struct hx_loop *loop_r,
                  struct hx_err *err);

/* A new writable device of `file`, for one domain alone. */
int hx_loop_open(const char *file, struct hx_loop *loop_r, struct hx_err *err);

/* Takes an initialised or released one too. */
void hx_loop_release(struct hx_loop *loop);

#endif
