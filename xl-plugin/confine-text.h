/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How a container is confined, for hyper-inspect. */
#ifndef HX_CONFINE_TEXT_H
#define HX_CONFINE_TEXT_H

#include <jansson.h>

#include "domain-builder/confine.h"

/* Adds docker's fields of HostConfig to `obj`; -1 without memory. */
int hx_confine_inspect(const struct hx_confine_spec *confine, json_t *obj);

#endif
