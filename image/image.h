/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Images: from a reference to a verified root disk in the store.
 *
 * This library only looks things up in the store and starts the programs that
 * fill it.  What talks to registries or reads archives is `pull`, and what
 * parses layers is `mkroot`: processes of their own, because they read hostile
 * bytes, and because a launch of a cached image must not load their libraries.
 *
 *     struct hx_store store;
 *     struct hx_image image = { 0 };
 *     r = hx_store_open(NULL, &store, err);
 *     r = hx_image_get(&store, "nginx:latest", &options, &progress, &image,
 *                      err);
 *     ... image.root_disk, image.config.cmd ...
 *     hx_image_release(&image);
 *     hx_store_close(&store);
 *
 * The programs are looked for in $HX_LIBEXEC, beside the running program (a
 * build tree), and in the installed folder.  $HX_CONFDIR replaces /etc/hyper
 * (daemon.json, auth.json, certs.d) in tests.
 */
#ifndef HX_IMAGE_H
#define HX_IMAGE_H

#include <stdint.h>
#include <sys/types.h>

#include "image/base/err.h"
#include "image/base/strv.h"
#include "image/digest.h"
#include "image/store.h"

/* What an image's config says of its process (OCI image spec, config.md). */
/* HEALTHCHECK; 0 is "not said". */
struct hx_image_health {
    char **test; /* "CMD", ...; "CMD-SHELL", ...; "NONE"; or NULL */
    uint64_t interval_ns, timeout_ns, start_period_ns;
    uint64_t retries;
};

struct hx_image_config {
    char *architecture; /* "amd64" */
    char *os;           /* "linux" */
    char *variant;      /* "v8", or NULL */
    char *created;      /* RFC 3339, or NULL */
    char **entrypoint;
    char **cmd;
    char **env;
    char *user;           /* or NULL */
    char *working_dir;    /* or NULL */
    char *stop_signal;    /* "SIGQUIT", "3", or NULL */
    char **exposed_ports; /* "80/tcp" */
    char **volumes;       /* "/data" */
    char **labels;        /* "name=value" */
    char **shell;         /* what runs a shell's command, or NULL */
    struct hx_image_health health;
};

struct hx_image {
    char id[HX_DIGEST_TEXT_MAX];     /* the config blob's digest, as docker's */
    char digest[HX_DIGEST_TEXT_MAX]; /* what the reference named in its
                                        registry (manifest or index), or ""
                                        when no registry has it, as after
                                        docker save */
    char *reference;                 /* canonical, "docker.io/library/nginx:
                                        latest"; NULL when only the id names
                                        it */
    char *familiar;                  /* as docker prints it: "nginx:latest";
                                        the id's first 12 digits when
                                        `reference` is NULL */
    char *root_disk;                 /* path of the squashfs */
    uint64_t root_disk_bytes;
    int64_t pulled_at_s; /* Unix time */
    struct hx_image_config config;
};

enum hx_pull_policy { HX_PULL_MISSING, HX_PULL_ALWAYS, HX_PULL_NEVER };

struct hx_image_options {
    enum hx_pull_policy pull;
    const char *platform; /* "linux/amd64"; NULL is the host's */
};

#define HX_IMAGE_OPTIONS_DEFAULT                                               \
    {                                                                          \
        .pull = HX_PULL_MISSING                                                \
    }

/* One thing that is under way; sent at most ten times a second for each.
 * "retrying" counts tries in place of bytes. */
struct hx_progress_event {
    const char *stage;  /* "resolving" "waiting" "downloading" "retrying"
                           "reading" "converting" "done"; of a push "pushing",
                           and at its end "pushed", "exists" or "mounted" */
    const char *object; /* printable: short digest, or the reference */
    uint64_t done_bytes;
    uint64_t total_bytes; /* 0 when unknown */
};

struct hx_progress {
    void (*event)(const struct hx_progress_event *event, void *opaque);
    void *opaque;
};

/*
 * Resolves `reference` (docker's grammar, docker-archive:PATH[:REF],
 * oci-archive:PATH[:TAG], oci:PATH[:TAG], or the id of a stored image, 12 hex
 * digits or more), pulling when the policy says so.  *image_r is the
 * caller's to release.  `progress` may be NULL.
 */
int hx_image_get(struct hx_store *store, const char *reference,
                 const struct hx_image_options *options,
                 const struct hx_progress *progress, struct hx_image *image_r,
                 struct hx_err *err);

/*
 * Whether the root disk of a stored image (its id) has the bytes that were
 * recorded: HX_ERR_CORRUPT when not.  It is read only when its file looks
 * otherwise than when it was last hashed.  hx_image_get() does the same.
 */
int hx_image_check_disk(struct hx_store *store, const char *id,
                        struct hx_err *err);

/*
 * Keeps the image from being removed until *fd_r is closed: from before a pod
 * is made of it until the pod's record names it.  HX_ERR_NOT_FOUND when it has
 * been removed since hx_image_get().
 */
int hx_image_hold(struct hx_store *store, const struct hx_image *image,
                  int *fd_r, struct hx_err *err);

/* All stored images, one entry for each reference; an array the caller frees
 * with hx_image_list_free. */
int hx_image_list(struct hx_store *store, struct hx_image **images_r,
                  size_t *count_r, struct hx_err *err);
void hx_image_list_free(struct hx_image *images, size_t count);

/*
 * Removes a reference and, when it was the last, the root disk and blobs that
 * no other image needs.  `in_use` tells whether a pod needs the image, or
 * fails; it is asked when nobody can hold an image.  If one does, HX_ERR_STATE
 * unless `force`, which removes only the reference.
 */
int hx_image_remove(struct hx_store *store, const char *reference, int force,
                    int (*in_use)(const char *id, void *opaque,
                                  struct hx_err *err),
                    void *opaque, struct hx_err *err);

/*
 * Gives a stored image a further name, as docker tag: a reference without a
 * digest, which is taken from whatever image had it.
 */
int hx_image_add_name(struct hx_store *store, const char *image,
                      const char *name, struct hx_err *err);

struct hx_pushed {
    char digest[HX_DIGEST_TEXT_MAX]; /* of the manifest in the registry */
    uint64_t size_bytes;             /* its size */
};

/*
 * Sends the stored image of that name to the registry that the name says.
 * HX_ERR_NOT_FOUND: no such image here; HX_ERR_UNSUPPORTED: it was
 * stored without its manifest.  `progress` may be NULL.
 */
int hx_image_push(struct hx_store *store, const char *reference,
                  const struct hx_progress *progress,
                  struct hx_pushed *pushed_r, struct hx_err *err);

/* Takes NULL and a zeroed image. */
void hx_image_release(struct hx_image *image);

/*
 * Logs in to `registry` ("127.0.0.1:5443", "ghcr.io"; NULL is Docker Hub):
 * asks it whether it takes the credentials, and keeps them in auth.json
 * (0600, in docker's format) when it does; HX_ERR_AUTH when it does not.
 */
int hx_registry_login(const char *registry, const char *user,
                      const char *password, struct hx_err *err);
/* Forgets them; HX_ERR_NOT_FOUND when there were none. */
int hx_registry_logout(const char *registry, struct hx_err *err);

#endif
