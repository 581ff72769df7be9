/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "domain-builder/disks.h"

#include <stdio.h>
#include <string.h>

static struct hx_disk *add_disk(struct hx_disks *disks, const char *file)
{
    struct hx_disk *disk = &disks->disk[disks->count];

    *disk = (struct hx_disk){ .file = file, .loop = HX_LOOP_INIT };
    snprintf(disk->vdev, sizeof(disk->vdev), "xvd%c",
             (char)('a' + disks->count));
    disks->count++;
    return disk;
}

static size_t root_index(struct hx_disks *disks, const char *file)
{
    for (size_t i = 0; i < disks->count; i++)
        if (strcmp(disks->disk[i].file, file) == 0)
            return i;
    add_disk(disks, file);
    return disks->count - 1;
}

int hx_disks_plan(const struct hx_pod_spec *spec, struct hx_disks *disks_r,
                  struct hx_err *err)
{
    bool writes = false;

    if (spec->container_count < 1 ||
        spec->container_count > HX_ABI_CONTAINERS_MAX)
        return hx_err_set(err, HX_ERR_USAGE,
                          "planning the disks: a pod has 1 to %d containers, "
                          "not %zu",
                          HX_ABI_CONTAINERS_MAX, spec->container_count);
    disks_r->count = 0;
    disks_r->scratch = NULL;
    for (size_t i = 0; i < spec->container_count; i++) {
        const struct hx_container_spec *container = &spec->containers[i];

        if (!container->root_disk)
            return hx_err_set(err, HX_ERR_USAGE,
                              "planning the disks: container %s has no root "
                              "disk",
                              container->name ? container->name : "?");
        disks_r->root_of[i] = root_index(disks_r, container->root_disk);
        writes |= container->writable == HX_WRITABLE_DISK;
    }
    if (writes)
        disks_r->scratch = add_disk(disks_r, NULL);
    return 0;
}

int hx_disks_attach(struct hx_disks *disks, const char *run_dir,
                    const char *scratch_file, struct hx_err *err)
{
    for (size_t i = 0; i < disks->count; i++) {
        struct hx_disk *disk = &disks->disk[i];
        int r = disk->file
                    ? hx_loop_share(run_dir, disk->file, &disk->loop, err)
                    : hx_loop_open(scratch_file, &disk->loop, err);

        if (r < 0) {
            hx_disks_release(disks);
            return r;
        }
    }
    return 0;
}

void hx_disks_release(struct hx_disks *disks)
{
    for (size_t i = 0; i < disks->count; i++)
        hx_loop_release(&disks->disk[i].loop);
}
