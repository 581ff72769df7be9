/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * All that the store knows of one image: its record, its names, and its
 * config as it came.  For hyper-image-inspect and hyper-history.
 */
#ifndef HX_DETAILS_H
#define HX_DETAILS_H

#include <jansson.h>

#include "image/manifest.h"
#include "image/record.h"

struct hx_image_details {
    struct hx_image_record record;
    char **tags;         /* as docker prints them: "nginx:latest" */
    char **digests;      /* "nginx@sha256:..." */
    int64_t tagged_at_s; /* the last of its names; 0 without one */
    json_t *document;    /* the config: an object, checked as pull does */
    struct hx_image_config config; /* the same, parsed */
    struct hx_rootfs rootfs;
    /* The layers, most often compressed; none when the image was stored without
     * its manifest, as older versions did with docker archives. */
    struct hx_manifest manifest;
};

/* `text` as hx_image_lookup() takes it, and its errors; HX_ERR_CORRUPT. */
int hx_image_details_load(const struct hx_store *store, const char *text,
                          struct hx_image_details *details_r,
                          struct hx_err *err);
/* Takes NULL and zeroed ones. */
void hx_image_details_release(struct hx_image_details *details);

#define _cleanup_details_ _cleanup_(hx_image_details_release)

#endif
