/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A registry's refusals, as sentences (distribution spec, "error codes").
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "image/base/json.h"
#include "image/pull/session.h"

#define WORDS_MAX 160

struct words {
    char code[48];
    char message[WORDS_MAX];
};

/* The first of {"errors": [{"code", "message"}]}; "" when there is none. */
static void read_words(const struct hx_http_reply *reply, struct words *words)
{
    _cleanup_json_ json_t *doc = NULL;
    const json_t *first;
    const char *code, *message;

    *words = (struct words){ 0 };
    if (!reply->body.data)
        return;
    doc = json_loadb(reply->body.data, reply->body.len, 0, NULL);
    first = json_array_get(json_object_get(doc, "errors"), 0);
    code = json_string_value(json_object_get(first, "code"));
    message = json_string_value(json_object_get(first, "message"));
    snprintf(words->code, sizeof(words->code), "%s", code ? code : "");
    snprintf(words->message, sizeof(words->message), "%s",
             message ? message : "");
}

static int not_found(const struct hx_session *session,
                     const struct words *words, struct hx_err *err)
{
    const char *host = session->endpoint->url.host_port;
    const char *name = session->repository ? session->repository : "";

    if (strcmp(words->code, "NAME_UNKNOWN") == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "registry %s has no image %.200s; check the name",
                          host, name);
    if (strcmp(words->code, "MANIFEST_UNKNOWN") == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "registry %s has no such image or tag of %.200s; "
                          "check name and tag",
                          host, name);
    if (strcmp(words->code, "BLOB_UNKNOWN") == 0)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "registry %s does not have it, though its manifest "
                          "names it",
                          host);
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "registry %s answered 404 for %.200s; check name and tag",
                      host, name);
}

int hx_session_explain(const struct hx_session *session,
                       const struct hx_http_reply *reply, struct hx_err *err)
{
    const char *host = session->endpoint->url.host_port;
    struct words words;

    read_words(reply, &words);
    if (reply->status == 403 && session->credentials.trouble)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s refuses it (403%s%s), and there is no "
                          "login: %.300s",
                          host, *words.message ? ": " : "", words.message,
                          session->credentials.trouble);
    if (reply->status == 404)
        return not_found(session, &words, err);
    if (reply->status == 403)
        return hx_err_set(err, HX_ERR_AUTH,
                          "registry %s refuses it (403%s%s); log in as "
                          "somebody who may %s it with 'xl hyper-login'",
                          host, *words.message ? ": " : "", words.message,
                          session->scope ? "write" : "read");
    if (reply->status == 429)
        return hx_err_set(err, HX_ERR_NETWORK,
                          "registry %s has had too many requests from here "
                          "(429%s%s); wait, or log in with 'xl hyper-login'",
                          host, *words.message ? ": " : "", words.message);
    if (reply->status >= 500)
        return hx_err_set(err, HX_ERR_NETWORK,
                          "registry %s answered %ld%s%s, %d times; try again "
                          "later",
                          host, reply->status, *words.message ? ": " : "",
                          words.message, HX_TRIES_MAX);
    return hx_err_set(err, HX_ERR_REGISTRY,
                      "registry %s answered %ld%s%s; that is not what a "
                      "registry says here",
                      host, reply->status, *words.message ? ": " : "",
                      words.message);
}
