/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The local docker engine, as a source: what `docker pull` has fetched needs
 * no second download (Engine API, "Inspect an image", "Export an image").
 *
 *     GET /images/NAME/json    its platform
 *     GET /images/NAME/get     a docker archive, as a stream
 *
 * A thread reads the stream from the engine's socket and hands it on through
 * a socket pair, since libcurl pushes and libarchive pulls.
 */
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "image/base/json.h"
#include "image/pull/docker-archive.h"
#include "image/pull/report.h"
#include "image/pull/supply.h"

/* The engine prepares the whole export before its first byte. */
#define EXPORT_STALL_S 600

struct engine {
    struct hx_supply supply; /* first */
    const char *socket;
    struct hx_http_times times;
    const struct hx_reference *ref;
    char *name; /* as the engine knows it */
    struct hx_supply *archive;
    pthread_t reader;
    int reading;
    int to; /* the reader's end of the pair */
    struct hx_err read_err;
};

static int url_of(const struct engine *e, const char *what, char **url_r,
                  struct hx_err *err)
{
    /* A reference needs no escaping in a path: no '%', '?' or '#'. */
    if (asprintf(url_r, "http://engine/images/%s/%s", e->name, what) < 0) {
        *url_r = NULL;
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "docker engine");
    }
    return 0;
}

/* Whether the engine has the image, and for the wanted platform. */
static int inspect(const struct engine *e, const struct hx_platform *wanted,
                   struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    _cleanup_http_ struct hx_http *http = hx_http_new(&e->times);
    struct hx_http_request request = { .unix_socket = e->socket };
    _cleanup_free_ char *url = NULL;
    _cleanup_json_ json_t *doc = NULL;
    const char *os = NULL, *arch = NULL, *variant = NULL;
    int rc = url_of(e, "json", &url, err);

    if (rc < 0)
        return rc;
    if (!http)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting libcurl");
    request.url = url;
    rc = hx_http_get(http, &request, &reply, err);
    if (rc == 0 && reply.status != 200)
        rc = hx_err_set(err, HX_ERR_NOT_FOUND,
                        "docker engine: it answered %ld for %.200s",
                        reply.status, e->name);
    if (rc == 0)
        rc = hx_json_parse(reply.body.data ? reply.body.data : "",
                           reply.body.len, "docker engine", &doc, err);
    if (rc == 0)
        rc =
            hx_json_str(doc, "Os", "docker engine", HX_JSON_REQUIRED, &os, err);
    if (rc == 0)
        rc = hx_json_str(doc, "Architecture", "docker engine", HX_JSON_REQUIRED,
                         &arch, err);
    if (rc == 0)
        rc = hx_json_str(doc, "Variant", "docker engine", HX_JSON_OPTIONAL,
                         &variant, err);
    if (rc == 0 && !hx_platform_matches(wanted, os, arch, variant))
        rc = hx_err_set(err, HX_ERR_NOT_FOUND,
                        "docker engine: its %.200s is for another platform",
                        e->name);
    return rc;
}

static int begin_export(const struct hx_http_reply *reply, void *opaque,
                        struct hx_err *err)
{
    (void)opaque;
    if (reply->status == 200)
        return 0;
    return hx_err_set(err, HX_ERR_REGISTRY, "docker engine: it answered %ld",
                      reply->status);
}

/* When nobody reads any more, the export is stopped. */
static int hand_on(const void *data, size_t len, void *opaque,
                   struct hx_err *err)
{
    const struct engine *e = opaque;
    const char *p = data;

    while (len) {
        ssize_t n = send(e->to, p, len, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return hx_err_sys(err, HX_ERR_SYSTEM, errno, "docker engine");
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static void *read_export(void *opaque)
{
    struct engine *e = opaque;
    struct hx_http_times times = { e->times.connect_ms, EXPORT_STALL_S };
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    _cleanup_http_ struct hx_http *http = hx_http_new(&times);
    struct hx_http_request request = { .unix_socket = e->socket,
                                       .begin = begin_export,
                                       .sink = hand_on,
                                       .opaque = e };
    _cleanup_free_ char *url = NULL;
    int rc = url_of(e, "get", &url, &e->read_err);

    request.url = url;
    if (rc == 0 && http)
        rc = hx_http_get(http, &request, &reply, &e->read_err);
    else
        hx_err_sys(&e->read_err, HX_ERR_SYSTEM, ENOMEM, "docker engine");
    if (rc == 0 && http && reply.status != 200)
        hx_err_set(&e->read_err, HX_ERR_REGISTRY,
                   "docker engine: it answered %ld", reply.status);
    hx_cleanup_close(&e->to);
    e->to = -1;
    return NULL;
}

static int start_export(struct engine *e, struct hx_err *err)
{
    int pair[2], rc;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, errno, "docker engine");
    shutdown(pair[0], SHUT_WR);
    /* The archive takes over its end, also when it cannot be made. */
    rc = hx_docker_archive_new(e->supply.store, pair[0], "docker engine", NULL,
                               &e->archive, err);
    e->to = pair[1];
    if (rc < 0)
        return rc;
    if (pthread_create(&e->reader, NULL, read_export, e) != 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, EAGAIN, "docker engine");
    e->reading = 1;
    return 0;
}

static int find(struct hx_supply *supply, const struct hx_platform *wanted,
                struct hx_found *found_r, struct hx_err *err)
{
    struct engine *e = (struct engine *)supply;
    _cleanup_found_ struct hx_found found = { 0 };
    _cleanup_free_ char *name = hx_reference_canonical(e->ref);
    int rc = inspect(e, wanted, err);

    if (rc == 0)
        rc = start_export(e, err);
    if (rc == 0)
        rc = e->archive->find(e->archive, wanted, &found, err);
    if (rc < 0)
        return rc;
    /* It is known by the name it was asked for, whatever else it has. */
    hx_strv_free(&found.references);
    if (!name || hx_strv_add(&found.references, name) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "docker engine");
    /* The engine knows an image by a digest only when it has checked it. */
    if (e->ref->digest)
        hx_digest_copy(found.root, e->ref->digest);
    *found_r = found;
    found = (struct hx_found){ 0 };
    return 0;
}

static int layer(struct hx_supply *supply, const struct hx_found *found,
                 size_t index, int *fd_r, struct hx_err *err)
{
    struct engine *e = (struct engine *)supply;

    return e->archive->layer(e->archive, found, index, fd_r, err);
}

static void release(struct hx_supply *supply)
{
    struct engine *e = (struct engine *)supply;

    /* Closes the other end: a reader that still sends stops. */
    if (e->archive)
        e->archive->free(e->archive);
    if (e->reading)
        pthread_join(e->reader, NULL);
    hx_cleanup_close(&e->to);
    free(e->name);
    free(e);
}

int hx_supply_engine(const struct hx_store *store, const char *socket,
                     const struct hx_http_times *times,
                     const struct hx_reference *ref,
                     struct hx_supply **supply_r, struct hx_err *err)
{
    struct engine *e = calloc(1, sizeof(*e));
    struct hx_reference asked = *ref;

    if (!e)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "docker engine");
    e->supply = (struct hx_supply){
        .store = store, .find = find, .layer = layer, .free = release
    };
    e->socket = socket;
    e->times = *times;
    e->ref = ref;
    e->to = -1;
    /* As docker: a digest says all. */
    if (asked.digest)
        asked.tag = NULL;
    e->name = hx_reference_familiar(&asked);
    if (!e->name) {
        release(&e->supply);
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "docker engine");
    }
    *supply_r = &e->supply;
    return 0;
}
