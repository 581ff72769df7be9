/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <errno.h>
#include <stdlib.h>

#include "domain-builder/pod-state.h"
#include "domain-builder/pod-view.h"
#include "domain-builder/xen_domains.h"
#include "image/base/strv.h"

static int newest_first(const void *a, const void *b)
{
    const struct hx_pod *x = a, *y = b;

    return x->created_at_ms < y->created_at_ms
               ? 1
               : -(x->created_at_ms > y->created_at_ms);
}

/* What is removed while we read is not there. */
static int load_all(const struct hx_pod_dirs *dirs, char *const *uuids,
                    struct hx_pod *pods, size_t *count, struct hx_err *err)
{
    for (; *uuids; uuids++) {
        struct hx_pod_dir dir = { 0 };
        int r = hx_pod_dir_open(dirs, *uuids, &dir, err);

        if (r == 0)
            r = hx_pod_view_load(&dir, &pods[*count], err);
        hx_pod_dir_release(&dir);
        if (r == 0)
            (*count)++;
        else if (r != -HX_ERR_NOT_FOUND)
            return r;
    }
    return 0;
}

int hx_pod_list(struct hx_host *host, struct hx_pod **pods_r, size_t *count_r,
                struct hx_err *err)
{
    struct hx_pod_dirs dirs = hx_pod_dirs_of(host);
    struct hx_domains domains = { 0 };
    _cleanup_strv_ char **uuids = NULL;
    struct hx_pod *pods = NULL;
    size_t count = 0;
    int r = hx_pod_dir_list(&dirs, &uuids, err);

    if (r < 0)
        return r;
    pods = calloc(hx_strv_len(uuids) + 1, sizeof(*pods));
    if (!pods)
        return hx_err_sys(err, HX_ERR_SYSTEM, ENOMEM, "listing the pods");
    if (uuids)
        r = load_all(&dirs, uuids, pods, &count, err);
    /* After the folders: one that is running now had its domain before. */
    if (r == 0)
        r = hx_domains_get(&domains, err);
    if (r < 0) {
        hx_pod_list_free(pods, count);
        return r;
    }
    for (size_t i = 0; i < count; i++)
        hx_pod_view(&pods[i], hx_domains_find(&domains, pods[i].uuid));
    hx_domains_release(&domains);
    qsort(pods, count, sizeof(*pods), newest_first);
    *pods_r = pods;
    *count_r = count;
    return 0;
}

void hx_pod_list_free(struct hx_pod *pods, size_t count)
{
    for (size_t i = 0; pods && i < count; i++)
        hx_pod_release(&pods[i]);
    free(pods);
}
