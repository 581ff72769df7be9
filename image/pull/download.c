/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/download.h"

#include <stdio.h>
#include <unistd.h>

#include "image/pull/blob.h"

/* A try that brings less than this was in vain: a server that drips byte by
 * byte is left after the usual number of tries. */
#define PROGRESS_MIN_BYTES ((uint64_t)256 << 10)
/* Who reads along takes so much at a time. */
#define GROWTH_BYTES ((uint64_t)128 << 10)

struct download {
    struct hx_blob blob;
    uint64_t size_bytes;
    const char *host;
    char object[HX_SHORT_DIGEST];
    struct hx_whole *whole;
    uint64_t told_bytes; /* what `whole` knows of */
    uint64_t best_bytes; /* the most that was there at once */
    int continued;       /* it may have come in parts that do not fit */
    int misfit;          /* the answer was another part than was asked for */
    int no_parts;        /* they did not fit: all of it at once, or none */
};

/* Who reads the blob while it comes looks again.  A pipe that is full has told
 * him already. */
static void tell_growth(const struct download *d, uint64_t have_bytes)
{
    if (!d->whole || d->whole->grown_fd < 0)
        return;
    if (have_bytes == d->size_bytes ||
        have_bytes / GROWTH_BYTES != d->told_bytes / GROWTH_BYTES)
        (void)!write(d->whole->grown_fd, "", 1);
}

/* The state of this blob, and of the whole. */
static void report(struct download *d, uint64_t have_bytes)
{
    hx_report_whole(d->whole, (int64_t)(have_bytes - d->told_bytes));
    tell_growth(d, have_bytes);
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
        d->misfit = reply->range_start != (int64_t)d->blob.have_bytes;
        if (d->misfit)
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
static int got_on(struct download *d)
{
    uint64_t have = d->blob.have_bytes, before = d->best_bytes;

    if (have > before)
        d->best_bytes = have;
    return have > before && have - before >= PROGRESS_MIN_BYTES;
}

/* Whether asking for a part was what went wrong: the registry refused it, or
 * sent something that does not fit. */
static int was_wrong_part(const struct download *d, int rc,
                          const struct hx_http_reply *reply)
{
    if (rc < 0)
        return d->misfit || rc == -HX_ERR_CORRUPT;
    return reply->status == 416 ||
           (reply->status / 100 == 2 && !is_complete(d));
}

/* One request for what is missing; when no part can be had, for all of it. */
static int ask(struct hx_session *session, struct download *d, const char *path,
               struct hx_http_reply *reply, struct hx_err *err)
{
    for (;;) {
        struct hx_http_request request = {
            .begin = begin_blob,
            .sink = add_to_blob,
            .opaque = d,
        };
        int rc = d->no_parts ? hx_blob_restart(&d->blob, err) : 0;

        request.range_start = d->blob.have_bytes;
        d->continued |= d->blob.have_bytes > 0;
        if (rc == 0)
            rc = hx_session_try(session, path, &request, reply, err);
        if (!request.range_start || d->no_parts ||
            !was_wrong_part(d, rc, reply))
            return rc;
        d->no_parts = 1;
        hx_http_reply_release(reply);
        hx_err_clear(err);
    }
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
        int rc = ask(session, d, path, &reply, err);

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
        tries = got_on(d) ? 1 : tries + 1;
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

/* What came stays for another try, if it can be right and there is room. */
static void give_up(struct hx_blob *blob, int rc)
{
    if (rc == -HX_ERR_CORRUPT || rc == -HX_ERR_NO_SPACE)
        hx_blob_drop(blob);
    else
        hx_blob_leave(blob);
}

static int run(struct hx_session *session, struct download *d,
               const struct hx_store *store,
               const struct hx_descriptor *descriptor, struct hx_err *err)
{
    for (;;) {
        int rc = hx_blob_begin(store, descriptor, &d->blob, err);

        if (rc > 0)
            report(d, descriptor->size_bytes);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        d->continued = d->blob.have_bytes > 0;
        if (d->no_parts)
            rc = hx_blob_restart(&d->blob, err);
        report_both(d);
        if (rc == 0)
            rc = fetch(session, d, err);
        if (rc < 0) {
            give_up(&d->blob, rc);
            return explain_foreign(descriptor, rc, err);
        }
        rc = hx_blob_finish(&d->blob, err);
        /* What a pull before had left, or one of the parts, may have been
         * wrong. */
        if (rc != -HX_ERR_CORRUPT || !d->continued || d->no_parts)
            return rc;
        d->no_parts = 1;
    }
}

int hx_download(struct hx_session *session, const struct hx_store *store,
                const struct hx_descriptor *descriptor, struct hx_whole *whole,
                struct hx_err *err)
{
    struct download d = { .size_bytes = descriptor->size_bytes,
                          .host = session->endpoint->url.host_port,
                          .whole = whole };
    int rc;

    hx_short_digest(descriptor->digest, d.object);
    rc = run(session, &d, store, descriptor, err);
    /* What is not kept comes anew, from the next endpoint. */
    if (rc < 0)
        report(&d, 0);
    return rc;
}
