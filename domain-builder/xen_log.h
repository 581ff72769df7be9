/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A xentoollog logger that keeps the one line worth telling.
 *
 * libxl returns numbers and logs the reason.  Of the lines of a failed call
 * the first error is the cause and what follows are its echoes
 * ("cannot make domain: -6"); a hotplug helper's own words ("script: ...")
 * come later than libxl's remark that it exited with an error, and are worth
 * more than that.
 */
#ifndef HX_XEN_LOG_H
#define HX_XEN_LOG_H

#include <xentoollog.h>

#define HX_XEN_LOG_LINE_MAX 512

struct hx_xen_log {
    xentoollog_logger vtable; /* first: libxl is given its address */
    char line[HX_XEN_LOG_LINE_MAX];
    int from_script;
};

void hx_xen_log_init(struct hx_xen_log *log);
void hx_xen_log_clear(struct hx_xen_log *log);

#endif
