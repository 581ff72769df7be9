/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One blob from one endpoint into the store: continued where it ended, tried
 * again where that may help, and kept only when size and digest are right.
 */
#ifndef HX_PULL_DOWNLOAD_H
#define HX_PULL_DOWNLOAD_H

#include "image/manifest.h"
#include "image/pull/report.h"
#include "image/pull/session.h"
#include "image/store.h"

/* `whole` is told of each byte, also when the store had it; NULL: nobody. */
int hx_download(struct hx_session *session, const struct hx_store *store,
                const struct hx_descriptor *descriptor, struct hx_whole *whole,
                struct hx_err *err);

#endif
