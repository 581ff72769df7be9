/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Where a copy goes and under which name, by docker cp's rules:
 *
 *     DEST is           a file becomes        a folder becomes
 *     a folder          DEST/TOP              DEST/TOP
 *     a file            DEST, replaced        an error
 *     not there         DEST                  DEST
 *     not there, "x/"   an error              DEST
 *
 * With TOP "." it is the content of a folder, and "DEST/." is DEST.
 */
#ifndef HX_COPY_DESTINATION_H
#define HX_COPY_DESTINATION_H

#include <limits.h>
#include <stdbool.h>

#include "image/base/err.h"

struct hx_destination {
    int base;              /* the folder below which all is written */
    char to[NAME_MAX + 1]; /* TOP's new name in it; "": the base itself */
    bool for_file;         /* a folder cannot go there */
    bool for_folder;       /* a file cannot go there */
    const char *path;      /* DEST, borrowed, for messages */
};

/* Follows the administrator's own links in `path`.  *dest_r is for
 * hx_destination_release().  HX_ERR_USAGE for a TOP that is no name of one
 * file. */
int hx_destination_find(const char *path, const char *top,
                        struct hx_destination *dest_r, struct hx_err *err);

/* Whether what is copied can go there. */
int hx_destination_check(const struct hx_destination *dest, bool is_folder,
                         struct hx_err *err);

void hx_destination_release(struct hx_destination *dest);

#endif
