/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "xl-plugin/console.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int hx_console_exec(const struct hx_pod *pod, struct hx_err *err)
{
    char domid[16];
    char *const argv[] = { (char *)"xl", (char *)"console", domid, NULL };

    snprintf(domid, sizeof(domid), "%u", (unsigned)pod->domid);
    fflush(stdout);
    execvp("xl", argv);
    /* root's PATH may lack the sbin folders, as under su. */
    execv("/usr/sbin/xl", argv);
    return hx_err_sys(err, HX_ERR_SYSTEM, errno,
                      "attaching to the console of %s: starting xl (the pod "
                      "runs)",
                      pod->spec.name);
}
