/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/image-use.h"

#include <string.h>

#include "domain-builder/pod.h"

static int uses(const struct hx_pod_spec *spec, const char *id)
{
    for (size_t c = 0; c < spec->container_count; c++) {
        const char *used = spec->containers[c].image_id;

        if (used && strcmp(used, id) == 0)
            return 1;
    }
    return 0;
}

int hx_image_in_use(const char *id, void *host, struct hx_err *err)
{
    struct hx_pod *pods = NULL;
    size_t count = 0;
    int r = hx_pod_list(host, &pods, &count, err);

    for (size_t i = 0; r == 0 && i < count; i++)
        r = uses(&pods[i].spec, id);
    hx_pod_list_free(pods, count);
    return r;
}
