/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A conversation with one endpoint: logs in when it is asked to, follows
 * redirects without taking credentials along, and tries again what may work
 * the next time.
 *
 * Credentials go to the endpoint itself, and to the token server that it
 * names, over https or to this machine; never over plain http elsewhere, and
 * never to the target of a redirect.
 */
#ifndef HX_PULL_SESSION_H
#define HX_PULL_SESSION_H

#include <stdint.h>

#include "image/pull/challenge.h"
#include "image/pull/credentials.h"
#include "image/pull/endpoint.h"
#include "image/pull/http.h"

#define HX_TRIES_MAX 5

struct hx_session {
    struct hx_http *http;               /* borrowed */
    const struct hx_endpoint *endpoint; /* borrowed */
    char *repository;  /* "library/nginx"; NULL when logging in */
    const char *scope; /* of tokens, instead of what is asked for; borrowed */
    int unsure; /* nothing has answered, and there is another scheme to try */
    struct hx_challenge challenge;
    struct hx_credentials credentials;
    int looked_for_credentials;
    char *token;
    int64_t token_until_ms;
};

int hx_session_init(struct hx_session *session, struct hx_http *http,
                    const struct hx_endpoint *endpoint, const char *repository,
                    struct hx_err *err);
/* One that begins where `from` stands, with its login, over another `http`:
 * for another thread. */
int hx_session_copy(struct hx_session *session, struct hx_http *http,
                    const struct hx_session *from, struct hx_err *err);
void hx_session_release(struct hx_session *session);

/*
 * One try of `path` ("/v2/...", or the whole URL of an upload), with what else
 * *request says; its url, tls and credentials are set here.  0 for any answer
 * but 401 and redirects, which are dealt with; the caller releases *reply_r in
 * every case.
 */
int hx_session_try(struct hx_session *session, const char *path,
                   struct hx_http_request *request,
                   struct hx_http_reply *reply_r, struct hx_err *err);

/*
 * Whether another try may help after `tries` of them; if so it has waited
 * (250 ms, doubled each time, with jitter, or what Retry-After says up to
 * 30 s), and reported that for `object`.
 */
int hx_session_again(struct hx_session *session, int rc,
                     const struct hx_http_reply *reply, int tries,
                     const char *object);

/* The error for a status that is not 2xx, in the registry's own words. */
int hx_session_explain(const struct hx_session *session,
                       const struct hx_http_reply *reply, struct hx_err *err);

#endif
