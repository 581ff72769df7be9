/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Logging in and out.  The password comes on standard input, so that it is
 * in no command line.
 */
#ifndef HX_PULL_LOGIN_H
#define HX_PULL_LOGIN_H

#include "image/pull/http.h"

int hx_login(const char *registry, const char *user,
             const struct hx_http_times *times, struct hx_err *err);
int hx_logout(const char *registry, struct hx_err *err);

#endif
