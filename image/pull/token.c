/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/token.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "image/base/buf.h"
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

/* The challenge's, else one that is enough to pull; NULL for none. */
static char *scope_for(const struct hx_challenge *challenge,
                       const char *repository)
{
    char *scope = NULL;

    if (challenge->scope && *challenge->scope)
        return strdup(challenge->scope);
    if (!repository || asprintf(&scope, "repository:%s:pull", repository) < 0)
        return NULL;
    return scope;
}

/* Scopes stand apart by blanks in a challenge, and are parameters of their own
 * in the URL. */
static int add_scopes(CURLU *url, const char *scopes)
{
    while (*scopes) {
        size_t len = strcspn(scopes, " ");
        _cleanup_free_ char *scope = strndup(scopes, len);

        if (!scope || (len && add_query(url, "scope", scope) < 0))
            return -1;
        scopes += len + strspn(scopes + len, " ");
    }
    return 0;
}

char *hx_token_url(const struct hx_challenge *challenge, const char *repository)
{
    _cleanup_free_ char *use = scope_for(challenge, repository);
    char *text = NULL, *copy = NULL;
    CURLU *url = curl_url();

    if (url && challenge->realm &&
        curl_url_set(url, CURLUPART_URL, challenge->realm, 0) == CURLUE_OK &&
        (!challenge->service ||
         add_query(url, "service", challenge->service) == 0) &&
        (!use || add_scopes(url, use) == 0) &&
        curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK) {
        copy = strdup(text);
        curl_free(text);
    }
    curl_url_cleanup(url);
    return copy;
}

static int add_field(struct hx_buf *form, const char *name, const char *value)
{
    char *escaped = curl_easy_escape(NULL, value, 0);
    int rc = escaped ? hx_buf_addf(form, "%s%s=%s", form->len ? "&" : "", name,
                                   escaped)
                     : -1;

    if (escaped)
        explicit_bzero(escaped, strlen(escaped));
    curl_free(escaped);
    return rc;
}

char *hx_token_form(const struct hx_challenge *challenge,
                    const char *repository, const char *identity_token)
{
    _cleanup_free_ char *scope = scope_for(challenge, repository);
    _cleanup_buf_ struct hx_buf form = HX_BUF_INIT(0);

    if (add_field(&form, "grant_type", "refresh_token") == 0 &&
        add_field(&form, "client_id", "xl-hyper") == 0 &&
        (!challenge->service ||
         add_field(&form, "service", challenge->service) == 0) &&
        (!scope || add_field(&form, "scope", scope) == 0) &&
        add_field(&form, "refresh_token", identity_token) == 0)
        return hx_buf_detach(&form);
    if (form.data)
        explicit_bzero(form.data, form.len);
    return NULL;
}
