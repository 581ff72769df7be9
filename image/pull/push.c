/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/push.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/base/file.h"
#include "image/base/json.h"
#include "image/pull/blob.h"
#include "image/pull/report.h"
#include "image/pull/supply.h"
#include "image/pull/upload.h"
#include "image/record.h"

struct push {
    const struct hx_store *store;
    struct hx_http *http;
    struct hx_daemon_config config;
    struct hx_reference ref;
    struct hx_image_record image;
    struct hx_buf document; /* the manifest, byte by byte as it is stored */
    struct hx_manifest manifest;
    struct hx_ref_record *names; /* all that the store knows */
    size_t name_count;
    struct hx_endpoints endpoints;
    struct hx_session session;
    char *scope;
};

static int no_memory(struct hx_err *err)
{
    return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "push");
}

static void release(struct push *push)
{
    hx_session_release(&push->session);
    hx_endpoints_release(&push->endpoints);
    hx_ref_record_list_free(push->names, push->name_count);
    hx_manifest_release(&push->manifest);
    hx_buf_release(&push->document);
    hx_reference_release(&push->ref);
    hx_daemon_config_release(&push->config);
    hx_http_free(push->http);
    free(push->scope);
}

static int read_manifest(const struct hx_store *store, const char *digest,
                         struct hx_buf *document,
                         struct hx_manifest *manifest_r, struct hx_err *err)
{
    _cleanup_free_ char *path = hx_store_blob_path(store, digest);
    char what[40];
    int rc;

    if (!path)
        return no_memory(err);
    snprintf(what, sizeof(what), "manifest %.19s", digest);
    rc = hx_file_read(path, HX_MANIFEST_MAX_BYTES, document, err);
    return rc < 0 ? rc
                  : hx_manifest_parse(document->data ? document->data : "",
                                      document->len, what, manifest_r, err);
}

/* What the name means here. */
static int find_image(struct push *push, const char *reference,
                      struct hx_err *err)
{
    _cleanup_ref_record_ struct hx_ref_record record = { 0 };
    int rc = hx_reference_parse(reference, &push->ref, err);

    if (rc < 0)
        return rc;
    if (push->ref.digest)
        return hx_err_set(err, HX_ERR_USAGE,
                          "a push makes a tag mean this image, and %.200s "
                          "names a digest; give a tag",
                          reference);
    rc = hx_ref_record_load(push->store, &push->ref, &record, err);
    if (rc == -HX_ERR_NOT_FOUND)
        return hx_err_set(err, HX_ERR_NOT_FOUND,
                          "no image %.200s is stored here; 'xl hyper-images' "
                          "lists them",
                          reference);
    if (rc == 0)
        rc = hx_image_record_load(push->store, record.id, &push->image, err);
    if (rc < 0)
        return rc;
    if (!*push->image.manifest)
        return hx_err_set(err, HX_ERR_UNSUPPORTED,
                          "image %.200s was stored without its layers, by an "
                          "older version or since its manifest was damaged; "
                          "load or pull it again",
                          reference);
    rc = read_manifest(push->store, push->image.manifest, &push->document,
                       &push->manifest, err);
    return rc < 0 ? rc
                  : hx_ref_record_list(push->store, &push->names,
                                       &push->name_count, err);
}

/* From another registry that one of the image's names says. */
static int fetch_from(const struct push *push, const char *name, size_t layer,
                      int *fd_r, struct hx_err *err)
{
    _cleanup_reference_ struct hx_reference ref = { 0 };
    _cleanup_supply_ struct hx_supply *supply = NULL;
    struct hx_found found = { .layers = push->manifest };
    int rc = hx_reference_parse(name, &ref, err);

    if (rc == 0)
        rc = hx_supply_registry(push->store, push->http, &push->config, &ref,
                                &supply, err);
    return rc < 0 ? rc : supply->layer(supply, &found, layer, fd_r, err);
}

static int fetch_again(const struct push *push,
                       const struct hx_descriptor *descriptor, int *fd_r,
                       struct hx_err *err)
{
    size_t layer = (size_t)(descriptor - push->manifest.layers);
    _cleanup_free_ char *own = hx_reference_canonical(&push->ref);
    int rc = -HX_ERR_NOT_FOUND;

    if (!own)
        return no_memory(err);
    hx_err_set(err, HX_ERR_NOT_FOUND,
               "it is not stored here, and no other name says where to fetch "
               "it; pull the image again");
    for (size_t i = 0; rc < 0 && i < push->name_count; i++) {
        const struct hx_ref_record *name = &push->names[i];

        if (strcmp(name->id, push->image.id) == 0 &&
            strcmp(name->reference, own) != 0)
            rc = fetch_from(push, name->reference, layer, fd_r, err);
    }
    return rc;
}

static int has_size(int fd, uint64_t bytes)
{
    struct stat st;

    return fstat(fd, &st) == 0 && (uint64_t)st.st_size == bytes;
}

/* The bytes of a blob; of a layer from wherever they are. */
static int open_blob(void *opaque, const struct hx_descriptor *descriptor,
                     int *fd_r, struct hx_err *err)
{
    const struct push *push = opaque;
    int is_config = descriptor == &push->manifest.config;
    _cleanup_close_ int fd = -1;
    int rc = hx_blob_open(push->store, descriptor->digest, &fd, err);

    if (rc == 0 && has_size(fd, descriptor->size_bytes)) {
        *fd_r = hx_steal_fd(&fd);
        return 0;
    }
    if (rc == 0)
        rc = hx_blob_remove_damaged(push->store, descriptor->digest, err);
    if (is_config)
        return rc < 0 ? rc
                      : hx_err_set(err, HX_ERR_CORRUPT,
                                   "the stored config is damaged; pull the "
                                   "image again");
    return rc < 0 && rc != -HX_ERR_NOT_FOUND
               ? rc
               : fetch_again(push, descriptor, fd_r, err);
}

static int has_layer(const struct push *push, const char *id,
                     const char *digest)
{
    _cleanup_buf_ struct hx_buf document = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES);
    _cleanup_manifest_ struct hx_manifest manifest = { 0 };
    struct hx_image_record image;

    if (hx_image_record_load(push->store, id, &image, NULL) < 0 ||
        !*image.manifest ||
        read_manifest(push->store, image.manifest, &document, &manifest, NULL) <
            0)
        return 0;
    for (size_t i = 0; i < manifest.layer_count; i++) {
        if (strcmp(manifest.layers[i].digest, digest) == 0)
            return 1;
    }
    return 0;
}

/* A repository of the same registry that has the layer, as far as the store
 * knows; the caller's to free. */
static char *neighbour(const struct push *push, const char *digest)
{
    for (size_t i = 0; i < push->name_count; i++) {
        _cleanup_reference_ struct hx_reference ref = { 0 };

        if (hx_reference_parse(push->names[i].reference, &ref, NULL) == 0 &&
            strcmp(ref.domain, push->ref.domain) == 0 &&
            strcmp(ref.path, push->ref.path) != 0 &&
            has_layer(push, push->names[i].id, digest))
            return hx_steal_ptr(&ref.path);
    }
    return NULL;
}

static int push_blobs(struct push *push, struct hx_err *err)
{
    struct hx_upload upload = { .session = &push->session,
                                .open = open_blob,
                                .opaque = push };
    int rc = 0;

    for (size_t i = 0; rc == 0 && i < push->manifest.layer_count; i++) {
        const struct hx_descriptor *layer = &push->manifest.layers[i];
        _cleanup_free_ char *from = NULL;

        /* Foreign layers stay where they are. */
        if (layer->foreign)
            continue;
        from = neighbour(push, layer->digest);
        upload.descriptor = layer;
        upload.from = from;
        rc = hx_upload_blob(&upload, err);
    }
    if (rc < 0)
        return rc;
    upload.descriptor = &push->manifest.config;
    upload.from = NULL;
    return hx_upload_blob(&upload, err);
}

/* The type that the document says, or, of one that says none, OCI's. */
static char *media_type(const struct hx_buf *document)
{
    _cleanup_json_ json_t *doc =
        json_loadb(document->data, document->len, 0, NULL);
    const char *type = json_string_value(json_object_get(doc, "mediaType"));

    return strdup(type ? type : HX_TYPE_OCI_MANIFEST);
}

static int push_manifest(struct push *push, struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    _cleanup_free_ char *path = NULL, *type = media_type(&push->document);
    struct hx_http_upload body = { .data = push->document.data,
                                   .bytes = push->document.len,
                                   .content_type = type };
    struct hx_http_request request = { .method = "PUT", .upload = &body };
    const char *host = push->session.endpoint->url.host_port;
    int rc;

    if (asprintf(&path, "/v2/%s/manifests/%s", push->ref.path, push->ref.tag) <
        0)
        path = NULL;
    if (!path || !type)
        return no_memory(err);
    rc = hx_upload_ask(&push->session, path, &request, &reply, push->ref.tag,
                       err);
    if (rc == 0 && reply.status / 100 != 2)
        rc = hx_session_explain(&push->session, &reply, err);
    if (rc < 0)
        return hx_err_prefix(err, "manifest");
    if (reply.content_digest && hx_digest_valid(reply.content_digest) &&
        strcmp(reply.content_digest, push->image.manifest) != 0)
        return hx_err_set(err, HX_ERR_REGISTRY,
                          "registry %s took the manifest as %s, and it is %s",
                          host, reply.content_digest, push->image.manifest);
    return 0;
}

/* Which of two schemes is spoken is found by asking for nothing. */
static int greet(struct push *push, const struct hx_endpoint *endpoint,
                 int unsure, struct hx_err *err)
{
    _cleanup_http_reply_ struct hx_http_reply reply = { 0 };
    struct hx_http_request request = { 0 };
    int rc;

    hx_session_release(&push->session);
    rc = hx_session_init(&push->session, push->http, endpoint, push->ref.path,
                         err);
    if (rc < 0)
        return rc;
    push->session.scope = push->scope;
    push->session.unsure = unsure;
    rc = hx_upload_ask(&push->session, "/v2/", &request, &reply,
                       push->session.repository, err);
    if (rc < 0 || reply.status == 200)
        return rc;
    /* An https server says 400 to plain http. */
    return hx_session_explain(&push->session, &reply, err);
}

/* The registry itself; a mirror is for reading. */
static int connect(struct push *push, struct hx_err *err)
{
    const struct hx_endpoint *list;
    int rc;

    if (asprintf(&push->scope, "repository:%s:pull,push", push->ref.path) < 0) {
        push->scope = NULL;
        return no_memory(err);
    }
    rc = hx_endpoints_make(push->ref.domain, &push->config, &push->endpoints,
                           err);
    if (rc < 0)
        return rc;
    list = push->endpoints.list;
    for (size_t i = 0; i < push->endpoints.count; i++) {
        int other =
            i + 1 < push->endpoints.count && list[i + 1].is_other_scheme;

        if (list[i].is_mirror)
            continue;
        rc = greet(push, &list[i], other, err);
        if (rc == 0 || !other ||
            !(rc == -HX_ERR_REGISTRY ||
              (rc == -HX_ERR_NETWORK && hx_http_no_contact(push->http))))
            return rc;
    }
    return rc;
}

static int run(struct push *push, const char *reference, struct hx_err *err)
{
    int rc = hx_daemon_config_load(&push->config, err);

    if (rc == 0)
        rc = find_image(push, reference, err);
    if (rc == 0)
        rc = connect(push, err);
    if (rc == 0)
        rc = push_blobs(push, err);
    if (rc == 0)
        rc = push_manifest(push, err);
    if (rc == 0)
        hx_report_pushed(push->image.manifest, push->document.len);
    return rc;
}

int hx_push_run(const struct hx_store *store, const char *reference,
                const struct hx_http_times *times, struct hx_err *err)
{
    struct push push = { .store = store,
                         .document = HX_BUF_INIT(HX_MANIFEST_MAX_BYTES) };
    _cleanup_close_ int lock = -1;
    int rc;

    push.http = hx_http_new(times);
    if (!push.http)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting libcurl");
    /* While it is held, nothing of the image is swept away. */
    rc = hx_store_join_pulls(store, &lock, err);
    if (rc == 0)
        rc = run(&push, reference, err);
    release(&push);
    hx_cleanup_close(&lock);
    lock = -1;
    hx_store_sweep_old(store, NULL);
    return rc;
}
