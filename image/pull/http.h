/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One HTTP request and its answer, over libcurl: bounded, timed, and with no
 * opinion about what to do next.  Redirects are returned and not followed.
 *
 *     struct hx_http_request request = { .url = ..., .accept = ... };
 *     r = hx_http_get(http, &request, &reply, err);   -> reply.status
 *
 * A body of status 2xx goes to the sink, when there is one; every other body
 * is kept in `reply.body`, up to HX_HTTP_BODY_MAX.
 */
#ifndef HX_PULL_HTTP_H
#define HX_PULL_HTTP_H

#include <stdint.h>

#include "image/base/buf.h"
#include "image/base/err.h"
#include "image/base/strv.h"

#define HX_HTTP_BODY_MAX ((size_t)1 << 20)

struct hx_http_tls {
    int verify;      /* 0: any certificate will do */
    char *ca_pem;    /* further CAs, PEM, or NULL */
    char *cert_path; /* the client's certificate and key, or NULL */
    char *key_path;
};

struct hx_http_reply {
    long status;
    char *content_type; /* or NULL, as the next ones */
    char *location;
    char *content_digest;  /* Docker-Content-Digest */
    char **challenges;     /* each WWW-Authenticate line */
    int64_t length_bytes;  /* Content-Length, or -1 */
    int64_t range_start;   /* of Content-Range, or -1 */
    int64_t range_end;     /* of Range, which tells what of an upload came */
    int64_t retry_after_s; /* or -1 */
    struct hx_buf body;
    size_t header_bytes;
};

/* A body to be sent: memory, or a part of a file, which is read anew for
 * each try. */
struct hx_http_upload {
    const void *data; /* NULL: the file */
    int fd;
    uint64_t start; /* offset in either */
    uint64_t bytes;
    const char *content_type;
    const char *content_range; /* "0-99", or NULL */
    /* Told what of `bytes` is on its way; may be NULL. */
    void (*sent)(uint64_t bytes, void *opaque);
    void *opaque;
};

struct hx_http_request {
    const char *url;
    const char *method; /* "HEAD", "POST", "PUT", "PATCH"; NULL: GET */
    const struct hx_http_upload *upload; /* of POST, PUT, PATCH; or NULL */
    const char *unix_socket;             /* or NULL */
    const char *accept;                  /* or NULL */
    const char *bearer;                  /* token, or NULL */
    const char *user, *password;         /* Basic, or NULL */
    const char *form;     /* POST of this urlencoded form, or NULL: GET */
    uint64_t range_start; /* 0: the whole */
    const struct hx_http_tls *tls; /* NULL: system CAs */
    /* Not to an address of this machine or link, nor to a name of one unless a
     * proxy is used: for where a registry sends us. */
    int no_local_peer;
    size_t body_max_bytes; /* of reply.body with 2xx; 0: HX_HTTP_BODY_MAX */
    /* Called once before the first byte with 2xx, then for each piece;
     * negative stops with the error that the sink has set. */
    int (*begin)(const struct hx_http_reply *reply, void *opaque,
                 struct hx_err *err);
    int (*sink)(const void *data, size_t len, void *opaque, struct hx_err *err);
    void *opaque;
};

struct hx_http_times {
    long connect_ms; /* for a connection to stand */
    long stall_s;    /* below 512 bytes a second for so long is a failure */
};

struct hx_http;

struct hx_http *hx_http_new(const struct hx_http_times *times);
void hx_http_free(struct hx_http *http);
const struct hx_http_times *hx_http_times(const struct hx_http *http);

/*
 * One request of any method; one with an upload may stand still ten times as
 * long, since a registry looks at all of it before it answers.
 * 0 when an answer came, whatever its status.  HX_ERR_NETWORK when none or
 * only a part of it came: trying again may help.  *reply_r is filled in
 * either case and released by the caller.
 */
int hx_http_get(struct hx_http *http, const struct hx_http_request *request,
                struct hx_http_reply *reply_r, struct hx_err *err);
void hx_http_reply_release(struct hx_http_reply *reply);

/* Whether the last failure was one before any answer: no connection, no TLS. */
int hx_http_no_contact(const struct hx_http *http);
/* Whether nothing listened at the port. */
int hx_http_was_refused(const struct hx_http *http);
/* Whether the last failure will be the same on another try (no such host,
 * certificate refused). */
int hx_http_is_final(const struct hx_http *http);

void hx_http_tls_release(struct hx_http_tls *tls);

#define _cleanup_http_       _cleanup_(hx_http_cleanup)
#define _cleanup_http_reply_ _cleanup_(hx_http_reply_release)

static inline void hx_http_cleanup(struct hx_http **http)
{
    hx_http_free(*http);
}

#endif
