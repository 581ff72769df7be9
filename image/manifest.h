/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Manifests, indexes and configs: pure parsing of what a registry, a folder
 * or an archive handed out (OCI image spec 1.1: manifest.md, image-index.md,
 * config.md; Docker image manifest version 2 schema 2).
 *
 * All of it is hostile input: sizes and counts are bounded, digests have
 * passed hx_digest_check, unknown fields are ignored, and errors name `what`.
 */
#ifndef HX_MANIFEST_H
#define HX_MANIFEST_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/cleanup.h"
#include "image/base/err.h"
#include "image/digest.h"
#include "image/image.h"
#include "image/platform.h"

#define HX_MANIFEST_MAX_BYTES ((size_t)4 << 20) /* and of a config */
#define HX_LAYERS_MAX         500               /* docker itself stops at 127 */
/* Together, packed or not: what mkroot takes of them unpacked. */
#define HX_LAYERS_MAX_BYTES  (UINT64_C(256) << 30)
#define HX_INDEX_ENTRIES_MAX 1000

enum hx_media {
    HX_MEDIA_UNKNOWN,
    HX_MEDIA_MANIFEST, /* OCI or schema 2 */
    HX_MEDIA_INDEX,    /* OCI index or docker's manifest list */
    HX_MEDIA_SCHEMA1,  /* docker's first one: refused with its name */
    HX_MEDIA_CONFIG,
    HX_MEDIA_LAYER_TAR,
    HX_MEDIA_LAYER_GZIP,
    HX_MEDIA_LAYER_ZSTD
};

#define HX_TYPE_OCI_MANIFEST "application/vnd.oci.image.manifest.v1+json"
#define HX_TYPE_OCI_INDEX    "application/vnd.oci.image.index.v1+json"
#define HX_TYPE_OCI_CONFIG   "application/vnd.oci.image.config.v1+json"
#define HX_TYPE_DOCKER_MANIFEST                                                \
    "application/vnd.docker.distribution.manifest.v2+json"
#define HX_TYPE_DOCKER_LIST                                                    \
    "application/vnd.docker.distribution.manifest.list.v2+json"

/*
 * The kind of a media type; parameters after ';' are ignored.  *foreign_r
 * (may be NULL) tells whether it is a layer that its registry need not have.
 */
enum hx_media hx_media_of(const char *media_type, int *foreign_r);
/* The OCI name of a layer's kind, for mkroot. */
const char *hx_media_layer_type(enum hx_media media);

struct hx_descriptor {
    enum hx_media media;
    char digest[HX_DIGEST_TEXT_MAX];
    uint64_t size_bytes;
    int foreign; /* "nondistributable": its registry may not have it */
};

struct hx_manifest {
    struct hx_descriptor config;
    struct hx_descriptor *layers; /* lowest first */
    size_t layer_count;
};

/*
 * `content_type` is what came with the document (a Content-Type header, the
 * descriptor that led here), or NULL; one that contradicts the document's own
 * mediaType is HX_ERR_CORRUPT.  The result is HX_MEDIA_MANIFEST or _INDEX.
 */
int hx_manifest_kind(const char *data, size_t len, const char *content_type,
                     const char *what, enum hx_media *media_r,
                     struct hx_err *err);

int hx_manifest_parse(const char *data, size_t len, const char *what,
                      struct hx_manifest *manifest_r, struct hx_err *err);
void hx_manifest_release(struct hx_manifest *manifest);

/*
 * The entries of an index that can lead to an image for `wanted`, in order:
 * manifests that match and nested indexes; attestations and unknown types are
 * skipped.  None: HX_ERR_NOT_FOUND, naming the platforms there are.  The
 * caller frees *entries_r.
 */
int hx_index_choose(const char *data, size_t len, const char *what,
                    const struct hx_platform *wanted,
                    struct hx_descriptor **entries_r, size_t *count_r,
                    struct hx_err *err);

struct hx_rootfs {
    char (*diff_ids)[HX_DIGEST_TEXT_MAX]; /* lowest first */
    size_t count;
};

/* A config; either out-parameter may be NULL. */
int hx_config_parse(const char *data, size_t len, const char *what,
                    struct hx_image_config *config_r,
                    struct hx_rootfs *rootfs_r, struct hx_err *err);
void hx_config_release(struct hx_image_config *config);
void hx_rootfs_release(struct hx_rootfs *rootfs);

#define _cleanup_manifest_ _cleanup_(hx_manifest_release)
#define _cleanup_rootfs_   _cleanup_(hx_rootfs_release)
#define _cleanup_config_   _cleanup_(hx_config_release)

#endif
