/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The sources there are.  Each constructor gives an object to be ended with
 * its `free`; what it is made from is borrowed and must outlive it.
 */
#ifndef HX_PULL_SUPPLY_H
#define HX_PULL_SUPPLY_H

#include "image/pull/archive.h"
#include "image/pull/daemon-config.h"
#include "image/pull/found.h"
#include "image/pull/http.h"

#define HX_ENGINE_SOCKET "/var/run/docker.sock"

/* A registry and its mirrors. */
int hx_supply_registry(const struct hx_store *store, struct hx_http *http,
                       const struct hx_daemon_config *config,
                       const struct hx_reference *ref,
                       struct hx_supply **supply_r, struct hx_err *err);

/* An OCI layout in a folder, or in a tar (also compressed); `tag` may be
 * NULL when there is but one image. */
int hx_supply_oci_folder(const struct hx_store *store, const char *path,
                         const char *tag, struct hx_supply **supply_r,
                         struct hx_err *err);
int hx_supply_oci_archive(const struct hx_store *store, const char *path,
                          const char *tag, struct hx_supply **supply_r,
                          struct hx_err *err);

/* One whose members are known; takes over `archive`, also on failure. */
int hx_supply_oci_opened(const struct hx_store *store,
                         struct hx_archive *archive, const char *what,
                         struct hx_supply **supply_r, struct hx_err *err);

/* docker save's tar; `reference` may be NULL when there is but one image. */
int hx_supply_docker_archive(const struct hx_store *store, const char *path,
                             const char *reference, struct hx_supply **supply_r,
                             struct hx_err *err);

/* An image of the docker engine behind `socket`.  `find` is HX_ERR_NOT_FOUND
 * when the engine does not have it for the platform. */
int hx_supply_engine(const struct hx_store *store, const char *socket,
                     const struct hx_http_times *times,
                     const struct hx_reference *ref,
                     struct hx_supply **supply_r, struct hx_err *err);

#endif
