/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attaching to a domain's console, which is xl's business.
 */
#ifndef HX_CONSOLE_H
#define HX_CONSOLE_H

#include "domain-builder/pod.h"

/* Becomes `xl console DOMID`; returns only when that cannot be. */
int hx_console_exec(const struct hx_pod *pod, struct hx_err *err);

#endif
