/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The answer of a token server (distribution spec, "token authentication"):
 *
 *     {"token": "...", "expires_in": 300}     or "access_token"
 */
#ifndef HX_PULL_TOKEN_H
#define HX_PULL_TOKEN_H

#include <stddef.h>
#include <stdint.h>

#include "image/base/err.h"
#include "image/pull/challenge.h"

/* The token, the caller's to free, and its life (60 s when it is not said). */
int hx_token_parse(const char *data, size_t len, const char *what,
                   char **token_r, uint64_t *expires_in_s_r,
                   struct hx_err *err);

/* The URL to ask: the realm with service and scope; NULL without memory or
 * when the realm is no URL.  `repository` makes the scope when the challenge
 * has none; NULL asks for no scope. */
char *hx_token_url(const struct hx_challenge *challenge,
                   const char *repository);

/* What is posted to the realm in exchange for an access token, urlencoded
 * (distribution spec, "OAuth 2.0 token authentication"): the caller's to wipe
 * and free; NULL without memory. */
char *hx_token_form(const struct hx_challenge *challenge,
                    const char *repository, const char *identity_token);

#endif
