/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/load.h"

#include "image/pull/docker-archive.h"
#include "image/pull/pull.h"

/* Since docker 25 its archives are both; docker's own list is what counts, as
 * for docker. */
static int open_supply(const struct hx_store *store, int fd, const char *what,
                       struct hx_supply **supply_r, struct hx_err *err)
{
    struct hx_archive *archive = NULL;
    int rc = hx_archive_open(store, fd, what, &archive, err);

    if (rc < 0)
        return rc;
    if (hx_archive_has(archive, "manifest.json"))
        return hx_docker_archive_opened(store, archive, what, supply_r, err);
    if (hx_archive_has(archive, "oci-layout"))
        return hx_supply_oci_opened(store, archive, what, supply_r, err);
    hx_archive_free(archive);
    return hx_err_set(err, HX_ERR_CORRUPT,
                      "%s: it is no archive of images, or is not whole: it "
                      "holds neither manifest.json nor oci-layout",
                      what);
}

static int load_all(const struct hx_store *store, int fd, const char *what,
                    const struct hx_platform *platform, struct hx_err *err)
{
    _cleanup_supply_ struct hx_supply *supply = NULL;
    int rc = open_supply(store, fd, what, &supply, err);

    while (rc == 0 && (rc = supply->next(supply, err)) > 0)
        rc = hx_pull_take(store, supply, platform, what, err);
    return rc;
}

int hx_load_run(const struct hx_store *store, int fd, const char *what,
                const char *platform, struct hx_err *err)
{
    struct hx_platform wanted;
    int lock = -1, rc;

    rc = hx_platform_parse(platform, &wanted, err);
    if (rc == 0)
        rc = hx_store_join_pulls(store, &lock, err);
    if (rc == 0)
        rc = load_all(store, fd, what, &wanted, err);
    hx_cleanup_close(&lock);
    hx_pull_clean(store, rc);
    return rc;
}
