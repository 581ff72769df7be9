/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/found.h"

#include <string.h>

#include "image/base/strv.h"

void hx_found_release(struct hx_found *found)
{
    if (!found)
        return;
    hx_manifest_release(&found->layers);
    hx_rootfs_release(&found->rootfs);
    hx_strv_free(&found->references);
    *found = (struct hx_found){ 0 };
}

static int check_platform(const struct hx_image_config *config,
                          const struct hx_platform *wanted, struct hx_err *err)
{
    char text[HX_PLATFORM_TEXT_MAX];

    if (hx_platform_matches(wanted, config->os, config->architecture,
                            config->variant))
        return 0;
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "the image is for %.31s/%.31s and not for %s; name the "
                      "platform with --platform if that is wanted",
                      config->os ? config->os : "?",
                      config->architecture ? config->architecture : "?",
                      hx_platform_text(wanted, text));
}

int hx_found_set_config(struct hx_found *found, const char *data, size_t len,
                        const char *digest, const struct hx_platform *wanted,
                        struct hx_err *err)
{
    _cleanup_config_ struct hx_image_config config = { 0 };
    _cleanup_rootfs_ struct hx_rootfs rootfs = { 0 };
    int rc = hx_config_parse(data, len, "config", &config, &rootfs, err);

    if (rc == 0)
        rc = check_platform(&config, wanted, err);
    if (rc < 0)
        return rc;
    if (rootfs.count != found->layers.layer_count)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "config: it names %zu layers and the manifest %zu",
                          rootfs.count, found->layers.layer_count);
    hx_digest_copy(found->id, digest);
    hx_rootfs_release(&found->rootfs);
    found->rootfs = rootfs;
    rootfs = (struct hx_rootfs){ 0 };
    return 0;
}
