/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A tar from a guest, which may be hostile, into a folder of dom0.
 *
 * Nothing is written but below the destination's base: each name is cleaned
 * and has to begin with TOP, which the administrator gave and not the guest;
 * each folder on its way is opened without following any link; files are made
 * anew, in place of whatever has their names.  Names, members, and the room
 * that is taken are bounded.
 */
#ifndef HX_COPY_EXTRACT_H
#define HX_COPY_EXTRACT_H

#include <stdint.h>

#include "xl-plugin/copy/destination.h"

#define HX_EXTRACT_MEMBERS_MAX (4u << 20)

struct hx_extract {
    const struct hx_destination *dest;
    const char *top;
    /* Owners, attributes, and the bits set-user-id, set-group-id, sticky, as
     * in the tar; else the caller's, none, none. */
    bool as_is;
    unsigned members_max; /* 0: HX_EXTRACT_MEMBERS_MAX */
};

/*
 * Reads a tar, not compressed, from `in`.  *bytes_r is its size.  Devices are
 * left out, which is an error in the end (HX_ERR_UNSUPPORTED), when all else is
 * there; any other error ends the copy.  HX_ERR_CORRUPT: no tar, cut off, or
 * members that have no place in it; HX_ERR_LIMIT: a bound; HX_ERR_EXISTS: a
 * folder in a file's place, a file in a folder's, a link in the way.
 */
int hx_extract(const struct hx_extract *how, int in, uint64_t *bytes_r,
               struct hx_err *err);

#endif
