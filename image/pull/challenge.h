/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * WWW-Authenticate (RFC 7235), as registries send it:
 *
 *     Bearer realm="https://auth.docker.io/token",service="registry.docker.io",
 *            scope="repository:library/nginx:pull"
 *     Basic realm="lab"
 */
#ifndef HX_PULL_CHALLENGE_H
#define HX_PULL_CHALLENGE_H

#include "image/base/cleanup.h"

enum hx_auth_scheme { HX_AUTH_NONE, HX_AUTH_BASIC, HX_AUTH_BEARER };

struct hx_challenge {
    enum hx_auth_scheme scheme;
    char *realm;   /* of Bearer: the URL of the token server */
    char *service; /* or NULL */
    char *scope;   /* or NULL */
};

/*
 * The best challenge of all header lines: Bearer with a realm, else Basic,
 * else HX_AUTH_NONE.  Lines that do not parse are passed over.  -1 without
 * memory.
 */
int hx_challenge_choose(char *const *lines, struct hx_challenge *challenge_r);
void hx_challenge_release(struct hx_challenge *challenge);

#define _cleanup_challenge_ _cleanup_(hx_challenge_release)

#endif
