/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What hx_pod_create() would hand to libxl, without doing anything: no lease,
 * no loop device, no folder, no bridge.
 *
 * What only a real creation knows stands there by way of example: the UUID is
 * all zeros (and the MAC address made from it), disks are /dev/loop0 and so
 * on, the ramdisk is the one that the pod's own configuration would be joined
 * to.  An address that the pool would give is missing.  So the same spec gives
 * the same text.
 */
#ifndef HX_DRY_RUN_H
#define HX_DRY_RUN_H

#include "domain-builder/host.h"
#include "domain-builder/pod.h"

/*
 * The JSON of libxl_domain_config as libxl writes it; *json_r is the caller's
 * to free.  Xen is asked only for type "auto" (HX_ERR_NO_XEN,
 * HX_ERR_PRIVILEGE).  HX_ERR_USAGE as hx_pod_create().
 */
int hx_pod_dry_run(struct hx_host *host, const struct hx_pod_spec *spec,
                   char **json_r, struct hx_err *err);

#endif
