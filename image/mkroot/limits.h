/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bounds against hostile layers.  Each is far above what images in use have,
 * and low enough that reaching it costs dom0 little; docs/root-disk.md lists
 * them for users.  Crossing one is HX_ERR_LIMIT.
 */
#ifndef HX_MKROOT_LIMITS_H
#define HX_MKROOT_LIMITS_H

#include <stdint.h>

/* overlayfs, and so docker, stops at 128; buildkit's own bound is near. */
#define HX_MKROOT_LAYERS_MAX 1024
/* All layers together.  An entry costs about 110 bytes of memory. */
#define HX_MKROOT_ENTRIES_MAX 2000000
/* PATH_MAX and NAME_MAX of the kernel that will read the disk. */
#define HX_MKROOT_PATH_MAX 4095
#define HX_MKROOT_NAME_MAX 255
/* Half of PATH_MAX: no deeper file can be named by one system call.  Symbolic
 * links in parents can lead deeper than an entry's own path. */
#define HX_MKROOT_DEPTH_MAX 2048
/* Links followed for one path, as the kernel does. */
#define HX_MKROOT_SYMLINKS_MAX 40
/* Components of all paths and of the links in them: a few links can make each
 * short path a walk of 80,000 steps.  Some tens of seconds of work. */
#define HX_MKROOT_STEPS_MAX UINT64_C(100000000)

/* Uncompressed tar bytes, all layers together; and file content, in which
 * holes count as if they were data. */
#define HX_MKROOT_TAR_BYTES_MAX  (UINT64_C(256) << 30)
#define HX_MKROOT_DATA_BYTES_MAX (UINT64_C(256) << 30)
/* A layer that unpacks to more than the first may do so by at most the second
 * as a factor; gzip cannot go past 1032, real layers stay below 30. */
#define HX_MKROOT_RATIO_FREE_BYTES (UINT64_C(1) << 30)
#define HX_MKROOT_RATIO_MAX        200

/* A PAX header or GNU long name, as Go's reader has it; headers before one
 * entry; parts of one sparse file, 16 bytes of memory each. */
#define HX_MKROOT_TAR_SPECIAL_MAX  1048576
#define HX_MKROOT_TAR_HEADERS_MAX  16
#define HX_MKROOT_SPARSE_PARTS_MAX 262144

/* XATTR_NAME_MAX, XATTR_SIZE_MAX, XATTR_LIST_MAX of the kernel. */
#define HX_MKROOT_XATTR_NAME_MAX  255
#define HX_MKROOT_XATTR_VALUE_MAX 65536
#define HX_MKROOT_XATTR_LIST_MAX  65536
/* Distinct sets of extended attributes, all together. */
#define HX_MKROOT_XATTR_TOTAL_MAX (UINT64_C(8) << 20)

/* squashfs keeps owners in a table with a 16 bit count. */
#define HX_MKROOT_OWNERS_MAX 65535

#endif
