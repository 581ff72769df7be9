/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/tend.h"

int hx_tend_ended(const char *name, const char *reason, int exit_code,
                  struct hx_err *err)
{
    if (reason && *reason)
        return hx_err_set(err, HX_ERR_STATE, "the pod %s does not run: %s",
                          name, reason);
    return hx_err_set(err, HX_ERR_STATE,
                      "the pod %s does not run: it has ended with %d", name,
                      exit_code);
}
