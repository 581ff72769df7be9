/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images from a registry (OCI distribution spec): each endpoint in turn, the
 * mirrors first, until one answers.
 */
#include <stdio.h>
#include <string.h>

#include "image/pull/blob.h"
#include "image/pull/download.h"
#include "image/pull/fetch.h"
#include "image/pull/report.h"
#include "image/pull/resolve.h"
#include "image/pull/session.h"
#include "image/pull/supply.h"

#define ACCEPT                                                                 \
    HX_TYPE_OCI_INDEX ", " HX_TYPE_DOCKER_LIST ", " HX_TYPE_OCI_MANIFEST       \
                      ", " HX_TYPE_DOCKER_MANIFEST

struct registry {
    struct hx_supply supply; /* first, so that one is the other */
    const struct hx_reference *ref;
    struct hx_endpoints endpoints;
    struct hx_session *sessions; /* one for each endpoint */
    size_t at;                   /* the endpoint that answered last */
    struct hx_http *http;
    unsigned downloads;     /* at once */
    struct hx_whole *whole; /* that the next blobs are a part of, or NULL */
};

/* What is done at one endpoint, and for which object. */
struct job {
    int (*run)(struct hx_session *session, struct job *job, struct hx_err *err);
    const char *target; /* tag or digest */
    const struct hx_store *store;
    const struct hx_descriptor *descriptor; /* or NULL for a tag */
    struct hx_whole *whole;
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

static int run_blob(struct hx_session *session, struct job *job,
                    struct hx_err *err)
{
    return hx_download(session, job->store, job->descriptor, job->whole, err);
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
                       .descriptor = descriptor,
                       .whole = r->whole };

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

/* -- several blobs at once ------------------------------------------------ */

/* Another one of the same endpoints, for a thread of its own. */
static void end_helper(struct registry *helper)
{
    if (!helper)
        return;
    for (size_t i = 0; helper->sessions && i < helper->endpoints.count; i++)
        hx_session_release(&helper->sessions[i]);
    free(helper->sessions);
    hx_http_free(helper->http);
    free(helper);
}

static int make_helper(const struct registry *r, struct registry **helper_r,
                       struct hx_err *err)
{
    struct registry *helper = calloc(1, sizeof(*helper));
    int rc = 0;

    if (!helper)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
    *helper = *r;
    helper->sessions = calloc(r->endpoints.count, sizeof(*helper->sessions));
    helper->http = hx_http_new(hx_http_times(r->http));
    if (!helper->sessions || !helper->http)
        rc = hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
    for (size_t i = 0; rc == 0 && i < r->endpoints.count; i++)
        rc = hx_session_copy(&helper->sessions[i], helper->http,
                             &r->sessions[i], err);
    if (rc < 0) {
        end_helper(helper);
        return rc;
    }
    *helper_r = helper;
    return 0;
}

/* The workers are `r` itself, and others that are made for the time. */
static int fetch_blobs(struct registry *r, struct hx_fetch *fetch,
                       struct hx_err *err)
{
    size_t count = r->downloads < fetch->count ? r->downloads : fetch->count;
    _cleanup_free_ void **workers = calloc(count, sizeof(*workers));
    int rc = 0;

    if (!workers)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "registry");
    workers[0] = r;
    for (size_t i = 1; rc == 0 && i < count; i++)
        rc = make_helper(r, (struct registry **)&workers[i], err);
    fetch->workers = workers;
    fetch->worker_count = count;
    fetch->get = blob;
    if (rc == 0)
        rc = hx_fetch_all(fetch, err);
    for (size_t i = 1; i < count; i++)
        end_helper(workers[i]);
    return rc;
}

/* Each layer once, though an image may have one several times; the uppermost
 * first, in the order in which they are converted. */
static size_t unique_layers(const struct hx_manifest *manifest,
                            struct hx_descriptor *list, uint64_t *bytes_r)
{
    size_t count = 0;

    *bytes_r = 0;
    for (size_t i = manifest->layer_count; i-- > 0;) {
        size_t k = 0;

        while (k < count &&
               strcmp(list[k].digest, manifest->layers[i].digest) != 0)
            k++;
        if (k < count)
            continue;
        list[count++] = manifest->layers[i];
        *bytes_r += manifest->layers[i].size_bytes;
    }
    return count;
}

static int prepare(struct hx_supply *supply, const struct hx_found *found,
                   const char *object, int grown_fd, struct hx_err *err)
{
    struct registry *r = (struct registry *)supply;
    const struct hx_manifest *manifest = &found->layers;
    _cleanup_free_ struct hx_descriptor *list =
        calloc(manifest->layer_count + 1, sizeof(*list));
    struct hx_whole whole = { .object = object, .grown_fd = grown_fd };
    struct hx_fetch fetch = { .blobs = list };
    int rc;

    if (!list)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "layers");
    fetch.count = unique_layers(manifest, list, &whole.total_bytes);
    if (fetch.count == 0)
        return 0;
    r->whole = &whole;
    rc = fetch_blobs(r, &fetch, err);
    r->whole = NULL;
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
    r->supply = (struct hx_supply){ .store = store,
                                    .find = find,
                                    .prepare = prepare,
                                    .layer = layer,
                                    .free = release };
    r->ref = ref;
    r->http = http;
    r->downloads = config->downloads;
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
