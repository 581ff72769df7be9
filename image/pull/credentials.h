/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who we are to a registry: /etc/hyper/auth.json, which hyper-login writes,
 * then docker's own $DOCKER_CONFIG/config.json or ~/.docker/config.json.
 *
 *     {"auths": {"127.0.0.1:5443": {"auth": "BASE64(USER:PASSWORD)"},
 *                "registry.lan": {"identitytoken": "..."}},
 *      "credHelpers": {"123.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"},
 *      "credsStore": "pass"}
 *
 * A file's helper is asked before its "auths" are looked at (of auth.json:
 * after), the registry's own one in place of the store for all
 * (credential-helper.h).
 */
#ifndef HX_PULL_CREDENTIALS_H
#define HX_PULL_CREDENTIALS_H

#include <stddef.h>

#include "image/base/cleanup.h"
#include "image/base/err.h"

struct hx_credentials {
    char *user;           /* with a password, or NULL */
    char *password;       /* wiped before it is freed */
    char *identity_token; /* in place of both: for the token server alone */
    char *helper;         /* of a file: who is to be asked first */
    char *trouble;        /* why a helper gave none, as a sentence */
};

/*
 * Those for a registry, "host[:port]"; "docker.io" is docker's
 * "https://index.docker.io/v1/".  None is no error, and as with docker neither
 * is a helper that fails: many images need no login.  A helper has
 * `timeout_ms` for its answer.
 */
int hx_credentials_find(const char *registry, long timeout_ms,
                        struct hx_credentials *credentials_r,
                        struct hx_err *err);
int hx_credentials_are_known(const struct hx_credentials *credentials);
int hx_credentials_copy(const struct hx_credentials *from,
                        struct hx_credentials *copy_r);
/* One file's content; asks no helper.  *found_r is untouched when it knows
 * none. */
int hx_credentials_parse(const char *data, size_t len, const char *what,
                         const char *registry, struct hx_credentials *found_r,
                         struct hx_err *err);

/* Keeps them in auth.json (0600), under a lock, by rename. */
int hx_credentials_save(const char *registry, const char *user,
                        const char *password, struct hx_err *err);
/* HX_ERR_NOT_FOUND when auth.json has none. */
int hx_credentials_forget(const char *registry, struct hx_err *err);

void hx_credentials_release(struct hx_credentials *credentials);

#define _cleanup_credentials_ _cleanup_(hx_credentials_release)

#endif
