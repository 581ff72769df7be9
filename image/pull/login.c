/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/login.h"

#include <stdio.h>
#include <string.h>

#include "image/pull/credentials.h"
#include "image/pull/session.h"
#include "image/reference.h"

#define PASSWORD_MAX_BYTES 4096

/* A registry's name as it is kept: no scheme, no path, Hub's as one. */
static int registry_name(const char *text, char **name_r, struct hx_err *err)
{
    _cleanup_free_ char *name = NULL;
    const char *p = strstr(text, "://");

    p = p ? p + 3 : text;
    name = strndup(p, strcspn(p, "/"));
    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "login");
    if (strcmp(name, "index.docker.io") == 0 ||
        strcmp(name, "registry-1.docker.io") == 0)
        name[0] = '\0';
    if (*name == '\0') {
        free(name);
        name = strdup("docker.io");
    }
    if (!name)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "login");
    if (hx_reference_check_domain(name, err) < 0)
        return -HX_ERR_USAGE;
    *name_r = hx_steal_ptr(&name);
    return 0;
}

/* All of standard input, without the line end that `echo` adds. */
static int read_password(char *password, struct hx_err *err)
{
    size_t len = fread(password, 1, PASSWORD_MAX_BYTES, stdin);

    if (len == PASSWORD_MAX_BYTES || memchr(password, '\0', len))
        return hx_err_set(err, HX_ERR_USAGE,
                          "login: the password is too long, or no text");
    while (len && (password[len - 1] == '\n' || password[len - 1] == '\r'))
        len--;
    password[len] = '\0';
    if (len == 0)
        return hx_err_set(err, HX_ERR_USAGE,
                          "login: no password came on standard input");
    return 0;
}

/* GET /v2/ at one endpoint: 200 when it takes the login. */
static int ask(struct hx_http *http, const struct hx_endpoint *endpoint,
               int unsure, const char *user, const char *password,
               struct hx_err *err)
{
    struct hx_session session;
    int rc = hx_session_init(&session, http, endpoint, NULL, err);

    session.unsure = unsure;
    session.looked_for_credentials = 1;
    session.credentials.user = strdup(user);
    session.credentials.password = strdup(password);
    if (!session.credentials.user || !session.credentials.password)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "login");
    for (int tries = 1; rc == 0; tries++) {
        _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
        struct hx_http_request request = { .accept = "application/json" };

        rc = hx_session_try(&session, "/v2/", &request, &reply, err);
        if (rc == 0 && reply.status == 200)
            break;
        if (hx_session_again(&session, rc, &reply, tries, "login")) {
            rc = 0;
            continue;
        }
        if (rc == 0)
            rc = hx_session_explain(&session, &reply, err);
    }
    hx_session_release(&session);
    return rc;
}

static int ask_registry(const char *registry, const char *user,
                        const char *password, const struct hx_http_times *times,
                        struct hx_err *err)
{
    _cleanup_daemon_config_ struct hx_daemon_config config = { 0 };
    _cleanup_endpoints_ struct hx_endpoints endpoints = { 0 };
    _cleanup_http_ struct hx_http *http = hx_http_new(times);
    int rc = hx_daemon_config_load(&config, err);

    if (!http)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting libcurl");
    if (rc == 0)
        rc = hx_endpoints_make(registry, &config, &endpoints, err);
    for (size_t i = 0; rc == 0 && i < endpoints.count; i++) {
        int other =
            i + 1 < endpoints.count && endpoints.list[i + 1].is_other_scheme;

        /* A mirror is another registry, with a login of its own. */
        if (endpoints.list[i].is_mirror)
            continue;
        rc = ask(http, &endpoints.list[i], other, user, password, err);
        if (rc == 0)
            return 0;
        if (other && rc != -HX_ERR_AUTH)
            rc = 0;
    }
    return rc;
}

int hx_login(const char *registry, const char *user,
             const struct hx_http_times *times, struct hx_err *err)
{
    char password[PASSWORD_MAX_BYTES + 1];
    _cleanup_free_ char *name = NULL;
    int rc = registry_name(registry, &name, err);

    if (rc == 0 && (!*user || strchr(user, ':')))
        rc = hx_err_set(err, HX_ERR_USAGE,
                        "login: a user name is not empty and holds no ':'");
    if (rc == 0)
        rc = read_password(password, err);
    if (rc == 0)
        rc = ask_registry(name, user, password, times, err);
    if (rc == 0)
        rc = hx_credentials_save(name, user, password, err);
    explicit_bzero(password, sizeof(password));
    return rc;
}

int hx_logout(const char *registry, struct hx_err *err)
{
    _cleanup_free_ char *name = NULL;
    int rc = registry_name(registry, &name, err);

    return rc < 0 ? rc : hx_credentials_forget(name, err);
}
