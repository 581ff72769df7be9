/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Names in a layer's tar: made clean, and told apart from whiteouts.
 *
 * A path is any bytes but NUL.  Cleaning is what docker, containerd and umoci
 * do before they look at a path: empty components and "." vanish, ".." takes
 * the component before it away and stops at the root.  The result has no
 * slash at either end; "" is the root.
 */
#ifndef HX_MKROOT_PATH_H
#define HX_MKROOT_PATH_H

#include <stddef.h>

#include "image/base/err.h"
#include "image/mkroot/limits.h"

struct hx_path {
    size_t len;
    char text[HX_MKROOT_PATH_MAX + 1];
};

/*
 * Cleans `raw` into *path_r.  HX_ERR_LIMIT for a path longer than
 * HX_MKROOT_PATH_MAX or with a longer component than HX_MKROOT_NAME_MAX.
 */
int hx_path_clean(const char *raw, struct hx_path *path_r, struct hx_err *err);

enum hx_path_kind {
    HX_PATH_PLAIN,
    HX_PATH_WHITEOUT, /* hides `target` of the layers below */
    HX_PATH_OPAQUE,   /* hides what layers below have in the folder `target` */
    HX_PATH_IGNORED,  /* AUFS's own files, ".wh..wh.plnk" and the like */
};

/*
 * What a clean path means.  For whiteouts `path` is rewritten to what they
 * act on.  HX_ERR_CORRUPT for whiteouts that name nothing (".wh.", ".wh..",
 * ".wh...") and for names below a whiteout.
 */
int hx_path_classify(struct hx_path *path, enum hx_path_kind *kind_r,
                     struct hx_err *err);

/* The length of the first component of `text`, up to a '/' or `len`. */
size_t hx_path_component(const char *text, size_t len);

#endif
