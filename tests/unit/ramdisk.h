/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tree like the one that pv-init finds itself in, for tests that run real
 * containers: a tmpfs stands for the ramdisk, others for the root disks, which
 * hold a busybox.
 */
#ifndef HX_TESTS_RAMDISK_H
#define HX_TESTS_RAMDISK_H

#include <stddef.h>

/* Becomes /init there, if it is there. */
#define RAMDISK_PVINIT "build/bin/pv-init"

/* A group's setup: *state is not NULL when there are root, namespaces and a
 * busybox. */
int ramdisk_setup(void **state);

/* Becomes it, in namespaces of its own.  `spoil`: a shell command that is run
 * in each root, or NULL. */
void ramdisk_enter(size_t containers, const char *spoil);

/* Ends this process, a child of the test's, when r is negative. */
void ramdisk_must(int r, const char *what);

#endif
