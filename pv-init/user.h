/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Who a process runs as: Docker's six forms of a user,
 *
 *     "" | user | uid | user:group | uid:gid | uid:group | user:gid
 *
 * looked up in the image's own passwd and group, as Docker does it:
 *
 *   - the first entry that matches wins; a number matches as a number only
 *   - a name that is not there is an error, a number is taken as it is
 *   - without a group: the user's own, and those that list him; with one:
 *     that one alone
 *   - HOME is the entry's, else "/"
 */
#ifndef HX_INIT_USER_H
#define HX_INIT_USER_H

#include <sys/types.h>

#include "pv-init/base.h"

#define HX_INIT_GROUPS_MAX    256
#define HX_INIT_USER_FILE_MAX (1u << 20) /* bytes of passwd and group */
#define HX_INIT_HOME_MAX      1024

struct hx_init_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[HX_INIT_GROUPS_MAX]; /* the primary one first */
    size_t group_count;               /* at least 1 */
    char home[HX_INIT_HOME_MAX];
};

/* Pure: the two files' texts ("" for a missing one). */
int hx_init_user_resolve(const char *spec, const char *passwd,
                         const char *group, struct hx_init_user *out,
                         struct hx_init_err *err);

/* With the files of the root that root_fd stands for. */
int hx_init_user_find(int root_fd, const char *spec, struct hx_init_user *out,
                      struct hx_init_err *err);

#endif
