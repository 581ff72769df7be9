/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The request of an OPEN, as pv-init/channel-abi.h has it. */
#ifndef HX_EXEC_REQUEST_H
#define HX_EXEC_REQUEST_H

#include "domain-builder/pod-exec.h"

/* JSON, not above HX_CH_REQUEST_MAX (HX_ERR_LIMIT); the caller's to free.
 * HX_ERR_USAGE: a text that is not UTF-8. */
int hx_exec_request(const struct hx_exec_spec *spec, char **json_r,
                    struct hx_err *err);

#endif
