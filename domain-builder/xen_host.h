/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The Xen side of struct hx_host, for the xen_*.c files only.
 *
 * Names libxl's and libxenstore's types by their struct tags, so that
 * including this drags no Xen header in.
 */
#ifndef HX_XEN_HOST_H
#define HX_XEN_HOST_H

#include "domain-builder/host.h"

struct libxl__ctx; /* libxl_ctx */
struct xs_handle;

/*
 * The connections, opened by the first call and borrowed from the host.
 *
 * HX_ERR_PRIVILEGE: not root.  HX_ERR_NO_XEN: this is no dom0, or xenstored
 * is not there or has not answered for 10 s.  libxl owns SIGCHLD only as far
 * as its own children go (selective reaping), so that other children are the
 * caller's.
 */
int hx_xen_libxl(struct hx_host *host, struct libxl__ctx **ctx_r,
                 struct hx_err *err);
int hx_xen_store(struct hx_host *host, struct xs_handle **xs_r,
                 struct hx_err *err);

/*
 * An error for a libxl call that returned `rc`: "<text>: <what libxl said>".
 * HX_ERR_XEN with the rc; the line is forgotten afterwards.
 */
int hx_xen_err(struct hx_host *host, struct hx_err *err, int rc,
               const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* What libxl said last at level error, or "" - borrowed, until the next call
 * of libxl; and forgetting it. */
const char *hx_xen_said(const struct hx_host *host);
void hx_xen_forget(struct hx_host *host);

#endif
