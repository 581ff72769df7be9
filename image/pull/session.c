/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/session.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "image/base/clock.h"
#include "image/pull/report.h"
#include "image/pull/stop.h"
#include "image/pull/token.h"
#include "image/reference.h"

#define REDIRECTS_MAX     5
#define FIRST_PAUSE_MS    250
#define RETRY_AFTER_MAX_S 30
#define TOKEN_MARGIN_MS   5000 /* a token that ends sooner is not used */
#define TOKEN_LIFE_MAX_S  86400

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "asking the registry");
}

int hx_session_init(struct hx_session *session, struct hx_http *http,
                    const struct hx_endpoint *endpoint, const char *repository,
                    struct hx_err *err)
{
    *session = (struct hx_session){ .http = http, .endpoint = endpoint };
    if (repository) {
        session->repository = strdup(repository);
        if (!session->repository)
            return no_memory(err);
    }
    return 0;
}

static void drop_token(struct hx_session *session)
{
    if (session->token)
        explicit_bzero(session->token, strlen(session->token));
    free(hx_steal_ptr(&session->token));
}

void hx_session_release(struct hx_session *session)
{
    if (!session)
        return;
    drop_token(session);
    free(session->repository);
    hx_challenge_release(&session->challenge);
    hx_credentials_release(&session->credentials);
    *session = (struct hx_session){ 0 };
}

/* strdup, for what may be NULL; *failed when there is no memory. */
static char *copy(const char *text, int *failed)
{
    char *copied = text ? strdup(text) : NULL;

    if (text && !copied)
        *failed = 1;
    return copied;
}

int hx_session_copy(struct hx_session *session, struct hx_http *http,
                    const struct hx_session *from, struct hx_err *err)
{
    int failed = 0;

    *session = *from;
    session->http = http;
    session->repository = copy(from->repository, &failed);
    session->token = copy(from->token, &failed);
    session->challenge.realm = copy(from->challenge.realm, &failed);
    session->challenge.service = copy(from->challenge.service, &failed);
    session->challenge.scope = copy(from->challenge.scope, &failed);
    session->credentials = (struct hx_credentials){ 0 };
    if (hx_credentials_copy(&from->credentials, &session->credentials) < 0)
        failed = 1;
    if (!failed)
        return 0;
    hx_session_release(session);
    return no_memory(err);
}

/* Looks once; what login was given stays. */
static int find_credentials(struct hx_session *session, struct hx_err *err)
{
    if (session->looked_for_credentials)
        return 0;
    session->looked_for_credentials = 1;
    return hx_credentials_find(session->endpoint->registry,
                               hx_http_times(session->http)->stall_s * 1000,
                               &session->credentials, err);
}

static int is_secret_at(const struct hx_url *url)
{
    return !url->plain || url->loopback;
}

static int refuse_plain(const struct hx_session *session, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_AUTH,
                      "registry %s wants a login and speaks plain HTTP; a "
                      "password is not sent in the clear: give the registry a "
                      "certificate",
                      session->endpoint->url.host_port);
}

static const char *login_name(const struct hx_session *session)
{
    return strcmp(session->endpoint->registry, "docker.io") == 0
               ? ""
               : session->endpoint->registry;
}

/* 401 though we did what we could. */
static int refused(const struct hx_session *session, struct hx_err *err)
{
    const char *name = login_name(session);
    const char *host = session->endpoint->url.host_port;

    if (session->credentials.user)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s refuses the login of '%.100s' (401); "
                          "log in again with 'xl hyper-login%s%s'",
                          host, session->credentials.user, *name ? " " : "",
                          name);
    if (session->credentials.identity_token)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s refuses the identity token that is "
                          "kept for it; log in again with 'xl "
                          "hyper-login%s%s'",
                          host, *name ? " " : "", name);
    if (session->credentials.trouble)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s answered 401, and there is no login: "
                          "%.300s",
                          host, session->credentials.trouble);
    return hx_err_set(err, HX_ERR_AUTH,
                      "registry %s answered 401%s; log in with 'xl "
                      "hyper-login%s%s'",
                      host,
                      session->challenge.scheme == HX_AUTH_BEARER
                          ? ": no such image, or it needs a login"
                          : "",
                      *name ? " " : "", name);
}

/* What token servers are allowed to be; *own_r: it is the registry itself. */
static int check_realm(const struct hx_session *session,
                       const struct hx_url *realm, int *own_r,
                       struct hx_err *err)
{
    const struct hx_url *home = &session->endpoint->url;

    *own_r = strcmp(realm->origin, home->origin) == 0;
    if (realm->plain && !home->plain)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "registry %s names a token server without TLS (%s); "
                          "it is not asked",
                          home->host_port, realm->origin);
    /* Who speaks for a plain registry may be anybody, and would choose to
     * whom the password goes. */
    if (hx_credentials_are_known(&session->credentials) &&
        (!is_secret_at(home) || !is_secret_at(realm)))
        return refuse_plain(session, err);
    return 0;
}

/* The challenge, which this borrows from.  What a push will need next is in
 * the scope, too: one token serves for all. */
static struct hx_challenge asked_for(const struct hx_session *session)
{
    struct hx_challenge asked = session->challenge;

    if (session->scope)
        asked.scope = (char *)session->scope;
    return asked;
}

/* Whose certificates hold for the token server. */
static int token_tls(const struct hx_session *session, const struct hx_url *url,
                     int own, struct hx_http_tls *tls,
                     struct hx_http_request *request, struct hx_err *err)
{
    int rc = 0;

    request->tls = own ? &session->endpoint->tls : tls;
    if (!own && hx_reference_check_domain(url->host_port, NULL) == 0)
        rc = hx_endpoint_tls(url->host_port, tls, err);
    request->no_local_peer = !own && !session->endpoint->url.loopback;
    return rc < 0 ? rc : 0;
}

/* GET with the user's login, or with none; POST with an identity token. */
static int send_token_request(struct hx_session *session,
                              const struct hx_url *url, int own,
                              struct hx_http_reply *reply, struct hx_err *err)
{
    _cleanup_(hx_http_tls_release) struct hx_http_tls tls = { .verify = 1 };
    const char *identity = session->credentials.identity_token;
    struct hx_http_request request = {
        .url = url->text,
        .accept = "application/json",
        .user = session->credentials.user,
        .password = session->credentials.password,
    };
    char *form = NULL;
    int rc = token_tls(session, url, own, &tls, &request, err);

    if (rc < 0)
        return rc;
    if (identity) {
        struct hx_challenge asked = asked_for(session);

        form = hx_token_form(&asked, session->repository, identity);
        if (!form)
            return no_memory(err);
        request.form = form;
    }
    rc = hx_http_get(session->http, &request, reply, err);
    if (form)
        explicit_bzero(form, strlen(form));
    free(form);
    return rc;
}

static int ask_for_token(struct hx_session *session, const struct hx_url *url,
                         int own, struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    int rc = send_token_request(session, url, own, &reply, err);
    uint64_t life_s = 0;

    if (rc < 0)
        return rc;
    if (reply.status == 401 || reply.status == 403)
        return refused(session, err);
    if (reply.status != 200)
        return hx_err_set(
            err,
            reply.status >= 500 || reply.status == 429 ? HX_ERR_NETWORK
                                                       : HX_ERR_REGISTRY,
            "token server %s answered %ld", url->host_port, reply.status);
    rc = hx_token_parse(reply.body.data ? reply.body.data : "", reply.body.len,
                        "token server's answer", &session->token, &life_s, err);
    if (rc < 0)
        return rc;
    if (life_s > TOKEN_LIFE_MAX_S)
        life_s = TOKEN_LIFE_MAX_S;
    session->token_until_ms = hx_clock_monotonic_ms() + (int64_t)life_s * 1000;
    return 0;
}

static int fetch_token(struct hx_session *session, struct hx_err *err)
{
    struct hx_challenge asked;
    _cleanup_free_ char *text = NULL;
    _cleanup_url_ struct hx_url url = { 0 };
    int own = 0, rc;

    drop_token(session);
    rc = find_credentials(session, err);
    if (rc < 0)
        return rc;
    asked = asked_for(session);
    /* What a form says is not said again in the URL. */
    text = session->credentials.identity_token
               ? strdup(session->challenge.realm)
               : hx_token_url(&asked, session->repository);
    if (!text)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "registry %s names no usable token server",
                          session->endpoint->url.host_port);
    rc = hx_url_parse(text, NULL, &url, err);
    if (rc == 0)
        rc = check_realm(session, &url, &own, err);
    return rc < 0 ? rc : ask_for_token(session, &url, own, err);
}

/* A token that is about to end is changed before it is refused. */
static int refresh_token(struct hx_session *session, struct hx_err *err)
{
    if (!session->token || session->challenge.scheme != HX_AUTH_BEARER ||
        hx_clock_monotonic_ms() < session->token_until_ms - TOKEN_MARGIN_MS)
        return 0;
    return fetch_token(session, err);
}

/* Answers a 401: afterwards the next request carries what was asked for. */
static int log_in(struct hx_session *session, const struct hx_http_reply *reply,
                  struct hx_err *err)
{
    struct hx_challenge challenge = { 0 };
    int rc;

    hx_challenge_choose(reply->challenges, &challenge);
    hx_challenge_release(&session->challenge);
    session->challenge = challenge;
    if (challenge.scheme == HX_AUTH_BEARER)
        return fetch_token(session, err);
    rc = find_credentials(session, err);
    if (rc < 0)
        return rc;
    if (challenge.scheme == HX_AUTH_NONE)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s answered 401 and asks for nothing that "
                          "we know (Bearer, Basic)",
                          session->endpoint->url.host_port);
    if (session->credentials.user && !is_secret_at(&session->endpoint->url))
        return refuse_plain(session, err);
    if (session->credentials.identity_token)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s wants a user and a password, and what "
                          "is kept for it is an identity token; log in with "
                          "'xl hyper-login %s'",
                          session->endpoint->url.host_port,
                          session->endpoint->registry);
    return session->credentials.user ? 0 : refused(session, err);
}

static void set_credentials(const struct hx_session *session,
                            struct hx_http_request *request)
{
    request->bearer = request->user = request->password = NULL;
    if (session->challenge.scheme == HX_AUTH_BEARER) {
        request->bearer = session->token;
    } else if (session->challenge.scheme == HX_AUTH_BASIC) {
        request->user = session->credentials.user;
        request->password = session->credentials.password;
    }
}

/* What is sent is sent again only where that is asked for (307, 308). */
static int is_redirect(const struct hx_http_request *request,
                       const struct hx_http_reply *reply)
{
    if (!reply->location)
        return 0;
    if (reply->status == 307 || reply->status == 308)
        return 1;
    return (!request->method || strcmp(request->method, "HEAD") == 0) &&
           (reply->status == 301 || reply->status == 302 ||
            reply->status == 303);
}

/* Where the answer sends us; *url is replaced. */
static int redirect(const struct hx_session *session,
                    const struct hx_http_reply *reply, struct hx_url *url,
                    struct hx_err *err)
{
    struct hx_url next = { 0 };
    int rc = hx_url_parse(reply->location, url->text, &next, err);

    if (rc == 0 && next.plain && !url->plain) {
        rc = hx_err_set(err, HX_ERR_REGISTRY,
                        "it redirects from https to %.200s; that is not "
                        "followed",
                        next.origin);
        hx_url_release(&next);
    }
    if (rc < 0)
        return hx_err_prefix(err, "registry %s",
                             session->endpoint->url.host_port);
    hx_url_release(url);
    *url = next;
    return 0;
}

/* Only the registry itself may ask for a login: who is redirected to would
 * name a token server of its own. */
static int refuse_foreign_401(const struct hx_session *session,
                              const struct hx_url *url, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_AUTH,
                      "registry %s redirects to %.200s, which answered 401; "
                      "no login is sent there",
                      session->endpoint->url.host_port, url->origin);
}

/* One request and what its redirects lead to. */
static int follow(struct hx_session *session, const char *path,
                  struct hx_http_request *request, struct hx_http_reply *reply,
                  struct hx_err *err)
{
    const struct hx_url *home = &session->endpoint->url;
    _cleanup_url_ struct hx_url url = { 0 };
    int rc = hx_url_parse(path, home->text, &url, err);

    for (int hops = 0; rc == 0; hops++) {
        int at_home = strcmp(url.origin, home->origin) == 0;

        request->url = url.text;
        request->tls = at_home ? &session->endpoint->tls : NULL;
        request->no_local_peer = !at_home && !home->loopback;
        set_credentials(session, request);
        if (!at_home)
            request->bearer = request->user = request->password = NULL;
        hx_http_reply_release(reply);
        rc = hx_http_get(session->http, request, reply, err);
        if (rc == 0 && !at_home && reply->status == 401)
            return refuse_foreign_401(session, &url, err);
        if (rc < 0 || !is_redirect(request, reply))
            return rc;
        if (hops == REDIRECTS_MAX)
            return hx_err_set(err, HX_ERR_REGISTRY,
                              "registry %s redirects more than %d times",
                              home->host_port, REDIRECTS_MAX);
        rc = redirect(session, reply, &url, err);
    }
    return rc;
}

int hx_session_try(struct hx_session *session, const char *path,
                   struct hx_http_request *request,
                   struct hx_http_reply *reply_r, struct hx_err *err)
{
    int rc;

    *reply_r = (struct hx_http_reply){ 0 };
    rc = refresh_token(session, err);
    if (rc == 0)
        rc = follow(session, path, request, reply_r, err);
    if (rc == 0)
        session->unsure = 0;
    if (rc < 0 || reply_r->status != 401)
        return rc;
    rc = log_in(session, reply_r, err);
    if (rc == 0)
        rc = follow(session, path, request, reply_r, err);
    if (rc == 0 && reply_r->status == 401)
        rc = refused(session, err);
    return rc;
}

static int is_passing(const struct hx_session *session, int rc,
                      const struct hx_http_reply *reply)
{
    /* Who was spoken to in the wrong scheme says the same again. */
    if (rc < 0 && session->unsure && hx_http_no_contact(session->http) &&
        !hx_http_was_refused(session->http))
        return 0;
    if (rc < 0)
        return rc == -HX_ERR_NETWORK && !hx_http_is_final(session->http);
    return reply->status == 408 || reply->status == 429 ||
           reply->status == 500 || reply->status == 502 ||
           reply->status == 503 || reply->status == 504;
}

int hx_session_again(struct hx_session *session, int rc,
                     const struct hx_http_reply *reply, int tries,
                     const char *object)
{
    int64_t ms = (int64_t)FIRST_PAUSE_MS << (tries - 1);
    uint16_t dice = 0;

    if (tries >= HX_TRIES_MAX || !is_passing(session, rc, reply))
        return 0;
    /* Three quarters to five quarters of it. */
    if (getrandom(&dice, sizeof(dice), GRND_NONBLOCK) == sizeof(dice))
        ms += ms * ((int64_t)dice - 32768) / 131072;
    if (rc == 0 && reply->retry_after_s > 0 && reply->retry_after_s * 1000 > ms)
        ms = (reply->retry_after_s > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S
                                                       : reply->retry_after_s) *
             1000;
    hx_report_progress("retrying", object, (uint64_t)tries, HX_TRIES_MAX);
    return hx_stop_wait(ms, NULL) == 0;
}
