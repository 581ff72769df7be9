/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One header block of a tar: 512 bytes into numbers and names.  Pure.
 *
 * The formats are those that image tools write: the old one, POSIX ustar (and
 * PAX, whose blocks look the same), and GNU's.  What a field may hold is what
 * Go's archive/tar takes, the reader in docker, containerd, podman and umoci:
 * an image that they read reads the same here.
 *
 *       0 name       100 mode   108 uid   116 gid     124 size    136 mtime
 *     148 checksum   156 type   157 link  257 magic   265 owners' names
 *     329 major      337 minor
 *     345 prefix                                                     (ustar)
 *     345 atime, ctime, 369 offset, 386 sparse map, 482 more follows,
 *     483 size with holes                                             (GNU)
 */
#ifndef HX_MKROOT_TARBLOCK_H
#define HX_MKROOT_TARBLOCK_H

#include <stdint.h>

#include "image/base/err.h"

#define HX_TAR_BLOCK 512

struct hx_tarblock {
    char type;
    int gnu;       /* GNU's magic */
    uint32_t mode; /* permissions */
    int64_t uid;
    int64_t gid;
    int64_t size;
    int64_t mtime;
    int64_t major; /* of devices only */
    int64_t minor;
    char name[257]; /* with the prefix */
    char link[101];
};

/* Whether a block is all NULs: the end of the archive. */
int hx_tarblock_is_end(const unsigned char block[HX_TAR_BLOCK]);

/* HX_ERR_CORRUPT for a wrong checksum or a number that is none. */
int hx_tarblock_parse(const unsigned char block[HX_TAR_BLOCK],
                      struct hx_tarblock *header_r, struct hx_err *err);

/*
 * A number as tar writes it: octal, padded with NULs and spaces, empty is 0;
 * or in base 256 when its first bit is set.  0, or -1 for anything else and
 * for what 64 bits do not hold.
 */
int hx_tarblock_number(const unsigned char *field, size_t len,
                       int64_t *number_r);

/*
 * The sparse map of GNU's old format: pairs within the header block (21 of
 * them in the blocks that follow it), each of two 12 byte numbers.
 */
#define HX_TAR_OLD_SPARSE_OFFSET   386
#define HX_TAR_OLD_SPARSE_PAIRS    4
#define HX_TAR_OLD_SPARSE_MORE     482
#define HX_TAR_OLD_SPARSE_SIZE     483
#define HX_TAR_MORE_SPARSE_PAIRS   21
#define HX_TAR_MORE_SPARSE_MORE    504
#define HX_TAR_SPARSE_NUMBER_BYTES 12

#endif
