/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image from what a pod has written: the library's side of `pull --commit`.
 */
#ifndef HX_COMMIT_H
#define HX_COMMIT_H

#include <jansson.h>

#include "image/image.h"

struct hx_commit_request {
    const char *base;      /* the id of the image that the pod was made of */
    int disk_fd;           /* the pod's disk, which nobody writes to */
    const char *folder;    /* the upper folder of an overlayfs on it */
    const char *reference; /* the new image's name, or NULL */
    const char *made_by;   /* for the history */
    const char *author;    /* or NULL */
    const char *message;   /* or NULL */
    const json_t *config;  /* merged into the config's "config" before that, as
                              RFC 7396 has it; or NULL */
    char *const *changes;  /* lines of a Dockerfile, or NULL: see the manual
                              page of xl-hyper-commit */
};

struct hx_committed {
    char id[HX_DIGEST_TEXT_MAX];
    int clean; /* the disk was unmounted when its guest ended */
};

/*
 * The store has the new image then, under its name.  `progress` may be NULL.
 * HX_ERR_CORRUPT for a disk that contradicts itself; HX_ERR_UNSUPPORTED when
 * the layers of the base are not kept, and no registry gives them.
 */
int hx_image_commit(struct hx_store *store,
                    const struct hx_commit_request *request,
                    const struct hx_progress *progress,
                    struct hx_committed *committed_r, struct hx_err *err);

#endif
