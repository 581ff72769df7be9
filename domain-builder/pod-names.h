/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The index of names: LIB/pods/.names/NAME is a symbolic link whose text is
 * the UUID of the pod that has the name.
 *
 * A link whose pod has no folder means nothing (its creator or remover was
 * killed), and is replaced by the next who wants the name.  Only pod-state.c
 * and commands that rename pods use this.
 */
#ifndef HX_POD_NAMES_H
#define HX_POD_NAMES_H

#include "domain-builder/pod-state.h"

/* Makes LIB/pods and the index when missing, and locks all names; *fd_r is
 * the caller's, and held for moments only. */
int hx_pod_names_lock(const struct hx_pod_dirs *dirs, int *fd_r,
                      struct hx_err *err);

/* 0 and the UUID when a pod has the name, else -1.  The name is valid. */
int hx_pod_names_find(const struct hx_pod_dirs *dirs, const char *name,
                      char uuid_r[HX_POD_UUID_TEXT]);

/* With the lock: HX_ERR_EXISTS when the name is in use; and taking it. */
int hx_pod_names_check(const struct hx_pod_dirs *dirs, const char *name,
                       struct hx_err *err);
int hx_pod_names_put(const struct hx_pod_dirs *dirs, const char *name,
                     const char *uuid, struct hx_err *err);

/* Without the lock: frees the names of this UUID but `name`. */
int hx_pod_names_tidy(const struct hx_pod_dirs *dirs, const char *uuid,
                      const char *name, struct hx_err *err);

/* Without the lock: frees all names of this UUID. */
int hx_pod_names_drop(const struct hx_pod_dirs *dirs, const char *uuid,
                      struct hx_err *err);

#endif
