/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images from a registry (OCI distribution spec): each endpoint in turn, the
 * mirrors first, until one answers.
 */
#include <stdio.h>
#include <string.h>

#include "image/pull/blob.h"
#include "image/pull/report.h"
#include "image/pull/resolve.h"
#include "image/pull/session.h"
#include "image/pull/supply.h"

#define ACCEPT                                                                 \
    HX_TYPE_OCI_INDEX ", " HX_TYPE_DOCKER_LIST ", " HX_TYPE_OCI_MANIFEST       \
                      ", " HX_TYPE_DOCKER_MANIFEST

/* A try that brings less than this was in vain: a server that drips byte by
 * byte is left after the usual number of tries. */
#define PROGRESS_MIN_BYTES ((uint64_t)256 << 10)

struct registry {
    struct hx_supply supply; /* first, so that one is the other */
    const struct hx_reference *ref;
    struct hx_endpoints endpoints;
    struct hx_session *sessions; /* one for each endpoint */
    size_t at;                   /* the endpoint that answered last */
};

/* What is done at one endpoint, and for which object. */
struct job {
    int (*run)(struct hx_session *session, struct job *job, struct hx_err *err);
    const char *target; /* tag or digest */
    const struct hx_store *store;
    const struct hx_descriptor *descriptor; /* or NULL for a tag */
    struct hx_buf *body;
    char **type;
    char *digest;
};

/*
 * Whether a failure is the endpoint's own, so that another one may do better:
 * all but our own troubles.
 */
static int is_theirs(int rc)
{
    switch (-rc) {
    case HX_ERR_NOT_FOUND:
    case HX_ERR_AUTH:
    case HX_ERR_NETWORK:
    case HX_ERR_REGISTRY:
    case HX_ERR_CORRUPT:
    case HX_ERR_LIMIT:
        return 1;
    default:
        return 0;
    }
}

/* Without one, the two schemes have ports of their own. */
static int has_port(const char *host_port)
{
    const char *colon = strrchr(host_port, ':');

    return colon && !strchr(colon, ']');
}

/*
 * Whether the other scheme of the same host may do better: it spoke no TLS,
 * or answered 400, which is what an https server says to plain http.  Where
 * nothing listens, nothing listens for either.
 */
static int wants_other_scheme(const struct registry *r, size_t at, int rc,
                              const struct hx_err *err)
{
    const struct hx_http *http = r->sessions[at].http;
    const struct hx_endpoint *list = r->endpoints.list;

    if (at + 1 >= r->endpoints.count || !list[at + 1].is_other_scheme)
        return 0;
    if (rc == -HX_ERR_REGISTRY)
        return strstr(err->msg, "answered 400") != NULL;
    return rc == -HX_ERR_NETWORK && hx_http_no_contact(http) &&
           !(hx_http_was_refused(http) &&
             strcmp(list[at].url.host_port, list[at + 1].url.host_port) == 0 &&
             has_port(list[at].url.host_port));
}

/* Joins what the endpoints said, the last one's last. */
static int both(const struct hx_err *earlier, int rc, struct hx_err *err)
{
    struct hx_err last = *err;

    if (earlier->code == HX_ERR_NONE)
        return rc;
    /* What the one that could be asked says of the image is the news. */
    if (last.code == HX_ERR_NETWORK && earlier->code == HX_ERR_NOT_FOUND)
        last.code = HX_ERR_NOT_FOUND;
    return hx_err_set(err, last.code, "%.450s; %.450s", earlier->msg, last.msg);
}

/* Runs the job at the endpoint that answered last, then at those after it. */
static int run(struct registry *r, struct job *job, struct hx_err *err)
{
    struct hx_err earlier = { 0 };
    int rc = 0;

    for (size_t at = r->at; at < r->endpoints.count; at++) {
        rc = job->run(&r->sessions[at], job, err);
        if (rc == 0) {
            r->at = at;
            return 0;
        }
        if (!is_theirs(rc))
            return rc;
        if (wants_other_scheme(r, at, rc, err))
            continue;
        while (at + 1 < r->endpoints.count &&
               r->endpoints.list[at + 1].is_other_scheme)
            at++;
        if (at + 1 < r->endpoints.count && earlier.code == HX_ERR_NONE) {
            earlier = *err;
            hx_err_prefix(&earlier, "mirror");
        }
    }
    return both(&earlier, rc, err);
}

static int get_document(struct hx_session *session, struct job *job,
                        struct hx_http_reply *reply, struct hx_err *err)
{
    struct hx_http_request request = { .accept = ACCEPT,
                                       .body_max_bytes =
                                           HX_MANIFEST_MAX_BYTES };
    _cleanup_free_ char *path = NULL;

    if (asprintf(&path, "/v2/%s/manifests/%s", session->repository,
                 job->target) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "manifest");
    }
    for (int tries = 1;; tries++) {
        int rc;

        hx_http_reply_release(reply);
        rc = hx_session_try(session, path, &request, reply, err);
        if (rc == 0 && reply->status == 200)
            return 0;
        if (hx_session_again(session, rc, reply, tries, session->repository))
            continue;
        if (rc == 0)
            rc = hx_session_explain(session, reply, err);
        return rc;
    }
}

/* Size and digest, as far as they were promised. */
static int check_document(const struct hx_session *session,
                          const struct job *job,
                          const struct hx_http_reply *reply, char *digest,
                          struct hx_err *err)
{
    const char *host = session->endpoint->url.host_port;
    const char *promised = reply->content_digest;

    if (job->descriptor && reply->body.len != job->descriptor->size_bytes)
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "registry %s sent %zu bytes as manifest %.19s, which "
                          "has %llu",
                          host, reply->body.len, job->descriptor->digest,
                          (unsigned long long)job->descriptor->size_bytes);
    if (hx_hash_bytes(reply->body.data ? reply->body.data : "", reply->body.len,
                      digest) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "manifest");
    if (strchr(job->target, ':'))
        promised = job->target;
    if (promised && strcmp(promised, digest) != 0) {
        /* Of another algorithm's digest in the header nothing is known. */
        if (promised == reply->content_digest && !hx_digest_valid(promised))
            return 0;
        return hx_err_set(err, HX_ERR_CORRUPT,
                          "registry %s sent a manifest with the digest %s "
                          "instead of %.80s",
                          host, digest, promised);
    }
    return 0;
}

static int run_document(struct hx_session *session, struct job *job,
                        struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    char digest[HX_DIGEST_TEXT_MAX];
    const char *type;
    int rc = get_document(session, job, &reply, err);

    if (rc < 0)
        return rc;
    type = reply.content_type ? reply.content_type : "no type";
    if (hx_media_of(type, NULL) != HX_MEDIA_MANIFEST &&
        hx_media_of(type, NULL) != HX_MEDIA_INDEX &&
        hx_media_of(type, NULL) != HX_MEDIA_SCHEMA1)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "%s answered with '%.100s' where an image manifest "
                          "belongs; is it a registry?",
                          session->endpoint->url.host_port, type);
    rc = check_document(session, job, &reply, digest, err);
    if (rc < 0)
        return rc;
    *job->type = strdup(type);
    if (!*job->type)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "manifest");
    if (job->digest)
        hx_digest_copy(job->digest, digest);
    hx_buf_release(job->body);
    *job->body = reply.body;
    reply.body = (struct hx_buf){ 0 };
    return 0;
}

struct download {
    struct hx_blob blob;
    const char *host;
    char object[HX_SHORT_DIGEST];
};

/* The first byte is about to come: does the answer fit what we have? */
static int begin_blob(const struct hx_http_reply *reply, void *opaque,
                      struct hx_err *err)
{
    struct download *d = opaque;
    uint64_t size = d->blob.descriptor.size_bytes;
    int rc = 0;

    if (reply->status == 206) {
        if (reply->range_start != (int64_t)d->blob.have_bytes)
            return hx_err_set(err, HX_ERR_REGISTRY,
                              "registry %s sent another part of blob %s than "
                              "was asked for",
                              d->host, d->object);
        size -= d->blob.have_bytes;
    } else if (d->blob.have_bytes) {
        rc = hx_blob_restart(&d->blob, err);
    }
    if (rc == 0 && reply->length_bytes >= 0 &&
        (uint64_t)reply->length_bytes != size)
        rc = hx_err_set(err, HX_ERR_CORRUPT,
                        "registry %s has %lld bytes for blob %s, and its "
                        "manifest says %llu",
                        d->host, (long long)reply->length_bytes, d->object,
                        (unsigned long long)size);
    return rc;
}

static int add_to_blob(const void *data, size_t len, void *opaque,
                       struct hx_err *err)
{
    struct download *d = opaque;
    int rc = hx_blob_write(&d->blob, data, len, err);

    if (rc == 0)
        hx_report_progress("downloading", d->object, d->blob.have_bytes,
                           d->blob.descriptor.size_bytes);
    return rc;
}

static int is_complete(const struct download *d)
{
    return d->blob.have_bytes == d->blob.descriptor.size_bytes;
}

/* Whether so much came that the tries before do not count any more. */
static int got_on(const struct download *d, uint64_t before)
{
    return d->blob.have_bytes > before &&
           d->blob.have_bytes - before >= PROGRESS_MIN_BYTES;
}

/* Fetches what is missing; tries count only while hardly anything comes. */
static int fetch(struct hx_session *session, struct download *d,
                 struct hx_err *err)
{
    _cleanup_free_ char *path = NULL;
    int tries = 0;

    if (asprintf(&path, "/v2/%s/blobs/%s", session->repository,
                 d->blob.descriptor.digest) < 0) {
        path = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "blob");
    }
    while (!is_complete(d) || d->blob.descriptor.size_bytes == 0) {
        _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
        struct hx_http_request request = {
            .range_start = d->blob.have_bytes,
            .begin = begin_blob,
            .sink = add_to_blob,
            .opaque = d,
        };
        uint64_t before = d->blob.have_bytes;
        int rc = hx_session_try(session, path, &request, &reply, err);

        if (rc == 0 && (reply.status == 200 || reply.status == 206)) {
            if (!is_complete(d))
                return hx_err_set(
                    err, HX_ERR_CORRUPT,
                    "registry %s sent %llu bytes of blob %s, "
                    "which has %llu",
                    d->host, (unsigned long long)d->blob.have_bytes, d->object,
                    (unsigned long long)d->blob.descriptor.size_bytes);
            return 0;
        }
        tries = got_on(d, before) ? 1 : tries + 1;
        if (hx_session_again(session, rc, &reply, tries, d->object))
            continue;
        if (rc == 0)
            rc = hx_session_explain(session, &reply, err);
        return rc < 0 && rc != -HX_ERR_CORRUPT
                   ? hx_err_prefix(err, "blob %s", d->object)
                   : rc;
    }
    return 0;
}

static int explain_foreign(const struct job *job, int rc, struct hx_err *err)
{
    if (rc != -HX_ERR_NOT_FOUND || !job->descriptor->foreign)
        return rc;
    return hx_err_set(err, HX_ERR_UNSUPPORTED,
                      "layer %.19s is a foreign one that its registry does "
                      "not have, and it is not fetched from elsewhere; push "
                      "the image with its foreign layers",
                      job->descriptor->digest);
}

static int run_blob(struct hx_session *session, struct job *job,
                    struct hx_err *err)
{
    struct download d = { .host = session->endpoint->url.host_port };
    int taken_up, rc;

    do {
        rc = hx_blob_begin(job->store, job->descriptor, &d.blob, err);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        taken_up = d.blob.have_bytes > 0;
        hx_short_digest(job->descriptor->digest, d.object);
        hx_report_progress("downloading", d.object, d.blob.have_bytes,
                           job->descriptor->size_bytes);
        rc = fetch(session, &d, err);
        if (rc < 0) {
            hx_blob_drop(&d.blob);
            return explain_foreign(job, rc, err);
        }
        rc = hx_blob_finish(&d.blob, err);
        /* What a killed pull had left may have been wrong. */
    } while (rc == -HX_ERR_CORRUPT && taken_up);
    return rc;
}

static int document(void *self, const struct hx_descriptor *descriptor,
                    struct hx_buf *body, char **type_r, struct hx_err *err)
{
    struct job job = { .run = run_document,
                       .target = descriptor->digest,
                       .descriptor = descriptor,
                       .body = body,
                       .type = type_r };

    return run(self, &job, err);
}

static int blob(void *self, const struct hx_descriptor *descriptor,
                struct hx_err *err)
{
    struct registry *r = self;
    struct job job = { .run = run_blob,
                       .store = r->supply.store,
                       .descriptor = descriptor };

    return run(r, &job, err);
}

static int find(struct hx_supply *supply, const struct hx_platform *wanted,
                struct hx_found *found_r, struct hx_err *err)
{
    struct registry *r = (struct registry *)supply;
    const char *target = r->ref->digest ? r->ref->digest : r->ref->tag;
    struct hx_content content = { supply->store, document, blob, r };
    _cleanup_buf_ struct hx_buf body = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    _cleanup_free_ char *type = NULL, *name = NULL;
    char digest[HX_DIGEST_TEXT_MAX];
    struct job job = { .run = run_document,
                       .target = target,
                       .body = &body,
                       .type = &type,
                       .digest = digest };
    struct hx_reference known = *r->ref;
    int rc;

    /* A digest says all; the tag beside it promises nothing. */
    if (known.digest)
        known.tag = NULL;
    name = hx_reference_canonical(&known);
    rc = run(r, &job, err);
    if (rc == 0)
        rc = hx_resolve(&content, &body, type, digest, wanted, found_r, err);
    if (rc == 0 && (!name || hx_strv_add(&found_r->references, name) < 0))
        rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "reference");
    return rc;
}

static int layer(struct hx_supply *supply, const struct hx_found *found,
                 size_t index, int *fd_r, struct hx_err *err)
{
    const struct hx_descriptor *descriptor = &found->layers.layers[index];
    int rc = blob(supply, descriptor, err);

    return rc < 0 ? rc
                  : hx_blob_open(supply->store, descriptor->digest, fd_r, err);
}

static void release(struct hx_supply *supply)
{
    struct registry *r = (struct registry *)supply;

    for (size_t i = 0; r->sessions && i < r->endpoints.count; i++)
        hx_session_release(&r->sessions[i]);
    free(r->sessions);
    hx_endpoints_release(&r->endpoints);
    free(r);
}

static int make_sessions(struct registry *r, struct hx_http *http,
                         struct hx_err *err)
{
    size_t count = r->endpoints.count;
    int rc = 0;

    r->sessions = calloc(count, sizeof(*r->sessions));
    if (!r->sessions)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
    for (size_t i = 0; rc == 0 && i < count; i++) {
        rc = hx_session_init(&r->sessions[i], http, &r->endpoints.list[i],
                             r->ref->path, err);
        r->sessions[i].unsure =
            i + 1 < count && r->endpoints.list[i + 1].is_other_scheme;
    }
    return rc;
}

int hx_supply_registry(const struct hx_store *store, struct hx_http *http,
                       const struct hx_daemon_config *config,
                       const struct hx_reference *ref,
                       struct hx_supply **supply_r, struct hx_err *err)
{
    struct registry *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
    r->supply = (struct hx_supply){ store, find, layer, release };
    r->ref = ref;
    rc = hx_endpoints_make(ref->domain, config, &r->endpoints, err);
    if (rc == 0)
        rc = make_sessions(r, http, err);
    if (rc < 0) {
        release(&r->supply);
        return rc;
    }
    *supply_r = &r->supply;
    return 0;
}
