/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * References as docker writes them (distribution/reference):
 *
 *     nginx                          docker.io / library/nginx   tag latest
 *     host:5000/a/b:1@sha256:...     host:5000 / a/b             tag, digest
 *
 * and the other places an image can come from:
 *
 *     docker-archive:PATH[:REFERENCE]   docker save's tar, also compressed
 *     oci-archive:PATH[:TAG]            an OCI layout in a tar
 *     oci:PATH[:TAG]                    an OCI layout in a folder
 *
 * A parsed reference is safe as a path and in a URL: no component begins with
 * a dot, holds a '/' or is longer than 255 bytes.
 */
#ifndef HX_REFERENCE_H
#define HX_REFERENCE_H

#include "image/base/cleanup.h"
#include "image/base/err.h"

struct hx_reference {
    char *domain; /* "docker.io", "127.0.0.1:5000" */
    char *path;   /* "library/nginx" */
    char *tag;    /* "latest" when the text had neither tag nor digest;
                     NULL when it had a digest only */
    char *digest; /* "sha256:...", or NULL */
};

/* HX_ERR_USAGE with the way out.  *ref_r is released by the caller. */
int hx_reference_parse(const char *text, struct hx_reference *ref_r,
                       struct hx_err *err);
void hx_reference_release(struct hx_reference *ref);

/* With domain, and with the tag or digest or both; NULL without memory.
 * The caller frees. */
char *hx_reference_canonical(const struct hx_reference *ref);
/* As docker prints it, without "docker.io/" and "library/". */
char *hx_reference_familiar(const struct hx_reference *ref);

/* A registry's name, "host" or "host:port", by the same grammar. */
int hx_reference_check_domain(const char *text, struct hx_err *err);

enum hx_source_kind {
    HX_SOURCE_REFERENCE, /* a registry, or the local engine */
    HX_SOURCE_DOCKER_ARCHIVE,
    HX_SOURCE_OCI_ARCHIVE,
    HX_SOURCE_OCI_FOLDER
};

struct hx_source {
    enum hx_source_kind kind;
    char *text;              /* as given */
    struct hx_reference ref; /* of HX_SOURCE_REFERENCE */
    char *path;              /* of the others */
    char *member;            /* REFERENCE or TAG within it, or NULL */
};

/*
 * What `text` names.  A path may hold ':' when a file of the whole name is
 * there; else what follows its first ':' is the member.  HX_ERR_USAGE.
 */
int hx_source_parse(const char *text, struct hx_source *source_r,
                    struct hx_err *err);
void hx_source_release(struct hx_source *source);

#define _cleanup_reference_ _cleanup_(hx_reference_release)
#define _cleanup_source_    _cleanup_(hx_source_release)

#endif
