/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One blob to a registry (distribution spec, "pushing blobs"):
 *
 *     HEAD  blobs/DIGEST                       200: it is there
 *     POST  blobs/uploads/?mount=..&from=..    201: taken from its neighbour
 *     POST  blobs/uploads/                     202, Location
 *     PUT   LOCATION?digest=..                 201
 *
 * After a break the registry is asked what it has (GET LOCATION); the rest goes
 * by PATCH, or all of it once more where the registry has forgotten.
 */
#ifndef HX_PULL_UPLOAD_H
#define HX_PULL_UPLOAD_H

#include "image/manifest.h"
#include "image/pull/session.h"

struct hx_upload {
    struct hx_session *session;
    const struct hx_descriptor *descriptor;
    /* Repository of the same registry that may have the blob, or NULL. */
    const char *from;
    /* The bytes, when they are needed: a descriptor, the caller's of this. */
    int (*open)(void *opaque, const struct hx_descriptor *descriptor, int *fd_r,
                struct hx_err *err);
    void *opaque;
};

/* Reports "pushing", and how it ended: "pushed", "exists" or "mounted". */
int hx_upload_blob(const struct hx_upload *upload, struct hx_err *err);

/* One request, tried again while that may help: 0 for any other answer. */
int hx_upload_ask(struct hx_session *session, const char *path,
                  struct hx_http_request *request, struct hx_http_reply *reply,
                  const char *object, struct hx_err *err);

/*
 * Where an answer's Location leads, an absolute URL, which takes the place of
 * *location_r; the caller's to free.  HX_ERR_REGISTRY without one, and for one
 * that leaves https.
 */
int hx_upload_location(const struct hx_session *session,
                       const struct hx_http_reply *reply, char **location_r,
                       struct hx_err *err);

#endif
