/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/url.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

int hx_url_host_is_loopback(const char *host)
{
    struct in6_addr v6;
    struct in_addr v4;

    if (strcasecmp(host, "localhost") == 0)
        return 1;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* A part as a string of our own; NULL when it is absent or without memory. */
static char *part(CURLU *url, CURLUPart what)
{
    char *text = NULL, *copy;

    if (curl_url_get(url, what, &text, 0) != CURLUE_OK)
        return NULL;
    copy = strdup(text);
    curl_free(text);
    return copy;
}

/* curl gives the brackets of an IPv6 address with the host. */
static void strip_brackets(char *host)
{
    size_t len = strlen(host);

    if (len < 2 || host[0] != '[' || host[len - 1] != ']')
        return;
    memmove(host, host + 1, len - 2);
    host[len - 2] = '\0';
}

static int fill(CURLU *parsed, const char *scheme, struct hx_url *url)
{
    _cleanup_free_ char *host = part(parsed, CURLUPART_HOST);
    _cleanup_free_ char *port = part(parsed, CURLUPART_PORT);
    const char *usual;

    url->plain = strcmp(scheme, "http") == 0;
    usual = url->plain ? "80" : "443";
    if (port && strcmp(port, usual) == 0)
        free(hx_steal_ptr(&port));
    url->text = part(parsed, CURLUPART_URL);
    if (!host || !url->text ||
        asprintf(&url->host_port, "%s%s%s", host, port ? ":" : "",
                 port ? port : "") < 0 ||
        asprintf(&url->origin, "%s://%s", scheme, url->host_port) < 0)
        return -1;
    url->host = hx_steal_ptr(&host);
    strip_brackets(url->host);
    url->loopback = hx_url_host_is_loopback(url->host);
    return 0;
}

static int check(CURLU *parsed, const char *text, const char *scheme,
                 struct hx_err *err)
{
    _cleanup_free_ char *user = part(parsed, CURLUPART_USER);
    _cleanup_free_ char *password = part(parsed, CURLUPART_PASSWORD);

    if (!scheme ||
        (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "URL '%.200s': only http and https are followed",
                          text);
    if (user || password)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "a URL with a user name or password in it is not "
                          "followed");
    return 0;
}

int hx_url_parse(const char *text, const char *base, struct hx_url *url_r,
                 struct hx_err *err)
{
    _cleanup_url_ struct hx_url url = { 0 };
    _cleanup_free_ char *scheme = NULL;
    CURLU *parsed = curl_url();
    int rc = 0;

    if (!parsed)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "URL");
    if ((base && curl_url_set(parsed, CURLUPART_URL, base, 0) != CURLUE_OK) ||
        curl_url_set(parsed, CURLUPART_URL, text, 0) != CURLUE_OK) {
        rc = hx_err_set(err, HX_ERR_REGISTRY,
                        "'%.200s' is no http or https URL", text);
    } else {
        curl_url_set(parsed, CURLUPART_FRAGMENT, NULL, 0);
        scheme = part(parsed, CURLUPART_SCHEME);
        rc = check(parsed, text, scheme, err);
        if (rc == 0 && fill(parsed, scheme, &url) < 0)
            rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "URL");
    }
    curl_url_cleanup(parsed);
    if (rc < 0)
        return rc;
    *url_r = url;
    url = (struct hx_url){ 0 };
    return 0;
}

void hx_url_release(struct hx_url *url)
{
    if (!url)
        return;
    free(url->text);
    free(url->origin);
    free(url->host);
    free(url->host_port);
    *url = (struct hx_url){ 0 };
}
