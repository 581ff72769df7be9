/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What libxl asks of a hotplug script: its argument list and environment.
 *
 *     vbd   argv: SCRIPT add|remove
 *     vif   argv: SCRIPT online|offline type_if=vif     env: vif=vif3.0
 *     both  env:  XENBUS_PATH=backend/vbd/3/51712
 *
 * (libxl_linux.c, get_hotplug_env() and its neighbours.)
 */
#ifndef HX_HOTPLUG_REQUEST_H
#define HX_HOTPLUG_REQUEST_H

#include <stdbool.h>

#include "image/base/err.h"

enum hx_hotplug_kind { HX_HOTPLUG_VBD, HX_HOTPLUG_VIF };

struct hx_hotplug_request {
    enum hx_hotplug_kind kind;
    bool add;
    const char *path; /* XENBUS_PATH: relative to /local/domain/0 */
    const char *vif;  /* the network device, with HX_HOTPLUG_VIF */
};

/* All strings are borrowed from argv and env.  HX_ERR_USAGE. */
int hx_hotplug_parse(char *const argv[], char *const env[],
                     struct hx_hotplug_request *request_r, struct hx_err *err);

#endif
