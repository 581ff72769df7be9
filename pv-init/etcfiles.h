/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The files that Docker writes for a container: hosts, hostname, resolv.conf.
 *
 * They lie in pv-init's tmpfs and are bind-mounted over the image's, so that
 * they are right with a read-only root too.
 */
#ifndef HX_INIT_ETCFILES_H
#define HX_INIT_ETCFILES_H

#include "pv-init/base.h"
#include "pv-init/config.h"

enum hx_init_etcfile {
    HX_INIT_ETC_HOSTS,
    HX_INIT_ETC_HOSTNAME,
    HX_INIT_ETC_RESOLV_CONF,
    HX_INIT_ETC_FILES
};

/* Their names: "hosts", "hostname", "resolv.conf". */
const char *hx_init_etcfile_name(enum hx_init_etcfile which);

/* A file's text; the caller's to free, NULL without memory.  Pure. */
char *hx_init_etcfile_text(enum hx_init_etcfile which,
                           const struct hx_init_config *config);

/* Makes the folder and writes the three files into it. */
int hx_init_etcfiles_write(const char *folder,
                           const struct hx_init_config *config,
                           struct hx_init_err *err);

#endif
