/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-text.h"

#include <stdio.h>
#include <string.h>

#include "xl-plugin/output.h"
#include "xl-plugin/times.h"

#define NONE "<none>"

/* Where the name ends: at '@', else at the ':' behind the last '/'. */
static size_t name_length(const char *name)
{
    const char *slash = strrchr(name, '/');
    const char *from = slash ? slash : name;

    if (strchr(name, '@')) {
        const char *at = strchr(name, '@');
        size_t length = (size_t)(at - name);
        const char *colon = NULL;

        slash = memrchr(name, '/', length);
        from = slash ? slash : name;
        colon = memchr(from, ':', (size_t)(at - from));
        return colon ? (size_t)(colon - name) : length;
    }
    return (size_t)(from - name) + strcspn(from, ":");
}

void hx_image_repository(const struct hx_image *image, char *text, size_t size)
{
    const char *name = image->familiar;

    if (!image->reference || !name)
        snprintf(text, size, NONE);
    else
        snprintf(text, size, "%.*s", (int)name_length(name), name);
}

void hx_image_tag(const struct hx_image *image, char *text, size_t size)
{
    const char *name = image->familiar;
    const char *tag = NULL;

    if (image->reference && name)
        tag = name + name_length(name);
    if (tag && *tag == ':')
        snprintf(text, size, "%.*s", (int)strcspn(tag + 1, "@"), tag + 1);
    else
        snprintf(text, size, NONE);
}

void hx_image_id_short(const struct hx_image *image,
                       char text[HX_IMAGE_ID_SHORT])
{
    const char *hex = strchr(image->id, ':');

    snprintf(text, HX_IMAGE_ID_SHORT, "%.12s", hex ? hex + 1 : image->id);
}

json_t *hx_image_json(const struct hx_image *image)
{
    char repository[512], tag[160], pulled[HX_TIME_TEXT];

    hx_image_repository(image, repository, sizeof(repository));
    hx_image_tag(image, tag, sizeof(tag));
    hx_time_print_rfc3339(image->pulled_at_s * 1000, pulled);
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:s, s:I, s:o, s:o, s:s, s:o, s:o}", "Id",
        image->id, "Reference", hx_json_text(image->reference), "Familiar",
        hx_json_text(image->familiar), "Repository", hx_json_text(repository),
        "Tag", hx_json_text(tag), "Digest", image->digest, "Size",
        (json_int_t)image->root_disk_bytes, "RootDisk",
        hx_json_text(image->root_disk), "Created",
        hx_json_text(image->config.created), "Pulled", pulled, "Os",
        hx_json_text(image->config.os), "Architecture",
        hx_json_text(image->config.architecture));
}
