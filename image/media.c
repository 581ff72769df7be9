/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <string.h>
#include <strings.h>

#include "image/manifest.h"

#define OCI_LAYER      "application/vnd.oci.image.layer.v1.tar"
#define OCI_FOREIGN    "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define DOCKER_LAYER   "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar"

static const struct {
    const char *type;
    enum hx_media media;
    int foreign;
} types[] = {
    { HX_TYPE_OCI_MANIFEST, HX_MEDIA_MANIFEST, 0 },
    { HX_TYPE_DOCKER_MANIFEST, HX_MEDIA_MANIFEST, 0 },
    { HX_TYPE_OCI_INDEX, HX_MEDIA_INDEX, 0 },
    { HX_TYPE_DOCKER_LIST, HX_MEDIA_INDEX, 0 },
    { "application/vnd.docker.distribution.manifest.v1+json", HX_MEDIA_SCHEMA1,
      0 },
    { "application/vnd.docker.distribution.manifest.v1+prettyjws",
      HX_MEDIA_SCHEMA1, 0 },
    { HX_TYPE_OCI_CONFIG, HX_MEDIA_CONFIG, 0 },
    { "application/vnd.docker.container.image.v1+json", HX_MEDIA_CONFIG, 0 },
    /* What docker 1.10 wrote for a config. */
    { "application/octet-stream", HX_MEDIA_CONFIG, 0 },
    { OCI_LAYER, HX_MEDIA_LAYER_TAR, 0 },
    { OCI_LAYER "+gzip", HX_MEDIA_LAYER_GZIP, 0 },
    { OCI_LAYER "+zstd", HX_MEDIA_LAYER_ZSTD, 0 },
    { OCI_FOREIGN, HX_MEDIA_LAYER_TAR, 1 },
    { OCI_FOREIGN "+gzip", HX_MEDIA_LAYER_GZIP, 1 },
    { OCI_FOREIGN "+zstd", HX_MEDIA_LAYER_ZSTD, 1 },
    { DOCKER_LAYER, HX_MEDIA_LAYER_TAR, 0 },
    { DOCKER_LAYER ".gzip", HX_MEDIA_LAYER_GZIP, 0 },
    { DOCKER_LAYER ".zstd", HX_MEDIA_LAYER_ZSTD, 0 },
    { DOCKER_FOREIGN, HX_MEDIA_LAYER_TAR, 1 },
    { DOCKER_FOREIGN ".gzip", HX_MEDIA_LAYER_GZIP, 1 },
};

enum hx_media hx_media_of(const char *media_type, int *foreign_r)
{
    size_t len = strcspn(media_type, "; \t");

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strlen(types[i].type) != len ||
            strncasecmp(types[i].type, media_type, len) != 0)
            continue;
        if (foreign_r)
            *foreign_r = types[i].foreign;
        return types[i].media;
    }
    return HX_MEDIA_UNKNOWN;
}

const char *hx_media_layer_type(enum hx_media media)
{
    switch (media) {
    case HX_MEDIA_LAYER_GZIP:
        return OCI_LAYER "+gzip";
    case HX_MEDIA_LAYER_ZSTD:
        return OCI_LAYER "+zstd";
    default:
        return OCI_LAYER;
    }
}
