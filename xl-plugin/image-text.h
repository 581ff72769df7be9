/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An image in words and as JSON, for pull and images.
 */
#ifndef HX_IMAGE_TEXT_H
#define HX_IMAGE_TEXT_H

#include <jansson.h>

#include "image/image.h"

/*
 * Splits what docker prints as an image's name into its columns:
 * "host:5000/web:1.2" into "host:5000/web" and "1.2"; a missing tag, or an
 * image without a name, is "<none>".  Cut when longer than `size`.
 */
void hx_image_repository(const struct hx_image *image, char *text, size_t size);
void hx_image_tag(const struct hx_image *image, char *text, size_t size);

/* The first 12 digits of the id. */
#define HX_IMAGE_ID_SHORT 13
void hx_image_id_short(const struct hx_image *image,
                       char text[HX_IMAGE_ID_SHORT]);

json_t *hx_image_json(const struct hx_image *image);

#endif
