/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/token.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "image/base/json.h"

#define DEFAULT_LIFE_S 60

/* What may stand in a header: no blank and no control character. */
static int is_token(const char *text)
{
    for (const char *p = text; *p; p++) {
        if (*p <= ' ' || *p > '~')
            return 0;
    }
    return *text != '\0';
}

int hx_token_parse(const char *data, size_t len, const char *what,
                   char **token_r, uint64_t *expires_in_s_r, struct hx_err *err)
{
    _cleanup_json_ json_t *doc = NULL;
    const char *token = "";
    uint64_t life = 0;
    int rc = hx_json_parse(data, len, what, &doc, err);

    if (rc == 0)
        rc = hx_json_str(doc, "token", what, HX_JSON_OPTIONAL, &token, err);
    if (rc == 0 && !*token)
        rc = hx_json_str(doc, "access_token", what, HX_JSON_REQUIRED, &token,
                         err);
    if (rc == 0)
        rc = hx_json_u64(doc, "expires_in", what, HX_JSON_OPTIONAL, &life, err);
    if (rc < 0)
        return rc;
    if (!is_token(token))
        return hx_err_set(err, HX_ERR_REGISTRY, "%s: the token is no token",
                          what);
    *token_r = strdup(token);
    if (!*token_r)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "%s", what);
    *expires_in_s_r = life ? life : DEFAULT_LIFE_S;
    return 0;
}

static int add_query(CURLU *url, const char *name, const char *value)
{
    _cleanup_free_ char *pair = NULL;

    if (asprintf(&pair, "%s=%s", name, value) < 0) {
        pair = NULL;
        return -1;
    }
    return curl_url_set(url, CURLUPART_QUERY, pair,
                        CURLU_APPENDQUERY | CURLU_URLENCODE) == CURLUE_OK
               ? 0
               : -1;
}

char *hx_token_url(const struct hx_challenge *challenge, const char *repository)
{
    _cleanup_free_ char *scope = NULL;
    const char *use = challenge->scope;
    char *text = NULL, *copy = NULL;
    CURLU *url = curl_url();

    if (!use && repository) {
        if (asprintf(&scope, "repository:%s:pull", repository) < 0)
            scope = NULL;
        use = scope;
    }
    if (url && challenge->realm &&
        curl_url_set(url, CURLUPART_URL, challenge->realm, 0) == CURLUE_OK &&
        (!challenge->service ||
         add_query(url, "service", challenge->service) == 0) &&
        (!use || add_query(url, "scope", use) == 0) &&
        curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        copy = strdup(text);
        curl_free(text);
    }
    curl_url_cleanup(url);
    return copy;
}
