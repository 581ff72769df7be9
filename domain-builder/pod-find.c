/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain-builder/guest-report.h"
#include "domain-builder/host.h"
#include "domain-builder/pod-health.h"
#include "domain-builder/pod-state.h"
#include "domain-builder/pod-view.h"
#include "domain-builder/xen_domains.h"
#include "image/base/strv.h"

/* Shorter ones would be words that happen to be hexadecimal. */
#define PREFIX_MIN 4

struct hx_pod_dirs hx_pod_dirs_of(const struct hx_host *host)
{
    return (struct hx_pod_dirs){ hx_host_state_dir(host),
                                 hx_host_run_dir(host) };
}

static int not_found(const char *name, struct hx_err *err)
{
    return hx_err_set(err, HX_ERR_NOT_FOUND,
                      "looking for the pod %s: there is no such pod; see "
                      "'xl hyper-list -a'",
                      name);
}

/* Of a running pod, by its domain id. */
static bool by_domid(const struct hx_pod_dirs *dirs,
                     const struct hx_domains *domains, const char *text,
                     char uuid_r[HX_POD_UUID_TEXT])
{
    uint64_t domid;

    if (hx_guest_number(text, strlen(text), UINT16_MAX, &domid) < 0)
        return false;
    for (size_t i = 0; i < domains->count; i++) {
        struct hx_pod_dir dir = { 0 };

        if (domains->list[i].domid != domid ||
            hx_pod_dir_open(dirs, domains->list[i].uuid, &dir, NULL) < 0)
            continue;
        hx_pod_dir_release(&dir);
        memcpy(uuid_r, domains->list[i].uuid, HX_POD_UUID_TEXT);
        return true;
    }
    return false;
}

/* By the beginning of its UUID. */
static int by_prefix(const struct hx_pod_dirs *dirs, const char *text,
                     char uuid_r[HX_POD_UUID_TEXT], struct hx_err *err)
{
    _cleanup_strv_ char **uuids = NULL;
    const char *found = NULL;
    size_t len = strlen(text);
    int r = hx_pod_dir_list(dirs, &uuids, err);

    if (r < 0)
        return r;
    for (size_t i = 0; len >= PREFIX_MIN && uuids && uuids[i]; i++) {
        if (strncmp(uuids[i], text, len) != 0)
            continue;
        if (found)
            return hx_err_set(err, HX_ERR_USAGE,
                              "looking for the pod %s: both %s and %s begin "
                              "like that; give more digits",
                              text, found, uuids[i]);
        found = uuids[i];
    }
    if (!found)
        return not_found(text, err);
    memcpy(uuid_r, found, HX_POD_UUID_TEXT);
    return 0;
}

static int load_one(const struct hx_pod_dirs *dirs, const char *uuid,
                    struct hx_pod *pod_r, struct hx_err *err)
{
    struct hx_pod_dir dir = { 0 };
    int r = hx_pod_dir_open(dirs, uuid, &dir, err);

    if (r == 0)
        r = hx_pod_view_load(&dir, pod_r, err);
    /* Who has it in hand sees how it ends, even an --rm one.  A broken folder
     * may lack the file for that. */
    if (r == 0)
        hx_pod_dir_hold(&dir, pod_r, NULL);
    hx_pod_dir_release(&dir);
    return r;
}

int hx_pod_find(struct hx_host *host, const char *name, struct hx_pod *pod_r,
                struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_domains domains = { 0 };
    char uuid[HX_POD_UUID_TEXT];
    struct hx_pod pod = { 0 };
    int r = 0;

    if (hx_pod_dir_by_name(&dirs, name, uuid, NULL) < 0) {
        r = hx_domains_get(&domains, err);
        if (r == 0 && !by_domid(&dirs, &domains, name, uuid))
            r = by_prefix(&dirs, name, uuid, err);
        hx_domains_release(&domains);
    }
    if (r == 0)
        r = load_one(&dirs, uuid, &pod, err);
    if (r == 0)
        r = hx_domains_get(&domains, err);
    if (r < 0) {
        hx_pod_release(&pod);
        return r;
    }
    hx_pod_view(&pod, hx_domains_find(&domains, uuid));
    hx_domains_release(&domains);
    *pod_r = pod;
    return 0;
}

int hx_pod_health(struct hx_host *host, const struct hx_pod *pod, size_t index,
                  struct hx_health_record *record_r, struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_pod_dir dir = { 0 };
    int r = hx_pod_dir_open(&dirs, pod->uuid, &dir, err);

    if (r == 0)
        hx_health_record_load(&dir, index, record_r);
    hx_pod_dir_release(&dir);
    return r;
}

int hx_pod_log_path(struct hx_host *host, const struct hx_pod *pod,
                    size_t index, char **path_r, struct hx_err *err)
{
    char *path;

    if (asprintf(&path, "%s/pods/%s/%zu-json.log", hx_host_state_dir(host),
                 pod->uuid, index) < 0)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM,
                          "naming a log of the pod %s", pod->spec.name);
    *path_r = path;
    return 0;
}
