/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/download.h"

#include <stdio.h>

#include "image/pull/blob.h"

/* A try that brings less than this was in vain: a server that drips byte by
 * byte is left after the usual number of tries. */
#define PROGRESS_MIN_BYTES ((uint64_t)256 << 10)

struct download {
    struct hx_blob blob;
    const char *host;
    char object[HX_SHORT_DIGEST];
    struct hx_whole *whole;
    uint64_t told_bytes; /* what `whole` knows of */
};

/* The state of this blob, and of the whole. */
static void report(struct download *d, uint64_t have_bytes)
{
    hx_report_whole(d->whole, (int64_t)(have_bytes - d->told_bytes));
    d->told_bytes = have_bytes;
}

static void report_both(struct download *d)
{
    hx_report_progress("downloading", d->object, d->blob.have_bytes,
                       d->blob.descriptor.size_bytes);
    report(d, d->blob.have_bytes);
}

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
        report_both(d);
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

static int explain_foreign(const struct hx_descriptor *descriptor, int rc,
                           struct hx_err *err)
{
    if (rc != -HX_ERR_NOT_FOUND || !descriptor->foreign)
        return rc;
    return hx_err_set(err, HX_ERR_UNSUPPORTED,
                      "layer %.19s is a foreign one that its registry does "
                      "not have, and it is not fetched from elsewhere; push "
                      "the image with its foreign layers",
                      descriptor->digest);
}

static int run(struct hx_session *session, struct download *d,
               const struct hx_store *store,
               const struct hx_descriptor *descriptor, struct hx_err *err)
{
    int taken_up, rc;

    do {
        rc = hx_blob_begin(store, descriptor, &d->blob, err);
        if (rc > 0)
            report(d, descriptor->size_bytes);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        taken_up = d->blob.have_bytes > 0;
        report_both(d);
        rc = fetch(session, d, err);
        if (rc < 0) {
            hx_blob_drop(&d->blob);
            return explain_foreign(descriptor, rc, err);
        }
        rc = hx_blob_finish(&d->blob, err);
        /* What a killed pull had left may have been wrong. */
    } while (rc == -HX_ERR_CORRUPT && taken_up);
    return rc;
}

int hx_download(struct hx_session *session, const struct hx_store *store,
                const struct hx_descriptor *descriptor, struct hx_whole *whole,
                struct hx_err *err)
{
    struct download d = { .host = session->endpoint->url.host_port,
                          .whole = whole };
    int rc;

    hx_short_digest(descriptor->digest, d.object);
    rc = run(session, &d, store, descriptor, err);
    /* What is not kept comes anew, from the next endpoint. */
    if (rc < 0)
        report(&d, 0);
    return rc;
}
