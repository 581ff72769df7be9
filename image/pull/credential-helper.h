/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Docker's credential helpers: programs docker-credential-NAME in PATH, which
 * are asked with `get`, the registry on standard input, and answer
 *
 *     {"ServerURL": "...", "Username": "u", "Secret": "p"}
 *
 * on standard output; the user "<token>" says that the secret is an identity
 * token.  No shell is between; what is read is bounded, and so is the time:
 * then the helper is killed, with all that it has started.
 */
#ifndef HX_PULL_CREDENTIAL_HELPER_H
#define HX_PULL_CREDENTIAL_HELPER_H

#include "image/pull/credentials.h"

/* A NAME that can become a program's: HX_ERR_USAGE. */
int hx_credential_helper_check(const char *name, const char *what,
                               struct hx_err *err);

/*
 * Asks it for `server` as docker calls it.  *found_r stays empty when the
 * helper knows none.
 */
int hx_credential_helper_get(const char *name, const char *server,
                             long timeout_ms, struct hx_credentials *found_r,
                             struct hx_err *err);

/* An answer; `what` names the helper. */
int hx_credential_helper_parse(const char *data, size_t len, const char *what,
                               struct hx_credentials *found_r,
                               struct hx_err *err);

#endif
