/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "image/pull/pull.h"

#include <string.h>

#include "image/base/strv.h"
#include "image/pull/commit.h"
#include "image/pull/disk.h"
#include "image/pull/report.h"

struct job {
    const struct hx_store *store;
    const struct hx_pull *pull;
    struct hx_source source;
    struct hx_platform platform;
};

int hx_pull_take(const struct hx_store *store, struct hx_supply *supply,
                 const struct hx_platform *platform, const char *object,
                 struct hx_err *err)
{
    _cleanup_found_ struct hx_found found = { 0 };
    struct hx_disk disk = { 0 };
    int rc;

    hx_report_progress("resolving", object, 0, 0);
    rc = supply->find(supply, platform, &found, err);
    if (rc == 0)
        rc = hx_disk_get(supply, &found, object, &disk, err);
    if (rc == 0)
        rc = hx_commit(store, &found, &disk, err);
    if (rc < 0)
        return rc;
    hx_report_progress("done", object, disk.bytes, disk.bytes);
    if (!found.references)
        hx_report_image(found.id, NULL);
    for (size_t i = 0; found.references && found.references[i]; i++)
        hx_report_image(found.id, found.references[i]);
    return 0;
}

static int take(const struct job *job, struct hx_supply *supply,
                struct hx_err *err)
{
    return hx_pull_take(job->store, supply, &job->platform, job->source.text,
                        err);
}

/* The engine is a short cut: what it cannot give, the registry may. */
static int try_engine(const struct job *job, struct hx_err *err)
{
    _cleanup_supply_ struct hx_supply *supply = NULL;
    int rc;

    if (!job->pull->engine || access(job->pull->engine, F_OK) < 0)
        return -HX_ERR_NOT_FOUND;
    rc = hx_supply_engine(job->store, job->pull->engine, &job->pull->times,
                          &job->source.ref, &supply, err);
    return rc == 0 ? take(job, supply, err) : rc;
}

static int take_from_registry(const struct job *job, struct hx_err *err)
{
    _cleanup_daemon_config_ struct hx_daemon_config config = { 0 };
    _cleanup_http_ struct hx_http *http = hx_http_new(&job->pull->times);
    _cleanup_supply_ struct hx_supply *supply = NULL;
    int rc;

    if (!http)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "starting libcurl");
    rc = hx_daemon_config_load(&config, err);
    if (rc == 0)
        rc = hx_supply_registry(job->store, http, &config, &job->source.ref,
                                &supply, err);
    return rc == 0 ? take(job, supply, err) : rc;
}

static int take_from_file(const struct job *job, struct hx_err *err)
{
    const struct hx_source *source = &job->source;
    _cleanup_supply_ struct hx_supply *supply = NULL;
    int rc;

    switch (source->kind) {
    case HX_SOURCE_DOCKER_ARCHIVE:
        rc = hx_supply_docker_archive(job->store, source->path, source->member,
                                      &supply, err);
        break;
    case HX_SOURCE_OCI_ARCHIVE:
        rc = hx_supply_oci_archive(job->store, source->path, source->member,
                                   &supply, err);
        break;
    default:
        rc = hx_supply_oci_folder(job->store, source->path, source->member,
                                  &supply, err);
        break;
    }
    return rc == 0 ? take(job, supply, err) : rc;
}

static int take_from_source(const struct job *job, struct hx_err *err)
{
    int rc;

    if (job->source.kind != HX_SOURCE_REFERENCE)
        return take_from_file(job, err);
    rc = try_engine(job, err);
    /* A full disk stays full, whoever is asked. */
    if (rc == 0 || rc == -HX_ERR_NO_SPACE)
        return rc;
    hx_err_clear(err);
    return take_from_registry(job, err);
}

/* That something cannot be removed is the next command's trouble. */
void hx_pull_clean(const struct hx_store *store, int rc)
{
    if (rc == -HX_ERR_NO_SPACE)
        hx_store_sweep(store, NULL);
    else
        hx_store_sweep_old(store, NULL);
}

int hx_pull_run(const struct hx_store *store, const struct hx_pull *pull,
                struct hx_err *err)
{
    struct job job = { .store = store, .pull = pull };
    int lock = -1, rc;

    rc = hx_source_parse(pull->reference, &job.source, err);
    if (rc == 0)
        rc = hx_platform_parse(pull->platform, &job.platform, err);
    if (rc == 0)
        rc = hx_store_join_pulls(store, &lock, err);
    if (rc == 0)
        rc = take_from_source(&job, err);
    hx_cleanup_close(&lock);
    hx_source_release(&job.source);
    hx_pull_clean(store, rc);
    return rc;
}
