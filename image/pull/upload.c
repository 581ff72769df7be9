/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/upload.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/pull/report.h"

/* A try that brings less than this was in vain (as in registry.c). */
#define PROGRESS_MIN_BYTES ((uint64_t)256 << 10)

struct sending {
    const struct hx_upload *upload;
    char object[HX_SHORT_DIGEST];
    int fd;
    char *location;      /* of the upload that is under way, or NULL */
    uint64_t have_bytes; /* what the registry has of it */
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "pushing a blob");
}

static const char *host_of(const struct sending *s)
{
    return s->upload->session->endpoint->url.host_port;
}

int hx_upload_ask(struct hx_session *session, const char *path,
                  struct hx_http_request *request, struct hx_http_reply *reply,
                  const char *object, struct hx_err *err)
{
    for (int tries = 1;; tries++) {
        int rc;

        hx_http_reply_release(reply);
        rc = hx_session_try(session, path, request, reply, err);
        if (hx_session_again(session, rc, reply, tries, object))
            continue;
        if (rc == 0 && (reply->status == 429 || reply->status >= 500))
            rc = hx_session_explain(session, reply, err);
        return rc;
    }
}

/* Whether the registry has the blob. */
static int is_there(const struct sending *s, struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    struct hx_session *session = s->upload->session;
    struct hx_http_request request = { .method = "HEAD" };
    _cleanup_free_ char *path = NULL;
    int rc;

    if (asprintf(&path, "/v2/%s/blobs/%s", session->repository,
                 s->upload->descriptor->digest) < 0) {
        path = NULL;
        return no_memory(err);
    }
    rc = hx_upload_ask(session, path, &request, &reply, s->object, err);
    if (rc < 0)
        return rc;
    if (reply.status == 200)
        return 1;
    return reply.status == 404 ? 0 : hx_session_explain(session, &reply, err);
}

int hx_upload_location(const struct hx_session *session,
                       const struct hx_http_reply *reply, char **location_r,
                       struct hx_err *err)
{
    const struct hx_url *home = &session->endpoint->url;
    _cleanup_url_ struct hx_url url = { 0 };
    _cleanup_free_ char *base = NULL;
    int rc;

    if (!reply->location)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "registry %s answered %ld without a Location to send "
                          "to",
                          home->host_port, reply->status);
    if (asprintf(&base, "%s/v2/%s/blobs/uploads/", home->origin,
                 session->repository) < 0) {
        base = NULL;
        return no_memory(err);
    }
    rc = hx_url_parse(reply->location, base, &url, err);
    if (rc == 0 && url.plain && !home->plain)
        rc = hx_err_set(err, HX_ERR_REGISTRY,
                        "it wants the upload without TLS, at %.200s; nothing "
                        "is sent there",
                        url.origin);
    if (rc < 0)
        return hx_err_prefix(err, "registry %s", home->host_port);
    free(*location_r);
    *location_r = hx_steal_ptr(&url.text);
    return 0;
}

/* 1 when the blob was taken from its neighbour; else the upload is open. */
static int answered(struct sending *s, const struct hx_http_reply *reply,
                    struct hx_err *err)
{
    int rc;

    if (reply->status == 201)
        return 1;
    if (reply->status != 202)
        return hx_session_explain(s->upload->session, reply, err);
    rc = hx_upload_location(s->upload->session, reply, &s->location, err);
    s->have_bytes = 0;
    return rc;
}

static int begin(struct sending *s, struct hx_http_reply *reply,
                 struct hx_err *err)
{
    struct hx_session *session = s->upload->session;
    struct hx_http_request request = { .method = "POST" };
    _cleanup_free_ char *path = NULL;
    int rc;

    if (asprintf(&path, "/v2/%s/blobs/uploads/", session->repository) < 0) {
        path = NULL;
        return no_memory(err);
    }
    rc = hx_session_try(session, path, &request, reply, err);
    if (rc < 0 || reply->status != 202)
        return rc;
    rc = answered(s, reply, err);
    return rc;
}

/*
 * Asks for the neighbour's blob.  1: it is there now; 0: it is not, and maybe
 * an upload is open instead.  A refusal is none: what we may not read there we
 * can still send.
 */
static int mount(struct sending *s, struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    struct hx_session *session = s->upload->session;
    struct hx_http_request request = { .method = "POST" };
    _cleanup_free_ char *path = NULL, *scope = NULL;
    const char *own = session->scope;
    struct hx_err why;
    int rc;

    if (asprintf(&path, "/v2/%s/blobs/uploads/?mount=%s&from=%s",
                 session->repository, s->upload->descriptor->digest,
                 s->upload->from) < 0) {
        path = NULL;
        return no_memory(err);
    }
    if (asprintf(&scope, "%s repository:%s:pull", own, s->upload->from) < 0) {
        scope = NULL;
        return no_memory(err);
    }
    session->scope = scope;
    rc = hx_session_try(session, path, &request, &reply, &why);
    if (rc == 0 && (reply.status == 201 || reply.status == 202))
        rc = answered(s, &reply, err);
    else
        rc = 0;
    session->scope = own;
    return rc;
}

static void on_sent(uint64_t bytes, void *opaque)
{
    const struct sending *s = opaque;

    /* All of it has arrived only when the registry says so. */
    if (s->have_bytes + bytes < s->upload->descriptor->size_bytes)
        hx_report_progress("pushing", s->object, s->have_bytes + bytes,
                           s->upload->descriptor->size_bytes);
}

/* What is missing, by PATCH; its answer says where to go on. */
static int send_rest(struct sending *s, struct hx_http_reply *reply,
                     struct hx_err *err)
{
    uint64_t size = s->upload->descriptor->size_bytes;
    char range[48];
    struct hx_http_upload body = {
        .fd = s->fd,
        .start = s->have_bytes,
        .bytes = size - s->have_bytes,
        .content_type = "application/octet-stream",
        .content_range = range,
        .sent = on_sent,
        .opaque = s,
    };
    struct hx_http_request request = { .method = "PATCH", .upload = &body };
    int rc;

    snprintf(range, sizeof(range), "%llu-%llu",
             (unsigned long long)s->have_bytes, (unsigned long long)size - 1);
    rc = hx_session_try(s->upload->session, s->location, &request, reply, err);
    if (rc < 0 || reply->status / 100 != 2)
        return rc;
    rc = hx_upload_location(s->upload->session, reply, &s->location, err);
    if (rc == 0)
        s->have_bytes = size;
    return rc;
}

/* The end of an upload: all of it when nothing was sent, else its digest. */
static int finish(struct sending *s, struct hx_http_reply *reply,
                  struct hx_err *err)
{
    const struct hx_descriptor *descriptor = s->upload->descriptor;
    struct hx_http_upload body = {
        .fd = s->fd,
        .start = s->have_bytes,
        .bytes = descriptor->size_bytes - s->have_bytes,
        .content_type = "application/octet-stream",
        .sent = on_sent,
        .opaque = s,
    };
    struct hx_http_request request = { .method = "PUT", .upload = &body };
    _cleanup_free_ char *url = NULL;

    if (asprintf(&url, "%s%sdigest=%s", s->location,
                 strchr(s->location, '?') ? "&" : "?",
                 descriptor->digest) < 0) {
        url = NULL;
        return no_memory(err);
    }
    return hx_session_try(s->upload->session, url, &request, reply, err);
}

/* One try, from where the last one ended; *reply is its last answer's. */
static int try_once(struct sending *s, struct hx_http_reply *reply,
                    struct hx_err *err)
{
    int rc = 0;

    if (!s->location)
        rc = begin(s, reply, err);
    if (rc < 0 || !s->location)
        return rc;
    if (s->have_bytes && s->have_bytes < s->upload->descriptor->size_bytes) {
        hx_http_reply_release(reply);
        rc = send_rest(s, reply, err);
        if (rc < 0 || s->have_bytes < s->upload->descriptor->size_bytes)
            return rc;
    }
    hx_http_reply_release(reply);
    return finish(s, reply, err);
}

/* Where an upload that broke stands; one that is not known begins anew. */
static void ask_where(struct sending *s)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    struct hx_http_request request = { 0 };
    struct hx_err why;
    uint64_t have = 0;

    if (!s->location)
        return;
    if (hx_session_try(s->upload->session, s->location, &request, &reply,
                       &why) == 0 &&
        reply.status == 204 && reply.range_end > 0)
        have = (uint64_t)reply.range_end + 1;
    if (have && have <= s->upload->descriptor->size_bytes &&
        (!reply.location || hx_upload_location(s->upload->session, &reply,
                                               &s->location, &why) == 0)) {
        s->have_bytes = have;
        return;
    }
    s->have_bytes = 0;
    free(hx_steal_ptr(&s->location));
}

/* What a registry says to an upload that it has lost, or put together wrong. */
static int is_lost(const struct sending *s, int rc,
                   const struct hx_http_reply *reply)
{
    if (rc < 0 || !s->location)
        return 0;
    return reply->status == 404 || reply->status == 416 ||
           (reply->status == 400 && s->have_bytes);
}

static int check_digest(const struct sending *s,
                        const struct hx_http_reply *reply, struct hx_err *err)
{
    const char *digest = s->upload->descriptor->digest;

    if (!reply->content_digest || !hx_digest_valid(reply->content_digest) ||
        strcmp(reply->content_digest, digest) == 0)
        return 0;
    return hx_err_set(err, HX_ERR_REGISTRY, "registry %s took blob %s as %s",
                      host_of(s), s->object, reply->content_digest);
}

static int send(struct sending *s, struct hx_err *err)
{
    for (int tries = 1;; tries++) {
        _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
        uint64_t before = s->have_bytes;
        int rc = try_once(s, &reply, err);

        if (rc == 0 && reply.status == 201)
            return check_digest(s, &reply, err);
        if (is_lost(s, rc, &reply) && tries < HX_TRIES_MAX) {
            s->have_bytes = 0;
            free(hx_steal_ptr(&s->location));
            continue;
        }
        if (!hx_session_again(s->upload->session, rc, &reply, tries, s->object))
            return rc < 0 ? rc
                          : hx_session_explain(s->upload->session, &reply, err);
        ask_where(s);
        if (s->have_bytes > before &&
            s->have_bytes - before >= PROGRESS_MIN_BYTES)
            tries = 0;
    }
}

/* Neither here nor there, it ended well. */
static int say(const struct sending *s, const char *how)
{
    hx_report_progress(how, s->object, 0, 0);
    return 0;
}

int hx_upload_blob(const struct hx_upload *upload, struct hx_err *err)
{
    struct sending s = { .upload = upload, .fd = -1 };
    int rc;

    hx_short_digest(upload->descriptor->digest, s.object);
    rc = is_there(&s, err);
    if (rc > 0)
        return say(&s, "exists");
    if (rc == 0 && upload->from)
        rc = mount(&s, err);
    if (rc > 0)
        return say(&s, "mounted");
    if (rc == 0)
        rc = upload->open(upload->opaque, upload->descriptor, &s.fd, err);
    if (rc == 0) {
        hx_report_progress("pushing", s.object, 0,
                           upload->descriptor->size_bytes);
        rc = send(&s, err);
    }
    free(s.location);
    hx_cleanup_close(&s.fd);
    return rc == 0 ? say(&s, "pushed")
                   : hx_err_prefix(err, "blob %s", s.object);
}
