/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/proxy.h"

#include <curl/curl.h>
#include <string.h>

static int no_memory(const char *what, struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "%s", what);
}

/* What stands before "://"; without it, http is meant. */
static int knows_scheme(const char *text)
{
    static const char *const schemes[] = { "http", "https", "socks5",
                                           "socks5h" };
    const char *end = strstr(text, "://");

    for (size_t i = 0; end && i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strlen(schemes[i]) == (size_t)(end - text) &&
            strncasecmp(text, schemes[i], (size_t)(end - text)) == 0)
            return 1;
    }
    return !end;
}

static int is_proxy(const char *text)
{
    CURLU *url = curl_url();
    int rc = url && knows_scheme(text) &&
             curl_url_set(url, CURLUPART_URL, text,
                          CURLU_DEFAULT_SCHEME | CURLU_NON_SUPPORT_SCHEME) ==
                 CURLUE_OK;

    curl_url_cleanup(url);
    return rc;
}

/* An empty text is as good as none, for docker too. */
static int take(const json_t *doc, const char *field, const char *what,
                char **value_r, struct hx_err *err)
{
    const char *text = NULL;
    int rc = hx_json_str(doc, field, what, HX_JSON_OPTIONAL, &text, err);

    if (rc < 0 || !text || !*text)
        return rc;
    if (strcmp(field, "no-proxy") != 0 && !is_proxy(text))
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "%s: proxies: %s is no URL like "
                          "http://proxy.example.com:3128",
                          what, field);
    *value_r = strdup(text);
    return *value_r ? 0 : no_memory(what, err);
}

/* A key that means nothing would be a proxy that is not used. */
static int check_keys(json_t *doc, const char *what, struct hx_err *err)
{
    const char *key;
    json_t *value;

    json_object_foreach (doc, key, value) {
        if (strcmp(key, "http-proxy") != 0 && strcmp(key, "https-proxy") != 0 &&
            strcmp(key, "no-proxy") != 0)
            return hx_err_set(err, HX_ERR_CORRUPT,
                              "%s: proxies: '%.60s' is none of http-proxy, "
                              "https-proxy and no-proxy",
                              what, key);
    }
    return 0;
}

int hx_proxies_parse(const json_t *doc, const char *what,
                     struct hx_proxies *proxies_r, struct hx_err *err)
{
    struct hx_proxies proxies = { 0 };
    json_t *list = NULL;
    int rc = hx_json_obj(doc, "proxies", what, HX_JSON_OPTIONAL, &list, err);

    if (rc == 0 && list)
        rc = check_keys(list, what, err);
    if (rc == 0 && list)
        rc = take(list, "http-proxy", what, &proxies.http, err);
    if (rc == 0 && list)
        rc = take(list, "https-proxy", what, &proxies.https, err);
    if (rc == 0 && list)
        rc = take(list, "no-proxy", what, &proxies.none, err);
    if (rc < 0)
        hx_proxies_release(&proxies);
    else
        *proxies_r = proxies;
    return rc;
}

void hx_proxies_release(struct hx_proxies *proxies)
{
    if (!proxies)
        return;
    free(hx_steal_ptr(&proxies->http));
    free(hx_steal_ptr(&proxies->https));
    free(hx_steal_ptr(&proxies->none));
}

/* A variable that says something: curl takes an empty one for none. */
static const char *variable(const char *name)
{
    const char *value = getenv(name);

    return value && *value ? value : NULL;
}

/* Both spellings, since libcurl prefers the small one and others the other. */
static int use(const char *configured, const char *capitals, const char *small)
{
    const char *value = configured ? configured : variable(capitals);
    _cleanup_free_ char *copy = NULL;

    if (!value)
        return 0;
    copy = strdup(value);
    return copy && setenv(capitals, copy, 1) == 0 && setenv(small, copy, 1) == 0
               ? 0
               : -1;
}

int hx_proxies_use(const struct hx_proxies *proxies, struct hx_err *err)
{
    if (use(proxies->http, "HTTP_PROXY", "http_proxy") < 0 ||
        use(proxies->https, "HTTPS_PROXY", "https_proxy") < 0 ||
        use(proxies->none, "NO_PROXY", "no_proxy") < 0)
        return no_memory("proxies", err);
    return 0;
}

static size_t len_without_dots(const char *name, size_t len)
{
    while (len && name[len - 1] == '.')
        len--;
    return len;
}

/* Whether no_proxy names the host, or a domain that it is in; not for those
 * that are written as addresses. */
static int is_excepted(const char *host)
{
    const char *list = variable("no_proxy");
    size_t host_len = len_without_dots(host, strlen(host)), skip = 0;

    if (!list)
        list = variable("NO_PROXY");
    if (list && strcmp(list, "*") == 0)
        return 1;
    for (; list && *list; list += skip) {
        size_t len;

        list += strspn(list, ", \t.");
        skip = strcspn(list, ", \t");
        len = len_without_dots(list, skip);
        if (len && len <= host_len &&
            strncasecmp(host + host_len - len, list, len) == 0 &&
            (len == host_len || host[host_len - len - 1] == '.'))
            return 1;
    }
    return 0;
}

int hx_proxy_is_used(const struct hx_url *url)
{
    const char *own = variable(url->plain ? "http_proxy" : "https_proxy");

    if (!own && !url->plain)
        own = variable("HTTPS_PROXY");
    if (!own)
        own = variable("all_proxy");
    if (!own)
        own = variable("ALL_PROXY");
    return own && !url->loopback && !is_excepted(url->host);
}
