/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a pod was given over its image's config, for an image that is made of
 * it: docker commit takes the container's config, not the image's.
 *
 *     { "Env": ["PATH=/bin", "A=1"], "Cmd": ["sh"], "Entrypoint": null,
 *       "User": "www", "WorkingDir": "/srv", "StopSignal": "SIGQUIT",
 *       "Healthcheck": { "Test": ["NONE"] } }
 *
 * It holds only what differs from the image; null is for what the image has
 * and the pod has not (RFC 7396).  PATH, HOSTNAME and TERM, as far as nobody
 * asked for them, belong to the run and are left out.
 */
#ifndef HX_COMMIT_CONFIG_H
#define HX_COMMIT_CONFIG_H

#include <jansson.h>

#include "domain-builder/pod.h"
#include "image/image.h"

/* *config_r is the caller's.  HX_ERR_SYSTEM without memory. */
int hx_commit_config(const struct hx_container_spec *container,
                     const struct hx_image_config *image, json_t **config_r,
                     struct hx_err *err);

#endif
